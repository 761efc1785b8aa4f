use super::*;

fn candidate_of(body: Value) -> Signal {
    Signal::from_body(body)
}

#[test]
fn every_kind_of_description_is_read_and_written() {
    for kind in ["offer", "answer", "pranswer", "rollback"] {
        let body = json!({ "type": kind, "sdp": "v=0\r\n" });
        let signal = Signal::from_body(body.clone());
        assert!(
            matches!(&signal, Signal::Description { kind: read, sdp, .. } if read.as_str() == kind && sdp == "v=0\r\n")
        );
        assert_eq!(signal.into_body(), body);
    }
}

#[test]
fn only_a_rollback_goes_without_sdp() {
    let rollback = Signal::from_body(json!({ "type": "rollback" }));
    assert_eq!(rollback, Signal::description(DescriptionKind::Rollback, ""));
    let offer = json!({ "type": "offer", "sdp": 7 });
    assert_eq!(Signal::from_body(offer.clone()), Signal::Other(offer));
}

#[test]
fn a_candidate_is_read_flat_and_nested() {
    let flat = json!({ "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0,
        "usernameFragment": "abcd" });
    let read = candidate_of(flat.clone());
    assert_eq!(read, candidate_of(json!({ "candidate": flat.clone() })));
    assert_eq!(
        read,
        candidate_of(json!({ "type": "candidate", "candidate": flat.clone() }))
    );
    assert_eq!(read.into_body(), flat);
}

#[test]
fn an_empty_or_null_candidate_is_the_end() {
    for body in [
        json!({ "candidate": "" }),
        json!({ "candidate": null }),
        json!({ "candidate": "", "sdpMid": null, "sdpMLineIndex": null }),
        json!({ "candidate": { "candidate": null } }),
        json!({ "type": "candidate", "candidate": { "candidate": "" } }),
    ] {
        assert_eq!(candidate_of(body), Signal::end_of_candidates());
    }
    for body in [
        json!({ "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0 }),
        json!({ "candidate": { "candidate": "", "sdpMid": "0" }, "sdpMLineIndex": 0 }),
    ] {
        let Signal::EndOfCandidates { extra } = candidate_of(body.clone()) else {
            panic!("{body}")
        };
        assert_eq!(extra.get("sdpMid"), Some(&json!("0")), "{body}");
    }
    assert_eq!(
        Signal::from_body(Signal::end_of_candidates().into_body()),
        Signal::end_of_candidates()
    );
}

#[test]
fn a_section_index_that_is_no_index_is_left_out() {
    for index in [json!(70000), json!(-1), json!("0"), json!(0.5)] {
        let read = candidate_of(json!({ "candidate": "candidate:1", "sdpMLineIndex": index }));
        assert!(matches!(
            read,
            Signal::Candidate {
                sdp_m_line_index: None,
                ..
            }
        ));
    }
}

#[test]
fn open_keeps_the_connections_that_can_be_read() {
    let read = Signal::from_body(json!({ "action": "open", "bePolite": true, "connections": [
        { "socketId": "s", "peerId": "a", "peerType": "robot" }, { "socketId": "s" }, 7, { "peerId": "b" } ] }));
    let Signal::Open {
        connections,
        be_polite: true,
    } = read
    else {
        panic!("{read:?}")
    };
    assert_eq!(connections.len(), 2);
    assert_eq!(connections[0].peer_type, Some(json!("robot")));
    assert_eq!(
        connections[1],
        Connection {
            socket_id: String::new(),
            peer_id: "b".into(),
            peer_type: None
        }
    );
}

#[test]
fn unknown_fields_survive() {
    for body in [
        json!({ "type": "offer", "sdp": "v=0", "label": "x", "e": { "f": [1.5, null] } }),
        json!({ "candidate": "candidate:1", "sdpMid": null, "sdpMLineIndex": 1, "usernameFragment": null, "g": 1 }),
        json!({ "candidate": "", "sdpMid": "1", "sdpMLineIndex": null, "usernameFragment": "abcd", "h": [2] }),
        json!({ "action": "close", "message": "the robot's battery is empty" }),
    ] {
        assert_eq!(Signal::from_body(body.clone()).into_body(), body);
    }
    let inner = json!({ "candidate": "candidate:1", "a": 1, "type": "offer", "sdp": "x" });
    let nested = json!({ "candidate": inner, "b": 2, "sdpMid": "0" });
    let signal = Signal::from_body(nested.clone());
    assert_eq!(Signal::from_body(signal.clone().into_body()), signal);
    let Signal::Candidate { extra, .. } = Signal::from_body(nested) else {
        panic!()
    };
    assert_eq!(Value::Object(extra), json!({ "a": 1, "b": 2, "sdp": "x" }));
}

#[test]
fn what_is_unknown_comes_back_whole() {
    for body in [
        json!(null),
        json!("text"),
        json!([1]),
        json!({ "type": "chat" }),
        json!({ "candidate": 7 }),
    ] {
        assert_eq!(Signal::from_body(body.clone()), Signal::Other(body.clone()));
        assert_eq!(Signal::Other(body.clone()).into_body(), body);
    }
}
