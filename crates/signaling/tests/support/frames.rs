//! Clients of the WebSocket and HTTP carriers that speak frames, not a library.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Server, within};

/// A client on `/ws`.
pub(crate) struct Ws {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Ws {
    pub(crate) async fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let url = format!("ws://{}/ws", server.address);
        let (socket, _) = within(client_async(url, stream)).await.unwrap();
        Self { socket }
    }

    /// Joins, and returns the answer.
    pub(crate) async fn join(server: &Server, join: Value) -> (Self, Value) {
        let mut ws = Self::open(server).await;
        let mut frame = json!({ "type": "join" });
        frame
            .as_object_mut()
            .unwrap()
            .extend(join.as_object().unwrap().clone());
        ws.send(&frame).await;
        let answer = ws.next().await.expect("an answer");
        (ws, answer)
    }

    /// A peer that is in.
    pub(crate) async fn peer(server: &Server, join: Value) -> (Self, Value) {
        let (ws, answer) = Self::join(server, join).await;
        assert_eq!(answer["type"], "joined", "{answer}");
        (ws, answer)
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.text(&frame.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next frame; `None` where the server has closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame, which must have this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame = self
            .next()
            .await
            .unwrap_or_else(|| panic!("closed before {kind}"));
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next message that is not about peers coming and going.
    pub(crate) async fn said(&mut self) -> Value {
        loop {
            let frame = self.expect("message").await;
            if frame["message"]["payload"].get("action").is_none() {
                return frame;
            }
        }
    }

    /// The code that the server closes with.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Says something to one peer, and returns what became of it.
    pub(crate) async fn say(&mut self, id: &str, message: Value) -> Value {
        self.send(&json!({ "type": "send", "id": id, "message": message }))
            .await;
        loop {
            let frame = self.next().await.expect("an acknowledgement");
            if frame["type"] == "ack" && frame["id"] == id {
                return frame;
            }
        }
    }
}

/// One HTTP request on a connection of its own.
pub(crate) async fn request(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Response<Incoming> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", server.address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    within(sender.send_request(request)).await.unwrap()
}

/// A request whose answer is JSON.
pub(crate) async fn call(
    server: &Server,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let response = request(server, method, path, &[], body.to_string()).await;
    let status = response.status();
    let body = within(response.into_body().collect()).await.unwrap();
    let read = serde_json::from_slice(&body.to_bytes());
    (status, read.unwrap_or(Value::Null))
}

/// A client on `/signal`.
pub(crate) struct Http {
    pub(crate) token: String,
    pub(crate) joined: Value,
}

impl Http {
    pub(crate) async fn join(server: &Server, join: Value) -> Self {
        let (status, joined) = call(server, Method::POST, "/signal", join).await;
        assert_eq!(status, 200, "{joined}");
        let token = joined["resume"].as_str().unwrap().to_owned();
        Self { token, joined }
    }

    pub(crate) async fn post(&self, server: &Server, frame: Value) -> (StatusCode, Value) {
        call(
            server,
            Method::POST,
            &format!("/signal/{}", self.token),
            frame,
        )
        .await
    }

    pub(crate) async fn events(&self, server: &Server, last: Option<u64>) -> Events {
        let path = format!("/signal/{}/events", self.token);
        let last = last.map(|seq| seq.to_string());
        let header = last.as_deref().map(|seq| ("last-event-id", seq));
        let headers: Vec<_> = header.into_iter().collect();
        let response = request(server, Method::GET, &path, &headers, String::new()).await;
        assert_eq!(response.status(), 200);
        Events {
            body: response.into_body(),
            bytes: Vec::new(),
        }
    }
}

/// Server-sent events.
pub(crate) struct Events {
    body: Incoming,
    bytes: Vec<u8>,
}

impl Events {
    /// The next event's data; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let mut data = String::new();
                for line in event.lines() {
                    if let Some(more) = line.strip_prefix("data: ") {
                        data.push_str(more);
                    }
                }
                if !data.is_empty() {
                    return Some(serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let frame = within(self.body.frame()).await?.ok()?;
            let bytes = frame.into_data().ok()?;
            self.bytes.extend_from_slice(&bytes);
        }
    }

    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame = self
            .next()
            .await
            .unwrap_or_else(|| panic!("ended before {kind}"));
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }
}

/// Waits until something holds; for what has no event of its own.
pub(crate) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    within(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
