//! Clients that do anything, in any order, some of them with good credentials, and a driver that keeps its word.
//!
//! Nothing panics; relays are opened and closed in pairs; nothing is relayed to a peer that the policy refuses; the limits hold;
//! and when everybody has gone silent, everything is freed.

#![no_main]

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{
    AttributeType, Class, Family, Key, Message, MessageBuilder, Method, TransactionId,
};
use ieum_turn::FiveTuple;
use ieum_turn::credentials;
use ieum_turn::server::{
    Config, Event, Forward, PeerPolicy, Port, RelayError, RelayId, Server, Side,
};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"a secret";
const REALM: &str = "test.example";
const UNIX_TIME: u64 = 1_800_000_000;
const RELAYS: usize = 8;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Any bytes from a client.
    Datagram { client: u8, bytes: Vec<u8> },
    /// A message from a client; `signed` with good credentials, once the server has said a nonce.
    Message {
        client: u8,
        signed: bool,
        class: u8,
        method: u8,
        id: u8,
        parts: Vec<Part>,
    },
    /// A datagram on a channel.
    Channel {
        client: u8,
        number: u8,
        len: u16,
        bytes: Vec<u8>,
    },
    /// A peer's datagram to a relay.
    Relayed { relay: u8, peer: u8, bytes: Vec<u8> },
    /// The driver has bound a socket, or could not.
    Opened { outcome: Outcome },
    /// Time passes.
    Wait { seconds: u16 },
}

#[derive(Arbitrary, Debug)]
enum Outcome {
    Bound,
    NoFamily,
    Exhausted,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Peer(u8),
    Channel(u8),
    Lifetime(u16),
    Udp,
    Family(bool),
    EvenPort(bool),
    /// The last reservation token that a server gave.
    Token,
    Data(Vec<u8>),
    Raw(u16, Vec<u8>),
}

/// The driver, the clients and the peers.
struct World {
    now: Instant,
    server: Server,
    policy: PeerPolicy,
    nonces: HashMap<SocketAddr, String>,
    token: Option<[u8; 8]>,
    /// Asked for and not yet answered: the relays that one answer opens.
    asked: VecDeque<Vec<RelayId>>,
    open: Vec<RelayId>,
    seen: HashSet<RelayId>,
    next_port: u16,
}

