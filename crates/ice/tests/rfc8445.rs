//! The rules of RFC 8445 and its companions, one test each, against a peer written by hand.

#[path = "support/scene.rs"]
mod scene;

use std::net::SocketAddr;
use std::time::Duration;

use ieum_ice::{Agent, Config, Event, Incoming, Kind, PairState, Reason, Role, State};
use ieum_stun::{Class, Integrity, Key, Message, MessageBuilder, Method, TransactionId};
use scene::Scene;

const HOST: &str = "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host";

fn scene(role: Role) -> Scene {
    let mut scene = Scene::new(role).described();
    scene.add_candidate(HOST);
    scene
}

fn elsewhere() -> SocketAddr {
    "10.0.0.9:9000".parse().unwrap()
}

/// Our check, unanswered: its transaction id.
fn check_id(scene: &mut Scene) -> TransactionId {
    scene.sent_message(|_, message| {
        assert_eq!(message.class(), Class::Request);
        message.transaction_id()
    })
}

// §5.1.2.1: "(2^24)*(type preference) + (2^8)*(local preference) + (256 - component ID)".
#[test]
fn priorities_follow_the_formula() {
    let scene = Scene::new(Role::Controlling);
    let host = scene.agent.local_candidates().next().unwrap();
    assert_eq!(host.priority, (126 << 24) + (65535 << 8) + 255);
}

// §5.1.1.3: the same for candidates of the same type and base address, different for others.
#[test]
fn foundations_are_equal_where_type_base_server_and_transport_are() {
    let mut agent = Agent::new(Config::new(Role::Controlling, [1; 32]));
    let bases = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"].map(|base| base.parse().unwrap());
    agent.gather(std::time::Instant::now(), &bases, &[]);
    let all: Vec<_> = agent
        .local_candidates()
        .map(|it| it.foundation.clone())
        .collect();
    assert_eq!(all[0], all[1]);
    assert_ne!(all[0], all[2]);
}

// §5.3, RFC 8839 §5.4: at least 24 bits of ufrag and 128 bits of password.
#[test]
fn credentials_are_long_enough() {
    let scene = Scene::new(Role::Controlling);
    let credentials = scene.agent.local_credentials();
    assert!(credentials.ufrag.len() >= 4 && credentials.pwd.len() >= 22);
}

// §6.1.2.2: pairs are of one component, one transport and one family.
#[test]
fn only_candidates_of_one_family_and_component_are_paired() {
    let mut scene = Scene::new(Role::Controlling).described();
    scene.add_candidate("candidate:1 1 udp 1 2001:db8::1 6000 typ host");
    scene.add_candidate("candidate:1 2 udp 1 10.0.0.2 6001 typ host");
    scene.add_candidate("candidate:1 1 tcp 1 10.0.0.2 9 typ host tcptype so");
    assert!(scene.agent.report().pairs.is_empty());
    assert_eq!(scene.agent.counters().ignored(Reason::UnusableCandidate), 2);
}

// §6.1.4.2, §14.2: the first check at once, others a Ta apart.
#[test]
fn checks_leave_a_ta_apart() {
    let mut scene = scene(Role::Controlling);
    scene.add_candidate("candidate:2 1 udp 9 10.0.0.3 6000 typ host");
    assert!(scene.sent().is_some());
    assert!(scene.sent().is_none());
    let next = scene.agent.poll_timeout().unwrap();
    assert_eq!(next - scene.now, Duration::from_millis(50));
}

// §7.1: PRIORITY as of a peer reflexive candidate, the role's attribute, the username and both integrity checks.
#[test]
fn a_check_carries_what_it_must() {
    let mut scene = scene(Role::Controlling);
    let ufrag = scene.agent.local_credentials().ufrag.clone();
    scene.sent_message(|to, message| {
        assert_eq!(to, "10.0.0.2:6000".parse().unwrap());
        assert_eq!(message.priority(), Some((110 << 24) + (65535 << 8) + 255));
        assert!(message.ice_controlling().is_some() && message.ice_controlled().is_none());
        assert_eq!(message.username(), Some(&*format!("peer:{ufrag}")));
        assert!(message.has_integrity() && message.has_valid_fingerprint() == Some(true));
        assert!(
            !message.use_candidate(),
            "§8.1.1: nominated only when it is valid"
        );
    });
}

