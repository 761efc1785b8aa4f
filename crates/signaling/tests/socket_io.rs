//! Socket.IO 5 on the wire: what the protocol's own suite asks of a server, with the events that this one has.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ieum_signaling::server::Config;
use serde_json::{Value, json};
use support::{Raw, Server, settle, within};
use tokio_tungstenite::tungstenite::Message;

async fn server() -> Server {
    Server::start(Config::default()).await
}

/// The next frame, whichever it is; `None` where the server has closed.
async fn frame(raw: &mut Raw) -> Option<Message> {
    loop {
        match within(raw.socket.next()).await {
            Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                raw.send("3").await;
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(frame)) => return Some(frame),
        }
    }
}

#[tokio::test]
async fn a_client_joins_the_main_namespace_with_and_without_a_payload() {
    let server = server().await;
    for connect in ["40", "40{\"token\":\"123\"}", "40{}"] {
        let mut raw = server.raw_session().await;
        raw.send(connect).await;
        let joined = raw.next().await.unwrap();
        if connect.contains("123") {
            // It has no token to compare that one with.
            assert_eq!(joined, r#"44{"message":"Authentication error"}"#);
            continue;
        }
        let joined: Value = serde_json::from_str(joined.strip_prefix("40").unwrap()).unwrap();
        assert!(joined["sid"].as_str().is_some_and(|sid| !sid.is_empty()));
        assert_eq!(joined.as_object().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_namespace_gives_another_name_than_the_transport() {
    let server = server().await;
    let mut one = server.raw_session().await;
    one.send("40").await;
    let one = one.expect("40").await;
    let mut two = server.raw_session().await;
    two.send("40").await;
    assert_ne!(one, two.expect("40").await);
}

#[tokio::test]
async fn another_namespace_is_refused_by_name_and_the_main_one_stays_open() {
    let server = server().await;
    let mut raw = server.raw_session().await;
    raw.send("40/random,").await;
    raw.expect(r#"44/random,{"message":"Invalid namespace"}"#)
        .await;
    raw.send("40/random,{\"a\":1}").await;
    raw.expect(r#"44/random,{"message":"Invalid namespace"}"#)
        .await;
    raw.send("40").await;
    raw.expect("40{").await;
    settle(&mut raw).await;
}

#[tokio::test]
async fn a_first_packet_that_is_no_connect_closes_the_connection() {
    let server = server().await;
    for packet in ["4abc", "42[\"ready\",\"a\"]", "4"] {
        let mut raw = server.raw_session().await;
        raw.send(packet).await;
        assert_eq!(raw.next().await, None, "{packet}");
    }
    assert_eq!(server.connections().await, []);
}

#[tokio::test]
async fn a_client_that_joins_no_namespace_in_time_is_closed() {
    let config = Config {
        handshake: Duration::from_millis(200),
        ..Config::default()
    };
    let server = Server::start(config).await;
    // To leave or to answer is not to join.
    for packet in ["3", "41", "431[]", "40/elsewhere,"] {
        let mut raw = server.raw_session().await;
        raw.send(packet).await;
        if packet.starts_with("40") {
            raw.expect("44/elsewhere,").await;
        }
        assert_eq!(raw.next().await, None, "{packet}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_the_namespace_is_gone() {
    let server = server().await;
    let mut other = server.raw_peer("other").await;
    let mut raw = server.raw_peer("a").await;
    other.event("message").await;
    raw.send("41").await;
    assert_eq!(other.event("message").await["payload"]["action"], "close");
    // What it says now is from nobody.
    raw.send(r#"42["message",{"x":1}]"#).await;
    assert_eq!(raw.next().await, None);
    settle(&mut other).await;
    assert_eq!(server.connections().await.len(), 1);
}

#[tokio::test]
async fn the_namespace_can_be_joined_again_on_the_same_connection() {
    let server = server().await;
    let mut raw = server.raw_peer("a").await;
    raw.send("41").await;
    support::frames::until(async || server.connections().await.is_empty()).await;
    raw.send("40").await;
    raw.expect("40{").await;
    raw.send(r#"42["ready","a"]"#).await;
    raw.event("message").await;
}

#[tokio::test]
async fn an_event_is_relayed_as_it_came() {
    let server = server().await;
    let mut a = server.raw_peer("a").await;
    let mut b = server.raw_peer("b").await;
    a.event("message").await;
    let body =
        r#"{"from":"b","target":"a","payload":[1,"2",{"3":[false]},null,1.50,"이음\u0000"]}"#;
    b.send(&format!(r#"42["messageOne",{body}]"#)).await;
    assert_eq!(a.expect(r#"42["message","#).await, format!("{body}]"));
    b.send(&format!(r#"42["message",{body}]"#)).await;
    assert_eq!(a.expect(r#"42["message","#).await, format!("{body}]"));
}

#[tokio::test]
async fn an_event_that_asks_is_answered_under_its_number() {
    let server = server().await;
    let mut raw = server.raw_peer("a").await;
    for id in ["0", "456", "4294967295"] {
        raw.send(&format!(r#"42{id}["message",{{"from":"a"}}]"#))
            .await;
        let answer = raw.expect(&format!("43{id}")).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer[0]["ok"], true, "{id}");
    }
}

#[tokio::test]
async fn binary_attachments_pass_with_their_event() {
    let server = server().await;
    let mut a = server.raw_peer("a").await;
    let mut b = server.raw_peer("b").await;
    a.event("message").await;
    let body =
        r#"{"target":"a","payload":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}"#;
    b.send(&format!(r#"452-["messageOne",{body}]"#)).await;
    for bytes in [vec![1, 2, 3], vec![4, 5, 6]] {
        b.socket.send(Message::binary(bytes)).await.unwrap();
    }
    let head = a.expect("452-").await;
    let head: Value = serde_json::from_str(&head).unwrap();
    assert_eq!(head[0], "message");
    let place = |num: u64| json!({ "_placeholder": true, "num": num });
    assert_eq!(head[1]["payload"], json!([place(0), place(1)]));
    for bytes in [[1, 2, 3], [4, 5, 6]] {
        assert_eq!(frame(&mut a).await, Some(Message::binary(bytes.to_vec())));
    }
}

#[tokio::test]
async fn a_packet_that_cannot_be_read_ends_the_connection_and_no_other() {
    let server = server().await;
    let mut other = server.raw_peer("other").await;
    for packet in [
        "4abc",
        "42abc",
        "42{}",
        "42[",
        "45abc",
        "48",
        "43[]",
        "42[\"message\"",
    ] {
        let mut raw = server.raw_peer("a").await;
        other.event("message").await;
        raw.send(packet).await;
        assert_eq!(raw.next().await, None, "{packet}");
        let left = other.event("message").await;
        assert_eq!(left["payload"]["action"], "close", "{packet}");
    }
    settle(&mut other).await;
}

#[tokio::test]
async fn a_second_connect_changes_nothing_even_where_it_cannot_be_read() {
    let server = server().await;
    let mut raw = server.raw_peer("a").await;
    for connect in ["40", "40{\"token\":\"x\"}", "40{\"token\":"] {
        raw.send(connect).await;
        settle(&mut raw).await;
    }
    assert_eq!(server.connections().await.len(), 1);
}

#[tokio::test]
async fn an_attachment_that_nobody_announced_ends_the_connection_and_so_does_a_text_in_its_place() {
    let server = server().await;
    let mut raw = server.raw_peer("a").await;
    raw.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(raw.next().await, None);
    let mut raw = server.raw_peer("b").await;
    raw.send("451-[\"message\",{\"_placeholder\":true,\"num\":0}]")
        .await;
    raw.send("42[\"message\",1]").await;
    assert_eq!(raw.next().await, None);
}

#[tokio::test]
async fn an_event_that_nobody_has_is_passed_over() {
    let server = server().await;
    let mut raw = server.raw_peer("a").await;
    raw.send(r#"42["unheard-of",1,2]"#).await;
    raw.send(r#"42["disconnect"]"#).await;
    settle(&mut raw).await;
}
