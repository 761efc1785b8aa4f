//! What comes from the broker.

use std::collections::HashSet;

use super::super::body::{Body, Name, Route};
use super::super::hub::Input;
use super::super::state::{Op, ReplyTo, Speaker};
use super::super::texts;
use super::locals::Id;
use super::outgoing::{Flight, What};
use super::task::{Bridge, End, Link};
use crate::client::mqtt::broker::{Message, Taken};
use crate::protocol::mqtt::{self, Presence, Topic, Topics};
use crate::protocol::{Code, EVERYBODY, Reply};

impl Bridge {
    /// Sorts a message in. What cannot be used is counted by its code.
    pub(super) async fn message(&mut self, link: &mut Link, message: Message) {
        match mqtt::read(self.target.url.prefix(), &message.topic) {
            Some(Topic::Peer { room, peer }) => {
                self.presence(link, (room, peer), &message.payload).await;
            }
            Some(Topic::To { room, peer }) => {
                self.says(link, room, Some(peer), &message.payload).await;
            }
            Some(Topic::All { room }) => self.says(link, room, None, &message.payload).await,
            Some(Topic::Bridge(bridge)) if bridge == self.target.name => {}
            Some(Topic::Bridge(bridge)) if message.payload.is_empty() => {
                self.bridge_gone(&bridge).await;
            }
            Some(Topic::Bridge(bridge)) => {
                if self.bridges.len() < MOST_BRIDGES {
                    self.bridges.insert(bridge);
                }
            }
            None => self.count(Code::Malformed),
        }
    }

    /// A bridge is gone, and with it the peers that it spoke for; for ours we speak, whoever else did.
    async fn bridge_gone(&mut self, bridge: &str) {
        if !self.bridges.remove(bridge) {
            return;
        }
        for id in self.remotes.ids() {
            let remote = self.remotes.get(&id);
            if remote.is_some_and(|remote| remote.presence.via.as_deref() == Some(bridge)) {
                self.drop_remote(&id).await;
            }
        }
        self.locals.publish_all();
    }

    async fn presence(&mut self, link: &mut Link, id: Id, payload: &[u8]) {
        if payload.is_empty() {
            link.gathered
                .retain(|(room, presence)| (room, &presence.peer_id) != (&id.0, &id.1));
            // The last will of one who wanted the id of a peer of ours takes away the wrong presence.
            self.locals.again(&id);
            if self.locals.has_cleared(&id) {
                // A late goodbye for a peer of ours: who has the id by now is still there, and says so again.
                return;
            }
            return self.drop_remote(&id).await;
        }
        let Ok(presence) = serde_json::from_slice::<Presence>(payload) else {
            return self.count(Code::Malformed);
        };
        if presence.peer_id != id.1 {
            return self.count(Code::Malformed);
        }
        if presence.via.as_deref() == Some(&self.target.name) {
            return;
        }
        if !link.settled {
            if link.gathered.len() < MOST_PEERS {
                link.gathered.push((id.0, presence));
            } else {
                self.count(Code::ServerFull);
            }
            return;
        }
        if self.is_alive(&presence) {
            self.here(id, presence).await;
        }
    }

    fn is_alive(&self, presence: &Presence) -> bool {
        let via = presence.via.as_ref();
        via.is_none_or(|via| self.bridges.contains(via))
    }

    /// All that is retained has come: who is not in it has gone, and what bridges left behind that are no more is taken away.
    pub(super) async fn settle(&mut self, link: &mut Link) -> Result<(), End> {
        link.settled = true;
        let mut gathered = std::mem::take(&mut link.gathered);
        gathered
            .sort_by(|(_, a), (_, b)| (a.since_ms, &a.socket_id).cmp(&(b.since_ms, &b.socket_id)));
        let there: HashSet<Id> = gathered
            .iter()
            .filter(|(_, presence)| self.is_alive(presence))
            .map(|(room, presence)| (room.clone(), presence.peer_id.clone()))
            .collect();
        for id in self.remotes.ids() {
            if !there.contains(&id) {
                self.drop_remote(&id).await;
            }
        }
        for (room, presence) in gathered {
            let id = (room, presence.peer_id.clone());
            if self.is_alive(&presence) {
                if self.remotes.seat(&id).is_none() {
                    self.locals.put_before(&id.0, presence.since_ms);
                }
                self.here(id, presence).await;
            } else if !self.locals.has(&id) {
                let topic = Topics::new(self.target.url.prefix(), &id.0).peer(&id.1);
                self.locals.clear_one(id);
                self.publish(link, topic, Vec::new(), What::Presence)?;
            }
        }
        tracing::info!(peers = self.remotes.len(), "the broker is joined");
        Ok(())
    }

