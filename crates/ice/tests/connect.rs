//! Two agents find each other.

mod support;

use ieum_ice::{Event, GatheringState, Reason, Role, State};
use support::{Setup, ms};

#[test]
fn hosts_are_connected_after_one_round_trip_and_nominated_after_two() {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.exchange_credentials();
    // Both begin at once: each has its own check answered after one round trip of 20 ms.
    assert_eq!(call.connect(ms(1000)), Some(ms(20)));
    // The check that nominates leaves at 20 ms, is there at 30 ms.
    assert_eq!(call.nominate(ms(1000)), Some(ms(20)));
    call.assert_data_flows();
    assert_eq!(call.states(), [State::Completed; 2]);
    let b = call.b;
    assert_eq!(
        call.peer(b).selected(),
        Some(("host".into(), "host".into()))
    );
}

#[test]
fn the_states_come_in_order() {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.exchange_credentials();
    call.run(ms(200));
    for id in call.both() {
        let states: Vec<State> = call.peer(id).events.iter().filter_map(state).collect();
        assert_eq!(
            states,
            [State::Checking, State::Connected, State::Completed]
        );
        let complete = Event::GatheringState(GatheringState::Complete);
        assert!(call.peer(id).events.contains(&complete));
    }
}

fn state(event: &Event) -> Option<State> {
    match event {
        Event::StateChange(state) => Some(*state),
        _ => None,
    }
}

#[test]
fn the_answerer_is_connected_before_the_answer_has_arrived() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.gather(&[]);
    call.tell_credentials(a, b);
    // A knows nothing of B but answers its checks.
    let time = call.until(ms(1000), |_, b| b.agent.state() == State::Connected);
    assert_eq!(time, Some(ms(20)));
    call.run(ms(500));
    assert_eq!(call.states()[0], State::New);
    // Now the answer: A acts on what it has kept, and is connected one round trip later.
    call.tell_credentials(b, a);
    assert_eq!(call.connect(ms(1000)), Some(ms(20)));
    assert_eq!(call.nominate(ms(1000)), Some(ms(20)));
    call.assert_data_flows();
}

#[test]
fn candidates_may_come_long_after_the_answer() {
    let mut call = Setup::default().call();
    call.exchange_credentials();
    call.run(ms(3000));
    assert_eq!(call.states(), [State::Checking; 2]);
    call.gather(&[]);
    assert_eq!(call.connect(ms(1000)), Some(ms(20)));
}

#[test]
fn candidates_may_come_before_the_description() {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.run(ms(100));
    call.exchange_credentials();
    assert_eq!(call.connect(ms(1000)), Some(ms(20)));
}

#[test]
fn one_side_that_is_told_nothing_discovers_the_other() {
    for silent in [0, 1] {
        let mut call = Setup::default().call();
        call.tells[silent] = false;
        call.gather(&[]);
        call.exchange_credentials();
        // Half a round trip until the check arrives that tells it, and one for its own.
        assert_eq!(call.connect(ms(1000)), Some(ms(30)), "{silent}");
        call.assert_data_flows();
        let other = call.both()[1 - silent];
        assert_eq!(
            call.peer(other).selected(),
            Some(("host".into(), "prflx".into()))
        );
        assert_eq!(call.peer(other).agent.remote_candidates().count(), 1);
    }
}

#[test]
fn a_discovered_candidate_that_is_signaled_later_stays_one() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.tells[1] = false;
    call.gather(&[]);
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    let now = call.now();
    let late = call
        .peer(b)
        .agent
        .local_candidates()
        .next()
        .unwrap()
        .clone();
    call.peer(a).agent.add_remote_candidate(now, late.clone());
    let known: Vec<_> = call.peer(a).agent.remote_candidates().cloned().collect();
    assert_eq!(known, [late]);
}

#[test]
fn both_in_the_same_role_are_repaired() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..8 {
            let mut call = Setup {
                seed,
                roles: [role; 2],
                ..Setup::default()
            }
            .call();
            call.gather(&[]);
            call.exchange_credentials();
            assert!(call.nominate(ms(1000)).unwrap() <= ms(100));
            let [a, b] = call.both().map(|id| call.peer(id).agent.role());
            assert_eq!(a, b.other());
            let conflicts: u64 = call
                .both()
                .iter()
                .map(|id| call.peer(*id).agent.counters().role_conflicts)
                .sum();
            assert!(conflicts > 0);
            call.assert_data_flows();
        }
    }
}

