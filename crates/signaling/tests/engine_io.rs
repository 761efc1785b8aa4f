//! Engine.IO 4 on the wire: what the protocol's own suite asks of a server, and what its text says beside. Sessions on polling, on
//! WebSocket, and over the upgrade from one to the other: what ends them, and what bounds them.
//!
//! Packets that an application would send are Socket.IO's here: `40` joins the namespace, and is answered.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::Method;
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use serde_json::{Value, json};
use support::frames::{request, until};
use support::{Raw, Server, settle, within};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// A session that polls, from a client that speaks HTTP.
struct Polling<'a> {
    server: &'a Server,
    path: String,
    open: Value,
}

impl<'a> Polling<'a> {
    async fn open(server: &'a Server) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling";
        let (status, body) = get(server, path).await;
        assert_eq!(status, 200, "{body}");
        let open: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        let id = open["sid"].as_str().unwrap();
        Self {
            server,
            path: format!("{path}&sid={id}"),
            open,
        }
    }

    /// A session in the namespace.
    async fn joined(server: &'a Server) -> Self {
        let session = Self::open(server).await;
        assert_eq!(session.post("40").await, (200, "ok".into()));
        assert!(session.poll().await.1.starts_with("40{"));
        session
    }

    async fn poll(&self) -> (u16, String) {
        get(self.server, &self.path).await
    }

