//! TCP candidates (RFC 6544).

mod support;

use std::net::SocketAddr;

use ieum_ice::framing::{Framing, frame};
use ieum_ice::{
    Base, Kind, PairError, Reason, Role, State, StreamError, StreamRequest, TransportPolicy,
};
use ieum_netsim::{Firewall, Nat, StreamId, Variation};
use support::{Call, Peer, Setup, address, ms};

const A: &str = "10.0.0.1:5000";
const B: &str = "10.0.0.2:6000";
const PASSIVE_A: &str = "10.0.0.1:5001";
const PASSIVE_B: &str = "10.0.0.2:6001";

fn active(at: &str) -> Base {
    Base::TcpActive(address(at).ip())
}

fn passive(at: &str) -> Base {
    Base::TcpPassive(address(at))
}

/// B listens, and both have UDP, which is blocked.
fn blocked(setup: Setup) -> Call {
    let mut call = setup.call();
    let (a, b) = (call.a, call.b);
    call.network.protect(a, Firewall::blocking_udp());
    call.network
        .protect(b, Firewall::blocking_udp().with_streams());
    let bases: [&[Base]; 2] = [
        &[address(A).into(), active(A)],
        &[address(B).into(), active(B), passive(PASSIVE_B)],
    ];
    call.start(bases, &[]);
    call
}

fn connected(setup: Setup) -> Call {
    let mut call = blocked(setup);
    call.nominate(ms(3000)).expect("a nominated pair");
    call
}

fn transports(peer: &Peer) -> (String, String) {
    let pair = peer.agent.selected_pair().expect("a pair");
    let word = |candidate: &ieum_ice::Candidate| {
        let tcp_type = candidate.transport.tcp_type();
        tcp_type
            .map_or("udp", |tcp_type| tcp_type.as_str())
            .to_owned()
    };
    (word(&pair.local), word(&pair.remote))
}

fn only_stream(peer: &Peer) -> StreamId {
    assert_eq!(peer.tcp.open.len(), 1);
    *peer.tcp.open.first_key_value().unwrap().0
}

fn error_of_tcp_pair(peer: &Peer) -> Option<PairError> {
    let report = peer.agent.report();
    let tcp = |pair: &&ieum_ice::PairReport| pair.local.transport.tcp_type().is_some();
    let errors: Vec<_> = report
        .pairs
        .iter()
        .filter(tcp)
        .map(|it| it.last_error)
        .collect();
    assert_eq!(errors.len(), 1);
    errors[0]
}

#[test]
fn where_udp_is_blocked_on_both_sides_a_passive_candidate_connects() {
    let mut call = blocked(Setup::default());
    // Ta after the check over UDP: one round trip for the connection, half a one until the other side can check back,
    // and one for that.
    assert_eq!(call.connect(ms(3000)), Some(ms(55)));
    call.nominate(ms(3000)).expect("a nominated pair");
    let (a, b) = (call.a, call.b);
    assert_eq!(
        transports(call.peer(a)),
        ("active".into(), "passive".into())
    );
    assert_eq!(
        transports(call.peer(b)),
        ("passive".into(), "active".into())
    );
    // The one that connects is known by its address; the other sees a port that nobody has signaled.
    assert_eq!(
        call.peer(a).selected(),
        Some(("host".into(), "host".into()))
    );
    assert_eq!(
        call.peer(b).selected(),
        Some(("host".into(), "prflx".into()))
    );
    call.assert_data_flows();
}

#[test]
fn the_controlled_side_may_be_the_one_that_connects() {
    let roles = [Role::Controlled, Role::Controlling];
    let mut call = connected(Setup {
        roles,
        ..Setup::default()
    });
    call.assert_data_flows();
}

#[test]
fn udp_is_preferred_where_both_work() {
    let mut call = Setup::default().call();
    let bases: [&[Base]; 2] = [
        &[address(A).into(), active(A), passive(PASSIVE_A)],
        &[address(B).into(), active(B), passive(PASSIVE_B)],
    ];
    call.start(bases, &[]);
    call.nominate(ms(3000)).expect("a nominated pair");
    let (a, b) = (call.a, call.b);
    assert_eq!(transports(call.peer(a)), ("udp".into(), "udp".into()));
    assert_eq!(transports(call.peer(b)), ("udp".into(), "udp".into()));
}

