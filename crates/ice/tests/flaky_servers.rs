//! Servers that refuse, are late, fall silent or start anew: who does not need them is not held up, who does need them
//! connects by another way or fails in time, and nobody is busy meanwhile.

mod support;

use ieum_ice::{Event, GatheringState, Server, State, TransportPolicy};
use ieum_netsim::{Nat, Variation};
use support::{Call, Faults, Peer, Setup, ms, stun, turn};

const FLAKY: &str = "203.0.113.8:3478";
const SOUND: &str = "203.0.113.9:3478";

/// Two sides that only a relay connects, or that reach each other directly; a flaky server, and maybe a sound one.
fn call(direct: bool, faults: Faults, sound: bool) -> Call {
    let mut call = Setup::default().call();
    call.add_flaky_relay(FLAKY, faults);
    if sound {
        call.add_relay(SOUND);
    }
    if !direct {
        let (a, b, symmetric) = (call.a, call.b, Variation::AddressAndPortDependent);
        for (id, last) in [(a, 1), (b, 2)] {
            let nat = Nat::new([198, 51, 100, last].into(), symmetric);
            call.network.put_behind(id, nat);
        }
    }
    call
}

fn begin(call: &mut Call, servers: &[Server]) {
    call.exchange_options();
    call.gather(servers);
    call.exchange_credentials();
}

/// Errors of gathering: server and code.
fn errors(peer: &Peer) -> Vec<(String, Option<u16>)> {
    let error = |event: &Event| match event {
        Event::CandidateError(error) => Some((error.url.clone(), error.code)),
        _ => None,
    };
    peer.events.iter().filter_map(error).collect()
}

/// Not more than so many packets and timeouts a second, all nodes together.
fn assert_calm(call: &Call) {
    let (seconds, counted) = (
        call.network.elapsed().as_secs_f64(),
        call.network.statistics(),
    );
    assert!(
        counted.sent as f64 <= 300.0 + 30.0 * seconds,
        "{counted:?} in {seconds} s"
    );
    assert!(
        counted.timeouts as f64 <= 300.0 + 30.0 * seconds,
        "{counted:?} in {seconds} s"
    );
}

fn states_are(call: &mut Call, wanted: State) -> bool {
    call.states() == [wanted; 2]
}

fn everything_at_once() -> Vec<Faults> {
    let silent = vec![ms(0)..ms(60_000)];
    vec![
        Faults {
            drops: 50,
            ..Faults::default()
        },
        Faults {
            late: ms(3000),
            ..Faults::default()
        },
        Faults {
            refuses: Some(500),
            ..Faults::default()
        },
        Faults {
            restarts: vec![ms(15), ms(30), ms(100)],
            ..Faults::default()
        },
        Faults {
            silent,
            ..Faults::default()
        },
    ]
}

#[test]
fn whoever_needs_no_server_is_not_held_up_by_one() {
    for faults in everything_at_once() {
        let what = format!("{faults:?}");
        let mut call = call(true, faults, false);
        begin(&mut call, &[turn(FLAKY), stun(FLAKY)]);
        assert_eq!(call.nominate(ms(1000)), Some(ms(40)), "{what}");
        call.run(ms(6000));
        assert!(
            states_are(&mut call, State::Completed),
            "{what}: {:?}",
            call.states()
        );
        let (a, b) = (call.a, call.b);
        for id in [a, b] {
            assert_eq!(
                call.peer(id).agent.gathering_state(),
                GatheringState::Complete,
                "{what}"
            );
        }
        assert_calm(&call);
    }
}

#[test]
fn a_sound_server_serves_in_place_of_a_flaky_one() {
    for faults in everything_at_once() {
        let what = format!("{faults:?}");
        let mut call = call(false, faults, true);
        begin(&mut call, &[turn(FLAKY), turn(SOUND)]);
        let took = call.connect(ms(3000));
        assert!(took.is_some_and(|took| took <= ms(500)), "{what}: {took:?}");
        call.assert_data_flows();
        let took = call.nominate(ms(12_000));
        assert!(took.is_some(), "{what}");
        call.assert_data_flows();
        assert_calm(&call);
    }
}

#[test]
fn a_refusal_is_told_with_its_code_and_both_fail_in_time() {
    for code in [437, 486, 500, 508] {
        let faults = Faults {
            refuses: Some(code),
            ..Faults::default()
        };
        let mut call = call(false, faults, false);
        begin(&mut call, &[turn(FLAKY)]);
        let failed = call.until(ms(60_000), |a, b| {
            [a, b]
                .iter()
                .all(|peer| peer.agent.state() == State::Failed)
        });
        // The patience of RFC 8863, for the peer may still open the way; then all was tried.
        assert!(
            failed.is_some_and(|took| took <= ms(31_000)),
            "{code}: {failed:?}"
        );
        let (a, b) = (call.a, call.b);
        for id in [a, b] {
            assert_eq!(
                errors(call.peer(id)),
                [(format!("turn:{FLAKY}"), Some(code))]
            );
        }
        assert_calm(&call);
    }
}

