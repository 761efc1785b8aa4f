//! Which description may come when, and what a rollback takes back.

use super::*;
use SignalingState::{
    HaveLocalOffer, HaveLocalPranswer, HaveRemoteOffer, HaveRemotePranswer, Stable,
};

/// A peer that is in this state.
fn in_state(state: SignalingState) -> Negotiator {
    let (mut a, mut b) = (peer(), peer());
    a.want_data();
    let theirs = offer(&mut a);
    b.set_remote(theirs).unwrap();
    let answered = with_local(|local| b.create_answer(local, None)).unwrap();
    let provisional = SessionDescription {
        kind: SdpType::Pranswer,
        ..answered
    };
    match state {
        Stable => peer(),
        HaveLocalOffer => a,
        HaveRemoteOffer => b,
        HaveLocalPranswer => {
            b.set_local(provisional).unwrap();
            b
        }
        HaveRemotePranswer => {
            a.set_remote(provisional).unwrap();
            a
        }
        SignalingState::Closed => {
            a.close();
            a
        }
    }
}

fn of(kind: SdpType) -> SessionDescription {
    let sdp = String::new();
    SessionDescription { kind, sdp }
}

/// RFC 9429 §3.2, figure 2; W3C §4.4.1.5.
#[test]
fn what_the_state_does_not_allow_is_an_error_that_names_state_and_operation() {
    let local = [
        (SdpType::Offer, &[Stable, HaveLocalOffer][..]),
        (SdpType::Pranswer, &[HaveRemoteOffer, HaveLocalPranswer]),
        (SdpType::Answer, &[HaveRemoteOffer, HaveLocalPranswer]),
        (SdpType::Rollback, &[HaveLocalOffer, HaveRemoteOffer]),
    ];
    let remote = [
        (
            SdpType::Offer,
            &[Stable, HaveLocalOffer, HaveRemoteOffer][..],
        ),
        (SdpType::Pranswer, &[HaveLocalOffer, HaveRemotePranswer]),
        (SdpType::Answer, &[HaveLocalOffer, HaveRemotePranswer]),
        (SdpType::Rollback, &[HaveLocalOffer, HaveRemoteOffer]),
    ];
    for state in SignalingState::ALL {
        for (kind, allowed) in local {
            let result = in_state(state).set_local(of(kind));
            assert_eq!(
                is_refused(result, state, "set_local_description"),
                !allowed.contains(&state),
                "{kind} in {state}"
            );
        }
        for (kind, allowed) in remote {
            let result = in_state(state).set_remote(of(kind)).map(|_| ());
            assert_eq!(
                is_refused(result, state, "set_remote_description"),
                !allowed.contains(&state),
                "{kind} in {state}"
            );
        }
    }
}

/// An empty description may well fail for another reason.
fn is_refused(result: Result<(), Error>, state: SignalingState, operation: &str) -> bool {
    let Err(error) = result else { return false };
    let refused = format!("InvalidStateError: {operation} in signaling state {state}");
    error.to_string() == refused
}

/// RFC 9429 §4.1.8 and §4.1.9.
#[test]
fn offers_and_answers_are_created_in_their_states_only() {
    for state in SignalingState::ALL {
        let mut peer = in_state(state);
        let offered = with_local(|local| peer.create_offer(local)).map(|_| ());
        let answered = with_local(|local| peer.create_answer(local, None)).map(|_| ());
        let may_offer = matches!(state, Stable | HaveLocalOffer);
        let may_answer = matches!(state, HaveRemoteOffer | HaveLocalPranswer);
        assert_eq!(is_refused(offered, state, "create_offer"), !may_offer);
        assert_eq!(is_refused(answered, state, "create_answer"), !may_answer);
    }
}

/// RFC 9429 §4.1.10.1: other answers may follow a provisional one.
#[test]
fn provisional_answers_come_before_the_last_one_from_either_side() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    b.set_remote(offer(&mut a)).unwrap();
    for _ in 0..2 {
        let answer = with_local(|local| b.create_answer(local, None)).unwrap();
        let provisional = SessionDescription {
            kind: SdpType::Pranswer,
            ..answer
        };
        b.set_local(provisional.clone()).unwrap();
        a.set_remote(provisional).unwrap();
        assert_eq!(
            (a.signaling_state(), b.signaling_state()),
            (HaveRemotePranswer, HaveLocalPranswer)
        );
    }
    assert_eq!(directions(&a), [Some(SendOnly)]);
    b.set_direction(b.transceivers()[0].id(), SendRecv).unwrap();
    let last = answer(&mut b);
    a.set_remote(last).unwrap();
    assert_eq!((a.signaling_state(), b.signaling_state()), (Stable, Stable));
    assert_eq!(
        (directions(&a), directions(&b)),
        (vec![Some(SendRecv)], vec![Some(SendRecv)])
    );
}

