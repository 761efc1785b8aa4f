//! What hostile clients try, and what stops them.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use futures_util::SinkExt;
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use serde_json::{Value, json};
use support::{Raw, Server, settle, within};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn a_forged_sender_is_dropped_counted_and_told() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw_peer("alice").await;
    let mut mallory = server.raw_peer("mallory").await;
    alice.event("message").await;
    let mut stranger = server.raw().await;
    let names = [json!("alice"), json!("all"), json!(7), json!({ "x": 1 })];
    let refusal = json!({ "ok": false, "code": "forged",
        "error": "The message names a sender that is not its own." });
    for client in [&mut mallory, &mut stranger] {
        for from in &names {
            for event in ["message", "messageOne"] {
                let said = json!([event, { "from": from, "target": "alice", "payload": "forged" }]);
                assert_eq!(client.ask(1, &said).await, refusal);
            }
        }
    }
    let forged = 2 * 2 * names.len() as u64;
    mallory
        .send(r#"42["messageOne",{"target":"alice","payload":"unsigned"}]"#)
        .await;
    assert_eq!(
        alice.event("message").await["payload"],
        "unsigned",
        "no forged one came before it"
    );
    assert_eq!(server.handle.counters().refused(Code::Forged), forged);
}

#[tokio::test]
async fn hostile_registrations_are_refused_and_counted() {
    let server = Server::start(Config::default()).await;
    let long = "x".repeat(257);
    let hostile = [
        json!(["ready"]),
        json!(["ready", 7]),
        json!(["ready", null]),
        json!(["ready", ""]),
        json!(["ready", ["a", "b"]]),
        json!(["ready", { "peerId": "a" }]),
        json!(["ready", long]),
        json!(["ready", "a", "y".repeat(10_000)]),
    ];
    for event in &hostile {
        let mut raw = server.raw().await;
        raw.send(&format!("42{event}")).await;
        let refusal = raw.event("uniquenessError").await;
        assert!(
            refusal["error"]
                .as_str()
                .is_some_and(|text| text.starts_with("A peer ")),
            "{event}: {refusal}"
        );
        raw.expect("41").await;
    }
    assert_eq!(server.connections().await, []);
    assert_eq!(
        server.handle.counters().refused(Code::Malformed),
        hostile.len() as u64
    );
    server.raw_peer(&"é".repeat(128)).await;
}

#[tokio::test]
async fn messages_that_lack_what_they_need_are_dropped_and_counted() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.raw_peer("bob").await;
    let cases = [
        ("malformed", json!(["messageOne"])),
        ("malformed", json!(["message"])),
        ("no-target", json!(["messageOne", {}])),
        ("no-target", json!(["messageOne", "text"])),
        ("no-target", json!(["messageOne", null])),
        ("no-target", json!(["messageOne", { "target": 7 }])),
        (
            "no-target",
            json!(["messageOne", { "target": { "a": [] } }]),
        ),
    ];
    for (code, event) in &cases {
        let reply = bob.ask(5, event).await;
        assert_eq!(reply["code"], *code, "{event}");
    }
    bob.send(r#"426["messageOne",{"target":"a","target":"b"}]"#)
        .await;
    assert!(bob.expect("436").await.contains("malformed"));
    assert_eq!(server.handle.counters().refused(Code::Malformed), 3);
    assert_eq!(server.handle.counters().refused(Code::NoTarget), 5);
}

