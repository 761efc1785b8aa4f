//! The signaling client: one registered peer.
//!
//! Owns a small Engine.IO 4 / Socket.IO 5 client on WebSocket, in one task for each [`Channel`]. It answers the server's
//! pings, asks for an acknowledgement of what it sends (and does well without one: old servers give none), and answers
//! each peer in the spelling of the body (`payload` or `message`) that the peer used last.
//!
//! **Left out.** HTTP long-polling, TLS, binary bodies, and reconnecting: a closed channel says why, and is connected
//! anew by its owner.

mod connect;
mod driver;
mod envelope;
mod packet;
mod url;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::{Connection, Incoming, Signal};
use driver::{Command, Driver};

/// Where to connect, and as whom.
#[derive(Clone)]
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

impl fmt::Debug for Options {
    /// Without the token: it must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .field("peer_id", &self.peer_id)
            .field("peer_type", &self.peer_type)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .finish_non_exhaustive()
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
    /// The server refused the peer id, mostly because another client has it: its own text.
    #[error("{0}")]
    IdRefused(String),
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

/// What the server sent that was ignored, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Packets and messages that cannot be read.
    pub malformed: u64,
    /// Binary packets.
    pub binary: u64,
    /// Messages to everybody that name another peer as their target.
    pub other_target: u64,
    /// Packets that have no place where they came: unknown events, other namespaces, late acknowledgements.
    pub unexpected: u64,
}

/// A registered peer's connection to signaling. Dropping it leaves.
#[derive(Debug)]
pub struct Channel {
    sender: Sender,
    peers: Vec<Connection>,
    events: mpsc::Receiver<Event>,
    ignored: watch::Receiver<Ignored>,
    task: Option<JoinHandle<Closed>>,
}

/// The sending half of a [`Channel`], for another task. Cheap to clone; it does not keep the channel open.
#[derive(Debug, Clone)]
pub struct Sender {
    peer_id: Arc<str>,
    commands: mpsc::Sender<Command>,
}

impl Channel {
    /// Connects, registers the peer id, and returns once the server has confirmed it. Must be called within a tokio
    /// runtime, on which the channel's task then runs.
    ///
    /// # Errors
    /// [`ConnectError`], with the server's own text where it refuses.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let mut registered = connect::register(&options).await?;
        let peers = std::mem::take(&mut registered.peers);
        let (commands, commands_out) = mpsc::channel(COMMAND_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (ignored_in, ignored) = watch::channel(Ignored::default());
        let (driver, early) =
            Driver::new(registered, options.peer_id.clone(), events_in, ignored_in);
        let task = Some(tokio::spawn(driver.run(early, commands_out)));
        let sender = Sender {
            peer_id: options.peer_id.into(),
            commands,
        };
        Ok(Self {
            sender,
            peers,
            events,
            ignored,
            task,
        })
    }

    /// The id under which this channel is registered.
    #[must_use]
    pub fn peer_id(&self) -> &str {
        self.sender.peer_id()
    }

    /// The peers that were registered before this one, oldest first. Who comes later is told as [`Signal::Open`].
    #[must_use]
    pub fn peers(&self) -> &[Connection] {
        &self.peers
    }

    /// A handle that sends, for another task.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// What was ignored so far, by reason.
    #[must_use]
    pub fn ignored(&self) -> Ignored {
        *self.ignored.borrow()
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

    /// The next event; `None` after [`Event::Closed`]. Cancel safe. An application that leaves 1,024 events unread loses
    /// the channel ([`Closed::Overflow`]).
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.events.recv().await {
            return Some(event);
        }
        let closed = self.task.as_mut()?.await;
        self.task = None;
        Some(Event::Closed(
            closed.unwrap_or_else(|error| Closed::Broken(error.to_string())),
        ))
    }

    /// Leaves, after everything that was sent before: the server frees the id and tells the other peers. Returns when the
    /// server has done so, or after 2 s.
    pub async fn close(mut self) {
        let task = self.task.take();
        drop(self);
        if let Some(task) = task {
            // How it ended does not matter to one who leaves.
            let _ = task.await;
        }
    }
}

impl Sender {
    /// The id under which the channel is registered: the `from` of what is sent.
    #[must_use]
    pub fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// Sends to one peer, in the body spelling that it used last. Returns when the message is queued (it waits while the
    /// queue is full). Where the server says that it did not arrive, [`Event::Undelivered`] follows.
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn send(&self, to: &str, signal: Signal) -> Result<(), SendError> {
        self.command(Some(to.to_owned()), signal).await
    }

    /// Sends to every other client; otherwise as [`Sender::send`].
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn broadcast(&self, signal: Signal) -> Result<(), SendError> {
        self.command(None, signal).await
    }

    async fn command(&self, to: Option<String>, signal: Signal) -> Result<(), SendError> {
        self.commands
            .send(Command { to, signal })
            .await
            .map_err(|_| SendError)
    }
}

/// Waiting commands; a full queue holds the sender back.
const COMMAND_QUEUE: usize = 64;

/// Events that the application has not read yet.
const EVENT_QUEUE: usize = 1024;
