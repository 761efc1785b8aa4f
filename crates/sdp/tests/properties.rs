//! What holds for every input.

use ieum_sdp::webrtc::{
    Alternative, Attributes, Bandwidth, Codec, Credentials, Description, Direction, Extmap,
    Fingerprint, Group, HashFunction, Media, MediaCandidate, MediaKind, Msid, Origin, Rid, RtpMap,
    Setup, Simulcast, Ssrc, SsrcGroup, StreamDirection, Text,
};
use ieum_sdp::{Candidate, Session};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::net::SocketAddr;

fn token() -> impl Strategy<Value = Text<'static>> {
    "[A-Za-z0-9.-]{1,12}".prop_map(Text::from)
}

/// Words with one space between, and none around them.
fn words() -> impl Strategy<Value = Text<'static>> {
    "[!-~]{1,8}( [!-~]{1,8}){0,2}".prop_map(Text::from)
}

fn attributes() -> impl Strategy<Value = Attributes<'static>> {
    let value = option::of("[ -~\u{e9}]{0,30}").prop_map(|value| value.map(Text::from));
    vec(("x-[a-z]{1,8}".prop_map(Text::from), value), 0..4)
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    let hash = select(vec![
        "sha-1", "sha-224", "sha-256", "sha-384", "sha-512", "md5",
    ]);
    (hash, vec(any::<u8>(), 1..=64)).prop_map(|(hash, bytes)| Fingerprint {
        hash: HashFunction::from_name(hash),
        bytes,
    })
}

fn candidate() -> impl Strategy<Value = MediaCandidate<'static>> {
    use ieum_candidate::Transport::Udp;
    (any::<SocketAddr>(), any::<u16>())
        .prop_map(|(address, preference)| Candidate::host(address, Udp, 1, preference).into())
}

fn credentials() -> impl Strategy<Value = Credentials<'static>> {
    ("[A-Za-z0-9+/]{4,20}", "[A-Za-z0-9+/]{22,32}").prop_map(|(ufrag, pwd)| Credentials {
        ufrag: ufrag.into(),
        pwd: pwd.into(),
    })
}

fn direction() -> impl Strategy<Value = Direction> {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    select(vec![SendRecv, SendOnly, RecvOnly, Inactive])
}

prop_compose! {
    fn codec()(
        name in token(), clock_rate in any::<u32>(), channels in option::of(any::<u16>()),
        (parameters, feedback) in (option::of(words()), vec(words(), 0..3)),
    ) -> Codec<'static> {
        let rtpmap = Some(RtpMap { name, clock_rate, channels });
        Codec { rtpmap, parameters, feedback, ..Codec::new(0) }
    }
}

fn bandwidths() -> impl Strategy<Value = Vec<Bandwidth<'static>>> {
    let bandwidth = (token(), any::<u64>()).prop_map(|(kind, value)| Bandwidth { kind, value });
    vec(bandwidth, 0..3)
}

/// Of any semantics but BUNDLE, which has a field of its own.
fn groups() -> impl Strategy<Value = Vec<Group<'static>>> {
    let group = ("[a-z]{1,6}", vec(token(), 0..4)).prop_map(|(semantics, members)| Group {
        semantics: semantics.into(),
        members,
    });
    vec(group, 0..3)
}

fn simulcast() -> impl Strategy<Value = Simulcast<'static>> {
    let alternative = ("[A-Za-z0-9_-]{1,5}", any::<bool>()).prop_map(|(rid, paused)| Alternative {
        rid: rid.into(),
        paused,
    });
    let streams = vec(vec(alternative, 1..3), 0..3);
    (streams.clone(), streams)
        .prop_map(|(send, recv)| Simulcast { send, recv })
        .prop_filter("says something", |it| {
            !(it.send.is_empty() && it.recv.is_empty())
        })
}

prop_compose! {
    /// What only RTP has.
    fn rtp()(
        msids in vec((token(), option::of(words())).prop_map(|(stream, track)| Msid { stream, track }), 0..3),
        feedback in vec(words(), 0..3),
        extmaps in vec((any::<u16>(), option::of(direction()), "[!-~]{1,9}", option::of(words())).prop_map(
            |(id, direction, uri, parameters)| Extmap { id, direction, uri: uri.into(), parameters }), 0..3),
        ssrcs in vec((any::<u32>(), "[a-z]{1,9}", option::of("([!-~]{1,9})?")).prop_map(
            |(id, attribute, value)| Ssrc { id, attribute: attribute.into(), value: value.map(Text::from) }), 0..3),
        ssrc_groups in vec((token(), vec(any::<u32>(), 0..3)).prop_map(
            |(semantics, ids)| SsrcGroup { semantics, ids }), 0..3),
        rids in vec((token(), any::<bool>(), option::of(words())).prop_map(|(id, send, restrictions)| {
            let direction = if send { StreamDirection::Send } else { StreamDirection::Recv };
            Rid { id, direction, restrictions }
        }), 0..3),
        (simulcast, image_attributes, codecs) in (option::of(simulcast()), vec(words(), 0..2), vec(codec(), 0..4)),
        (rtcp_mux_only, rtcp_rsize, extmap_allow_mixed) in any::<(bool, bool, bool)>(),
    ) -> Media<'static> {
        let mut media = Media {
            msids, feedback, extmaps, ssrcs, ssrc_groups, rids, simulcast, image_attributes, rtcp_mux_only, rtcp_rsize,
            extmap_allow_mixed, ..Media::new(MediaKind::Audio, "UDP/TLS/RTP/SAVPF")
        };
        for (payload_type, codec) in (96..).zip(codecs) {
            media.push_codec(Codec { payload_type, ..codec });
        }
        media
    }
}

