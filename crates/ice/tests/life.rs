//! What happens after the connection is up: consent, restart, closing; and what must not happen.

mod support;

use std::time::Duration;

use ieum_ice::{Event, FiveTuple, Incoming, Reason, State};
use ieum_stun::{Class, Key, Message, MessageBuilder, Method, TransactionId};
use support::{Call, Peer, Setup, address, credentials, ms};

fn connected() -> Call {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.exchange_credentials();
    call.nominate(ms(1000)).unwrap();
    call
}

fn state_is(state: State) -> impl FnMut(&mut Peer, &mut Peer) -> bool {
    move |a, _| a.agent.state() == state
}

#[test]
fn a_peer_that_vanishes_is_missed_and_then_given_up() {
    let mut call = connected();
    let b = call.b;
    call.run(ms(60_000));
    call.peer(b).dead = true;
    let seconds = Duration::from_secs;
    let disconnected = call
        .until(seconds(60), state_is(State::Disconnected))
        .unwrap();
    assert!(disconnected <= seconds(7), "{disconnected:?}");
    let failed = disconnected + call.until(seconds(60), state_is(State::Failed)).unwrap();
    // Consent was last given at most one interval before.
    assert!((seconds(24)..=seconds(30)).contains(&failed), "{failed:?}");
    let a = call.a;
    assert!(call.peer(a).events.contains(&Event::ConsentLost));
    assert_eq!(
        call.peer(a).agent.headroom(),
        None,
        "nothing is sent without consent"
    );
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
}

#[test]
fn a_short_silence_is_forgiven() {
    let mut call = connected();
    let b = call.b;
    call.peer(b).dead = true;
    call.until(ms(20_000), state_is(State::Disconnected))
        .unwrap();
    call.peer(b).dead = false;
    call.until(ms(8000), state_is(State::Completed))
        .expect("it comes back by itself");
    call.assert_data_flows();
}

#[test]
fn an_hour_of_silence_above_keeps_the_connection_at_a_bounded_price() {
    let mut call = connected();
    let before = call.network.statistics();
    call.run(Duration::from_secs(3600));
    let after = call.network.statistics();
    assert_eq!(call.states(), [State::Completed; 2]);
    // A question and an answer each way, every 4 to 6 seconds.
    assert!(
        after.sent - before.sent <= 4 * 900,
        "{}",
        after.sent - before.sent
    );
    // And no more wake-ups than questions, but for silence that turned out to be none.
    assert!(
        after.timeouts - before.timeouts <= 4 * 900,
        "{}",
        after.timeouts - before.timeouts
    );
}

#[test]
fn consent_survives_loss() {
    let mut call = connected();
    call.network.set_link(ieum_netsim::Link {
        delay: ms(10),
        loss: 0.05,
    });
    call.run(Duration::from_secs(1800));
    for state in call.states() {
        assert!(
            matches!(state, State::Completed | State::Disconnected),
            "{state}"
        );
    }
}

#[test]
fn a_restart_keeps_data_flowing_and_finds_a_new_pair() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    call.run(ms(10_000));
    let old: Vec<_> = call
        .both()
        .iter()
        .map(|id| call.peer(*id).agent.local_credentials().clone())
        .collect();
    let now = call.now();
    call.peer(a).agent.restart(now);
    // Nothing is agreed on yet: both go on as before, consent too, for longer than it lasts.
    call.run(ms(70_000));
    assert_eq!(call.states()[1], State::Completed);
    assert_eq!(call.states()[0], State::Connected);
    call.assert_data_flows();
    assert!(
        call.both()
            .iter()
            .all(|id| old.contains(call.peer(*id).agent.local_credentials()) == (*id == b))
    );
    let now = call.now();
    call.peer(b).agent.restart(now);
    call.exchange_credentials();
    // What A had told before was of its old session to B.
    call.tell_candidates(a, b);
    call.nominate(ms(1000)).expect("a new pair");
    call.assert_data_flows();
    assert!(!old.contains(call.peer(b).agent.local_credentials()));
    assert_eq!(call.states(), [State::Completed; 2]);
    call.run(ms(60_000));
    assert_eq!(call.states(), [State::Completed; 2]);
}

#[test]
fn a_restart_revives_a_failed_agent() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    call.peer(b).dead = true;
    call.until(ms(60_000), state_is(State::Failed)).unwrap();
    call.peer(b).dead = false;
    for id in call.both() {
        let now = call.now();
        call.peer(id).agent.restart(now);
    }
    call.exchange_credentials();
    call.nominate(ms(1000)).expect("a new pair");
    assert_eq!(call.peer(a).agent.state(), State::Completed);
    call.assert_data_flows();
}

