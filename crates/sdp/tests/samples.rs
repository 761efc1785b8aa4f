//! Sessions that real programs wrote.

use ieum_candidate::Kind;
use ieum_sdp::webrtc::{Description, Direction, HashFunction, MediaKind, Setup};
use ieum_sdp::{Limits, Session};
use std::path::{Path, PathBuf};

fn samples(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(folder);
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let sdp = files.filter(|path| path.extension().is_some_and(|extension| extension == "sdp"));
    sdp.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn all() -> Vec<(PathBuf, String)> {
    let all = [samples("."), samples("browsers")].concat();
    assert_eq!(all.len(), 41);
    all
}

fn browser(name: &str) -> Description<'static> {
    let path = format!(
        "{}/tests/samples/browsers/{name}.sdp",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    Description::parse(&text).unwrap().into_owned()
}

#[test]
fn every_sample_is_written_byte_for_byte() {
    for (path, text) in all() {
        let session =
            Session::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(session.to_string(), text, "{}", path.display());
    }
}

#[test]
fn every_sample_is_a_description_that_reads_back_equal() {
    for (path, text) in all() {
        let description = match Description::parse(&text) {
            Ok(description) => description,
            Err(error) => {
                // AirTunes, whose rtpmap has no clock rate: RFC 8866 §6.6 wants one.
                assert!(path.ends_with("alac.sdp"), "{}: {error}", path.display());
                assert!(error.to_string().contains("malformed rtpmap"), "{error}");
                continue;
            }
        };
        let written = description.to_string();
        assert_eq!(
            Description::parse(&written),
            Ok(description),
            "{}",
            path.display()
        );
    }
}

#[test]
fn no_attribute_of_a_sample_is_lost() {
    for (path, text) in all() {
        let session = Session::parse(&text).unwrap();
        let Ok(description) = Description::from_session(&session) else {
            continue;
        };
        let written = description.to_string();
        let media = description.media.iter().flat_map(|media| &media.other);
        for (name, value) in media.chain(&description.other) {
            let line = value
                .as_ref()
                .map_or(format!("a={name}"), |value| format!("a={name}:{value}"));
            assert!(
                text.contains(&line) && written.contains(&line),
                "{}: {line}",
                path.display()
            );
        }
        // Same kinds of attributes, but for those that are inherited, merged or say only the default.
        for attribute in session.media().flat_map(|section| section.attributes()) {
            let name = attribute.name();
            assert!(
                written.contains(&format!("a={name}")) || name == "sendrecv",
                "{}: {name} was lost",
                path.display()
            );
        }
    }
}

#[test]
fn chromium_offers_data() {
    let offer = browser("chromium-156-data-offer");
    assert_eq!(
        (offer.origin.session_id, offer.origin.session_version),
        (2649591975504694586, 2)
    );
    assert_eq!(offer.bundle, ["0"]);
    assert!(offer.trickles() && offer.extmap_allow_mixed && !offer.ice_lite);
    let [data] = &offer.media[..] else {
        panic!("one m-line")
    };
    assert_eq!(
        (&data.kind, data.port, data.protocol.as_ref()),
        (&MediaKind::Application, 34355, "UDP/DTLS/SCTP")
    );
    assert!(data.is_data_channel() && !data.is_rejected());
    assert_eq!(data.formats, ["webrtc-datachannel"]);
    assert_eq!(data.mid.as_deref(), Some("0"));
    let ice = data.ice.as_ref().unwrap();
    assert_eq!(
        (ice.ufrag.as_ref(), ice.pwd.as_ref()),
        ("Mfih", "2h/KoqbpiEtYsIciFtfaMYtV")
    );
    assert_eq!(data.setup, Some(Setup::ActPass));
    assert_eq!(
        (data.sctp_port, data.max_message_size),
        (Some(5000), Some(262144))
    );
    assert_eq!(data.fingerprints[0].hash, HashFunction::Sha256);
    assert_eq!(data.fingerprints[0].bytes.len(), 32);
    assert_eq!(data.fingerprints[0].bytes[..2], [0x0D, 0xD0]);
    assert_eq!(data.candidates.len(), 4);
    assert_eq!(
        data.candidates[1].socket_addr(),
        Some("[fd00::2]:54294".parse().unwrap())
    );
    assert!(!data.end_of_candidates);
}

#[test]
fn firefox_answers_data_with_what_the_session_says() {
    let answer = browser("firefox-153-data-answer");
    let [data] = &answer.media[..] else {
        panic!("one m-line")
    };
    assert!(answer.trickles());
    assert_eq!(
        data.fingerprints.len(),
        1,
        "the session's fingerprint is the m-line's"
    );
    assert_eq!(data.setup, Some(Setup::Active));
    assert_eq!(data.max_message_size, Some(1073741823));
    assert!(data.end_of_candidates);
    assert!(data.candidates[0].address().is_mdns());
    assert!(
        data.candidates
            .iter()
            .all(|candidate| candidate.kind() == Kind::Host)
    );
}

#[test]
fn an_answer_can_reject_what_browsers_offer() {
    for name in [
        "chromium-156-audio-video-data-offer",
        "firefox-153-audio-video-data-offer",
    ] {
        let offer = browser(name);
        assert_eq!(offer.media.len(), 3, "{name}");
        assert_eq!(offer.bundle.len(), 3, "{name}");
        for media in offer.media.iter().filter(|media| !media.is_data_channel()) {
            assert!(
                matches!(media.kind, MediaKind::Audio | MediaKind::Video) && media.rtcp_mux,
                "{name}"
            );
            let rejected = media.rejected();
            assert!(rejected.is_rejected() && rejected.direction == Direction::Inactive);
            assert_eq!(
                (&rejected.mid, &rejected.formats),
                (&media.mid, &media.formats)
            );
            assert_eq!(
                (&rejected.kind, &rejected.protocol),
                (&media.kind, &media.protocol)
            );
        }
    }
}

#[test]
fn directions_are_read() {
    for name in ["chromium-156-recvonly", "firefox-153-recvonly"] {
        let offer = browser(&format!("{name}-offer"));
        let answer = browser(&format!("{name}-answer"));
        assert!(
            offer
                .media
                .iter()
                .all(|media| media.direction == Direction::RecvOnly),
            "{name}"
        );
        let fits = |direction| matches!(direction, Direction::SendOnly | Direction::Inactive);
        assert!(
            answer.media.iter().all(|media| fits(media.direction)),
            "{name}"
        );
    }
}

#[test]
fn a_sample_is_refused_where_its_candidates_pass_the_limit() {
    let (_, text) = all()
        .into_iter()
        .find(|(path, _)| path.ends_with("chromium-156-data-offer.sdp"))
        .unwrap();
    let mut limits = Limits::default();
    limits.candidates = 4;
    assert!(Description::parse_with(&text, &limits).is_ok());
    limits.candidates = 3;
    let error = Description::parse_with(&text, &limits).unwrap_err();
    assert_eq!(error.to_string(), "more than 3 candidates");
}
