//! Peers that behave otherwise than we do, written by hand: what they send, and what they get.

#[path = "support/scene.rs"]
mod scene;

use std::time::Duration;

use ieum_ice::{Credentials, Event, FiveTuple, Incoming, Role, State};
use ieum_stun::{AttributeType, Class, Key, Message, MessageBuilder, Method, TransactionId, code};
use proptest::prelude::*;
use scene::{PWD, Scene};

#[test]
fn a_lite_peer_only_answers() {
    let mut scene = Scene::new(Role::Controlling).described();
    scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    scene.agent.end_of_remote_candidates(scene.now);
    assert_eq!(scene.answer_all(), (2, 1), "a check and a nomination");
    assert_eq!(scene.selected(), Some((scene.peer, true)));
    scene.pass(Duration::from_secs(120));
    assert_eq!(scene.agent.state(), State::Completed);
}

#[test]
fn a_browser_that_hides_its_addresses_nominates_with_every_check() {
    let mut scene = Scene::new(Role::Controlled).described();
    scene.add_candidate(
        "candidate:1 1 udp 2113937151 0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.local 50000 typ host",
    );
    scene.agent.end_of_remote_candidates(scene.now);
    assert_eq!(scene.sent(), None, "there is nowhere to send to");
    let aggressive = |message: &mut MessageBuilder<'_>| {
        message
            .ice_controlling(1)
            .use_candidate()
            .raw(AttributeType(0xC057), &[0, 1, 0, 10]);
    };
    let peer = scene.peer;
    assert_eq!(scene.check(peer, aggressive), Incoming::Handled);
    assert_eq!(scene.answer_all(), (1, 0), "checked back at once");
    assert_eq!(scene.selected(), Some((peer, true)));
    assert_eq!(
        scene.agent.selected_pair().unwrap().remote.kind,
        ieum_ice::Kind::PeerReflexive
    );
    for _ in 0..20 {
        assert_eq!(scene.check(peer, aggressive), Incoming::Handled);
        assert_eq!(
            scene.answer_all(),
            (0, 0),
            "what is valid is not checked again"
        );
    }
    let told = std::iter::from_fn(|| scene.agent.poll_event());
    assert!(
        told.filter(|event| matches!(event, Event::SelectedPair(_)))
            .count()
            <= 2
    );
}

#[test]
fn a_name_that_is_resolved_after_its_check_came_says_what_the_pair_is() {
    let mut scene = Scene::new(Role::Controlled).described();
    let peer = scene.peer;
    scene.add_candidate(&named(6000));
    let nominate =
        |message: &mut MessageBuilder<'_>| _ = message.ice_controlling(1).use_candidate();
    scene.check(peer, nominate);
    scene.answer_all();
    assert_eq!(scene.selected(), Some((peer, true)));
    let told = std::iter::from_fn(|| scene.agent.poll_event()).count();
    assert_ne!(told, 0);

    scene.agent.name_resolved(scene.now, NAME, peer.ip());
    let pair = scene.agent.selected_pair().unwrap().clone();
    assert_eq!(pair.remote.to_string(), named(6000));
    assert_eq!(scene.agent.poll_event(), Some(Event::SelectedPair(pair)));
    assert_eq!(scene.agent.remote_candidates().count(), 1);
    assert_eq!(scene.sent(), None, "it is the pair that was checked");
}

#[test]
fn a_second_candidate_of_a_resolved_name_is_paired_at_once() {
    let mut scene = Scene::new(Role::Controlled).described();
    scene.add_candidate(&named(6001));
    scene.agent.name_resolved(scene.now, NAME, scene.peer.ip());
    assert_eq!(scene.agent.report().pairs.len(), 1);
    scene.add_candidate(&named(6000));
    assert_eq!(scene.agent.report().pairs.len(), 2);
}

const NAME: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.local";

fn named(port: u16) -> String {
    format!("candidate:1 1 udp 2113937151 {NAME} {port} typ host")
}

#[test]
fn of_several_nominations_the_best_pair_wins() {
    let mut scene = Scene::new(Role::Controlled).described();
    let other = "10.0.0.3:6000".parse().unwrap();
    let best = scene.peer;
    scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    scene.add_candidate("candidate:2 1 udp 1000 10.0.0.3 6000 typ host");
    let aggressive =
        |message: &mut MessageBuilder<'_>| _ = message.ice_controlling(1).use_candidate();
    scene.check(other, aggressive);
    scene.answer_all();
    scene.check(best, aggressive);
    scene.answer_all();
    assert_eq!(scene.selected(), Some((best, true)));
    scene.check(other, aggressive);
    scene.answer_all();
    assert_eq!(scene.selected(), Some((best, true)));
}

