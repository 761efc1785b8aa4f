//! TCP connections between relays and peers, by number, by client's stream and by deadline (RFC 6062 §3).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use hashbrown::HashMap;
use ieum_stun::{FiveTuple, TransactionId};

use super::table::Keyed;
use super::{ConnectionId, RelayId};

/// All connections.
pub(super) struct Connections {
    by_id: HashMap<ConnectionId, Connection, Keyed>,
    by_client: HashMap<FiveTuple, ConnectionId, Keyed>,
    deadlines: BTreeSet<(Instant, ConnectionId)>,
}

/// One connection to a peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    /// The allocation's.
    pub(super) relay: RelayId,
    pub(super) peer: SocketAddr,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The driver connects, for this request, until.
    Connecting(TransactionId, Instant),
    /// The client is to bind it, until.
    Unbound(Instant),
    /// To the client's stream.
    Spliced(FiveTuple),
}

impl Connections {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            by_id: HashMap::with_hasher(keyed),
            by_client: HashMap::with_hasher(keyed),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.by_id.get(&id)
    }

    pub(super) fn of_client(&self, client: &FiveTuple) -> Option<ConnectionId> {
        self.by_client.get(client).copied()
    }

    pub(super) fn insert(&mut self, id: ConnectionId, connection: Connection) {
        self.by_id.insert(id, connection);
        self.arm(id, connection.state, true);
    }

    pub(super) fn set(&mut self, id: ConnectionId, state: State) {
        let Some(connection) = self.by_id.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut connection.state, state);
        self.arm(id, before, false);
        self.arm(id, state, true);
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.by_id.remove(&id)?;
        self.arm(id, connection.state, false);
        Some(connection)
    }

    fn arm(&mut self, id: ConnectionId, state: State, on: bool) {
        match (state, on) {
            (State::Connecting(_, at) | State::Unbound(at), true) => {
                self.deadlines.insert((at, id));
            }
            (State::Connecting(_, at) | State::Unbound(at), false) => {
                self.deadlines.remove(&(at, id));
            }
            (State::Spliced(client), true) => _ = self.by_client.insert(client, id),
            (State::Spliced(client), false) => _ = self.by_client.remove(&client),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn expired(&self, now: Instant) -> Option<ConnectionId> {
        let (at, id) = *self.deadlines.first()?;
        (at <= now).then_some(id)
    }
}
