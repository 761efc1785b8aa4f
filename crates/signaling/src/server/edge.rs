//! What every carrier needs: names, places, tokens, and the way to the hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::admission::{self, Grant};
use super::body::{Body, Name, Route};
use super::config::{Config, IceRequest};
use super::hub::{Answer, Input, Waiting};
use super::metrics::{Carrier, Metrics};
use super::state::{ConnId, Entered, Op, ReplyTo, Said, Ticket};
use super::texts;
use crate::protocol::{Code, Join, Joined, Reply};

/// Shared by all carriers of one server.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) config: Config,
    pub(super) metrics: Arc<Metrics>,
    mailbox: mpsc::Sender<Input>,
    places: Arc<Semaphore>,
    numbers: AtomicU64,
    /// Whether clients are let in.
    open: AtomicBool,
    /// Whether what several nodes share can be reached.
    reachable: Arc<AtomicBool>,
    /// Told when the server ends. Who watches it is waited for.
    pub(super) ending: watch::Sender<()>,
}

/// A connection's place among the bounded number; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
    carrier: Carrier,
}

/// A connection that the hub must hear the end of, however it comes.
#[derive(Debug)]
pub(super) struct Guard {
    edge: Arc<Edge>,
    conn: ConnId,
}

impl Edge {
    pub(super) fn new(
        config: Config,
        metrics: Arc<Metrics>,
        reachable: Arc<AtomicBool>,
    ) -> (Arc<Self>, mpsc::Receiver<Input>) {
        let (mailbox, inputs) = mpsc::channel(MAILBOX);
        let places = config.limits.clients.min(Semaphore::MAX_PERMITS);
        let edge = Self {
            places: Arc::new(Semaphore::new(places)),
            config,
            metrics,
            mailbox,
            numbers: AtomicU64::new(1),
            open: AtomicBool::new(true),
            reachable,
            ending: watch::Sender::new(()),
        };
        (Arc::new(edge), inputs)
    }