// §7.1.2: "The controlled agent MUST NOT include the USE-CANDIDATE attribute".
#[test]
fn the_controlled_side_never_nominates() {
    let mut scene = scene(Role::Controlled);
    assert_eq!(scene.answer_all(), (1, 0));
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.selected(), Some((scene.peer, false)));
}

// §7.2.5.1: a 487 changes the role and the tie-breaker, and the check is repeated.
#[test]
fn a_role_conflict_answered_changes_the_role_and_repeats_the_check() {
    let mut scene = scene(Role::Controlling);
    let first = scene.sent_message(|_, it| (it.transaction_id(), it.ice_controlling().unwrap()));
    let peer = scene.peer;
    scene.answer(peer, first.0, Err(487));
    assert_eq!(scene.agent.role(), Role::Controlled);
    let second = scene.sent_message(|_, it| (it.transaction_id(), it.ice_controlled().unwrap()));
    assert!(second.0 != first.0 && second.1 != first.1);
}

// §7.2.5.2.1: an answer must come from where the check went to, to where it came from.
#[test]
fn an_answer_from_elsewhere_fails_the_pair() {
    let mut scene = scene(Role::Controlling);
    let (id, base) = (check_id(&mut scene), scene.base);
    let ignored = scene.answer(elsewhere(), id, Ok(base));
    assert_eq!(ignored, Incoming::Ignored(Reason::Asymmetric));
    assert_eq!(scene.agent.report().pairs[0].state, PairState::Failed);
}

// §7.2.5.2.4: any other error fails the pair.
#[test]
fn a_check_that_is_refused_fails_the_pair() {
    let mut scene = scene(Role::Controlling);
    let (id, peer) = (check_id(&mut scene), scene.peer);
    scene.answer(peer, id, Err(400));
    assert_eq!(scene.agent.report().pairs[0].state, PairState::Failed);
}

// §7.2.5.3.1: a mapped address that no candidate has makes a peer reflexive local one.
#[test]
fn an_unknown_mapped_address_is_a_peer_reflexive_candidate() {
    let mut scene = scene(Role::Controlling);
    let (id, peer) = (check_id(&mut scene), scene.peer);
    scene.answer(peer, id, Ok(elsewhere()));
    let pair = scene.agent.selected_pair().unwrap();
    assert_eq!(pair.local.kind, Kind::PeerReflexive);
    assert_eq!(pair.local.socket_addr(), Some(elsewhere()));
    assert_eq!(pair.local.related, Some(scene.base));
}

// §7.3: no message integrity, no answer.
#[test]
fn a_check_without_the_password_is_not_answered() {
    let mut scene = scene(Role::Controlled);
    let mut buf = Vec::new();
    let username = format!("{}:peer", scene.agent.local_credentials().ufrag);
    let id = TransactionId([7; 12]);
    ieum_stun::MessageBuilder::new(&mut buf, Class::Request, ieum_stun::Method::BINDING, id)
        .username(&username)
        .priority(1)
        .integrity(&ieum_stun::Key::short_term("a guess of the password"))
        .fingerprint();
    check_id(&mut scene);
    let from = scene.peer;
    assert_eq!(
        scene.deliver(from, &buf),
        Incoming::Ignored(Reason::WrongIntegrity)
    );
    assert!(scene.sent().is_none());
}

// §7.3.1.1: both controlled, and the peer's tie-breaker is the lower one: we take control.
#[test]
fn a_role_conflict_met_is_decided_by_the_tie_breakers() {
    for (theirs, refused) in [(0, false), (u64::MAX, true)] {
        let mut scene = scene(Role::Controlled);
        let ours = scene.sent_message(|_, it| it.ice_controlled().unwrap());
        let peer = scene.peer;
        scene.check(peer, |message| _ = message.ice_controlled(theirs));
        let answer = scene.sent_message(|_, it| it.error_code().map(|error| error.code));
        // "If the agent's tie-breaker value is larger than or equal to the contents of ICE-CONTROLLED, it switches".
        let switches = ours >= theirs;
        assert_eq!(answer, refused.then_some(487));
        assert_eq!(scene.agent.role() == Role::Controlling, switches);
    }
}

