//! Engine.IO 4 on the wire: what the protocol's own suite asks of a server, and what its text says beside.
//!
//! Packets that an application would send are Socket.IO's here: `40` joins the namespace, and is answered.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use ieum_signaling::server::Config;
use serde_json::Value;
use support::frames::request;
use support::{Server, within};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A session that polls.
struct Polling {
    sid: String,
    open: Value,
}

impl Polling {
    async fn open(server: &Server) -> Self {
        let (status, body) = polling(server, Method::GET, "EIO=4&transport=polling", "").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let open: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        Self { sid, open }
    }

    fn query(&self) -> String {
        format!("EIO=4&transport=polling&sid={}", self.sid)
    }

    async fn poll(&self, server: &Server) -> (StatusCode, String) {
        polling(server, Method::GET, &self.query(), "").await
    }

    /// The next payload that is more than a ping, without it. A server may ping as soon as a session is open.
    async fn heard(&self, server: &Server) -> (StatusCode, Vec<String>) {
        loop {
            let (status, payload) = self.poll(server).await;
            let packets = payload.split('\u{1e}').filter(|packet| *packet != "2");
            let packets: Vec<_> = packets.map(str::to_owned).collect();
            if !packets.is_empty() {
                return (status, packets);
            }
            self.post(server, "3").await;
        }
    }

    async fn post(&self, server: &Server, body: &str) -> (StatusCode, String) {
        polling(server, Method::POST, &self.query(), body).await
    }

    /// The session answers, or is not there any more.
    async fn is_open(&self, server: &Server) -> bool {
        self.post(server, "3").await.0 == StatusCode::OK
    }
}

