//! A server, the driver around it, and a client that is written out here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{Class, Family, Key, Message, MessageBuilder, Method, TransactionId};
use ieum_turn::server::{Config, Counters, Event, Port, RelayError, RelayId, Server, Side};
use ieum_turn::{FiveTuple, credentials};

pub(crate) const SECRET: &[u8] = b"the secret";
pub(crate) const REALM: &str = "example.org";
pub(crate) const UNIX_TIME: u64 = 1_800_000_000;
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn from(client: &str) -> FiveTuple {
    FiveTuple::udp(address("203.0.113.1:3478"), address(client))
}

/// A server, its driver, and who talks to it.
pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) server: Server,
    pub(crate) five_tuple: FiveTuple,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) nonce: String,
    pub(crate) next_id: u64,
    pub(crate) relays: Vec<(RelayId, SocketAddr)>,
    /// What the driver answers, where it is not a new address.
    pub(crate) refuse_relays: Option<RelayError>,
    /// The family that it has no address of.
    pub(crate) refuse_family: Option<Family>,
    /// What this driver leaves to the test.
    pub(crate) events: Vec<Event>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).unwrap()
    }

    /// 0 for success.
    pub(crate) fn code(&self) -> u16 {
        match self.message().class() {
            Class::Success => 0,
            Class::Error => self.message().error_code().unwrap().code,
            class => panic!("{class:?}"),
        }
    }
}

