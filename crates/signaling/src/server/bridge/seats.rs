//! The sessions of the broker's peers: in, out, and what they get.

use std::collections::VecDeque;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::super::edge;
use super::super::hub::{Answer, Input, Line, queue};
use super::super::metrics::Carrier;
use super::super::state::{ConnId, Entrance, News, Op, ReplyTo, Speaker};
use super::from_broker::MOST_PEERS;
use super::locals::Id;
use super::outgoing::What;
use super::remotes::{Forwarder, FromHub, Remote, Seat};
use super::task::{Bridge, End, Link};
use crate::protocol::mqtt::{Lost, Presence, Said, Topics};
use crate::protocol::{Code, Join, Reply, Undelivered};

impl Bridge {
    /// A peer of the broker comes in here; one that cannot may be asked for again.
    pub(super) async fn join(&mut self, id: Id, presence: Presence) {
        if self.remotes.len() >= MOST_PEERS && self.remotes.get(&id).is_none() {
            return self.count(Code::ServerFull);
        }
        let Some(edge) = self.edge.upgrade() else {
            return;
        };
        let join = Join {
            peer: id.1.clone(),
            peer_type: presence.peer_type.clone(),
            room: id.0.clone(),
            ..Join::default()
        };
        let long = presence.socket_id.len() > edge.config.limits.id_bytes;
        if long || edge.well_formed(&join).is_err() {
            return edge.metrics.refused(Code::Malformed);
        }
        let seat = match edge.place(Carrier::Mqtt) {
            Ok(place) => self.seat(&edge, join, &presence, place).await,
            Err(_) => None,
        };
        let remote = Remote {
            presence,
            seat,
            again: true,
        };
        self.remotes.insert(id, remote);
    }

    async fn seat(
        &self,
        edge: &edge::Edge,
        join: Join,
        presence: &Presence,
        place: edge::Place,
    ) -> Option<Seat> {
        let token = edge::secret()?;
        let (conn, ticket) = (edge.conn(), edge.ticket());
        let limits = &edge.config.limits;
        let (outlet, lines) = queue(limits.queue, limits.queue_bytes);
        let (answer_in, answer) = oneshot::channel();
        let waiting = Box::new(move |answer| drop(answer_in.send(answer)));
        let entrance = Entrance {
            conn: Some(conn),
            to: ReplyTo::Ticket(ticket),
            socket_id: presence.socket_id.clone(),
            room: join.room,
            peer: join.peer,
            kind: join.peer_type,
            token: Some(token.clone()),
            claim: None,
            hello: false,
        };
        edge.tell(Input::Open(conn, outlet)).await;
        let op = Op::Bridge(Box::new(entrance));
        edge.tell(Input::Step(op, Some((ticket, waiting)))).await;
        let task = Forwarder::start(conn, answer, lines, self.to_self.clone());
        Some(Seat {
            conn,
            token,
            seen: false,
            asked: VecDeque::new(),
            place,
            task,
        })
    }

    /// A peer of the broker has gone.
    pub(super) async fn drop_remote(&mut self, id: &Id) {
        if let Some(remote) = self.remotes.remove(id)
            && let Some(seat) = remote.seat
        {
            self.vacate(seat).await;
        }
    }

    /// Ends a session: its id is free, and who sent what was not taken is told.
    async fn vacate(&mut self, seat: Seat) {
        let Seat {
            conn,
            token,
            place,
            task,
            ..
        } = seat;
        self.outgoing.forget(conn);
        if let Some(edge) = self.edge.upgrade() {
            // By its token: where the state was replaced, the connection is not its own any more.
            let by = Speaker::Token(token);
            let to = ReplyTo::Nobody;
            edge.tell(Input::Step(Op::Leave { by, to }, None)).await;
            edge.tell(Input::Closed(conn)).await;
        }
        drop((place, task));
    }

    /// Asks once more for those who were not let in.
    pub(super) async fn retry(&mut self) {
        for id in self.remotes.waiting() {
            if let Some(remote) = self.remotes.get(&id) {
                let presence = remote.presence.clone();
                self.join(id, presence).await;
            }
        }
    }

