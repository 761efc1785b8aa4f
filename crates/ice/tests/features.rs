//! What an agent may be told to do besides the usual: be lite, hide, map, pace, renominate; and how it survives its pair.

mod support;

use ieum_ice::{
    AddressMapping, Candidate, Event, Kind, MappingMode, Options, PairError, PairState,
    PruneReason, Role, Standing, State,
};
use ieum_netsim::{Link, Nat, Variation};
use support::{Call, Peer, Setup, address, ms, stun, turn};

const SERVER: &str = "203.0.113.9:3478";
const LOST: Link = Link {
    delay: ms_const(10),
    loss: 1.0,
};

const fn ms_const(milliseconds: u64) -> std::time::Duration {
    std::time::Duration::from_millis(milliseconds)
}

fn lines(peer: &Peer) -> Vec<String> {
    peer.agent
        .local_candidates()
        .map(Candidate::to_string)
        .collect()
}

/// Both have two interfaces; the pair of the first ones is nominated.
fn two_ways(change: fn(usize, &mut ieum_ice::Config)) -> Call {
    let mut call = Setup {
        bases: [
            &["10.0.0.1:5000", "10.1.0.1:5000"],
            &["10.0.0.2:6000", "10.1.0.2:6000"],
        ],
        change,
        ..Setup::default()
    }
    .call();
    call.gather(&[]);
    call.exchange_options();
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    call.run(ms(500));
    assert_eq!(base(&mut call), "10.0.0.1:5000");
    call
}

fn base(call: &mut Call) -> String {
    let a = call.a;
    let pair = call.peer(a).agent.selected_pair().unwrap();
    pair.local.socket_addr().unwrap().to_string()
}

fn break_first_way(call: &mut Call) {
    let both = call.both();
    for (id, ip) in both.into_iter().zip(["10.0.0.1", "10.0.0.2"]) {
        call.network.set_access(id, ip.parse().unwrap(), LOST);
    }
}

#[test]
fn when_the_selected_pair_dies_another_takes_its_place_without_a_restart() {
    let mut call = two_ways(|_, _| ());
    break_first_way(&mut call);
    let disconnected = call.until(ms(10_000), |a, _| a.agent.state() == State::Disconnected);
    assert!(disconnected.is_some());
    let back = call.nominate_again(ms(3000)).expect("another pair");
    assert!(back < ms(1500), "{back:?}");
    assert_eq!(base(&mut call), "10.1.0.1:5000");
    call.run(ms(20_000));
    call.assert_data_flows();
    let a = call.a;
    let report = call.peer(a).agent.report();
    let old = report
        .pairs
        .iter()
        .find(|pair| !pair.selected && pair.checks_answered > 0);
    let old = old.expect("the pair that died");
    assert_eq!(old.standing, Standing::NotValid);
    assert_eq!(old.last_error, Some(PairError::NoAnswer));
}

#[test]
fn a_pair_that_comes_back_is_kept() {
    let mut call = two_ways(|_, _| ());
    // Both ways are broken, so nothing can take its place.
    let both = call.both();
    for (id, n) in both.into_iter().zip([1, 2]) {
        for net in [0, 1] {
            call.network.set_access(id, [10, net, 0, n].into(), LOST);
        }
    }
    call.until(ms(10_000), |a, b| {
        [a, b]
            .iter()
            .all(|peer| peer.agent.state() == State::Disconnected)
    })
    .unwrap();
    let healthy = Link { loss: 0.0, ..LOST };
    for (id, n) in both.into_iter().zip([1, 2]) {
        call.network.set_access(id, [10, 0, 0, n].into(), healthy);
    }
    let back = call.until(ms(3000), |a, b| {
        [a, b]
            .iter()
            .all(|peer| peer.agent.state() != State::Disconnected)
    });
    assert!(back.unwrap() < ms(1500));
    assert_eq!(base(&mut call), "10.0.0.1:5000");
    call.assert_data_flows();
}

