//! The server's answers, one request at a time, to a client that is written out here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{
    AttributeType, Class, Family, Key, Message, MessageBuilder, Method, TransactionId,
};
use ieum_turn::server::{Config, Counters, Event, Port, RelayError, RelayId, Server, Side};
use ieum_turn::{FiveTuple, credentials};

const SECRET: &[u8] = b"the secret";
const REALM: &str = "example.org";
const UNIX_TIME: u64 = 1_800_000_000;
const SECOND: Duration = Duration::from_secs(1);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn from(client: &str) -> FiveTuple {
    FiveTuple::udp(address("203.0.113.1:3478"), address(client))
}

/// A server, its driver, and who talks to it.
struct Bench {
    now: Instant,
    server: Server,
    five_tuple: FiveTuple,
    username: String,
    password: String,
    nonce: String,
    next_id: u8,
    relays: Vec<(RelayId, SocketAddr)>,
    /// What the driver answers, where it is not a new address.
    refuse_relays: Option<RelayError>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).unwrap()
    }

    /// 0 for success.
    fn code(&self) -> u16 {
        match self.message().class() {
            Class::Success => 0,
            Class::Error => self.message().error_code().unwrap().code,
            class => panic!("{class:?}"),
        }
    }
}

impl Bench {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
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
        }
    }

    /// One that has a nonce.
    fn challenged(change: impl FnOnce(&mut Config)) -> Self {
        let mut bench = Self::new(change);
        assert_eq!(bench.allocate_as_is(|_| ()).code(), 401);
        bench
    }

    /// One that has an allocation.
    fn allocated(change: impl FnOnce(&mut Config)) -> Self {
        let mut bench = Self::challenged(change);
        assert_eq!(bench.allocate(|_| ()).code(), 0);
        bench
    }

    fn counters(&self) -> Counters {
        *self.server.counters()
    }

    fn key(&self) -> Key {
        Key::long_term(&self.username, REALM, &self.password)
    }

    fn id(&mut self) -> TransactionId {
        self.next_id += 1;
        TransactionId([self.next_id; 12])
    }

    /// Hands bytes over, plays the driver, and gives the answer.
    fn deliver(&mut self, bytes: &[u8]) -> Option<Answer> {
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

    fn drive(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, family, port } => {
                    let outcome = match self.refuse_relays {
                        Some(error) => Err(error),
                        None => Ok(self.open(id, family, port)),
                    };
                    self.server.relay_opened(self.now, id, outcome);
                }
                Event::CloseRelay { id } => {
                    let before = self.relays.len();
                    self.relays.retain(|(relay, _)| *relay != id);
                    assert_eq!(self.relays.len(), before - 1);
                }
            }
        }
    }

    fn open(&mut self, id: RelayId, family: Family, port: Port) -> SocketAddr {
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

    fn request(
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

    fn ask(&mut self, method: Method, attributes: impl FnOnce(&mut MessageBuilder<'_>)) -> Answer {
        let bytes = self.request(method, attributes);
        let answer = self.deliver(&bytes).unwrap();
        if !matches!(answer.code(), 401 | 438) {
            assert_eq!(answer.message().verify_integrity(&self.key()), Ok(()));
        }
        answer
    }

    fn allocate(&mut self, attributes: impl FnOnce(&mut MessageBuilder<'_>)) -> Answer {
        self.ask(Method::ALLOCATE, |m| {
            m.requested_transport(17);
            attributes(m);
        })
    }

    /// Without credentials.
    fn allocate_as_is(&mut self, attributes: impl FnOnce(&mut MessageBuilder<'_>)) -> Answer {
        let id = self.id();
        let mut bytes = Vec::new();
        let mut message = MessageBuilder::new(&mut bytes, Class::Request, Method::ALLOCATE, id);
        attributes(message.requested_transport(17));
        self.deliver(&bytes).unwrap()
    }

    fn permit(&mut self, peer: &str) -> u16 {
        let peer = address(peer);
        self.ask(Method::CREATE_PERMISSION, |m| _ = m.xor_peer_address(peer))
            .code()
    }

    fn bind(&mut self, number: u16, peer: &str) -> u16 {
        let peer = address(peer);
        self.ask(Method::CHANNEL_BIND, |m| {
            _ = m.channel_number(number).xor_peer_address(peer)
        })
        .code()
    }

    fn send(&mut self, peer: &str, payload: &[u8]) -> bool {
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
    fn receive(&mut self, peer: &str, payload: &[u8]) -> Option<Vec<u8>> {
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

#[test]
fn a_binding_request_is_answered_with_where_it_came_from() {
    let mut bench = Bench::new(|config| config.software = Some("ieum".into()));
    let mut bytes = Vec::new();
    MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        TransactionId([7; 12]),
    );
    let answer = bench.deliver(&bytes).unwrap();
    let message = answer.message();
    assert_eq!(message.transaction_id(), TransactionId([7; 12]));
    assert_eq!(message.xor_mapped_address(), Some(bench.five_tuple.remote));
    assert_eq!(message.software(), Some("ieum"));

    MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        TransactionId([7; 12]),
    )
    .raw(AttributeType(0x0003), &[0; 4]);
    let answer = bench.deliver(&bytes[20..]).unwrap();
    assert_eq!(answer.code(), 420);
    let unknown: Vec<_> = answer.message().unknown_attributes().collect();
    assert_eq!(unknown, [AttributeType(0x0003)]);
}

#[test]
fn nothing_is_remembered_before_a_request_has_proven_its_sender() {
    let mut bench = Bench::new(|_| ());
    let answer = bench.allocate_as_is(|_| ());
    assert_eq!(answer.code(), 401);
    assert_eq!(answer.message().realm(), Some(REALM));
    // Of the request's 28 bytes and 28 of IP and UDP.
    assert!(answer.bytes.len() + 28 <= 3 * 56, "{}", answer.bytes.len());
    bench.password = "guessed".into();
    assert_eq!(bench.allocate(|_| ()).code(), 401);
    assert_eq!(
        (bench.server.allocations(), bench.server.poll_timeout()),
        (0, None)
    );
    assert_eq!(bench.counters().refused.challenged, 1);
    assert_eq!(bench.counters().refused.unauthenticated, 1);
    for method in [
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
    ] {
        assert_eq!(bench.ask(method, |_| ()).code(), 401);
    }
}

#[test]
fn credentials_end() {
    let mut bench = Bench::challenged(|_| ());
    bench.now += 3599 * SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.five_tuple = from("198.51.100.1:5001");
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    bench.now += SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 401);
    assert_eq!(bench.counters().refused.credentials_expired, 1);
    bench.server.set_unix_time(bench.now, UNIX_TIME);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
}

#[test]
fn a_username_without_an_expiry_is_nobody() {
    for username in [
        "alice",
        "never:alice",
        "-1:alice",
        "+9999999999:alice",
        ":alice",
    ] {
        let mut bench = Bench::challenged(|_| ());
        bench.username = username.into();
        bench.password = credentials::password(SECRET, username);
        assert_eq!(bench.allocate(|_| ()).code(), 401, "{username}");
    }
}

#[test]
fn a_nonce_ends_and_belongs_to_one_client() {
    let mut bench = Bench::allocated(|_| ());
    bench.five_tuple = from("198.51.100.1:5001");
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.now += 599 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    let mut bench = Bench::challenged(|config| config.limits.nonce_lifetime = 10 * SECOND);
    bench.now += 10 * SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    assert_eq!(bench.counters().refused.stale_nonce, 1);
}

#[test]
fn the_same_allocate_is_answered_with_the_same_allocation() {
    let mut bench = Bench::challenged(|_| ());
    let request = bench.request(Method::ALLOCATE, |m| _ = m.requested_transport(17));
    let first = bench.deliver(&request).unwrap();
    assert_eq!(first.code(), 0);
    assert_eq!(
        first.message().xor_relayed_address(),
        Some(bench.relays[0].1)
    );
    assert_eq!(
        first.message().xor_mapped_address(),
        Some(bench.five_tuple.remote)
    );
    assert_eq!(first.message().lifetime(), Some(600 * SECOND));
    assert_eq!(bench.deliver(&request).unwrap(), first);
    assert_eq!(bench.counters().repeated, 1);
    assert_eq!(bench.allocate(|_| ()).code(), 437);
    assert_eq!((bench.server.allocations(), bench.relays.len()), (1, 1));
}

#[test]
fn while_a_relay_is_being_opened_there_is_one_allocation_and_no_answer() {
    let mut bench = Bench::challenged(|_| ());
    let request = bench.request(Method::ALLOCATE, |m| _ = m.requested_transport(17));
    for _ in 0..3 {
        bench
            .server
            .handle_datagram(bench.now, bench.five_tuple, &request);
    }
    assert_eq!(bench.server.poll_transmit(bench.now, &mut Vec::new()), None);
    let Some(Event::OpenRelay { id, .. }) = bench.server.poll_event() else {
        panic!();
    };
    assert_eq!(bench.server.poll_event(), None);
    let refresh = bench.request(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(bench.deliver(&refresh).unwrap().code(), 437);
    bench
        .server
        .relay_opened(bench.now, id, Ok(address("203.0.113.1:50000")));
    let mut bytes = Vec::new();
    assert!(bench.server.poll_transmit(bench.now, &mut bytes).is_some());
    assert_eq!(Answer { bytes }.code(), 0);
    // A driver that answers twice changes nothing.
    bench
        .server
        .relay_opened(bench.now, id, Err(RelayError::Exhausted));
    assert_eq!(
        (bench.server.allocations(), bench.counters().ignored.opening),
        (1, 2)
    );
}

#[test]
fn an_allocate_that_makes_no_sense_is_refused() {
    let mut bench = Bench::challenged(|_| ());
    assert_eq!(bench.ask(Method::ALLOCATE, |_| ()).code(), 400);
    assert_eq!(
        bench
            .ask(Method::ALLOCATE, |m| _ = m.requested_transport(6))
            .code(),
        442
    );
    let unknown = AttributeType(0x7777);
    assert_eq!(bench.allocate(|m| _ = m.raw(unknown, &[])).code(), 420);
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::DONT_FRAGMENT, &[]))
            .code(),
        420
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::LIFETIME, &[1]))
            .code(),
        400
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::EVEN_PORT, &[]))
            .code(),
        400
    );
    let third = AttributeType::REQUESTED_ADDRESS_FAMILY;
    assert_eq!(
        bench.allocate(|m| _ = m.raw(third, &[3, 0, 0, 0])).code(),
        440
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.reservation_token([0; 8]).even_port(false))
            .code(),
        400
    );
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token([0; 8])).code(),
        508
    );
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    assert_eq!(bench.allocate(|_| ()).code(), 0);
}