fuzz_target!(|steps: Vec<Step>| {
    let mut world = World::new();
    for step in &steps {
        world.take(step);
        world.drain();
    }
    world.end();
});

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut config = Config::new(REALM, SECRET, UNIX_TIME, [7; 32]);
        config.limits.relays = RELAYS;
        config.limits.relays_per_user = 3;
        (config.limits.permissions, config.limits.channels) = (3, 3);
        let policy = config.peers.clone();
        World {
            now,
            server: Server::new(now, config),
            policy,
            nonces: HashMap::new(),
            token: None,
            asked: VecDeque::new(),
            open: Vec::new(),
            seen: HashSet::new(),
            next_port: 50_000,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Datagram { client, bytes } => self.client_sends(*client, bytes),
            Step::Message {
                client,
                signed,
                class,
                method,
                id,
                parts,
            } => {
                let message = self.message(*client, *signed, *class, *method, *id, parts);
                self.client_sends(*client, &message);
            }
            Step::Channel {
                client,
                number,
                len,
                bytes,
            } => {
                let mut datagram = channel_number(*number).to_be_bytes().to_vec();
                // Half of them say the length that they have.
                let len = if len.is_multiple_of(2) {
                    bytes.len() as u16
                } else {
                    *len
                };
                datagram.extend_from_slice(&len.to_be_bytes());
                datagram.extend_from_slice(bytes);
                self.client_sends(*client, &datagram);
            }
            Step::Relayed {
                relay,
                peer: from,
                bytes,
            } => {
                let Some(id) = pick(&self.open, *relay) else {
                    return;
                };
                let forward = self.server.handle_relayed(self.now, id, peer(*from), bytes);
                if let Some(forward) = forward {
                    assert_eq!(
                        forward.from,
                        Side::Listener,
                        "what a peer sends goes to the client"
                    );
                    assert!(is_whole(&forward));
                }
            }
            Step::Opened { outcome } => self.answer(match outcome {
                Outcome::Bound => Ok(()),
                Outcome::NoFamily => Err(RelayError::Family),
                Outcome::Exhausted => Err(RelayError::Exhausted),
            }),
            Step::Wait { seconds } => {
                self.now += Duration::from_secs((*seconds).into());
                self.server.handle_timeout(self.now);
            }
        }
    }

    fn client_sends(&mut self, index: u8, datagram: &[u8]) {
        let five_tuple = FiveTuple::udp(server_address(), client(index));
        let Some(forward) = self.server.handle_datagram(self.now, five_tuple, datagram) else {
            return;
        };
        let Side::Relay(id) = forward.from else {
            panic!("what a client sends goes to a peer")
        };
        assert!(
            self.open.contains(&id),
            "it is sent from a socket that is there"
        );
        assert!(
            self.policy.allows(forward.five_tuple.remote.ip()),
            "{}",
            forward.five_tuple.remote
        );
        assert!(is_whole(&forward));
    }

    fn message(
        &self,
        client_index: u8,
        signed: bool,
        class: u8,
        method: u8,
        id: u8,
        parts: &[Part],
    ) -> Vec<u8> {
        let class = [
            Class::Request,
            Class::Request,
            Class::Indication,
            Class::Success,
            Class::Error,
        ][usize::from(class % 5)];
        let methods = [
            Method::ALLOCATE,
            Method::REFRESH,
            Method::CREATE_PERMISSION,
            Method::CHANNEL_BIND,
            Method::SEND,
            Method::BINDING,
            Method::DATA,
        ];
        let method = methods[usize::from(method) % methods.len()];
        let mut buffer = Vec::new();
        let mut builder = MessageBuilder::new(&mut buffer, class, method, TransactionId([id; 12]));
        for part in parts {
            self.write(part, &mut builder);
        }
        if let (true, Some(nonce)) = (signed, self.nonces.get(&client(client_index))) {
            let name = if client_index.is_multiple_of(2) {
                "alice"
            } else {
                "bob"
            };
            let made = credentials::issue(SECRET, name, UNIX_TIME + 100_000);
            let key = Key::long_term(&made.username, REALM, &made.password);
            builder
                .username(&made.username)
                .realm(REALM)
                .nonce(nonce)
                .integrity(&key);
        }
        builder.finish();
        buffer
    }

    fn write(&self, part: &Part, builder: &mut MessageBuilder<'_>) {
        match part {
            Part::Peer(index) => builder.xor_peer_address(peer(*index)),
            Part::Channel(number) => builder.channel_number(channel_number(*number)),
            Part::Lifetime(seconds) => builder.lifetime(Duration::from_secs((*seconds).into())),
            Part::Udp => builder.requested_transport(17),
            Part::Family(v6) => {
                builder.requested_address_family(if *v6 { Family::V6 } else { Family::V4 })
            }
            Part::EvenPort(next) => builder.even_port(*next),
            Part::Token => builder.reservation_token(self.token.unwrap_or_default()),
            Part::Data(bytes) => builder.data(bytes),
            Part::Raw(kind, bytes) => builder.raw(AttributeType(*kind), bytes),
        };
    }

    /// The driver answers what it was asked first.
    fn answer(&mut self, outcome: Result<(), RelayError>) {
        let Some(relays) = self.asked.pop_front() else {
            return;
        };
        let address = SocketAddr::from(([203, 0, 113, 1], self.next_port));
        self.next_port = self.next_port.checked_add(2).unwrap_or(50_000);
        if outcome.is_ok() {
            self.open.extend(&relays);
        }
        self.server
            .relay_opened(self.now, relays[0], outcome.map(|()| address));
    }

    /// Takes all that the server has to say, and holds it to its contracts.
    fn drain(&mut self) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            assert_eq!(transmit.len, buffer.len());
            assert_eq!(transmit.five_tuple.local, server_address());
            let answer = Message::parse(&buffer).expect("an answer is a message");
            assert!(matches!(answer.class(), Class::Success | Class::Error));
            if let Some(nonce) = answer.nonce() {
                self.nonces
                    .insert(transmit.five_tuple.remote, nonce.to_owned());
            }
            self.token = answer.reservation_token().or(self.token);
            buffer.clear();
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, port, .. } => {
                    let relays = if let Port::EvenAndNext { next } = port {
                        vec![id, next]
                    } else {
                        vec![id]
                    };
                    assert!(
                        relays.iter().all(|id| self.seen.insert(*id)),
                        "no two relays have one id"
                    );
                    self.asked.push_back(relays);
                }
                Event::CloseRelay { id } => {
                    let at = self
                        .open
                        .iter()
                        .position(|open| *open == id)
                        .expect("only what was opened is closed");
                    self.open.swap_remove(at);
                }
            }
        }
        assert!(self.open.len() <= RELAYS && self.server.allocations() <= RELAYS);
    }

    /// Everybody is silent for as long as anything can live.
    fn end(&mut self) {
        while !self.asked.is_empty() {
            self.answer(Ok(()));
            self.drain();
        }
        while let Some(deadline) = self.server.poll_timeout() {
            assert!(
                deadline <= self.now + Duration::from_secs(3600),
                "nothing lives longer without its client"
            );
            self.now = self.now.max(deadline);
            self.server.handle_timeout(self.now);
            assert_ne!(
                self.server.poll_timeout(),
                Some(deadline),
                "a time-out that is handled is gone"
            );
            self.drain();
        }
        assert_eq!(self.server.allocations(), 0);
        assert!(self.open.is_empty(), "every socket is closed");
    }
}

/// Header, payload and padding are what `write_to` writes.
fn is_whole(forward: &Forward<'_>) -> bool {
    let mut bytes = Vec::new();
    forward.write_to(&mut bytes);
    bytes.len() == forward.len()
}

fn pick(relays: &[RelayId], index: u8) -> Option<RelayId> {
    relays
        .get(usize::from(index) % relays.len().max(1))
        .copied()
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], 3478))
}

fn client(index: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + index % 4], 4000))
}

/// Good peers, and peers that no relay may reach.
fn peer(index: u8) -> SocketAddr {
    let peers = [
        "198.51.100.1:9",
        "198.51.100.2:9",
        "198.51.100.2:10",
        "[2001:db8::1]:9",
        "127.0.0.1:9",
        "169.254.169.254:80",
        "[::ffff:10.0.0.1]:9",
        "198.51.100.3:0",
    ];
    peers[usize::from(index) % peers.len()]
        .parse()
        .expect("a literal")
}

fn channel_number(number: u8) -> u16 {
    // Mostly good ones, and the edges.
    match number {
        0..=7 => 0x4000 + u16::from(number),
        8 => 0x4FFF,
        9 => 0x5000,
        10 => 0x3FFF,
        _ => 0x7FFF,
    }
}