/// RFC 6544 §6.2.
#[test]
fn two_active_sides_do_not_connect_and_say_so_in_time() {
    let mut call = Setup::default().call();
    call.start([&[active(A)], &[active(B)]], &[]);
    call.run(ms(40_000));
    assert_eq!(call.states(), [State::Failed; 2]);
    let a = call.a;
    assert!(call.peer(a).agent.report().pairs.is_empty());
    assert!(call.peer(a).tcp.requests.is_empty());
}

/// RFC 6544 §6.2: a pair with a passive candidate of ours is there once the peer has connected.
#[test]
fn two_passive_sides_wait_for_each_other_in_vain() {
    let mut call = Setup::default().call();
    call.start([&[passive(PASSIVE_A)], &[passive(PASSIVE_B)]], &[]);
    call.run(ms(40_000));
    assert_eq!(call.states(), [State::Failed; 2]);
}

#[test]
fn a_refused_connection_fails_its_pair_at_once() {
    let mut call = Setup::default().call();
    let b = call.b;
    call.start([&[active(A)], &[passive(PASSIVE_B)]], &[]);
    // Nobody listens there any more, and still there is somebody.
    call.peer(b).bases = vec![address(PASSIVE_B)];
    call.peer(b).tcp.passive.clear();
    call.run(ms(100));
    let a = call.a;
    assert_eq!(
        error_of_tcp_pair(call.peer(a)),
        Some(PairError::NotConnected(StreamError::Refused))
    );
}

#[test]
fn a_connection_that_is_not_accepted_is_given_up_in_time() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.network.protect(b, Firewall::stateful());
    call.start([&[active(A)], &[passive(PASSIVE_B)]], &[]);
    call.run(ms(5900));
    assert_eq!(error_of_tcp_pair(call.peer(a)), None);
    call.run(ms(200));
    assert_eq!(
        error_of_tcp_pair(call.peer(a)),
        Some(PairError::NotConnected(StreamError::TimedOut))
    );
    let last = call.peer(a).tcp.requests.last();
    assert!(matches!(last, Some(StreamRequest::Close(_))));
}

/// RFC 8489 §6.2.2.
#[test]
fn a_check_on_a_connection_is_sent_once() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.start([&[active(A)], &[passive(PASSIVE_B)]], &[]);
    // It is accepted, and there is no answer.
    call.until(ms(100), |a, _| !a.tcp.open.is_empty()).unwrap();
    call.peer(b).dead = true;
    call.run(ms(7000));
    assert_eq!(call.peer(a).agent.counters().checks_sent, 1);
    assert_eq!(error_of_tcp_pair(call.peer(a)), Some(PairError::NoAnswer));
    assert!(call.peer(a).tcp.open.is_empty(), "it is of no use any more");
}

#[test]
fn behind_a_nat_the_one_that_connects_is_peer_reflexive() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    let nat = Nat::new(
        address("198.51.100.1:1").ip(),
        Variation::EndpointIndependent,
    );
    call.network.put_behind(a, nat);
    call.start([&[active(A)], &[passive(PASSIVE_B)]], &[]);
    call.nominate(ms(3000)).expect("a nominated pair");
    let pair = call.peer(a).agent.selected_pair().unwrap().clone();
    assert_eq!(pair.local.kind, Kind::PeerReflexive);
    assert_eq!(pair.local.address.to_string(), "198.51.100.1");
    let seen = call.peer(b).agent.selected_pair().unwrap().remote.clone();
    assert_eq!(seen.socket_addr(), pair.local.socket_addr());
    call.assert_data_flows();
}

