use std::time::Duration;

use ieum_ice::{Credentials, Options};
use ieum_sdp::webrtc::MediaKind;

use super::super::*;

const CREDENTIALS: (&str, &str) = ("8hhY", "asd88fgpdd777uzjYhagZg");
const FINGERPRINT: [u8; 32] = [7; 32];
const ICE: Options = Options {
    lite: false,
    pacing: Some(Duration::from_millis(5)),
    ice2: true,
    renomination: false,
};

fn with_local<T>(run: impl FnOnce(&Local<'_>) -> T) -> T {
    let (ufrag, pwd) = (CREDENTIALS.0.to_owned(), CREDENTIALS.1.to_owned());
    run(&Local {
        credentials: &Credentials { ufrag, pwd },
        ice: ICE,
        fingerprint: &FINGERPRINT,
        max_message_size: 262_144,
        candidates: Vec::new(),
        end_of_candidates: false,
    })
}

fn wanting_data() -> Negotiator {
    let mut negotiator = Negotiator::new(1, Capabilities::default());
    negotiator.want_data();
    negotiator
}

fn applied(kind: SdpType, text: &str) -> Applied {
    let sdp = text.to_owned();
    Applied::parse(SessionDescription { kind, sdp }).unwrap()
}

fn answer_to(offer: &str) -> Description<'static> {
    let mut negotiation = wanting_data();
    negotiation
        .apply(Party::Remote, applied(SdpType::Offer, offer))
        .unwrap();
    let answer = with_local(|local| negotiation.create_answer(local, None)).unwrap();
    let answer = applied(SdpType::Answer, &answer.sdp);
    negotiation.apply(Party::Local, answer.clone()).unwrap();
    assert_eq!(negotiation.signaling_state(), SignalingState::Stable);
    answer.description
}

fn offer(sections: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\n\
         a=fingerprint:sha-256 {}\r\n{sections}",
        ["07"; 32].join(":")
    )
}

const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\n";
const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=setup:actpass\r\na=sctp-port:5000\r\n";

#[test]
fn audio_and_video_are_rejected_and_only_data_is_bundled() {
    let text = offer(&format!("a=group:BUNDLE a d\r\n{AUDIO}{DATA}"));
    let answer = answer_to(&text);
    assert_eq!(answer.bundle, ["d"]);
    let [audio, data] = &answer.media[..] else {
        panic!("{answer:?}")
    };
    assert_eq!((audio.kind.clone(), audio.port), (MediaKind::Audio, 0));
    assert_eq!(
        (audio.mid.as_deref(), &audio.formats[..]),
        (Some("a"), &["111".into(), "0".into()][..])
    );
    assert_ne!(data.port, 0);
    assert_eq!(
        (data.setup, data.sctp_port),
        (Some(Setup::Active), Some(5000))
    );
    assert_eq!(data.max_message_size, Some(262_144));
    assert_eq!(answer.ice_options, ["trickle", "ice2"]);
    assert_eq!((answer.ice_pacing, answer.ice_lite), (Some(5), false));
    assert_eq!(data.fingerprints[0].bytes, FINGERPRINT);
}

#[test]
fn a_fixed_role_is_answered_with_the_other() {
    for (offered, answered) in [("active", Setup::Passive), ("passive", Setup::Active)] {
        let text = offer(&DATA.replace("actpass", offered));
        assert_eq!(answer_to(&text).media[0].setup, Some(answered));
    }
}

#[test]
fn the_older_form_of_a_data_section_is_answered_in_kind() {
    let section = "m=application 9 DTLS/SCTP 5000\r\na=mid:0\r\na=setup:actpass\r\n\
                   a=sctpmap:5000 webrtc-datachannel 65535\r\n";
    let answer = answer_to(&offer(section));
    let data = &answer.media[0];
    assert_eq!(
        (data.protocol.as_ref(), &data.formats[..]),
        ("DTLS/SCTP", &["5000".into()][..])
    );
    assert_eq!(data.sctp_port, None);
    assert!(is_data(data) && !data.is_rejected());
}

#[test]
fn an_offer_without_data_is_answered_by_rejecting_all() {
    let answer = answer_to(&offer(AUDIO));
    assert!(answer.media[0].is_rejected());
    assert!(answer.bundle.is_empty());
}

