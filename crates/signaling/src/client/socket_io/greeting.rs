//! From a URL to a registered peer.
//!
//! Three steps, each a question and its answer: the Engine.IO session, the namespace (where the token is checked), and
//! `ready` (where the id is). What arrives between them is kept for the application.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::link::{Target, refusal};
use super::super::url::Url;
use super::super::{Closed, ConnectError};
use super::code_of;
use super::engine::Engine;
use super::packet::{self, Packet, Session};
use crate::protocol::{Claim, EVERYBODY, Join, Joined};
use crate::{Connection, Signal};

/// A registered peer's connection.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) engine: Engine,
    pub(super) session: Session,
    pub(super) joined: Joined,
    /// Whether the server answers what is sent with an acknowledgement.
    pub(super) acknowledges: bool,
    /// Whether the greeting comes after this.
    pub(super) greeting_follows: bool,
    /// Messages that came before the answer to `ready`.
    pub(super) early: Vec<Value>,
}

/// The answer to `ready`.
struct Ready {
    joined: Joined,
    acknowledges: bool,
    greeting_follows: bool,
}

pub(super) async fn register(
    target: &Target,
    claim: Option<Claim>,
) -> Result<Registered, ConnectError> {
    let steps = target.steps();
    let join = target.join(claim);
    let mut greeting = Greeting {
        engine: steps.within("a connection", Engine::open(target)).await?,
        url: &target.url,
        early: Vec::new(),
    };
    let session = steps
        .within("an Engine.IO session", greeting.session())
        .await?;
    greeting.engine.set_patience(session.patience());
    steps
        .within("an answer to the token", greeting.join(&join))
        .await?;
    let ready = steps
        .within("an answer to the registration", greeting.ready(&join))
        .await?;
    Ok(Registered {
        engine: greeting.engine,
        session,
        joined: ready.joined,
        acknowledges: ready.acknowledges,
        greeting_follows: ready.greeting_follows,
        early: greeting.early,
    })
}

struct Greeting<'a> {
    engine: Engine,
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

    async fn join(&mut self, join: &Join) -> Result<(), ConnectError> {
        self.send(packet::connect(&auth(join))).await?;
        loop {
            match self.next().await? {
                Packet::Connected => return Ok(()),
                Packet::Refused(text) => return Err(ConnectError::Refused(text)),
                Packet::Event(name, arguments) => self.keep(&name, first(arguments))?,
                Packet::Disconnected | Packet::Close => {
                    return Err(ConnectError::Refused("disconnected".into()));
                }
                _ => {}
            }
        }
    }

    async fn ready(&mut self, join: &Join) -> Result<Ready, ConnectError> {
        let id = Value::from(join.peer.as_str()).to_string();
        // A handler of the old kind takes the callback for the type, where there is no type.
        let kind = join.peer_type.as_ref().unwrap_or(&Value::Null).to_string();
        let packet = packet::event("ready", &[&id, &kind], Some(READY));
        self.send(packet).await?;
        let mut acknowledges = false;
        loop {
            match self.next().await? {
                Packet::Ack(READY, reply) => {
                    acknowledges = true;
                    if let Some(ready) = answered(&reply)? {
                        return Ok(ready);
                    }
                }
                Packet::Event(name, arguments) => {
                    let argument = first(arguments);
                    if name == "uniquenessError" {
                        return Err(id_refused(&argument));
                    }
                    match hello(&name, &argument, &join.peer) {
                        Some(peers) => return Ok(greeted(join, peers, acknowledges)),
                        None => self.keep(&name, argument)?,
                    }
                }
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
                .engine
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
        self.engine
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

/// The handshake's `auth`: what a join says but for the peer. Old servers read the token alone.
fn auth(join: &Join) -> Map<String, Value> {
    let all = serde_json::to_value(join).unwrap_or_default();
    let Value::Object(mut fields) = all else {
        return Map::new();
    };
    fields.retain(|name, _| matches!(name.as_str(), "token" | "room" | "resume"));
    fields
}

/// What the acknowledgement of `ready` says; `None` where a server of ours, an early one, leaves all but `ok` to the greeting.
fn answered(reply: &Value) -> Result<Option<Ready>, ConnectError> {
    if reply["ok"] == Value::Bool(false) {
        let text = reply["error"].as_str().unwrap_or_default().to_owned();
        return Err(refusal(code_of(reply), text));
    }
    let Ok(joined) = Joined::deserialize(reply) else {
        return Ok(None);
    };
    if joined.peer.is_empty() {
        return Ok(None);
    }
    Ok(Some(Ready {
        greeting_follows: !joined.resumed,
        acknowledges: true,
        joined,
    }))
}

/// A server that greets and says no more of itself.
fn greeted(join: &Join, peers: Vec<Connection>, acknowledges: bool) -> Ready {
    Ready {
        joined: Joined {
            peer: join.peer.clone(),
            peers,
            ..Joined::default()
        },
        acknowledges,
        greeting_follows: false,
    }
}

/// The answer to `ready`: the server greets this peer with the ones that are there.
fn hello(name: &str, message: &Value, own_id: &str) -> Option<Vec<Connection>> {
    if name != "message" || !is_hello(message, own_id) {
        return None;
    }
    match Signal::from_body(message.get("payload")?.clone()) {
        Signal::Open { connections, .. } => Some(connections),
        _ => None,
    }
}

/// Whether the server greets this peer.
pub(super) fn is_hello(message: &Value, own_id: &str) -> bool {
    message["from"] == EVERYBODY
        && message["target"] == own_id
        && message["payload"]["action"] == "open"
}

/// Ours sets both fields, the old server only `message`.
fn id_refused(argument: &Value) -> ConnectError {
    let text = ["error", "message"]
        .into_iter()
        .find_map(|name| argument.get(name).and_then(Value::as_str));
    ConnectError::IdRefused(text.map_or_else(|| argument.to_string(), str::to_owned))
}

fn first(arguments: Vec<Value>) -> Value {
    arguments.into_iter().next().unwrap_or_default()
}

/// The acknowledgement id of `ready`; messages count from 1.
pub(super) const READY: u64 = 0;

/// An honest server answers at once; other peers' messages in between are few.
const EARLY_MESSAGES: usize = 64;
