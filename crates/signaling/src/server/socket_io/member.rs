//! A client in the namespace: what its events do.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::super::admission::Grant;
use super::super::body::{Arguments, Body};
use super::super::edge::{self, Edge, Guard, Place};
use super::super::engine_io::packet::Packets;
use super::super::hub::{Answer, Answers, Input, Line, Lines, Waiting};
use super::super::state::{ConnId, Entrance, Op, ReplyTo, Speaker};
use super::super::texts;
use super::{Over, write};
use crate::protocol::{Code, Joined, Reply, Resume};

pub(super) struct Member {
    pub(super) conn: ConnId,
    pub(super) socket_id: Box<str>,
    /// Whether the client asked for more than the old protocol.
    pub(super) modern: bool,
    /// What its `ready` is held against. An old client may say it again, under another id.
    pub(super) newcomer: Box<Newcomer>,
    pub(super) lines: Lines,
    /// Dropping both tells the hub, and frees the place.
    pub(super) _guard: Guard,
    pub(super) _place: Place,
}

/// What the handshake said.
pub(super) struct Newcomer {
    pub(super) grant: Grant,
    pub(super) room: String,
    pub(super) resume: Resume,
}

/// The answer to `ready` for a client that asked for one.
#[derive(Serialize)]
struct Welcome {
    ok: bool,
    #[serde(flatten)]
    joined: Joined,
}

impl Member {
    /// An event. One that nobody here knows is left alone.
    pub(super) fn event(&mut self, edge: &Arc<Edge>, event: Arguments<'_>, ack: Option<u64>) {
        match event.name.as_ref() {
            "message" => self.say(edge, true, event, ack),
            "messageOne" => self.say(edge, false, event, ack),
            "ready" => self.ready(edge, &event, ack),
            "received" if self.modern => {
                let seq = event.first.and_then(|seq| seq.small(20)?.as_u64());
                if let Some(seq) = seq {
                    let by = Speaker::Conn(self.conn);
                    // The next one confirms this one too.
                    let _ = edge.post(Input::Step(Op::Received { by, seq }, None));
                }
            }
            "leave" if self.modern => {
                let (by, to) = (Speaker::Conn(self.conn), ReplyTo::Nobody);
                let _ = edge.post(Input::Step(Op::Leave { by, to }, None));
            }
            _ => {}
        }
    }

    /// `message(body, id?)`, to every other client; `messageOne(body, id?)`, to the one registered under the body's `target`.
    fn say(&self, edge: &Arc<Edge>, all: bool, event: Arguments<'_>, ack: Option<u64>) {
        let id = event
            .second
            .as_ref()
            .and_then(|id| id.small(edge.config.limits.id_bytes));
        let id = id.and_then(|id| id.as_str().map(str::to_owned));
        let said = match event.first {
            Some(body) => edge.said_to(body, event.route, id, all),
            None => {
                edge.metrics.refused(Code::Malformed);
                Err(Code::Malformed)
            }
        };
        let by = Speaker::Conn(self.conn);
        let told = match (said, ack) {
            (Ok(said), Some(ack)) => {
                let ticket = edge.ticket();
                let to = ReplyTo::Ticket(ticket);
                let waiting = replying(self.lines.answers(), ack);
                edge.try_tell(Input::Step(
                    Op::Say { by, to, said },
                    Some((ticket, waiting)),
                ))
            }
            (Ok(said), None) => {
                let to = ReplyTo::Nobody;
                edge.try_tell(Input::Step(Op::Say { by, to, said }, None))
            }
            (Err(code), Some(ack)) => {
                let refused = Answer::Reply(Reply::refused(code, texts::of(code)));
                return replying(self.lines.answers(), ack)(refused);
            }
            (Err(_), None) => return,
        };
        if let Err(refused) = told {
            busy(edge, *refused);
        }
    }