/// RFC 9429 §4.1.10.2: what an offer of ours associated is dissociated.
#[test]
fn an_offer_of_ours_that_is_taken_back_leaves_no_mid() {
    let mut a = peer();
    let id = add(&mut a, Audio, SendRecv);
    let first = offer(&mut a);
    assert_eq!(a.transceiver(id).unwrap().mid(), Some("0"));
    a.set_local(SessionDescription::rollback()).unwrap();
    assert_eq!(a.signaling_state(), Stable);
    assert_eq!(
        (a.transceiver(id).unwrap().mid(), a.local_description()),
        (None, None)
    );
    assert_ne!(
        mids(&read(&offer(&mut a))),
        mids(&read(&first)),
        "a mid is not used twice"
    );
}

/// RFC 9429 §4.1.10.2: what their offer made is taken away, unless a track was added to it.
#[test]
fn an_offer_of_theirs_that_is_taken_back_takes_its_transceivers_along() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    add(&mut a, Video, SendRecv);
    b.set_remote(offer(&mut a)).unwrap();
    let video = b.add_track(Video, Vec::new()).unwrap();
    b.set_remote(SessionDescription::rollback()).unwrap();
    let left: Vec<_> = b
        .transceivers()
        .iter()
        .map(|it| (it.id(), it.mid()))
        .collect();
    assert_eq!(left, [(video, None)]);
    assert_eq!(b.transceivers()[0].direction(), SendRecv);
}

/// RFC 9429 §4.1.10.2; W3C perfect negotiation. Both have added media of the same kind.
#[test]
fn at_glare_the_polite_side_gives_way_and_both_end_with_both_offers_done() {
    let (mut polite, mut impolite) = (peer(), peer());
    polite.add_track(Audio, vec!["p".into()]).unwrap();
    impolite.add_track(Audio, vec!["i".into()]).unwrap();
    polite.want_data();
    let (theirs, ours) = (offer(&mut impolite), offer(&mut polite));
    // The impolite side ignores it.
    assert!(impolite.collides(ours.kind));
    let outcome = polite.set_remote(theirs).unwrap();
    assert!(outcome.rolled_back);
    impolite.set_remote(answer(&mut polite)).unwrap();
    // The two tracks share a section (RFC 9429 §5.10); data is still to come.
    assert_eq!(
        (polite.transceivers().len(), directions(&polite)),
        (1, vec![Some(SendRecv)])
    );
    assert!(polite.negotiation_needed() && !impolite.negotiation_needed());
    let (offered, answered) = negotiate(&mut polite, &mut impolite);
    assert_eq!((offered.media.len(), mids(&offered)), (2, mids(&answered)));
    assert!(!polite.negotiation_needed());
}

/// RFC 9429 §4.1.10.2: the other side may also take its own offer back by itself, and then it is as if there had been none.
#[test]
fn an_explicit_rollback_makes_way_for_their_offer() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Video, SendRecv);
    b.want_data();
    let (_, theirs) = (offer(&mut a), offer(&mut b));
    a.set_local(SessionDescription::rollback()).unwrap();
    assert!(!a.set_remote(theirs).unwrap().rolled_back);
    b.set_remote(answer(&mut a)).unwrap();
    assert_eq!((a.signaling_state(), b.signaling_state()), (Stable, Stable));
    assert!(a.negotiation_needed());
}

/// RFC 9429 §5.6: nothing changes where a description cannot be used, not even an offer of ours that it would replace.
#[test]
fn a_broken_offer_takes_nothing_back() {
    let mut a = peer();
    a.want_data();
    offer(&mut a);
    let broken = SessionDescription::offer("v=0\r\nnot a session\r\n");
    assert!(a.set_remote(broken).is_err());
    assert_eq!(a.signaling_state(), HaveLocalOffer);
    assert!(a.local_description().is_some());
}

/// RFC 9429 §5.4: a description is applied as it was created.
#[test]
fn an_answer_of_another_offer_is_not_applied() {
    let (mut a, mut b) = (peer(), peer());
    a.want_data();
    b.set_remote(offer(&mut a)).unwrap();
    let old = with_local(|local| b.create_answer(local, None)).unwrap();
    b.set_local(SessionDescription::rollback()).unwrap();
    b.set_remote(offer(&mut a)).unwrap();
    assert_eq!(b.set_local(old).unwrap_err(), UsageError::Modified.into());
}