// §7.3.1.3: the source of a check that nobody has signaled is a peer reflexive candidate with its priority.
#[test]
fn a_check_from_an_unknown_address_makes_a_candidate() {
    let mut scene = scene(Role::Controlled);
    scene.check(elsewhere(), |message| _ = message.ice_controlling(1));
    let all: Vec<_> = scene.agent.remote_candidates().cloned().collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].kind, Kind::PeerReflexive);
    assert_eq!(
        (all[1].priority, all[1].socket_addr()),
        (1_853_824_767, Some(elsewhere()))
    );
    assert_ne!(all[1].foundation, all[0].foundation);
}

// §7.3.1.4: a check received triggers one back, before its turn.
#[test]
fn a_check_received_triggers_one() {
    let mut scene = scene(Role::Controlled);
    check_id(&mut scene);
    scene.check(elsewhere(), |message| _ = message.ice_controlling(1));
    scene.sent_message(|_, it| assert_eq!(it.class(), Class::Success));
    scene.sent_message(|to, it| assert_eq!((to, it.class()), (elsewhere(), Class::Request)));
}

// §7.3.1.5: a nomination of a pair that is not valid yet counts when it is.
#[test]
fn a_nomination_counts_when_the_pair_is_valid() {
    let mut scene = scene(Role::Controlled);
    let (id, peer, base) = (check_id(&mut scene), scene.peer, scene.base);
    scene.check(peer, |message| {
        _ = message.ice_controlling(1).use_candidate()
    });
    assert_eq!(scene.selected(), None);
    scene.answer(peer, id, Ok(base));
    assert_eq!(scene.selected(), Some((peer, true)));
}

// §8.1.1: the controlling side nominates by another check with USE-CANDIDATE, and counts it when that is answered.
#[test]
fn a_nomination_is_a_check_of_its_own() {
    let mut scene = scene(Role::Controlling);
    let (id, peer, base) = (check_id(&mut scene), scene.peer, scene.base);
    scene.answer(peer, id, Ok(base));
    assert_eq!(scene.selected(), Some((peer, false)));
    let second = scene.sent_message(|_, it| (it.transaction_id(), it.use_candidate()));
    assert!(second.0 != id && second.1);
    scene.answer(peer, second.0, Ok(base));
    assert_eq!(scene.selected(), Some((peer, true)));
}

// §8.1.2: what is worse and not checked yet is not checked any more.
#[test]
fn after_a_nomination_worse_pairs_are_left_alone() {
    let mut scene = scene(Role::Controlling);
    for port in 1..10 {
        scene.add_candidate(&format!(
            "candidate:{port} 1 udp {port} 10.0.0.3 {port} typ host"
        ));
    }
    assert_eq!(scene.answer_all(), (2, 1));
    scene.pass(Duration::from_secs(3));
    assert_eq!(scene.agent.counters().checks_sent, 2);
}

// §9: a restart has new credentials; data goes on over the old pair.
#[test]
fn a_restart_changes_the_credentials_and_keeps_the_pair() {
    let mut scene = scene(Role::Controlling);
    scene.answer_all();
    let before = scene.agent.local_credentials().clone();
    scene.agent.restart(scene.now);
    let after = scene.agent.local_credentials();
    assert!(before.ufrag != after.ufrag && before.pwd != after.pwd);
    assert!(scene.agent.headroom().is_some() && scene.agent.remote_credentials().is_none());
}

