//! "Check if negotiation is needed", WebRTC 1.0 §4.7.3, step by step.

use super::*;

/// Two that have agreed on one audio section, and the offerer's transceiver.
fn agreed(direction: Direction) -> (Negotiator, Negotiator, TransceiverId) {
    let (mut a, mut b) = (peer(), peer());
    let id = add(&mut a, Audio, direction);
    negotiate(&mut a, &mut b);
    assert!(!a.negotiation_needed() && !b.negotiation_needed());
    (a, b, id)
}

#[test]
fn nothing_is_needed_where_nothing_is_wanted() {
    assert!(!peer().negotiation_needed());
}

/// Step 4.
#[test]
fn a_data_section_is_needed_once() {
    let (mut a, mut b, _) = agreed(SendRecv);
    a.want_data();
    assert!(a.negotiation_needed());
    negotiate(&mut a, &mut b);
    b.want_data();
    assert!(!a.negotiation_needed() && !b.negotiation_needed());
}

/// Step 5.2.
#[test]
fn a_new_transceiver_needs_it() {
    let (mut a, mut b, _) = agreed(SendRecv);
    add(&mut b, Video, SendRecv);
    assert!(b.negotiation_needed());
    negotiate(&mut b, &mut a);
    assert!(!a.negotiation_needed() && !b.negotiation_needed());
}

/// Step 5.3.1.
#[test]
fn other_streams_need_it() {
    let (mut a, mut b, id) = agreed(RecvOnly);
    a.set_direction(id, SendRecv).unwrap();
    assert!(a.negotiation_needed());
    negotiate(&mut a, &mut b);
    assert!(!a.negotiation_needed());
    let theirs = b.add_track(Audio, vec!["s".into()]).unwrap();
    assert!(b.negotiation_needed());
    negotiate(&mut b, &mut a);
    assert!(!b.negotiation_needed());
    b.remove_track(theirs).unwrap();
    assert!(b.negotiation_needed());
}

/// Step 5.3.2: what was offered, or what was answered, is wanted.
#[test]
fn who_offered_needs_it_where_neither_offer_nor_answer_has_its_direction() {
    let (mut a, _, id) = agreed(SendRecv);
    // The answer was recvonly.
    for (direction, needed) in [
        (SendRecv, false),
        (SendOnly, false),
        (RecvOnly, true),
        (Inactive, true),
    ] {
        a.set_direction(id, direction).unwrap();
        assert_eq!(a.negotiation_needed(), needed, "{direction}");
    }
}

/// Step 5.3.3: the answer would be another.
#[test]
fn who_answered_needs_it_where_the_answer_would_be_another() {
    let (_, mut b, _) = agreed(SendOnly);
    let id = b.transceivers()[0].id();
    for (direction, needed) in [(RecvOnly, false), (Inactive, true)] {
        b.set_direction(id, direction).unwrap();
        assert_eq!(b.negotiation_needed(), needed, "{direction}");
    }
}

/// Two that only send find nothing to negotiate: the answer names the streams that nobody wants.
#[test]
fn two_that_only_send_come_to_rest() {
    let (mut a, mut b, _) = agreed(SendOnly);
    let theirs = b.transceivers()[0].id();
    b.set_direction(theirs, SendOnly).unwrap();
    assert!(b.negotiation_needed());
    negotiate(&mut b, &mut a);
    assert_eq!(
        (directions(&a), directions(&b)),
        (vec![Some(Inactive)], vec![Some(Inactive)])
    );
    assert!(!a.negotiation_needed() && !b.negotiation_needed());
}

/// Step 2: an ICE restart, until an offer has other credentials.
#[test]
fn an_ice_restart_needs_it_until_the_credentials_are_others() {
    let (mut a, mut b, _) = agreed(SendRecv);
    a.restart_ice();
    negotiate(&mut a, &mut b);
    assert!(a.negotiation_needed());
}