async fn polling(server: &Server, method: Method, query: &str, body: &str) -> (StatusCode, String) {
    let path = format!("/socket.io/?{query}");
    let response = request(server, method, &path, &[], body.to_owned()).await;
    let status = response.status();
    let body = within(response.into_body().collect()).await.unwrap();
    (status, String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

type Socket = WebSocketStream<TcpStream>;

/// A WebSocket with this query; the status where it is refused.
async fn socket(server: &Server, query: &str) -> Result<Socket, StatusCode> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/socket.io/?{query}", server.address);
    match within(client_async(url, stream)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            Err(StatusCode::from_u16(response.status().as_u16()).unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

async fn send(socket: &mut Socket, packet: &str) {
    socket.send(Message::text(packet)).await.unwrap();
}

/// The next packet that is no ping; `None` where the server has closed. A server may ping as soon as a session is open.
async fn next(socket: &mut Socket) -> Option<String> {
    loop {
        match next_packet(socket).await?.as_str() {
            // Fails only where the server is gone, which the next packet will say.
            "2" => drop(socket.send(Message::text("3")).await),
            "1" => {}
            packet => return Some(packet.to_owned()),
        }
    }
}

/// The next packet; `None` where the server has closed.
async fn next_packet(socket: &mut Socket) -> Option<String> {
    loop {
        match within(socket.next()).await {
            Some(Ok(Message::Text(text))) => return Some(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

/// A server that pings soon.
async fn quick() -> Server {
    Server::start(Config {
        ping_interval: PING_INTERVAL,
        ping_timeout: PING_TIMEOUT,
        ..Config::default()
    })
    .await
}

async fn calm() -> Server {
    Server::start(Config::default()).await
}

#[tokio::test]
async fn polling_opens_a_session_and_says_what_it_needs_to_know() {
    let server = quick().await;
    let session = Polling::open(&server).await;
    let open = &session.open;
    assert_eq!(open["upgrades"], serde_json::json!(["websocket"]));
    assert_eq!(open["pingInterval"], 300);
    assert_eq!(open["pingTimeout"], 1000);
    assert!(open["maxPayload"].as_u64().unwrap() >= 65_536);
    assert_ne!(session.sid, Polling::open(&server).await.sid);
}

#[tokio::test]
async fn a_websocket_opens_a_session_that_has_nothing_to_upgrade_to() {
    let server = quick().await;
    let mut socket = socket(&server, "EIO=4&transport=websocket").await.unwrap();
    let open = next(&mut socket).await.unwrap();
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    assert!(open["sid"].is_string());
    assert_eq!(open["upgrades"], serde_json::json!([]));
    assert_eq!(open["pingInterval"], 300);
    assert_eq!(open["pingTimeout"], 1000);
}

#[tokio::test]
async fn a_version_a_transport_or_a_session_that_is_not_there_is_refused() {
    let server = calm().await;
    for query in [
        "transport=polling",
        "EIO=abc&transport=polling",
        "EIO=5&transport=polling",
        "EIO=4",
        "EIO=4&transport=abc",
        "EIO=4&transport=polling&sid=nobody",
        "EIO=4&transport=polling&sid=",
        "",
    ] {
        let (status, body) = polling(&server, Method::GET, query, "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
    }
    for query in [
        "transport=websocket",
        "EIO=abc&transport=websocket",
        "EIO=4",
        "EIO=4&transport=abc",
        "EIO=4&transport=websocket&sid=nobody",
    ] {
        let refused = socket(&server, query).await.map(drop);
        assert_eq!(refused, Err(StatusCode::BAD_REQUEST), "{query}");
    }
    let opened = polling(&server, Method::POST, "EIO=4&transport=polling", "40").await;
    assert_eq!(
        opened.0,
        StatusCode::BAD_REQUEST,
        "a session begins with GET"
    );
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let (status, _) = polling(&server, method.clone(), "EIO=4&transport=polling", "").await;
        assert!(status.is_client_error(), "{method} {status}");
    }
    assert_eq!(server.connections().await, []);
}

#[tokio::test]
async fn a_payload_may_hold_several_packets_both_ways() {
    let server = calm().await;
    let session = Polling::open(&server).await;
    assert_eq!(session.post(&server, "40").await.0, StatusCode::OK);
    let (_, packets) = session.heard(&server).await;
    assert!(packets[0].starts_with("40{\"sid\":"), "{packets:?}");
    let packets = "42[\"ready\",\"a\"]\u{1e}421[\"message\",{\"from\":\"a\"}]";
    let (status, answer) = session.post(&server, packets).await;
    assert_eq!((status, answer.as_str()), (StatusCode::OK, "ok"));
    let mut got = Vec::new();
    while got.len() < 2 {
        let (status, packets) = session.heard(&server).await;
        assert_eq!(status, StatusCode::OK);
        got.extend(packets);
    }
    assert!(
        got[0].starts_with("42[\"message\",{\"from\":\"all\""),
        "{got:?}"
    );
    assert!(got[1].starts_with("431[{\"ok\":true"), "{got:?}");
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_refused_and_ends_the_session() {
    let server = calm().await;
    for payload in ["abc", "9", "4abc"] {
        let session = Polling::open(&server).await;
        let (status, _) = session.post(&server, payload).await;
        if payload != "4abc" {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{payload}");
        }
        support::frames::until(async || !session.is_open(&server).await).await;
    }
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused() {
    let server = calm().await;
    let session = Polling::open(&server).await;
    let most = session.open["maxPayload"].as_u64().unwrap() as usize;
    let (status, _) = session
        .post(&server, &format!("4{}", "x".repeat(most)))
        .await;
    assert!(
        status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::BAD_REQUEST,
        "{status}"
    );
}

#[tokio::test]
async fn polling_is_pinged_and_one_that_answers_stays() {
    let server = quick().await;
    let session = Polling::open(&server).await;
    for _ in 0..3 {
        let (status, packet) = session.poll(&server).await;
        assert_eq!((status, packet.as_str()), (StatusCode::OK, "2"));
        assert!(session.is_open(&server).await, "the pong is taken");
    }
}

#[tokio::test]
async fn polling_that_does_not_answer_is_over_in_time() {
    let server = quick().await;
    let session = Polling::open(&server).await;
    let began = Instant::now();
    support::frames::until(async || {
        let (status, _) = session.poll(&server).await;
        status == StatusCode::BAD_REQUEST
    })
    .await;
    assert!(began.elapsed() >= PING_TIMEOUT);
}

#[tokio::test]
async fn a_websocket_is_pinged_and_one_that_answers_stays() {
    let server = quick().await;
    let mut socket = socket(&server, "EIO=4&transport=websocket").await.unwrap();
    next(&mut socket).await.unwrap();
    for _ in 0..3 {
        assert_eq!(next_packet(&mut socket).await.as_deref(), Some("2"));
        send(&mut socket, "3").await;
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_answer_is_closed_in_time() {
    let server = quick().await;
    let mut socket = socket(&server, "EIO=4&transport=websocket").await.unwrap();
    next(&mut socket).await.unwrap();
    let began = Instant::now();
    while next_packet(&mut socket).await.is_some() {}
    assert!(began.elapsed() >= PING_TIMEOUT);
}

#[tokio::test]
async fn polling_that_says_goodbye_is_over_and_its_open_poll_is_answered() {
    let server = calm().await;
    let session = Polling::open(&server).await;
    let goodbye = async {
        // The poll must be there first: the goodbye answers it.
        tokio::task::yield_now().await;
        session.post(&server, "1").await
    };
    let ((polled, packets), (posted, _)) = tokio::join!(session.heard(&server), goodbye);
    assert_eq!(posted, StatusCode::OK);
    assert!(
        (polled == StatusCode::OK && packets == ["6"]) || polled == StatusCode::BAD_REQUEST,
        "{polled} {packets:?}"
    );
    assert_eq!(session.poll(&server).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_websocket_that_says_goodbye_is_closed() {
    let server = calm().await;
    let mut socket = socket(&server, "EIO=4&transport=websocket").await.unwrap();
    next(&mut socket).await.unwrap();
    send(&mut socket, "1").await;
    assert_eq!(next(&mut socket).await, None);
}

#[tokio::test]
async fn a_websocket_packet_that_cannot_be_read_closes_it() {
    let server = calm().await;
    for packet in ["abc", "", "9"] {
        let mut socket = socket(&server, "EIO=4&transport=websocket").await.unwrap();
        next(&mut socket).await.unwrap();
        send(&mut socket, packet).await;
        assert_eq!(next(&mut socket).await, None, "{packet:?}");
    }
}

/// A polling session with a WebSocket that the server has agreed to.
async fn probed(server: &Server) -> (Polling, Socket) {
    let session = Polling::open(server).await;
    let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
    let mut socket = socket(server, &query).await.unwrap();
    send(&mut socket, "2probe").await;
    assert_eq!(next(&mut socket).await.as_deref(), Some("3probe"));
    (session, socket)
}

#[tokio::test]
async fn polling_is_upgraded_to_a_websocket_and_loses_nothing() {
    let server = calm().await;
    let session = Polling::open(&server).await;
    assert_eq!(session.post(&server, "40").await.0, StatusCode::OK);
    let (_, packets) = session.heard(&server).await;
    assert!(packets[0].starts_with("40{"), "{packets:?}");
    let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
    let mut socket = socket(&server, &query).await.unwrap();
    let upgrade = async {
        send(&mut socket, "2probe").await;
        assert_eq!(next(&mut socket).await.as_deref(), Some("3probe"));
    };
    // The poll that is open is answered, so that the client is free to go over.
    let ((status, packets), ()) = tokio::join!(session.heard(&server), upgrade);
    assert_eq!((status, packets), (StatusCode::OK, vec!["6".to_owned()]));
    send(&mut socket, "5").await;
    send(&mut socket, "42[\"ready\",\"a\"]").await;
    let hello = next(&mut socket).await.unwrap();
    assert!(
        hello.starts_with("42[\"message\",{\"from\":\"all\""),
        "{hello}"
    );
}

#[tokio::test]
async fn polls_and_a_second_websocket_are_refused_once_it_is_upgraded() {
    let server = calm().await;
    let (session, mut first) = probed(&server).await;
    send(&mut first, "5").await;
    send(&mut first, "40").await;
    let joined = next(&mut first).await.unwrap();
    assert!(joined.starts_with("40{"), "{joined}");
    assert_eq!(session.poll(&server).await.0, StatusCode::BAD_REQUEST);
    let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
    let mut second = socket(&server, &query).await;
    if let Ok(second) = &mut second {
        // It may be closed only once it speaks.
        let _ = second.send(Message::text("2probe")).await;
        assert_eq!(next(second).await, None);
    }
    send(&mut first, "42[\"ready\",\"a\"]").await;
    assert!(next(&mut first).await.is_some(), "the first one goes on");
}

#[tokio::test]
async fn an_upgrade_that_does_not_begin_with_a_probe_is_refused_and_polling_goes_on() {
    let server = calm().await;
    let session = Polling::open(&server).await;
    let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
    let mut socket = socket(&server, &query).await.unwrap();
    send(&mut socket, "4hello").await;
    assert_eq!(next(&mut socket).await, None);
}

const PING_INTERVAL: Duration = Duration::from_millis(300);
const PING_TIMEOUT: Duration = Duration::from_secs(1);
