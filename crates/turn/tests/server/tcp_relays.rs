//! Relays that carry TCP (RFC 6062).

use ieum_stun::{Class, Message, Method};
use ieum_turn::server::{Config, ConnectError, ConnectionId, Event, RelayId};
use ieum_turn::{FiveTuple, Transport, credentials};

use super::bench::*;

const PEER: &str = "192.0.2.7:80";

fn stream(port: u16) -> FiveTuple {
    let remote = address(&format!("198.51.100.1:{port}"));
    FiveTuple {
        transport: Transport::Tcp,
        ..FiveTuple::udp(address("203.0.113.1:3478"), remote)
    }
}

/// A client with a TCP allocation, and its listener.
fn allocated(connections: usize) -> (Bench, RelayId) {
    allocated_with(connections, |_| ())
}

fn allocated_with(connections: usize, change: impl FnOnce(&mut Config)) -> (Bench, RelayId) {
    let mut bench = Bench::new(|config| {
        config.abilities.tcp_relays = true;
        config.limits.connections = connections;
        change(config);
    });
    bench.five_tuple = stream(5000);
    bench.allocate_as_is(|_| ());
    let bytes = bench.request(Method::ALLOCATE, |m| _ = m.requested_transport(6));
    assert_eq!(bench.deliver(&bytes), None);
    let Some(Event::OpenListener { id, .. }) = bench.events.pop() else {
        panic!()
    };
    let relayed = address("203.0.113.1:50000");
    bench.server.relay_opened(bench.now, id, Ok(relayed));
    let answer = answer(&mut bench).unwrap();
    assert_eq!(answer.message().xor_relayed_address(), Some(relayed));
    // So that the driver finds it when it is closed.
    bench.relays.push((id, relayed));
    (bench, id)
}

fn answer(bench: &mut Bench) -> Option<Answer> {
    let mut bytes = Vec::new();
    bench.server.poll_transmit(bench.now, &mut bytes)?;
    Some(Answer { bytes })
}

/// Asks for a connection; its id where the driver is to make it.
fn connect(bench: &mut Bench, peer: &str) -> Result<ConnectionId, u16> {
    let bytes = bench.request(Method::CONNECT, |m| _ = m.xor_peer_address(address(peer)));
    if let Some(answer) = bench.deliver(&bytes) {
        return Err(answer.code());
    }
    let Some(Event::Connect { id, peer: to, .. }) = bench.events.pop() else {
        panic!()
    };
    assert_eq!(to, address(peer));
    Ok(id)
}

/// Binds it to a stream of its own.
fn bind(bench: &mut Bench, number: u32, port: u16) -> u16 {
    let control = std::mem::replace(&mut bench.five_tuple, stream(port));
    bench.allocate_as_is(|_| ());
    let code = bench
        .ask(Method::CONNECTION_BIND, |m| _ = m.connection_id(number))
        .code();
    bench.five_tuple = control;
    code
}

#[test]
fn a_connection_to_a_peer_is_made_bound_and_spliced() {
    let (mut bench, _) = allocated(8);
    let id = connect(&mut bench, PEER).unwrap();
    bench.server.peer_connected(bench.now, id, Ok(()));
    let connected = answer(&mut bench).unwrap();
    assert_eq!(connected.code(), 0);
    let number = connected.message().connection_id().unwrap();
    assert_eq!(number, id.number());
    assert_eq!(bind(&mut bench, number, 6000), 0);
    let client = stream(6000);
    assert_eq!(bench.events.pop(), Some(Event::Splice { id, client }));
    // Once.
    assert_eq!(bind(&mut bench, number, 6001), 400);
    assert_eq!(bench.server.gauges().connections, 1);
    // The client's stream ends, and the peer's with it.
    bench.server.connection_closed(bench.now, client);
    bench.drive();
    assert_eq!(bench.events.pop(), Some(Event::CloseConnection { id }));
    assert_eq!(
        (
            bench.server.gauges().connections,
            bench.server.allocations()
        ),
        (0, 1)
    );
}

#[test]
fn a_peer_that_does_not_accept_is_447() {
    let (mut bench, _) = allocated(8);
    let id = connect(&mut bench, PEER).unwrap();
    bench
        .server
        .peer_connected(bench.now, id, Err(ConnectError));
    assert_eq!(answer(&mut bench).unwrap().code(), 447);
    // Or does not answer for 30 seconds.
    let id = connect(&mut bench, PEER).unwrap();
    bench.now += 30 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!(answer(&mut bench).unwrap().code(), 447);
    assert_eq!(bench.events.pop(), Some(Event::CloseConnection { id }));
    bench.server.peer_connected(bench.now, id, Ok(()));
    assert_eq!(answer(&mut bench), None);
    assert_eq!(bench.server.gauges().connections, 0);
}

#[test]
fn one_connection_to_a_peer_and_so_many_in_all() {
    let (mut bench, _) = allocated(2);
    connect(&mut bench, PEER).unwrap();
    assert_eq!(connect(&mut bench, PEER), Err(446));
    connect(&mut bench, "192.0.2.7:81").unwrap();
    assert_eq!(connect(&mut bench, "192.0.2.7:82"), Err(508));
    assert_eq!(connect(&mut bench, "127.0.0.1:80"), Err(403));
    assert_eq!(connect(&mut bench, "[2001:db8::7]:80"), Err(443));
}

