//! Relays that carry TCP (RFC 6062): the client asks for a connection to a peer, or is told of one from a peer, and
//! joins a stream of its own with it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{Class, Family, Method, TransactionId, code};
use rand_core::Rng;

use super::allocation::Protocol;
use super::answers::Request;
use super::connections::{Connection, State};
use super::rates::Rate;
use super::{ConnectError, ConnectionId, Event, RelayId, Server};

impl Server {
    /// RFC 6062 §5.2.
    pub(super) fn connect(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let id = self.owned(request)?;
        let peer = request
            .message
            .xor_peer_address()
            .ok_or(code::BAD_REQUEST)?;
        let transaction = request.message.transaction_id();
        let allocation = self.table.get(id).ok_or(code::ALLOCATION_MISMATCH)?;
        if allocation.protocol != Protocol::Tcp {
            return Err(code::BAD_REQUEST);
        }
        let mut connections = allocation.connections.iter();
        let same = connections.find_map(|id| {
            self.connections
                .get(*id)
                .filter(|connection| connection.peer == peer)
        });
        match same.map(|connection| connection.state) {
            // The request came again: the answer will come.
            Some(State::Connecting(id, _)) if id == transaction => return Ok(()),
            Some(_) => return Err(code::CONNECTION_ALREADY_EXISTS),
            None => {}
        }
        self.check_peer(id, peer)?;
        if !self.settings.peers.allows_port(peer) || peer.port() == 0 {
            return Err(code::FORBIDDEN);
        }
        let relay = self
            .table
            .get(id)
            .and_then(|a| a.relay(Family::of(peer.ip())));
        let (relay, _) = relay.ok_or(code::PEER_ADDRESS_FAMILY_MISMATCH)?;
        let state = State::Connecting(transaction, request.now + PATIENCE);
        let connection = self
            .add(id, peer, state)
            .ok_or(code::INSUFFICIENT_CAPACITY)?;
        self.events.push_back(Event::Connect {
            id: connection,
            relay,
            peer,
        });
        Ok(())
    }

    pub(super) fn connect_outcome(
        &mut self,
        now: Instant,
        id: ConnectionId,
        outcome: Result<(), ConnectError>,
    ) {
        let Some(Connection { relay, state, .. }) = self.connections.get(id).copied() else {
            return;
        };
        let State::Connecting(transaction, _) = state else {
            return;
        };
        match outcome {
            Ok(()) => {
                self.connections.set(id, State::Unbound(now + PATIENCE));
                let Some(allocation) = self.table.get(relay) else {
                    return;
                };
                let (five_tuple, identity) = (allocation.five_tuple, &allocation.identity);
                let (integrity, key) = (identity.integrity, identity.key.clone());
                let (class, method) = (Class::Success, Method::CONNECT);
                self.send(five_tuple, class, method, transaction, |m| {
                    m.connection_id(id.number()).integrity_as(integrity, &key);
                });
            }
            Err(ConnectError) => self.connect_failed(id, relay, transaction),
        }
    }

    fn connect_failed(&mut self, id: ConnectionId, relay: RelayId, transaction: TransactionId) {
        self.forget_connection(id);
        let Some(allocation) = self.table.get(relay) else {
            return;
        };
        let code = code::CONNECTION_TIMEOUT_OR_FAILURE;
        self.counters.refused.add(code);
        let (five_tuple, identity) = (allocation.five_tuple, &allocation.identity);
        let (integrity, key) = (identity.integrity, identity.key.clone());
        self.send(
            five_tuple,
            Class::Error,
            Method::CONNECT,
            transaction,
            |m| {
                m.error_code(code, super::answers::reason(code))
                    .integrity_as(integrity, &key);
            },
        );
    }

    /// RFC 6062 §5.3: only who has a permission.
    pub(super) fn accept_peer(
        &mut self,
        now: Instant,
        relay: RelayId,
        peer: SocketAddr,
    ) -> Option<ConnectionId> {
        let (id, allocation) = self.table.owner(relay)?;
        let tcp = allocation.protocol == Protocol::Tcp && !allocation.doomed;
        if !tcp || !allocation.permissions.has(now, peer.ip()) {
            self.counters.ignored.no_permission += 1;
            return None;
        }
        let client = allocation.five_tuple;
        let connection = self.add(id, peer, State::Unbound(now + PATIENCE))?;
        let mut transaction = TransactionId([0; 12]);
        self.rng.fill_bytes(&mut transaction.0);
        let (class, method) = (Class::Indication, Method::CONNECTION_ATTEMPT);
        self.send(client, class, method, transaction, |m| {
            m.connection_id(connection.number()).xor_peer_address(peer);
        });
        Some(connection)
    }