#[test]
fn when_the_nominated_pair_is_dead_a_worse_one_may_follow() {
    let mut scene = Scene::new(Role::Controlled).described();
    let (best, other) = (scene.peer, "10.0.0.3:6000".parse().unwrap());
    scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    let nominate =
        |message: &mut MessageBuilder<'_>| _ = message.ice_controlling(1).use_candidate();
    scene.check(best, nominate);
    scene.answer_all();
    assert_eq!(scene.selected(), Some((best, true)));
    scene.be_deaf(Duration::from_secs(8));
    assert_eq!(scene.agent.state(), State::Disconnected);
    scene.check(other, nominate);
    scene.answer_all();
    assert_eq!(scene.selected(), Some((other, true)));
    assert_eq!(scene.agent.state(), State::Connected);
}

#[test]
fn whoever_asks_but_does_not_answer_gives_no_consent() {
    let mut scene = Scene::new(Role::Controlling).described();
    scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    scene.answer_all();
    let (peer, start) = (scene.peer, scene.now);
    while scene.agent.state() != State::Failed {
        assert_ne!(scene.agent.state(), State::Disconnected, "it is heard");
        scene.check(peer, |message| _ = message.ice_controlled(1));
        scene.be_deaf(Duration::from_secs(1));
    }
    assert_eq!(scene.now - start, Duration::from_secs(30));
}

#[test]
fn a_busy_peer_makes_us_send_a_check_twice_not_more() {
    let mut scene = Scene::new(Role::Controlled).described();
    let peer = scene.peer;
    scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
    for (later, sent) in [(0, 1), (60, 2)] {
        scene.now += Duration::from_millis(later);
        for _ in 0..10 {
            scene.check(peer, |message| _ = message.ice_controlling(1));
        }
        // What left just now may have crossed the peer's on the way: the answer is coming.
        assert_eq!(scene.agent.counters().checks_sent, sent);
    }
    assert_eq!(scene.agent.counters().checks_answered, 20);
}

#[test]
fn checks_before_the_description_are_answered_and_remembered() {
    let mut scene = Scene::new(Role::Controlled);
    let peer = scene.peer;
    scene.check(peer, |message| {
        _ = message.ice_controlling(1).use_candidate()
    });
    let (to, answer) = scene.sent().expect("an answer");
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(
        (to, answer.class(), answer.xor_mapped_address()),
        (peer, Class::Success, Some(peer))
    );
    let key = Key::short_term(&scene.agent.local_credentials().pwd);
    assert!(answer.verify_integrity(&key).is_ok());
    assert_eq!(scene.sent(), None, "we cannot check back yet");
    let mut scene = scene.described();
    assert_eq!(scene.answer_all(), (1, 0));
    assert_eq!(scene.selected(), Some((peer, true)));
}

#[test]
fn early_checks_of_somebody_else_are_forgotten() {
    let mut scene = Scene::new(Role::Controlled);
    let peer = scene.peer;
    scene.check(peer, |message| _ = message.ice_controlling(1));
    scene.sent().unwrap();
    let now = scene.now;
    let other = Credentials {
        ufrag: "other".into(),
        pwd: PWD.into(),
    };
    scene.agent.set_remote_credentials(now, other);
    assert_eq!(scene.sent(), None);
    assert_eq!(scene.agent.remote_candidates().count(), 0);
}

#[test]
fn an_attribute_that_must_be_understood_is_refused_by_name() {
    let mut scene = Scene::new(Role::Controlled).described();
    let peer = scene.peer;
    scene.check(peer, |message| _ = message.raw(AttributeType(0x7777), &[]));
    let (_, answer) = scene.sent().unwrap();
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(answer.error_code().unwrap().code, code::UNKNOWN_ATTRIBUTE);
    assert_eq!(
        answer.unknown_attributes().collect::<Vec<_>>(),
        [AttributeType(0x7777)]
    );
}

#[test]
fn a_keepalive_needs_no_answer() {
    let mut scene = Scene::new(Role::Controlled).described();
    let mut buf = Vec::new();
    let id = TransactionId([1; 12]);
    MessageBuilder::new(&mut buf, Class::Indication, Method::BINDING, id).fingerprint();
    assert_eq!(scene.deliver(scene.peer, &buf), Incoming::Handled);
    assert_eq!(scene.sent(), None);
}

