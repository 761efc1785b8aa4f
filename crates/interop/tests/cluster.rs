//! Two nodes of `ieum signal` and a real Redis: relay, rooms and presence across them, a node killed, Redis restarted; and both in
//! one broker.

mod broker;
mod nodes;

use std::time::{Duration, Instant};

use broker::Broker;
use broker::server::{connect, said};
use ieum_signaling::Signal;
use ieum_signaling::client::Channel;
use nodes::{Node, Peer, Redis, SOON};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

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

#[test]
fn a_killed_nodes_peers_of_the_broker_are_reached_through_the_other_and_lose_nothing() {
    let redis = Redis::start();
    run(async {
        let broker = Broker::start().await;
        let node = || Node::start(&["--redis", &redis.url(), "--mqtt", &broker.url("")]);
        let mut dying = node();
        let mut m = connect(&broker.url(""), "m").await;
        let (mut old, _) = Peer::join(&dying, json!({ "peer": "old" })).await;
        // Its bridge is the first: it carries what is on the broker.
        let mut first = json!(null);
        while first["ok"] != true {
            first = told(&mut old, 0, "m").await;
        }
        heard(&mut m, "old", 0).await;
        let alive = node();
        let (mut x, joined) = Peer::join(&alive, json!({ "peer": "x" })).await;
        let there = joined["peers"].to_string();
        assert!(
            there.contains("\"m\"") && there.contains("\"old\""),
            "{there}"
        );
        dying.process.kill();
        for n in 1..=20 {
            assert_eq!(told(&mut x, n, "m").await["ok"], true);
        }
        let killed = Instant::now();
        for n in 1..=20 {
            heard(&mut m, "x", n).await;
        }
        // The node is dead for the others after 10 s, and the other bridge looks every 5 s.
        assert!(
            killed.elapsed() < Duration::from_secs(25),
            "{:?}",
            killed.elapsed()
        );
        m.send("x", Signal::Other(json!("back"))).await.unwrap();
        let mut frame = json!(null);
        while frame["message"]["from"] != "m" {
            frame = x.expect("message").await;
        }
        assert_eq!(frame["message"]["payload"], "back");
    });
}

/// Says a number to one peer, and returns what became of it; who comes and goes meanwhile is passed over.
async fn told(peer: &mut Peer, n: u32, to: &str) -> Value {
    let message = json!({ "from": peer.id, "target": to, "payload": n });
    let frame = json!({ "type": "send", "id": format!("to {to}: {n}"), "message": message });
    peer.send(&frame).await;
    loop {
        let frame = peer.next().await;
        if frame["type"] == "ack" {
            return frame;
        }
    }
}

/// The next that this peer says is this number.
async fn heard(channel: &mut Channel, from: &str, n: u32) {
    loop {
        let next = said(channel).await;
        if next.from == from {
            break assert_eq!(next.signal, Signal::Other(json!(n)));
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    Runtime::new().expect("a runtime").block_on(test);
}