    /// RFC 6062 §5.4: the stream that this comes on carries the peer's data from here on.
    pub(super) fn bind_connection(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let number = request.message.connection_id().ok_or(code::BAD_REQUEST)?;
        let client = request.five_tuple;
        if !client.transport.is_stream() || self.table.find(&client).is_some() {
            return Err(code::BAD_REQUEST);
        }
        if self.steer(request, number.to_be_bytes()[0]) {
            return Ok(());
        }
        let id = ConnectionId(number);
        let connection = self.connections.get(id).ok_or(code::BAD_REQUEST)?;
        let unbound = matches!(connection.state, State::Unbound(_));
        let owner = self.table.get(connection.relay);
        // What another user has does not exist.
        if !unbound || owner.is_none_or(|a| !a.identity.is(&request.proven)) {
            return Err(code::BAD_REQUEST);
        }
        self.connections.set(id, State::Spliced(client));
        self.counters.spliced += 1;
        self.respond(request, Class::Success, |_| ());
        self.events.push_back(Event::Splice { id, client });
        Ok(())
    }

    /// Takes what has passed off the bandwidth; gives when more may, where that is later than now.
    pub(super) fn charge(&mut self, now: Instant, id: ConnectionId, len: usize) -> Option<Instant> {
        let connection = self.connections.get(id)?;
        let user = self.table.get(connection.relay)?.identity.user;
        let limits = &self.settings.limits;
        let tokens = len as u64;
        let all = limits
            .bandwidth
            .and_then(|all| self.bandwidth.charge(now, Rate::bandwidth(all), tokens));
        let bucket = self.table.users.bucket(user);
        let own = limits
            .bandwidth_per_user
            .and_then(|each| bucket.charge(now, Rate::bandwidth(each), tokens));
        all.max(own)
    }

    /// RFC 6062 §5.2, §5.3: not connected, or not bound, in time.
    pub(super) fn connection_expired(&mut self, _now: Instant, id: ConnectionId) {
        let Some(Connection { relay, state, .. }) = self.connections.get(id).copied() else {
            return;
        };
        self.events.push_back(Event::CloseConnection { id });
        match state {
            State::Connecting(transaction, _) => self.connect_failed(id, relay, transaction),
            State::Unbound(_) | State::Spliced(_) => self.forget_connection(id),
        }
    }

    pub(super) fn peer_gone(&mut self, id: ConnectionId) {
        match self.connections.get(id).copied() {
            Some(Connection {
                relay,
                state: State::Connecting(transaction, _),
                ..
            }) => {
                self.connect_failed(id, relay, transaction);
            }
            _ => self.forget_connection(id),
        }
    }

    pub(super) fn forget_connection(&mut self, id: ConnectionId) {
        let relay = self
            .connections
            .remove(id)
            .map(|connection| connection.relay);
        if let Some(allocation) = relay.and_then(|relay| self.table.get_mut(relay)) {
            allocation.connections.retain(|other| *other != id);
        }
    }

    /// A new connection of an allocation; `None` where it has as many as it may.
    fn add(&mut self, relay: RelayId, peer: SocketAddr, state: State) -> Option<ConnectionId> {
        let limit = self.settings.limits.connections;
        if self.table.get(relay)?.connections.len() >= limit {
            return None;
        }
        let id = self.new_connection_id()?;
        self.connections
            .insert(id, Connection { relay, peer, state });
        self.table.get_mut(relay)?.connections.push(id);
        Some(id)
    }

    /// The worker, and 24 bits that nobody uses and nobody guesses at once.
    fn new_connection_id(&mut self) -> Option<ConnectionId> {
        let worker = u32::from(self.settings.worker) << 24;
        for _ in 0..64 {
            let id = ConnectionId(worker | self.rng.next_u32() >> 8);
            if self.connections.get(id).is_none() {
                return Some(id);
            }
        }
        None
    }
}

/// RFC 6062 §5.2, §5.3: "30 seconds" to connect, and to bind.
const PATIENCE: Duration = Duration::from_secs(30);