#[test]
fn late_answers_are_good_answers() {
    let faults = Faults {
        late: ms(700),
        ..Faults::default()
    };
    let mut call = call(false, faults, false);
    begin(&mut call, &[turn(FLAKY)]);
    // Two round trips for the allocation, one for the channel, one or two for the check, each 720 ms or so.
    let took = call.nominate(ms(20_000)).expect("a relayed pair");
    assert!(took <= ms(7000), "{took:?}");
    call.run(ms(1000));
    let (a, b) = (call.a, call.b);
    call.peer(a).received.clear();
    assert!(call.peer(b).send(b"\x80hello"));
    call.run(ms(2000));
    assert_eq!(call.peer(a).received, [b"\x80hello"]);
    assert_calm(&call);
}

#[test]
fn a_server_that_drops_packets_is_asked_again() {
    let faults = Faults {
        drops: 20,
        ..Faults::default()
    };
    let mut call = call(false, faults, false);
    begin(&mut call, &[turn(FLAKY)]);
    let took = call.nominate(ms(20_000)).expect("a relayed pair");
    assert!(took <= ms(10_000), "{took:?}");
    call.run(ms(60_000));
    assert!(matches!(
        call.states()[0],
        State::Connected | State::Completed
    ));
    assert_calm(&call);
}

#[test]
fn a_server_that_is_silent_at_first_is_heard_when_it_speaks() {
    let faults = Faults {
        silent: vec![ms(0)..ms(2000)],
        ..Faults::default()
    };
    let mut call = call(false, faults, false);
    begin(&mut call, &[turn(FLAKY)]);
    let took = call.nominate(ms(20_000)).expect("a relayed pair");
    assert!(took <= ms(6000), "{took:?}");
    call.assert_data_flows();
    assert_calm(&call);
}

#[test]
fn a_silence_during_a_call_is_outlasted() {
    let faults = Faults {
        silent: vec![ms(5000)..ms(20_000)],
        ..Faults::default()
    };
    let mut call = call(false, faults, false);
    begin(&mut call, &[turn(FLAKY)]);
    call.nominate(ms(5000)).expect("a relayed pair");
    let lost = call.until(ms(20_000), |a, b| {
        [a, b]
            .iter()
            .all(|peer| peer.agent.state() == State::Disconnected)
    });
    assert!(lost.is_some(), "{:?}", call.states());
    let back = call.nominate_again(ms(20_000));
    assert!(back.is_some(), "{:?}", call.states());
    call.assert_data_flows();
    assert_calm(&call);
}

/// What a restarted server does not know any more, nobody can use; the other relay is there.
#[test]
fn a_call_goes_on_over_another_server_when_its_own_restarts() {
    let faults = Faults {
        restarts: vec![ms(6000)],
        ..Faults::default()
    };
    let mut call = call(false, faults, true);
    begin(&mut call, &[turn(FLAKY), turn(SOUND)]);
    call.nominate(ms(5000)).expect("a relayed pair");
    let lost = call.until(ms(20_000), |a, b| {
        [a, b]
            .iter()
            .any(|peer| peer.agent.state() == State::Disconnected)
    });
    assert!(lost.is_some(), "{:?}", call.states());
    let back = call.nominate_again(ms(25_000));
    assert!(back.is_some(), "{:?}", call.states());
    call.assert_data_flows();
    assert_calm(&call);
}

#[test]
fn without_another_way_both_fail_when_consent_is_over() {
    let faults = Faults {
        silent: vec![ms(6000)..ms(600_000)],
        ..Faults::default()
    };
    let mut call = call(false, faults, false);
    for id in call.both() {
        assert_eq!(call.peer(id).agent.state(), State::New);
    }
    begin(&mut call, &[turn(FLAKY)]);
    call.nominate(ms(5000)).expect("a relayed pair");
    let failed = call.until(ms(60_000), |a, b| {
        [a, b]
            .iter()
            .all(|peer| peer.agent.state() == State::Failed)
    });
    // RFC 7675 §5.1: 30 s after the last answer.
    assert!(
        failed.is_some_and(|took| took <= ms(6000 + 31_000)),
        "{failed:?}"
    );
    call.run(ms(10_000));
    assert_calm(&call);
}

#[test]
fn relay_only_fails_in_time_where_the_server_is_silent() {
    let mut call = Setup {
        policies: [TransportPolicy::Relay; 2],
        ..Setup::default()
    }
    .call();
    call.add_flaky_relay(
        FLAKY,
        Faults {
            silent: vec![ms(0)..ms(600_000)],
            ..Faults::default()
        },
    );
    begin(&mut call, &[turn(FLAKY)]);
    let failed = call.until(ms(60_000), |a, b| {
        [a, b]
            .iter()
            .all(|peer| peer.agent.state() == State::Failed)
    });
    assert!(failed.is_some_and(|took| took <= ms(31_000)), "{failed:?}");
    let a = call.a;
    assert_eq!(errors(call.peer(a)), [(format!("turn:{FLAKY}"), None)]);
    assert_calm(&call);
}
