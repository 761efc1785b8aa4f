//! What the server does with each event.
//!
//! Owns the registry and the counters, both behind one lock that is never held across an await. socketioxide calls the
//! handlers in the task that reads the client's socket, and they do their work right there: one client's messages stay
//! in order, and a client that sends faster than the server relays is held back by TCP. A queue to a task of its own
//! would have to drop instead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::BroadcastError;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::operators::BroadcastOperators;
use socketioxide::socket::Sid;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::{Arguments, Body, Name, Route};
use super::registry::{EVERYBODY, Refusal, Registry};
use super::{Config, Counters};
use crate::Connection;

/// The server's state and rules.
#[derive(Debug)]
pub(super) struct Hub {
    config: Config,
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    registry: Registry<Sid>,
    counters: Counters,
    /// Nobody is told any more who leaves.
    closing: bool,
}

/// What a client sends with its handshake.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Auth {
    #[serde(default)]
    token: Value,
}

/// The answer to a client that asked for an acknowledgement.
#[derive(Debug, Serialize)]
struct Reply<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// A client's place among the bounded number of clients; it is free again when its socket is dropped.
#[derive(Clone)]
struct Place(#[expect(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

impl Hub {
    pub(super) fn new(config: Config) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(
            config.limits.clients.min(Semaphore::MAX_PERMITS),
        ));
        let state = Mutex::new(State {
            registry: Registry::new(),
            counters: Counters::default(),
            closing: false,
        });
        Arc::new(Self {
            config,
            places,
            state,
        })
    }

    pub(super) fn connections(&self) -> Vec<Connection> {
        self.lock().registry.connections().cloned().collect()
    }

    pub(super) fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// The server shuts down.
    pub(super) fn close(&self) {
        self.lock().closing = true;
    }

    /// Lets a client in, or says why not: the text of its `connect_error`.
    pub(super) fn admit(&self, socket: &SocketRef, auth: &Auth) -> Result<(), &'static str> {
        if !self.token_matches(&auth.token) {
            self.lock().counters.refused_token += 1;
            return Err("Authentication error");
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.lock().counters.refused_full += 1;
            tracing::warn!(
                limit = self.config.limits.clients,
                "a client was refused: the server is full"
            );
            return Err("The signalling server is full");
        };
        socket.extensions.insert(Place(Arc::new(place)));
        // Messages for one client go to the room that has its socket's name.
        socket.join(socket.id);
        Ok(())
    }

    /// `ready(peerId, peerType?)`
    pub(super) fn ready(&self, socket: &SocketRef, arguments: &Arguments, ack: AckSender) {
        let (id, kind) = match self.identity(arguments) {
            Ok(identity) => identity,
            Err(text) => {
                self.lock().counters.malformed += 1;
                return refuse_registration(socket, ack, "malformed", &text);
            }
        };
        if let Err(refusal) = self.register(socket, &id, kind) {
            tracing::info!(peer = %id, code = refusal.code(), "a registration was refused");
            return refuse_registration(socket, ack, refusal.code(), &refusal.text(&id));
        }
        tracing::debug!(peer = %id, socket = %socket.id, "registered");
        acknowledge(ack, Ok(()));
    }

    /// `message(body)`: to every other client.
    pub(super) fn message(&self, socket: &SocketRef, arguments: Arguments, ack: AckSender) {
        let relayed = self.checked(socket, arguments).map(|(body, _)| {
            let missed = emit(socket.broadcast(), "message", &body);
            let mut state = self.lock();
            state.counters.relayed_to_all += 1;
            state.counters.overflowed += missed;
        });
        acknowledge(ack, relayed);
    }

    /// `messageOne(body)`: to the client registered under the body's `target`.
    pub(super) fn message_one(&self, socket: &SocketRef, arguments: Arguments, ack: AckSender) {
        let relayed = self
            .checked(socket, arguments)
            .and_then(|(body, route)| self.relay_to(socket, &body, &route));
        acknowledge(ack, relayed);
    }

    /// The client is gone, for whatever reason.
    pub(super) fn left(&self, socket: &SocketRef) {
        let mut state = self.lock();
        let ids = state.registry.leave(socket.id);
        if state.closing {
            return;
        }
        for id in ids {
            tracing::debug!(peer = %id, socket = %socket.id, "left");
            let close =
                json!({ "action": "close", "message": "Peer has left the signaling server" });
            state.counters.overflowed += emit(
                socket.broadcast(),
                "message",
                &from_server(&id, EVERYBODY, close),
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token_matches(&self, sent: &Value) -> bool {
        match (&self.config.token, sent) {
            (Some(wanted), Value::String(sent)) => wanted.as_bytes().ct_eq(sent.as_bytes()).into(),
            (None, Value::String(sent)) => sent.is_empty(),
            (None, Value::Null) => true,
            _ => false,
        }
    }

    fn identity(&self, arguments: &Arguments) -> Result<(String, Option<Value>), String> {
        let limit = self.config.limits.id_bytes;
        let id = match arguments.first.as_ref().and_then(|id| id.small(limit)) {
            Some(Value::String(id)) if !id.is_empty() && id.len() <= limit => id,
            _ => return Err(format!("A peer ID is a string of 1 to {limit} bytes.")),
        };
        match arguments.second.as_ref().map(|kind| kind.small(limit)) {
            None => Ok((id, None)),
            Some(Some(kind)) => Ok((id, Some(kind))),
            Some(None) => Err(format!("A peer type has at most {limit} bytes.")),
        }
    }

    /// Registers, and tells the newcomer and the others of each other, all under the lock: of two that register at
    /// once, exactly one is told to be polite.
    fn register(&self, socket: &SocketRef, id: &str, kind: Option<Value>) -> Result<(), Refusal> {
        let mut state = self.lock();
        let before: Vec<Connection> = state.registry.connections().cloned().collect();
        let registered =
            state
                .registry
                .register(socket.id, socket.id.to_string(), id.to_owned(), kind);
        let newcomer = match registered {
            Ok(newcomer) => newcomer.clone(),
            Err(refusal) => {
                state.counters.refused_ids += 1;
                return Err(refusal);
            }
        };
        let hello = json!({ "action": "open", "connections": before, "bePolite": false });
        let news = json!({ "action": "open", "connections": [newcomer], "bePolite": true });
        let missed = emit(
            socket.within(socket.id),
            "message",
            &from_server(EVERYBODY, id, hello),
        ) + emit(
            socket.broadcast(),
            "message",
            &from_server(id, EVERYBODY, news),
        );
        state.counters.registered += 1;
        state.counters.overflowed += missed;
        Ok(())
    }

    /// The body, where it has one that can be read and names a sender that it may name.
    fn checked(&self, socket: &SocketRef, arguments: Arguments) -> Result<(Body, Route), Dropped> {
        let read = arguments
            .first
            .and_then(|body| body.route().map(|route| (body, route)));
        let Some((body, route)) = read else {
            self.lock().counters.malformed += 1;
            tracing::debug!(socket = %socket.id, "a message was dropped: it cannot be read");
            return Err(Dropped::Malformed);
        };
        if self.config.check_sender && !self.may_send_as(socket.id, &route.from) {
            self.lock().counters.forged += 1;
            tracing::warn!(socket = %socket.id, from = ?route.from.short(), "a message was dropped: its sender is forged");
            return Err(Dropped::Forged);
        }
        Ok((body, route))
    }

    fn may_send_as(&self, socket: Sid, from: &Name) -> bool {
        match from {
            Name::Missing => true,
            Name::NoText => false,
            Name::Text(from) => self.lock().registry.may_send_as(socket, from),
        }
    }

    fn relay_to(&self, socket: &SocketRef, body: &Body, route: &Route) -> Result<(), Dropped> {
        let Name::Text(target) = &route.target else {
            self.lock().counters.malformed += 1;
            return Err(Dropped::NoTarget);
        };
        let Some(receiver) = self.lock().registry.socket_of(target) else {
            self.lock().counters.undeliverable += 1;
            tracing::info!(peer = ?route.target.short(), "a message was dropped: there is no such peer");
            return Err(Dropped::NoSuchPeer(target.clone()));
        };
        if emit(socket.within(receiver), "message", body) > 0 {
            self.lock().counters.overflowed += 1;
            tracing::info!(peer = ?route.target.short(), "a message was dropped: the peer does not read");
            return Err(Dropped::Overflow(target.clone()));
        }
        self.lock().counters.relayed_to_one += 1;
        Ok(())
    }
}

/// Why a message was not relayed.
#[derive(Debug)]
enum Dropped {
    Malformed,
    Forged,
    NoTarget,
    NoSuchPeer(String),
    Overflow(String),
}

impl Dropped {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::NoTarget => "no-target",
            Self::NoSuchPeer(_) => "no-such-peer",
            Self::Overflow(_) => "overflow",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Malformed => "The message cannot be read.".into(),
            Self::Forged => "The message names a sender that is not its own.".into(),
            Self::NoTarget => "The message names no target.".into(),
            Self::NoSuchPeer(target) => {
                format!("{target} is not connected to the signalling server.")
            }
            Self::Overflow(target) => format!("{target} does not read its messages."),
        }
    }
}

