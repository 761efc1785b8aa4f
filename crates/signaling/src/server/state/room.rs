//! Who is in a room, and under which ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::session::Key;
use crate::Connection;

/// A room: its sessions, and its peers in the order of their registration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Room {
    pub(super) members: BTreeSet<Key>,
    peers: BTreeMap<u64, (Key, Connection)>,
    /// Who has an id.
    #[serde(skip)]
    by_id: HashMap<String, Key>,
}

impl Room {
    /// What a snapshot leaves out, because it follows from the rest.
    pub(super) fn complete(&mut self) {
        let peers = self.peers.values();
        self.by_id = peers
            .map(|(key, connection)| (connection.peer_id.clone(), *key))
            .collect();
    }

    /// All peers, oldest first.
    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.peers.values().map(|(_, connection)| connection)
    }

    /// All peers with their sessions, oldest first.
    pub(super) fn registered(&self) -> impl Iterator<Item = (Key, &Connection)> {
        self.peers.values().map(|(key, peer)| (*key, peer))
    }

    /// The peers of everybody but one, oldest first.
    pub(super) fn others(&self, key: Key) -> Vec<Connection> {
        let others = self.peers.values().filter(|(owner, _)| *owner != key);
        others.map(|(_, connection)| connection.clone()).collect()
    }

    /// The session that has an id.
    pub(super) fn owner(&self, id: &str) -> Option<Key> {
        self.by_id.get(id).copied()
    }

    /// Puts a peer at the end of the list. Its id must be free.
    pub(super) fn register(&mut self, place: u64, key: Key, connection: Connection) {
        self.by_id.insert(connection.peer_id.clone(), key);
        self.peers.insert(place, (key, connection));
    }

    /// Frees an id.
    pub(super) fn free(&mut self, place: u64) -> Option<Connection> {
        let (_, connection) = self.peers.remove(&place)?;
        self.by_id.remove(&connection.peer_id);
        Some(connection)
    }

    /// The first of a session's ids.
    pub(super) fn first_id(&self, ids: &[u64]) -> Option<&Connection> {
        self.peers
            .get(ids.first()?)
            .map(|(_, connection)| connection)
    }
}
