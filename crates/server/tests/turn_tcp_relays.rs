//! What TCP relays carry (RFC 6062) counts against the bandwidth: it waits, and nothing of it is lost.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::asking::{Asking, code};
use ieum_server::turn::Turn;
use ieum_stun::{Message, Method};

#[test]
fn more_than_the_bandwidth_waits_both_ways() {
    let mut config = common::config();
    config.listen.tcp.push(common::anywhere());
    config.workers = 2;
    config.machine.limits.bandwidth_per_user = Some(RATE as u64);
    let server = Turn::start(config).expect("a server");
    let at = server.listening().tcp[0];
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut control = Asking::new(at, "alice", "secret");
    let allocated = control.ask(Method::ALLOCATE, |m| _ = m.requested_transport(6));
    assert_eq!(code(&allocated), 0);
    let client = joined(at, &mut control, address);
    let (peer, _) = listener.accept().expect("the relay connects");

    let began = Instant::now();
    let ways = [(&client, &peer), (&peer, &client)];
    thread::scope(|scope| {
        for (from, to) in ways {
            scope.spawn(move || write(from));
            scope.spawn(move || assert_eq!(read(to), whole()));
        }
    });
    // What a second brings may come at once, and one read of each side may overshoot.
    let least = (2 * TOTAL - RATE - 2 * ROOM) as f64 / RATE as f64;
    let took = began.elapsed();
    assert!(took >= Duration::from_secs_f64(least), "{took:?}");
    let report = server.observer().report().expect("it runs");
    let relayed = report.total("ieum_turn_relayed_bytes_total");
    assert_eq!(relayed, Some(2 * TOTAL as u64));
}

/// A stream of the client's that is joined with a connection to the peer.
fn joined(server: SocketAddr, control: &mut Asking, peer: SocketAddr) -> TcpStream {
    let connected = control.ask(Method::CONNECT, |m| _ = m.xor_peer_address(peer));
    assert_eq!(code(&connected), 0);
    let id = Message::parse(&connected).expect("STUN").connection_id();
    let id = id.expect("a connection");
    let mut data = Asking::new(server, "alice", "secret");
    let bound = data.ask(Method::CONNECTION_BIND, |m| _ = m.connection_id(id));
    assert_eq!(code(&bound), 0);
    data.stream
}

fn whole() -> Vec<u8> {
    (0..TOTAL).map(|at| (at % 251) as u8).collect()
}

fn write(mut to: &TcpStream) {
    to.write_all(&whole()).expect("it is taken in time");
}

fn read(mut from: &TcpStream) -> Vec<u8> {
    let patience = Some(common::SOON);
    from.set_read_timeout(patience).expect("not zero");
    let mut all = vec![0; TOTAL];
    from.read_exact(&mut all).expect("all of it");
    all
}

/// Bytes in a second.
const RATE: usize = 1_000_000;
/// Bytes each way.
const TOTAL: usize = 1_000_000;
/// What one read may bring.
const ROOM: usize = 128 * 1024;