#[test]
fn families_are_the_drivers() {
    let mut bench = Bench::challenged(|_| ());
    bench.refuse_relays = Some(RelayError::Family);
    assert_eq!(
        bench
            .allocate(|m| _ = m.requested_address_family(Family::V6))
            .code(),
        440
    );
    bench.refuse_relays = Some(RelayError::Exhausted);
    assert_eq!(bench.allocate(|m| _ = m.even_port(true)).code(), 508);
    assert_eq!(
        (bench.server.allocations(), bench.server.poll_timeout()),
        (0, None)
    );
    bench.refuse_relays = None;
    let answer = bench.allocate(|m| _ = m.requested_address_family(Family::V6));
    assert_eq!(
        answer.message().xor_relayed_address(),
        Some(address("[2001:db8::1]:50000"))
    );
    assert_eq!(bench.permit("192.0.2.7:1"), 443);
    assert_eq!(bench.permit("[2001:db8::7]:1"), 0);
    let refresh = bench.ask(Method::REFRESH, |m| {
        _ = m.requested_address_family(Family::V4)
    });
    assert_eq!(refresh.code(), 443);
}

#[test]
fn a_second_family_is_answered_with_its_own_error() {
    let mut bench = Bench::challenged(|_| ());
    let second = AttributeType::ADDITIONAL_ADDRESS_FAMILY;
    let answer = bench.allocate(|m| _ = m.raw(second, &[2, 0, 0, 0]));
    assert_eq!(answer.code(), 0);
    let error = answer
        .message()
        .attribute(AttributeType::ADDRESS_ERROR_CODE)
        .unwrap();
    assert_eq!(error[..4], [2, 0, 4, 40]);
}