// §12.1: data may be sent as soon as a pair is valid. §12.2: and is taken from a peer that has proven itself.
#[test]
fn data_flows_before_the_nomination() {
    let mut scene = scene(Role::Controlled);
    let peer = scene.peer;
    scene.check(peer, |message| _ = message.ice_controlling(1));
    let from = ieum_ice::FiveTuple::udp(scene.base, peer);
    let incoming = scene.agent.handle_datagram(scene.now, from, b"\x80data");
    assert_eq!(incoming, Incoming::Application(b"\x80data"));
    scene.answer_all();
    assert!(scene.agent.send(&mut b"\x80data".to_vec(), None).is_some());
}

// §14.3, RFC 8489 §6.2.1: a check is sent again with the same transaction id, at growing intervals.
#[test]
fn a_check_is_repeated_as_it_was() {
    let mut scene = scene(Role::Controlling);
    let (_, first) = scene.sent().unwrap();
    let mut waits = Vec::new();
    for _ in 0..4 {
        let at = scene.agent.poll_timeout().unwrap();
        waits.push((at - scene.now).as_millis());
        scene.now = at;
        scene.agent.handle_timeout(at);
        assert_eq!(scene.sent().unwrap().1, first);
    }
    assert_eq!(waits, [100, 200, 400, 800]);
}

// RFC 7675 §5.1: a consent check every 5 s or so, each with an id of its own and sent once; silence for 30 s ends it.
#[test]
fn consent_is_asked_for_and_expires() {
    let mut scene = scene(Role::Controlling);
    scene.answer_all();
    let start = scene.now;
    let mut ids = std::collections::BTreeSet::new();
    let mut sent = 0;
    while scene.agent.state() != State::Failed {
        let at = scene.agent.poll_timeout().unwrap();
        scene.now = at;
        scene.agent.handle_timeout(at);
        while let Some((_, bytes)) = scene.sent() {
            let message = ieum_stun::Message::parse(&bytes).unwrap();
            let pair = scene.agent.report().pairs[0].checks_sent;
            // After some seconds the pair is also tried again as a check.
            if pair == 2 {
                sent += 1;
                ids.insert(message.transaction_id().0);
            }
        }
    }
    assert!(sent > 0 && ids.len() == sent);
    assert_eq!(scene.now - start, Duration::from_secs(30));
    assert!(scene.agent.send(&mut [0x80; 8], None).is_none());
}

// RFC 8838 §14, RFC 8863 §4: without any pair the agent fails only when the peer has ended, after some patience.
#[test]
fn failure_waits_for_the_end_of_candidates_and_for_patience() {
    let mut scene = scene(Role::Controlling);
    let start = scene.now;
    scene.agent.end_of_remote_candidates(start);
    scene.be_deaf(Duration::from_millis(9_900));
    assert_eq!(scene.agent.state(), State::Checking);
    scene.be_deaf(Duration::from_millis(200));
    assert_eq!(scene.agent.state(), State::Failed);
    let mut failed = false;
    while let Some(event) = scene.agent.poll_event() {
        failed |= event == Event::StateChange(State::Failed);
    }
    assert!(failed);
}

// RFC 8489 §9.1.3: the answer uses "the same mechanism" as the request, whether it is a success or an error.
#[test]
fn an_answer_is_signed_as_its_check_was() {
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        for unknown in [false, true] {
            let mut scene = scene(Role::Controlled);
            let ours = scene.agent.local_credentials().clone();
            let key = Key::short_term(&ours.pwd);
            let mut check = Vec::new();
            let id = TransactionId([7; 12]);
            let mut builder = MessageBuilder::new(&mut check, Class::Request, Method::BINDING, id);
            builder
                .username(&format!("{}:peer", ours.ufrag))
                .priority(1);
            if unknown {
                builder.raw(ieum_stun::AttributeType(0x7fff), &[]);
            }
            builder.integrity_as(integrity, &key).fingerprint();
            scene.deliver(elsewhere(), &check);
            let mut answered = false;
            while let Some((_, bytes)) = scene.sent() {
                let message = Message::parse(&bytes).unwrap();
                if message.class() != Class::Request {
                    answered = true;
                    assert_eq!(message.class() == Class::Error, unknown);
                    assert_eq!(message.integrity(), Some(integrity));
                    assert!(message.verify_integrity(&key).is_ok());
                }
            }
            assert!(answered);
        }
    }
}
