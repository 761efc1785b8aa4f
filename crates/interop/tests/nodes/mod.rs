//! Nodes of `ieum signal`, a real Redis for them, and clients on `/ws`.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use ieum_interop::{Process, binary, partner};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A Redis on a free port, without files.
pub(crate) struct Redis {
    pub(crate) port: u16,
    pub(crate) process: Process,
}

pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With these options; with a certificate it listens for TLS alone.
    pub(crate) fn with(options: &[&str]) -> Self {
        loop {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr());
            let port = free.expect("a free port").port();
            // Another program may have been quicker.
            if let Some(process) = Self::process(port, options) {
                return Self { port, process };
            }
        }
    }

    pub(crate) fn process(port: u16, options: &[&str]) -> Option<Process> {
        let mut command = partner::system("redis-server", "redis-server");
        let port = port.to_string();
        let plain = ["--port", &port];
        let tls = [
            "--port",
            "0",
            "--tls-port",
            &port,
            "--tls-auth-clients",
            "no",
        ];
        let ports: &[&str] = if options.is_empty() { &plain } else { &tls };
        command.args(ports).args(options).args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut process = Process::spawn("redis-server", command);
        let line = process.expect_where("it is ready, or says why not", SOON, |line| {
            line.contains("Ready to accept") || line.contains("Failed listening")
        });
        line.contains("Ready").then_some(process)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    pub(crate) fn node(&self) -> Node {
        Node::start(&["--redis", &self.url()])
    }
}

impl Node {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .args(["signal", "--listen", "127.0.0.1:0"])
            .args(options);
        let mut process = Process::spawn("ieum signal", command);
        let line = process.expect("ready  http://", SOON);
        let address = line.trim_start_matches("ready  http://").to_owned();
        Self { process, address }
    }
}

/// A client on `/ws`.
pub(crate) struct Peer {
    pub(crate) id: String,
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    /// Joins; where the node is not ready yet, again.
    pub(crate) async fn join(node: &Node, join: Value) -> (Self, Value) {
        let deadline = Instant::now() + SOON;
        loop {
            let (peer, answer) = Self::try_join(node, &join).await;
            if answer["type"] == "joined" {
                return (peer, answer);
            }
            assert!(
                answer["code"] == "busy" && Instant::now() < deadline,
                "{answer}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn ask(node: &Node, join: Value) -> Value {
        Self::try_join(node, &join).await.1
    }

    pub(crate) async fn try_join(node: &Node, join: &Value) -> (Self, Value) {
        let stream = TcpStream::connect(&node.address).await.expect("connected");
        let url = format!("ws://{}/ws", node.address);
        let (socket, _) = client_async(url, stream).await.expect("a WebSocket");
        let id = join["peer"].as_str().expect("an id").to_owned();
        let mut peer = Self { id, socket };
        let mut frame = join.clone();
        frame["type"] = json!("join");
        peer.send(&frame).await;
        let answer = peer.next().await;
        (peer, answer)
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        let text = Message::text(frame.to_string());
        self.socket.send(text).await.expect("sent");
    }

    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let frame = timeout(SOON, self.socket.next())
                .await
                .expect("a frame in time");
            match frame.expect("an open connection").expect("a frame") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(_) => panic!("{} was closed", self.id),
                _ => {}
            }
        }
    }

    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Says something to one peer, and returns what became of it.
    pub(crate) async fn say(&mut self, n: u32, to: &str, payload: Value) -> Value {
        let message = json!({ "from": self.id, "target": to, "payload": payload });
        let id = format!("{n}");
        self.send(&json!({ "type": "send", "id": id, "message": message }))
            .await;
        self.expect("ack").await
    }
}

/// A deadline for broken runs only.
pub(crate) const SOON: Duration = Duration::from_secs(30);