#[test]
fn a_later_offer_keeps_the_sections_of_the_first() {
    let mut negotiation = wanting_data();
    let text = offer(&format!("{AUDIO}{DATA}"));
    negotiation
        .apply(Party::Remote, applied(SdpType::Offer, &text))
        .unwrap();
    let answer = with_local(|local| negotiation.create_answer(local, None)).unwrap();
    negotiation
        .apply(Party::Local, applied(SdpType::Answer, &answer.sdp))
        .unwrap();
    let again = with_local(|local| negotiation.create_offer(local)).unwrap();
    let again = Description::parse(&again.sdp).unwrap();
    assert!(again.media[0].is_rejected());
    assert_eq!(again.media[1].mid.as_deref(), Some("d"));
    assert_eq!(again.media.len(), 2);
    assert!(again.origin.session_version > 1);
}

#[test]
fn a_description_in_the_wrong_state_names_state_and_operation() {
    let mut negotiation = wanting_data();
    let error = with_local(|local| negotiation.create_answer(local, None)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "InvalidStateError: create_answer in signaling state stable"
    );
    let error = negotiation
        .check(Party::Remote, SdpType::Answer)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "InvalidStateError: set_remote_description in signaling state stable"
    );
}

#[test]
fn an_offer_can_be_taken_back() {
    let mut negotiation = wanting_data();
    let ours = with_local(|local| negotiation.create_offer(local)).unwrap();
    let created = negotiation.created(&ours).unwrap();
    negotiation.apply(Party::Local, created).unwrap();
    assert_eq!(
        negotiation.signaling_state(),
        SignalingState::HaveLocalOffer
    );
    negotiation.check(Party::Local, SdpType::Rollback).unwrap();
    negotiation.roll_back();
    assert_eq!(
        (negotiation.signaling_state(), negotiation.local().is_none()),
        (SignalingState::Stable, true)
    );
}

#[test]
fn a_modified_local_description_is_refused() {
    let mut negotiation = wanting_data();
    let mut ours = with_local(|local| negotiation.create_offer(local)).unwrap();
    ours.sdp.push_str("a=x\r\n");
    assert_eq!(
        negotiation.created(&ours).unwrap_err(),
        UsageError::Modified.into()
    );
}

#[test]
fn an_answer_with_other_sections_than_the_offer_is_refused() {
    let mut negotiation = wanting_data();
    let ours = with_local(|local| negotiation.create_offer(local)).unwrap();
    let created = negotiation.created(&ours).unwrap();
    negotiation.apply(Party::Local, created).unwrap();
    let answer = applied(SdpType::Answer, &offer(&format!("{AUDIO}{DATA}")));
    assert_eq!(
        negotiation.read_remote(&answer).unwrap_err(),
        RemoteError::MediaMismatch
    );
}

#[test]
fn a_data_section_without_credentials_or_fingerprint_is_refused() {
    let negotiation = wanting_data();
    let text = offer(DATA);
    let without = |prefix: &str| {
        let kept: String = text
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(prefix))
            .collect();
        negotiation
            .read_remote(&applied(SdpType::Offer, &kept))
            .unwrap_err()
    };
    assert_eq!(without("a=ice-"), RemoteError::NoIceCredentials);
    assert_eq!(without("a=fingerprint"), RemoteError::NoFingerprint);
}

#[test]
fn what_is_said_of_ice_is_what_the_other_side_reads() {
    let (ufrag, pwd) = (CREDENTIALS.0.to_owned(), CREDENTIALS.1.to_owned());
    for ice in [
        ICE,
        Options::default(),
        Options {
            lite: true,
            renomination: true,
            ..ICE
        },
    ] {
        let said = wanting_data()
            .create_offer(&Local {
                credentials: &Credentials {
                    ufrag: ufrag.clone(),
                    pwd: pwd.clone(),
                },
                ice,
                fingerprint: &FINGERPRINT,
                max_message_size: 262_144,
                candidates: Vec::new(),
                end_of_candidates: false,
            })
            .unwrap();
        let read = RemoteTransport::read(&applied(SdpType::Offer, &said.sdp).description, 0);
        assert_eq!(read.unwrap().ice, ice, "{}", said.sdp);
    }
}

#[test]
fn a_pacing_of_parts_of_a_millisecond_is_said_as_the_next_whole_one() {
    // RFC 8839 §5.5: whole milliseconds.
    let ice = Options {
        pacing: Some(Duration::from_micros(5001)),
        ..ICE
    };
    let mut description = Description::new(Origin::new(1, 1));
    with_local(|local| {
        Local {
            ice,
            ..local.clone()
        }
        .say_ice(&mut description)
    });
    assert_eq!(description.ice_pacing, Some(6));
}
