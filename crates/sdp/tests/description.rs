//! The typed layer: what is inherited, what is refused by name, and what is written.

use ieum_sdp::webrtc::{
    Credentials, Description, DescriptionError, Direction, Fingerprint, Group, HashFunction, Media,
    MediaKind, Origin, Setup,
};
use ieum_sdp::{Candidate, Expected, Limits};

const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const PWD: &str = "asd88fgpdd777uzjYhagZg";

fn parse(rest: &str) -> Result<Description<'static>, DescriptionError> {
    Description::parse(&format!("{SESSION}{rest}")).map(Description::into_owned)
}

#[test]
fn an_m_line_inherits_what_it_does_not_say() {
    let description = parse(&format!(
        "c=IN IP4 10.0.0.1\r\na=ice-ufrag:sess\r\na=ice-pwd:{PWD}\r\na=fingerprint:SHA-1 AB:CD\r\na=setup:passive\r\n\
         a=recvonly\r\na=end-of-candidates\r\nm=audio 9 X 0\r\n\
         m=audio 9 X 0\r\nc=IN IP4 10.0.0.2\r\na=ice-ufrag:mine\r\na=fingerprint:sha-512 01\r\na=setup:active\r\na=inactive\r\n"
    ))
    .unwrap();
    let [inherits, says] = &description.media[..] else {
        panic!("two m-lines")
    };
    let credentials = |ufrag: &'static str| {
        Some(Credentials {
            ufrag: ufrag.into(),
            pwd: PWD.into(),
        })
    };

    assert_eq!(inherits.ice, credentials("sess"));
    assert_eq!(
        inherits.fingerprints,
        [Fingerprint {
            hash: HashFunction::Sha1,
            bytes: vec![0xAB, 0xCD]
        }]
    );
    assert_eq!(
        (inherits.setup, inherits.direction),
        (Some(Setup::Passive), Direction::RecvOnly)
    );
    assert_eq!(inherits.connection, "IN IP4 10.0.0.1");
    assert!(inherits.end_of_candidates);

    assert_eq!(
        says.ice,
        credentials("mine"),
        "the password is still the session's"
    );
    assert_eq!(
        says.fingerprints,
        [Fingerprint {
            hash: HashFunction::Sha512,
            bytes: vec![1]
        }]
    );
    assert_eq!(
        (says.setup, says.direction),
        (Some(Setup::Active), Direction::Inactive)
    );
    assert_eq!(says.connection, "IN IP4 10.0.0.2");
}

#[test]
fn what_is_malformed_is_named_with_its_place() {
    let table = [
        (
            "a=ice-ufrag:abc",
            "line 5, column 13: malformed ice-ufrag: expected 4 to 256 characters",
        ),
        (
            "a=ice-pwd:short",
            "line 5, column 11: malformed ice-pwd: expected 22 to 256 characters",
        ),
        (
            "a=setup:never",
            "line 5, column 9: malformed setup: expected actpass, active, passive or holdconn",
        ),
        (
            "a=fingerprint:sha-256 0G",
            "line 5, column 15: malformed fingerprint: expected a hash function and at most 64 bytes in hexadecimal",
        ),
        (
            "m=audio x",
            "line 5, column 9: expected a port (0 to 65535)",
        ),
        (
            "m=a 9 b\r\na=mid:",
            "line 6, column 7: malformed mid: expected a token",
        ),
        (
            "m=a 9 b\r\na=sctp-port:65536",
            "line 6, column 13: malformed sctp-port: expected a port (0 to 65535)",
        ),
        (
            "m=a 9 b\r\na=max-message-size:-1",
            "line 6, column 20: malformed max-message-size: expected a number below 2^64",
        ),
        (
            "m=a 9 b\r\na=candidate:1 1 udp 1 10.0.0.1 65536 typ host",
            "line 6, column 32: malformed candidate: expected a port (0 to 65535)",
        ),
        (
            "m=a 9 b\r\na=ice-ufrag:abcd",
            "line 5: ice-ufrag and ice-pwd go together, and one is missing",
        ),
    ];
    for (rest, message) in table {
        assert_eq!(parse(rest).unwrap_err().to_string(), message);
    }
    assert_eq!(
        Description::parse("v=0\r\ns=-\r\n"),
        Err(DescriptionError::Missing("o="))
    );
    let origin =
        Description::parse("v=0\r\no=- 18446744073709551616 1 IN IP4 0.0.0.0\r\n").unwrap_err();
    assert!(
        matches!(origin, DescriptionError::Malformed { name: "o=", .. }),
        "{origin}"
    );
    assert!(matches!(
        Description::parse("nonsense"),
        Err(DescriptionError::Session(error)) if error.expected == Expected::Version
    ));
}

