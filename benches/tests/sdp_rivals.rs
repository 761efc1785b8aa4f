//! What `sdp` 0.17 and `webrtc-sdp` 0.3 accept, `ieum-sdp` accepts with the same values; where not, the tables say which
//! sentence decides.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use ieum_sdp::Session;
use ieum_sdp::webrtc::Description;
use webrtc_sdp::SdpSession;
use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeType as Type};

/// A difference, and the sentence that decides it.
struct Decision {
    /// What was done to the sample; any, where it is empty.
    edit: &'static str,
    /// How the changed line begins; any, where it is empty.
    line: &'static str,
    /// How the difference begins.
    difference: &'static str,
    #[expect(dead_code, reason = "for who reads")]
    sentence: &'static str,
}

impl Decision {
    fn decides(&self, variant: &Variant, difference: &str) -> bool {
        (self.edit.is_empty() || self.edit == variant.edit)
            && variant.line.starts_with(self.line)
            && difference.starts_with(self.difference)
    }
}

/// None: `sdp` only takes white space off the end of values, and that is left out of the comparison.
const AGAINST_SDP: &[Decision] = &[];

const AGAINST_WEBRTC_SDP: &[Decision] = &[
    Decision {
        edit: "upper case",
        line: "",
        difference: "",
        sentence: "RFC 8866 §5: <type> is exactly one case-significant character; and so are the names of attributes",
    },
    Decision {
        edit: "",
        line: "",
        difference: "m-lines: ours 4, theirs 3",
        sentence: "RFC 3264 §6: for each m= line in the offer there MUST be one in the answer; so UDP/BFCP is not left out",
    },
    Decision {
        edit: "doubled",
        line: "m=",
        difference: "m-lines: ours 5, theirs ",
        sentence: "the same",
    },
    Decision {
        edit: "left out",
        line: "",
        difference: "m-lines: ours 3, theirs 2",
        sentence: "the same",
    },
    Decision {
        edit: "",
        line: "",
        difference: "candidates: ours 4, theirs 6",
        sentence: "RFC 6544 §4.5: a TCP candidate has a tcptype; those without stay aside, as text",
    },
    Decision {
        edit: "doubled",
        line: "a=candidate",
        difference: "candidates: ours ",
        sentence: "the same",
    },
    Decision {
        edit: "left out",
        line: "",
        difference: "candidates: ours ",
        sentence: "the same",
    },
    Decision {
        edit: "cut short",
        line: "a=candidate",
        difference: "candidates: ours ",
        sentence: "RFC 8839 §5.1: what is not understood at the end of a candidate MUST be ignored, and not the candidate",
    },
    Decision {
        edit: "cut short",
        line: "a=ice-pwd",
        difference: "refused: line",
        sentence: "RFC 8839 §5.4: password = 22*256ice-char",
    },
    Decision {
        edit: "cut short",
        line: "a=ssrc",
        difference: "refused: line",
        sentence: "RFC 5576 §4.1: ssrc-attr = \"ssrc:\" ssrc-id SP attribute",
    },
    Decision {
        edit: "no digits",
        line: "a=fingerprint",
        difference: "refused: line",
        sentence: "RFC 8122 §5: fingerprint = 2UHEX *(\":\" 2UHEX)",
    },
    Decision {
        edit: "left out",
        line: "",
        difference: "refused: line",
        sentence: "RFC 8839 §5.4: the two, ice-ufrag and ice-pwd, are required for each data stream",
    },
];

fn samples() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sdp/tests/samples");
    let list = |folder: PathBuf| {
        let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let is_sdp = |path: &PathBuf| path.extension().is_some_and(|it| it == "sdp");
        paths.filter(is_sdp).collect::<Vec<_>>()
    };
    let paths = [list(root.clone()), list(root.join("browsers"))].concat();
    assert_eq!(paths.len(), 41);
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    paths.into_iter().map(read).collect()
}

/// A sample with one line changed.
struct Variant {
    edit: &'static str,
    line: String,
    text: String,
}

