//! Reflexive and relayed candidates, and calls over them.

mod support;

use std::time::Instant;

use ieum_ice::{
    Agent, Base, Config, Event, GatheringState, Kind, Role, Server, ServerKind, Transport,
    TransportPolicy,
};
use ieum_netsim::{Link, Nat, Variation};
use support::{Call, Peer, Setup, address, ms, stun, turn};

const SERVER: &str = "203.0.113.9:3478";

/// Both sides behind NATs of their own, with a server in between.
fn behind_nats(variation: Variation, setup: Setup) -> Call {
    let mut call = setup.call();
    call.add_relay(SERVER);
    let (a, b) = (call.a, call.b);
    call.network
        .put_behind(a, Nat::new([198, 51, 100, 1].into(), variation));
    call.network
        .put_behind(b, Nat::new([198, 51, 100, 2].into(), variation));
    call
}

fn kinds(peer: &Peer) -> Vec<Kind> {
    peer.agent
        .local_candidates()
        .map(|candidate| candidate.kind)
        .collect()
}

#[test]
fn port_restricted_nats_are_crossed_by_reflexive_candidates() {
    let mut call = behind_nats(Variation::EndpointIndependent, Setup::default());
    call.gather(&[stun(SERVER)]);
    call.exchange_credentials();
    call.nominate(ms(2000)).expect("a direct pair");
    let a = call.a;
    assert_eq!(kinds(call.peer(a)), [Kind::Host, Kind::ServerReflexive]);
    // What the peer sees is what the server saw.
    assert_eq!(
        call.peer(a).selected(),
        Some(("srflx".into(), "srflx".into()))
    );
    call.assert_data_flows();
}

#[test]
fn symmetric_nats_are_crossed_by_a_relay() {
    let mut call = behind_nats(Variation::AddressAndPortDependent, Setup::default());
    call.gather(&[turn(SERVER)]);
    call.exchange_credentials();
    call.nominate(ms(5000)).expect("a relayed pair");
    let a = call.a;
    let selected = call.peer(a).agent.selected_pair().unwrap().clone();
    assert!(
        [selected.local.kind, selected.remote.kind].contains(&Kind::Relayed),
        "{selected:?}"
    );
    call.assert_data_flows();
}

#[test]
fn a_direct_pair_is_nominated_though_relays_are_there() {
    let mut call = behind_nats(Variation::EndpointIndependent, Setup::default());
    call.gather(&[stun(SERVER), turn(SERVER)]);
    call.exchange_credentials();
    call.nominate(ms(5000)).unwrap();
    for id in call.both() {
        assert_eq!(call.peer(id).agent.headroom(), Some(0));
        assert_eq!(
            call.peer(id).selected(),
            Some(("srflx".into(), "srflx".into()))
        );
    }
}

#[test]
fn a_relayed_pair_that_is_faster_is_used_but_not_nominated_before_a_direct_one() {
    let mut call = Setup {
        delay: ms(1),
        ..Setup::default()
    }
    .call();
    call.add_relay(SERVER);
    let (a, b) = (call.a, call.b);
    let slow = Link {
        delay: ms(150),
        loss: 0.0,
    };
    call.network.set_link_between(a, b, slow);
    call.network.set_link_between(b, a, slow);
    call.gather(&[turn(SERVER)]);
    call.exchange_credentials();
    assert!(call.connect(ms(1000)).unwrap() < ms(150));
    assert_eq!(
        call.peer(a).agent.headroom(),
        Some(4),
        "by the relay at first"
    );
    call.nominate(ms(2000)).unwrap();
    for id in [a, b] {
        assert_eq!(call.peer(id).agent.headroom(), Some(0));
    }
}

