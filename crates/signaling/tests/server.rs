//! The server as a client sees it that speaks frames: what old clients rely on, and what hostile ones try.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use futures_util::SinkExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use serde_json::{Value, json};
use support::{Server, settle, within};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

async fn http(
    server: &Server,
    method: Method,
    path: &str,
    body: &'static str,
) -> Response<Vec<u8>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", server.address.to_string())
        .header("origin", "http://elsewhere.example")
        .header("access-control-request-method", "POST")
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap();
    let (head, body) = within(sender.send_request(request))
        .await
        .unwrap()
        .into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn ready_is_answered_and_announced_to_the_letter() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw().await;
    alice.send(r#"42["ready","alice","robot"]"#).await;
    let hello = json!({ "from": "all", "target": "alice",
        "payload": { "action": "open", "connections": [], "bePolite": false } });
    assert_eq!(alice.event("message").await, hello);

    let mut bob = server.raw().await;
    bob.send(r#"42["ready","bob"]"#).await;
    let listed = serde_json::to_value(server.connections().await).unwrap();
    let hello = json!({ "from": "all", "target": "bob",
        "payload": { "action": "open", "connections": [listed[0]], "bePolite": false } });
    assert_eq!(bob.event("message").await, hello);
    let listed = serde_json::to_value(server.connections().await).unwrap();
    let news = json!({ "from": "bob", "target": "all",
        "payload": { "action": "open", "connections": [listed[1]], "bePolite": true } });
    assert_eq!(alice.event("message").await, news);

    assert_eq!(listed[0]["peerType"], "robot");
    assert_eq!(
        listed[1].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["peerId", "socketId"]
    );
}

#[tokio::test]
async fn leaving_is_announced_to_the_letter_whichever_way_the_client_goes() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw_peer("alice").await;
    let close = json!({ "from": "bob", "target": "all",
        "payload": { "action": "close", "message": "Peer has left the signaling server" } });
    for way in [
        "socket.io disconnect",
        "engine.io close",
        "websocket close",
        "connection lost",
    ] {
        let mut bob = server.raw_peer("bob").await;
        alice.event("message").await;
        match way {
            "socket.io disconnect" => bob.send("41").await,
            "engine.io close" => bob.send("1").await,
            "websocket close" => bob.socket.close(None).await.unwrap(),
            _ => drop(bob),
        }
        assert_eq!(alice.event("message").await, close, "{way}");
        assert_eq!(server.connections().await.len(), 1, "{way}");
    }
}

