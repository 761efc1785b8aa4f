//! Two nodes of `ieum signal` and a real Redis: relay, rooms and presence across them, a node killed, Redis restarted.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use ieum_interop::{Process, binary, partner};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

#[test]
fn peers_on_two_nodes_see_and_reach_each_other_in_their_room() {
    let redis = Redis::start();
    let nodes = [redis.node(), redis.node()];
    run(async {
        let (mut a, joined) = Peer::join(&nodes[0], json!({ "peer": "a", "room": "r" })).await;
        assert_eq!(joined["peers"], json!([]));
        let (mut b, joined) = Peer::join(&nodes[1], json!({ "peer": "b", "room": "r" })).await;
        assert_eq!(joined["peers"][0]["peerId"], "a");
        assert_eq!(
            a.expect("message").await["message"]["payload"]["connections"][0]["peerId"],
            "b"
        );
        let refused = Peer::ask(&nodes[1], json!({ "peer": "a", "room": "r" })).await;
        assert_eq!(refused["code"], "taken");
        let (_other, joined) = Peer::join(&nodes[1], json!({ "peer": "a" })).await;
        assert_eq!(joined["peers"], json!([]), "another room");
        for n in 0..200 {
            assert_eq!(a.say(n, "b", json!(n)).await["result"], "delivered");
            assert_eq!(b.expect("message").await["message"]["payload"], n);
        }
        assert_eq!(b.say(0, "nobody", json!(1)).await["code"], "no-such-peer");
        b.send(&json!({ "type": "leave" })).await;
        assert_eq!(
            a.expect("message").await["message"]["payload"]["action"],
            "close"
        );
    });
}

#[test]
fn a_killed_nodes_clients_come_back_on_the_other_and_lose_nothing() {
    let redis = Redis::start();
    let (mut dying, alive) = (redis.node(), redis.node());
    run(async {
        let (mut a, joined) = Peer::join(&dying, json!({ "peer": "a", "resume": true })).await;
        let (_old, _) = Peer::join(&dying, json!({ "peer": "old" })).await;
        a.expect("message").await;
        let (mut b, _) = Peer::join(&alive, json!({ "peer": "b", "resume": true })).await;
        a.expect("message").await;
        for n in 1..=3 {
            b.say(n, "a", json!(n)).await;
            assert_eq!(a.expect("message").await["message"]["payload"], n);
        }
        let killed = Instant::now();
        dying.process.kill();
        for n in 4..=9 {
            assert_eq!(b.say(n, "a", json!(n)).await["ok"], true);
        }
        // It has read everything up to the third message, which is the fifth that it got.
        let claim = json!({ "token": joined["resume"], "seq": 5 });
        let (mut a, joined) = Peer::join(&alive, json!({ "peer": "a", "resume": claim })).await;
        assert_eq!(joined["resumed"], true);
        for n in 4..=9 {
            let frame = a.expect("message").await;
            assert_eq!(
                (&frame["message"]["payload"], &frame["seq"]),
                (&json!(n), &json!(n + 2))
            );
        }
        let close = b.expect("message").await;
        assert_eq!(
            (
                &close["message"]["from"],
                &close["message"]["payload"]["action"]
            ),
            (&json!("old"), &json!("close"))
        );
        assert!(
            killed.elapsed() < Duration::from_secs(11),
            "{:?}",
            killed.elapsed()
        );
        assert_eq!(a.expect("message").await["message"]["from"], "old");
        a.say(1, "b", json!("still there")).await;
        assert_eq!(
            b.expect("message").await["message"]["payload"],
            "still there"
        );
    });
}

#[test]
fn a_node_that_ends_sends_its_clients_to_the_other() {
    let redis = Redis::start();
    let (ending, alive) = (redis.node(), redis.node());
    run(async {
        let (mut a, joined) = Peer::join(&ending, json!({ "peer": "a", "resume": true })).await;
        let (mut b, _) = Peer::join(&alive, json!({ "peer": "b" })).await;
        a.expect("message").await;
        // Dropping a process asks it to end, and waits.
        let waiting = tokio::task::spawn_blocking(move || drop(ending));
        assert_eq!(a.expect("goodbye").await["code"], "restart");
        waiting.await.expect("ended");
        assert_eq!(b.say(1, "a", json!("kept")).await["result"], "queued");
        let claim = json!({ "token": joined["resume"], "seq": 1 });
        let (mut a, joined) = Peer::join(&alive, json!({ "peer": "a", "resume": claim })).await;
        assert_eq!(joined["resumed"], true);
        assert_eq!(a.expect("message").await["message"]["payload"], "kept");
    });
}

