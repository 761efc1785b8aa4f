use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn the_packets_of_a_session_are_read() {
    let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    let Ok(Packet::Open(session)) = Packet::parse(open) else {
        panic!()
    };
    assert_eq!(session.patience(), Duration::from_secs(45));
    assert_eq!(session.max_payload(), 1_000_000);
    assert_eq!(Packet::parse("1"), Ok(Packet::Close));
    assert_eq!(Packet::parse("2"), Ok(Packet::Ping(String::new())));
    assert_eq!(Packet::parse("2probe"), Ok(Packet::Ping("probe".into())));
    assert_eq!(Packet::parse("6"), Ok(Packet::Idle));
    assert_eq!(Packet::parse(r#"40{"sid":"y"}"#), Ok(Packet::Connected));
    assert_eq!(Packet::parse("41"), Ok(Packet::Disconnected));
    assert_eq!(
        Packet::parse(r#"44{"message":"Authentication error"}"#),
        Ok(Packet::Refused("Authentication error".into()))
    );
}

#[test]
fn an_event_gives_its_name_and_arguments() {
    let expected = Ok(Packet::Event(
        "message".into(),
        vec![json!({ "from": "a" }), json!(7)],
    ));
    for text in [
        r#"42["message",{"from":"a"},7]"#,
        r#"42/,["message",{"from":"a"},7]"#,
        r#"4217["message",{"from":"a"},7]"#,
    ] {
        assert_eq!(Packet::parse(text), expected);
    }
    assert_eq!(
        Packet::parse(r#"42["hello"]"#),
        Ok(Packet::Event("hello".into(), vec![]))
    );
}

#[test]
fn an_acknowledgement_gives_its_id() {
    assert_eq!(
        Packet::parse(r#"4312[{"ok":true}]"#),
        Ok(Packet::Ack(12, json!({ "ok": true })))
    );
    assert_eq!(Packet::parse("437[]"), Ok(Packet::Ack(7, Value::Null)));
}

#[test]
fn other_namespaces_and_binary_events_are_told_apart() {
    assert_eq!(
        Packet::parse(r#"42/admin,["message"]"#),
        Ok(Packet::Elsewhere)
    );
    assert_eq!(Packet::parse("41/admin"), Ok(Packet::Elsewhere));
    assert_eq!(
        Packet::parse(r#"451-["message",{"_placeholder":true,"num":0}]"#),
        Ok(Packet::Binary)
    );
}

#[test]
fn a_malformed_packet_says_where() {
    for (text, offset) in [
        ("", 0),
        ("x", 0),
        ("9", 0),
        ("4", 1),
        ("47", 1),
        ("4é", 1),
        ("42{}", 2),
        ("42[]", 2),
        ("42[7]", 2),
        ("43[]", 2),
    ] {
        assert_eq!(Packet::parse(text).unwrap_err().offset, offset, "{text}");
    }
    assert_eq!(Packet::parse(r#"42["a",]"#).unwrap_err().offset, 7);
    assert!(Packet::parse("4399999999999999999999[]").is_err());
    assert!(Packet::parse(r#"0{"pingInterval":-1,"pingTimeout":1}"#).is_err());
}

#[test]
fn what_we_write_is_what_servers_read() {
    assert_eq!(connect(&Map::new()), "40");
    let auth = Map::from_iter([("token".into(), "s\"".into())]);
    assert_eq!(connect(&auth), r#"40{"token":"s\""}"#);
    assert_eq!(
        event("ready", &["\"a\"", "null"], None),
        r#"42["ready","a",null]"#
    );
    assert_eq!(
        event("messageOne", &["{}"], Some(3)),
        r#"423["messageOne",{}]"#
    );
    assert_eq!(event("leave", &[], None), r#"42["leave"]"#);
    assert_eq!(pong("probe"), "3probe");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(error) = Packet::parse(&text) {
            prop_assert!(error.offset <= text.len());
        }
    }

    #[test]
    fn almost_packets_are_read_or_refused(text in "[0-6][0-6]?(/[a-z]?,?)?[0-9]{0,22}[\\[{\"a-z,:0-9}\\]é]{0,40}") {
        if let Err(error) = Packet::parse(&text) {
            prop_assert!(error.offset <= text.len());
        }
    }

    #[test]
    fn events_come_back(name in "[a-zA-Z]{0,20}", argument in any::<String>(), ack in any::<Option<u64>>()) {
        let argument = Value::from(argument);
        let parsed = Packet::parse(&event(&name, &[&argument.to_string()], ack));
        prop_assert_eq!(parsed, Ok(Packet::Event(name, vec![argument])));
    }
}