impl Name {
    /// For logs: a bounded part of it.
    fn short(&self) -> Option<String> {
        match self {
            Self::Text(name) => Some(name.chars().take(64).collect()),
            Self::Missing | Self::NoText => None,
        }
    }
}

fn from_server(from: &str, target: &str, payload: Value) -> Value {
    json!({ "from": from, "target": target, "payload": payload })
}

/// Sends to the sockets that `to` selects, and says how many of them it could not be queued for. With the local adapter
/// the future is ready at once.
fn emit<T: Serialize>(to: BroadcastOperators, event: &str, body: &T) -> u64 {
    match to.emit(event, body).now_or_never() {
        Some(Ok(())) => 0,
        Some(Err(BroadcastError::Socket(failed))) => failed.len() as u64,
        Some(Err(_)) | None => 1,
    }
}

fn acknowledge(ack: AckSender, outcome: Result<(), Dropped>) {
    let text = outcome.as_ref().err().map(Dropped::text);
    let code = outcome.as_ref().err().map(Dropped::code);
    // A client that did not ask gets nothing; one whose queue is full will not miss it.
    let _ = ack.send(&Reply {
        ok: outcome.is_ok(),
        code,
        error: text.as_deref(),
    });
}

/// `uniquenessError` is the one refusal of `ready` that existing clients know. They read its text from `error`, which the
/// server that we stand in for never set; it set `message`.
fn refuse_registration(socket: &SocketRef, ack: AckSender, code: &str, text: &str) {
    let _ = ack.send(&Reply {
        ok: false,
        code: Some(code),
        error: Some(text),
    });
    emit(
        socket.within(socket.id),
        "uniquenessError",
        &json!({ "message": text, "error": text }),
    );
    // Fails only where the client's queue is full or it is gone already; it is not registered either way.
    let _ = socket.clone().disconnect();
}