#[test]
fn without_failover_the_silent_pair_is_all_there_is() {
    let mut call = two_ways(|_, config| config.failover = false);
    break_first_way(&mut call);
    call.run(ms(20_000));
    assert_eq!(call.states(), [State::Disconnected; 2]);
    assert_eq!(base(&mut call), "10.0.0.1:5000");
}

#[test]
fn every_pair_keeps_its_history() {
    let mut call = Setup {
        bases: [&["10.0.0.1:5000"], &["10.0.0.2:6000", "10.1.0.2:6000"]],
        ..Setup::default()
    }
    .call();
    let (a, b, now) = (call.a, call.b, call.now());
    // Nobody is at the first of these; the second one comes late, and is worse than what is nominated by then.
    call.network.set_access(
        b,
        "10.1.0.2".parse().unwrap(),
        Link {
            delay: ms(300),
            loss: 0.0,
        },
    );
    let mut nobody: Candidate = "candidate:9 1 udp 2130706431 192.0.2.1 1 typ host"
        .parse()
        .unwrap();
    nobody.priority += 10;
    call.peer(a).agent.add_remote_candidate(now, nobody);
    call.gather(&[]);
    call.exchange_options();
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    call.run(ms(7000));
    let report = call.peer(a).agent.report();
    let of = |address: &str| {
        let at = Some(support::address(address));
        let pair = report
            .pairs
            .iter()
            .find(|pair| pair.remote.socket_addr() == at);
        pair.unwrap_or_else(|| panic!("{address}: {report:#?}"))
    };
    let used = of("10.0.0.2:6000");
    assert_eq!(
        (used.standing, used.last_error),
        (Standing::Nominated, None)
    );
    assert_eq!((used.checks_sent, used.checks_answered), (2, 2));
    assert_eq!(used.round_trips, [ms(20), ms(20)]);
    let dead = of("192.0.2.1:1");
    assert_eq!(dead.state, PairState::Failed);
    assert_eq!(dead.last_error, Some(PairError::NoAnswer));
    assert_eq!((dead.standing, dead.checks_sent), (Standing::NotValid, 9));
    let worse = of("10.1.0.2:6000");
    assert_eq!(worse.last_error, Some(PairError::Abandoned));
}

#[test]
fn what_was_pruned_is_told_with_its_reason() {
    let mut call = Setup {
        bases: [&["10.0.0.1:5000", "10.1.0.1:5000"], &["10.0.0.2:6000"]],
        change: |_, config| config.limits.pairs = 4,
        ..Setup::default()
    }
    .call();
    let (a, now) = (call.a, call.now());
    call.gather(&[]);
    for n in 1..=4 {
        let line = format!("candidate:{n} 1 udp {} 192.0.2.{n} 1 typ host", 1000 - n);
        call.peer(a)
            .agent
            .add_remote_candidate(now, line.parse().unwrap());
    }
    call.tells[1] = false;
    call.exchange_credentials();
    let reasons = |call: &mut Call| -> Vec<PruneReason> {
        let report = call.peer(a).agent.report();
        report.pruned.iter().map(|pair| pair.why).collect()
    };
    assert_eq!(reasons(&mut call), [PruneReason::Full; 4]);
    call.peer(a).agent.fail_base(now, address("10.1.0.1:5000"));
    assert_eq!(reasons(&mut call)[4..], [PruneReason::CandidateGone; 2]);
    call.tells[1] = true;
    call.nominate(ms(2000)).unwrap();
    assert!(reasons(&mut call).contains(&PruneReason::WorseThanNominated));
}

