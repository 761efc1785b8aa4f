//! When a connection asks for a negotiation (WebRTC 1.0 §4.7.3), and what glare does to that.

use std::time::Instant;

use ieum_peer::core::{
    Certificate, Config, Connection, DataChannelInit, Event, SessionDescription, SignalingState,
};

fn peer(seed: u8) -> Connection {
    let certificate = Certificate::generate().unwrap();
    Connection::new(Config::new([seed; 32], certificate))
}

fn with_channel(seed: u8, now: Instant) -> Connection {
    let mut peer = peer(seed);
    let init = DataChannelInit::default();
    peer.create_data_channel(now, "x".to_owned(), init).unwrap();
    assert!(asks(&mut peer));
    peer
}

/// Whether it has asked since the last time.
fn asks(peer: &mut Connection) -> bool {
    let mut events = std::iter::from_fn(|| peer.poll_event());
    events.any(|event| event == Event::NegotiationNeeded)
}

fn offer(peer: &mut Connection, now: Instant) -> SessionDescription {
    let offer = peer.create_offer(now).unwrap();
    peer.set_local_description(now, Some(offer.clone()))
        .unwrap();
    offer
}

fn answer(peer: &mut Connection, now: Instant) -> SessionDescription {
    let answer = peer.create_answer(now).unwrap();
    peer.set_local_description(now, Some(answer.clone()))
        .unwrap();
    answer
}

#[test]
fn an_offer_that_is_taken_back_is_asked_for_again() {
    let now = Instant::now();
    let mut peer = with_channel(1, now);
    offer(&mut peer, now);
    assert!(!asks(&mut peer));
    let rollback = SessionDescription::rollback();
    peer.set_local_description(now, Some(rollback)).unwrap();
    assert!(asks(&mut peer));
}

#[test]
fn at_glare_the_polite_side_is_content_with_what_it_answers() {
    let now = Instant::now();
    let (mut polite, mut impolite) = (with_channel(1, now), with_channel(2, now));
    offer(&mut polite, now);
    let theirs = offer(&mut impolite, now);
    polite.set_remote_description(now, theirs).unwrap();
    assert!(!asks(&mut polite), "not while their offer waits");
    assert_eq!(polite.signaling_state(), SignalingState::HaveRemoteOffer);
    let answer = answer(&mut polite, now);
    impolite.set_remote_description(now, answer).unwrap();
    assert!(!asks(&mut polite) && !asks(&mut impolite));
    assert_eq!(polite.can_trickle_ice_candidates(), Some(true));
}

#[test]
fn an_ice_restart_is_asked_for_until_it_is_negotiated() {
    let now = Instant::now();
    let (mut a, mut b) = (with_channel(1, now), peer(2));
    for restarts in [false, true] {
        if restarts {
            a.restart_ice();
            assert!(asks(&mut a));
        }
        let offered = offer(&mut a, now);
        b.set_remote_description(now, offered).unwrap();
        let answered = answer(&mut b, now);
        a.set_remote_description(now, answered).unwrap();
        assert!(!asks(&mut a) && !asks(&mut b));
    }
}