    /// `ready(peerId, peerType?)`
    fn ready(&mut self, edge: &Arc<Edge>, event: &Arguments<'_>, ack: Option<u64>) {
        let answers = self.lines.answers();
        let waiting: Waiting = Box::new(move |answer| {
            // A client whose queue is full asks and does not read: it will not miss it.
            answers.put(Line::Registered(ack, answer));
        });
        let refuse = |waiting: Waiting, code, text: String| {
            edge.metrics.refused(code);
            waiting(Answer::Reply(Reply::refused(code, text)));
        };
        let (peer, kind) = match self.identity(edge, event) {
            Ok(identity) => identity,
            Err((code, text)) => return refuse(waiting, code, text),
        };
        let ticket = edge.ticket();
        let Some(op) = self.entrance(ReplyTo::Ticket(ticket), peer, kind) else {
            return refuse(waiting, Code::Busy, texts::of(Code::Busy).to_owned());
        };
        if let Err(refused) = edge.try_tell(Input::Step(op, Some((ticket, waiting)))) {
            busy(edge, *refused);
        }
    }

    fn entrance(&self, to: ReplyTo, peer: String, kind: Option<Value>) -> Option<Op> {
        let (conn, newcomer) = (self.conn, &self.newcomer);
        if !self.modern {
            return Some(Op::Register {
                conn,
                to,
                peer,
                kind,
            });
        }
        Some(Op::Join(Box::new(Entrance {
            conn: Some(conn),
            to,
            socket_id: self.socket_id.to_string(),
            room: newcomer.room.clone(),
            peer,
            kind,
            token: Some(edge::secret()?),
            claim: newcomer.resume.claim().cloned(),
            hello: true,
        })))
    }

    fn identity(
        &self,
        edge: &Edge,
        event: &Arguments<'_>,
    ) -> Result<(String, Option<Value>), (Code, String)> {
        let limit = edge.config.limits.id_bytes;
        let small = |body: &Body| body.small(limit);
        let peer = match event.first.as_ref().and_then(small) {
            Some(Value::String(id)) if !id.is_empty() && id.len() <= limit => id,
            _ => return Err((Code::Malformed, edge::peer_id_text(limit))),
        };
        let kind = match event.second.as_ref().map(small) {
            None => None,
            Some(Some(kind)) => Some(kind),
            Some(None) => return Err((Code::Malformed, edge::peer_type_text(limit))),
        };
        if !self.newcomer.grant.allows(&peer) {
            return Err((Code::Forbidden, texts::of(Code::Forbidden).to_owned()));
        }
        Ok((peer, kind))
    }

    /// What became of a `ready`. `uniquenessError` is the one refusal of it that existing clients know. They read its text from
    /// `error`, which the server that we stand in for never set; it set `message`.
    pub(super) fn registered(
        &self,
        edge: &Edge,
        ack: Option<u64>,
        answer: Answer,
        host: Option<&str>,
        out: &mut impl Packets,
    ) -> Option<Over> {
        let socket = &self.socket_id;
        match answer {
            Answer::Joined(entered) => {
                tracing::debug!(peer = %entered.peer, %socket, "registered");
                if let Some(ack) = ack {
                    let joined = edge.joined(*entered, host);
                    write::ack(&ack.to_string(), &Welcome { ok: true, joined }, out);
                }
                None
            }
            Answer::Reply(reply) => {
                let code = reply.code.unwrap_or(Code::Unknown);
                tracing::info!(%socket, %code, "a registration was refused");
                if let Some(ack) = ack {
                    write::ack(&ack.to_string(), &reply, out);
                }
                let text = reply.error.unwrap_or_default();
                let error = serde_json::json!({ "message": text, "error": text });
                write::event("uniquenessError", &error, out);
                Some(Over)
            }
        }
    }
}

/// Puts the answer into the client's own queue.
fn replying(answers: Answers, ack: u64) -> Waiting {
    Box::new(move |answer| {
        if let Answer::Reply(reply) = answer {
            // A client whose queue is full asks and does not read: it will not miss it.
            answers.put(Line::Reply(Some(ack.to_string()), reply));
        }
    })
}

/// The hub has more to do than it can.
fn busy(edge: &Edge, refused: Input) {
    edge.metrics.refused(Code::Busy);
    if let Input::Step(_, Some((_, waiting))) = refused {
        let text = texts::of(Code::Busy);
        waiting(Answer::Reply(Reply::refused(Code::Busy, text)));
    }
}