#[test]
fn a_connection_that_is_closed_in_mid_call_is_opened_again() {
    for roles in [
        [Role::Controlling, Role::Controlled],
        [Role::Controlled, Role::Controlling],
    ] {
        let mut call = connected(Setup {
            roles,
            ..Setup::default()
        });
        let (a, b) = (call.a, call.b);
        let stream = only_stream(call.peer(b));
        let id = call.peer(b).tcp.open[&stream].id.unwrap();
        // As when a middlebox resets it: both sides are told.
        call.peer(b).tcp.close(stream);
        let now = call.now();
        call.peer(b).agent.stream_closed(now, id);
        assert_eq!(call.peer(b).agent.state(), State::Disconnected);
        call.until(ms(15), |a, _| a.agent.state() == State::Disconnected)
            .expect("the other side knows it at once");
        call.nominate_again(ms(2000)).expect("another connection");
        assert_ne!(only_stream(call.peer(a)), stream);
        call.assert_data_flows();
    }
}

#[test]
fn data_goes_over_the_new_connection_before_it_is_nominated() {
    let mut call = connected(Setup::default());
    let (a, b) = (call.a, call.b);
    let stream = only_stream(call.peer(b));
    let id = call.peer(b).tcp.open[&stream].id.unwrap();
    call.peer(b).tcp.close(stream);
    let now = call.now();
    call.peer(b).agent.stream_closed(now, id);
    call.until(ms(15), |a, _| a.agent.state() == State::Disconnected)
        .unwrap();
    call.until(ms(1000), |a, _| a.agent.state() == State::Connected)
        .expect("another connection");
    let pair = call.peer(a).agent.selected_pair().unwrap();
    assert!(!pair.nominated, "UDP has its chance first");
    assert!(call.peer(a).send(b"\x80hello"));
    call.run(ms(50));
    assert_eq!(call.peer(b).received, [b"\x80hello"]);
}

#[test]
fn a_closed_connection_gives_way_to_udp_that_works_meanwhile() {
    let mut call = connected(Setup::default());
    let (a, b) = (call.a, call.b);
    for id in [a, b] {
        call.network.protect(id, Firewall::stateful());
    }
    let stream = only_stream(call.peer(b));
    let id = call.peer(b).tcp.open[&stream].id.unwrap();
    call.peer(b).tcp.close(stream);
    let now = call.now();
    call.peer(b).agent.stream_closed(now, id);
    call.nominate_again(ms(5000)).expect("a pair");
    assert_eq!(transports(call.peer(a)), ("udp".into(), "udp".into()));
    call.assert_data_flows();
}

/// RFC 7675.
#[test]
fn consent_is_kept_over_tcp_and_a_silent_connection_is_lost() {
    let mut call = connected(Setup::default());
    let (a, b) = (call.a, call.b);
    call.run(ms(60_000));
    assert!(call.peer(a).agent.counters().consent_answered >= 10);
    assert_ne!(call.peer(a).agent.state(), State::Disconnected);
    call.peer(b).dead = true;
    call.run(ms(8000));
    assert_eq!(call.peer(a).agent.state(), State::Disconnected);
    call.run(ms(31_000));
    assert_eq!(call.peer(a).agent.state(), State::Failed);
    assert!(call.peer(a).tcp.open.is_empty(), "closed with its session");
}

/// RFC 8445 §9.
#[test]
fn a_restart_keeps_data_flowing_over_tcp() {
    let mut call = connected(Setup::default());
    let (a, b) = (call.a, call.b);
    let now = call.now();
    for id in [a, b] {
        call.peer(id).agent.restart(now);
    }
    call.assert_data_flows();
    call.exchange_credentials();
    call.nominate_again(ms(3000)).expect("a new pair");
    assert_eq!(
        transports(call.peer(a)),
        ("active".into(), "passive".into())
    );
    call.assert_data_flows();
}

/// A connection of somebody who is not the peer.
fn stranger(call: &mut Call, says: &[u8]) -> StreamId {
    let a = call.a;
    let b = call.b;
    call.peer(a)
        .tcp
        .write_to(address("10.0.0.1:1").ip(), address(PASSIVE_B), says);
    call.until(ms(100), |_, b| !b.tcp.open.is_empty()).unwrap();
    only_stream(call.peer(b))
}

