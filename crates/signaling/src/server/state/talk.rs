//! Messages: who may say them, who gets them, and what becomes of them.

use std::sync::Arc;

use super::super::body::{Body, Name};
use super::peers::NO_SESSION;
use super::{
    Bounce, EVERYBODY, Effect, Handed, Key, News, NodeId, Outcome, ReplyTo, Rules, Said, Speaker,
    State, Step,
};
use crate::protocol::{Code, Delivery, Reply, Undelivered};

impl State {
    pub(super) fn say(
        &mut self,
        step: &mut Step,
        by: &Speaker,
        to: ReplyTo,
        said: Said,
    ) -> Outcome {
        let Some(key) = self.speaker(step.node, by) else {
            return step.refuse(to, Code::NoSession, NO_SESSION);
        };
        let Some(session) = self.sessions.get(&key) else {
            return Outcome::Nothing;
        };
        if let Some(reply) = session.answered(said.id.as_deref()) {
            let reply = reply.clone();
            step.answer(to, reply);
            return Outcome::Repeated;
        }
        if self.rules.check_sender && !self.may_send_as(key, &said.from) {
            return step.refuse(to, Code::Forged, FORGED);
        }
        if said.all {
            let room = session.room.clone();
            // A peer of the broker was heard there by all others that are on it.
            let bridged = !session.bridged;
            self.tell(step, &room, key, &said.body, bridged);
            self.accept(step, key, to, said.id, Delivery::Delivered);
            return Outcome::ToAll;
        }
        self.say_to_one(step, key, to, said)
    }

    fn say_to_one(&mut self, step: &mut Step, key: Key, to: ReplyTo, said: Said) -> Outcome {
        let Name::Text(target) = said.target else {
            return step.refuse(to, Code::NoTarget, "The message names no target.");
        };
        let Some(receiver) = self.owner(key, &target) else {
            let text = format!("{target} is not connected to the signalling server.");
            return step.refuse(to, Code::NoSuchPeer, text);
        };
        let sender = (key, said.id.clone(), target);
        let delivery = match self.hand(step, receiver, News::Message(said.body), Some(&sender)) {
            Handed::Over => Delivery::Delivered,
            Handed::Kept => Delivery::Queued,
            Handed::Full => {
                step.missed += 1;
                return step.refuse(to, Code::Full, full(&sender.2));
            }
        };
        self.accept(step, key, to, said.id, delivery);
        Outcome::ToOne(delivery)
    }

    /// Forgets what a session has read.
    pub(super) fn received(&mut self, node: NodeId, by: &Speaker, seq: u64) {
        if let Some(key) = self.speaker(node, by)
            && let Some(session) = self.sessions.get_mut(&key)
            && let Some(kept) = &mut session.kept
        {
            kept.confirm(seq.min(kept.seq));
        }
    }

    /// Tells a sender that its message was not fetched. One that speaks the old protocol has no word for it.
    pub(super) fn undelivered(
        &mut self,
        step: &mut Step,
        sender: Key,
        id: Option<String>,
        to: String,
        code: Code,
    ) {
        if !self
            .sessions
            .get(&sender)
            .is_some_and(|session| session.modern)
        {
            return;
        }
        let error = match code {
            Code::Full => full(&to),
            _ => format!("{to} did not come back for the message."),
        };
        let lost = Undelivered {
            seq: 0,
            id,
            to,
            code,
            error,
        };
        self.hand(step, sender, News::Undelivered(lost), None);
    }

    /// Hands a message to everybody in a room but one, to peers of a broker where `bridged`. Nobody is told of a broadcast that one of many did not fetch.
    pub(super) fn tell(
        &mut self,
        step: &mut Step,
        room: &str,
        but: Key,
        body: &Arc<Body>,
        bridged: bool,
    ) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        let members: Vec<Key> = room
            .members
            .iter()
            .copied()
            .filter(|key| *key != but && (bridged || !self.is_bridged(*key)))
            .collect();
        for key in members {
            if self.hand(step, key, News::Message(Arc::clone(body)), None) == Handed::Full {
                step.missed += 1;
            }
        }
    }

    /// Hands something to one session.
    pub(super) fn hand(
        &mut self,
        step: &mut Step,
        key: Key,
        mut news: News,
        sender: Option<&(Key, Option<String>, String)>,
    ) -> Handed {
        let Some(session) = self.sessions.get_mut(&key) else {
            return Handed::Full;
        };
        let mut seq = None;
        if let Some(kept) = &mut session.kept {
            // What tells of a loss finds a place where a message would not.
            let most = match news {
                News::Message(_) => 1,
                News::Undelivered(_) => 4,
            };
            let Rules {
                queue, queue_bytes, ..
            } = self.rules;
            if !kept.has_room(news.len(), most * queue, most * queue_bytes) {
                return Handed::Full;
            }
            let (number, numbered) = kept.push(news, sender.cloned());
            seq = Some(number);
            news = numbered;
        }
        let Some((node, conn)) = session.at else {
            return Handed::Kept;
        };
        let bounce = match (sender, seq) {
            (Some((sender, id, peer)), None) => Some(Bounce {
                sender: *sender,
                id: id.clone(),
                peer: peer.clone(),
                node: step.node,
            }),
            _ => None,
        };
        step.effects.push(super::Directed {
            node,
            effect: Effect::Deliver {
                conn,
                seq,
                news,
                bounce,
            },
        });
        Handed::Over
    }

    fn accept(
        &mut self,
        step: &mut Step,
        key: Key,
        to: ReplyTo,
        id: Option<String>,
        delivery: Delivery,
    ) {
        if to == ReplyTo::Nobody && id.is_none() {
            return;
        }
        let reply = Reply::accepted(delivery);
        if let (Some(id), Some(session)) = (id, self.sessions.get_mut(&key)) {
            session.remember(id, reply.clone());
        }
        step.answer(to, reply);
    }

    /// Whether a session may name `from` as the sender: one that has registered, only its own ids; one that has not (its
    /// first messages may be ahead of its `ready`), any id that nobody else has.
    fn may_send_as(&self, key: Key, from: &Name) -> bool {
        let from = match from {
            Name::Missing => return true,
            Name::NoText => return false,
            Name::Text(from) => from,
        };
        match self.owner(key, from) {
            Some(owner) => owner == key,
            None => {
                let registered = self
                    .sessions
                    .get(&key)
                    .is_some_and(|session| !session.ids.is_empty());
                from != EVERYBODY && !registered
            }
        }
    }

    /// Who has an id in the session's room.
    fn owner(&self, key: Key, id: &str) -> Option<Key> {
        let session = self.sessions.get(&key)?;
        self.rooms.get(&session.room)?.owner(id)
    }
}

pub(in crate::server) fn full(target: &str) -> String {
    format!("{target} does not read its messages.")
}

const FORGED: &str = "The message names a sender that is not its own.";
