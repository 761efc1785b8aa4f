//! An offer that is taken back leaves the transport as it was (RFC 9429 §4.1.10.2), and candidates that come before what they belong to.

use ieum_ice::{Credentials, State};

use super::*;
use crate::core::{IceCandidateInit, SdpType};

/// Longer than consent lasts (RFC 7675 §5.1: 30 s).
const LONG: Duration = Duration::from_secs(70);

fn rollback(side: &mut Side, now: Instant) {
    let rollback = SessionDescription::rollback();
    side.core
        .set_local_description(now, Some(rollback))
        .unwrap();
}

fn offer(side: &mut Side, now: Instant) -> SessionDescription {
    side.core.set_local_description(now, None).unwrap();
    side.core.local_description().unwrap()
}

fn take(side: &mut Side, now: Instant, description: SessionDescription) {
    side.core.set_remote_description(now, description).unwrap();
}

fn ufrag(description: &SessionDescription) -> String {
    let mut lines = description.sdp.lines();
    let line = lines.find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    line.unwrap().to_owned()
}

/// Whether the side wants to offer.
fn asks(side: &Side) -> bool {
    side.core.negotiation.negotiation_needed()
}

impl Pair {
    fn connected(seed: u64) -> Self {
        let mut pair = Self::new(seed, LAN);
        pair.connect();
        pair.network.run_for(Duration::from_secs(3));
        pair.exchange();
        pair
    }

    /// Both sides' own credentials and what they know of the other's, as the agents use them.
    fn credentials(&mut self) -> Vec<Credentials> {
        let of = |side: &mut Side| {
            let agent = &side.core.agent;
            let remote = agent.remote_credentials().unwrap();
            [agent.local_credentials().clone(), remote.clone()]
        };
        let (a, b) = (of(self.a()), of(self.b()));
        assert_eq!((&a[0], &a[1]), (&b[1], &b[0]), "they know each other");
        [a, b].concat()
    }

    /// Data flows, and checks are answered, for longer than consent lasts.
    fn lives_on(&mut self) {
        self.exchange();
        self.network.run_for(LONG);
        self.exchange();
        for side in [self.a, self.b] {
            let core = &self.network.node(side).core;
            assert_eq!(core.connection_state(), ConnectionState::Connected);
            assert_eq!(core.agent.state(), State::Completed);
        }
    }

    /// One side restarts, the other answers, and there is a new pair of it.
    fn restart(&mut self, from: NodeId) {
        let to = if from == self.a { self.b } else { self.a };
        let before = self.credentials();
        let now = self.network.now();
        self.network.node_mut(from).core.restart_ice();
        let offer = offer(self.network.node_mut(from), now);
        take(self.network.node_mut(to), now, offer);
        let answer = self::offer(self.network.node_mut(to), now);
        take(self.network.node_mut(from), now, answer);
        let after = self.credentials();
        assert!(after.iter().all(|it| !before.contains(it)));
        self.lives_on();
        assert!(!asks(self.a()) && !asks(self.b()));
    }
}

#[test]
fn creating_an_offer_that_restarts_changes_nothing() {
    let mut pair = Pair::connected(1);
    let (before, now) = (pair.credentials(), pair.network.now());
    pair.a().core.restart_ice();
    let offer = pair.a().core.create_offer(now).unwrap();
    assert!(before.iter().all(|it| it.ufrag != ufrag(&offer)));
    assert!(!pair.a().core.agent.is_restart_prepared());
    assert_eq!(pair.credentials(), before);
    // The same again: nothing was agreed on meanwhile.
    let again = pair.a().core.create_offer(now).unwrap();
    assert_eq!(ufrag(&again), ufrag(&offer));
    pair.lives_on();
}

#[test]
fn candidates_are_signaled_under_the_credentials_of_the_offer() {
    let mut pair = Pair::connected(1);
    let now = pair.network.now();
    pair.a().core.restart_ice();
    let offered = ufrag(&offer(pair.a(), now));
    let mut told = Vec::new();
    while let Some(event) = pair.a().core.poll_event() {
        if let Event::IceCandidate(Some(candidate)) = event {
            told.push(candidate.username_fragment.unwrap());
        }
    }
    assert_eq!(told, [offered]);
}