#[test]
fn a_relayed_pair_waits_for_direct_candidates_that_are_still_to_come() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    call.tells = [false; 2];
    let (a, b) = (call.a, call.b);
    call.gather(&[turn(SERVER)]);
    call.exchange_credentials();
    call.run(ms(100));
    let of_kind = |peer: &Peer, kind| {
        let mut all = peer.agent.local_candidates();
        all.find(|candidate| candidate.kind == kind)
            .unwrap()
            .clone()
    };
    for kind in [Kind::Relayed, Kind::Host] {
        for (from, to) in [(a, b), (b, a)] {
            // B never hears of A's host candidate, or it would check the direct pair by itself.
            if (from, kind) != (a, Kind::Host) {
                let (now, candidate) = (call.now(), of_kind(call.peer(from), kind));
                call.peer(to).agent.add_remote_candidate(now, candidate);
            }
        }
        // Data would flow by the relay meanwhile; nothing else is being checked.
        call.run(ms(250));
        assert_eq!(
            call.peer(a).selected().unwrap().0 == "relay",
            kind == Kind::Relayed
        );
    }
    assert!(call.peer(a).agent.selected_pair().unwrap().nominated);
    assert_eq!(call.peer(a).agent.headroom(), Some(0));
}

#[test]
fn relay_only_on_either_side_uses_the_relay_and_tells_no_other_address() {
    use TransportPolicy::{All, Relay};
    for policies in [[Relay, All], [All, Relay], [Relay, Relay]] {
        let mut call = Setup {
            policies,
            ..Setup::default()
        }
        .call();
        call.add_relay(SERVER);
        call.gather(&[stun(SERVER), turn(SERVER)]);
        call.exchange_credentials();
        call.nominate(ms(5000))
            .unwrap_or_else(|| panic!("{policies:?}"));
        call.assert_data_flows();
        for (id, policy) in call.both().into_iter().zip(policies) {
            let peer = call.peer(id);
            if policy == Relay {
                assert_eq!(kinds(peer), [Kind::Relayed]);
                let told = peer.agent.local_candidates().next().unwrap().to_string();
                assert!(told.contains("raddr 0.0.0.0 rport 0"), "{told}");
                assert_eq!(peer.agent.headroom(), Some(4));
                assert_eq!(peer.selected().unwrap().0, "relay");
            }
        }
    }
}

#[test]
fn a_batch_over_a_relay_gets_a_header_in_each_segment() {
    let policies = [TransportPolicy::Relay, TransportPolicy::All];
    let mut call = Setup {
        policies,
        ..Setup::default()
    }
    .call();
    call.add_relay(SERVER);
    call.gather(&[turn(SERVER)]);
    call.exchange_credentials();
    call.nominate(ms(5000)).unwrap();
    let a = call.a;
    // Three segments of 10 bytes, the last one of 7; each begins with 4 free bytes.
    let mut batch = b"....abcdef....ghijkl....mnopqr".to_vec();
    batch.truncate(27);
    let transmit = call.peer(a).agent.send(&mut batch, Some(10)).unwrap();
    assert_eq!((transmit.len, transmit.segment_size), (27, Some(10)));
    assert_eq!(transmit.five_tuple.remote, address(SERVER));
    let lengths: Vec<_> = batch
        .chunks(10)
        .map(|segment| (segment[0] & 0xf0, segment[3]))
        .collect();
    assert_eq!(lengths, [(0x40, 6), (0x40, 6), (0x40, 3)]);
    assert_eq!(&batch[24..], b"mno");
    let mut short = [0; 3];
    assert_eq!(
        call.peer(a).agent.send(&mut short, None),
        None,
        "no room for the header"
    );
}

#[test]
fn a_reflexive_address_that_is_the_base_is_redundant() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    call.gather(&[stun(SERVER)]);
    call.run(ms(100));
    let a = call.a;
    assert_eq!(kinds(call.peer(a)), [Kind::Host]);
    let redundant = Event::CandidateRedundant {
        kind: Kind::ServerReflexive,
        url: stun(SERVER).url,
    };
    assert!(call.peer(a).events.contains(&redundant));
    assert_eq!(
        call.peer(a).agent.gathering_state(),
        GatheringState::Complete
    );
}

fn errors(peer: &Peer) -> Vec<(&str, Option<u16>)> {
    let mut errors = Vec::new();
    for event in &peer.events {
        if let Event::CandidateError(error) = event {
            errors.push((&*error.url, error.code));
        }
    }
    errors
}

