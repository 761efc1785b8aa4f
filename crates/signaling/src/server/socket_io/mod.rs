//! The Socket.IO carrier: the namespace `/`, as the old server has it, and more for those who ask.
//!
//! Owns one client's part in the namespace: its handshake, its events, and how what the hub has for it is written. [`super::engine_io`]
//! carries the packets.

mod binary;
mod member;
mod packet;
mod write;

use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Deserialize;
use serde_json::Value;

use super::body::Arguments;
use super::edge::{self, Edge, Guard};
use super::engine_io::packet::Packets;
use super::hub::{Input, Line, Pass, queue};
use super::metrics::Carrier;
use super::state::Op;
use super::texts;
use crate::protocol::{Code, Resume};
use binary::Partial;
pub(super) use binary::fill;
use member::{Member, Newcomer};
use packet::{Event, Packet};

/// What a client sends with its handshake.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(default)]
    token: Value,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    resume: Resume,
}

/// One client, in the namespace or before it.
pub(super) struct Client {
    edge: Arc<Edge>,
    /// The name that it reached us under.
    host: Option<Box<str>>,
    member: Option<Member>,
    partial: Option<Box<Partial>>,
}

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over;

impl Client {
    pub(super) fn new(edge: Arc<Edge>, host: Option<Box<str>>) -> Self {
        Self {
            edge,
            host,
            member: None,
            partial: None,
        }
    }

    pub(super) fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }

    /// Whether it is in the namespace.
    pub(super) fn is_member(&self) -> bool {
        self.member.is_some()
    }

    /// Takes a packet; what has to be said at once goes to `out`.
    ///
    /// # Errors
    /// [`Over`]: the client says what no client says.
    pub(super) fn hear(&mut self, text: &str, out: &mut impl Packets) -> Result<(), Over> {
        if self.partial.is_some() {
            return Err(self.malformed("an attachment"));
        }
        match Packet::parse(text) {
            Ok(Packet::Connect(auth)) => self.connect(auth, out),
            Ok(Packet::Disconnect) => self.leave(),
            Ok(Packet::Event(event)) => return self.event(event),
            Ok(Packet::Elsewhere {
                connect: true,
                namespace,
            }) => write::no_namespace(namespace, out),
            Ok(Packet::Ack | Packet::Elsewhere { .. }) => {}
            Err(malformed) => return Err(self.malformed(malformed.expected)),
        }
        Ok(())
    }

    /// Takes an attachment.
    ///
    /// # Errors
    /// As [`Client::hear`].
    pub(super) fn hear_bytes(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let Some(mut partial) = self.partial.take() else {
            return Err(self.malformed("an event before its attachments"));
        };
        match partial.take(bytes, self.edge.packet_bytes()) {
            Ok(false) => self.partial = Some(partial),
            Ok(true) => {
                let ack = partial.ack;
                let (json, attachments) = partial.into_parts();
                let arguments = Arguments::with_attachments(&json, attachments);
                return self.said(arguments, ack);
            }
            Err(binary::TooMuch) => {
                self.edge.metrics.refused(Code::TooLong);
                return Err(Over);
            }
        }
        Ok(())
    }

    /// What the hub has for it; nothing while it is not in the namespace.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Pass> {
        match &mut self.member {
            Some(member) => member.lines.poll_next(cx),
            None => Poll::Pending,
        }
    }

    /// Whether the hub has ended the connection, and why; messages stay where they are.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Code>> {
        match &mut self.member {
            Some(member) => member.lines.poll_part(cx),
            None => Poll::Pending,
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Pass> {
        self.member.as_mut()?.lines.try_next()
    }

    /// Writes what the hub has for it.
    ///
    /// # Errors
    /// [`Over`]: it was the last.
    pub(super) fn pass(&mut self, pass: Pass, out: &mut impl Packets) -> Result<(), Over> {
        let Some(member) = &self.member else {
            return Err(Over);
        };
        let host = self.host.as_deref();
        let over = match pass {
            Pass::Line(Line::News(seq, news)) => {
                write::news(seq, &news, member.modern, out);
                None
            }
            Pass::Line(Line::Reply(ack, reply)) => {
                if let Some(ack) = ack {
                    write::ack(&ack, &reply, out);
                }
                None
            }
            Pass::Line(Line::Registered(ack, answer)) => {
                member.registered(&self.edge, ack, answer, host, out)
            }
            Pass::Part(code) => {
                if let (true, Some(code)) = (member.modern, code) {
                    write::goodbye(code, out);
                }
                Some(Over)
            }
        };
        let Some(over) = over else {
            return Ok(());
        };
        write::disconnect(out);
        self.leave();
        Err(over)
    }

    /// It is not in the namespace any more: the guard tells the hub.
    pub(super) fn leave(&mut self) {
        self.member = None;
    }

    /// CONNECT. A second one changes nothing.
    fn connect(&mut self, auth: &str, out: &mut impl Packets) {
        if self.member.is_some() {
            return;
        }
        let auth = serde_json::from_str(auth).unwrap_or_default();
        match self.admit(auth) {
            Ok(member) => {
                write::connected(&member.socket_id, out);
                self.member = Some(member);
            }
            Err(code) => write::refused(texts::of(code), out),
        }
    }

    fn admit(&self, auth: Auth) -> Result<Member, Code> {
        let edge = &self.edge;
        let room = auth.room.unwrap_or_default();
        let token = match &auth.token {
            Value::Null => None,
            Value::String(token) => Some(token.as_str()),
            // No token of ours: it is refused as a wrong one.
            _ => Some("\0"),
        };
        let grant = edge.admit(token, &room)?;
        let place = edge.place(Carrier::SocketIo)?;
        let mut socket_id = edge::secret().ok_or(Code::Busy)?;
        socket_id.truncate(20);
        let conn = edge.conn();
        let limits = &edge.config.limits;
        let (outlet, lines) = queue(limits.queue, limits.queue_bytes);
        edge.post(Input::Open(conn, outlet))?;
        let guard = Guard::new(edge, conn);
        let modern = auth.resume.wanted();
        if !modern {
            let op = Op::Enter {
                conn,
                socket_id: socket_id.clone(),
                room: room.clone(),
            };
            edge.post(Input::Step(op, None))?;
        }
        Ok(Member {
            conn,
            socket_id: socket_id.into(),
            modern,
            newcomer: Box::new(Newcomer {
                grant,
                room,
                resume: auth.resume,
            }),
            lines,
            _guard: guard,
            _place: place,
        })
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Over> {
        if event.attachments == 0 {
            return self.said(Arguments::read(event.json), event.ack);
        }
        match Partial::new(event.ack, event.json, event.attachments) {
            Ok(partial) => {
                self.partial = Some(Box::new(partial));
                Ok(())
            }
            Err(binary::TooMuch) => {
                self.edge.metrics.refused(Code::TooLong);
                Err(Over)
            }
        }
    }

    fn said(&mut self, arguments: Option<Arguments<'_>>, ack: Option<u64>) -> Result<(), Over> {
        let Some(arguments) = arguments else {
            return Err(self.malformed("a list that begins with the event's name"));
        };
        match &mut self.member {
            Some(member) => {
                member.event(&self.edge, arguments, ack);
                Ok(())
            }
            None => Err(self.malformed("a CONNECT before events")),
        }
    }

    /// It says what no client says.
    pub(super) fn malformed(&self, expected: &str) -> Over {
        tracing::debug!(expected, "a Socket.IO client sent something else");
        self.edge.metrics.refused(Code::Malformed);
        Over
    }
}
