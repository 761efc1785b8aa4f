//! Codecs, payload types, header extensions, simulcast.

use super::*;

/// RFC 9429 §5.2.1, §5.3.1: the answer's order is the offer's.
#[test]
fn an_answer_has_the_codecs_that_both_have_in_the_order_of_the_offer() {
    let (mut a, mut b) = (peer(), peer());
    b.capabilities.video.codecs.rotate_left(2);
    b.capabilities.audio.codecs.truncate(1);
    add(&mut a, Audio, SendRecv);
    add(&mut a, Video, SendRecv);
    let (offered, answered) = negotiate(&mut a, &mut b);
    assert_eq!(formats(&offered.media[0]), ["111", "0"]);
    assert_eq!(formats(&answered.media[0]), ["111"]);
    assert_eq!(formats(&answered.media[1]), ["96", "97", "98", "99"]);
    assert_eq!(answered.media[1].codec(97).unwrap().repairs(), Some(96));
    assert_eq!(
        answered.media[1].codec(96).unwrap().feedback,
        ["nack", "nack pli"]
    );
}

/// RFC 9429 §4.2.6, §5.3.1: preferences choose and order, in offers and in answers.
#[test]
fn preferred_codecs_come_first_and_alone() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Video, SendRecv);
    b.set_remote(offer(&mut a)).unwrap();
    let id = b.transceivers()[0].id();
    // By what they are: the numbers may be any.
    let wanted = [
        codec(45, "VP9", 90_000),
        codec(46, "VP8", 90_000),
        repair(97, 96),
    ];
    b.set_codec_preferences(id, &wanted).unwrap();
    assert_eq!(formats(&read(&answer(&mut b)).media[0]), ["98", "96", "97"]);
    let again = read(&offer(&mut b));
    assert_eq!(formats(&again.media[0]), ["98", "96", "97"]);
    let unknown = b.set_codec_preferences(id, &[codec(1, "H261", 90_000)]);
    assert_eq!(unknown.unwrap_err(), UsageError::UnknownCodec.into());
}

/// RFC 9429 §5.3.1: without a codec in common the section is rejected; a repair is not one.
#[test]
fn a_section_without_a_common_codec_is_rejected() {
    let (mut a, mut b) = (peer(), peer());
    b.capabilities.video.codecs = vec![codec(96, "AV1", 90_000), repair(97, 96)];
    add(&mut a, Video, SendRecv);
    a.want_data();
    let (_, answered) = negotiate(&mut a, &mut b);
    assert!(answered.media[0].is_rejected());
    assert!(a.transceivers().is_empty() && b.transceivers().is_empty());
}

/// RFC 9429 §5.2.2: what a payload type means does not change, whoever named it.
#[test]
fn a_later_offer_keeps_the_numbers_of_the_peer() {
    let (mut a, mut b) = (peer(), peer());
    let theirs = &mut a.capabilities;
    theirs.video.codecs = vec![codec(111, "VP8", 90_000), repair(45, 111)];
    theirs.video.header_extensions.rotate_left(1);
    theirs.audio.header_extensions.clear();
    theirs.audio.codecs = vec![codec(96, "opus", 48_000)];
    add(&mut a, Video, SendRecv);
    negotiate(&mut a, &mut b);
    add(&mut b, Audio, SendRecv);
    let offered = read(&offer(&mut b));
    let numbers = |media: &Media<'_>| -> Vec<(u8, String)> {
        let named = media.codecs.iter();
        named
            .map(|it| (it.payload_type, it.name().unwrap_or_default().to_owned()))
            .collect()
    };
    let video = numbers(&offered.media[0]);
    assert_eq!(video[..2], [(111, "VP8".into()), (45, "rtx".into())]);
    assert_eq!(offered.media[0].codec(45).unwrap().repairs(), Some(111));
    let mut all: Vec<_> = offered.media.iter().flat_map(numbers).collect();
    let count = all.len();
    all.sort();
    all.dedup_by_key(|it| it.0);
    assert_eq!(
        all.len(),
        count,
        "no number twice in a bundle (RFC 9143 §9.1)"
    );
    let ids = |media: &Media<'_>| -> Vec<(u16, String)> {
        media
            .extmaps
            .iter()
            .map(|it| (it.id, it.uri.to_string()))
            .collect()
    };
    let toffset = "urn:ietf:params:rtp-hdrext:toffset".to_owned();
    assert!(
        ids(&offered.media[0]).contains(&(1, toffset)),
        "{:?}",
        ids(&offered.media[0])
    );
    let mid = |media: &Media<'_>| ids(media).into_iter().find(|it| it.1.ends_with("mid"));
    assert_eq!(
        mid(&offered.media[0]),
        mid(&offered.media[1]),
        "RFC 9143 §9.2"
    );
}

/// RFC 8285 §6: the extensions that both have, by the offer's ids.
#[test]
fn an_answer_has_the_header_extensions_that_both_have() {
    let (mut a, mut b) = (peer(), peer());
    b.capabilities.audio.header_extensions.remove(0);
    add(&mut a, Audio, SendRecv);
    let (offered, answered) = negotiate(&mut a, &mut b);
    assert_eq!(answered.media[0].extmaps, offered.media[0].extmaps[1..]);
}

/// RFC 3551 §6: a payload type that needs no rtpmap.
#[test]
fn an_assigned_payload_type_is_understood_without_rtpmap() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    let mut offer = offer(&mut a);
    offer.sdp = offer
        .sdp
        .replace("a=rtpmap:0 PCMU/8000\r\n", "")
        .replace("opus", "unknown");
    b.set_remote(offer).unwrap();
    assert_eq!(formats(&read(&answer(&mut b)).media[0]), ["0"]);
}

/// RFC 8853 §5.3.3: an answer without `a=simulcast` takes one layer.
#[test]
fn offered_simulcast_is_answered_as_one_layer() {
    let (mut a, mut b) = (peer(), peer());
    add(&mut a, Video, SendOnly);
    let mut offer = offer(&mut a);
    offer.sdp += "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
    b.set_remote(offer).unwrap();
    let answered = read(&answer(&mut b));
    let video = &answered.media[0];
    assert_eq!((video.direction, video.is_rejected()), (RecvOnly, false));
    assert!(video.rids.is_empty() && video.simulcast.is_none());
}
