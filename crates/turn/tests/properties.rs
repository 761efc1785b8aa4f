//! Whatever arrives, in whatever order: no panic, no relay without permission, no limit passed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{AttributeType, Class, Key, Message, MessageBuilder, Method, TransactionId};
use ieum_turn::client::{self, Client};
use ieum_turn::server::{Config, Event, Port, RelayError, RelayId, Server, Side};
use ieum_turn::{FiveTuple, Transport, credentials};
use proptest::prelude::*;

const SECRET: &[u8] = b"the secret";
const UNIX_TIME: u64 = 1_800_000_000;
const RELAYS: usize = 4;
const RELAYS_PER_USER: usize = 3;

/// One thing that happens to a server.
#[derive(Debug, Clone)]
enum Step {
    Raw(u8, Vec<u8>),
    Request {
        client: u8,
        user: u8,
        method: u16,
        attributes: Vec<(u16, Vec<u8>)>,
        peer: u8,
    },
    Channel {
        client: u8,
        number: u8,
    },
    Send {
        client: u8,
        peer: u8,
    },
    FromPeer {
        relay: u8,
        peer: u8,
    },
    Close {
        client: u8,
    },
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        0x000C, 0x000D, 0x0012, 0x0017, 0x0018, 0x0019, 0x001A, 0x0022, 0x8000,
    ]);
    let attribute = (kind, prop::collection::vec(any::<u8>(), 0..9));
    let method = prop::sample::select(vec![1u16, 3, 3, 3, 4, 8, 9, 9]);
    prop_oneof![
        1 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(c, b)| Step::Raw(c, b)),
        6 => (any::<u8>(), any::<u8>(), method, prop::collection::vec(attribute, 0..2), any::<u8>())
            .prop_map(|(client, user, method, attributes, peer)| Step::Request { client, user, method, attributes, peer }),
        2 => any::<[u8; 2]>().prop_map(|[client, number]| Step::Channel { client, number }),
        2 => any::<[u8; 2]>().prop_map(|[client, peer]| Step::Send { client, peer }),
        2 => any::<[u8; 2]>().prop_map(|[relay, peer]| Step::FromPeer { relay, peer }),
        1 => any::<u8>().prop_map(|client| Step::Close { client }),
        1 => (0u16..400).prop_map(Step::Wait),
    ]
}

/// A server under test, and what we know that it has granted.
struct World {
    now: Instant,
    server: Server,
    nonces: Vec<String>,
    relays: BTreeSet<(RelayId, SocketAddr)>,
    /// Which peers a client may reach at most: all that it has ever been granted.
    granted: BTreeSet<(FiveTuple, SocketAddr)>,
    ids: u64,
}

fn client(n: u8) -> FiveTuple {
    let local = SocketAddr::from(([203, 0, 113, 1], 3478));
    let remote = SocketAddr::from(([198, 51, 100, 1], 5000 + u16::from(n % 6)));
    FiveTuple {
        transport: [Transport::Udp, Transport::Tcp][usize::from(n % 6 > 3)],
        ..FiveTuple::udp(local, remote)
    }
}

fn peer(n: u8) -> SocketAddr {
    let ip = [
        [192, 0, 2, 1],
        [192, 0, 2, 2],
        [10, 0, 0, 1],
        [127, 0, 0, 1],
    ];
    SocketAddr::from((ip[usize::from(n % 4)], 6000))
}