#[test]
fn a_dead_server_is_given_up_and_holds_up_nothing() {
    let mut call = Setup::default().call();
    call.gather(&[stun("192.0.2.1:3478"), turn("192.0.2.2:3478")]);
    call.exchange_credentials();
    assert_eq!(call.nominate(ms(1000)), Some(ms(40)));
    let a = call.a;
    assert_eq!(
        call.peer(a).agent.gathering_state(),
        GatheringState::Gathering
    );
    call.run(ms(5000));
    assert_eq!(
        call.peer(a).agent.gathering_state(),
        GatheringState::Complete
    );
    assert_eq!(
        errors(call.peer(a)),
        [("stun:192.0.2.1:3478", None), ("turn:192.0.2.2:3478", None)]
    );
}

#[test]
fn a_wrong_password_is_told_with_its_code() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    let mut server = turn(SERVER);
    let ServerKind::Turn { password, .. } = &mut server.kind else {
        unreachable!()
    };
    password.push('!');
    call.gather(&[server]);
    call.run(ms(500));
    let a = call.a;
    assert_eq!(errors(call.peer(a)), [("turn:203.0.113.9:3478", Some(401))]);
    assert_eq!(
        call.peer(a).agent.gathering_state(),
        GatheringState::Complete
    );
}

#[test]
fn a_stun_server_over_tcp_is_not_asked_and_that_is_told() {
    let mut call = Setup::default().call();
    let server = Server {
        transport: Transport::Tcp,
        ..stun(SERVER)
    };
    call.gather(&[server]);
    call.run(ms(1));
    let a = call.a;
    assert_eq!(errors(call.peer(a)), [("stun:203.0.113.9:3478", None)]);
}

#[test]
fn closing_gives_the_relay_back_and_ends_in_silence() {
    let policies = [TransportPolicy::Relay, TransportPolicy::All];
    let mut call = Setup {
        policies,
        ..Setup::default()
    }
    .call();
    let relay = call.add_relay(SERVER);
    let a = call.a;
    let now = call.now();
    call.peer(a).gather(now, &[turn(SERVER)]);
    call.run(ms(500));
    let allocations = |call: &Call| match call.network.node(relay) {
        support::Host::Relay(relay) => relay.server.allocations(),
        support::Host::Peer(_) => unreachable!(),
    };
    assert_eq!(allocations(&call), 1);
    let now = call.now();
    call.peer(a).agent.close(now);
    call.run(ms(500));
    assert_eq!(allocations(&call), 0);
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
}

#[test]
fn loopback_asks_only_servers_on_loopback() {
    let mut call = Setup {
        bases: [&["127.0.0.1:5000"], &["10.0.0.2:6000"]],
        ..Setup::default()
    }
    .call();
    call.gather(&[stun(SERVER)]);
    let a = call.a;
    assert_eq!(
        call.peer(a).agent.gathering_state(),
        GatheringState::Complete
    );
}

/// As a driver does that looks a server's name up while others are asked already.
#[test]
fn a_server_that_comes_later_is_asked_from_the_bases_that_are_there() {
    let mut call = behind_nats(Variation::EndpointIndependent, Setup::default());
    let (a, now) = (call.a, call.now());
    call.peer(a).gather(now, &[]);
    call.run(ms(500));
    assert_eq!(kinds(call.peer(a)), [Kind::Host]);
    let now = call.now();
    call.peer(a).gather(now, &[stun(SERVER)]);
    // Once more while the answer is on its way: it is asked once.
    call.peer(a).gather(now, &[stun(SERVER)]);
    let sent = call.network.statistics().sent;
    call.run(ms(500));
    assert_eq!(kinds(call.peer(a)), [Kind::Host, Kind::ServerReflexive]);
    assert_eq!(call.network.statistics().sent - sent, 2);
}

