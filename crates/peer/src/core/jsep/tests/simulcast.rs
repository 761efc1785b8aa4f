//! Our simulcast: what is asked for, offered and taken.

use super::*;

fn simulcast(peer: &mut Negotiator, rids: &[&str]) -> TransceiverId {
    add_encodings(peer, Video, rids).unwrap()
}

fn add_encodings(
    peer: &mut Negotiator,
    kind: TrackKind,
    rids: &[&str],
) -> Result<TransceiverId, Error> {
    let init = TransceiverInit {
        send_encodings: rids.iter().map(ToString::to_string).collect(),
        ..init(SendRecv)
    };
    peer.add_transceiver(kind, init)
}

/// A whole negotiation by our offer, whose answer says this besides.
fn negotiate_with(a: &mut Negotiator, b: &mut Negotiator, lines: &str) {
    b.set_remote(offer(a)).unwrap();
    let mut answer = answer(b);
    answer.sdp += lines;
    a.set_remote(answer).unwrap();
}

/// The simulcast lines of the only section.
fn lines(description: &SessionDescription) -> Vec<&str> {
    let lines = description.sdp.lines();
    lines
        .filter(|line| line.starts_with("a=rid:") || line.starts_with("a=simulcast:"))
        .collect()
}

fn encodings(peer: &Negotiator) -> &[String] {
    peer.transceivers()[0].send_encodings()
}

const ALL_OFFERED: [&str; 4] = [
    "a=rid:h send",
    "a=rid:m send",
    "a=rid:l send",
    "a=simulcast:send h;m;l",
];
const ALL_TAKEN: &str =
    "a=rid:h recv\r\na=rid:m recv\r\na=rid:l recv\r\na=simulcast:recv h;m;l\r\n";

/// RFC 8851 §10, RFC 8852 §3; W3C addTransceiver: TypeError.
#[test]
fn a_rid_has_1_to_255_letters_and_digits() {
    let long = "a".repeat(255);
    for (rid, is_taken) in [
        ("h", true),
        ("Q1", true),
        (&long, true),
        (&format!("{long}a"), false),
        ("", false),
        ("a;b", false),
        ("~h", false),
        ("a-b", false),
        ("ä", false),
    ] {
        let added = add_encodings(&mut peer(), Video, &[rid, "other"]);
        let error = added.err();
        assert_eq!(error.is_none(), is_taken, "{rid}");
        assert!(error.is_none_or(|it| it == UsageError::InvalidRid.into()));
    }
}

/// W3C addTransceiver: TypeError.
#[test]
fn two_encodings_of_one_rid_are_refused() {
    let mut a = peer();
    let error = add_encodings(&mut a, Video, &["h", "l", "h"]).unwrap_err();
    assert_eq!(error, UsageError::DuplicateRid.into());
    assert!(error.to_string().starts_with("TypeError"));
    assert!(a.transceivers().is_empty());
}

/// W3C addTransceiver: what exceeds the maximum is trimmed from the tail, and a lone encoding has no rid.
#[test]
fn surplus_encodings_are_left_off_and_one_alone_has_no_rid() {
    let all = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    for (kind, asked, kept) in [
        (Video, &all[..], &all[..8]),
        (Video, &all[..1], &[][..]),
        (Audio, &all[..2], &[][..]),
    ] {
        let mut a = peer();
        add_encodings(&mut a, kind, asked).unwrap();
        assert_eq!(encodings(&a), kept);
        assert_eq!(lines(&offer(&mut a)).is_empty(), kept.is_empty());
    }
}

/// RFC 9429 §5.2.1, RFC 8853 §5.1.
#[test]
fn an_offer_has_a_line_for_each_rid_and_one_for_all() {
    let mut a = peer();
    simulcast(&mut a, &["h", "m", "l"]);
    assert_eq!(lines(&offer(&mut a)), ALL_OFFERED);
}

/// RFC 9429 §5.2.1: only of what sends.
#[test]
fn a_section_that_does_not_send_offers_no_rid() {
    let (mut a, mut b) = (peer(), peer());
    let id = simulcast(&mut a, &["h", "m", "l"]);
    a.set_direction(id, RecvOnly).unwrap();
    let offer = offer(&mut a);
    assert_eq!(lines(&offer), [""; 0]);
    b.set_remote(offer).unwrap();
    a.set_remote(answer(&mut b)).unwrap();
    assert_eq!(encodings(&a), ["h", "m", "l"], "nothing was said of them");
}

