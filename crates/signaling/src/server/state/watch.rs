//! Who comes and goes, for who watches: the bridge to a broker.

use super::{Change, Key, Registered, State};
use crate::Connection;

impl State {
    /// Every peer of every room, each room's oldest first; from here on [`State::take_changes`] says what changes.
    pub(in crate::server) fn watch(&mut self) -> Vec<Registered> {
        self.changes = Some(Vec::new());
        let mut all = Vec::new();
        for (name, room) in &self.rooms {
            for (key, peer) in room.registered() {
                all.push(Registered {
                    room: name.clone(),
                    peer: peer.clone(),
                    bridged: self.is_bridged(key),
                });
            }
        }
        all
    }

    /// What changed since it was last asked.
    pub(in crate::server) fn take_changes(&mut self) -> Vec<Change> {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub(super) fn came(&mut self, room: String, peer: Connection, bridged: bool) {
        if let Some(changes) = &mut self.changes {
            changes.push(Change::Came(Registered {
                room,
                peer,
                bridged,
            }));
        }
    }

    pub(super) fn went(&mut self, room: &str, peer: &str) {
        if let Some(changes) = &mut self.changes {
            let (room, peer) = (room.to_owned(), peer.to_owned());
            changes.push(Change::Went { room, peer });
        }
    }

    pub(super) fn is_bridged(&self, key: Key) -> bool {
        let session = self.sessions.get(&key);
        session.is_some_and(|session| session.bridged)
    }
}