#[test]
fn a_lifetime_is_at_least_ten_minutes_and_at_most_an_hour() {
    for (wanted, granted) in [
        (0, 600),
        (1, 600),
        (777, 777),
        (3600, 3600),
        (u64::MAX, 3600),
    ] {
        let mut bench = Bench::challenged(|_| ());
        let answer = bench.allocate(|m| _ = m.lifetime(Duration::from_secs(wanted)));
        assert_eq!(
            answer.message().lifetime(),
            Some(granted * SECOND),
            "{wanted}"
        );
        assert_eq!(
            bench.server.poll_timeout(),
            Some(bench.now + granted * SECOND)
        );
    }
}

#[test]
fn a_refresh_prolongs_and_lifetime_zero_ends() {
    let mut bench = Bench::allocated(|_| ());
    bench.now += 500 * SECOND;
    let answer = bench.ask(Method::REFRESH, |_| ());
    assert_eq!(answer.message().lifetime(), Some(600 * SECOND));
    assert_eq!(bench.server.poll_timeout(), Some(bench.now + 600 * SECOND));
    let answer = bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(
        (answer.code(), answer.message().lifetime()),
        (0, Some(Duration::ZERO))
    );
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    assert_eq!(bench.server.poll_timeout(), None);
    assert_eq!(
        bench
            .ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO))
            .code(),
        437
    );
}

