//! `socket.io-client` and `python-socketio` on our signaling server, over polling, WebSocket and the upgrade between them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ieum_interop::{Process, partner};
use ieum_signaling::client::{Channel, ConnectError, Event, Options};
use ieum_signaling::server::{Config, router};
use ieum_signaling::{Incoming, Signal};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

#[test]
fn a_token_is_accepted_or_refused() {
    let server = Server::start(Some("secret"));
    for kind in KINDS {
        drop(server.client(kind, Some("secret")));
        for wrong in [Some("wrong"), None] {
            let mut refused = server.process(kind, wrong);
            assert_eq!(
                refused.expect("connect", SOON),
                "connect_error Authentication error",
                "{kind:?} {wrong:?}"
            );
        }
    }
    let open = Server::start(None);
    for kind in KINDS {
        drop(open.client(kind, None));
    }
}

#[test]
fn the_channel_object_of_the_old_servers_users_works() {
    let server = Server::start(Some("secret"));
    let channel = |id: &str, token: &str| {
        let mut command = partner::node("signaling/channel.mjs");
        command.args([id, &server.url, token]);
        Process::spawn("SignalingChannel", command)
    };
    let message = |process: &mut Process| -> Value {
        let line = process.expect("message ", SOON);
        serde_json::from_str(line.trim_start_matches("message ")).expect("JSON")
    };
    let mut refused = channel("a", "wrong");
    assert_eq!(refused.expect("error", SOON), "error Authentication error");
    let mut a = channel("a", "secret");
    assert_eq!(message(&mut a), hello("a", &[]));
    let mut late = channel("a", "secret");
    let text = "error a is already connected to the signalling server. Please change your peer ID and try again.";
    assert_eq!(late.expect("error", SOON), text);
    late.expect("disconnected", SOON);
    let mut b = channel("b", "secret");
    assert_eq!(
        message(&mut b)["payload"]["connections"][0]["peerType"],
        "node"
    );
    assert_eq!(message(&mut a)["payload"]["bePolite"], true);
    a.say(r#"send {"type":"offer","sdp":"v=0"}"#);
    let offer = json!({ "type": "offer", "sdp": "v=0" });
    assert_eq!(
        message(&mut b),
        json!({ "from": "a", "target": "all", "payload": offer })
    );
    b.say(r#"sendTo a {"type":"answer","sdp":"v=0"}"#);
    let answer = json!({ "type": "answer", "sdp": "v=0" });
    assert_eq!(
        message(&mut a),
        json!({ "from": "b", "target": "a", "payload": answer })
    );
    b.say("disconnect");
    let close = json!({ "action": "close", "message": "Peer has left the signaling server" });
    assert_eq!(
        message(&mut a),
        json!({ "from": "b", "target": "all", "payload": close })
    );
}

#[test]
fn ready_greets_the_newcomer_and_tells_the_others() {
    for kind in KINDS {
        let server = Server::start(None);
        let mut first = server.client(kind, None);
        first.say(&json!(["ready", "first", "robot"]));
        assert_eq!(first.message(), hello("first", &[]));
        let mut second = server.client(kind, None);
        second.say(&json!(["ready", "second"]));
        let robot = json!({ "socketId": first.id, "peerId": "first", "peerType": "robot" });
        let newcomer = json!({ "socketId": second.id, "peerId": "second" });
        assert_eq!(
            second.message(),
            hello("second", std::slice::from_ref(&robot))
        );
        let news = json!({ "action": "open", "connections": [newcomer], "bePolite": true });
        assert_eq!(
            first.message(),
            json!({ "from": "second", "target": "all", "payload": news })
        );
        assert_eq!(connections(server.address), json!([robot, newcomer]));
    }
}

#[test]
fn a_taken_id_is_refused_with_its_text_in_both_fields() {
    let server = Server::start(None);
    let _owner = server.peer(NODE, "taken");
    let text = "taken is already connected to the signalling server. Please change your peer ID and try again.";
    for kind in KINDS {
        let mut late = server.client(kind, None);
        late.say(&json!(["ready", "taken"]));
        assert_eq!(
            late.event("uniquenessError"),
            json!({ "message": text, "error": text }),
            "{kind:?}"
        );
        late.process.expect("disconnect", SOON);
    }
}

#[test]
fn messages_reach_one_or_all_in_both_spellings() {
    let server = Server::start(None);
    // Each transport as the sender and as the receiver, within a library and between the two.
    for (sender, receiver) in KINDS.into_iter().zip(KINDS.into_iter().cycle().skip(4)) {
        let mut bob = server.peer(receiver, "bob");
        let mut carol = server.peer(receiver, "carol");
        bob.message();
        let mut alice = server.peer(sender, "alice");
        bob.message();
        carol.message();
        for spelling in ["payload", "message"] {
            let offer =
                json!({ "type": "offer", "sdp": "v=0\r\n이음 🎈\u{1}\u{2028}".repeat(1300) });
            let one = json!({ "from": "alice", "target": "bob", spelling: offer, "extra": [1.5, null, { "a": true }] });
            alice.say(&json!(["messageOne", one]));
            assert_eq!(bob.message(), one, "{sender:?} to {receiver:?}");
            let all = json!({ "from": "alice", "target": "all", spelling: { "n": 1 } });
            alice.say(&json!(["message", all]));
            assert_eq!(bob.message(), all, "{sender:?} to {receiver:?}");
            assert_eq!(
                carol.message(),
                all,
                "and nothing of what was for bob came before it"
            );
        }
        for peer in [alice, carol, bob] {
            server.leave(peer);
        }
    }
}

#[test]
fn a_burst_stays_whole_and_in_order_while_the_transport_is_upgraded() {
    let server = Server::start(None);
    for kind in KINDS {
        // python-engineio drops a poll with more than 16 packets in it, from whatever server.
        let receiver = if kind == ("python", "polling") {
            NODE
        } else {
            kind
        };
        let mut bob = server.peer(receiver, "bob");
        let mut alice = server.process(kind, None);
        // Right after connect(), ahead of the connection and of any `ready`.
        for n in 0..BURST {
            say(
                &mut alice,
                "emit",
                &json!(["messageOne", { "from": "alice", "target": "bob", "payload": n }]),
            );
        }
        for n in 0..BURST {
            assert_eq!(bob.message()["payload"], n, "{kind:?}");
        }
        if kind.1 == "upgrade" {
            alice.expect("upgraded", SOON);
        }
        server.leave(bob);
    }
}

#[test]
fn binary_bodies_pass_between_the_two_libraries() {
    let server = Server::start(None);
    for (sender, receiver) in KINDS.iter().zip(KINDS.iter().rev()) {
        let mut bob = server.peer(*receiver, "bob");
        let mut alice = server.client(*sender, None);
        say(
            &mut alice.process,
            "bytes",
            &json!(["messageOne", { "from": "alice", "target": "bob" }]),
        );
        let whole = json!({ "from": "alice", "target": "bob", "payload": { "bytes": { "bytes": [0, 1, 255] } } });
        assert_eq!(bob.message(), whole, "{sender:?} to {receiver:?}");
        server.leave(bob);
    }
}

#[test]
fn leaving_is_told_and_frees_the_id() {
    let server = Server::start(None);
    let mut witness = server.peer(PYTHON, "witness");
    let payload = json!({ "action": "close", "message": "Peer has left the signaling server" });
    let close = json!({ "from": "leaver", "target": "all", "payload": payload });
    for kind in KINDS {
        let leaver = server.peer(kind, "leaver");
        witness.message();
        server.leave(leaver);
        assert_eq!(witness.message(), close, "{kind:?}");
        assert_eq!(
            connections(server.address).as_array().map(Vec::len),
            Some(1)
        );
    }
    // A WebSocket client that crashes; one that polls would be noticed by its missing pong.
    for kind in [NODE, PYTHON] {
        let mut crashed = server.peer(kind, "leaver");
        witness.message();
        crashed.process.kill();
        assert_eq!(witness.message(), close, "{kind:?}");
    }
}

#[test]
fn an_acknowledgement_says_what_became_of_a_message() {
    let server = Server::start(None);
    let _bob = server.peer(NODE, "bob");
    for kind in KINDS {
        let mut alice = server.peer(kind, "alice");
        let mut ask = |from: &str, target: &str| {
            say(
                &mut alice.process,
                "ask",
                &json!(["messageOne", { "from": from, "target": target }]),
            );
            let reply = alice.process.expect("ack ", SOON);
            serde_json::from_str::<Value>(&reply["ack ".len()..]).expect("JSON")
        };
        assert_eq!(
            ask("alice", "bob"),
            json!({ "ok": true, "result": "delivered" })
        );
        let text = "nobody is not connected to the signalling server.";
        assert_eq!(
            ask("alice", "nobody"),
            json!({ "ok": false, "code": "no-such-peer", "error": text })
        );
        assert_eq!(ask("bob", "bob")["code"], "forged");
        server.leave(alice);
    }
}

#[test]
fn our_client_speaks_with_both_libraries() {
    let server = Server::start(None);
    for kind in KINDS {
        server.runtime.block_on(async {
            let mut ours = connect(&server.url, "ours", None).await.expect("connected");
            let mut theirs = server.peer(kind, "theirs");
            let joined = next(&mut ours).await;
            assert!(matches!(joined.signal, Signal::Open { be_polite: true, .. }), "{kind:?}: {joined:?}");
            for spelling in ["payload", "message"] {
                let said = json!({ "from": "theirs", "target": "ours", spelling: { "type": "offer", "sdp": "v=0" } });
                theirs.say(&json!(["messageOne", said]));
                let offer = Signal::offer("v=0");
                assert_eq!(next(&mut ours).await, Incoming { from: "theirs".into(), signal: offer });
                ours.send("theirs", Signal::end_of_candidates()).await.expect("open");
                let end = json!({ "candidate": "", "sdpMid": null, "sdpMLineIndex": null });
                assert_eq!(theirs.message(), json!({ "from": "ours", "target": "theirs", spelling: end }), "{kind:?}");
            }
            ours.close().await;
            assert_eq!(theirs.message()["payload"]["action"], "close");
            server.leave(theirs);
        });
    }
}

/// Our signaling server, in this process, on a port of its own.
struct Server {
    runtime: Runtime,
    address: SocketAddr,
    url: String,
}

impl Server {
    fn start(token: Option<&str>) -> Self {
        let runtime = runtime();
        let address = runtime.block_on(async {
            let (router, _) = router(Config {
                token: token.map(Into::into),
                ..Config::default()
            });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a free port");
            let address = listener.local_addr().expect("an address");
            tokio::spawn(axum::serve(listener, router).into_future());
            address
        });
        Self {
            runtime,
            address,
            url: format!("http://{address}"),
        }
    }

    fn process(&self, kind: Kind, token: Option<&str>) -> Process {
        let mut command = match kind.0 {
            "node" => partner::node("signaling/client.mjs"),
            "node 3" => {
                let mut command = partner::node("signaling/client.mjs");
                command.env("SOCKET_IO_CLIENT", "socket.io-client-3");
                command
            }
            _ => partner::python("crates/interop/partners/signaling/client.py"),
        };
        command.args([&self.url, kind.1]).args(token);
        Process::spawn(&format!("{} {}", kind.0, kind.1), command)
    }

    /// A client that is connected, by the transport that it was asked to use.
    fn client(&self, kind: Kind, token: Option<&str>) -> Client {
        let mut process = self.process(kind, token);
        let mut id = None;
        let mut upgraded = kind.1 != "upgrade";
        while id.is_none() || !upgraded {
            let line = process.expect_where("`connect` and `upgraded`", SOON, |_| true);
            upgraded |= line == "upgraded";
            id = id.or_else(|| line.strip_prefix("connect ").map(str::to_owned));
        }
        Client {
            process,
            id: id.unwrap_or_default(),
        }
    }

    /// A client that is registered, and has read who was there before it.
    fn peer(&self, kind: Kind, id: &str) -> Client {
        let mut client = self.client(kind, None);
        client.say(&json!(["ready", id]));
        assert_eq!(client.message()["from"], "all");
        client
    }

    /// Lets a client go, and returns once the server has seen it go.
    fn leave(&self, mut client: Client) {
        client.process.say("leave");
        client.process.expect("disconnect", SOON);
        assert!(client.process.finish(SOON).success());
        let here = |peers: Value| {
            let ids = peers.as_array().into_iter().flatten();
            ids.into_iter().any(|peer| peer["socketId"] == client.id)
        };
        let deadline = std::time::Instant::now() + SOON;
        while here(connections(self.address)) {
            assert!(
                std::time::Instant::now() < deadline,
                "the server did not see the client leave"
            );
            std::thread::yield_now();
        }
    }
}

/// A connected client of another library.
struct Client {
    process: Process,
    id: String,
}

impl Client {
    fn say(&mut self, event: &Value) {
        say(&mut self.process, "emit", event);
    }

    fn event(&mut self, name: &str) -> Value {
        let begin = format!("event {name} ");
        let line = self.process.expect("event ", SOON);
        let body = line
            .strip_prefix(&begin)
            .unwrap_or_else(|| panic!("{line:.200} does not begin with {begin}"));
        serde_json::from_str(body).expect("JSON")
    }

    fn message(&mut self) -> Value {
        self.event("message")
    }
}

fn say(process: &mut Process, command: &str, event: &Value) {
    process.say(&format!("{command} {event}"));
}

fn hello(target: &str, connections: &[Value]) -> Value {
    let payload = json!({ "action": "open", "connections": connections, "bePolite": false });
    json!({ "from": "all", "target": target, "payload": payload })
}

fn connections(address: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(SOON)).expect("set");
    write!(
        stream,
        "GET /connections HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("read");
    let (head, body) = response.split_once("\r\n\r\n").expect("a response");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

async fn connect(url: &str, id: &str, token: Option<&str>) -> Result<Channel, ConnectError> {
    Channel::connect(Options {
        token: token.map(Into::into),
        ..Options::new(url, id)
    })
    .await
}

async fn next(channel: &mut Channel) -> Incoming {
    match timeout(SOON, channel.next())
        .await
        .expect("an event in time")
    {
        Some(Event::Message(incoming)) => incoming,
        other => panic!("{other:?}"),
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A library and its transport.
type Kind = (&'static str, &'static str);

const NODE: Kind = ("node", "websocket");
const PYTHON: Kind = ("python", "websocket");

const KINDS: [Kind; 9] = [
    ("node 3", "websocket"),
    ("node 3", "polling"),
    ("node 3", "upgrade"),
    NODE,
    ("node", "polling"),
    ("node", "upgrade"),
    PYTHON,
    ("python", "polling"),
    ("python", "upgrade"),
];

/// Fewer than the server keeps for a client that is between two polls.
const BURST: usize = 200;

/// A deadline for broken runs only.
const SOON: Duration = Duration::from_secs(30);
