//! The signaling client.

use std::time::Duration;

use crate::{Connection, Incoming, Signal};

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server: `http://host:port`.
    pub url: String,
    /// The id to register.
    pub peer_id: String,
    /// What kind of peer this is; shown to the others.
    pub peer_type: Option<String>,
    /// The server's token, where it wants one.
    pub token: Option<String>,
    /// How long connecting and registering may take together.
    pub timeout: Duration,
}

impl Options {
    /// Options with no token, no type, and 10 s to connect.
    #[must_use]
    pub fn new(url: impl Into<String>, peer_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            peer_id: peer_id.into(),
            peer_type: None,
            token: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Why [`Channel::connect`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one that can be connected to.
    #[error("{url}: {problem}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing answers there.
    #[error("cannot reach {url}: {source}")]
    Unreachable {
        /// The URL as given.
        url: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Something answers, but it is no Socket.IO server.
    #[error("{url} is no signaling server: {reason}")]
    Protocol {
        /// The URL as given.
        url: String,
        /// What it did.
        reason: String,
    },
    /// The server refused the client (a wrong token): its own text.
    #[error("the signaling server refused: {0}")]
    Refused(String),
    /// The server refused the peer id, because another client has it: its own text.
    #[error("{0}")]
    IdTaken(String),
    /// The server did not answer in time.
    #[error("{url} did not answer within {timeout:?} (waiting for {waiting_for})")]
    Timeout {
        /// The URL as given.
        url: String,
        /// How long it had.
        timeout: Duration,
        /// What was missing.
        waiting_for: &'static str,
    },
}

/// The channel is closed; [`Channel::next`] tells why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signaling channel is closed")]
pub struct SendError;

/// What a [`Channel`] reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A peer, or the server, says something. Peers coming and going are [`Signal::Open`] and [`Signal::Bye`].
    Message(Incoming),
    /// A message that was sent did not reach its peer. Only a server that acknowledges tells.
    Undelivered {
        /// The peer it was for.
        to: String,
        /// The server's own text.
        reason: String,
    },
    /// The channel is closed; the last event.
    Closed(Closed),
}

/// Why a channel closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// [`Channel::close`] was called, or the channel was dropped.
    #[error("closed by this side")]
    ByUs,
    /// The server disconnected this client.
    #[error("disconnected by the signaling server{}{}", if .0.is_empty() { "" } else { ": " }, .0)]
    ByServer(String),
    /// The connection broke.
    #[error("the connection to the signaling server broke: {0}")]
    Broken(String),
    /// The server was silent for longer than its ping interval and time-out.
    #[error("the signaling server went silent")]
    Silent,
    /// This side did not read its events, and its queue is full.
    #[error("the events of the signaling channel were not read")]
    Overflow,
}

/// A registered peer's connection to signaling.
#[derive(Debug)]
pub struct Channel {
    sender: Sender,
    peers: Vec<Connection>,
}

/// The sending half of a [`Channel`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {}

impl Channel {
    /// Connects, registers the peer id, and returns once the server has confirmed it.
    pub async fn connect(_options: Options) -> Result<Self, ConnectError> {
        Ok(Self {
            sender: Sender {},
            peers: Vec::new(),
        })
    }

    /// The id under which this channel is registered.
    #[must_use]
    pub fn peer_id(&self) -> &str {
        ""
    }

    /// The peers that were registered before this one.
    #[must_use]
    pub fn peers(&self) -> &[Connection] {
        &self.peers
    }

    /// A handle that sends, for another task.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn send(&self, to: &str, signal: Signal) -> Result<(), SendError> {
        self.sender.send(to, signal).await
    }

    /// As [`Sender::broadcast`].
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn broadcast(&self, signal: Signal) -> Result<(), SendError> {
        self.sender.broadcast(signal).await
    }

    /// The next event; `None` after [`Event::Closed`]. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        None
    }

    /// Leaves: the server frees the id and tells the other peers.
    pub async fn close(self) {}
}

impl Sender {
    /// Sends to one peer.
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn send(&self, _to: &str, _signal: Signal) -> Result<(), SendError> {
        Ok(())
    }

    /// Sends to every other client.
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn broadcast(&self, _signal: Signal) -> Result<(), SendError> {
        Ok(())
    }
}