    /// A new connection's name.
    pub(super) fn conn(&self) -> ConnId {
        ConnId(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// A new question's name.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// Nobody is let in any more.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Whether clients are let in: the server is not shutting down, and has all that it needs.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) && self.reachable.load(Ordering::Relaxed)
    }

    /// What a client may be. A refusal is counted.
    pub(super) fn admit(&self, token: Option<&str>, room: &str) -> Result<Grant, Code> {
        let admitted = if !self.open.load(Ordering::Relaxed) {
            Err(Code::Restart)
        } else if !self.is_open() {
            Err(Code::Busy)
        } else if room.len() > self.config.limits.id_bytes {
            Err(Code::Malformed)
        } else {
            let (shared, jwt) = (self.config.token.as_deref(), self.config.jwt.as_ref());
            admission::admit(shared, jwt, token, room)
        };
        admitted.inspect_err(|code| self.metrics.refused(*code))
    }

    /// A place for one more connection. A refusal is counted.
    pub(super) fn place(&self, carrier: Carrier) -> Result<Place, Code> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => {
                self.metrics.connected(carrier, 1);
                Ok(Place {
                    _permit: permit,
                    metrics: Arc::clone(&self.metrics),
                    carrier,
                })
            }
            Err(_) => {
                let limit = self.config.limits.clients;
                tracing::warn!(limit, "a client was refused: the server is full");
                self.metrics.refused(Code::ServerFull);
                Err(Code::ServerFull)
            }
        }
    }

    /// Tells the hub, where it has a place for it; for handlers that must not wait.
    pub(super) fn try_tell(&self, input: Input) -> Result<(), Box<Input>> {
        self.mailbox
            .try_send(input)
            .map_err(|refused| match refused {
                TrySendError::Full(input) | TrySendError::Closed(input) => Box::new(input),
            })
    }

    /// Tells the hub, where it has a place for it. That it has none is counted.
    pub(super) fn post(&self, input: Input) -> Result<(), Code> {
        self.try_tell(input).map_err(|_| {
            self.metrics.refused(Code::Busy);
            Code::Busy
        })
    }

    /// The most bytes that a client may send at once: twice the limit of a message, so that what is a little over it is refused by name.
    pub(super) fn packet_bytes(&self) -> usize {
        2 * self.config.limits.message_bytes + ENVELOPE_BYTES
    }

    /// Tells the hub, and waits for a place. False: it has ended.
    pub(super) async fn tell(&self, input: Input) -> bool {
        self.mailbox.send(input).await.is_ok()
    }

    /// Asks the hub.
    pub(super) async fn ask(&self, op: impl FnOnce(ReplyTo) -> Op) -> Answer {
        let ticket = self.ticket();
        let (to, answer) = oneshot::channel();
        let waiting: Waiting = Box::new(move |answer| drop(to.send(answer)));
        let op = op(ReplyTo::Ticket(ticket));
        self.tell(Input::Step(op, Some((ticket, waiting)))).await;
        let ended = |_| Answer::Reply(Reply::refused(Code::Restart, texts::of(Code::Restart)));
        answer.await.unwrap_or_else(ended)
    }

    /// A message that a client says. A refusal is counted.
    pub(super) fn said(&self, body: Body, id: Option<String>, all: bool) -> Result<Said, Code> {
        let short = body.len() <= self.config.limits.message_bytes;
        let route = short.then(|| body.route()).flatten();
        self.said_to(body, route, id, all)
    }

    /// The same, where [`Body::route`] was read already.
    pub(super) fn said_to(
        &self,
        body: Body,
        route: Option<Route>,
        id: Option<String>,
        all: bool,
    ) -> Result<Said, Code> {
        let limits = &self.config.limits;
        let refuse = |code| {
            self.metrics.refused(code);
            Err(code)
        };
        if body.len() > limits.message_bytes {
            return refuse(Code::TooLong);
        }
        if id.as_ref().is_some_and(|id| id.len() > limits.id_bytes) {
            return refuse(Code::Malformed);
        }
        let Some(Route { from, target }) = route else {
            return refuse(Code::Malformed);
        };
        let body = Arc::new(body);
        Ok(Said {
            id,
            all,
            from,
            target: if all { Name::Missing } else { target },
            body,
        })
    }

    /// A join that can be read, of a client that may be what it says. A refusal is counted.
    pub(super) fn check(&self, join: &Join) -> Result<(), (Code, String)> {
        let refuse = |code: Code, text: String| {
            self.metrics.refused(code);
            Err((code, text))
        };
        let grant = self
            .admit(join.token.as_deref(), &join.room)
            .map_err(|code| (code, texts::of(code).to_owned()))?;
        if let Err(text) = self.well_formed(join) {
            return refuse(Code::Malformed, text);
        }
        if !grant.allows(&join.peer) {
            return refuse(Code::Forbidden, texts::of(Code::Forbidden).to_owned());
        }
        Ok(())
    }

    /// Whether the names of a join are of a length that names have; what is wrong, for people.
    pub(super) fn well_formed(&self, join: &Join) -> Result<(), String> {
        let limit = self.config.limits.id_bytes;
        if join.room.len() > limit {
            return Err(texts::of(Code::Malformed).to_owned());
        }
        if join.peer.is_empty() || join.peer.len() > limit {
            return Err(peer_id_text(limit));
        }
        if join
            .peer_type
            .as_ref()
            .is_some_and(|kind| is_long(kind, limit))
        {
            return Err(peer_type_text(limit));
        }
        Ok(())
    }

    /// What a client is told that is in.
    pub(super) fn joined(&self, entered: Entered, host: Option<&str>) -> Joined {
        let limits = &self.config.limits;
        let (ice_servers, ice_ttl) = match &self.config.ice {
            Some(offer) => offer.make(IceRequest {
                peer: &entered.peer,
                host,
            }),
            None => (Vec::new(), 0),
        };
        let resumable = entered.token.is_some();
        Joined {
            peer: entered.peer,
            room: entered.room,
            socket_id: entered.socket_id,
            resumed: entered.resumed,
            resume: entered.token,
            resume_for: if resumable {
                self.config.resume.as_secs()
            } else {
                0
            },
            peers: entered.peers,
            ice_servers,
            ice_ttl,
            message_bytes: limits.message_bytes,
            queue: limits.queue,
            ping_interval: self.config.ping_interval.as_secs(),
        }
    }
}

impl Guard {
    /// The hub knows the connection from now on, and hears of its end when this is dropped.
    pub(super) fn new(edge: &Arc<Edge>, conn: ConnId) -> Self {
        Self {
            edge: Arc::clone(edge),
            conn,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(input) = self.edge.try_tell(Input::Closed(self.conn))
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let mailbox = self.edge.mailbox.clone();
            // Fails where the hub has ended.
            runtime.spawn(async move { drop(mailbox.send(*input).await) });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connected(self.carrier, -1);
    }
}

/// 128 unguessable bits as text. `None`: the operating system gives none.
pub(super) fn secret() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The name that a client reached us under, from its `Host` header.
pub(super) fn host(headers: &axum::http::HeaderMap) -> Option<&str> {
    let host = headers.get(axum::http::header::HOST)?.to_str().ok()?;
    match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(name, _)| name),
        None => host.split(':').next(),
    }
}

pub(super) fn peer_id_text(limit: usize) -> String {
    format!("A peer ID is a string of 1 to {limit} bytes.")
}

pub(super) fn peer_type_text(limit: usize) -> String {
    format!("A peer type has at most {limit} bytes.")
}

fn is_long(kind: &Value, limit: usize) -> bool {
    serde_json::to_string(kind).map_or(true, |text| text.len() > limit + 2)
}

/// What a frame or packet has beside its message.
const ENVELOPE_BYTES: usize = 4096;

/// What the hub has not taken yet. It takes hundreds of thousands a second.
const MAILBOX: usize = 4096;
