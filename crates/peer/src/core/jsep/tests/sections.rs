//! M-lines: their order, their mids, what is done with rejected ones.

use super::*;

/// RFC 9429 §5.2.1: in the order in which they were added; data last, as browsers have it.
#[test]
fn an_initial_offer_has_a_section_for_each_transceiver_and_one_for_data() {
    let mut a = peer();
    a.want_data();
    add(&mut a, Video, SendRecv);
    add(&mut a, Audio, SendRecv);
    let offered = read(&offer(&mut a));
    let kinds: Vec<_> = offered.media.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["video", "audio", "application"]);
    assert_eq!(
        (mids(&offered), mids(&offered)),
        (vec!["0".into(), "1".into(), "2".into()], bundled(&offered))
    );
    let [video, .., data] = &offered.media[..] else {
        panic!()
    };
    assert!(video.rtcp_mux && video.rtcp_rsize && offered.extmap_allow_mixed);
    assert_eq!(
        (video.setup, data.setup),
        (Some(Setup::ActPass), Some(Setup::ActPass))
    );
    assert_eq!(
        (&video.ice, &video.fingerprints),
        (&data.ice, &data.fingerprints)
    );
    assert_eq!(
        (video.port, video.protocol.as_ref()),
        (9, "UDP/TLS/RTP/SAVPF")
    );
}

fn bundled(description: &Description<'_>) -> Vec<String> {
    description.bundle.iter().map(ToString::to_string).collect()
}

/// RFC 9429 §5.2.2: sections keep their places, new ones come after.
#[test]
fn a_renegotiation_that_adds_video_keeps_what_there_is() {
    let (mut a, mut b) = (peer(), peer());
    a.want_data();
    negotiate(&mut a, &mut b);
    add(&mut a, Video, SendRecv);
    assert!(a.negotiation_needed());
    let (first, second) = (a.local_description().unwrap(), negotiate(&mut a, &mut b).0);
    assert_eq!(mids(&second), ["0", "1"]);
    assert!(second.media[0].is_data_channel());
    let (first, second) = (read(&first).origin, second.origin);
    assert_eq!(first.session_id, second.session_id);
    assert!(first.session_version < second.session_version);
}

/// RFC 9429 §5.2.2: the next new transceiver takes the place of a rejected one, of whatever kind, under a new mid.
#[test]
fn a_rejected_section_is_recycled_under_a_new_mid() {
    let (mut a, mut b) = (peer(), peer());
    let audio = add(&mut a, Audio, SendRecv);
    a.want_data();
    negotiate(&mut a, &mut b);
    a.stop(audio).unwrap();
    negotiate(&mut a, &mut b);
    let video = add(&mut a, Video, SendRecv);
    let (offered, answered) = negotiate(&mut a, &mut b);
    assert_eq!(
        (mids(&offered), mids(&answered)),
        (vec!["2".into(), "1".into()], vec!["2".into(), "1".into()])
    );
    assert_eq!(offered.media[0].kind.as_str(), "video");
    assert_eq!(a.transceiver(video).unwrap().section(), Some(0));
    // From the other side, too.
    let theirs = b.transceivers()[0].id();
    b.stop(theirs).unwrap();
    negotiate(&mut b, &mut a);
    add(&mut b, Audio, SendRecv);
    add(&mut b, Audio, SendRecv);
    let (offered, _) = negotiate(&mut b, &mut a);
    assert_eq!(offered.media.len(), 3);
    assert_eq!(offered.media[1].mid.as_deref(), Some("1"));
}

/// RFC 9429 §5.2.2: until it is rejected by an answer, nobody else's.
#[test]
fn a_section_that_is_being_stopped_is_not_recycled_at_once() {
    let (mut a, mut b) = (peer(), peer());
    let audio = add(&mut a, Audio, SendRecv);
    a.want_data();
    negotiate(&mut a, &mut b);
    a.stop(audio).unwrap();
    add(&mut a, Audio, SendRecv);
    let (offered, _) = negotiate(&mut a, &mut b);
    assert!(offered.media[0].is_rejected());
    assert_eq!(mids(&offered), ["0", "1", "2"]);
}