/// Each that the description has a field for and that has a form.
#[test]
fn every_typed_attribute_that_is_malformed_names_itself() {
    let session = [
        ("ice-pacing:fast", "milliseconds (0 to 4294967295)"),
        ("identity:", "an assertion"),
    ];
    let media = [
        (
            "rtpmap:96 VP8",
            "a payload type (0 to 127), a name, a slash and a clock rate",
        ),
        ("fmtp:", "a format and parameters"),
        (
            "rtcp-fb:96",
            "a payload type (0 to 127) or *, and a kind of feedback",
        ),
        (
            "extmap:x urn:y",
            "a number (0 to 65535), a direction or none, and a URI",
        ),
        ("ssrc:1", "a source (0 to 4294967295) and an attribute"),
        (
            "ssrc-group:FID x",
            "semantics and sources (0 to 4294967295)",
        ),
        ("msid:", "a stream"),
        ("rid:h both", "a name, and send or recv"),
        (
            "simulcast:sendrecv h",
            "send and recv, each with a list of streams",
        ),
        ("imageattr:", "what images are sent and received"),
        ("tls-id:", "an identifier"),
    ];
    let refused = |before: &str, line: usize, (attribute, expected): (&str, &str)| {
        let name = attribute.split(':').next().unwrap();
        let column = "a=:".len() + name.len() + 1;
        let message =
            format!("line {line}, column {column}: malformed {name}: expected {expected}");
        let error = parse(&format!("{before}a={attribute}\r\n")).unwrap_err();
        assert_eq!(error.to_string(), message);
    };
    for case in session {
        refused("", 5, case);
    }
    for case in media {
        refused("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 6, case);
    }
    let bandwidth = parse("b=AS:many\r\n").unwrap_err().to_string();
    assert!(bandwidth.starts_with("line 5, column 3: malformed b=: expected "));
}

#[test]
fn a_candidate_of_an_unknown_transport_is_kept_and_not_used() {
    let description = parse("m=a 9 b\r\na=candidate:1 1 ssltcp 1 10.0.0.1 5 typ host\r\n").unwrap();
    assert!(description.media[0].candidates.is_empty());
    assert_eq!(description.media[0].other[0].0, "candidate");
    assert!(description.to_string().contains("a=candidate:1 1 ssltcp"));
}

#[test]
fn the_first_bundle_with_members_is_taken_and_other_groups_are_kept() {
    let description =
        parse("a=group:BUNDLE\r\na=group:LS 0 1\r\na=group:BUNDLE 0 1\r\na=group:BUNDLE 2\r\n")
            .unwrap();
    assert_eq!(description.bundle, ["0", "1"]);
    let groups: Vec<_> = description
        .groups
        .iter()
        .map(|group| (group.semantics.as_ref(), group.members.len()))
        .collect();
    assert_eq!(groups, [("BUNDLE", 0), ("LS", 2), ("BUNDLE", 1)]);
}

#[test]
fn ice_options_of_the_session_and_the_m_lines_are_one_set() {
    let description =
        parse("a=ice-options:ice2 trickle\r\nm=a 9 b\r\na=ice-options:trickle renomination\r\n")
            .unwrap();
    assert_eq!(description.ice_options, ["ice2", "trickle", "renomination"]);
    assert!(!parse("a=ice-options:trickles\r\n").unwrap().trickles());
}

#[test]
fn port_zero_rejects_unless_it_is_bundle_only() {
    let description = parse("m=audio 0 X 0\r\nm=audio 0 X 0\r\na=bundle-only\r\n").unwrap();
    assert!(description.media[0].is_rejected());
    assert!(!description.media[1].is_rejected());
}

#[test]
fn a_data_channel_is_known_by_protocol_and_format() {
    let is_data = |line: &str| parse(line).unwrap().media[0].is_data_channel();
    assert!(is_data("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"));
    assert!(is_data("m=application 9 TCP/DTLS/SCTP webrtc-datachannel"));
    assert!(is_data("m=application 9 DTLS/SCTP webrtc-datachannel"));
    assert!(!is_data("m=application 9 DTLS/SCTP 5000"));
    assert!(!is_data("m=audio 9 UDP/DTLS/SCTP webrtc-datachannel"));
}

#[test]
fn an_offer_is_written_in_this_order() {
    let mut offer = Description::new(Origin::new(7, 1));
    offer.bundle = vec!["0".into()];
    offer.ice_options = vec!["trickle".into()];
    offer.extmap_allow_mixed = true;
    offer.msid_semantics.push(Group {
        semantics: "WMS".into(),
        members: vec!["*".into()],
    });
    let mut data = Media::data_channel("0", 262144);
    data.ice = Some(Credentials {
        ufrag: "ufra".into(),
        pwd: PWD.into(),
    });
    data.fingerprints.push(Fingerprint::sha256([0xA5; 32]));
    data.setup = Some(Setup::ActPass);
    let line = "candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host";
    data.candidates
        .push(line.parse::<Candidate>().unwrap().into());
    data.end_of_candidates = true;
    offer.media.push(data);

    let fingerprint = ["A5"; 32].join(":");
    let expected = format!(
        "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n\
         a=ice-options:trickle\r\na=msid-semantic:WMS *\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
         a=ice-ufrag:ufra\r\na=ice-pwd:{PWD}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n\
         a=sctp-port:5000\r\na=max-message-size:262144\r\na={line}\r\na=end-of-candidates\r\n"
    );
    assert_eq!(offer.to_string(), expected);
    assert_eq!(Description::parse(&expected), Ok(offer));
}

#[test]
fn no_field_can_smuggle_in_a_line() {
    let mut description = Description::new(Origin::new(1, 1));
    let mut media = Media::new(MediaKind::Other("au\r\ndio".into()), "X");
    media.mid = Some("0\r\na=setup:active".into());
    media
        .other
        .push(("x\n".into(), Some("\ra=ice-lite".into())));
    description.media.push(media);
    let text = description.to_string();
    assert_eq!(text.lines().count(), 9, "{text}");
    let read = Description::parse(&text).unwrap();
    assert_eq!((read.media[0].setup, read.ice_lite), (None, false));
}

#[test]
fn a_password_is_not_in_the_debug_text() {
    let description = parse(&format!(
        "m=a 9 b\r\na=ice-ufrag:abcd\r\na=ice-pwd:{PWD}\r\n"
    ))
    .unwrap();
    assert!(!format!("{description:?}").contains(PWD));
}

#[test]
fn what_is_inherited_is_bounded() {
    let fingerprints = "a=fingerprint:sha-1 AB\r\n".repeat(17);
    assert!(
        parse(&fingerprints)
            .unwrap_err()
            .to_string()
            .contains("at most 16 fingerprints")
    );
    let bytes = vec!["AB"; 65].join(":");
    assert!(parse(&format!("a=fingerprint:sha-1 {bytes}\r\n")).is_err());
    let options: String = (0..65)
        .map(|option| format!("a=ice-options:o{option}\r\n"))
        .collect();
    assert!(
        parse(&options)
            .unwrap_err()
            .to_string()
            .contains("ice-options")
    );
    assert!(
        parse(&format!("c={}\r\n", "x".repeat(513)))
            .unwrap_err()
            .to_string()
            .contains("c=")
    );
    let many = format!(
        "m=a 9 b\r\n{}",
        "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n".repeat(1025)
    );
    let limit = Limits::default().candidates;
    assert_eq!(
        parse(&many),
        Err(DescriptionError::TooManyCandidates { limit })
    );
}