#[tokio::test]
async fn no_frame_brings_the_server_down() {
    let server = Server::start(Config::default()).await;
    let deep = format!(
        r#"42["message",{}{}]"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let many = format!("42[{}1]", "1,".repeat(100_000));
    let frames = [
        "",
        "4",
        "42",
        "42[",
        "42[]",
        "42{}",
        "42[7]",
        "42null",
        "42[\"ready\"",
        "42[\"ready\",\"\\ud800\"]",
        "43",
        "431[]",
        "44{}",
        "45",
        "451-[\"message\"]",
        "459999999999-[]",
        "46",
        "40/",
        "40/x,",
        "40{\"token\":",
        "40[]",
        "5",
        "6",
        "9",
        "x",
        "é",
        "\0",
        "42/x,[\"ready\",\"a\"]",
        "42[\"disconnect\"]",
        "42[\"connect\"]",
        "42[\"__proto__\",{}]",
        &deep,
        &many,
    ];
    for frame in frames {
        for joined in [false, true] {
            let mut raw = if joined {
                server.raw().await
            } else {
                server.raw_session().await
            };
            let _ = raw.socket.send(Message::text(frame)).await;
            let _ = raw
                .socket
                .send(Message::binary(frame.as_bytes().to_vec()))
                .await;
        }
    }
    let mut bob = server.raw_peer("bob").await;
    settle(&mut bob).await;
}

/// A server that takes 10,000 bytes, and two peers who know of each other.
async fn narrow() -> (Server, Raw, Raw) {
    let limits = Limits {
        message_bytes: 10_000,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut alice = server.raw_peer("alice").await;
    let bob = server.raw_peer("bob").await;
    alice.event("message").await;
    (server, alice, bob)
}

fn of_length(bytes: usize) -> Value {
    json!(["messageOne", { "target": "alice", "payload": "x".repeat(bytes) }])
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_name() {
    let (server, mut alice, mut bob) = narrow().await;
    assert_eq!(bob.ask(1, &of_length(9_000)).await["ok"], true);
    alice.event("message").await;
    assert_eq!(bob.ask(2, &of_length(10_000)).await["code"], "too-long");
    assert_eq!(server.handle.counters().refused(Code::TooLong), 1);
    settle(&mut bob).await;
}

#[tokio::test]
async fn a_message_far_over_the_limit_closes_its_sender_only() {
    let (_server, mut alice, mut bob) = narrow().await;
    // The server may hang up before it has read the end.
    let _ = bob
        .socket
        .send(Message::text(format!("42{}", of_length(30_000))))
        .await;
    assert_eq!(alice.event("message").await["payload"]["action"], "close");
    assert_eq!(bob.next().await, None);
}

#[tokio::test]
async fn a_message_in_fragments_counts_as_a_whole() {
    let (_server, mut alice, mut bob) = narrow().await;
    let middle = "x".repeat(15_000);
    for (part, kind) in [
        (r#"42["message",""#, Data::Text),
        (&middle, Data::Continue),
        (&middle, Data::Continue),
        ("\"]", Data::Continue),
    ] {
        let frame = Frame::message(part.to_owned(), OpCode::Data(kind), part.ends_with(']'));
        // The server may hang up before it has read the end.
        let _ = bob.socket.send(Message::Frame(frame)).await;
    }
    assert_eq!(alice.event("message").await["payload"]["action"], "close");
}

#[tokio::test]
async fn the_number_of_clients_is_bounded_and_places_become_free() {
    let limits = Limits {
        clients: 2,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut first = server.raw_peer("a").await;
    let second = server.raw().await;
    let mut third = server.raw_session().await;
    third.send("40").await;
    third
        .expect(r#"44{"message":"The signalling server is full"}"#)
        .await;
    assert_eq!(server.handle.counters().refused(Code::ServerFull), 1);
    drop(second);
    // Its place is free once the server has seen it go.
    within(async {
        loop {
            let mut next = server.raw_session().await;
            next.send("40").await;
            if next
                .next()
                .await
                .is_some_and(|packet| packet.starts_with("40"))
            {
                break;
            }
        }
    })
    .await;
    settle(&mut first).await;
}

#[tokio::test]
async fn one_client_cannot_fill_the_registry() {
    let server = Server::start(Config::default()).await;
    let mut greedy = server.raw().await;
    for n in 0..8 {
        greedy.send(&format!(r#"42["ready","{n}"]"#)).await;
        greedy.event("message").await;
    }
    greedy.send(r#"42["ready","more"]"#).await;
    assert!(
        greedy.event("uniquenessError").await["error"]
            .as_str()
            .unwrap()
            .contains("8 peer IDs")
    );
    greedy.expect("41").await;
    assert_eq!(server.connections().await, []);
}