#[test]
fn a_fifth_of_all_packets_may_be_lost() {
    let mut times = Vec::new();
    for seed in 0..200 {
        let mut call = Setup {
            seed,
            loss: 0.2,
            ..Setup::default()
        }
        .call();
        call.gather(&[]);
        call.exchange_credentials();
        times.push(
            call.nominate(ms(10_000))
                .unwrap_or_else(|| panic!("seed {seed}")),
        );
    }
    times.sort();
    assert!(times[100] <= ms(300), "median {:?}", times[100]);
    assert!(times[195] <= ms(2500), "{:?}", times[195]);
}

#[test]
fn pairs_that_lead_nowhere_do_not_hold_up_the_one_that_works() {
    // Addresses that nobody has come first, and in the other family too.
    let dead = [
        "192.0.2.1:1",
        "192.0.2.2:1",
        "[2001:db8::1]:1",
        "192.0.2.3:1",
    ];
    let mut call = Setup::default().call();
    let now = call.now();
    for (index, at) in dead.iter().enumerate() {
        for id in call.both() {
            let transport = ieum_candidate::Transport::Udp;
            let mut candidate =
                ieum_ice::Candidate::host(support::address(at), transport, 1, 65535);
            candidate.priority += 1000 - index as u32;
            call.peer(id).agent.add_remote_candidate(now, candidate);
        }
    }
    call.gather(&[]);
    call.exchange_credentials();
    // Three dead pairs of its family go first, 50 ms apart.
    assert_eq!(call.connect(ms(1000)), Some(ms(170)));
    assert!(
        call.nominate(ms(1000)).unwrap() <= ms(130),
        "the grace for better pairs is bounded"
    );
}

#[test]
fn many_candidates_of_a_hostile_peer_are_bounded() {
    let mut call = Setup::default().call();
    let (a, now) = (call.a, call.now());
    call.gather(&[]);
    call.exchange_credentials();
    for port in 1..=5000 {
        let at = support::address(&format!("192.0.2.1:{port}"));
        let candidate = ieum_ice::Candidate::host(at, ieum_candidate::Transport::Udp, 1, 65535);
        call.peer(a).agent.add_remote_candidate(now, candidate);
    }
    let agent = &call.peer(a).agent;
    assert!(agent.remote_candidates().count() <= 100);
    assert!(agent.report().pairs.len() <= 100);
    assert!(agent.counters().ignored(Reason::Limit) >= 4900);
}

#[test]
fn a_name_is_asked_for_once_and_checked_when_it_is_resolved() {
    const NAME: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.local";
    let mut call = Setup::default().call();
    let (a, now) = (call.a, call.now());
    call.tells = [false; 2];
    call.exchange_credentials();
    call.gather(&[]);
    for port in [6000, 6001, 6000] {
        let line = format!("candidate:1 1 udp 2113937151 {NAME} {port} typ host");
        let candidate = line.parse().unwrap();
        call.peer(a).agent.add_remote_candidate(now, candidate);
    }
    assert_eq!(call.peer(a).agent.remote_candidates().count(), 2);
    assert!(call.peer(a).agent.report().pairs.is_empty());
    call.run(ms(100));
    let asked = |event: &&Event| **event == Event::ResolveName(NAME.into());
    assert_eq!(call.peer(a).events.iter().filter(asked).count(), 1);
    let now = call.now();
    let ip = support::address("10.0.0.2:0").ip();
    call.peer(a).agent.name_resolved(now, "other.local", ip);
    assert!(call.peer(a).agent.report().pairs.is_empty());
    call.peer(a).agent.name_resolved(now, NAME, ip);
    assert!(call.nominate(ms(1000)).is_some());
    // What the peer has signaled is what is shown, not the address behind it.
    let selected = call.peer(a).agent.selected_pair().unwrap();
    assert_eq!(selected.remote.socket_addr(), None);
}