/// RFC 9429 §5.2.1: a mid is never that of another section, whoever named it.
#[test]
fn mids_of_the_peer_are_not_used_again() {
    let (mut a, mut b) = (peer(), peer());
    a.want_data();
    negotiate(&mut a, &mut b);
    add(&mut b, Audio, SendRecv);
    let (offered, _) = negotiate(&mut b, &mut a);
    assert_eq!(mids(&offered), ["0", "1"]);
    add(&mut a, Audio, SendRecv);
    assert_eq!(mids(&negotiate(&mut a, &mut b).0), ["0", "1", "2"]);
}

/// RFC 5888 §4.
#[test]
fn an_offer_with_one_mid_twice_is_refused() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    add(&mut a, Video, SendRecv);
    let mut offer = offer(&mut a);
    offer.sdp = offer.sdp.replace("a=mid:1", "a=mid:0");
    assert_eq!(
        b.set_remote(offer).unwrap_err(),
        RemoteError::DuplicateMid.into()
    );
}

/// RFC 3264 §8: sections are not taken away, nor do they change what they are.
#[test]
fn a_later_offer_with_fewer_or_other_sections_is_refused() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    negotiate(&mut a, &mut b);
    let later = offer(&mut a).sdp;
    let section = later.find("m=audio").unwrap();
    for wrong in [
        later[..section].to_owned(),
        later.replace("m=audio", "m=video"),
        later.replace("a=mid:0", "a=mid:7"),
    ] {
        let error = b.set_remote(SessionDescription::offer(wrong)).unwrap_err();
        assert_eq!(error, RemoteError::MediaMismatch.into());
    }
}

/// RFC 3264 §6: what was offered as rejected cannot be accepted, and mids are those of the offer.
#[test]
fn an_answer_that_is_not_of_the_offer_is_refused() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    b.set_remote(offer(&mut a)).unwrap();
    let mut answer = answer(&mut b);
    answer.sdp = answer.sdp.replace("a=mid:0", "a=mid:5");
    assert_eq!(
        a.set_remote(answer).unwrap_err(),
        RemoteError::MediaMismatch.into()
    );
}

/// RFC 9429 §5.10: peers without mids.
#[test]
fn sections_without_mids_are_known_by_their_number() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    let mut offer = offer(&mut a);
    offer.sdp = offer
        .sdp
        .replace("a=mid:0\r\n", "")
        .replace("a=group:BUNDLE 0\r\n", "");
    b.set_remote(offer).unwrap();
    let answered = answer(&mut b);
    a.set_remote(answered.clone()).unwrap();
    assert_eq!(read(&answered).media[0].mid, None);
    assert_eq!(directions(&b), [Some(RecvOnly)]);
}

/// What is taken is bounded, and quick.
#[test]
fn an_offer_of_very_many_sections_is_refused_and_one_of_many_is_answered() {
    for (count, taken) in [(1024, true), (1025, false)] {
        let (mut a, mut b) = (peer(), peer());
        add(&mut a, Audio, SendRecv);
        let offer = offer(&mut a).sdp;
        let (head, section) = offer.split_at(offer.find("m=audio").unwrap());
        let numbered = |number: usize| section.replace("a=mid:0", &format!("a=mid:{number}"));
        let mids: String = (0..count).map(|number| format!(" {number}")).collect();
        let head = head.replace("BUNDLE 0", &format!("BUNDLE{mids}"));
        let sections: String = (0..count).map(numbered).collect();
        let result = b.set_remote(SessionDescription::offer(head + &sections));
        assert_eq!(result.is_ok(), taken, "{result:?}");
        if taken {
            assert_eq!(read(&answer(&mut b)).bundle.len(), count);
            assert_eq!(read(&self::offer(&mut b)).media.len(), count);
        }
    }
}
