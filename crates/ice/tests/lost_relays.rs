//! A TURN server that starts anew in mid-call: the agent asks for another address, and the call goes on over it.

mod support;

use ieum_ice::{Base, Event, Kind, Server, State, Transport};
use ieum_netsim::{Firewall, Nat, NodeId, Variation};
use support::{Call, Faults, Peer, Setup, address, ms, turn};

const SERVER: &str = "203.0.113.9:3478";

/// Only a relay connects the two.
fn far_apart(faults: Faults) -> (Call, NodeId) {
    let mut call = Setup::default().call();
    let relay = call.add_flaky_relay(SERVER, faults);
    let (a, b, symmetric) = (call.a, call.b, Variation::AddressAndPortDependent);
    for (id, last) in [(a, 1), (b, 2)] {
        let nat = Nat::new([198, 51, 100, last].into(), symmetric);
        call.network.put_behind(id, nat);
    }
    (call, relay)
}

fn relayed(peer: &Peer) -> Vec<u16> {
    let relays = peer.agent.local_candidates();
    let relays = relays.filter(|it| it.kind == Kind::Relayed);
    relays.map(|it| it.port).collect()
}

/// What the errors say.
fn told(peer: &Peer) -> Vec<(Option<u16>, String)> {
    let error = |event: &Event| match event {
        Event::CandidateError(error) => Some((error.code, error.reason.to_string())),
        _ => None,
    };
    peer.events.iter().filter_map(error).collect()
}

#[test]
fn a_server_that_forgets_us_is_asked_for_another_address_and_the_call_goes_on() {
    let (mut call, _) = far_apart(Faults {
        restarts: vec![ms(20_000)],
        ..Faults::default()
    });
    call.exchange_options();
    call.gather(&[turn(SERVER)]);
    call.exchange_credentials();
    call.nominate(ms(10_000)).expect("a nominated pair");
    call.run(ms(15_000));
    let (a, b) = (call.a, call.b);
    let before = [a, b].map(|id| relayed(call.peer(id)));
    // Long before a refresh is due.
    call.run(ms(40_000));
    call.assert_data_flows();
    for (id, before) in [a, b].into_iter().zip(before) {
        assert_eq!(call.peer(id).agent.state(), State::Completed);
        assert_eq!(relayed(call.peer(id)).len(), 1);
        assert_ne!(relayed(call.peer(id)), before);
        let lost = (Some(437), "the relayed address was lost".to_owned());
        assert_eq!(told(call.peer(id)), [lost]);
    }
}

/// The connection breaks after 15 s, and the server is there again so much later. A has no UDP.
fn broken_for(outage: u64) -> Call {
    let mut call = Setup::default().call();
    let relay = call.add_relay(SERVER);
    let a = call.a;
    call.network.protect(a, Firewall::blocking_udp());
    let server = Server {
        transport: Transport::Tcp,
        ..turn(SERVER)
    };
    let bases: [&[Base]; 2] = [
        &[address("10.0.0.1:5000").into()],
        &[address("10.0.0.2:6000").into()],
    ];
    call.start(bases, &[server]);
    call.nominate(ms(10_000)).expect("a nominated pair");
    call.run(ms(15_000));
    server_of(&mut call, relay, |server| {
        server.dead = true;
        for stream in server.tcp.open.keys().copied().collect::<Vec<_>>() {
            server.tcp.close(stream);
        }
    });
    call.run(ms(outage));
    server_of(&mut call, relay, |server| server.dead = false);
    call
}

fn server_of(call: &mut Call, relay: NodeId, change: impl FnOnce(&mut support::Relay)) {
    match call.network.node_mut(relay) {
        support::Host::Relay(server) => change(server),
        support::Host::Peer(_) => unreachable!(),
    }
}

#[test]
fn a_connection_that_breaks_is_opened_again_and_the_call_goes_on() {
    for outage in [100, 5000, 12_000] {
        let mut call = broken_for(outage);
        let a = call.a;
        call.run(ms(100));
        call.run(ms(8500));
        call.assert_data_flows();
        assert_eq!(call.peer(a).agent.state(), State::Completed, "{outage}");
        assert_eq!(call.peer(a).selected().unwrap().0, "relay");
        let closed = (None, "the server has closed the connection".to_owned());
        assert_eq!(told(call.peer(a)), [closed], "{outage}");
    }
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let mut call = broken_for(60_000);
    let a = call.a;
    assert_eq!(call.peer(a).agent.state(), State::Failed);
    let refused = (None, "the connection was refused".to_owned());
    assert_eq!(told(call.peer(a)).last(), Some(&refused));
    let before = call.peer(a).tcp.requests.len();
    call.run(ms(60_000));
    assert_eq!(call.peer(a).tcp.requests.len(), before);
}

#[test]
fn a_lost_relay_leaves_a_direct_pair_alone() {
    let mut call = Setup::default().call();
    let relay = call.add_relay(SERVER);
    let server = Server {
        transport: Transport::Tcp,
        ..turn(SERVER)
    };
    let bases: [&[Base]; 2] = [
        &[address("10.0.0.1:5000").into()],
        &[address("10.0.0.2:6000").into()],
    ];
    call.start(bases, &[server]);
    call.nominate(ms(10_000)).expect("a nominated pair");
    call.run(ms(1000));
    server_of(&mut call, relay, |server| {
        for stream in server.tcp.open.keys().copied().collect::<Vec<_>>() {
            server.tcp.close(stream);
        }
    });
    call.run(ms(20_000));
    let a = call.a;
    assert_eq!(call.peer(a).selected().unwrap().0, "host");
    let states = call.peer(a).events.iter();
    let silent = states.filter(|event| **event == Event::StateChange(State::Disconnected));
    assert_eq!(silent.count(), 0);
    assert_eq!(relayed(call.peer(a)).len(), 1, "for what may come");
}