fn is_public(peer: SocketAddr) -> bool {
    peer.ip().to_string().starts_with("192.0.2.")
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut config = Config::new("r", SECRET, UNIX_TIME, [1; 32]);
        config.limits.relays = RELAYS;
        config.limits.relays_per_user = RELAYS_PER_USER;
        config.limits.channels = 2;
        config.limits.permissions = 2;
        Self {
            now,
            server: Server::new(now, config),
            nonces: vec![String::new(); 6],
            relays: BTreeSet::new(),
            granted: BTreeSet::new(),
            ids: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Raw(from, bytes) => self.deliver(client(from), &bytes),
            Step::Request {
                client,
                user,
                method,
                attributes,
                peer,
            } => {
                self.request(client, user, Method(method), &attributes, peer);
            }
            Step::Channel {
                client: from,
                number,
            } => {
                let bytes = [0x40, number % 4, 0, 1, 7];
                self.deliver(client(from), &bytes);
            }
            Step::Send {
                client: from,
                peer: to,
            } => {
                let mut bytes = Vec::new();
                MessageBuilder::new(
                    &mut bytes,
                    Class::Indication,
                    Method::SEND,
                    TransactionId([0; 12]),
                )
                .xor_peer_address(peer(to))
                .data(b"x");
                self.deliver(client(from), &bytes);
            }
            Step::FromPeer { relay, peer: from } => self.receive(relay, peer(from)),
            Step::Close { client: from } => {
                if client(from).transport == Transport::Tcp {
                    self.server.connection_closed(self.now, client(from));
                    self.drain();
                }
            }
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds.into());
                self.server.handle_timeout(self.now);
                self.drain();
            }
        }
        assert!(self.relays.len() <= RELAYS);
        assert!(self.server.allocations() <= self.relays.len());
        assert_eq!(self.server.poll_timeout().is_none(), self.relays.is_empty());
    }

    fn request(
        &mut self,
        from: u8,
        user: u8,
        method: Method,
        attributes: &[(u16, Vec<u8>)],
        to: u8,
    ) {
        let name = ["alice", "bob"][usize::from(user % 8 == 0)];
        let issued = credentials::issue(SECRET, name, UNIX_TIME + 100_000);
        let key = Key::long_term(&issued.username, "r", &issued.password);
        let five_tuple = client(from);
        // Twice: the first may only bring a nonce.
        for _ in 0..2 {
            self.ids += 1;
            let mut id = [0; 12];
            id[..8].copy_from_slice(&self.ids.to_be_bytes());
            let mut bytes = Vec::new();
            let mut message =
                MessageBuilder::new(&mut bytes, Class::Request, method, TransactionId(id));
            for (kind, value) in attributes {
                message.raw(AttributeType(*kind), value);
            }
            match method {
                Method::ALLOCATE => _ = message.requested_transport(17),
                Method::CHANNEL_BIND => _ = message.channel_number(0x4000 + u16::from(to % 4)),
                _ => {}
            }
            message
                .xor_peer_address(peer(to))
                .username(&issued.username)
                .realm("r");
            message
                .nonce(&self.nonces[usize::from(from % 6)])
                .integrity(&key);
            self.deliver(five_tuple, &bytes);
        }
    }

    fn deliver(&mut self, five_tuple: FiveTuple, bytes: &[u8]) {
        if let Some(forward) = self.server.handle_datagram(self.now, five_tuple, bytes) {
            let Side::Relay(id) = forward.from else {
                panic!()
            };
            assert!(self.relays.contains(&(id, forward.five_tuple.local)));
            let to = forward.five_tuple.remote;
            assert!(self.granted.contains(&(five_tuple, to)), "{to}");
            assert!(is_public(to));
        }
        self.learn(five_tuple, bytes);
    }

    /// Reads the answers: nonces, and what was granted.
    fn learn(&mut self, five_tuple: FiveTuple, request: &[u8]) {
        self.drain();
        let mut bytes = Vec::new();
        while self.server.poll_transmit(self.now, &mut bytes).is_some() {
            let answer = Message::parse(&bytes).unwrap();
            let udp = five_tuple.transport == Transport::Udp;
            if udp && !answer.has_integrity() {
                assert!(bytes.len() + 28 <= 3 * (request.len() + 28), "{answer:?}");
            }
            if let Some(nonce) = answer.nonce() {
                let index = usize::from(five_tuple.remote.port() - 5000);
                self.nonces[index] = nonce.to_owned();
            }
            let permits = matches!(
                answer.method(),
                Method::CREATE_PERMISSION | Method::CHANNEL_BIND
            );
            if permits && answer.class() == Class::Success {
                let request = Message::parse(request).unwrap();
                for peer in request.xor_peer_addresses().flatten() {
                    self.granted.insert((five_tuple, peer));
                }
            }
            bytes.clear();
        }
    }

    fn receive(&mut self, relay: u8, from: SocketAddr) {
        let Some((id, _)) = self.relays.iter().nth(usize::from(relay) % RELAYS) else {
            return;
        };
        if let Some(forward) = self.server.handle_relayed(self.now, *id, from, b"payload") {
            assert_eq!(forward.from, Side::Listener);
            assert!(self.granted.contains(&(forward.five_tuple, from)));
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, port, .. } => {
                    // The ids say which port is free: two relays never share an index.
                    let relay =
                        SocketAddr::from(([203, 0, 113, 1], 50_000 + 2 * id.index() as u16));
                    if id.index() % 4 == 3 {
                        self.server
                            .relay_opened(self.now, id, Err(RelayError::Exhausted));
                        continue;
                    }
                    assert!(self.relays.insert((id, relay)));
                    if let Port::EvenAndNext { next } = port {
                        let above = SocketAddr::new(relay.ip(), relay.port() + 1);
                        assert!(self.relays.insert((next, above)));
                    }
                    self.server.relay_opened(self.now, id, Ok(relay));
                }
                Event::CloseRelay { id } => {
                    let before = self.relays.len();
                    self.relays.retain(|(relay, _)| *relay != id);
                    assert_eq!(self.relays.len() + 1, before);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn a_server_keeps_its_promises(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // In the end everything ends.
        world.take(Step::Wait(3600));
        prop_assert_eq!((world.server.allocations(), world.relays.len()), (0, 0));
    }

    #[test]
    fn a_client_survives_any_server(
        flags in 0u8..4,
        datagrams in prop::collection::vec((0u8..4, prop::collection::vec(any::<u8>(), 0..80), 0u16..500), 0..40),
    ) {
        let mut now = Instant::now();
        let way = FiveTuple::udp(peer(0), peer(1));
        let mut config = client::Config::new(way, "alice", "secret", [1; 32]);
        (config.reallocate, config.mobility) = (flags & 1 != 0, flags & 2 != 0);
        let mut client = Client::new(now, config);
        client.permit(now, peer(0).ip());
        client.bind_channel(now, peer(1));
        let mut sent = Vec::new();
        for (kind, bytes, seconds) in datagrams {
            let mut transmit = Vec::new();
            while client.poll_transmit(now, &mut transmit).is_some() {
                sent.push(std::mem::take(&mut transmit));
            }
            let datagram = answer(kind, sent.last(), &bytes);
            client.handle_datagram(now, &datagram);
            match seconds % 8 {
                0 => _ = client.migrate(now, FiveTuple::udp(peer(2), peer(1))),
                1 => client.set_credentials(now, "bob", "other"),
                _ => {}
            }
            now += Duration::from_secs(seconds.into());
            if client.poll_timeout().is_some_and(|at| at <= now) {
                client.handle_timeout(now);
            }
            prop_assert!(client.poll_timeout().is_none_or(|at| at > now));
            while client.poll_event().is_some() {}
        }
        client.close(now);
        for _ in 0..40 {
            let Some(at) = client.poll_timeout() else { break };
            client.handle_timeout(at);
            client.poll_transmit(at, &mut Vec::new());
        }
        prop_assert_eq!(client.state(), client::State::Closed);
    }
}

/// Bytes that answer the last request, or do not.
fn answer(kind: u8, request: Option<&Vec<u8>>, bytes: &[u8]) -> Vec<u8> {
    let Some(request) = request.and_then(|bytes| Message::parse(bytes).ok()) else {
        return bytes.to_vec();
    };
    let class = match kind {
        0 => return bytes.to_vec(),
        1 => Class::Success,
        _ => Class::Error,
    };
    let mut out = Vec::new();
    let mut message =
        MessageBuilder::new(&mut out, class, request.method(), request.transaction_id());
    let byte = bytes.first().copied().unwrap_or_default();
    match kind {
        1 => {
            message
                .xor_relayed_address(peer(byte))
                .xor_mapped_address(peer(byte));
            message.lifetime(Duration::from_secs(u64::from(byte) * 9));
            message.mobility_ticket(bytes);
        }
        2 => _ = message.error_code(401, "").realm("r").nonce("n"),
        _ => {
            _ = message
                .error_code([438, 437, 486, 300][usize::from(byte % 4)], "")
                .realm("r")
                .nonce("m")
        }
    }
    if byte % 3 != 0 {
        message.integrity(&Key::long_term("alice", "r", "secret"));
    }
    out
}