impl Bench {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let now = Instant::now();
        let mut config = Config::new(REALM, SECRET, UNIX_TIME, [1; 32]);
        change(&mut config);
        let issued = credentials::issue(SECRET, "alice", UNIX_TIME + 3600);
        Self {
            now,
            server: Server::new(now, config),
            five_tuple: from("198.51.100.1:5000"),
            username: issued.username,
            password: issued.password,
            nonce: String::new(),
            next_id: 0,
            relays: Vec::new(),
            refuse_relays: None,
            refuse_family: None,
            events: Vec::new(),
        }
    }

    /// One that has a nonce.
    pub(crate) fn challenged(change: impl FnOnce(&mut Config)) -> Self {
        let mut bench = Self::new(change);
        assert_eq!(bench.allocate_as_is(|_| ()).code(), 401);
        bench
    }

    /// One that has an allocation.
    pub(crate) fn allocated(change: impl FnOnce(&mut Config)) -> Self {
        let mut bench = Self::challenged(change);
        assert_eq!(bench.allocate(|_| ()).code(), 0);
        bench
    }

    pub(crate) fn counters(&self) -> Counters {
        *self.server.counters()
    }

    pub(crate) fn key(&self) -> Key {
        Key::long_term(&self.username, REALM, &self.password)
    }

    pub(crate) fn id(&mut self) -> TransactionId {
        self.next_id += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.next_id.to_be_bytes());
        TransactionId(id)
    }

    /// Hands bytes over, plays the driver, and gives the answer.
    pub(crate) fn deliver(&mut self, bytes: &[u8]) -> Option<Answer> {
        let forward = self
            .server
            .handle_datagram(self.now, self.five_tuple, bytes);
        assert!(forward.is_none());
        self.drive();
        let mut bytes = Vec::new();
        let transmit = self.server.poll_transmit(self.now, &mut bytes)?;
        assert_eq!(
            (transmit.five_tuple, transmit.len),
            (self.five_tuple, bytes.len())
        );
        assert_eq!(self.server.poll_transmit(self.now, &mut Vec::new()), None);
        let answer = Answer { bytes };
        assert_eq!(answer.message().has_valid_fingerprint(), Some(true));
        if let Some(nonce) = answer.message().nonce() {
            self.nonce = nonce.to_owned();
        }
        Some(answer)
    }

    pub(crate) fn drive(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, family, port } => {
                    let outcome = match self.refuse_relays {
                        Some(error) => Err(error),
                        None if self.refuse_family == Some(family) => Err(RelayError::Family),
                        None => Ok(self.open(id, family, port)),
                    };
                    self.server.relay_opened(self.now, id, outcome);
                }
                Event::CloseRelay { id } => {
                    let before = self.relays.len();
                    self.relays.retain(|(relay, _)| *relay != id);
                    assert_eq!(self.relays.len(), before - 1);
                }
                other => self.events.push(other),
            }
        }
    }

    pub(crate) fn open(&mut self, id: RelayId, family: Family, port: Port) -> SocketAddr {
        assert!(
            self.relays
                .iter()
                .all(|(relay, _)| relay.index() != id.index())
        );
        let ip = match family {
            Family::V4 => "203.0.113.1:0",
            Family::V6 => "[2001:db8::1]:0",
        };
        let mut relay = address(ip);
        relay.set_port(50_000 + self.relays.len() as u16 * 2);
        self.relays.push((id, relay));
        if let Port::EvenAndNext { next } = port {
            self.relays
                .push((next, SocketAddr::new(relay.ip(), relay.port() + 1)));
        }
        relay
    }

    pub(crate) fn request(
        &mut self,
        method: Method,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Vec<u8> {
        let id = self.id();
        let mut bytes = Vec::new();
        let mut message = MessageBuilder::new(&mut bytes, Class::Request, method, id);
        attributes(&mut message);
        message
            .username(&self.username)
            .realm(REALM)
            .nonce(&self.nonce)
            .integrity(&self.key());
        bytes
    }

    pub(crate) fn ask(
        &mut self,
        method: Method,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Answer {
        let bytes = self.request(method, attributes);
        let answer = self.deliver(&bytes).unwrap();
        if !matches!(answer.code(), 401 | 438) {
            assert_eq!(answer.message().verify_integrity(&self.key()), Ok(()));
        }
        answer
    }

    pub(crate) fn allocate(&mut self, attributes: impl FnOnce(&mut MessageBuilder<'_>)) -> Answer {
        self.ask(Method::ALLOCATE, |m| {
            m.requested_transport(17);
            attributes(m);
        })
    }

    /// Without credentials.
    pub(crate) fn allocate_as_is(
        &mut self,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Answer {
        let id = self.id();
        let mut bytes = Vec::new();
        let mut message = MessageBuilder::new(&mut bytes, Class::Request, Method::ALLOCATE, id);
        attributes(message.requested_transport(17));
        self.deliver(&bytes).unwrap()
    }

    pub(crate) fn permit(&mut self, peer: &str) -> u16 {
        let peer = address(peer);
        self.ask(Method::CREATE_PERMISSION, |m| _ = m.xor_peer_address(peer))
            .code()
    }

    pub(crate) fn bind(&mut self, number: u16, peer: &str) -> u16 {
        let peer = address(peer);
        self.ask(Method::CHANNEL_BIND, |m| {
            _ = m.channel_number(number).xor_peer_address(peer)
        })
        .code()
    }

    pub(crate) fn send(&mut self, peer: &str, payload: &[u8]) -> bool {
        let id = self.id();
        let mut bytes = Vec::new();
        MessageBuilder::new(&mut bytes, Class::Indication, Method::SEND, id)
            .xor_peer_address(address(peer))
            .data(payload);
        let forward = self
            .server
            .handle_datagram(self.now, self.five_tuple, &bytes);
        if let Some(forward) = forward {
            assert_eq!(forward.from, Side::Relay(self.relays[0].0));
            assert_eq!(
                forward.five_tuple,
                FiveTuple::udp(self.relays[0].1, address(peer))
            );
            assert_eq!(
                (forward.header(), forward.payload, forward.padding()),
                (&[][..], payload, 0)
            );
        }
        forward.is_some()
    }

    /// What the client gets when a peer sends.
    pub(crate) fn receive(&mut self, peer: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let relay = self.relays[0].0;
        let forward = self
            .server
            .handle_relayed(self.now, relay, address(peer), payload)?;
        assert_eq!(
            (forward.from, forward.five_tuple),
            (Side::Listener, self.five_tuple)
        );
        let mut bytes = Vec::new();
        forward.write_to(&mut bytes);
        Some(bytes)
    }
}