prop_compose! {
    fn media()(
        (kind, protocol, formats, rtp) in (token(), token(), vec(token(), 0..4), option::of(rtp())),
        port in any::<u16>(),
        (mid, tls_id, bandwidths) in (option::of(token()), option::of(words()), bandwidths()),
        direction in direction(),
        setup in option::of(select(vec![Setup::ActPass, Setup::Active, Setup::Passive, Setup::HoldConn])),
        (ice, fingerprints) in (option::of(credentials()), vec(fingerprint(), 0..3)),
        (sctp_port, max_message_size) in any::<(Option<u16>, Option<u64>)>(),
        candidates in vec(candidate(), 0..3),
        (end_of_candidates, rtcp_mux, bundle_only) in any::<(bool, bool, bool)>(),
        other in attributes(),
    ) -> Media<'static> {
        let rtp = rtp.unwrap_or_else(|| {
            let kind = MediaKind::from_word(&kind).into_owned();
            Media { formats, ..Media::new(kind, protocol) }
        });
        Media {
            port, mid, tls_id, bandwidths, direction, setup, ice, fingerprints, sctp_port, max_message_size, candidates,
            end_of_candidates, rtcp_mux, bundle_only, other, ..rtp
        }
    }
}

prop_compose! {
    fn description()(
        (id, version) in any::<(u64, u64)>(),
        (bundle, groups, msid_semantics) in (vec(token(), 0..4), groups(), groups()),
        mut ice_options in vec(token(), 0..4),
        (ice_lite, extmap_allow_mixed, ice_pacing) in any::<(bool, bool, Option<u32>)>(),
        (bandwidths, identity) in (bandwidths(), option::of(words())),
        other in attributes(),
        media in vec(media(), 0..4),
    ) -> Description<'static> {
        ice_options.sort();
        ice_options.dedup();
        Description {
            bandwidths, bundle, groups, ice_options, ice_lite, ice_pacing, extmap_allow_mixed, msid_semantics, identity,
            other, media, ..Description::new(Origin::new(id, version))
        }
    }
}

/// A description with a few characters replaced, dropped, or exchanged for what matters to the grammar.
fn nearly() -> impl Strategy<Value = String> {
    let with = prop_oneof![
        any::<char>().prop_map(String::from),
        select(vec![
            "", "\r", "\n", "\r\n", "a=", "m=", " ", ":", "=", "0", "\0", "\u{c}"
        ])
        .prop_map(String::from),
    ];
    (description(), vec((any::<Index>(), with), 0..6)).prop_map(|(description, edits)| {
        let mut text: Vec<String> = description.to_string().chars().map(String::from).collect();
        for (at, with) in edits {
            let at = at.index(text.len());
            text[at] = with;
        }
        text.concat()
    })
}

/// Lines of any type, with any text and any ending.
fn session() -> impl Strategy<Value = String> {
    let line = (
        "[a-ln-zA-Z]",
        "[^\r\n]{0,20}",
        select(vec!["\r\n", "\n", "\r", "\r\n\r\n"]),
    );
    vec(line, 0..20).prop_map(|lines| {
        let lines = lines
            .into_iter()
            .map(|(kind, value, ending)| format!("{kind}={value}{ending}"));
        ["v=0\r\n".to_owned()].into_iter().chain(lines).collect()
    })
}

proptest! {
    #[test]
    fn a_session_is_written_byte_for_byte(text in session()) {
        prop_assert_eq!(Session::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn what_strict_takes_has_no_warning_and_lenient_takes_it_too(text in nearly()) {
        if let Ok(session) = Session::parse_strict(&text) {
            prop_assert_eq!(session.warnings().next(), None);
            prop_assert_eq!(Session::parse(&text), Ok(session));
        }
    }

    #[test]
    fn warnings_lie_inside_the_text(text in session()) {
        for warning in Session::parse(&text).unwrap().warnings() {
            prop_assert!(warning.line >= 1 && warning.line <= text.len() + 1, "{}", warning);
            prop_assert!(warning.column >= 1 && warning.column <= text.len() + 1, "{}", warning);
        }
    }

    #[test]
    fn what_is_accepted_is_written_byte_for_byte(text in nearly()) {
        if let Ok(session) = Session::parse(&text) {
            prop_assert_eq!(session.to_string(), text);
        }
    }

    #[test]
    fn a_description_reads_back_equal(description in description()) {
        let text = description.to_string();
        prop_assert_eq!(Description::parse(&text), Ok(description));
    }

    #[test]
    fn what_was_read_reads_back_equal(text in nearly()) {
        if let Ok(description) = Description::parse(&text) {
            let text = description.to_string();
        prop_assert_eq!(Description::parse(&text), Ok(description));
        }
    }

    #[test]
    fn no_bytes_panic_and_an_error_lies_inside_them(bytes in vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        for text in [text.clone().into_owned(), format!("v=0\r\nm={text}")] {
            if let Err(error) = Session::parse(&text) {
                prop_assert!(error.line >= 1 && error.line <= text.len() + 1);
                prop_assert!(error.column >= 1 && error.column <= text.len() + 1);
            }
            let _ = Description::parse(&text);
        }
    }
}