/// RFC 8852 §3, RFC 8853 §5.5: what tells the streams apart is offered, where there is such a capability.
#[test]
fn an_offer_has_the_header_extensions_of_simulcast() {
    let names = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ];
    let mut a = peer();
    a.capabilities.video.header_extensions = names.map(str::to_owned).to_vec();
    simulcast(&mut a, &["h", "l"]);
    let offered = read(&offer(&mut a));
    let uris = offered.media[0].extmaps.iter().map(|it| it.uri.as_ref());
    assert!(uris.eq(names));
}

/// RFC 8853 §5.3.3, WebRTC 1.0 §4.4.1.5.
#[test]
fn rids_that_the_answer_leaves_out_are_dropped() {
    let (mut a, mut b) = (peer(), peer());
    simulcast(&mut a, &["h", "m", "l"]);
    let taken = "a=rid:l recv\r\na=rid:h recv\r\na=simulcast:recv ~l;h\r\n";
    negotiate_with(&mut a, &mut b, taken);
    assert_eq!(encodings(&a), ["h", "l"]);
    let again = offer(&mut a);
    let kept = ["a=rid:h send", "a=rid:l send", "a=simulcast:send h;l"];
    assert_eq!(lines(&again), kept);
}

/// RFC 8853 §5.3.3, WebRTC 1.0 §4.4.1.5: the first is sent.
#[test]
fn an_answer_without_simulcast_leaves_the_first_encoding() {
    let unknown = "a=rid:x recv\r\na=simulcast:recv x\r\n";
    for said in ["", unknown] {
        let (mut a, mut b) = (peer(), peer());
        simulcast(&mut a, &["h", "m", "l"]);
        negotiate_with(&mut a, &mut b, said);
        assert_eq!(encodings(&a), ["h"]);
        assert!(!a.negotiation_needed());
        assert_eq!(lines(&offer(&mut a)), ["a=rid:h send"]);
    }
}

/// RFC 9429 §5.3.1: an answer that receives nothing has no `a=simulcast` to say which.
#[test]
fn an_answer_that_does_not_receive_drops_no_encoding() {
    let (mut a, mut b) = (peer(), peer());
    simulcast(&mut a, &["h", "m", "l"]);
    b.set_remote(offer(&mut a)).unwrap();
    b.set_direction(b.transceivers()[0].id(), Inactive).unwrap();
    a.set_remote(answer(&mut b)).unwrap();
    assert_eq!(directions(&a), [Some(Inactive)]);
    assert_eq!(encodings(&a), ["h", "m", "l"]);
}

/// RFC 9429 §5.2.2.
#[test]
fn a_later_offer_keeps_the_simulcast() {
    let (mut a, mut b) = (peer(), peer());
    simulcast(&mut a, &["h", "m", "l"]);
    negotiate_with(&mut a, &mut b, ALL_TAKEN);
    assert!(!a.negotiation_needed());
    assert_eq!(lines(&offer(&mut a)), ALL_OFFERED);
    assert_eq!(encodings(&a), ["h", "m", "l"]);
}

/// RFC 9429 §5.3.1: an answer sends of the rids what the offer asks for.
#[test]
fn an_answer_sends_the_encodings_that_the_offer_receives() {
    let (mut a, mut b) = (peer(), peer());
    simulcast(&mut a, &["h", "m", "l"]);
    negotiate_with(&mut a, &mut b, ALL_TAKEN);
    let asked = "a=rid:h recv\r\na=rid:l recv\r\na=simulcast:recv h;l\r\n";
    let mut theirs = offer(&mut b);
    theirs.sdp += asked;
    a.set_remote(theirs).unwrap();
    let sent = ["a=rid:h send", "a=rid:l send", "a=simulcast:send h;l"];
    assert_eq!(lines(&answer(&mut a)), sent);
    assert_eq!(encodings(&a), ["h", "l"]);
}

/// RFC 9429 §4.1.10.2: taking an offer back, whosever it is, leaves the encodings as they were.
#[test]
fn a_rollback_leaves_the_encodings_of_the_last_negotiation() {
    let rollback = || SessionDescription {
        kind: SdpType::Rollback,
        sdp: String::new(),
    };
    let (mut a, mut b) = (peer(), peer());
    simulcast(&mut a, &["h", "m", "l"]);
    offer(&mut a);
    a.set_local(rollback()).unwrap();
    assert_eq!(lines(&offer(&mut a)), ALL_OFFERED);
    negotiate_with(&mut a, &mut b, ALL_TAKEN);
    a.set_remote(offer(&mut b)).unwrap();
    with_local(|local| a.create_answer(local, None)).unwrap();
    a.set_remote(rollback()).unwrap();
    assert_eq!(encodings(&a), ["h", "m", "l"]);
    assert_eq!(lines(&offer(&mut a)), ALL_OFFERED);
}