#[test]
fn a_hundred_dead_pairs_are_checked_in_an_orderly_way() {
    let mut scene = Scene::new(Role::Controlling).described();
    for port in 1..=100 {
        let line = format!(
            "candidate:{port} 1 udp {} 192.0.2.1 {port} typ host",
            2_130_706_431 - port
        );
        scene.add_candidate(&line);
    }
    let start = scene.now;
    let mut wakes = 0;
    let mut last_second = 0;
    while let Some(at) = scene
        .agent
        .poll_timeout()
        .filter(|at| *at < start + Duration::from_secs(25))
    {
        assert!(at >= scene.now, "the past is over");
        scene.now = at;
        scene.agent.handle_timeout(at);
        wakes += 1;
        let second = (at - start).as_secs();
        last_second = last_second.max(second);
        while scene.sent().is_some() {}
    }
    let sent = scene.agent.counters().checks_sent;
    assert_eq!(sent, 900, "each of them nine times");
    assert!(wakes <= 1100, "{wakes}");
    // 100 of them 50 ms apart, and 6.9 s for the last.
    assert_eq!(last_second, 11);
}

#[test]
fn the_same_seed_and_inputs_give_the_same_bytes() {
    let run = || {
        let mut scene = Scene::new(Role::Controlling).described();
        scene.add_candidate("candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host");
        (scene.agent.local_credentials().clone(), scene.sent())
    };
    assert_eq!(run(), run());
}

/// A peer that names somebody else as its candidate makes us send there nine checks and nothing else, however often it says so.
#[test]
fn an_address_that_has_not_answered_gets_the_checks_of_one_pair_and_no_data() {
    let mut scene = Scene::new(Role::Controlling).described();
    let victim = "192.0.2.1:53".parse().unwrap();
    let start = scene.now;
    let (mut messages, mut bytes) = (0, 0);
    loop {
        for foundation in 0..10 {
            scene.add_candidate(&format!(
                "candidate:{foundation} 1 udp 2130706431 192.0.2.1 53 typ host"
            ));
        }
        assert!(scene.agent.send(&mut [0; 1200], None).is_none());
        while let Some((to, message)) = scene.sent() {
            assert_eq!(to, victim);
            (messages, bytes) = (messages + 1, bytes + message.len());
        }
        let next = scene.agent.poll_timeout();
        match next.filter(|at| *at - start < Duration::from_secs(60)) {
            Some(at) => scene.now = scene.now.max(at),
            None => break,
        }
        scene.agent.handle_timeout(scene.now);
    }
    assert_eq!(messages, 9);
    assert!(bytes <= 9 * 120, "{bytes}");
}

proptest! {
    #[test]
    fn no_datagram_does_harm(datagram in prop::collection::vec(any::<u8>(), 0..200), first in 0_u8..4, stun in any::<bool>()) {
        let mut scene = Scene::new(Role::Controlling).described();
        let mut datagram = datagram;
        if stun && datagram.len() >= 8 {
            datagram[0] = first;
            datagram[4..8].copy_from_slice(&0x2112_A442_u32.to_be_bytes());
        }
        let (local, remote) = (scene.base, scene.peer);
        let incoming = scene.agent.handle_datagram(scene.now, FiveTuple::udp(local, remote), &datagram);
        prop_assert!(!matches!(incoming, Incoming::Application(_)));
        prop_assert_eq!(scene.agent.remote_candidates().count(), 0);
        prop_assert_eq!(scene.sent(), None);
    }

    #[test]
    fn a_check_with_one_bit_changed_is_worth_nothing(bit in 0_usize..8 * 100) {
        let mut scene = Scene::new(Role::Controlled).described();
        let local = scene.agent.local_credentials().clone();
        let mut buf = Vec::new();
        MessageBuilder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([3; 12]))
            .username(&format!("{}:peer", local.ufrag))
            .priority(1)
            .ice_controlling(1)
            .integrity(&Key::short_term(&local.pwd))
            .fingerprint();
        // Behind MESSAGE-INTEGRITY there is only FINGERPRINT, which may be missing.
        let bit = bit % (8 * (buf.len() - 8));
        buf[bit / 8] ^= 1 << (bit % 8);
        let peer = scene.peer;
        prop_assert_ne!(scene.deliver(peer, &buf), Incoming::Handled);
        prop_assert_eq!(scene.sent(), None);
    }
}