/// Ends the comparison where two values are not the same.
macro_rules! same {
    ($what:expr, $ours:expr, $theirs:expr) => {{
        let (ours, theirs) = (&$ours, &$theirs);
        if ours != theirs {
            return Err(format!("{}: ours {ours:?}, theirs {theirs:?}", $what));
        }
    }};
}

/// Compares all that a rival accepts, and fails with everything that is different and not decided.
fn compare_all<T>(
    theirs: impl Fn(&str) -> Option<T>,
    compare: impl Fn(&T, &str) -> Result<(), String>,
    decisions: &[Decision],
) {
    let (mut accepted, mut differences) = (0, BTreeSet::new());
    for (path, sample) in samples() {
        for variant in variants(&sample) {
            let Some(theirs) = theirs(&variant.text) else {
                continue;
            };
            accepted += 1;
            let Err(difference) = compare(&theirs, &variant.text) else {
                continue;
            };
            if !decisions.iter().any(|it| it.decides(&variant, &difference)) {
                let Variant { edit, line, .. } = variant;
                let name = path.file_name().unwrap().to_string_lossy();
                differences.insert(format!("{edit}: {difference}  [{name}, {line:?}]"));
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
    let shown: Vec<_> = differences.iter().take(40).collect();
    assert!(
        differences.is_empty(),
        "{} of {accepted}: {shown:#?}",
        differences.len()
    );
}

/// A sample, and what becomes of it when one of its lines is left out, doubled, cut short, or has a word or a space changed.
fn variants(text: &str) -> Vec<Variant> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut all = vec![Variant {
        edit: "none",
        line: String::new(),
        text: text.to_owned(),
    }];
    for at in 0..lines.len() {
        let with = |edit, line: &str| Variant {
            edit,
            line: line.to_owned(),
            text: [&lines[..at].concat(), line, &lines[at + 1..].concat()].concat(),
        };
        let line = lines[at];
        let cut = line.rfind([' ', ':', '/']).map_or("", |cut| &line[..cut]);
        all.extend([
            with("left out", ""),
            with("doubled", &line.repeat(2)),
            with("cut short", &format!("{cut}\r\n")),
            with("spaced", &line.replacen(' ', "  ", 1)),
            with(
                "huge number",
                &line.replacen(' ', " 99999999999999999999 ", 1),
            ),
            with("space after colon", &line.replacen(':', ": ", 1)),
            with("upper case", &line.to_uppercase()),
            with(
                "no digits",
                &line.replace(|c: char| c.is_ascii_digit(), "x"),
            ),
        ]);
    }
    all
}

#[test]
fn what_sdp_accepts_we_accept_with_the_same_lines() {
    compare_all(
        |text| sdp::SessionDescription::unmarshal(&mut Cursor::new(text)).ok(),
        |theirs, text| {
            let ours = Session::parse(text).map_err(|error| format!("refused: {error}"))?;
            compare_session(theirs, &ours)
        },
        AGAINST_SDP,
    );
}

#[test]
fn what_webrtc_sdp_accepts_we_accept_with_the_same_meaning() {
    compare_all(
        |text| webrtc_sdp::parse_sdp(text, false).ok(),
        |theirs, text| {
            let ours = Description::parse(text).map_err(|error| format!("refused: {error}"))?;
            compare_description(theirs, &ours)
        },
        AGAINST_WEBRTC_SDP,
    );
}

fn compare_session(theirs: &sdp::SessionDescription, ours: &Session<'_>) -> Result<(), String> {
    let origin = ours.origin().ok_or("no origin")?;
    same!("username", origin.username, theirs.origin.username);
    same!(
        "session id",
        origin.session_id,
        theirs.origin.session_id.to_string()
    );
    same!("address", origin.address, theirs.origin.unicast_address);
    let pair = |it: &sdp::description::common::Attribute| {
        // They take white space off the end, which is a part of the value (RFC 8866 §9: byte-string).
        let trimmed = |it: &str| it.trim_end().to_owned();
        (it.key.clone(), it.value.as_deref().map(trimmed))
    };
    let own = |it: ieum_sdp::Attribute<'_>| {
        let trimmed = |it: &str| it.trim_end().to_owned();
        (it.name().to_owned(), it.value().map(trimmed))
    };
    let all: Vec<_> = theirs.attributes.iter().map(pair).collect();
    same!(
        "attributes",
        ours.attributes().map(own).collect::<Vec<_>>(),
        all
    );
    let sections: Vec<_> = ours.media().collect();
    same!("m-lines", sections.len(), theirs.media_descriptions.len());
    for (ours, theirs) in sections.iter().zip(&theirs.media_descriptions) {
        let name = &theirs.media_name;
        same!("kind", ours.kind(), name.media);
        same!("port", ours.port() as isize, name.port.value);
        same!("protocol", ours.protocol(), name.protos.join("/"));
        same!("formats", ours.formats().collect::<Vec<_>>(), name.formats);
        let bandwidths: Vec<_> = theirs.bandwidth.iter().map(|it| it.bandwidth).collect();
        same!(
            "bandwidths",
            ours.bandwidths().map(|it| it.value).collect::<Vec<_>>(),
            bandwidths
        );
        let all: Vec<_> = theirs.attributes.iter().map(pair).collect();
        same!(
            "attributes",
            ours.attributes().map(own).collect::<Vec<_>>(),
            all
        );
    }
    Ok(())
}

fn compare_description(theirs: &SdpSession, ours: &Description<'_>) -> Result<(), String> {
    same!(
        "session id",
        ours.origin.session_id,
        theirs.origin.session_id
    );
    same!("m-lines", ours.media.len(), theirs.media.len());
    for (ours, theirs) in ours.media.iter().zip(&theirs.media) {
        same!("port", u32::from(ours.port), theirs.get_port());
        if let Some(SdpAttribute::Mid(mid)) = theirs.get_attribute(Type::Mid) {
            same!("mid", ours.mid.as_deref(), Some(mid.as_str()));
        }
        if let Some(SdpAttribute::SctpPort(port)) = theirs.get_attribute(Type::SctpPort) {
            same!("sctp-port", ours.sctp_port.map(u64::from), Some(*port));
        }
        if let Some(SdpAttribute::MaxMessageSize(size)) = theirs.get_attribute(Type::MaxMessageSize)
        {
            same!("max-message-size", ours.max_message_size, Some(*size));
        }
        if let Some(SdpAttribute::IceUfrag(ufrag)) = theirs.get_attribute(Type::IceUfrag) {
            same!(
                "ice-ufrag",
                ours.ice.as_ref().map(|it| it.ufrag.as_ref()),
                Some(ufrag.as_str())
            );
        }
        let mut seen = BTreeSet::new();
        for attribute in theirs.get_attributes_of_type(Type::Rtpmap) {
            let SdpAttribute::Rtpmap(rtpmap) = attribute else {
                continue;
            };
            // Of two for one payload type, they list both, and the first counts.
            if seen.insert(rtpmap.payload_type) {
                let codec = ours.codec(rtpmap.payload_type).ok_or("rtpmap: none")?;
                same!("rtpmap", codec.name(), Some(rtpmap.codec_name.as_str()));
                let own = codec.rtpmap.as_ref().map(|it| it.clock_rate);
                same!("clock rate", own, Some(rtpmap.frequency));
            }
        }
        let count = |kind| theirs.get_attributes_of_type(kind).len();
        same!("extmaps", ours.extmaps.len(), count(Type::Extmap));
        same!("ssrcs", ours.ssrcs.len(), count(Type::Ssrc));
        same!(
            "ssrc-groups",
            ours.ssrc_groups.len(),
            count(Type::SsrcGroup)
        );
        same!("rids", ours.rids.len(), count(Type::Rid));
        same!("candidates", ours.candidates.len(), count(Type::Candidate));
        same!("rtcp-mux", ours.rtcp_mux, count(Type::RtcpMux) > 0);
    }
    Ok(())
}
