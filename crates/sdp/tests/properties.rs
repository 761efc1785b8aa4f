//! What holds for every input.

use ieum_sdp::webrtc::{
    Attributes, Credentials, Description, Direction, Fingerprint, HashFunction, Media, MediaKind,
    Origin, Setup,
};
use ieum_sdp::{Candidate, Session};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::net::SocketAddr;

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.-]{1,12}"
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec(("x-[a-z]{1,8}", option::of("[ -~\u{e9}]{0,30}")), 0..4)
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

fn candidate() -> impl Strategy<Value = Candidate> {
    use ieum_candidate::Transport::Udp;
    (any::<SocketAddr>(), any::<u16>())
        .prop_map(|(address, preference)| Candidate::host(address, Udp, 1, preference))
}

fn credentials() -> impl Strategy<Value = Credentials> {
    ("[A-Za-z0-9+/]{4,20}", "[A-Za-z0-9+/]{22,32}")
        .prop_map(|(ufrag, pwd)| Credentials { ufrag, pwd })
}

prop_compose! {
    fn media()(
        (kind, protocol, formats) in (token(), token(), vec(token(), 0..4)),
        port in any::<u16>(),
        mid in option::of(token()),
        direction in select(vec![Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]),
        setup in option::of(select(vec![Setup::ActPass, Setup::Active, Setup::Passive, Setup::HoldConn])),
        ice in option::of(credentials()),
        fingerprints in vec(fingerprint(), 0..3),
        (sctp_port, max_message_size) in any::<(Option<u16>, Option<u64>)>(),
        candidates in vec(candidate(), 0..3),
        (end_of_candidates, rtcp_mux, bundle_only) in any::<(bool, bool, bool)>(),
        other in attributes(),
    ) -> Media {
        Media {
            port, formats, mid, direction, setup, ice, fingerprints, sctp_port, max_message_size, candidates,
            end_of_candidates, rtcp_mux, bundle_only, other,
            ..Media::new(MediaKind::from_word(&kind), &protocol)
        }
    }
}

prop_compose! {
    fn description()(
        (id, version) in any::<(u64, u64)>(),
        bundle in vec(token(), 0..4),
        mut ice_options in vec(token(), 0..4),
        (ice_lite, extmap_allow_mixed) in any::<(bool, bool)>(),
        other in attributes(),
        media in vec(media(), 0..4),
    ) -> Description {
        ice_options.sort();
        ice_options.dedup();
        Description { origin: Origin::new(id, version), bundle, ice_options, ice_lite, extmap_allow_mixed, other, media }
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
    fn what_is_accepted_is_written_byte_for_byte(text in nearly()) {
        if let Ok(session) = Session::parse(&text) {
            prop_assert_eq!(session.to_string(), text);
        }
    }

    #[test]
    fn a_description_reads_back_equal(description in description()) {
        prop_assert_eq!(Description::parse(&description.to_string()), Ok(description));
    }

    #[test]
    fn what_was_read_reads_back_equal(text in nearly()) {
        if let Ok(description) = Description::parse(&text) {
            prop_assert_eq!(Description::parse(&description.to_string()), Ok(description));
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
