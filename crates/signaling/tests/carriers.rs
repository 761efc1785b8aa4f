//! The WebSocket and HTTP carriers as a client sees them that speaks frames, and peers on different carriers.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use hyper::Method;
use ieum_signaling::protocol::Code;
use ieum_signaling::server::Config;
use serde_json::{Value, json};
use support::Server;
use support::frames::{Http, Ws, call, request};

fn to(from: &str, target: &str, payload: Value) -> Value {
    json!({ "from": from, "target": target, "payload": payload })
}

#[tokio::test]
async fn a_peer_on_one_carrier_reaches_a_peer_on_another() {
    let server = Server::start(Config::default()).await;
    let mut io = server.raw_peer("io").await;
    let (mut ws, joined) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    assert_eq!(joined["peers"][0]["peerId"], "io");
    io.event("message").await;
    let http = Http::join(&server, json!({ "peer": "http", "peerType": "robot" })).await;
    assert_eq!(http.joined["peers"][1]["peerId"], "ws");
    assert_eq!(
        io.event("message").await["payload"]["connections"][0]["peerType"],
        "robot"
    );
    assert_eq!(ws.expect("message").await["message"]["from"], "http");
    let mut events = http.events(&server, None).await;
    events.expect("joined").await;

    let body = json!({ "type": "offer", "sdp": "이음 🎈\u{2028}".repeat(3000) });
    for target in ["ws", "http"] {
        io.send(&format!(
            "42{}",
            json!(["messageOne", to("io", target, body.clone())])
        ))
        .await;
    }
    for target in ["io", "http"] {
        assert_eq!(
            ws.say(target, to("ws", target, body.clone())).await["result"],
            "delivered"
        );
    }
    for target in ["io", "ws"] {
        let frame = json!({ "type": "send", "message": to("http", target, body.clone()) });
        let (status, reply) = http.post(&server, frame).await;
        assert_eq!(
            (status.as_u16(), &reply),
            (200, &json!({ "ok": true, "result": "delivered" }))
        );
    }
    assert_eq!(io.event("message").await, to("ws", "io", body.clone()));
    assert_eq!(io.event("message").await, to("http", "io", body.clone()));
    // The one from `io` came before the acknowledgements, which `say` passes over.
    assert_eq!(
        ws.expect("message").await["message"],
        to("http", "ws", body.clone())
    );
    let heard = [
        events.expect("message").await,
        events.expect("message").await,
    ];
    let mut from = heard.map(|frame| frame["message"]["from"].as_str().unwrap().to_owned());
    from.sort();
    assert_eq!(from, ["io", "ws"]);
}