/// RFC 8445 §5.1.1.1.
#[test]
fn an_address_that_may_not_be_a_candidate_is_an_error_and_no_base() {
    let bad = ["0.0.0.0:1", "[fec0::1]:1", "[::ffff:10.0.0.1]:1"].map(address);
    let mut call = Setup::default().call();
    let (a, now) = (call.a, call.now());
    call.peer(a).bases.extend(bad);
    call.peer(a).gather(now, &[]);
    call.run(ms(1));
    let peer = call.peer(a);
    let told = peer.events.iter().filter_map(|event| match event {
        Event::CandidateError(error) => Some((&*error.url, error.local)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), bad.map(|base| ("", base)));
    assert_eq!(peer.agent.local_candidates().count(), 1);
}

/// RFC 8421 §4: with six IPv6 addresses and two IPv4 ones, an IPv4 address comes after four IPv6 ones.
#[test]
fn ipv6_that_goes_nowhere_does_not_hold_up_ipv4() {
    let mut call = Setup {
        bases: [
            &[
                "[2001:db8:1::1]:1",
                "[2001:db8:1::2]:1",
                "[2001:db8:1::3]:1",
                "[2001:db8:1::4]:1",
                "[2001:db8:1::5]:1",
                "[2001:db8:1::6]:1",
                "10.0.0.1:1",
                "10.0.1.1:1",
            ],
            &[
                "10.0.0.2:2",
                "10.0.1.2:2",
                "[2001:db8:2::1]:2",
                "[2001:db8:2::2]:2",
                "[2001:db8:2::3]:2",
                "[2001:db8:2::4]:2",
                "[2001:db8:2::5]:2",
                "[2001:db8:2::6]:2",
            ],
        ],
        ..Setup::default()
    }
    .call();
    for id in call.both() {
        for base in call.peer(id).bases.clone() {
            if base.is_ipv6() {
                call.network.set_interface_up(id, base.ip(), false);
            }
        }
    }
    call.exchange_options();
    call.gather(&[]);
    let (a, b) = (call.a, call.b);
    call.tell_candidates(a, b);
    call.tell_candidates(b, a);
    call.exchange_credentials();
    let took = call.connect(ms(1000)).expect("IPv4 works");
    // The pairs of the four best IPv6 addresses first, one each 5 ms; then the round trip.
    assert!(took <= ms(16 * 5 + 20), "{took:?}");
    let took = took + call.nominate(ms(1000)).expect("IPv4 works");
    assert!(took <= ms(300), "{took:?}");
}

/// The first checks are lost at a NAT that only the later ones find open; the peer's relay has answered before. A pair
/// over the peer's relay is as dear as one over our own.
#[test]
fn a_pair_over_the_peers_relay_waits_for_direct_checks_that_are_sent_again() {
    let mut call = Setup::default().call();
    call.add_relay(SERVER);
    let (a, b) = (call.a, call.b);
    let restricted = Nat::new([198, 51, 100, 1].into(), Variation::EndpointIndependent)
        .filtering(Variation::AddressDependent);
    let symmetric = Nat::new([198, 51, 100, 2].into(), Variation::AddressAndPortDependent);
    call.network.put_behind(a, restricted);
    call.network.put_behind(b, symmetric);
    call.exchange_options();
    let servers = [stun(SERVER), turn(SERVER)];
    for (from, to) in [(a, b), (b, a)] {
        let now = call.now();
        call.peer(from).gather(now, &servers);
        call.tell_credentials(from, to);
        call.run(ms(10));
    }
    call.nominate(ms(2000)).expect("a direct pair");
    assert_eq!(
        call.peer(a).selected(),
        Some(("srflx".into(), "prflx".into()))
    );
}

/// RFC 8656 §3.2: an allocation belongs to a five-tuple, so agents that share a socket cannot allocate from it.
#[test]
fn from_a_shared_base_only_stun_servers_are_asked_and_from_one_to_relays_only_turn_servers() {
    let now = Instant::now();
    let (shared, own) = (address("10.0.0.1:3478"), address("10.0.0.1:5000"));
    let bases = [Base::UdpShared(shared), Base::UdpToRelays(own)];
    let (stun_server, turn_server) = ("203.0.113.8:3478", "203.0.113.9:3478");
    let mut agent = Agent::new(Config::new(Role::Controlling, [1; 32]));
    agent.gather_on(now, &bases, &[stun(stun_server), turn(turn_server)]);

    let (mut asked, mut buf) = (Vec::new(), Vec::new());
    while let Some(transmit) = agent.poll_transmit(now, &mut buf) {
        asked.push((transmit.five_tuple.local, transmit.five_tuple.remote));
    }
    let expected = [(shared, address(stun_server)), (own, address(turn_server))];
    assert_eq!(asked, expected);
    let hosts = agent.local_candidates().map(|host| host.socket_addr());
    assert_eq!(hosts.collect::<Vec<_>>(), [Some(shared)]);
}
