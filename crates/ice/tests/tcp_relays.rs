//! TURN servers over TCP.

mod support;

use ieum_ice::{Base, Event, Kind, Server, StreamRequest, Transport};
use ieum_netsim::Firewall;
use support::{Call, Faults, Peer, Setup, address, ms, turn};

const B: &str = "10.0.0.2:6000";
const A: &str = "10.0.0.1:5000";
const SERVER: &str = "203.0.113.9:3478";

const OTHER: &str = "203.0.113.8:3479";

/// The first server sends its clients to the second one, by this name.
fn sent_on(domain: &'static str) -> Call {
    let mut call = Setup::default().call();
    let faults = Faults {
        sends_to: Some((OTHER, domain)),
        ..Faults::default()
    };
    call.add_flaky_relay(SERVER, faults);
    call
}

fn turn_over_tls(name: &str) -> Server {
    Server {
        transport: Transport::Tls,
        server_name: Some(name.to_owned()),
        ..turn(SERVER)
    }
}

/// Where A has connected to, and whom the certificate was to name.
fn connections(call: &mut Call) -> Vec<(String, Option<String>)> {
    let a = call.a;
    let opened = |request: &StreamRequest| match request {
        StreamRequest::Open(open) => Some((open.remote.to_string(), open.server_name.clone())),
        StreamRequest::Close(_) => None,
    };
    call.peer(a)
        .tcp
        .requests
        .iter()
        .filter_map(opened)
        .collect()
}

fn turn_over_tcp() -> Server {
    Server {
        transport: Transport::Tcp,
        ..turn(SERVER)
    }
}

#[test]
fn a_relay_over_tcp_gets_through_where_udp_is_blocked() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    let a = call.a;
    call.network.protect(a, Firewall::blocking_udp());
    let bases: [&[Base]; 2] = [&[address(A).into()], &[address(B).into()]];
    call.start(bases, &[turn_over_tcp()]);
    call.nominate(ms(5000)).expect("a nominated pair");
    assert_eq!(call.peer(a).selected().unwrap().0, "relay");
    call.assert_data_flows();
    let lines: Vec<_> = call.peer(a).agent.local_candidates().collect();
    assert!(lines.iter().all(|it| it.kind != Kind::ServerReflexive));
}

#[test]
fn a_relay_is_preferred_the_fewer_detours_lead_to_it() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    let now = call.now();
    let a = call.a;
    let tls = Server {
        transport: Transport::Tls,
        ..turn(SERVER)
    };
    let servers = [tls, turn_over_tcp(), turn(SERVER)];
    call.peer(a).gather_on(now, &[address(A).into()], &servers);
    call.run(ms(500));
    let relays = call.peer(a).agent.local_candidates();
    let relays = relays.filter(|it| it.kind == Kind::Relayed);
    let mut by_priority: Vec<_> = relays.map(|it| (it.priority, it.port)).collect();
    by_priority.sort_unstable();
    // The simulated TLS connection is slower to nothing: in the order in which they were allocated, UDP came first.
    assert_eq!(by_priority.len(), 3);
    assert!(by_priority.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(by_priority[2].1, 50001);
}

#[test]
fn a_server_that_refuses_the_connection_is_told_and_holds_up_nothing() {
    let mut call = Setup::default().call();
    let relay = call.add_relay(SERVER);
    let support::Host::Relay(server) = call.network.node_mut(relay) else {
        unreachable!()
    };
    server.dead = true;
    let now = call.now();
    let a = call.a;
    call.peer(a)
        .gather_on(now, &[address(A).into()], &[turn_over_tcp()]);
    call.run(ms(100));
    let told = call.peer(a).events.iter().find_map(|event| match event {
        Event::CandidateError(error) => Some(error.reason.to_string()),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("the connection was refused"));
    assert!(
        call.peer(a)
            .events
            .contains(&Event::GatheringState(ieum_ice::GatheringState::Complete))
    );
}

#[test]
fn a_relay_whose_connection_is_closed_is_gone() {
    let mut call = Setup::default().call();
    let relay = call.add_relay(SERVER);
    let now = call.now();
    let a = call.a;
    call.peer(a)
        .gather_on(now, &[address(A).into()], &[turn_over_tcp()]);
    call.run(ms(500));
    let relayed = |peer: &Peer| {
        peer.agent
            .local_candidates()
            .filter(|it| it.kind == Kind::Relayed)
            .count()
    };
    assert_eq!(relayed(call.peer(a)), 1);
    let support::Host::Relay(server) = call.network.node_mut(relay) else {
        unreachable!()
    };
    let stream = *server.tcp.open.first_key_value().unwrap().0;
    server.tcp.close(stream);
    call.run(ms(100));
    assert_eq!(relayed(call.peer(a)), 0);
}

#[test]
fn a_server_over_tcp_that_sends_us_to_another_one_is_followed() {
    let mut call = sent_on("");
    call.add_relay(OTHER);
    let a = call.a;
    call.network.protect(a, Firewall::blocking_udp());
    let bases: [&[Base]; 2] = [&[address(A).into()], &[address(B).into()]];
    call.start(bases, &[turn_over_tcp()]);
    call.nominate(ms(5000)).expect("a nominated pair");
    assert_eq!(call.peer(a).selected().unwrap().0, "relay");
    call.assert_data_flows();
    let open: Vec<_> = call.peer(a).tcp.open.values().collect();
    assert_eq!(open.len(), 1, "the first server is left");
    assert_eq!(open[0].way.remote, address(OTHER));
}

#[test]
fn the_certificate_of_the_other_server_names_whom_we_were_sent_to() {
    for (domain, name) in [("other.example", "other.example"), ("", "turn.example")] {
        let mut call = sent_on(domain);
        call.add_relay(OTHER);
        let (a, now) = (call.a, call.now());
        call.peer(a)
            .gather_on(now, &[address(A).into()], &[turn_over_tls("turn.example")]);
        call.run(ms(500));
        let wanted = [(SERVER, "turn.example"), (OTHER, name)];
        let wanted = wanted.map(|(to, name)| (to.to_owned(), Some(name.to_owned())));
        assert_eq!(connections(&mut call), wanted);
    }
}

#[test]
fn another_server_that_is_not_there_is_told_once() {
    let mut call = sent_on("");
    let other = call.add_relay(OTHER);
    let support::Host::Relay(server) = call.network.node_mut(other) else {
        unreachable!()
    };
    server.dead = true;
    let (a, now) = (call.a, call.now());
    call.peer(a)
        .gather_on(now, &[address(A).into()], &[turn_over_tcp()]);
    call.run(ms(20_000));
    let told: Vec<_> = call
        .peer(a)
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CandidateError(error) => Some((error.code, error.reason.to_string())),
            _ => None,
        })
        .collect();
    let reason = format!("the server sends us to {OTHER}: the connection was refused");
    assert_eq!(told, [(Some(300), reason)]);
    assert!(
        call.peer(a)
            .events
            .contains(&Event::GatheringState(ieum_ice::GatheringState::Complete))
    );
}