#[test]
fn an_allocation_belongs_to_who_made_it() {
    let mut bench = Bench::allocated(|_| ());
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(
        bench
            .ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO))
            .code(),
        441
    );
    assert_eq!(bench.permit("192.0.2.7:1"), 441);
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 441);
    assert_eq!(
        (
            bench.server.allocations(),
            bench.counters().refused.wrong_credentials
        ),
        (1, 3)
    );
}

#[test]
fn limits_hold_per_user_and_in_all() {
    let mut bench = Bench::challenged(|config| {
        config.limits.relays = 3;
        config.limits.relays_per_user = 2;
    });
    let ask_from = |bench: &mut Bench, port: u16, even: bool| {
        bench.five_tuple = from(&format!("198.51.100.1:{port}"));
        bench.allocate_as_is(|_| ());
        let answer = bench.allocate(|m| {
            if even {
                _ = m.even_port(true)
            }
        });
        answer.code()
    };
    // The reserved port counts.
    assert_eq!(ask_from(&mut bench, 1, true), 0);
    assert_eq!(ask_from(&mut bench, 2, false), 486);
    // Another expiry is the same user.
    let issued = credentials::issue(SECRET, "alice", UNIX_TIME + 3601);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 3, false), 486);
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 4, true), 508);
    assert_eq!(ask_from(&mut bench, 5, false), 0);
    assert_eq!(ask_from(&mut bench, 6, false), 508);
    // The reservation ends after 30 seconds.
    bench.now += 30 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!(bench.relays.len(), 2);
    assert_eq!(ask_from(&mut bench, 7, false), 0);
}