#[test]
fn a_restart_that_is_taken_back_leaves_the_old_pair_working_and_another_one_works() {
    let mut pair = Pair::connected(1);
    let (before, now) = (pair.credentials(), pair.network.now());
    pair.a().core.restart_ice();
    let offered = offer(pair.a(), now);
    assert!(before.iter().all(|it| it.ufrag != ufrag(&offered)));
    pair.lives_on();
    assert_eq!(pair.credentials(), before);
    let now = pair.network.now();
    rollback(pair.a(), now);
    assert!(!pair.a().core.agent.is_restart_prepared());
    assert!(asks(pair.a()), "the restart is still wanted");
    assert_eq!(pair.credentials(), before);
    pair.lives_on();
    let a = pair.a;
    pair.restart(a);
    assert!(
        pair.credentials()
            .iter()
            .all(|it| it.ufrag != ufrag(&offered))
    );
}

#[test]
fn at_glare_with_a_restart_in_both_offers_the_impolite_one_restarts_both() {
    let mut pair = Pair::connected(1);
    let (before, now) = (pair.credentials(), pair.network.now());
    pair.a().core.restart_ice();
    pair.b().core.restart_ice();
    let ours = offer(pair.a(), now);
    let theirs = offer(pair.b(), now);
    // `a` is polite; `b` never hears of its offer.
    take(pair.a(), now, theirs);
    pair.lives_on();
    assert_eq!(pair.credentials(), before, "nothing is agreed on yet");
    let now = pair.network.now();
    let answer = offer(pair.a(), now);
    assert_ne!(ufrag(&answer), ufrag(&ours));
    take(pair.b(), now, answer);
    let after = pair.credentials();
    assert!(after.iter().all(|it| !before.contains(it)));
    pair.lives_on();
    assert!(
        !asks(pair.a()) && !asks(pair.b()),
        "both have what they wanted"
    );
}

#[test]
fn a_restart_of_the_peer_that_is_taken_back_leaves_what_is_known_of_the_peer() {
    let mut pair = Pair::connected(1);
    let (before, now) = (pair.credentials(), pair.network.now());
    pair.a().core.restart_ice();
    let offered = offer(pair.a(), now);
    let max = offered
        .sdp
        .replace("a=max-message-size:262144", "a=max-message-size:10");
    let changed = SessionDescription {
        sdp: max,
        ..offered.clone()
    };
    take(pair.b(), now, changed);
    let init = IceCandidateInit {
        candidate: "candidate:9 1 udp 1 192.0.2.99 9 typ host".to_owned(),
        sdp_m_line_index: Some(0),
        ..IceCandidateInit::default()
    };
    pair.b().core.add_ice_candidate(now, &init).unwrap();
    // An answer that is not applied restarts nothing either.
    pair.b().core.create_answer(now).unwrap();
    pair.lives_on();
    let now = pair.network.now();
    rollback(pair.b(), now);
    rollback(pair.a(), now);
    assert_eq!(pair.credentials(), before);
    assert_eq!(pair.b().core.max_message_size(), 262_144);
    let knows = |pair: &mut Pair, port| {
        let mut known = pair.b().core.remote_candidates();
        known.any(|it| it.port == port)
    };
    assert!(!knows(&mut pair, 9));
    // What names no generation is of the one in force again.
    let candidate = init.candidate.replace(" 9 typ", " 8 typ");
    let init = IceCandidateInit { candidate, ..init };
    pair.b().core.add_ice_candidate(now, &init).unwrap();
    assert!(knows(&mut pair, 8));
    pair.lives_on();
    let b = pair.b;
    pair.restart(b);
}

