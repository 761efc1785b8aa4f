//! What one client may take, and what a breach costs: itself alone.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use hyper::Method;
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use serde_json::{Value, json};
use support::Server;
use support::frames::{Ws, call};

fn to(from: &str, target: &str, payload: Value) -> Value {
    json!({ "from": from, "target": target, "payload": payload })
}

#[tokio::test]
async fn who_talks_too_fast_is_told_so_and_the_others_do_not_notice() {
    let limits = Limits {
        rate: 1,
        burst: 3,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let (mut fast, _) = Ws::peer(&server, json!({ "peer": "fast" })).await;
    let (mut calm, _) = Ws::peer(&server, json!({ "peer": "calm" })).await;
    let mut codes = Vec::new();
    for n in 0..6 {
        let reply = fast.say(&n.to_string(), to("fast", "calm", json!(n))).await;
        codes.push(reply["code"].as_str().unwrap_or("").to_owned());
    }
    assert_eq!(codes[..3], ["", "", ""]);
    assert!(
        codes[3..].iter().filter(|code| *code == "too-fast").count() >= 2,
        "{codes:?}"
    );
    assert_eq!(
        calm.say("1", to("calm", "fast", json!(1))).await["ok"],
        true
    );
    assert!(server.handle.counters().refused(Code::TooFast) >= 2);
}

#[tokio::test]
async fn a_slow_reader_costs_its_own_queue_and_its_senders_are_told() {
    let limits = Limits {
        queue: 8,
        rate: 0,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let (_deaf, _) = Ws::peer(&server, json!({ "peer": "deaf", "resume": true })).await;
    let (mut other, _) = Ws::peer(&server, json!({ "peer": "other" })).await;
    let (mut bob, _) = Ws::peer(&server, json!({ "peer": "bob" })).await;
    let mut full = 0;
    for n in 0..20 {
        let reply = bob
            .say(&n.to_string(), to("bob", "deaf", json!("x".repeat(1000))))
            .await;
        full += u32::from(reply["code"] == "full");
    }
    // Two of its eight places are taken by the news that the others have come.
    assert_eq!(full, 14);
    assert_eq!(
        bob.say("x", to("bob", "other", json!("hi"))).await["ok"],
        true
    );
    assert_eq!(other.said().await["message"]["payload"], "hi");
}

#[tokio::test]
async fn rooms_and_the_server_are_bounded() {
    let limits = Limits {
        clients: 3,
        room_clients: 2,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut inside = Vec::new();
    for peer in ["a", "b"] {
        inside.push(Ws::peer(&server, json!({ "peer": peer, "room": "r" })).await);
    }
    let (_, refused) = Ws::join(&server, json!({ "peer": "c", "room": "r" })).await;
    assert_eq!(refused["code"], "room-full");
    support::frames::until(async || {
        let (_, joined) = Ws::join(&server, json!({ "peer": "c", "room": "s" })).await;
        joined["type"] == "joined"
    })
    .await;
    let http = [
        json!({ "peer": "d", "room": "t" }),
        json!({ "peer": "e", "room": "t" }),
    ];
    let mut codes = Vec::new();
    for join in http {
        codes.push(call(&server, Method::POST, "/signal", join).await.1["code"].clone());
    }
    assert_eq!(codes[1], "server-full");
}