#[test]
fn a_lite_agent_answers_and_never_asks() {
    let mut call = Setup {
        roles: [Role::Controlled, Role::Controlled],
        change: |side, config| config.lite = side == 1,
        ..Setup::default()
    }
    .call();
    call.add_relay(SERVER);
    call.gather(&[stun(SERVER), turn(SERVER)]);
    call.exchange_options();
    let (a, b) = (call.a, call.b);
    assert_eq!(
        call.peer(a).agent.role(),
        Role::Controlling,
        "RFC 8445 §6.1.1"
    );
    let kinds: Vec<Kind> = call
        .peer(b)
        .agent
        .local_candidates()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [Kind::Host]);
    call.exchange_credentials();
    assert!(call.nominate(ms(1000)).unwrap() <= ms(40));
    call.assert_data_flows();
    call.run(ms(60_000));
    let counters = call.peer(b).agent.counters();
    assert_eq!((counters.checks_sent, counters.consent_sent), (0, 0));
    assert!(call.peer(a).agent.counters().consent_answered > 8);
    assert_eq!(call.states(), [State::Completed; 2]);
    // Whom it hears no more, it forgets.
    call.peer(a).dead = true;
    call.run(ms(40_000));
    assert_eq!(call.peer(b).agent.state(), State::Failed);
    assert_eq!(call.peer(b).agent.poll_timeout(), None);
}

#[test]
fn a_mapped_address_takes_the_place_of_a_private_one() {
    let mut call = Setup {
        bases: [&["10.0.0.1:5000", "127.0.0.1:5000"], &["203.0.113.2:6000"]],
        change: |side, config| {
            if side == 0 {
                config.address_mappings = vec![AddressMapping {
                    internal: None,
                    external: [198, 51, 100, 1].into(),
                    mode: MappingMode::ReplaceHost,
                }];
            }
        },
        ..Setup::default()
    }
    .call();
    let a = call.a;
    // The cloud's NAT: port and port, both ways.
    let one_to_one = Nat::new([198, 51, 100, 1].into(), Variation::EndpointIndependent)
        .filtering(Variation::EndpointIndependent)
        .preserve_ports(true);
    call.network.put_behind(a, one_to_one);
    call.gather(&[]);
    let told = lines(call.peer(a));
    assert!(told[0].ends_with("198.51.100.1 5000 typ host"), "{told:?}");
    assert!(told[1].contains(" 127.0.0.1 "), "loopback is never mapped");
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    assert_eq!(
        call.peer(a).selected(),
        Some(("host".into(), "host".into()))
    );
    call.assert_data_flows();
}

#[test]
fn a_mapped_address_may_stand_beside_the_private_one() {
    let mut call = Setup {
        change: |_, config| {
            config.address_mappings = vec![
                AddressMapping {
                    internal: Some([10, 0, 0, 1].into()),
                    external: [198, 51, 100, 1].into(),
                    mode: MappingMode::AddReflexive,
                },
                AddressMapping {
                    internal: None,
                    external: "2001:db8::1".parse().unwrap(),
                    mode: MappingMode::ReplaceHost,
                },
            ];
        },
        ..Setup::default()
    }
    .call();
    call.gather(&[]);
    let (a, b) = (call.a, call.b);
    let told = lines(call.peer(a));
    assert!(told[0].ends_with("10.0.0.1 5000 typ host"));
    assert!(told[1].ends_with("198.51.100.1 5000 typ srflx raddr 10.0.0.1 rport 5000"));
    assert_eq!((told.len(), lines(call.peer(b)).len()), (2, 1));
}

