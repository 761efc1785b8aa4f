//! Who is registered, under which id, from which socket.
//!
//! Owns the table of peers and the rules of registering and of speaking for an id. It knows no sockets, only their
//! keys `S`, and sends nothing: [`super::hub`] does.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use serde_json::Value;

use crate::Connection;

/// The table of peers.
#[derive(Debug)]
pub(super) struct Registry<S> {
    /// By order of registration, which is the order in which peers are listed.
    peers: BTreeMap<u64, Peer<S>>,
    by_id: HashMap<String, u64>,
    by_socket: HashMap<S, Vec<u64>>,
    next: u64,
}

#[derive(Debug)]
struct Peer<S> {
    socket: S,
    connection: Connection,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another client, or this one, has the id.
    Taken,
    /// The id is reserved for the server's own messages.
    Reserved,
    /// This client has as many ids as one may have.
    TooMany,
}

impl<S: Copy + Eq + Hash> Registry<S> {
    pub(super) fn new() -> Self {
        Self {
            peers: BTreeMap::new(),
            by_id: HashMap::new(),
            by_socket: HashMap::new(),
            next: 0,
        }
    }

    /// All peers, oldest first.
    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.peers.values().map(|peer| &peer.connection)
    }

    /// The socket registered under an id.
    pub(super) fn socket_of(&self, id: &str) -> Option<S> {
        self.by_id
            .get(id)
            .and_then(|key| self.peers.get(key))
            .map(|peer| peer.socket)
    }

    /// Whether a client may name `from` as the sender: one that has registered, only its own ids; one that has not (its
    /// first messages may be ahead of its `ready`), any id that nobody else has.
    pub(super) fn may_send_as(&self, socket: S, from: &str) -> bool {
        match self.socket_of(from) {
            Some(owner) => owner == socket,
            None => from != EVERYBODY && !self.by_socket.contains_key(&socket),
        }
    }

    /// Registers an id. A client may have a few: the server that we stand in for never refused a second.
    pub(super) fn register(
        &mut self,
        socket: S,
        socket_id: String,
        id: String,
        kind: Option<Value>,
    ) -> Result<&Connection, Refusal> {
        if id == EVERYBODY {
            return Err(Refusal::Reserved);
        }
        if self.by_id.contains_key(&id) {
            return Err(Refusal::Taken);
        }
        let own = self.by_socket.entry(socket).or_default();
        if own.len() >= IDS_PER_CLIENT {
            return Err(Refusal::TooMany);
        }
        let key = self.next;
        self.next += 1;
        own.push(key);
        self.by_id.insert(id.clone(), key);
        let connection = Connection {
            socket_id,
            peer_id: id,
            peer_type: kind,
        };
        Ok(&self
            .peers
            .entry(key)
            .or_insert(Peer { socket, connection })
            .connection)
    }

    /// Frees all ids of a client, and says which they were, oldest first.
    pub(super) fn leave(&mut self, socket: S) -> Vec<String> {
        let keys = self.by_socket.remove(&socket).unwrap_or_default();
        let gone = keys.iter().filter_map(|key| self.peers.remove(key));
        let ids: Vec<String> = gone.map(|peer| peer.connection.peer_id).collect();
        for id in &ids {
            self.by_id.remove(id);
        }
        ids
    }
}

impl Refusal {
    /// What the client reads. The first is the wording that existing clients know.
    pub(super) fn text(self, id: &str) -> String {
        match self {
            Self::Taken => format!(
                "{id} is already connected to the signalling server. Please change your peer ID and try again."
            ),
            Self::Reserved => format!(
                "{id} is not a peer ID: it names everybody. Please change your peer ID and try again."
            ),
            Self::TooMany => {
                format!("{id} is not registered: one client may have {IDS_PER_CLIENT} peer IDs.")
            }
        }
    }

    /// A word for programs, sent beside the text.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Reserved => "reserved",
            Self::TooMany => "too-many",
        }
    }
}

/// The sender's name in the server's own messages, and the target's in those for everybody.
pub(super) const EVERYBODY: &str = "all";

/// Enough for any honest client, and what keeps one hostile client from filling the table.
const IDS_PER_CLIENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(peers: &[(u8, &str)]) -> Registry<u8> {
        let mut registry = Registry::new();
        for (socket, id) in peers {
            registry
                .register(*socket, socket.to_string(), (*id).to_owned(), None)
                .unwrap();
        }
        registry
    }

    fn ids(registry: &Registry<u8>) -> Vec<&str> {
        registry
            .connections()
            .map(|peer| peer.peer_id.as_str())
            .collect()
    }

    #[test]
    fn peers_are_listed_in_the_order_of_their_registration() {
        let mut registry = with(&[(1, "z"), (2, "a"), (3, "m")]);
        assert_eq!(ids(&registry), ["z", "a", "m"]);
        registry.leave(2);
        registry.register(2, "2".into(), "a".into(), None).unwrap();
        assert_eq!(ids(&registry), ["z", "m", "a"]);
    }

    #[test]
    fn a_taken_id_is_refused_and_free_again_once_its_owner_left() {
        let mut registry = with(&[(1, "a")]);
        assert_eq!(
            registry
                .register(2, "2".into(), "a".into(), None)
                .unwrap_err(),
            Refusal::Taken
        );
        assert_eq!(registry.socket_of("a"), Some(1));
        assert_eq!(registry.leave(2), Vec::<String>::new());
        assert_eq!(registry.leave(1), ["a"]);
        registry.register(2, "2".into(), "a".into(), None).unwrap();
        assert_eq!(registry.socket_of("a"), Some(2));
    }

    #[test]
    fn leaving_frees_every_id_and_leaves_nothing_behind() {
        let mut registry = with(&[(1, "a"), (1, "b")]);
        assert_eq!(registry.leave(1), ["a", "b"]);
        assert!(
            registry.peers.is_empty() && registry.by_id.is_empty() && registry.by_socket.is_empty()
        );
    }

    #[test]
    fn one_client_cannot_fill_the_table() {
        let mut registry = with(&[]);
        for n in 0..IDS_PER_CLIENT {
            registry
                .register(1, "1".into(), n.to_string(), None)
                .unwrap();
        }
        assert_eq!(
            registry
                .register(1, "1".into(), "more".into(), None)
                .unwrap_err(),
            Refusal::TooMany
        );
    }

    #[test]
    fn a_client_speaks_for_its_own_ids_only() {
        let registry = with(&[(1, "a"), (2, "b")]);
        assert!(registry.may_send_as(1, "a"));
        assert!(!registry.may_send_as(1, "b"));
        assert!(!registry.may_send_as(1, "nobody"));
        assert!(!registry.may_send_as(1, "all"));
    }

    #[test]
    fn before_registering_a_client_speaks_for_any_id_that_nobody_has() {
        let registry = with(&[(1, "a")]);
        assert!(registry.may_send_as(9, "soon-mine"));
        assert!(!registry.may_send_as(9, "a"));
        assert!(!registry.may_send_as(9, "all"));
    }
}
