//! Every kind of signal, with what makes carriers stumble.

use ieum_signaling::{DescriptionKind, Signal};
use serde_json::{Map, json};

pub(crate) fn every_signal() -> Vec<Signal> {
    let long = "이음 🎈\u{1}\u{2028}\"\\".repeat(2500);
    assert!((55_000..62_000).contains(&json!(long).to_string().len()));
    vec![
        Signal::offer("v=0\r\n이음"),
        Signal::Description {
            kind: DescriptionKind::Answer,
            sdp: long,
            extra: Map::from_iter([("label".into(), json!({ "n": [1.5, null] }))]),
        },
        Signal::description(DescriptionKind::PrAnswer, "v=0"),
        Signal::description(DescriptionKind::Rollback, ""),
        Signal::Candidate {
            candidate: "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
            username_fragment: Some("abcd".into()),
            extra: Map::from_iter([("network".into(), json!("wifi"))]),
        },
        Signal::end_of_candidates(),
        Signal::bye(),
        Signal::Other(json!({ "text": "\u{0}\u{1f}\r\n\n data: x" })),
    ]
}
