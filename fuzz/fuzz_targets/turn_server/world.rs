//! The driver, the registry, the clients and the peers.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ieum_stun::{Class, Icmp, Message};
use ieum_turn::server::{
    Config, ConnectError, ConnectionId, Event, Family, Forward, PeerPolicy, Port, Quotas, Registry,
    RelayError, RelayId, Server, Side,
};
use ieum_turn::{FiveTuple, Transport};

use crate::grants::{CHANNEL, Grants, PERMISSION};
use crate::messages::{self, Given, Part, channel_number, client, peer};
use crate::{Outcome, Step};

const RELAYS: usize = 8;
const RELAYS_PER_USER: usize = 5;
const CONNECTIONS: usize = 2;
/// Bytes per second of one user.
const BANDWIDTH: u64 = 50_000;
/// Every connection may overdraw the user's bandwidth once, by a `u16` of bytes, before it rests; and half a burst comes
/// on top. A burst has 65,536 bytes.
const LONGEST_REST: Duration =
    Duration::from_secs((RELAYS * CONNECTIONS + 1) as u64 * 65_536 / BANDWIDTH + 1);

pub struct World {
    now: Instant,
    server: Server,
    registry: Option<Registry>,
    policy: PeerPolicy,
    nonces: HashMap<FiveTuple, String>,
    given: Given,
    grants: Grants,
    /// What the driver or the registry was asked and has not answered yet.
    asked: VecDeque<Asked>,
    connecting: VecDeque<ConnectionId>,
    connections: BTreeSet<ConnectionId>,
    /// Connections that are over the bandwidth, until then.
    resting: HashMap<ConnectionId, Instant>,
    open: Vec<(RelayId, SocketAddr)>,
    seen: HashSet<RelayId>,
    next_port: u16,
}

enum Asked {
    Open(RelayId, Family, Option<RelayId>),
    Admit(RelayId, Arc<str>, usize),
}

