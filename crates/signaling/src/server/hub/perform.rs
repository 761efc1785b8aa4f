//! Doing what the state asks for.

use super::super::state::{Directed, Effect, NodeId, ReplyTo};
use super::super::texts;
use super::{Answer, Hub, Log};
use crate::protocol::{Code, Reply};
use crate::server::state::{Op, full};

impl<L: Log> Hub<L> {
    /// Does what is for this node. `asking`: the node whose message to one peer this is about, so that its own answer can
    /// say that the peer's connection had no place.
    pub(super) fn perform(&mut self, effects: Vec<Directed>, asking: Option<NodeId>) {
        let mut missed: Option<String> = None;
        for Directed { node, effect } in effects {
            if node != self.node {
                continue;
            }
            match effect {
                Effect::Deliver {
                    conn,
                    seq,
                    news,
                    bounce,
                } => {
                    let Some(outlet) = self.outlets.get(&conn) else {
                        continue;
                    };
                    if outlet.deliver(seq, news) {
                        continue;
                    }
                    self.metrics.missed(1);
                    match bounce {
                        Some(bounce) if asking == Some(bounce.node) && self.alone => {
                            self.state.forget(&bounce);
                            missed = Some(bounce.peer);
                        }
                        Some(bounce) if !self.alone => {
                            // Where the log cannot be reached, nobody can be told.
                            let _ = self.log.append(&Op::Bounced(bounce));
                        }
                        // A session that counts goes on when its client comes back: better than a gap.
                        _ if seq.is_some() => self.part(conn, Code::Full),
                        _ => {}
                    }
                }
                Effect::Answer(to, reply) => match missed.take() {
                    Some(peer) => {
                        self.metrics.refused(Code::Full);
                        self.answer(to, Reply::refused(Code::Full, full(&peer)));
                    }
                    None => self.answer(to, reply),
                },
                Effect::Joined(ReplyTo::Ticket(ticket), entered) => {
                    if let Some(waiting) = self.waiting.remove(&ticket) {
                        waiting(Answer::Joined(entered));
                    }
                }
                Effect::Joined(..) => {}
                Effect::Part(conn, code) => self.part(conn, code),
            }
        }
    }

    pub(super) fn answer(&mut self, to: ReplyTo, reply: Reply) {
        match to {
            ReplyTo::Nobody => {}
            ReplyTo::Ticket(ticket) => {
                if let Some(waiting) = self.waiting.remove(&ticket) {
                    waiting(Answer::Reply(reply));
                }
            }
            ReplyTo::Frame(conn, id) => {
                let read = self
                    .outlets
                    .get(&conn)
                    .is_none_or(|outlet| outlet.reply(id, reply));
                if !read {
                    self.part(conn, Code::Full);
                }
            }
        }
    }

    /// Ends a connection from this side. Its session goes as with every connection that is lost, once the carrier says so.
    pub(super) fn part(&mut self, conn: super::ConnId, code: Code) {
        if let Some(outlet) = self.outlets.remove(&conn) {
            tracing::debug!(?conn, reason = texts::of(code), "a connection is closed");
            self.metrics.refused(code);
            outlet.part(code);
        }
    }
}