    /// A peer is on the broker.
    async fn here(&mut self, id: Id, presence: Presence) {
        if self.locals.is(&id, &presence.socket_id) {
            // Another node's bridge speaks for it too.
            return;
        }
        if self.locals.has(&id) {
            self.count(Code::Taken);
            // A client of the broker came second, and is told so. A peer of another server keeps the id there.
            if presence.via.is_none() {
                self.locals.put_one_before(&id, presence.since_ms);
            }
            return;
        }
        if let Some(known) = self.remotes.get_mut(&id) {
            if known.presence.socket_id == presence.socket_id {
                known.presence = presence;
                return;
            }
            self.drop_remote(&id).await;
        }
        self.join(id, presence).await;
    }

    /// A peer of the broker says something, to a peer of ours or to everybody.
    async fn says(&mut self, link: &mut Link, room: String, to: Option<String>, payload: &[u8]) {
        let Some(edge) = self.edge.upgrade() else {
            return;
        };
        let Ok(said) = serde_json::from_slice::<mqtt::Said>(payload) else {
            let lost = serde_json::from_slice::<mqtt::Lost>(payload).is_ok();
            // Another bridge could not deliver what a peer of ours had said; it was told that it was delivered.
            return edge
                .metrics
                .refused(if lost { Code::Gone } else { Code::Malformed });
        };
        let body = Body::from(said.message);
        let from = match body.route() {
            Some(Route {
                from: Name::Text(from),
                ..
            }) => from,
            _ => return edge.metrics.refused(Code::Malformed),
        };
        let id = (room, from);
        if self.remotes.seat(&id).is_none() {
            return edge.metrics.refused(Code::Forged);
        }
        let target = to.clone().unwrap_or_else(|| EVERYBODY.to_owned());
        let name = said.id;
        let mut said = match edge.said(body, Some(name.clone()), to.is_none()) {
            Ok(said) => said,
            Err(code) => {
                let reply = Reply::refused(code, texts::of(code));
                // A connection that broke says so by itself.
                let _ = self.notice(link, &id, name, target, reply);
                return;
            }
        };
        if let Some(to) = &to {
            // The topic says whom it is for: a copy of what was said to everybody names everybody.
            said.target = Name::Text(to.clone());
        }
        let Some(seat) = self.remotes.seat(&id) else {
            return;
        };
        seat.asked.push_back((name.clone(), target));
        let by = Speaker::Conn(seat.conn);
        let to = ReplyTo::Frame(seat.conn, Some(name));
        edge.tell(Input::Step(Op::Say { by, to, said }, None)).await;
    }

    /// The broker has taken something, or not.
    pub(super) async fn taken(&mut self, flight: Flight, taken: Taken) {
        match (flight.what, taken) {
            (What::News(conn, seq), Taken::Yes) => {
                if let Some(edge) = self.edge.upgrade() {
                    let by = Speaker::Conn(conn);
                    edge.tell(Input::Step(Op::Received { by, seq }, None)).await;
                }
            }
            // Its session ends, and who sent the message is told.
            (What::News(conn, _), Taken::NobodyThere | Taken::No) => {
                if let Some(id) = self.remotes.by_conn(conn).cloned() {
                    self.drop_remote(&id).await;
                }
            }
            (what, Taken::No) => {
                self.count(Code::Forbidden);
                if what == What::Presence
                    && flight.payload.is_empty()
                    && let Some(Topic::Peer { room, peer }) =
                        mqtt::read(self.target.url.prefix(), &flight.topic)
                {
                    self.locals.has_cleared(&(room, peer));
                }
            }
            (_, Taken::Yes | Taken::NobodyThere) => {}
        }
    }

    pub(super) fn count(&self, code: Code) {
        if let Some(edge) = self.edge.upgrade() {
            edge.metrics.refused(code);
        }
    }
}

/// Anybody may publish there: beyond these, presences are not kept.
pub(super) const MOST_PEERS: usize = 16_384;

const MOST_BRIDGES: usize = 256;