impl World {
    pub fn new(registry: bool) -> Self {
        let now = Instant::now();
        let config = config(registry, false);
        World {
            now,
            registry: registry.then(|| Registry::new(&config.limits)),
            policy: config.peers.clone(),
            server: Server::new(now, config),
            nonces: HashMap::new(),
            given: Given::default(),
            grants: Grants::default(),
            asked: VecDeque::new(),
            connecting: VecDeque::new(),
            connections: BTreeSet::new(),
            resting: HashMap::new(),
            open: Vec::new(),
            seen: HashSet::new(),
            next_port: 50_000,
        }
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Datagram { client, bytes } => self.client_sends(*client, bytes),
            Step::Message {
                client,
                signed,
                class,
                method,
                id,
                parts,
            } => self.send_message(*client, *signed, [*class, *method, *id], parts),
            Step::Allocate { client, both, even } => self.allocate(*client, *both, *even),
            Step::Channel {
                client,
                number,
                len,
                bytes,
            } => {
                let mut datagram = channel_number(*number).to_be_bytes().to_vec();
                // Half of them say the length that they have.
                let len = match len % 2 {
                    0 => bytes.len() as u16,
                    _ => *len,
                };
                datagram.extend_from_slice(&len.to_be_bytes());
                datagram.extend_from_slice(bytes);
                self.client_sends(*client, &datagram);
            }
            Step::Closed { client: index } => {
                if client(*index).transport != Transport::Udp {
                    self.server.connection_closed(self.now, client(*index));
                }
            }
            Step::Relayed { relay, peer, bytes } => self.peer_sends(*relay, *peer, bytes),
            Step::Opened { outcome } => self.answer(*outcome),
            Step::Reconfigure { denies } => {
                let config = config(self.registry.is_some(), *denies);
                self.policy = config.peers.clone();
                self.grants.retain(&self.policy);
                self.server.reconfigure(self.now, config);
            }
            Step::Drain { seconds } => {
                let deadline = self.now + Duration::from_secs((*seconds).into());
                self.server.drain(self.now, deadline);
            }
            Step::Wait { seconds } => {
                self.now += Duration::from_secs((*seconds).into());
                self.server.handle_timeout(self.now);
            }
            step => self.take_peer_step(step),
        }
        self.drain();
    }

    fn take_peer_step(&mut self, step: &Step) {
        match step {
            Step::Icmp { relay, peer: index } => {
                if let Some((id, _)) = self.pick(*relay) {
                    let (kind, code, data) = (3, 3, 0);
                    let icmp = Icmp { kind, code, data };
                    self.server.handle_icmp(self.now, id, peer(*index), icmp);
                }
            }
            Step::Accepted { relay, peer: from } => {
                let Some((id, _)) = self.pick(*relay) else {
                    return;
                };
                if let Some(new) = self.server.peer_accepted(self.now, id, peer(*from)) {
                    self.grants
                        .check(self.now, id, peer(*from).ip(), PERMISSION);
                    assert!(
                        self.connections.insert(new),
                        "no two connections have one id"
                    );
                }
            }
            Step::Connected { good } => {
                if let Some(id) = self.connecting.pop_front() {
                    let outcome = if *good { Ok(()) } else { Err(ConnectError) };
                    self.server.peer_connected(self.now, id, outcome);
                    if !good {
                        self.connections.remove(&id);
                    }
                }
            }
            Step::PeerClosed { connection } => {
                if let Some(id) = self.pick_connection(*connection) {
                    self.connections.remove(&id);
                    self.server.peer_closed(self.now, id);
                    assert_eq!(
                        self.pass(id, false, 1),
                        None,
                        "nobody pays for what has ended"
                    );
                }
            }
            Step::Passed {
                connection,
                to_client,
                len,
            } => {
                let id = self.pick_connection(*connection);
                let now = self.now;
                let rests =
                    |id: &ConnectionId| self.resting.get(id).is_some_and(|until| *until > now);
                if let Some(id) = id.filter(|id| !rests(id)) {
                    let until = self.pass(id, *to_client, usize::from(*len));
                    self.resting.extend(until.map(|until| (id, until)));
                }
            }
            _ => {}
        }
    }

    /// Tells that so many bytes have passed; gives until when the connection rests.
    fn pass(&mut self, id: ConnectionId, to_client: bool, len: usize) -> Option<Instant> {
        let before = *self.server.counters();
        let until = match to_client {
            false => self.server.passed_to_peer(self.now, id, len),
            true => self.server.passed_to_client(self.now, id, len),
        };
        let after = self.server.counters();
        let added = [
            after.to_peers.bytes - before.to_peers.bytes,
            after.to_clients.bytes - before.to_clients.bytes,
        ];
        let len = len as u64;
        assert_eq!(added, if to_client { [0, len] } else { [len, 0] });
        if let Some(until) = until {
            assert!(until > self.now, "a rest that is over is none");
            assert!(
                until <= self.now + LONGEST_REST,
                "who keeps to it rests so long at most"
            );
        }
        until
    }

    fn pick_connection(&self, index: u8) -> Option<ConnectionId> {
        let index = usize::from(index) % self.connections.len().max(1);
        self.connections.iter().nth(index).copied()
    }

    fn send_message(&mut self, from: u8, signed: bool, kind: [u8; 3], parts: &[Part]) {
        let nonce = self.nonces.get(&client(from)).filter(|_| signed);
        let signer = nonce.map(|nonce| (from, nonce.as_str()));
        let message = messages::message(kind, parts, &self.given, signer);
        self.client_sends(from, &message);
    }

    fn allocate(&mut self, from: u8, both: bool, even: bool) {
        let mut parts = vec![Part::Udp, Part::WantTicket];
        if both {
            parts.push(Part::BothFamilies);
        }
        if even {
            parts.push(Part::EvenPort(!both));
        }
        for (id, signed) in [(200, false), (201, true)] {
            self.send_message(from, signed, [0, 0, id], &parts);
        }
    }

    fn client_sends(&mut self, index: u8, datagram: &[u8]) {
        let five_tuple = client(index);
        if let Some(forward) = self.server.handle_datagram(self.now, five_tuple, datagram) {
            let Side::Relay(id) = forward.from else {
                panic!("what a client sends goes to a peer")
            };
            let way = (id, forward.five_tuple.local);
            assert!(
                self.open.contains(&way),
                "it is sent from a socket that is there"
            );
            let peer = forward.five_tuple.remote.ip();
            assert!(self.policy.allows(peer), "{peer} is refused");
            self.grants.check(self.now, id, peer, CHANNEL);
            assert!(is_whole(&forward));
        }
        self.read_answers(Some((five_tuple, datagram)));
    }

    fn peer_sends(&mut self, relay: u8, from: u8, bytes: &[u8]) {
        let Some((id, _)) = self.pick(relay) else {
            return;
        };
        let from = peer(from);
        if let Some(forward) = self.server.handle_relayed(self.now, id, from, bytes) {
            assert_eq!(
                forward.from,
                Side::Listener,
                "what a peer sends goes to the client"
            );
            self.grants.check(self.now, id, from.ip(), PERMISSION);
            assert!(is_whole(&forward));
        }
    }

    /// The driver, or the registry, answers what it was asked first.
    fn answer(&mut self, outcome: Outcome) {
        match self.asked.pop_front() {
            None => {}
            Some(Asked::Admit(id, user, relays)) => {
                let registry = self.registry.as_mut().expect("only where there is one");
                let outcome = registry.admit(&user, relays);
                self.server.admitted(self.now, id, outcome);
            }
            Some(Asked::Open(id, family, next)) => {
                let ip = match family {
                    Family::V4 => [203, 0, 113, 1].into(),
                    Family::V6 => [0x2001, 0xDB8, 0, 0, 0, 0, 0, 0xF].into(),
                };
                let address = SocketAddr::new(ip, self.next_port);
                self.next_port = self.next_port.checked_add(2).unwrap_or(50_000);
                let outcome = match outcome {
                    Outcome::Bound => Ok(address),
                    Outcome::NoFamily => Err(RelayError::Family),
                    Outcome::Exhausted => Err(RelayError::Exhausted),
                };
                if outcome.is_ok() {
                    self.open.push((id, address));
                    let above = SocketAddr::new(ip, address.port() + 1);
                    self.open.extend(next.map(|next| (next, above)));
                }
                self.server.relay_opened(self.now, id, outcome);
            }
        }
    }

    /// Takes all that the server has to say. What answers a request to somebody unknown is held against its length.
    fn read_answers(&mut self, request: Option<(FiveTuple, &[u8])>) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            assert_eq!(transmit.len, buffer.len());
            let to = transmit.five_tuple;
            if buffer.len() >= 8 && buffer[4..8] == [0x21, 0x12, 0xA4, 0x42] {
                self.read_answer(to, &buffer, request);
            }
            if let Some((from, datagram)) = request.filter(|(from, _)| *from == to) {
                let proven = Message::parse(&buffer).is_ok_and(|answer| answer.has_integrity());
                let bound = 3 * (28 + datagram.len());
                assert!(
                    proven || from.transport != Transport::Udp || 28 + buffer.len() <= bound,
                    "a stranger got {} bytes for {}",
                    buffer.len(),
                    datagram.len()
                );
            }
            buffer.clear();
        }
    }

    fn read_answer(&mut self, to: FiveTuple, bytes: &[u8], request: Option<(FiveTuple, &[u8])>) {
        let answer = Message::parse(bytes).expect("an answer is a message");
        assert!(answer.class() != Class::Request);
        if let Some(nonce) = answer.nonce() {
            self.nonces.insert(to, nonce.to_owned());
        }
        self.given.token = answer.reservation_token().or(self.given.token);
        self.given.connection = answer.connection_id().unwrap_or(self.given.connection);
        let open = &self.open;
        let relay = |address| {
            open.iter()
                .find(|(_, at)| *at == address)
                .map(|(id, _)| *id)
        };
        // An Allocate is answered when its relays are there: nothing of its request is needed.
        let asked = request.and_then(|(_, bytes)| Message::parse(bytes).ok());
        let asked = asked.filter(|asked| asked.transaction_id() == answer.transaction_id());
        self.grants.learn(
            self.now,
            to,
            asked.as_ref().unwrap_or(&answer),
            &answer,
            relay,
        );
        if let Some(ticket) = answer.mobility_ticket() {
            self.given.ticket = ticket.to_vec();
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.server.poll_event() {
            self.take_event(event);
        }
        self.read_answers(None);
        let gauges = self.server.gauges();
        assert!(self.open.len() <= RELAYS && self.server.allocations() <= RELAYS);
        assert!(gauges.relays <= RELAYS);
        assert!(gauges.connections <= self.server.allocations() * CONNECTIONS);
        assert!(gauges.users <= 2);
        if let Some(registry) = &self.registry {
            assert!(registry.relays() <= RELAYS && self.open.len() <= registry.relays());
        }
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::OpenRelay { id, family, port } => {
                let next = match port {
                    Port::EvenAndNext { next } => Some(next),
                    _ => None,
                };
                let new = self.seen.insert(id) && next.is_none_or(|id| self.seen.insert(id));
                assert!(new, "no two relays have one id");
                self.asked.push_back(Asked::Open(id, family, next));
            }
            Event::OpenListener { id, family } => {
                assert!(self.seen.insert(id), "no two relays have one id");
                self.asked.push_back(Asked::Open(id, family, None));
            }
            Event::CloseRelay { id } => {
                let at = self.open.iter().position(|(open, _)| *open == id);
                self.open
                    .swap_remove(at.expect("only what was opened is closed"));
            }
            Event::Connect { id, peer, .. } => {
                assert!(self.policy.allows(peer.ip()), "{peer} is refused");
                assert!(
                    self.connections.insert(id),
                    "no two connections have one id"
                );
                self.connecting.push_back(id);
            }
            Event::Splice { id, .. } => assert!(self.connections.contains(&id)),
            Event::CloseConnection { id } => {
                assert!(self.connections.remove(&id), "only what is there is closed");
                self.connecting.retain(|other| *other != id);
            }
            Event::Admit { id, user, relays } => {
                assert!(self.registry.is_some());
                self.asked.push_back(Asked::Admit(id, user, relays));
            }
            Event::Released { user, relays } => {
                let registry = self.registry.as_mut().expect("only where there is one");
                let before = registry.relays();
                registry.release(&user, relays);
                assert_eq!(registry.relays() + relays, before, "only what was admitted");
            }
            Event::Steer { worker, .. } => assert_ne!(worker, 0),
        }
    }

    fn pick(&self, index: u8) -> Option<(RelayId, SocketAddr)> {
        let index = usize::from(index) % self.open.len().max(1);
        self.open.get(index).copied()
    }

    /// Everybody is silent for as long as anything can live.
    pub fn end(&mut self) {
        while !self.asked.is_empty() {
            self.answer(Outcome::Bound);
            self.drain();
        }
        while let Some(deadline) = self.server.poll_timeout() {
            let longest = self.now + Duration::from_secs(3600);
            assert!(
                deadline <= longest,
                "nothing lives longer without its client"
            );
            self.now = self.now.max(deadline);
            self.server.handle_timeout(self.now);
            let next = self.server.poll_timeout();
            assert_ne!(next, Some(deadline), "a time-out that is handled is gone");
            self.drain();
        }
        assert_eq!(self.server.gauges(), Default::default(), "nothing is left");
        assert!(self.open.is_empty(), "every socket is closed");
        assert!(
            self.registry
                .as_ref()
                .is_none_or(|registry| registry.relays() == 0)
        );
    }
}

fn config(registry: bool, denies: bool) -> Config {
    let (realm, secret) = (messages::REALM, messages::SECRET);
    let mut config = Config::new(realm, secret, messages::UNIX_TIME, [7; 32]);
    config.limits.relays = RELAYS;
    config.limits.relays_per_user = RELAYS_PER_USER;
    (config.limits.permissions, config.limits.channels) = (3, 3);
    config.limits.connections = CONNECTIONS;
    config.limits.bandwidth_per_user = Some(BANDWIDTH);
    config.abilities.tcp_relays = true;
    config.abilities.mobility = true;
    config.abilities.dont_fragment = true;
    if registry {
        config.quotas = Quotas::Registry;
    }
    if denies {
        config
            .peers
            .denied
            .push("198.51.100.2".parse().expect("a literal"));
    }
    config
}

/// Header, payload and padding are what `write_to` writes.
fn is_whole(forward: &Forward<'_>) -> bool {
    let mut bytes = Vec::new();
    forward.write_to(&mut bytes);
    bytes.len() == forward.len()
}