#[test]
fn a_reserved_port_goes_to_who_brings_its_token() {
    let mut bench = Bench::challenged(|_| ());
    let even = bench.allocate(|m| _ = m.even_port(true));
    let token = even.message().reservation_token().unwrap();
    let relayed = even.message().xor_relayed_address().unwrap();
    assert_eq!(relayed.port() % 2, 0);

    bench.five_tuple = from("198.51.100.1:5001");
    bench.allocate_as_is(|_| ());
    let (username, password) = (bench.username.clone(), bench.password.clone());
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token(token)).code(),
        508
    );
    (bench.username, bench.password) = (username, password);
    let odd = bench.allocate(|m| _ = m.reservation_token(token));
    assert_eq!(odd.code(), 0);
    let above = SocketAddr::new(relayed.ip(), relayed.port() + 1);
    assert_eq!(odd.message().xor_relayed_address(), Some(above));

    bench.five_tuple = from("198.51.100.1:5002");
    bench.allocate_as_is(|_| ());
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token(token)).code(),
        508
    );
    bench.now += 600 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!((bench.relays.len(), bench.server.poll_timeout()), (0, None));
}

#[test]
fn a_permission_lets_an_address_in_for_five_minutes() {
    let mut bench = Bench::allocated(|_| ());
    assert!(!bench.send("192.0.2.7:1", b"too early"));
    assert_eq!(bench.receive("192.0.2.7:1", b"too early"), None);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert!(bench.send("192.0.2.7:1", b"hello"));
    assert!(bench.send("192.0.2.7:2", b"any port"));
    assert!(!bench.send("192.0.2.8:1", b"another"));
    assert!(bench.receive("192.0.2.7:9", b"x").is_some());
    bench.now += 299 * SECOND;
    assert!(bench.send("192.0.2.7:1", b"hello"));
    bench.now += SECOND;
    assert!(!bench.send("192.0.2.7:1", b"hello"));
    assert_eq!(bench.receive("192.0.2.7:1", b"x"), None);
    assert_eq!(bench.counters().ignored.no_permission, 5);
}

#[test]
fn one_forbidden_peer_refuses_the_whole_request() {
    let mut bench = Bench::allocated(|config| {
        config.limits.permissions = 2;
        config.peers.allowed.push("10.0.0.9".parse().unwrap());
    });
    let (good, bad) = (address("192.0.2.7:1"), address("10.0.0.1:1"));
    let both = bench.ask(Method::CREATE_PERMISSION, |m| {
        m.xor_peer_address(good).xor_peer_address(bad);
    });
    assert_eq!(both.code(), 403);
    assert!(!bench.send("192.0.2.7:1", b"x"));
    for peer in [
        "127.0.0.1:1",
        "169.254.169.254:80",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "0.0.0.0:1",
    ] {
        assert_eq!(bench.permit(peer), 403, "{peer}");
        assert_eq!(bench.bind(0x4000, peer), 403, "{peer}");
    }
    assert_eq!(bench.ask(Method::CREATE_PERMISSION, |_| ()).code(), 400);
    let half = AttributeType::XOR_PEER_ADDRESS;
    let malformed = bench.ask(Method::CREATE_PERMISSION, |m| {
        m.xor_peer_address(good).raw(half, &[0, 1, 2]);
    });
    assert_eq!(malformed.code(), 400);
    assert_eq!(bench.permit("10.0.0.9:1"), 0);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert_eq!(bench.permit("192.0.2.8:1"), 508);
}

