//! A restart between its offer and its answer: nothing of the session in force changes, and it can be taken back.

mod support;

use ieum_ice::{Credentials, State};
use support::{Call, Setup, ms};

fn connected() -> Call {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    call
}

/// What `a` offers.
fn offer(call: &mut Call) -> Credentials {
    let agent = &mut call.peer(call.a).agent;
    let credentials = agent.new_credentials();
    agent.prepare_restart(credentials.clone());
    credentials
}

/// `b` applies the offer and answers it.
fn answer(call: &mut Call, offered: Credentials) {
    let (a, b, now) = (call.a, call.b, call.now());
    let agent = &mut call.peer(b).agent;
    agent.restart(now);
    agent.set_remote_credentials(now, offered);
    call.tell_candidates(a, b);
}

/// `a` takes the answer.
fn settle(call: &mut Call) {
    let (a, b, now) = (call.a, call.b, call.now());
    call.peer(a).agent.restart(now);
    call.tell_credentials(b, a);
    call.tell_candidates(b, a);
}

#[test]
fn drawing_credentials_changes_nothing() {
    let mut call = connected();
    let agent = &mut call.peer(call.a).agent;
    let before = agent.local_credentials().clone();
    assert_ne!(agent.new_credentials(), before);
    assert_eq!(*agent.local_credentials(), before);
    assert_eq!(*agent.signaled_credentials(), before);
}

#[test]
fn a_restart_on_offer_changes_nothing_of_the_session_in_force() {
    let mut call = connected();
    let a = call.a;
    let before = call.peer(a).agent.local_credentials().clone();
    let pair = call.peer(a).selected();
    let offered = offer(&mut call);
    assert_eq!(*call.peer(a).agent.signaled_credentials(), offered);
    // For longer than consent lasts: the old credentials are asked and answered on both sides.
    call.run(ms(70_000));
    assert_eq!(call.states(), [State::Completed; 2]);
    assert_eq!(call.peer(a).selected(), pair);
    call.assert_data_flows();
    call.peer(a).agent.cancel_restart();
    assert_eq!(*call.peer(a).agent.signaled_credentials(), before);
    call.run(ms(70_000));
    assert_eq!(call.states(), [State::Completed; 2]);
    call.assert_data_flows();
}

#[test]
fn after_one_that_was_taken_back_another_restart_works() {
    let mut call = connected();
    let a = call.a;
    let first = offer(&mut call);
    call.peer(a).agent.cancel_restart();
    let second = offer(&mut call);
    assert_ne!(first, second);
    answer(&mut call, second.clone());
    settle(&mut call);
    call.nominate(ms(1000)).expect("a new pair");
    assert_eq!(*call.peer(a).agent.local_credentials(), second);
    call.run(ms(70_000));
    assert_eq!(call.states(), [State::Completed; 2]);
    call.assert_data_flows();
}

#[test]
fn checks_of_a_restart_are_answered_before_its_answer_is_here() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    let offered = offer(&mut call);
    answer(&mut call, offered);
    let answered = call.peer(a).agent.counters().checks_answered;
    let succeeded = call.peer(b).agent.counters().checks_succeeded;
    call.run(ms(500));
    assert!(call.peer(a).agent.counters().checks_answered > answered);
    assert!(call.peer(b).agent.counters().checks_succeeded > succeeded);
    call.assert_data_flows();
    // What they told is acted on at once when the answer comes.
    settle(&mut call);
    call.nominate(ms(1000)).expect("a new pair");
    call.assert_data_flows();
}

#[test]
fn a_failed_agent_listens_only_to_the_restart_that_it_offers() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    call.peer(b).dead = true;
    let failed = |a: &mut support::Peer, _: &mut support::Peer| a.agent.state() == State::Failed;
    call.until(ms(60_000), failed).unwrap();
    call.peer(b).dead = false;
    let offered = offer(&mut call);
    let answered = call.peer(a).agent.counters().checks_answered;
    call.run(ms(5000));
    assert_eq!(
        call.states()[0],
        State::Failed,
        "and not before it is answered"
    );
    assert_eq!(call.peer(a).agent.counters().checks_answered, answered);
    answer(&mut call, offered);
    call.run(ms(500));
    assert!(call.peer(a).agent.counters().checks_answered > answered);
    settle(&mut call);
    call.nominate(ms(1000)).expect("a new pair");
    call.assert_data_flows();
}

#[test]
fn a_failed_agent_that_takes_its_restart_back_is_deaf_again() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    call.peer(b).dead = true;
    let failed = |a: &mut support::Peer, _: &mut support::Peer| a.agent.state() == State::Failed;
    call.until(ms(60_000), failed).unwrap();
    call.peer(b).dead = false;
    let offered = offer(&mut call);
    call.peer(a).agent.cancel_restart();
    let answered = call.peer(a).agent.counters().checks_answered;
    answer(&mut call, offered);
    call.run(ms(1000));
    assert_eq!(call.peer(a).agent.counters().checks_answered, answered);
    assert_eq!(call.states()[0], State::Failed);
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
}
