//! One connection of a registered peer, whatever carries it.
//!
//! Owns the face that every carrier shows to the [driver](super::driver): open with or without a session to resume, send, next,
//! confirm, leave. What a session is, and when to open another link for it, is the driver's.

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant, timeout, timeout_at};

#[cfg(feature = "bridge")]
use super::TlsRoots;
use super::mqtt::Mqtt;
use super::socket_io::SocketIo;
use super::sse::Http;
use super::url::{Scheme, Url};
use super::web_socket::WebSocket;
use super::{Closed, ConnectError, Options};
use crate::protocol::{Claim, Code, Goodbye, Join, Joined, Reply, Resume, Undelivered};

/// What every link is opened with.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(super) options: Options,
    /// This channel among all: 16 random bytes in hexadecimal.
    pub(crate) name: String,
}

/// A link that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) link: Link,
    pub(super) joined: Joined,
    /// The longest message, in bytes of JSON.
    pub(super) limit: usize,
    /// Whether it answers each message that was sent; a server of the old kind does not.
    pub(super) acknowledges: bool,
}

/// A message on its way out.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    /// Names the message in its session.
    pub(super) id: u64,
    /// `None`: to everybody.
    pub(super) to: Option<String>,
    /// `{ from, target, payload }`
    pub(super) message: Box<RawValue>,
}

/// What comes in.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message, with its number where the session counts.
    Message(Option<u64>, Value),
    /// A message that the broker may repeat, with its sender's name for it.
    Once(String, Value),
    /// Something that counts, and says nothing new.
    Counted(u64),
    /// What became of a message.
    Ack(u64, Reply),
    /// A message that was acknowledged did not arrive after all.
    Undelivered(Undelivered),
    /// The same from the bridge of a broker, which may repeat it, with the bridge's name for it.
    Lost(String, Undelivered),
    /// The server ends the connection.
    Goodbye(Goodbye),
    /// Something that is not for this client, by reason.
    Ignored(Reason),
    /// Nothing but a sign of life.
    Nothing,
}

/// A counter of [`Ignored`](super::Ignored).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Malformed,
    Binary,
    Unexpected,
    Repeated,
}

/// The carriers.
#[derive(Debug)]
pub(super) enum Link {
    SocketIo(Box<SocketIo>),
    WebSocket(Box<WebSocket>),
    Http(Box<Http>),
    Mqtt(Box<Mqtt>),
}

impl Target {
    /// A broker that a server joins, with a name of its own.
    #[cfg(feature = "bridge")]
    pub(crate) fn broker(url: &str, roots: TlsRoots) -> Result<Self, ConnectError> {
        let name = super::random_name()?;
        let options = Options {
            roots,
            ..Options::new(url, &name)
        };
        let url = Url::parse(url)?;
        match url.scheme() {
            Scheme::Mqtt => Ok(Self { url, options, name }),
            _ => Err(ConnectError::Url {
                url: url.text(),
                problem: "a broker's URL begins with mqtt:// or mqtts://",
            }),
        }
    }

    /// What this client says of itself.
    pub(super) fn join(&self, claim: Option<Claim>) -> Join {
        let options = &self.options;
        Join {
            peer: options.peer_id.clone(),
            peer_type: options.peer_type.as_deref().map(Value::from),
            room: options.room.clone(),
            token: options.token.clone(),
            resume: match claim {
                Some(claim) => Resume::Claim(claim),
                None => Resume::Ask(options.resume),
            },
        }
    }

    /// Opens a link: a new session, or the one that is claimed.
    /// What an attempt that failed had read already, and will not come again, goes into `salvaged`.
    pub(super) async fn open(
        &self,
        claim: Option<Claim>,
        salvaged: &mut Vec<Heard>,
    ) -> Result<Opened, ConnectError> {
        match self.url.scheme() {
            Scheme::SocketIo => SocketIo::open(self, claim).await,
            Scheme::WebSocket => WebSocket::open(self, claim).await,
            Scheme::Http => Http::open(self, claim).await,
            Scheme::Mqtt => Mqtt::open(self, claim, salvaged).await,
        }
    }

    /// The clock of one opening.
    pub(super) fn steps(&self) -> Steps<'_> {
        Steps {
            target: self,
            deadline: Instant::now() + self.options.timeout,
        }
    }
}

/// The steps of one opening, which share its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps<'a> {
    target: &'a Target,
    deadline: Instant,
}

impl Steps<'_> {
    /// Does a step, while there is time; `waiting_for` is for people.
    pub(super) async fn within<T>(
        self,
        waiting_for: &'static str,
        step: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        timeout_at(self.deadline, step).await.unwrap_or_else(|_| {
            Err(ConnectError::Timeout {
                url: self.target.url.text(),
                timeout: self.target.options.timeout,
                waiting_for,
            })
        })
    }
}

impl Link {
    /// The next thing that comes in; an error says that the link is of no use any more. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        match self {
            Self::SocketIo(link) => link.next().await,
            Self::WebSocket(link) => link.next().await,
            Self::Http(link) => link.next().await,
            Self::Mqtt(link) => link.next().await,
        }
    }

    /// Sends a message. Its [`Heard::Ack`] comes from [`Link::next`].
    pub(super) async fn send(&mut self, said: &Outgoing) -> Result<(), Closed> {
        match self {
            Self::SocketIo(link) => link.send(said).await,
            Self::WebSocket(link) => link.send(said).await,
            Self::Http(link) => link.send(said).await,
            Self::Mqtt(link) => link.send(said),
        }
    }

    /// Says that everything up to `seq` was read.
    pub(super) async fn received(&mut self, seq: u64) -> Result<(), Closed> {
        match self {
            Self::SocketIo(link) => link.received(seq).await,
            Self::WebSocket(link) => link.received(seq).await,
            Self::Http(link) => link.received(seq).await,
            // The broker is told of each message by MQTT itself.
            Self::Mqtt(_) => Ok(()),
        }
    }

    /// What was read from a link that is given up, and will not come again.
    pub(super) fn salvage(&mut self) -> Vec<Heard> {
        match self {
            Self::Mqtt(link) => link.salvage(),
            // A server of ours repeats what was not confirmed.
            _ => Vec::new(),
        }
    }

    /// Leaves, after all that was sent: returns when the server has handled it, or after 2 s.
    pub(super) async fn leave(self) {
        let goodbye = async {
            match self {
                Self::SocketIo(link) => link.leave().await,
                Self::WebSocket(link) => link.leave().await,
                Self::Http(link) => link.leave().await,
                Self::Mqtt(link) => link.leave().await,
            }
        };
        // We are leaving: whether the server still listens changes nothing.
        let _ = timeout(GOODBYE_TIMEOUT, goodbye).await;
    }
}

/// What a refusal with this code is to the application.
pub(super) fn refusal(code: Option<Code>, text: String) -> ConnectError {
    match code {
        Some(Code::Taken | Code::Reserved | Code::Malformed | Code::TooMany) => {
            ConnectError::IdRefused(text)
        }
        Some(
            Code::Busy
            | Code::ServerFull
            | Code::RoomFull
            | Code::Restart
            | Code::TooFast
            | Code::TooSlow,
        ) => ConnectError::Busy(text),
        _ => ConnectError::Refused(text),
    }
}

pub(super) const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest thing that is read from a server: far above what our own relays.
pub(super) const MAX_MESSAGE_BYTES: usize = 2_000_000;
