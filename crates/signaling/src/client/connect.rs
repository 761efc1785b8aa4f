//! From a URL to a registered peer.
//!
//! Three steps, each a question and its answer: the Engine.IO session, the namespace (where the token is checked), and
//! `ready` (where the id is). What arrives between them is kept for the application.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::envelope::EVERYBODY;
use super::packet::{self, Packet, Session};
use super::url::Url;
use super::wire::Wire;
use super::{Closed, ConnectError, Options};
use crate::{Connection, Signal};

/// A registered peer's connection.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) wire: Wire,
    pub(super) session: Session,
    pub(super) peers: Vec<Connection>,
    /// Messages that came before the answer to `ready`.
    pub(super) early: Vec<Value>,
}

pub(super) async fn register(options: &Options) -> Result<Registered, ConnectError> {
    let url = Url::parse(&options.url)?;
    let steps = Steps {
        deadline: Instant::now() + options.timeout,
        timeout: options.timeout,
        url: &url,
    };
    let wire = steps.within("a connection", Wire::open(&url)).await?;
    let mut greeting = Greeting {
        wire,
        url: &url,
        early: Vec::new(),
    };
    let session = steps
        .within("an Engine.IO session", greeting.session())
        .await?;
    greeting.wire.set_patience(session.patience());
    steps
        .within(
            "an answer to the token",
            greeting.join(options.token.as_deref()),
        )
        .await?;
    let peers = steps
        .within("an answer to the registration", greeting.ready(options))
        .await?;
    Ok(Registered {
        wire: greeting.wire,
        session,
        peers,
        early: greeting.early,
    })
}

struct Steps<'a> {
    deadline: Instant,
    timeout: Duration,
    url: &'a Url,
}

impl Steps<'_> {
    async fn within<T>(
        &self,
        waiting_for: &'static str,
        step: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        timeout_at(self.deadline, step).await.unwrap_or_else(|_| {
            Err(ConnectError::Timeout {
                url: self.url.text(),
                timeout: self.timeout,
                waiting_for,
            })
        })
    }
}

struct Greeting<'a> {
    wire: Wire,
    url: &'a Url,
    early: Vec<Value>,
}

impl Greeting<'_> {
    async fn session(&mut self) -> Result<Session, ConnectError> {
        match self.next().await? {
            Packet::Open(session) => Ok(session),
            other => Err(self.url.protocol(format!("it began with {other:?}"))),
        }
    }

    async fn join(&mut self, token: Option<&str>) -> Result<(), ConnectError> {
        self.send(packet::connect(token)).await?;
        loop {
            match self.next().await? {
                Packet::Connected => return Ok(()),
                Packet::Refused(text) => return Err(ConnectError::Refused(text)),
                Packet::Event(name, argument) => self.keep(&name, argument)?,
                Packet::Disconnected | Packet::Close => {
                    return Err(ConnectError::Refused("disconnected".into()));
                }
                _ => {}
            }
        }
    }

    async fn ready(&mut self, options: &Options) -> Result<Vec<Connection>, ConnectError> {
        let kind = options.peer_type.as_deref().map(Value::from);
        let id = Value::from(options.peer_id.as_str());
        let arguments: Vec<&Value> = std::iter::once(&id).chain(&kind).collect();
        self.send(packet::event("ready", &arguments, None)).await?;
        loop {
            match self.next().await? {
                Packet::Event(name, argument) if name == "uniquenessError" => {
                    return Err(id_refused(&argument));
                }
                Packet::Event(name, argument) => match hello(&name, &argument, &options.peer_id) {
                    Some(peers) => return Ok(peers),
                    None => self.keep(&name, argument)?,
                },
                Packet::Disconnected | Packet::Close => {
                    return Err(ConnectError::Refused("disconnected".into()));
                }
                _ => {}
            }
        }
    }

    /// The next packet that is one; pings are answered here.
    async fn next(&mut self) -> Result<Packet, ConnectError> {
        loop {
            match self
                .wire
                .next()
                .await
                .map_err(|closed| self.closed(closed))?
            {
                Ok(Packet::Ping(probe)) => self.send(packet::pong(&probe)).await?,
                Ok(packet) => return Ok(packet),
                Err(malformed) => tracing::debug!(%malformed, "a packet was ignored"),
            }
        }
    }

    async fn send(&mut self, packet: String) -> Result<(), ConnectError> {
        self.wire
            .send(packet)
            .await
            .map_err(|closed| self.closed(closed))
    }

    /// The server tells also those who have not registered yet of every newcomer. The answer to `ready` lists those same
    /// peers, and says the opposite of who is polite to whom: it is the one that counts.
    fn keep(&mut self, name: &str, argument: Value) -> Result<(), ConnectError> {
        if name != "message" || argument["payload"]["action"] == "open" {
            return Ok(());
        }
        if self.early.len() >= EARLY_MESSAGES {
            return Err(self.url.protocol("it sends messages and does not answer"));
        }
        self.early.push(argument);
        Ok(())
    }

    fn closed(&self, closed: Closed) -> ConnectError {
        self.url.protocol(closed.to_string())
    }
}

/// The answer to `ready`: the server greets this peer with the ones that are there.
fn hello(name: &str, message: &Value, own_id: &str) -> Option<Vec<Connection>> {
    let field = |field: &str| message.get(field).and_then(Value::as_str);
    if name != "message" || field("from") != Some(EVERYBODY) || field("target") != Some(own_id) {
        return None;
    }
    match Signal::from_body(message.get("payload")?.clone()) {
        Signal::Open { connections, .. } => Some(connections),
        _ => None,
    }
}

/// Ours sets both fields, the old server only `message`.
fn id_refused(argument: &Value) -> ConnectError {
    let text = ["error", "message"]
        .into_iter()
        .find_map(|name| argument.get(name).and_then(Value::as_str));
    ConnectError::IdRefused(text.map_or_else(|| argument.to_string(), str::to_owned))
}

/// An honest server answers at once; other peers' messages in between are few.
const EARLY_MESSAGES: usize = 64;