#[tokio::test]
async fn everybody_in_the_room_hears_a_broadcast_and_nobody_else() {
    let server = Server::start(Config::default()).await;
    let mut common = server.raw_peer("a").await;
    let (mut a, _) = Ws::peer(&server, json!({ "peer": "a", "room": "r" })).await;
    let (mut b, _) = Ws::peer(&server, json!({ "peer": "b", "room": "r" })).await;
    let mut io = server.raw_session().await;
    io.send(r#"40{"room":"r"}"#).await;
    io.expect("40").await;
    let all = to("a", "all", json!(1));
    a.send(&json!({ "type": "broadcast", "id": "1", "message": all }))
        .await;
    assert_eq!(b.said().await["message"], all);
    assert_eq!(io.event("message").await, all);
    assert_eq!(server.handle.connections("r").await.len(), 2);
    assert_eq!(server.connections().await.len(), 1);
    let lost = a.say("2", to("a", "c", json!(0))).await;
    assert_eq!(lost["code"], "no-such-peer");
    support::settle(&mut common).await;
}

#[tokio::test]
async fn bodies_pass_byte_for_byte_on_every_carrier() {
    let server = Server::start(Config::default()).await;
    let body = r#"{"z":1.50e2,"a":123456789012345678901234567890,"target":"io","from":"ws","message":{"x":"\u0061\/"},"payload":null,"b":[ 1 ]}"#;
    let mut io = server.raw_peer("io").await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    io.event("message").await;
    ws.text(&format!(r#"{{"type":"send","message":{body}}}"#))
        .await;
    assert_eq!(io.expect(r#"42["message","#).await, format!("{body}]"));
    let back = body
        .replace(r#""io""#, r#""ws""#)
        .replace(r#""from":"ws""#, r#""from":"io""#);
    io.send(&format!(r#"42["messageOne",{back}]"#)).await;
    let text = support::within(futures_util::StreamExt::next(&mut ws.socket))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        text.to_text().unwrap(),
        format!(r#"{{"type":"message","seq":1,"message":{back}}}"#)
    );
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_in_order_and_once() {
    let server = Server::start(Config::default()).await;
    let (mut bob, _) = Ws::peer(&server, json!({ "peer": "bob" })).await;
    let (mut alice, joined) = Ws::peer(&server, json!({ "peer": "alice", "resume": true })).await;
    assert_eq!(joined["resumeFor"], 30);
    let token = joined["resume"].as_str().unwrap();
    bob.expect("message").await;
    for n in 1..=3 {
        bob.say(&n.to_string(), to("bob", "alice", json!(n))).await;
        assert_eq!(alice.said().await["seq"], n);
    }
    // It has read two of the three, and vanishes.
    drop(alice);
    let mut n = 3;
    while server.handle.counters().queued < 2 {
        n += 1;
        bob.say(&n.to_string(), to("bob", "alice", json!(n))).await;
    }
    let claim = json!({ "token": token, "seq": 2 });
    let (mut alice, joined) = Ws::peer(&server, json!({ "peer": "alice", "resume": claim })).await;
    assert_eq!(
        (&joined["resumed"], &joined["resume"]),
        (&json!(true), &json!(token))
    );
    for wanted in 3..=n {
        let frame = alice.said().await;
        assert_eq!(
            (&frame["seq"], &frame["message"]["payload"]),
            (&json!(wanted), &json!(wanted))
        );
    }
    bob.say("last", to("bob", "alice", json!("last"))).await;
    assert_eq!(alice.said().await["message"]["payload"], "last");
    assert_eq!(server.handle.counters().resumed, 1);
}

#[tokio::test]
async fn a_ghosts_owner_returns_at_once_and_nobody_else_can() {
    let server = Server::start(Config::default()).await;
    let (mut ghost, joined) = Ws::peer(&server, json!({ "peer": "alice", "resume": true })).await;
    for claim in [json!(true), json!({ "token": "0".repeat(32) })] {
        let (mut thief, refused) =
            Ws::join(&server, json!({ "peer": "alice", "resume": claim })).await;
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("refused"), &json!("taken"))
        );
        assert_eq!(thief.closed().await, Some(1008));
    }
    // The network has vanished without a word: the old connection still looks alive.
    let claim = json!({ "token": joined["resume"] });
    let (_alice, joined) = Ws::peer(&server, json!({ "peer": "alice", "resume": claim })).await;
    assert_eq!(joined["resumed"], true);
    assert_eq!(ghost.expect("goodbye").await["code"], "replaced");
    assert_eq!(server.connections().await.len(), 1);
}

#[tokio::test]
async fn who_does_not_come_back_is_gone_and_the_senders_are_told() {
    let config = Config {
        resume: std::time::Duration::from_millis(300),
        ..Config::default()
    };
    let server = Server::start(config).await;
    let mut old = server.raw_peer("old").await;
    let (mut bob, _) = Ws::peer(&server, json!({ "peer": "bob", "resume": true })).await;
    let (alice, _) = Ws::peer(&server, json!({ "peer": "alice", "resume": true })).await;
    old.event("message").await;
    old.event("message").await;
    bob.expect("message").await;
    drop(alice);
    let reply = bob.say("7", to("bob", "alice", json!(1))).await;
    assert_eq!(reply["ok"], true);
    let close = bob.expect("message").await;
    assert_eq!(close["message"]["payload"]["action"], "close");
    let lost = bob.expect("undelivered").await;
    let wanted = json!({ "type": "undelivered", "seq": 3, "id": "7", "to": "alice", "code": "gone",
        "error": "alice did not come back for the message." });
    assert_eq!(lost, wanted);
    assert_eq!(old.event("message").await["payload"]["action"], "close");
}

#[tokio::test]
async fn a_message_id_is_handled_once() {
    let server = Server::start(Config::default()).await;
    let http = Http::join(&server, json!({ "peer": "http" })).await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    for _ in 0..3 {
        let frame = json!({ "type": "send", "id": "once", "message": to("http", "ws", json!(1)) });
        assert_eq!(http.post(&server, frame).await.1["ok"], true);
    }
    let frame = json!({ "type": "send", "id": "twice", "message": to("http", "ws", json!(2)) });
    http.post(&server, frame).await;
    assert_eq!(ws.said().await["message"]["payload"], 1);
    assert_eq!(ws.said().await["message"]["payload"], 2);
    assert_eq!(server.handle.counters().repeated, 2);
}

#[tokio::test]
async fn events_resume_after_the_last_one_that_was_read() {
    let server = Server::start(Config::default()).await;
    let http = Http::join(&server, json!({ "peer": "http" })).await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    for n in 2..=4 {
        let reply = ws.say(&n.to_string(), to("ws", "http", json!(n))).await;
        assert_eq!(reply["result"], "queued");
    }
    let mut events = http.events(&server, None).await;
    events.expect("joined").await;
    for seq in 1..=4 {
        assert_eq!(events.expect("message").await["seq"], seq);
    }
    let mut again = http.events(&server, Some(3)).await;
    again.expect("joined").await;
    assert_eq!(again.expect("message").await["seq"], 4);
    assert_eq!(events.expect("goodbye").await["code"], "replaced");
    assert!(events.next().await.is_none());
    let (status, _) = call(
        &server,
        Method::DELETE,
        &format!("/signal/{}", http.token),
        Value::Null,
    )
    .await;
    assert_eq!(status, 200);
    assert!(again.next().await.is_none());
    assert_eq!(
        ws.expect("message").await["message"]["payload"]["action"],
        "close"
    );
    let (status, reply) = http.post(&server, json!({ "type": "leave" })).await;
    assert_eq!(
        (status.as_u16(), &reply["code"]),
        (404, &json!("no-session"))
    );
}

#[tokio::test]
async fn a_socket_io_client_asks_for_the_same_things() {
    let server = Server::start(Config::default()).await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    let mut io = server.raw_session().await;
    io.send(r#"40{"resume":true}"#).await;
    io.expect("40").await;
    let joined = io.ask(1, &json!(["ready", "io"])).await;
    assert_eq!(
        (&joined["ok"], &joined["peer"], &joined["resumed"]),
        (&json!(true), &json!("io"), &json!(false))
    );
    assert_eq!(io.event("message").await["payload"]["bePolite"], false);
    ws.say("1", to("ws", "io", json!(1))).await;
    io.expect(r#"42["message",{"from":"ws","payload":1,"target":"io"},1]"#)
        .await;
    drop(io);
    let mut n = 1;
    while server.handle.counters().queued == 0 {
        n += 1;
        ws.say(&n.to_string(), to("ws", "io", json!(n))).await;
    }
    let mut io = server.raw_session().await;
    io.send(&format!(
        "40{}",
        json!({ "resume": { "token": joined["resume"], "seq": 1 } })
    ))
    .await;
    io.expect("40").await;
    io.send(r#"421["ready","io"]"#).await;
    let joined: Value = serde_json::from_str(&io.expect("431").await).unwrap();
    assert_eq!(joined[0]["resumed"], true);
    for seq in 2..=n {
        let message = to("ws", "io", json!(seq));
        io.expect(&format!(r#"42["message",{message},{seq}]"#))
            .await;
    }
    io.send(&format!(r#"42["received",{n}]"#)).await;
    io.send(r#"42["leave"]"#).await;
    assert_eq!(io.event("goodbye").await["code"], "left");
    io.expect("41").await;
    support::frames::until(async || server.connections().await.len() == 1).await;
}

#[tokio::test]
async fn a_refusal_says_its_name_on_every_carrier() {
    let config = Config {
        token: Some("right".into()),
        ..Config::default()
    };
    let server = Server::start(config).await;
    for token in [json!(null), json!("wrong")] {
        let join = json!({ "peer": "a", "token": token });
        let (mut ws, refused) = Ws::join(&server, join.clone()).await;
        let wanted =
            json!({ "type": "refused", "code": "unauthorized", "error": "Authentication error" });
        assert_eq!(refused, wanted);
        assert_eq!(ws.closed().await, Some(1008));
        let (status, refused) = call(&server, Method::POST, "/signal", join).await;
        assert_eq!(
            (status.as_u16(), &refused["code"]),
            (401, &json!("unauthorized"))
        );
    }
    let bearer = [("authorization", "Bearer right")];
    let join = json!({ "peer": "a" }).to_string();
    assert_eq!(
        request(&server, Method::POST, "/signal", &bearer, join)
            .await
            .status(),
        200
    );
    for (join, code) in [
        (json!({ "peer": "" }), "malformed"),
        (json!({ "peer": "x".repeat(257) }), "malformed"),
        (json!({ "peer": "b", "room": "x".repeat(257) }), "malformed"),
        (
            json!({ "peer": "b", "peerType": "x".repeat(300) }),
            "malformed",
        ),
        (json!({ "peer": "all" }), "reserved"),
        (json!({ "peer": "a" }), "taken"),
        (json!({}), "malformed"),
    ] {
        let mut join = join;
        join["token"] = json!("right");
        let (_, refused) = Ws::join(&server, join.clone()).await;
        assert_eq!(refused["code"], code, "{join}");
        let (status, refused) = call(&server, Method::POST, "/signal", join.clone()).await;
        assert_eq!(refused["code"], code, "{join}");
        assert_ne!(status, 200);
    }
}

#[tokio::test]
async fn what_is_no_frame_is_told_and_changes_nothing() {
    let server = Server::start(Config::default()).await;
    let mut first = Ws::open(&server).await;
    first.text(r#"{"type":"send","message":1}"#).await;
    assert_eq!(first.expect("refused").await["code"], "not-joined");
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    for (text, code) in [
        ("", "malformed"),
        ("{}", "malformed"),
        (r#"{"type":"join","peer":"b"}"#, "malformed"),
        (r#"{"type":"send","message":1}"#, "no-target"),
        (
            r#"{"type":"send","message":{"from":"x","target":"ws"}}"#,
            "forged",
        ),
        (
            r#"{"type":"send","message":{"target":"ws","target":"b"}}"#,
            "malformed",
        ),
        (r#"{"type":"broadcast","message":{"from":"all"}}"#, "forged"),
    ] {
        ws.text(text).await;
        assert_eq!(ws.expect("error").await["code"], code, "{text}");
    }
    let http = Http::join(&server, json!({ "peer": "http" })).await;
    for (frame, status) in [
        (json!({}), 400),
        (json!({ "type": "join", "peer": "x" }), 400),
        (
            json!({ "type": "send", "message": { "from": "x", "target": "ws" } }),
            403,
        ),
        (
            json!({ "type": "send", "message": to("http", "nobody", json!(1)) }),
            200,
        ),
        (
            json!({ "type": "send", "message": to("http", "ws", json!("x".repeat(70_000))) }),
            413,
        ),
    ] {
        let (got, reply) = http.post(&server, frame).await;
        assert_eq!(
            (got.as_u16(), &reply["ok"]),
            (status, &json!(false)),
            "{reply}"
        );
    }
    assert_eq!(server.handle.counters().refused(Code::Forged), 3);
}

#[tokio::test]
async fn a_shutdown_tells_everybody_to_come_back() {
    let server = Server::start(Config::default()).await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws", "resume": true })).await;
    let http = Http::join(&server, json!({ "peer": "http" })).await;
    let mut events = http.events(&server, Some(9)).await;
    events.expect("joined").await;
    ws.expect("message").await;
    support::within(server.handle.shutdown()).await;
    let goodbye = ws.expect("goodbye").await;
    assert_eq!(goodbye["code"], "restart");
    assert!(goodbye["reconnectAfterMs"].as_u64().is_some());
    assert_eq!(ws.closed().await, Some(1012));
    assert_eq!(events.expect("goodbye").await["code"], "restart");
    assert_eq!(
        request(&server, Method::GET, "/ready", &[], String::new())
            .await
            .status(),
        503
    );
    let (_, refused) = Ws::join(&server, json!({ "peer": "late" })).await;
    assert_eq!(refused["code"], "restart");
}