#[tokio::test]
async fn a_taken_id_sets_both_fields_and_disconnects() {
    let server = Server::start(Config::default()).await;
    let _owner = server.raw_peer("bob").await;
    let mut late = server.raw().await;
    late.send(r#"42["ready","bob"]"#).await;
    let text = "bob is already connected to the signalling server. Please change your peer ID and try again.";
    assert_eq!(
        late.event("uniquenessError").await,
        json!({ "message": text, "error": text })
    );
    late.expect("41").await;
    assert_eq!(server.connections().await.len(), 1);
    assert_eq!(server.handle.counters().refused(Code::Taken), 1);
}

#[tokio::test]
async fn messages_are_relayed_before_ready_too() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw_peer("alice").await;
    let mut early = server.raw().await;
    early
        .send(r#"42["messageOne",{"from":"early","target":"alice","payload":1}]"#)
        .await;
    assert_eq!(
        alice.event("message").await,
        json!({ "from": "early", "target": "alice", "payload": 1 })
    );
    early
        .send(r#"42["message",{"from":"early","target":"all","payload":2}]"#)
        .await;
    assert_eq!(
        alice.event("message").await,
        json!({ "from": "early", "target": "all", "payload": 2 })
    );
}

#[tokio::test]
async fn bodies_pass_byte_for_byte() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw_peer("alice").await;
    let mut bob = server.raw_peer("bob").await;
    alice.event("message").await;
    let body = r#"{"z":1.50e2,"a":123456789012345678901234567890,"target":"alice","from":"bob","message":{"x":"\u0061\/"},"payload":null,"b":[ 1 ]}"#;
    for event in ["messageOne", "message"] {
        bob.send(&format!(r#"42["{event}",{body}]"#)).await;
        assert_eq!(alice.expect(r#"42["message","#).await, format!("{body}]"));
    }
    bob.send(r#"42["message","just text"]"#).await;
    alice.expect(r#"42["message","just text"]"#).await;
}

#[tokio::test]
async fn binary_attachments_pass() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.raw_peer("alice").await;
    let mut bob = server.raw_peer("bob").await;
    alice.event("message").await;
    let body =
        r#"{"from":"bob","target":"alice","payload":{"b":{"_placeholder":true,"num":0},"a":1}}"#;
    bob.send(&format!(r#"451-["messageOne",{body}]"#)).await;
    bob.socket
        .send(Message::binary(vec![0, 1, 255]))
        .await
        .unwrap();
    let event = alice.expect("451-").await;
    assert_eq!(event, format!(r#"["message",{body}]"#));
    let attachment = within(futures_util::StreamExt::next(&mut alice.socket))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attachment, Message::binary(vec![0, 1, 255]));

    let forged = r#"{"from":"alice","target":"alice","payload":{"_placeholder":true,"num":0}}"#;
    bob.send(&format!(r#"451-["messageOne",{forged}]"#)).await;
    bob.socket.send(Message::binary(vec![7])).await.unwrap();
    settle(&mut bob).await;
    assert_eq!(server.handle.counters().refused(Code::Forged), 1);
}

#[tokio::test]
async fn the_switch_keeps_the_old_behaviour() {
    let server = Server::start(Config {
        check_sender: false,
        ..Config::default()
    })
    .await;
    let mut alice = server.raw_peer("alice").await;
    let mut bob = server.raw_peer("bob").await;
    alice.event("message").await;
    bob.send(r#"42["messageOne",{"from":"alice","target":"alice","payload":1}]"#)
        .await;
    assert_eq!(
        alice.event("message").await,
        json!({ "from": "alice", "target": "alice", "payload": 1 })
    );
}

#[tokio::test]
async fn a_dropped_message_is_acknowledged_where_the_sender_asked() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.raw_peer("bob").await;
    let nobody = json!(["messageOne", { "from": "bob", "target": "nobody" }]);
    let text = "nobody is not connected to the signalling server.";
    assert_eq!(
        bob.ask(0, &nobody).await,
        json!({ "ok": false, "code": "no-such-peer", "error": text })
    );
    bob.send(&format!("42{nobody}")).await;
    let delivered = json!(["messageOne", { "from": "bob", "target": "bob" }]);
    bob.send(&format!("421{delivered}")).await;
    bob.event("message").await;
    bob.expect(r#"431[{"ok":true,"result":"delivered"}]"#).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_bounds_what_waits_for_it() {
    let limits = Limits {
        queue: 4,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut bob = server.raw_peer("bob").await;
    // A polling client that polls no more once it is registered: nothing takes its messages.
    let open = http(
        &server,
        Method::GET,
        "/socket.io/?EIO=4&transport=polling",
        "",
    )
    .await;
    let open: Value = serde_json::from_slice(&open.body()[1..]).unwrap();
    let session = format!(
        "/socket.io/?EIO=4&transport=polling&sid={}",
        open["sid"].as_str().unwrap()
    );
    http(&server, Method::POST, &session, "40").await;
    while !http(&server, Method::GET, &session, "")
        .await
        .body()
        .windows(2)
        .any(|two| two == b"40")
    {}
    http(&server, Method::POST, &session, r#"42["ready","deaf"]"#).await;
    bob.event("message").await;
    let said = json!(["messageOne", { "from": "bob", "target": "deaf" }]);
    let mut codes = Vec::new();
    for n in 0..10 {
        codes.push(bob.ask(n, &said).await["code"].clone());
    }
    assert_eq!(codes[9], "full", "{codes:?}");
    assert!(server.handle.counters().overflowed > 0);
}

#[tokio::test]
async fn connections_lists_the_peers_and_is_not_open_to_other_origins() {
    let server = Server::start(Config::default()).await;
    let _alice = server.raw_peer("alice").await;
    let response = http(&server, Method::GET, "/connections", "").await;
    assert_eq!(response.status(), 200);
    let listed: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(
        listed,
        serde_json::to_value(server.connections().await).unwrap()
    );
    assert_eq!(listed[0]["peerId"], "alice");
    assert!(
        listed[0]["socketId"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test]
async fn socket_io_is_open_to_every_origin() {
    let server = Server::start(Config::default()).await;
    for (method, path) in [
        (Method::GET, "/socket.io/?EIO=4&transport=polling"),
        (Method::GET, "/socket.io?EIO=4&transport=polling"),
        (Method::OPTIONS, "/socket.io/?EIO=4&transport=polling"),
    ] {
        let response = http(&server, method.clone(), path, "").await;
        assert_eq!(response.status(), 200, "{method} {path}");
        assert_eq!(
            response.headers()["access-control-allow-origin"],
            "*",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn the_router_merges_with_its_owners() {
    let (router, _handle) = ieum_signaling::server::router(Config::default());
    let _ = axum::Router::new()
        .route("/", axum::routing::get(|| async { "page" }))
        .fallback(|| async { "none" })
        .merge(router);
}