#[test]
fn redis_may_be_restarted_without_its_data() {
    let mut redis = Redis::start();
    let nodes = [redis.node(), redis.node()];
    run(async {
        let (mut a, _) = Peer::join(&nodes[0], json!({ "peer": "a" })).await;
        let (mut b, _) = Peer::join(&nodes[1], json!({ "peer": "b" })).await;
        a.expect("message").await;
        redis.process.kill();
        let busy = a.say(1, "b", json!("lost")).await;
        assert_eq!(busy["code"], "busy");
        redis.process = Redis::process(redis.port, &[]).expect("the port is free again");
        let deadline = Instant::now() + SOON;
        let mut n = 1;
        while a.say(n, "b", json!("again")).await["ok"] != true {
            assert!(
                Instant::now() < deadline,
                "Redis is back, and the node does not use it"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            n += 1;
        }
        // Both are who they were: nobody had to join again.
        assert_eq!(b.expect("message").await["message"]["payload"], "again");
        b.say(1, "a", json!("and back")).await;
        assert_eq!(a.expect("message").await["message"]["payload"], "and back");
    });
}

#[test]
fn nodes_speak_to_redis_over_tls_and_check_its_certificate() {
    let folder = std::env::temp_dir().join(format!("ieum-redis-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let redis = Redis::with(&["--tls-cert-file", &cert, "--tls-key-file", &key]);
    let url = format!("rediss://localhost:{}/0", redis.port);
    let nodes = [&url, &url].map(|url| Node::start(&["--redis", url, "--redis-ca", &cert]));
    let stranger = Node::start(&["--redis", &url]);
    run(async {
        let (mut a, _) = Peer::join(&nodes[0], json!({ "peer": "a" })).await;
        let (_b, joined) = Peer::join(&nodes[1], json!({ "peer": "b" })).await;
        assert_eq!(joined["peers"][0]["peerId"], "a");
        a.expect("message").await;
        assert_eq!(a.say(1, "b", json!(1)).await["result"], "delivered");
        let refused = Peer::ask(&stranger, json!({ "peer": "c" })).await;
        assert_eq!(refused["code"], "busy", "that one has nobody to trust");
    });
    let _ = std::fs::remove_dir_all(&folder);
}

/// A Redis on a free port, without files.
struct Redis {
    port: u16,
    process: Process,
}

struct Node {
    process: Process,
    address: String,
}

impl Redis {
    fn start() -> Self {
        Self::with(&[])
    }

    /// With these options; with a certificate it listens for TLS alone.
    fn with(options: &[&str]) -> Self {
        loop {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr());
            let port = free.expect("a free port").port();
            // Another program may have been quicker.
            if let Some(process) = Self::process(port, options) {
                return Self { port, process };
            }
        }
    }

    fn process(port: u16, options: &[&str]) -> Option<Process> {
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

    fn node(&self) -> Node {
        let url = format!("redis://127.0.0.1:{}/0", self.port);
        Node::start(&["--redis", &url])
    }
}

impl Node {
    fn start(options: &[&str]) -> Self {
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
struct Peer {
    id: String,
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    /// Joins; where the node is not ready yet, again.
    async fn join(node: &Node, join: Value) -> (Self, Value) {
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

    async fn ask(node: &Node, join: Value) -> Value {
        Self::try_join(node, &join).await.1
    }

    async fn try_join(node: &Node, join: &Value) -> (Self, Value) {
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

    async fn send(&mut self, frame: &Value) {
        let text = Message::text(frame.to_string());
        self.socket.send(text).await.expect("sent");
    }

    async fn next(&mut self) -> Value {
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

    async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Says something to one peer, and returns what became of it.
    async fn say(&mut self, n: u32, to: &str, payload: Value) -> Value {
        let message = json!({ "from": self.id, "target": to, "payload": payload });
        let id = format!("{n}");
        self.send(&json!({ "type": "send", "id": id, "message": message }))
            .await;
        self.expect("ack").await
    }
}

fn run(test: impl Future<Output = ()>) {
    Runtime::new().expect("a runtime").block_on(test);
}

/// A deadline for broken runs only.
const SOON: Duration = Duration::from_secs(30);