#[test]
fn a_peer_comes_in_with_a_permission() {
    let (mut bench, relay) = allocated(1);
    let now = bench.now;
    assert_eq!(bench.server.peer_accepted(now, relay, address(PEER)), None);
    assert_eq!(bench.permit(PEER), 0);
    let id = bench
        .server
        .peer_accepted(now, relay, address(PEER))
        .unwrap();
    let mut bytes = Vec::new();
    bench.server.poll_transmit(now, &mut bytes).unwrap();
    let attempt = Message::parse(&bytes).unwrap();
    assert_eq!(
        (attempt.class(), attempt.method()),
        (Class::Indication, Method::CONNECTION_ATTEMPT)
    );
    assert_eq!(attempt.xor_peer_address(), Some(address(PEER)));
    assert_eq!(attempt.connection_id(), Some(id.number()));
    // There is no room for another.
    assert_eq!(
        bench
            .server
            .peer_accepted(now, relay, address("192.0.2.7:9")),
        None
    );
    assert_eq!(bind(&mut bench, id.number(), 6000), 0);
}

#[test]
fn a_connection_that_nobody_binds_is_closed() {
    let (mut bench, relay) = allocated(1);
    bench.permit(PEER);
    let id = bench
        .server
        .peer_accepted(bench.now, relay, address(PEER))
        .unwrap();
    answer(&mut bench);
    bench.now += 30 * SECOND;
    assert_eq!(bind(&mut bench, id.number(), 6000), 400);
    assert_eq!(bench.events.pop(), Some(Event::CloseConnection { id }));
}

#[test]
fn what_another_user_has_cannot_be_bound() {
    let (mut bench, _) = allocated(8);
    let id = connect(&mut bench, PEER).unwrap();
    bench.server.peer_connected(bench.now, id, Ok(()));
    answer(&mut bench);
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(bind(&mut bench, id.number(), 6000), 400);
    assert_eq!(bind(&mut bench, id.number() ^ 1, 6000), 400);
}

#[test]
fn connections_end_with_their_allocation() {
    let (mut bench, _) = allocated(8);
    let id = connect(&mut bench, PEER).unwrap();
    bench.server.peer_connected(bench.now, id, Ok(()));
    answer(&mut bench);
    bind(&mut bench, id.number(), 6000);
    bench.events.clear();
    let control = bench.five_tuple;
    bench.server.connection_closed(bench.now, control);
    bench.drive();
    assert_eq!(bench.events, [Event::CloseConnection { id }]);
    assert_eq!(bench.server.gauges(), Default::default());
    assert_eq!(bench.server.poll_timeout(), None);
}

#[test]
fn a_tcp_relay_is_for_clients_on_streams_and_of_tcp_alone() {
    let (mut bench, _) = allocated(8);
    assert_eq!(bench.bind(0x4000, PEER), 400);
    assert_eq!(bench.permit(PEER), 0);
    assert!(!bench.send(PEER, b"a datagram"));
    let refused = |bench: &mut Bench, five_tuple, even: bool| {
        bench.five_tuple = five_tuple;
        bench.allocate_as_is(|_| ());
        let answer = bench.ask(Method::ALLOCATE, |m| {
            m.requested_transport(6);
            if even {
                m.even_port(false);
            }
        });
        answer.code()
    };
    let udp = FiveTuple {
        transport: Transport::Udp,
        ..stream(7000)
    };
    assert_eq!(refused(&mut bench, udp, false), 400);
    assert_eq!(refused(&mut bench, stream(7001), true), 400);
    let mut bench = Bench::new(|_| ());
    assert_eq!(refused(&mut bench, stream(7000), false), 442);
}

#[test]
fn what_is_spliced_is_counted_and_waits_where_it_is_over_the_bandwidth() {
    for of_user in [true, false] {
        let (mut bench, _) = allocated_with(8, |config| match of_user {
            true => config.limits.bandwidth_per_user = Some(100_000),
            false => config.limits.bandwidth = Some(100_000),
        });
        let id = connect(&mut bench, PEER).unwrap();
        bench.server.peer_connected(bench.now, id, Ok(()));
        answer(&mut bench).unwrap();
        assert_eq!(bind(&mut bench, id.number(), 6000), 0);
        // What a second brings may come at once.
        let now = bench.now;
        assert_eq!(bench.server.passed_to_peer(now, id, 60_000), None);
        assert_eq!(bench.server.passed_to_client(now, id, 40_000), None);
        // Until half of it is there again.
        let until = now + SECOND;
        assert_eq!(bench.server.passed_to_peer(now, id, 50_000), Some(until));
        assert_eq!(bench.server.passed_to_peer(until, id, 50_000), None);
        let later = until + SECOND / 10 + SECOND / 2;
        assert_eq!(bench.server.passed_to_peer(until, id, 10_000), Some(later));
        let counters = bench.counters();
        let passed = (counters.to_peers.bytes, counters.to_clients.bytes);
        assert_eq!(passed, (170_000, 40_000));
    }
}