#[test]
fn with_nobody_there_checking_ends_when_everything_was_tried() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.peer(b).dead = true;
    call.gather(&[]);
    call.exchange_credentials();
    let failed = call.until(ms(60_000), state_is(State::Failed)).unwrap();
    assert_eq!(failed, ms(10_000), "not without patience");
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
    assert!(call.peer(a).agent.counters().checks_sent <= 9);
}

#[test]
fn while_the_peer_may_still_find_candidates_checking_ends_only_by_time() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.tells = [false; 2];
    call.peer(b).dead = true;
    call.gather(&[]);
    call.exchange_credentials();
    assert_eq!(
        call.until(ms(60_000), state_is(State::Failed)),
        Some(ms(30_000))
    );
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
}

#[test]
fn a_closed_agent_is_silent() {
    let mut call = connected();
    let (a, b) = (call.a, call.b);
    let now = call.now();
    call.peer(a).agent.close(now);
    call.run(ms(1));
    let sent = call.network.statistics().sent;
    let from_b = call.peer(a).log.len();
    call.run(ms(5900));
    assert!(call.peer(a).log.len() > from_b, "the peer asks for consent");
    assert_eq!(
        call.network.statistics().sent - sent,
        (call.peer(a).log.len() - from_b) as u64,
        "and gets no answer"
    );
    assert_eq!(call.peer(a).agent.state(), State::Closed);
    assert_eq!(call.peer(a).agent.poll_timeout(), None);
    assert!(call.peer(a).ignored.contains(&Reason::Closed));
    let now = call.now();
    call.peer(a).agent.restart(now);
    call.tell_credentials(b, a);
    assert_eq!(call.peer(a).agent.state(), State::Closed);
}

/// A check as the peer `from` would send it, built by hand.
fn check(username: &str, key: &Key) -> Vec<u8> {
    let mut buf = Vec::new();
    MessageBuilder::new(
        &mut buf,
        Class::Request,
        Method::BINDING,
        TransactionId([7; 12]),
    )
    .username(username)
    .priority(1)
    .ice_controlled(1)
    .integrity(key)
    .fingerprint();
    buf
}

#[test]
fn what_does_not_know_the_password_is_ignored_and_counted() {
    let mut call = connected();
    let (a, now) = (call.a, call.now());
    let ufrag = call.peer(a).agent.local_credentials().ufrag.clone();
    let from = FiveTuple::udp(address("10.0.0.1:5000"), address("192.0.2.66:1"));
    let wrong = Key::short_term("wrong");
    let mut broken = check(&format!("{ufrag}:x"), &wrong);
    *broken.last_mut().unwrap() ^= 1;
    let cases: [(Vec<u8>, Reason); 6] = [
        (check(&format!("{ufrag}:x"), &wrong), Reason::WrongIntegrity),
        (check("nobody:x", &wrong), Reason::WrongUsername),
        (check("nocolon", &wrong), Reason::Incomplete),
        (broken, Reason::WrongFingerprint),
        (
            b"\x16\xfe\xfd a DTLS record of somebody else".to_vec(),
            Reason::UnknownPeer,
        ),
        (
            [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat(),
            Reason::Malformed,
        ),
    ];
    let remotes = call.peer(a).agent.remote_candidates().count();
    for (datagram, reason) in cases {
        let agent = &mut call.peer(a).agent;
        let before = agent.counters().ignored(reason);
        assert_eq!(
            agent.handle_datagram(now, from, &datagram),
            Incoming::Ignored(reason)
        );
        assert_eq!(agent.counters().ignored(reason), before + 1);
        assert_eq!(
            agent.poll_transmit(now, &mut Vec::new()),
            None,
            "{reason:?}: no answer"
        );
    }
    let elsewhere = FiveTuple::udp(address("10.9.9.9:1"), from.remote);
    let agent = &mut call.peer(a).agent;
    assert_eq!(
        agent.handle_datagram(now, elsewhere, b"x"),
        Incoming::Ignored(Reason::UnknownLocal)
    );
    assert_eq!(
        agent.remote_candidates().count(),
        remotes,
        "and nothing was learned"
    );
}

#[test]
fn a_made_up_answer_is_ignored() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.peer(b).dead = true;
    call.gather(&[]);
    call.exchange_credentials();
    call.run(ms(15));
    // The check is on its way; somebody who sees it answers without the password.
    let packet = call.peer(b).agent.local_credentials().clone();
    let seen = {
        let mut buf = Vec::new();
        let now = call.now();
        let agent = &mut call.peer(a).agent;
        agent.handle_timeout(now + ms(500));
        agent
            .poll_transmit(now, &mut buf)
            .expect("a retransmission");
        ieum_stun::Message::parse(&buf).unwrap().transaction_id()
    };
    let answer = |key: &Key| {
        let mut buf = Vec::new();
        MessageBuilder::new(&mut buf, Class::Success, Method::BINDING, seen)
            .xor_mapped_address(address("10.0.0.1:5000"))
            .integrity(key)
            .fingerprint();
        buf
    };
    let now = call.now() + ms(500);
    let way = FiveTuple::udp(address("10.0.0.1:5000"), address("10.0.0.2:6000"));
    let agent = &mut call.peer(a).agent;
    let forged = answer(&Key::short_term("a guess"));
    assert_eq!(
        agent.handle_datagram(now, way, &forged),
        Incoming::Ignored(Reason::WrongIntegrity)
    );
    assert_eq!(agent.state(), State::Checking);
    // The right one counts, but only if it comes back the way that the check went.
    let right = answer(&Key::short_term(&packet.pwd));
    let astray = FiveTuple::udp(way.local, address("10.0.0.3:1"));
    assert_eq!(
        agent.handle_datagram(now, astray, &right),
        Incoming::Ignored(Reason::Asymmetric)
    );
    assert_eq!(
        agent.handle_datagram(now, way, &right),
        Incoming::Ignored(Reason::UnknownTransaction)
    );
}

