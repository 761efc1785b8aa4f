//! What clients send.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_stun::{AttributeType, Class, Family, Key, MessageBuilder, Method, TransactionId};
use ieum_turn::{FiveTuple, Transport, credentials};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

pub const SECRET: &[u8] = b"a secret";
pub const REALM: &str = "test.example";
pub const UNIX_TIME: u64 = 1_800_000_000;

#[derive(Arbitrary, Debug)]
pub enum Part {
    Peer(u8),
    Channel(u8),
    Lifetime(u16),
    Udp,
    Tcp,
    Family(bool),
    BothFamilies,
    EvenPort(bool),
    /// The last reservation token that a server gave.
    Token,
    /// An empty one.
    WantTicket,
    /// The last one that a server gave.
    Ticket,
    /// The last one that a server gave.
    Connection,
    DontFragment,
    Data(Vec<u8>),
    Raw(u16, Vec<u8>),
}

/// What servers have given to anybody.
#[derive(Default)]
pub struct Given {
    pub token: Option<[u8; 8]>,
    pub ticket: Vec<u8>,
    pub connection: u32,
}

/// A message of one of these classes and methods.
pub fn message(
    [class, method, id]: [u8; 3],
    parts: &[Part],
    given: &Given,
    signer: Option<(u8, &str)>,
) -> Vec<u8> {
    let classes = [
        Class::Request,
        Class::Request,
        Class::Request,
        Class::Indication,
        Class::Success,
        Class::Error,
    ];
    let methods = [
        Method::ALLOCATE,
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
        Method::SEND,
        Method::BINDING,
        Method::DATA,
        Method::CONNECT,
        Method::CONNECTION_BIND,
    ];
    let class = classes[usize::from(class) % classes.len()];
    let method = methods[usize::from(method) % methods.len()];
    let mut buffer = Vec::new();
    let mut builder = MessageBuilder::new(&mut buffer, class, method, TransactionId([id; 12]));
    for part in parts {
        write(part, given, &mut builder);
    }
    if let Some((client, nonce)) = signer {
        sign(client, nonce, &mut builder);
    }
    builder.finish();
    buffer
}

fn sign(client: u8, nonce: &str, builder: &mut MessageBuilder<'_>) {
    let made = credentials::issue(SECRET, user(client), UNIX_TIME + 100_000);
    let key = Key::long_term(&made.username, REALM, &made.password);
    builder
        .username(&made.username)
        .realm(REALM)
        .nonce(nonce)
        .integrity(&key);
}

fn write(part: &Part, given: &Given, builder: &mut MessageBuilder<'_>) {
    let family = |v6: bool| if v6 { Family::V6 } else { Family::V4 };
    match part {
        Part::Peer(index) => builder.xor_peer_address(peer(*index)),
        Part::Channel(number) => builder.channel_number(channel_number(*number)),
        Part::Lifetime(seconds) => builder.lifetime(Duration::from_secs((*seconds).into())),
        Part::Udp => builder.requested_transport(17),
        Part::Tcp => builder.requested_transport(6),
        Part::Family(v6) => builder.requested_address_family(family(*v6)),
        Part::BothFamilies => builder.additional_address_family(Family::V6),
        Part::EvenPort(next) => builder.even_port(*next),
        Part::Token => builder.reservation_token(given.token.unwrap_or_default()),
        Part::WantTicket => builder.mobility_ticket(&[]),
        Part::Ticket => builder.mobility_ticket(&given.ticket),
        Part::Connection => builder.connection_id(given.connection),
        Part::DontFragment => builder.dont_fragment(),
        Part::Data(bytes) => builder.data(bytes),
        Part::Raw(kind, bytes) => builder.raw(AttributeType(*kind), bytes),
    };
}

pub fn server_address() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], 3478))
}

/// Six clients: four over UDP, one over TCP, one over TLS.
pub fn client(index: u8) -> FiveTuple {
    let index = index % 6;
    let remote = SocketAddr::from(([192, 0, 2, 1 + index], 4000));
    let transport = match index {
        0..=3 => Transport::Udp,
        4 => Transport::Tcp,
        _ => Transport::Tls,
    };
    FiveTuple {
        transport,
        ..FiveTuple::udp(server_address(), remote)
    }
}

pub fn user(index: u8) -> &'static str {
    ["alice", "bob"][usize::from(index % 6 % 2)]
}

/// Good peers, and peers that no relay may reach.
pub fn peer(index: u8) -> SocketAddr {
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

pub fn channel_number(number: u8) -> u16 {
    // Mostly good ones, and the edges.
    match number {
        0..=7 => 0x4000 + u16::from(number),
        8 => 0x4FFF,
        9 => 0x5000,
        10 => 0x3FFF,
        _ => 0x7FFF,
    }
}
