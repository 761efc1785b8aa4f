use serde_json::{Value, json};

use super::*;
use crate::protocol::{Claim, IceServer, Resume};

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap()
}

fn same(written: &str, wanted: Value) {
    assert_eq!(serde_json::from_str::<Value>(written).unwrap(), wanted);
}

#[test]
fn a_message_keeps_every_byte_in_both_directions() {
    let body = r#"{"z":1.50e2, "a":123456789012345678901234567890,"a":2,"from":"\u0061"}"#;
    for kind in ["send", "broadcast"] {
        let text = format!(r#"{{"message":{body},"type":"{kind}","id":"é\n","later":[1]}}"#);
        let frame = ClientFrame::parse(&text).unwrap();
        let (ClientFrame::Send { id, message } | ClientFrame::Broadcast { id, message }) = &frame
        else {
            panic!()
        };
        assert_eq!((id.as_deref(), message.get()), (Some("é\n"), body));
        assert_eq!(
            frame.to_json(),
            format!(r#"{{"type":"{kind}","id":"é\n","message":{body}}}"#)
        );
    }
    let written = ServerFrame::Message {
        seq: 7,
        message: raw(body),
    }
    .to_json();
    assert_eq!(
        written,
        format!(r#"{{"type":"message","seq":7,"message":{body}}}"#)
    );
    let ServerFrame::Message { seq: 7, message } = ServerFrame::parse(&written).unwrap() else {
        panic!()
    };
    assert_eq!(message.get(), body);
}

#[test]
fn a_join_says_no_more_than_it_must() {
    let join = Join {
        peer: "alice".into(),
        ..Join::default()
    };
    same(
        &ClientFrame::Join(Box::new(join)).to_json(),
        json!({ "type": "join", "peer": "alice" }),
    );
    let join = Join {
        peer: "alice".into(),
        peer_type: Some(json!("robot")),
        room: "r".into(),
        token: Some("t".into()),
        resume: Resume::Claim(Claim {
            token: "x".into(),
            seq: 9,
        }),
    };
    let text = ClientFrame::Join(Box::new(join.clone())).to_json();
    same(
        &text,
        json!({ "type": "join", "peer": "alice", "peerType": "robot", "room": "r", "token": "t",
            "resume": { "token": "x", "seq": 9 } }),
    );
    let ClientFrame::Join(read) = ClientFrame::parse(&text).unwrap() else {
        panic!()
    };
    assert_eq!(*read, join);
}

#[test]
fn what_the_server_says_is_read_as_it_was_written() {
    let frames = [
        ServerFrame::Joined(Box::new(Joined {
            peer: "a".into(),
            resume: Some("t".into()),
            resume_for: 30,
            ice_servers: vec![IceServer {
                urls: vec!["stun:x".into()],
                ..IceServer::default()
            }],
            ..Joined::default()
        })),
        ServerFrame::Refused(Refused {
            code: Code::Taken,
            error: "no".into(),
        }),
        ServerFrame::Ack {
            id: "7".into(),
            reply: Reply::accepted(Delivery::Queued),
        },
        ServerFrame::Ack {
            id: "7".into(),
            reply: Reply::refused(Code::Full, "later"),
        },
        ServerFrame::Undelivered(Undelivered {
            seq: 4,
            id: None,
            to: "b".into(),
            code: Code::Gone,
            error: "gone".into(),
        }),
        ServerFrame::Goodbye(Goodbye {
            code: Code::Restart,
            error: "soon".into(),
            reconnect_after_ms: Some(5),
        }),
        ServerFrame::Error(Refused {
            code: Code::TooFast,
            error: "slow down".into(),
        }),
    ];
    for frame in frames {
        let text = frame.to_json();
        assert_eq!(ServerFrame::parse(&text).unwrap().to_json(), text);
    }
}

#[test]
fn no_debug_output_shows_a_token() {
    let join = Join {
        token: Some("s3cret".into()),
        resume: Resume::Claim(Claim {
            token: "s3cret".into(),
            seq: 1,
        }),
        ..Join::default()
    };
    let joined = Joined {
        resume: Some("s3cret".into()),
        ice_servers: vec![IceServer {
            credential: Some("s3cret".into()),
            ..IceServer::default()
        }],
        ..Joined::default()
    };
    let said = format!(
        "{:?}{:?}",
        ClientFrame::Join(Box::new(join)),
        ServerFrame::Joined(Box::new(joined.clone()))
    ) + &format!("{:?}", joined.ice_servers);
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn what_is_no_frame_is_refused_with_its_place() {
    for (text, offset) in [
        ("", 0),
        ("[]", 0),
        (" [\"leave\"]", 1),
        ("{}", 1),
        (r#"{"type":7}"#, 8),
        (r#"{"type":"x"}"#, 0),
        (r#"{"type":"send"}"#, 14),
        (r#"{"type":"send","message":}"#, 25),
        (r#"{"type":"received","seq":-1}"#, 26),
        ("{\"type\":\"received\",\n\"seq\":-1}", 27),
    ] {
        let malformed = ClientFrame::parse(text).unwrap_err();
        assert_eq!(malformed.offset, offset, "{text}: {malformed}");
    }
    assert!(ServerFrame::parse(r#"{"type":"message","message":1}"#).is_err());
}