#[test]
fn a_late_answer_to_a_cancelled_check_is_ignored() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.gather(&[]);
    call.exchange_credentials();
    // Both checks are under way when A restarts: the answer belongs to a session that is over.
    call.run(ms(15));
    let now = call.now();
    call.peer(a).agent.restart(now);
    let other = call.peer(b).agent.local_credentials().ufrag.clone();
    call.peer(a)
        .agent
        .set_remote_credentials(now, credentials(&other, "another password, long enough"));
    call.run(ms(10));
    assert!(
        call.peer(a).ignored.contains(&Reason::UnknownTransaction),
        "{:?}",
        call.peer(a).ignored
    );
    assert_ne!(call.peer(a).agent.state(), State::Connected);
}

#[test]
fn data_that_arrives_before_our_own_check_is_answered_is_taken() {
    let mut call = Setup::default().call();
    let (a, b) = (call.a, call.b);
    call.gather(&[]);
    call.tell_credentials(a, b);
    call.until(ms(1000), |_, b| b.agent.headroom().is_some())
        .unwrap();
    call.peer(b).send(b"\x16early");
    call.run(ms(15));
    assert_eq!(call.peer(a).received, [b"\x16early"]);
}

#[test]
fn a_base_that_is_gone_gives_way_to_another() {
    let bases: [&[&str]; 2] = [&["10.0.0.1:5000", "10.0.0.7:5000"], &["10.0.0.2:6000"]];
    let mut call = Setup {
        bases,
        ..Setup::default()
    }
    .call();
    let a = call.a;
    call.gather(&[]);
    call.exchange_credentials();
    call.run(ms(300));
    let now = call.now();
    call.peer(a).agent.fail_base(now, address("10.0.0.1:5000"));
    let left: Vec<_> = call
        .peer(a)
        .agent
        .local_candidates()
        .filter_map(|known| known.socket_addr())
        .collect();
    assert_eq!(left, [address("10.0.0.7:5000")]);
    assert!(
        call.peer(a)
            .agent
            .selected_pair()
            .is_none_or(|pair| pair.local.socket_addr() == Some(left[0]))
    );
}

/// A peer that has gone on over another pair while the nominated one was silent learns that it is still meant.
#[test]
fn consent_checks_of_the_controlling_side_name_the_nominated_pair_again() {
    let mut call = Setup::default().call();
    call.gather(&[]);
    call.exchange_credentials();
    call.nominate(ms(1000)).expect("a pair");
    call.run(ms(1000));
    for id in call.both() {
        call.peer(id).log.clear();
    }
    call.run(ms(20_000));
    for (id, nominates) in [(call.b, true), (call.a, false)] {
        let log = std::mem::take(&mut call.peer(id).log);
        let checks: Vec<_> = log
            .iter()
            .filter_map(|(_, packet)| Message::parse(&packet.payload).ok())
            .filter(|message| message.class() == Class::Request)
            .map(|message| message.use_candidate())
            .collect();
        assert!(
            checks.len() >= 3 && checks.iter().all(|it| *it == nominates),
            "{checks:?}"
        );
    }
}