    /// The state says something to a session.
    pub(super) async fn hear(
        &mut self,
        link: &mut Link,
        conn: ConnId,
        what: FromHub,
    ) -> Result<(), End> {
        let Some(id) = self.remotes.by_conn(conn).cloned() else {
            return Ok(());
        };
        match what {
            FromHub::Answer(Answer::Joined(entered)) => {
                // Nobody is told that it has come who was told before.
                if let Some(seat) = self.remotes.seat(&id) {
                    seat.seen |= entered.resumed;
                }
            }
            // The bridge waits for its answers by itself.
            FromHub::Line(Line::Registered(..)) => {}
            FromHub::Answer(Answer::Reply(reply)) => {
                tracing::debug!(peer = %id.1, code = ?reply.code, "a peer of the broker is not let in");
                self.refused(conn, &id, may_pass(&reply)).await;
            }
            FromHub::Part(code) => {
                tracing::debug!(peer = %id.1, ?code, "a peer of the broker is parted with");
                self.refused(conn, &id, true).await;
            }
            FromHub::Line(Line::Reply(name, reply)) => {
                self.replied(link, &id, name.as_deref(), reply)?;
            }
            FromHub::Line(Line::News(seq, news)) => {
                let topic = Topics::new(self.target.url.prefix(), &id.0).to(&id.1);
                let payload = self.payload(news);
                let what = What::News(conn, seq.unwrap_or_default());
                self.publish(link, topic, payload, what)?;
            }
        }
        Ok(())
    }

    async fn refused(&mut self, conn: ConnId, id: &Id, again: bool) {
        if let Some(seat) = self.remotes.unseat(conn) {
            self.vacate(seat).await;
        }
        if let Some(remote) = self.remotes.get_mut(id) {
            remote.again = again;
        }
    }

    /// What became of something that a peer of the broker has said: it is told where that did not arrive.
    fn replied(
        &mut self,
        link: &mut Link,
        id: &Id,
        name: Option<&str>,
        reply: Reply,
    ) -> Result<(), End> {
        let Some(seat) = self.remotes.seat(id) else {
            return Ok(());
        };
        // Answers come in the order of what was said.
        let mut asked = None;
        while let Some((said, to)) = seat.asked.pop_front() {
            if Some(said.as_str()) == name {
                asked = Some((said, to));
                break;
            }
        }
        let Some((said, to)) = asked.filter(|_| !reply.ok) else {
            return Ok(());
        };
        self.notice(link, id, said, to, reply)
    }

    /// Tells a peer of the broker that something which it said, for `to`, did not arrive.
    pub(super) fn notice(
        &mut self,
        link: &mut Link,
        id: &Id,
        said: String,
        to: String,
        reply: Reply,
    ) -> Result<(), End> {
        let lost = Undelivered {
            seq: 0,
            id: Some(said),
            to,
            code: reply.code.unwrap_or(Code::Unknown),
            error: reply.error.unwrap_or_default(),
        };
        let topic = Topics::new(self.target.url.prefix(), &id.0).to(&id.1);
        let payload = self.payload(News::Undelivered(lost));
        Ok(self.publish(link, topic, payload, What::Notice)?)
    }

    fn payload(&self, news: News) -> Vec<u8> {
        let id = format!("{}-{}", self.target.name, self.outgoing.next());
        let payload = match news {
            News::Message(body) => {
                let raw = RawValue::from_string(body.json().into_owned());
                let message = raw.unwrap_or_else(|_| RawValue::NULL.to_owned());
                serde_json::to_vec(&Said { id, message })
            }
            News::Undelivered(undelivered) => serde_json::to_vec(&Lost { id, undelivered }),
        };
        // Strings and what was JSON: there is nothing in it that cannot be written.
        payload.unwrap_or_default()
    }
}

/// Whether the same may be let in later.
fn may_pass(reply: &Reply) -> bool {
    matches!(
        reply.code,
        Some(Code::Taken | Code::RoomFull | Code::ServerFull | Code::Busy)
    )
}