#[test]
fn a_channel_carries_both_ways_for_ten_minutes() {
    let mut bench = Bench::allocated(|config| config.limits.channels = 2);
    for number in [0, 0x3FFF, 0x8000, 0xFFFF] {
        assert_eq!(bench.bind(number, "192.0.2.7:1"), 400, "{number:x}");
    }
    assert_eq!(
        bench
            .ask(Method::CHANNEL_BIND, |m| _ = m.channel_number(0x4000))
            .code(),
        400
    );
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    assert_eq!(bench.bind(0x4001, "192.0.2.7:1"), 400);
    assert_eq!(bench.bind(0x4000, "192.0.2.7:2"), 400);
    assert_eq!(bench.bind(0x7FFF, "192.0.2.7:2"), 0);
    assert_eq!(bench.bind(0x4002, "192.0.2.7:3"), 508);

    let (now, five_tuple) = (bench.now, bench.five_tuple);
    let on_channel = |server: &mut Server, now, bytes: &[u8]| {
        let forward = server.handle_datagram(now, five_tuple, bytes);
        forward.map(|f| (f.five_tuple.remote, f.payload.to_vec()))
    };
    // Padding may follow, as over TCP.
    let sent = on_channel(&mut bench.server, now, b"\x40\0\0\x02hi\0\0");
    assert_eq!(sent, Some((address("192.0.2.7:1"), b"hi".to_vec())));
    assert_eq!(on_channel(&mut bench.server, now, b"\x40\0\0\x03hi"), None);
    assert_eq!(
        on_channel(&mut bench.server, now, b"\x40\x01\0\x02hi"),
        None
    );
    assert_eq!(on_channel(&mut bench.server, now, b"\x40\0\0"), None);
    assert_eq!(
        bench.receive("192.0.2.7:1", b"hi").unwrap(),
        b"\x40\0\0\x02hi"
    );

    bench.now += 599 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    // The permission was not refreshed.
    assert_eq!(bench.receive("192.0.2.7:1", b"hi"), None);
    let now = bench.now;
    assert!(on_channel(&mut bench.server, now, b"\x40\0\0\x02hi").is_some());
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    bench.now += SECOND;
    assert!(bench.receive("192.0.2.7:1", b"hi").is_some());
    let now = bench.now;
    assert_eq!(
        on_channel(&mut bench.server, now, b"\x7F\xFF\0\x02hi"),
        None
    );
    assert_eq!(bench.counters().ignored.no_channel, 2);
    assert_eq!(bench.counters().ignored.malformed, 2);
}

#[test]
fn without_a_channel_data_comes_in_an_indication() {
    let mut bench = Bench::allocated(|_| ());
    bench.permit("192.0.2.7:1");
    for len in 0..9 {
        let payload = &b"12345678"[..len];
        let bytes = bench.receive("192.0.2.7:77", payload).unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            (message.class(), message.method()),
            (Class::Indication, Method::DATA)
        );
        assert_eq!(message.xor_peer_address(), Some(address("192.0.2.7:77")));
        assert_eq!(message.data(), Some(payload));
    }
    assert!(bench.receive("192.0.2.7:77", &[0; 65_464]).is_some());
    assert!(bench.receive("192.0.2.7:77", &[0; 65_507]).is_none());
    assert_eq!(bench.counters().ignored.too_long, 1);
}

#[test]
fn what_has_expired_is_gone_before_the_timeout_is_handled() {
    let mut bench = Bench::allocated(|_| ());
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    bench.now += 600 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 437);
    assert_eq!((bench.counters().expired, bench.relays.len()), (1, 0));
}

#[test]
fn a_relay_that_is_closed_relays_nothing_although_its_number_lives_again() {
    let mut bench = Bench::allocated(|_| ());
    let old = bench.relays[0].0;
    bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.permit("192.0.2.7:1");
    let new = bench.relays[0].0;
    assert_eq!((old.index(), old == new), (new.index(), false));
    let peer = address("192.0.2.7:1");
    assert!(
        bench
            .server
            .handle_relayed(bench.now, old, peer, b"x")
            .is_none()
    );
    assert!(
        bench
            .server
            .handle_relayed(bench.now, new, peer, b"x")
            .is_some()
    );
    assert_eq!(bench.counters().ignored.no_relay, 1);
}