#[test]
fn a_hidden_host_tells_its_address_nowhere() {
    let mut call = Setup {
        bases: [&["192.168.7.7:5000"], &["203.0.113.2:6000"]],
        change: |side, config| config.hide_host_addresses = side == 0,
        ..Setup::default()
    }
    .call();
    call.add_relay(SERVER);
    let (a, b) = (call.a, call.b);
    call.network.put_behind(
        a,
        Nat::new([198, 51, 100, 1].into(), Variation::EndpointIndependent),
    );
    call.gather(&[stun(SERVER)]);
    call.run(ms(100));
    let told = lines(call.peer(a));
    assert_eq!(told.len(), 2);
    assert!(!told.concat().contains("192.168.7.7"), "{told:?}");
    // Nor does a foundation, from which the address could be found by trying them all.
    let open = Candidate::host(
        address("192.168.7.7:5000"),
        ieum_candidate::Transport::Udp,
        1,
        65535,
    );
    let foundations: Vec<String> = call
        .peer(a)
        .agent
        .local_candidates()
        .map(|it| it.foundation.clone())
        .collect();
    assert!(!foundations.contains(&open.foundation));
    assert!(
        told[1].contains("typ srflx raddr 0.0.0.0 rport 0"),
        "{told:?}"
    );
    let (name, ip) = call
        .peer(a)
        .events
        .iter()
        .find_map(|event| match event {
            Event::RegisterName { name, ip } => Some((name.clone(), *ip)),
            _ => None,
        })
        .expect("a name to answer for");
    assert_eq!(ip, address("192.168.7.7:0").ip());
    assert!(
        told[0].contains(&format!(" {name} 5000 typ host")),
        "{told:?}"
    );
    assert_eq!(
        (name.len(), &name[14..15], &name[36..]),
        (42, "4", ".local")
    );
    call.exchange_credentials();
    call.nominate(ms(2000)).unwrap();
    let asked = |event: &Event| *event == Event::ResolveName(name.clone());
    assert!(call.peer(b).events.iter().any(asked));
    call.assert_data_flows();
}

#[test]
fn pacing_is_what_both_sides_ask_for() {
    let dead = |signals: [bool; 2]| {
        let mut call = Setup::default().call();
        let now = call.now();
        for n in 0..10 {
            for id in call.both() {
                let line = format!("candidate:{n} 1 udp 2130706431 192.0.2.{n} 1 typ host");
                call.peer(id)
                    .agent
                    .add_remote_candidate(now, line.parse().unwrap());
            }
        }
        for (id, signals) in call.both().into_iter().zip(signals) {
            let pacing = signals.then_some(ms(5));
            let options = Options {
                pacing,
                ..Options::default()
            };
            call.peer(id).agent.set_remote_options(now, options);
        }
        call.gather(&[]);
        call.exchange_credentials();
        call.run(ms(40));
        call.both()
            .map(|id| call.peer(id).agent.counters().checks_sent)
    };
    assert_eq!(dead([true; 2]).map(|sent| sent >= 9), [true; 2]);
    assert_eq!(dead([true, false]).map(|sent| sent >= 9), [true, false]);
}

#[test]
fn a_better_pair_that_comes_late_is_nominated_where_both_signal_renomination() {
    for agreed in [false, true] {
        let mut call = Setup {
            change: |_, config| config.renomination = true,
            ..Setup::default()
        }
        .call();
        // Through the relays, first.
        call.add_relay(SERVER);
        let both = call.both();
        for (from, to) in [(both[0], both[1]), (both[1], both[0])] {
            call.network.set_link_between(from, to, LOST);
        }
        call.gather(&[turn(SERVER)]);
        if agreed {
            call.exchange_options();
        }
        call.exchange_credentials();
        call.nominate(ms(3000)).unwrap();
        assert_eq!(call.peer(both[0]).agent.headroom(), Some(4));
        // A network comes up that has a direct way.
        for (from, to) in [(both[0], both[1]), (both[1], both[0])] {
            call.network
                .set_link_between(from, to, Link { loss: 0.0, ..LOST });
        }
        for (id, base) in both.into_iter().zip(["10.2.0.1:5000", "10.2.0.2:6000"]) {
            let now = call.now();
            call.peer(id).bases.push(address(base));
            call.peer(id).gather(now, &[]);
        }
        call.run(ms(1000));
        for id in both {
            let direct = call.peer(id).agent.headroom() == Some(0);
            assert_eq!(direct, agreed, "{agreed}");
        }
        call.assert_data_flows();
    }
}
