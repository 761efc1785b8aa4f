//! This server's peers, as the broker is to see them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::state::Registered;
use crate::Connection;
use crate::protocol::mqtt::Presence;

/// A room, and a peer's id in it.
pub(super) type Id = (String, String);

/// The peers, and which of their presences the broker does not have yet.
#[derive(Debug, Default)]
pub(super) struct Locals {
    peers: BTreeMap<Id, Local>,
    /// What differs on the broker, or may.
    dirty: BTreeSet<Id>,
    /// Presences that the bridge has taken away and the broker has not told it of, by how often.
    clearing: BTreeMap<Id, u32>,
}

#[derive(Debug)]
struct Local {
    peer: Connection,
    since_ms: u64,
    /// Whether the broker knows of the subscription to what is for it.
    subscribed: bool,
}

/// One thing to be put right on the broker.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    /// Publish it, and subscribe first where it says so.
    Here { presence: Presence, subscribe: bool },
    /// Take it away.
    Gone,
}

impl Locals {
    pub(super) fn has(&self, id: &Id) -> bool {
        self.peers.contains_key(id)
    }

    /// Whether the id is that of this very client.
    pub(super) fn is(&self, id: &Id, socket_id: &str) -> bool {
        let local = self.peers.get(id);
        local.is_some_and(|local| local.peer.socket_id == socket_id)
    }

    /// A peer is there since then.
    pub(super) fn come(&mut self, room: String, peer: Connection, since_ms: u64) {
        let id = (room, peer.peer_id.clone());
        let known = self.peers.get(&id);
        if known.is_some_and(|known| known.peer == peer) {
            return;
        }
        let local = Local {
            peer,
            since_ms,
            subscribed: known.is_some_and(|known| known.subscribed),
        };
        self.peers.insert(id.clone(), local);
        self.dirty.insert(id);
    }

    pub(super) fn go(&mut self, id: &Id) {
        if self.peers.remove(id).is_some() {
            self.dirty.insert(id.clone());
        }
    }

    /// Everybody who is not in the list has gone.
    pub(super) fn keep_only(&mut self, all: &[Registered]) {
        let there: BTreeSet<(&str, &str)> = all
            .iter()
            .filter(|one| !one.bridged)
            .map(|one| (one.room.as_str(), one.peer.peer_id.as_str()))
            .collect();
        let gone = self
            .peers
            .keys()
            .filter(|(room, peer)| !there.contains(&(room, peer)));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.go(&id);
        }
    }

    pub(super) fn clear(&mut self) {
        self.dirty
            .extend(std::mem::take(&mut self.peers).into_keys());
    }

    /// Somebody else has published where this peer's presence stands: it is published again.
    pub(super) fn again(&mut self, id: &Id) {
        if self.has(id) {
            self.dirty.insert(id.clone());
        }
    }

    /// These peers were here before one who came at `since_ms`; who came later is not polite.
    pub(super) fn put_before(&mut self, room: &str, since_ms: u64) {
        for (id, local) in &mut self.peers {
            if id.0 == room && local.since_ms >= since_ms {
                local.since_ms = since_ms.saturating_sub(1);
                self.dirty.insert(id.clone());
            }
        }
    }

    /// As [`Locals::put_before`], of one.
    pub(super) fn put_one_before(&mut self, id: &Id, since_ms: u64) {
        if let Some(local) = self.peers.get_mut(id) {
            local.since_ms = local.since_ms.min(since_ms.saturating_sub(1));
            self.dirty.insert(id.clone());
        }
    }

    /// The bridge takes away what stands there.
    pub(super) fn clear_one(&mut self, id: Id) {
        // A broker that says nothing of it denies it.
        if self.clearing.len() < MOST_CLEARING {
            *self.clearing.entry(id).or_default() += 1;
        }
    }

    /// A presence was taken away: whether by the bridge itself. That says nothing of who has taken the id meanwhile.
    pub(super) fn has_cleared(&mut self, id: &Id) -> bool {
        let Some(times) = self.clearing.get_mut(id) else {
            return false;
        };
        *times -= 1;
        if *times == 0 {
            self.clearing.remove(id);
        }
        true
    }

    /// A connection to the broker begins, which knows of all subscriptions or of none.
    pub(super) fn begin(&mut self, kept: bool) {
        self.clearing.clear();
        for (id, local) in &mut self.peers {
            local.subscribed &= kept;
            self.dirty.insert(id.clone());
        }
    }

    pub(super) fn publish_all(&mut self) {
        self.dirty.extend(self.peers.keys().cloned());
    }

    /// What is to be put right next; it counts as done.
    pub(super) fn next(&mut self, bridge: &str) -> Option<(Id, Due)> {
        let id = self.dirty.pop_first()?;
        let due = match self.peers.get_mut(&id) {
            None => Due::Gone,
            Some(local) => Due::Here {
                subscribe: !std::mem::replace(&mut local.subscribed, true),
                presence: Presence {
                    peer_id: local.peer.peer_id.clone(),
                    socket_id: local.peer.socket_id.clone(),
                    peer_type: local.peer.peer_type.clone(),
                    since_ms: local.since_ms,
                    via: Some(bridge.to_owned()),
                },
            },
        };
        Some((id, due))
    }
}

