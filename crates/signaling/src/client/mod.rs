//! The signaling client: one registered peer, on any of four carriers.
//!
//! [`Channel::connect`] picks the carrier by the URL's scheme; what a channel does is the same on each.
//!
//! | scheme | carrier | the connection breaks | [`Sender::deliver`] tells |
//! |---|---|---|---|
//! | `http`, `https` | Socket.IO 5, by WebSocket or long-polling | our server: resumed; the old kind: closed | our server: all; the old kind: nothing |
//! | `ws`, `wss` | WebSocket | resumed | delivered, queued, no such peer, full |
//! | `http+sse`, `https+sse` | POST and server-sent events | resumed | delivered, queued, no such peer, full |
//! | `mqtt`, `mqtts` | MQTT 5 | resumed, by the broker's session | accepted, no such peer |
//! | `mqtt://...?version=3.1.1` | MQTT 3.1.1 | made again; the others see the peer go and come | accepted, no such peer |
//!
//! One task owns each channel. It keeps what the server has not acknowledged, numbers and confirms what it reads, and when the
//! connection breaks, it takes the session up again ([`Event::Away`], [`Event::Back`]) for as long as the server keeps it: what
//! was said meanwhile comes in order and once, and what was not acknowledged is sent again. A server of the old
//! kind keeps no sessions; then a broken connection closes the channel, as it does where [`Options::resume`] is off.
//! It answers each peer in the spelling of the body (`payload` or `message`) that the peer used last.
//!
//! Everything is bounded: 64 commands and 64 unacknowledged messages (then [`Channel::send`] waits), 1,024 events (then the
//! channel closes), 2 MB for one thing that is read.
//!
//! **Left out.** Binary bodies, HTTP proxies, client certificates.

mod driver;
mod envelope;
mod error;
mod event;
mod http;
pub(crate) mod link;
pub(crate) mod mqtt;
mod options;
mod session;
mod socket;
mod socket_io;
mod sse;
mod tls;
pub(crate) mod url;
mod web_socket;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::protocol::IceServer;
use crate::{Connection, Signal};
use driver::{Command, Driver};
use link::Target;
use url::Url;

pub use error::{Closed, ConnectError, SendError};
pub use event::{Event, Ignored, Outcome};
pub use options::{MqttVersion, Options, Transport};
pub use tls::{InvalidPem, TlsRoots};

/// A registered peer's connection to signaling. Dropping it leaves.
#[derive(Debug)]
pub struct Channel {
    sender: Sender,
    peers: Vec<Connection>,
    ice_servers: Vec<IceServer>,
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
        let target = Target {
            url: Url::parse(&options.url)?,
            name: random_name()?,
            options,
        };
        let mut opened = target.open(None, &mut Vec::new()).await?;
        let peers = std::mem::take(&mut opened.joined.peers);
        let ice_servers = std::mem::take(&mut opened.joined.ice_servers);
        let (commands, commands_out) = mpsc::channel(COMMAND_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (ignored_in, ignored) = watch::channel(Ignored::default());
        let sender = Sender {
            peer_id: target.options.peer_id.as_str().into(),
            commands,
        };
        let driver = Driver::new(target, events_in, ignored_in);
        let task = Some(tokio::spawn(driver.run(opened, commands_out)));
        Ok(Self {
            sender,
            peers,
            ice_servers,
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

    /// STUN and TURN servers with credentials of this client's own, as the server gave them at the first join; empty where it has
    /// none. Brokers and servers of the old kind give none.
    #[must_use]
    pub fn ice_servers(&self) -> &[IceServer] {
        &self.ice_servers
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

    /// As [`Sender::deliver`].
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn deliver(&self, to: &str, signal: Signal) -> Result<Outcome, SendError> {
        self.sender.deliver(to, signal).await
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
        self.command(Some(to.to_owned()), signal, None).await
    }

    /// Sends to one peer, and waits for what the server says of it; no event tells of it then, unless it was queued and
    /// not fetched. While the channel is away this waits until it is back.
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed, also when that is before the server has answered.
    pub async fn deliver(&self, to: &str, signal: Signal) -> Result<Outcome, SendError> {
        let (waiter, outcome) = oneshot::channel();
        self.command(Some(to.to_owned()), signal, Some(waiter))
            .await?;
        outcome.await.map_err(|_| SendError)
    }

    /// Sends to every other client; otherwise as [`Sender::send`].
    ///
    /// # Errors
    /// [`SendError`] once the channel is closed.
    pub async fn broadcast(&self, signal: Signal) -> Result<(), SendError> {
        self.command(None, signal, None).await
    }

    async fn command(
        &self,
        to: Option<String>,
        signal: Signal,
        waiter: Option<oneshot::Sender<Outcome>>,
    ) -> Result<(), SendError> {
        self.commands
            .send(Command { to, signal, waiter })
            .await
            .map_err(|_| SendError)
    }
}

/// What tells this channel from all others.
fn random_name() -> Result<String, ConnectError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| ConnectError::Busy("the operating system has no random numbers".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Waiting commands; a full queue holds the sender back.
const COMMAND_QUEUE: usize = 64;

/// Events that the application has not read yet.
const EVENT_QUEUE: usize = 1024;