#[test]
fn while_a_restart_is_offered_candidates_go_to_the_generation_that_they_name() {
    let mut pair = Pair::connected(1);
    let (before, now) = (pair.credentials(), pair.network.now());
    pair.a().core.restart_ice();
    let offered = offer(pair.a(), now);
    take(pair.b(), now, offered.clone());
    let candidate = |port: u16, ufrag: Option<&str>| IceCandidateInit {
        candidate: format!("candidate:{port} 1 udp 1 192.0.2.1 {port} typ host"),
        sdp_m_line_index: Some(0),
        username_fragment: ufrag.map(str::to_owned),
        ..IceCandidateInit::default()
    };
    let (new, old) = (ufrag(&offered), before[0].ufrag.clone());
    for (port, ufrag) in [
        (1, Some(&*old)),
        (2, Some(&*new)),
        (3, None),
        (4, Some("none")),
    ] {
        let init = candidate(port, ufrag);
        pair.b().core.add_ice_candidate(now, &init).unwrap();
    }
    let ports = |pair: &mut Pair| -> Vec<u16> {
        let known = pair.b().core.remote_candidates();
        known.map(|it| it.port).filter(|it| *it < 5).collect()
    };
    assert_eq!(ports(&mut pair), [1]);
    assert_eq!(pair.b().core.counters().ignored(Ignored::StaleCandidate), 1);
    let answer = offer(pair.b(), now);
    take(pair.a(), now, answer);
    assert_eq!(ports(&mut pair), [2, 3]);
    pair.lives_on();
}

#[test]
fn candidates_kept_for_an_offer_are_bounded() {
    let mut pair = Pair::connected(1);
    let now = pair.network.now();
    pair.a().core.restart_ice();
    let offered = offer(pair.a(), now);
    take(pair.b(), now, offered);
    for port in 0..1000 {
        let init = IceCandidateInit {
            candidate: format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host"),
            sdp_m_line_index: Some(0),
            ..IceCandidateInit::default()
        };
        pair.b().core.add_ice_candidate(now, &init).unwrap();
    }
    let counters = pair.b().core.counters();
    assert!(counters.ignored(Ignored::TooManyCandidates) >= 900);
}

/// Both have offered; neither is connected.
fn strangers() -> Pair {
    let mut network = Network::new(1, LAN);
    let now = network.now();
    let sides = [(1, "192.0.2.1:5000"), (2, "192.0.2.2:5000")].map(|(seed, address)| {
        let mut side = Side::new(seed, address);
        let init = DataChannelInit::default();
        let label = "test".to_owned();
        let channel = side.core.create_data_channel(now, label, init).unwrap();
        offer(&mut side, now);
        side.core.gather(now, &[side.address], &[], false);
        (side, channel)
    });
    let channel = sides[0].1;
    let [a, b] = sides.map(|(side, _)| network.add(side));
    Pair {
        network,
        a,
        b,
        channel,
    }
}

#[test]
fn a_first_offer_that_is_taken_back_leaves_room_for_the_answer_to_another() {
    for explicit in [false, true] {
        let mut pair = strangers();
        let now = pair.network.now();
        let theirs = pair.b().core.local_description().unwrap();
        if explicit {
            rollback(pair.a(), now);
        }
        take(pair.a(), now, theirs);
        let answer = offer(pair.a(), now);
        take(pair.b(), now, answer);
        pair.connect();
        pair.exchange();
    }
}

#[test]
fn a_first_offer_of_the_peer_that_is_taken_back_leaves_nothing() {
    let mut pair = strangers();
    let now = pair.network.now();
    let theirs = pair.b().core.local_description().unwrap();
    take(pair.a(), now, theirs);
    rollback(pair.a(), now);
    rollback(pair.b(), now);
    assert_eq!(pair.a().core.agent.remote_credentials(), None);
    assert_eq!(pair.a().core.remote_candidates().count(), 0);
    assert_eq!(pair.a().core.max_message_size(), 0);
    let ours = offer(pair.a(), now);
    take(pair.b(), now, ours);
    let answer = offer(pair.b(), now);
    take(pair.a(), now, answer);
    pair.connect();
    pair.exchange();
}