const MOST_CLEARING: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str, socket: &str) -> Connection {
        Connection {
            socket_id: socket.into(),
            peer_id: id.into(),
            peer_type: None,
        }
    }

    fn due(locals: &mut Locals) -> Vec<(String, Option<(u64, bool)>)> {
        std::iter::from_fn(|| locals.next("b"))
            .map(|((_, peer), due)| match due {
                Due::Gone => (peer, None),
                Due::Here {
                    presence,
                    subscribe,
                } => (peer, Some((presence.since_ms, subscribe))),
            })
            .collect()
    }

    #[test]
    fn what_the_broker_has_is_published_once_and_again_when_it_is_overwritten() {
        let mut locals = Locals::default();
        locals.come("r".into(), peer("a", "1"), 5);
        locals.come("r".into(), peer("a", "1"), 9);
        assert_eq!(due(&mut locals), [("a".into(), Some((5, true)))]);
        assert_eq!(due(&mut locals), []);
        let id = ("r".to_owned(), "a".to_owned());
        locals.again(&id);
        assert_eq!(due(&mut locals), [("a".into(), Some((5, false)))]);
        locals.put_one_before(&id, 3);
        assert_eq!(due(&mut locals), [("a".into(), Some((2, false)))]);
        locals.go(&id);
        locals.again(&id);
        assert_eq!(due(&mut locals), [("a".into(), None)]);
    }

    #[test]
    fn a_broker_that_has_forgotten_is_told_everything_and_one_that_has_not_needs_no_subscriptions()
    {
        let mut locals = Locals::default();
        locals.come(String::new(), peer("a", "1"), 5);
        locals.come("r".into(), peer("b", "2"), 6);
        due(&mut locals);
        locals.begin(true);
        assert_eq!(
            due(&mut locals),
            [
                ("a".into(), Some((5, false))),
                ("b".into(), Some((6, false)))
            ]
        );
        locals.begin(false);
        assert_eq!(
            due(&mut locals),
            [("a".into(), Some((5, true))), ("b".into(), Some((6, true)))]
        );
    }

    #[test]
    fn the_list_takes_away_who_is_not_in_it_and_who_comes_from_the_broker() {
        let mut locals = Locals::default();
        for id in ["a", "b", "c"] {
            locals.come(String::new(), peer(id, id), 5);
        }
        due(&mut locals);
        let listed = |id: &str, bridged| Registered {
            room: String::new(),
            peer: peer(id, id),
            bridged,
        };
        locals.keep_only(&[listed("a", false), listed("b", true)]);
        assert_eq!(due(&mut locals), [("b".into(), None), ("c".into(), None)]);
    }
}
