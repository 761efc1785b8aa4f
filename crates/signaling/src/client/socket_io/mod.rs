//! The Socket.IO carrier: our own server, and those of the old kind.
//!
//! Owns a small Engine.IO 4 / Socket.IO 5 client: it answers the server's pings, and asks for an acknowledgement of what it
//! sends (and does well without one: old servers give none). A server that knows sessions is asked for one; whether it does,
//! its answer to `ready` says.

mod engine;
mod greeting;
pub(crate) mod packet;
mod polling;

use serde_json::Value;

use self::engine::Engine;
use self::packet::Packet;
use super::link::{Heard, Link, Opened, Outgoing, Reason, Target};
use super::{Closed, ConnectError};
use crate::protocol::{Claim, Code, Goodbye, Reply};
use crate::reader::Malformed;

/// The link.
#[derive(Debug)]
pub(super) struct SocketIo {
    engine: Engine,
    peer_id: String,
    /// Whether the server keeps a session for us.
    resumable: bool,
    /// Whether the greeting, whose content the answer to `ready` had, is still to come.
    greeting: bool,
    /// Messages that came before the answer to `ready`.
    early: Vec<Value>,
}

impl SocketIo {
    pub(super) async fn open(
        target: &Target,
        claim: Option<Claim>,
    ) -> Result<Opened, ConnectError> {
        let registered = greeting::register(target, claim).await?;
        let joined = registered.joined;
        let link = Self {
            engine: registered.engine,
            peer_id: target.options.peer_id.clone(),
            resumable: joined.resume.is_some(),
            greeting: registered.greeting_follows,
            early: registered.early,
        };
        // The event's name, its acknowledgement id and the message's stand around it.
        let packet = registered.session.max_payload().saturating_sub(ENVELOPE);
        Ok(Opened {
            limit: match joined.message_bytes {
                0 => packet,
                message => message.min(packet),
            },
            acknowledges: registered.acknowledges,
            joined,
            link: Link::SocketIo(Box::new(link)),
        })
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        if !self.early.is_empty() {
            return Ok(Heard::Message(None, self.early.remove(0)));
        }
        let packet = self.engine.next().await?;
        self.handle(packet).await
    }

    async fn handle(&mut self, packet: Result<Packet, Malformed>) -> Result<Heard, Closed> {
        match packet {
            Ok(Packet::Ping(probe)) => {
                self.engine.send(packet::pong(&probe)).await?;
                Ok(Heard::Nothing)
            }
            Ok(Packet::Event(name, arguments)) => self.event(&name, arguments),
            // Some servers greet first and answer `ready` after.
            Ok(Packet::Ack(greeting::READY, _)) => Ok(Heard::Nothing),
            Ok(Packet::Ack(id, reply)) => Ok(match serde_json::from_value::<Reply>(reply) {
                Ok(reply) => Heard::Ack(id, reply),
                // Some server's own idea of an acknowledgement: it has the message.
                Err(_) => Heard::Ack(id, taken()),
            }),
            Ok(Packet::Disconnected | Packet::Close) => Err(Closed::ByServer(String::new())),
            Ok(Packet::Refused(text)) => Err(Closed::ByServer(text)),
            Ok(Packet::Idle) => Ok(Heard::Nothing),
            Ok(Packet::Binary) => Ok(Heard::Ignored(Reason::Binary)),
            Ok(Packet::Elsewhere | Packet::Connected | Packet::Open(_)) => {
                Ok(Heard::Ignored(Reason::Unexpected))
            }
            Err(malformed) => {
                tracing::debug!(%malformed, "a packet was ignored");
                Ok(Heard::Ignored(Reason::Malformed))
            }
        }
    }

    fn event(&mut self, name: &str, mut arguments: Vec<Value>) -> Result<Heard, Closed> {
        let first = arguments.first_mut().map(Value::take).unwrap_or_default();
        let seq = arguments.get(1).and_then(Value::as_u64);
        Ok(match name {
            "message" if self.greeting && greeting::is_hello(&first, &self.peer_id) => {
                self.greeting = false;
                seq.map_or(Heard::Nothing, Heard::Counted)
            }
            "message" => Heard::Message(seq, first),
            "uniquenessError" => {
                return Err(Closed::ByServer(
                    first["message"].as_str().unwrap_or_default().to_owned(),
                ));
            }
            "undelivered" => serde_json::from_value(first)
                .map_or(Heard::Ignored(Reason::Malformed), Heard::Undelivered),
            "goodbye" => serde_json::from_value::<Goodbye>(first)
                .map_or(Heard::Ignored(Reason::Malformed), Heard::Goodbye),
            _ => Heard::Ignored(Reason::Unexpected),
        })
    }

    pub(super) async fn send(&mut self, said: &Outgoing) -> Result<(), Closed> {
        let name = match said.to {
            Some(_) => "messageOne",
            None => "message",
        };
        let id = format!("\"{}\"", said.id);
        let arguments: &[&str] = match self.resumable {
            true => &[said.message.get(), &id],
            false => &[said.message.get()],
        };
        self.engine
            .send(packet::event(name, arguments, Some(said.id)))
            .await
    }

    pub(super) async fn received(&mut self, seq: u64) -> Result<(), Closed> {
        let packet = packet::event("received", &[&seq.to_string()], None);
        self.engine.send(packet).await
    }

    /// Leaves the namespace, closes the connection, and waits for the server's end of it: then the server has handled
    /// the leaving, and the id is free.
    pub(super) async fn leave(mut self) {
        let leave = packet::event("leave", &[], None);
        if self.resumable && self.engine.send(leave).await.is_err() {
            return;
        }
        if self
            .engine
            .send(packet::DISCONNECT.to_owned())
            .await
            .is_ok()
        {
            self.engine.close().await;
        }
    }
}

/// The reply of a server that says no more.
fn taken() -> Reply {
    Reply {
        ok: true,
        result: None,
        code: None,
        error: None,
    }
}

/// The reason in a refusal that is an event of its own.
fn code_of(value: &Value) -> Option<Code> {
    serde_json::from_value(value.get("code")?.clone()).ok()
}

/// `42`, two ids of 20 digits, `["messageOne",`, quotes and commas.
const ENVELOPE: usize = 64;