    async fn post(&self, body: &str) -> (u16, String) {
        let sent = request(self.server, Method::POST, &self.path, &[], body.to_owned());
        let response = sent.await;
        let status = response.status().as_u16();
        let body = within(response.into_body().collect()).await.unwrap();
        (status, String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    async fn web_socket(&self) -> Result<Raw, ()> {
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let path = self.path.replace("polling", "websocket");
        let url = format!("ws://{}{path}", self.server.address);
        let (socket, _) = within(client_async(url, stream)).await.map_err(drop)?;
        Ok(Raw { socket })
    }
}

async fn get(server: &Server, path: &str) -> (u16, String) {
    let response = request(server, Method::GET, path, &[], String::new()).await;
    let status = response.status().as_u16();
    let body = within(response.into_body().collect()).await.unwrap();
    (status, String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

/// A server that pings quickly, and leaves time for the answer.
fn quick() -> Config {
    Config {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_secs(1),
        ..Config::default()
    }
}

#[tokio::test]
async fn a_request_that_opens_nothing_is_told_why() {
    let server = Server::start(Config::default()).await;
    for (method, query, code) in [
        (Method::GET, "", 5),
        (Method::GET, "EIO=abc&transport=polling", 5),
        (Method::GET, "EIO=3&transport=polling", 5),
        (Method::GET, "EIO=5&transport=polling", 5),
        (Method::GET, "transport=polling", 5),
        (Method::GET, "transport=websocket", 5),
        (Method::GET, "EIO=4", 0),
        (Method::GET, "EIO=4&transport=abc", 0),
        (Method::GET, "EIO=4&transport=polling&sid=abc", 1),
        (Method::GET, "EIO=4&transport=polling&sid=", 1),
        (Method::GET, "EIO=4&transport=websocket&sid=abc", 1),
        (Method::POST, "EIO=4&transport=polling", 2),
        (Method::PUT, "EIO=4&transport=polling", 2),
        (Method::DELETE, "EIO=4&transport=polling", 2),
        (Method::PUT, "EIO=4&transport=polling&sid=abc", 3),
    ] {
        let path = format!("/socket.io/?{query}");
        let response = request(&server, method.clone(), &path, &[], String::new()).await;
        assert_eq!(response.status(), 400, "{method} {query}");
        let body = within(response.into_body().collect()).await.unwrap();
        let told: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        assert_eq!(told["code"], code, "{method} {query}");
    }
    let no_upgrade = get(&server, "/socket.io/?EIO=4&transport=websocket").await;
    assert_eq!(no_upgrade.0, 400);
}

#[tokio::test]
async fn the_open_packet_says_what_the_server_does() {
    let server = Server::start(Config::default()).await;
    let open = Polling::open(&server).await.open;
    let bytes = 2 * Limits::default().message_bytes + 4096;
    assert_eq!(open["upgrades"], json!(["websocket"]));
    assert_eq!(open["pingInterval"], 25_000);
    assert_eq!(open["pingTimeout"], 20_000);
    assert_eq!(open["maxPayload"], bytes);
    assert_ne!(open["sid"], Polling::open(&server).await.open["sid"]);
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        server.address
    );
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (socket, _) = within(client_async(url, stream)).await.unwrap();
    let told = Raw { socket }.expect("0").await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["upgrades"], json!([]), "it has nothing to upgrade to");
    assert_eq!(told["pingInterval"], open["pingInterval"]);
}

#[tokio::test]
async fn several_packets_travel_in_one_payload_and_python_s_limit_is_kept() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.raw_peer("bob").await;
    let session = Polling::joined(&server).await;
    session.post("42[\"ready\",\"polls\"]").await;
    assert!(session.poll().await.1.contains("\"bePolite\":false"));
    bob.event("message").await;
    let two = "42[\"messageOne\",{\"target\":\"bob\",\"n\":1}]\x1e42[\"messageOne\",{\"target\":\"bob\",\"n\":2}]";
    assert_eq!(session.post(two).await.0, 200);
    assert_eq!(bob.event("message").await["n"], 1);
    assert_eq!(bob.event("message").await["n"], 2);
    for n in 0..40 {
        bob.send(&format!(r#"42["messageOne",{{"target":"polls","n":{n}}}]"#))
            .await;
    }
    settle(&mut bob).await;
    let mut got = Vec::new();
    while got.len() < 40 {
        let payload = session.poll().await.1;
        let packets: Vec<&str> = payload.split('\x1e').collect();
        assert!(packets.len() <= 16, "{}", packets.len());
        let told = packets.iter().filter(|packet| packet.contains("\"n\":"));
        got.extend(told.map(|packet| (*packet).to_owned()));
    }
    for (n, packet) in got.iter().enumerate() {
        assert_eq!(
            packet,
            &format!(r#"42["message",{{"target":"polls","n":{n}}}]"#)
        );
    }
}

#[tokio::test]
async fn attachments_travel_in_base64_where_a_client_polls() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.raw_peer("bob").await;
    let session = Polling::joined(&server).await;
    let body = r#"{"target":"bob","payload":{"_placeholder":true,"num":0}}"#;
    let sent = format!("451-[\"messageOne\",{body}]\x1ebAAH/");
    assert_eq!(session.post(&sent).await.0, 200);
    assert_eq!(bob.expect("451-").await, format!(r#"["message",{body}]"#));
    let bytes = within(bob.socket.next()).await.unwrap().unwrap();
    assert_eq!(bytes, Message::binary(vec![0, 1, 255]));
    session.post("42[\"ready\",\"polls\"]").await;
    while !session.poll().await.1.contains("bePolite") {}
    bob.send(r#"451-["messageOne",{"target":"polls","payload":{"_placeholder":true,"num":0}}]"#)
        .await;
    bob.socket
        .send(Message::binary(vec![0, 1, 255]))
        .await
        .unwrap();
    let payload = session.poll().await.1;
    assert!(
        payload.starts_with("451-") && payload.ends_with("\x1ebAAH/"),
        "{payload}"
    );
}

#[tokio::test]
async fn a_second_poll_at_once_closes_the_session() {
    let server = Server::start(Config::default()).await;
    let session = Polling::open(&server).await;
    let mut polls = tokio::join!(session.poll(), session.poll());
    if polls.0.0 != 200 {
        polls = (polls.1, polls.0);
    }
    assert_eq!(polls.0, (200, "1".into()));
    assert_eq!(polls.1.0, 400);
    assert_eq!(session.poll().await.0, 400);
}

#[tokio::test]
async fn a_poll_that_is_given_up_closes_the_session_and_frees_the_id() {
    let server = Server::start(Config::default()).await;
    let session = Polling::joined(&server).await;
    session.post("42[\"ready\",\"polls\"]").await;
    session.poll().await;
    {
        let poll = std::pin::pin!(session.poll());
        let waited = tokio::time::timeout(Duration::from_millis(50), poll).await;
        assert!(waited.is_err());
    }
    until(async || server.connections().await.is_empty()).await;
    assert_eq!(session.post("3").await.0, 400);
}

#[tokio::test]
async fn what_is_no_packet_closes_the_session() {
    let server = Server::start(Config::default()).await;
    for (post, joined) in [
        ("abc", false),
        ("9", false),
        ("", false),
        ("0{}", false),
        ("b!", false),
        ("bAAH/", false),
        ("4abc", false),
        ("42[\"message\",1]", false),
        ("42{}", true),
        ("42[]", true),
        ("42abc[\"message\"]", true),
        ("4565-[\"message\"]", true),
        ("451-[\"message\",1]\x1e42[\"message\",1]", true),
    ] {
        let session = match joined {
            true => Polling::joined(&server).await,
            false => Polling::open(&server).await,
        };
        assert_eq!(session.post(post).await.0, 400, "{post}");
        assert_eq!(session.poll().await.0, 400, "{post}");

        let mut raw = match joined {
            true => server.raw().await,
            false => server.raw_session().await,
        };
        if !post.contains('\x1e') && !post.starts_with('b') {
            raw.send(post).await;
            assert_eq!(raw.next().await, None, "{post}");
        }
    }
    let counters = server.handle.counters();
    assert_eq!(counters.refused(Code::Malformed), 21);
    assert_eq!(counters.refused(Code::TooLong), 2, "too many attachments");
}

#[tokio::test]
async fn a_client_that_closes_gets_its_poll_back() {
    let server = Server::start(Config::default()).await;
    let session = Polling::joined(&server).await;
    let (polled, posted) = tokio::join!(session.poll(), async {
        // The poll is to come first.
        tokio::time::sleep(Duration::from_millis(50)).await;
        session.post("1").await
    });
    assert_eq!(polled, (200, "6".into()));
    assert_eq!(posted, (200, "ok".into()));
    assert_eq!(session.poll().await.0, 400);
    let mut raw = server.raw_session().await;
    raw.send("1").await;
    assert_eq!(raw.next().await, None, "on a WebSocket too");
}

#[tokio::test]
async fn a_poll_that_waits_is_told_that_its_session_is_closed() {
    let server = Server::start(Config::default()).await;
    let session = Polling::joined(&server).await;
    let (polled, posted) = tokio::join!(session.poll(), async {
        // The poll is to come first.
        tokio::time::sleep(Duration::from_millis(50)).await;
        session.post("abc").await
    });
    assert_eq!(polled, (200, "1".into()));
    assert_eq!(posted.0, 400);
}

#[tokio::test]
async fn pings_come_and_a_client_that_does_not_answer_is_gone() {
    let server = Server::start(quick()).await;
    let session = Polling::joined(&server).await;
    for _ in 0..3 {
        assert_eq!(session.poll().await, (200, "2".into()));
        assert_eq!(session.post("3").await.0, 200);
    }
    let mut raw = server.raw().await;
    for _ in 0..3 {
        assert_eq!(raw.next_packet().await.as_deref(), Some("2"));
        raw.send("3").await;
    }
    assert_eq!(raw.next_packet().await.as_deref(), Some("2"));
    assert_eq!(raw.next_packet().await, None);
    until(async || session.post("6").await.0 == 400).await;
}

#[tokio::test]
async fn a_session_goes_over_to_a_websocket_and_nothing_is_lost() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.raw_peer("bob").await;
    let session = Polling::joined(&server).await;
    session.post("42[\"ready\",\"moves\"]").await;
    session.poll().await;
    bob.event("message").await;
    let (polled, mut raw) = tokio::join!(session.poll(), async {
        let mut raw = session.web_socket().await.unwrap();
        raw.send("2probe").await;
        raw.expect("3probe").await;
        raw
    });
    assert_eq!(polled, (200, "6".into()), "the poll that waits ends");
    bob.send(r#"42["messageOne",{"target":"moves","n":1}]"#)
        .await;
    settle(&mut bob).await;
    raw.send("5").await;
    raw.send(r#"42["messageOne",{"target":"bob","n":2}]"#).await;
    assert_eq!(raw.event("message").await["n"], 1);
    raw.event("message").await;
    assert_eq!(bob.event("message").await["n"], 2);
    assert_eq!(session.poll().await.0, 400);
    assert_eq!(session.post("3").await.0, 400);
    assert!(session.web_socket().await.is_err());
    settle(&mut raw).await;
}

#[tokio::test]
async fn a_websocket_that_does_not_follow_leaves_the_session_polling() {
    let server = Server::start(Config::default()).await;
    let session = Polling::joined(&server).await;
    for said in ["5", "2", "3probe", "42[\"ready\",\"x\"]"] {
        let mut raw = session.web_socket().await.unwrap();
        raw.send(said).await;
        assert_eq!(raw.next().await, None, "{said}");
    }
    let mut raw = session.web_socket().await.unwrap();
    raw.send("2probe").await;
    raw.expect("3probe").await;
    drop(raw);
    assert_eq!(session.post("42[\"ready\",\"stays\"]").await.0, 200);
    let mut payload = session.poll().await.1;
    while payload == "6" {
        payload = session.poll().await.1;
    }
    assert!(payload.contains("\"target\":\"stays\""), "{payload}");
}

#[tokio::test]
async fn a_session_that_does_not_join_is_closed_and_their_number_is_bounded() {
    let limits = Limits {
        clients: 2,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        handshake: Duration::from_millis(200),
        ..Config::default()
    })
    .await;
    let session = Polling::open(&server).await;
    let mut raw = server.raw_session().await;
    let more = get(&server, "/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(more.0, 503);
    assert_eq!(server.handle.counters().refused(Code::ServerFull), 1);
    assert_eq!(raw.next().await, None);
    until(async || session.post("3").await.0 == 400).await;
    Polling::joined(&server).await;
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_poll_is_closed() {
    let limits = Limits {
        message_bytes: 1000,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        token: Some("secret".into()),
        ..Config::default()
    })
    .await;
    let session = Polling::open(&server).await;
    let refused = ["40"; 100].join("\x1e");
    let mut statuses = Vec::new();
    while statuses.last() != Some(&400) {
        statuses.push(session.post(&refused).await.0);
        assert!(statuses.len() < 10, "nothing bounds what waits for it");
    }
    let long = "x".repeat(6100);
    let session = Polling::open(&server).await;
    assert_eq!(session.post(&format!("4{long}")).await.0, 413);
}

#[tokio::test]
async fn on_shutdown_clients_are_told_whether_they_have_joined_or_not() {
    let server = Server::start(Config::default()).await;
    let mut outside = server.raw_session().await;
    let mut inside = server.raw().await;
    let polling = Polling::joined(&server).await;
    let (polled, ..) = tokio::join!(
        async { [polling.poll().await, polling.poll().await] },
        within(server.handle.shutdown()),
        async {
            inside.expect("41").await;
            assert_eq!(inside.next().await, None);
            assert_eq!(outside.next().await, None);
        }
    );
    assert_eq!(polled, [(200, "41".into()), (200, "1".into())]);
}