#[test]
fn a_candidate_that_overtakes_the_answer_to_a_restart_waits_for_it() {
    let mut pair = Pair::connected(1);
    let now = pair.network.now();
    pair.a().core.restart_ice();
    let offered = offer(pair.a(), now);
    take(pair.b(), now, offered);
    let answer = offer(pair.b(), now);
    let new = ufrag(&answer);
    let ports = |pair: &mut Pair| -> Vec<u16> {
        let known = pair.a().core.remote_candidates();
        known.map(|it| it.port).filter(|it| *it < 5).collect()
    };
    // One of no generation at all, a malformed one, and more than are kept.
    for (port, ufrag) in [(1, &*new), (2, "none")] {
        let init = named(port, ufrag);
        pair.a().core.add_ice_candidate(now, &init).unwrap();
    }
    let malformed = IceCandidateInit {
        candidate: "candidate:1 1 udp".to_owned(),
        ..named(3, &new)
    };
    assert!(pair.a().core.add_ice_candidate(now, &malformed).is_err());
    for port in 1000..1100 {
        let init = named(port, "none");
        pair.a().core.add_ice_candidate(now, &init).unwrap();
    }
    assert_eq!(ports(&mut pair), []);
    let ignored = |pair: &mut Pair, reason| pair.a().core.counters().ignored(reason);
    assert_eq!(ignored(&mut pair, Ignored::StaleCandidate), 0);
    assert_eq!(ignored(&mut pair, Ignored::TooManyCandidates), 2);
    take(pair.a(), now, answer);
    assert_eq!(ports(&mut pair), [1]);
    assert_eq!(ignored(&mut pair, Ignored::StaleCandidate), 99);
    pair.lives_on();
}

#[test]
fn a_candidate_that_overtakes_an_answer_that_never_comes_is_stale() {
    let mut pair = Pair::connected(1);
    let now = pair.network.now();
    pair.a().core.restart_ice();
    offer(pair.a(), now);
    let init = named(1, "none");
    pair.a().core.add_ice_candidate(now, &init).unwrap();
    rollback(pair.a(), now);
    assert_eq!(pair.a().core.counters().ignored(Ignored::StaleCandidate), 1);
    assert!(pair.a().core.remote_candidates().all(|it| it.port != 1));
}

#[test]
fn at_glare_a_candidate_that_overtakes_the_offer_of_the_peer_waits_for_the_answer_of_ours() {
    let mut pair = Pair::connected(1);
    let now = pair.network.now();
    pair.a().core.restart_ice();
    pair.b().core.restart_ice();
    offer(pair.a(), now);
    let theirs = offer(pair.b(), now);
    let init = named(1, &ufrag(&theirs));
    pair.a().core.add_ice_candidate(now, &init).unwrap();
    take(pair.a(), now, theirs);
    let answer = offer(pair.a(), now);
    take(pair.b(), now, answer);
    assert!(pair.a().core.remote_candidates().any(|it| it.port == 1));
    pair.lives_on();
}

#[test]
fn whose_offer_was_taken_back_is_told() {
    let mut pair = strangers();
    let now = pair.network.now();
    let told = |side: &mut Side| -> Vec<Occurrence> {
        let described = |it: &Occurrence| {
            let kind = SdpType::Rollback;
            *it == Occurrence::LocalDescription { kind }
                || *it == Occurrence::RemoteDescription { kind }
        };
        side.occurrences.try_iter().filter(described).collect()
    };
    let kind = SdpType::Rollback;
    let theirs = pair.b().core.local_description().unwrap();
    take(pair.a(), now, theirs);
    assert_eq!(told(pair.a()), [Occurrence::LocalDescription { kind }]);
    take(pair.a(), now, SessionDescription::rollback());
    assert_eq!(told(pair.a()), [Occurrence::RemoteDescription { kind }]);
}

/// What a first offer has gathered is in the next description: nobody has to be told again.
#[test]
fn the_candidates_of_a_first_offer_that_is_taken_back_are_in_the_answer() {
    let mut pair = strangers();
    let now = pair.network.now();
    let (ours, theirs) = (
        pair.a().core.local_description().unwrap(),
        pair.b().core.local_description().unwrap(),
    );
    take(pair.a(), now, theirs);
    let answer = offer(pair.a(), now);
    assert_eq!(ufrag(&answer), ufrag(&ours));
    assert!(answer.sdp.contains("192.0.2.1 5000 typ host"));
}

/// A candidate of the generation of this name.
fn named(port: u16, ufrag: &str) -> IceCandidateInit {
    IceCandidateInit {
        candidate: format!("candidate:{port} 1 udp 1 192.0.2.9 {port} typ host"),
        sdp_m_line_index: Some(0),
        username_fragment: Some(ufrag.to_owned()),
        ..IceCandidateInit::default()
    }
}
