//! Directions, streams and the life of transceivers.

use super::*;

/// RFC 9429 §5.3.1, RFC 3264 §6.1: all 16 pairs.
#[test]
fn an_answer_takes_of_the_offered_direction_what_it_wants() {
    for offered in [SendRecv, SendOnly, RecvOnly, Inactive] {
        for wanted in [SendRecv, SendOnly, RecvOnly, Inactive] {
            let (mut a, mut b) = (peer(), peer());
            add(&mut a, Audio, offered);
            b.set_remote(offer(&mut a)).unwrap();
            b.set_direction(b.transceivers()[0].id(), wanted).unwrap();
            let answered = answer(&mut b);
            a.set_remote(answered.clone()).unwrap();
            let [ours] = directions(&a)[..] else { panic!() };
            let [theirs] = directions(&b)[..] else {
                panic!()
            };
            assert_eq!(theirs, Some(read(&answered).media[0].direction));
            assert_eq!(ours, theirs.map(Direction::reversed));
            let flows = |from: Direction, to: Direction| {
                transceiver::sends(from) && transceiver::receives(to)
            };
            let sent = ours.map(transceiver::sends);
            assert_eq!(sent, Some(flows(offered, wanted)), "{offered} {wanted}");
            let received = ours.map(transceiver::receives);
            assert_eq!(received, Some(flows(wanted, offered)), "{offered} {wanted}");
        }
    }
}

/// RFC 9429 §5.10: a section that nobody waits for gets a transceiver that receives.
#[test]
fn an_offered_section_makes_a_transceiver_that_receives() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Video, SendRecv);
    let (_, answered) = negotiate(&mut a, &mut b);
    assert_eq!(answered.media[0].direction, RecvOnly);
    assert_eq!(
        (directions(&a), directions(&b)),
        (vec![Some(SendOnly)], vec![Some(RecvOnly)])
    );
}

/// RFC 9429 §5.10: only what add_track made is matched, and only where the offer receives.
#[test]
fn an_offered_section_takes_what_add_track_made() {
    for (offered, matches) in [
        (SendRecv, true),
        (RecvOnly, true),
        (SendOnly, false),
        (Inactive, false),
    ] {
        let (mut a, mut b) = (peer(), peer());
        add(&mut a, Audio, offered);
        let waiting = add(&mut b, Audio, SendRecv);
        let tracked = b.add_track(Audio, Vec::new()).unwrap();
        assert_ne!(waiting, tracked);
        b.set_remote(offer(&mut a)).unwrap();
        assert_eq!(
            b.transceiver(tracked).unwrap().mid().is_some(),
            matches,
            "{offered}"
        );
        assert_eq!(b.transceiver(waiting).unwrap().mid(), None);
    }
}

/// W3C addTrack: a transceiver that has never sent is taken first.
#[test]
fn add_track_takes_a_transceiver_that_only_received() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    negotiate(&mut a, &mut b);
    let made = b.transceivers()[0].id();
    assert_eq!(b.add_track(Audio, Vec::new()).unwrap(), made);
    assert_eq!(b.transceiver(made).unwrap().direction(), SendRecv);
    negotiate(&mut b, &mut a);
    b.remove_track(made).unwrap();
    assert_eq!(b.transceiver(made).unwrap().direction(), RecvOnly);
    // It has sent by now.
    assert_ne!(b.add_track(Audio, Vec::new()).unwrap(), made);
}

/// RFC 9429 §5.2.1, RFC 8830 §2.
#[test]
fn what_sends_names_its_streams_or_that_it_has_none() {
    let mut a = peer();
    let init = TransceiverInit {
        direction: SendOnly,
        streams: vec!["one".into(), "two".into()],
        ..TransceiverInit::default()
    };
    a.add_transceiver(Audio, init).unwrap();
    add(&mut a, Video, SendRecv);
    add(&mut a, Video, RecvOnly);
    let offered = read(&offer(&mut a));
    let named = |media: &Media<'_>| -> Vec<String> {
        media.msids.iter().map(|it| it.stream.to_string()).collect()
    };
    let named: Vec<_> = offered.media.iter().map(named).collect();
    assert_eq!(
        named,
        [
            vec!["one".to_owned(), "two".into()],
            vec!["-".into()],
            vec![]
        ]
    );
}

/// RFC 9429 §4.2.5, W3C stop.
#[test]
fn a_stopped_transceiver_is_rejected_by_the_next_offer_and_gone_after_its_answer() {
    let (mut a, mut b) = (peer(), peer());
    let id = add(&mut a, Audio, SendRecv);
    a.want_data();
    negotiate(&mut a, &mut b);
    a.stop(id).unwrap();
    assert_eq!(
        a.stop(id).unwrap_err(),
        UsageError::TransceiverStopped.into()
    );
    assert!(a.negotiation_needed() && a.transceiver(id).unwrap().is_stopping());
    let (offered, answered) = negotiate(&mut a, &mut b);
    assert!(offered.media[0].is_rejected() && answered.media[0].is_rejected());
    assert_eq!(
        (mids(&offered), offered.bundle.len()),
        (vec!["0".into(), "1".into()], 1)
    );
    assert!(a.transceivers().is_empty() && b.transceivers().is_empty());
    assert!(!a.negotiation_needed() && !b.negotiation_needed());
}

/// RFC 9429 §5.3.1: who has stopped it rejects it in an answer, too.
#[test]
fn an_answer_rejects_the_section_of_a_stopped_transceiver() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    a.want_data();
    b.set_remote(offer(&mut a)).unwrap();
    b.stop(b.transceivers()[0].id()).unwrap();
    let answered = answer(&mut b);
    assert!(read(&answered).media[0].is_rejected());
    a.set_remote(answered).unwrap();
    assert!(a.transceivers().is_empty() && b.transceivers().is_empty());
}

/// A transceiver that no description has named is nobody's business.
#[test]
fn a_transceiver_without_a_section_is_gone_when_it_is_stopped() {
    let mut a = peer();
    let id = add(&mut a, Audio, SendRecv);
    a.stop(id).unwrap();
    assert!(a.transceiver(id).is_none() && !a.negotiation_needed());
}

/// Without a codec there is nothing to offer.
#[test]
fn media_without_capabilities_is_neither_added_nor_accepted() {
    let (mut a, mut b) = (peer(), Negotiator::new(2, Capabilities::default()));
    let error = b.add_transceiver(Audio, init(SendRecv)).unwrap_err();
    assert_eq!(error, UsageError::NoCodec.into());
    add(&mut a, Audio, SendRecv);
    a.want_data();
    let (_, answered) = negotiate(&mut a, &mut b);
    assert!(answered.media[0].is_rejected() && !answered.media[1].is_rejected());
    assert!(a.transceivers().is_empty() && b.transceivers().is_empty());
}