#[test]
fn a_stray_connection_must_prove_itself_in_time_and_is_not_listened_to() {
    let mut call = Setup::default().call();
    let b = call.b;
    let now = call.now();
    call.peer(b).gather_on(now, &[passive(PASSIVE_B)], &[]);
    let mut says = Vec::new();
    assert!(frame(Framing::Rfc4571, b"\x16 who is there?", &mut says));
    let stream = stranger(&mut call, &says);
    call.run(ms(4800));
    assert!(call.peer(b).tcp.open.contains_key(&stream));
    assert_eq!(call.peer(b).ignored, [Reason::UnknownPeer]);
    call.run(ms(500));
    assert!(call.peer(b).tcp.open.is_empty());
    assert_eq!(call.peer(b).agent.counters().ignored(Reason::Unproven), 1);
    assert_eq!(call.peer(b).agent.poll_timeout(), None);
}

#[test]
fn stray_connections_do_not_keep_the_peer_out() {
    let mut call = Setup {
        change: |_, config| config.limits.accepted_streams = 4,
        ..Setup::default()
    }
    .call();
    let (a, b) = (call.a, call.b);
    let bases: [&[Base]; 2] = [&[active(A)], &[passive(PASSIVE_B)]];
    call.start(bases, &[]);
    let now = call.now();
    let remote = |n: u16| SocketAddr::new(address(A).ip(), 1000 + n);
    for n in 0..100 {
        let agent = &mut call.peer(b).agent;
        assert!(
            agent
                .stream_accepted(now, address(PASSIVE_B), remote(n))
                .is_some()
        );
    }
    call.nominate(ms(3000)).expect("a nominated pair");
    let now = call.now();
    for n in 100..200 {
        call.peer(b)
            .agent
            .stream_accepted(now, address(PASSIVE_B), remote(n));
    }
    call.run(ms(6000));
    call.assert_data_flows();
    assert_eq!(call.peer(a).agent.state(), call.peer(b).agent.state());
}

#[test]
fn what_is_accepted_where_nobody_listens_is_refused() {
    let mut call = Setup::default().call();
    let now = call.now();
    let a = call.a;
    call.peer(a).gather_on(now, &[active(A)], &[]);
    let agent = &mut call.peer(a).agent;
    for local in [A, PASSIVE_A, "10.0.0.1:9"] {
        assert_eq!(agent.stream_accepted(now, address(local), address(B)), None);
    }
}

/// RFC 6544 §4.2.
#[test]
fn tcp_candidates_are_told_with_their_direction_and_below_udp() {
    let mut call = Setup::default().call();
    let now = call.now();
    let a = call.a;
    let bases = [address(A).into(), active(A), passive(PASSIVE_A)];
    call.peer(a).gather_on(now, &bases, &[]);
    let candidates: Vec<_> = call.peer(a).agent.local_candidates().collect();
    let lines: Vec<_> = candidates.iter().map(|it| it.to_string()).collect();
    assert!(
        lines[1].ends_with("10.0.0.1 5001 typ host tcptype passive")
            || lines[1].ends_with("10.0.0.1 9 typ host tcptype active")
    );
    let priority = |tcp_type: Option<&str>| {
        let its =
            |it: &&&ieum_ice::Candidate| it.transport.tcp_type().map(|it| it.as_str()) == tcp_type;
        candidates.iter().find(its).expect("a candidate").priority
    };
    assert!(priority(None) > priority(Some("active")));
    assert!(priority(Some("active")) > priority(Some("passive")));
}

#[test]
fn with_relayed_candidates_alone_and_on_the_lite_side_nobody_connects() {
    let policies = [TransportPolicy::Relay, TransportPolicy::All];
    let change = |side: usize, config: &mut ieum_ice::Config| config.lite = side == 1;
    let mut call = Setup {
        policies,
        change,
        ..Setup::default()
    }
    .call();
    let now = call.now();
    for id in call.both() {
        let bases = [active(A), passive(PASSIVE_A)];
        call.peer(id).gather_on(now, &bases, &[]);
    }
    let told = call
        .both()
        .map(|id| call.peer(id).agent.local_candidates().count());
    assert_eq!(told, [0, 1]);
}

#[test]
fn closing_closes_every_connection() {
    let mut call = connected(Setup::default());
    let now = call.now();
    for id in call.both() {
        call.peer(id).agent.close(now);
    }
    call.run(ms(100));
    for id in call.both() {
        assert!(call.peer(id).tcp.open.is_empty());
        assert_eq!(call.peer(id).agent.poll_timeout(), None);
    }
}
