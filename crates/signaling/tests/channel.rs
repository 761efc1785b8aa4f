//! The client against the server, over real sockets.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::time::Duration;

use ieum_signaling::client::{Channel, Closed, ConnectError, Event, Options, SendError};
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use ieum_signaling::{Connection, Incoming, Signal};
use serde_json::json;
use support::{Server, next_event, next_said, within};

fn offer(sdp: &str) -> Signal {
    Signal::offer(sdp)
}

fn text(n: usize) -> Signal {
    Signal::Other(json!({ "n": n }))
}

fn ids(peers: &[Connection]) -> Vec<&str> {
    peers.iter().map(|peer| peer.peer_id.as_str()).collect()
}

async fn refused(server: &Server, token: Option<&str>) -> ConnectError {
    let options = Options {
        token: token.map(Into::into),
        ..Options::new(&server.url, "a")
    };
    within(Channel::connect(options)).await.unwrap_err()
}

#[tokio::test]
async fn connect_returns_once_the_id_is_registered_and_lists_who_was_there_before() {
    let server = Server::start(Config::default()).await;
    let options = Options {
        peer_type: Some("robot".into()),
        ..Options::new(&server.url, "z")
    };
    let first = within(Channel::connect(options)).await.unwrap();
    assert_eq!(ids(&server.connections().await), ["z"]);
    assert!(first.peers().is_empty());
    let _second = server.channel("a").await;
    let third = server.channel("m").await;
    assert_eq!(ids(third.peers()), ["z", "a"]);
    assert_eq!(third.peers()[0].peer_type, Some(json!("robot")));
}

#[tokio::test]
async fn those_who_are_there_hear_of_the_newcomer_and_are_the_polite_ones() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let _bob = server.channel("bob").await;
    let Some(Event::Message(Incoming { from, signal })) = within(alice.next()).await else {
        panic!()
    };
    let Signal::Open {
        connections,
        be_polite: true,
    } = signal
    else {
        panic!("{signal:?}")
    };
    assert_eq!((from.as_str(), ids(&connections)), ("bob", vec!["bob"]));
}

#[tokio::test]
async fn a_wrong_token_is_refused_with_the_servers_text() {
    let server = Server::start(Config {
        token: Some("right".into()),
        ..Config::default()
    })
    .await;
    for token in [Some("wrong"), Some(""), Some("rightly"), None] {
        let error = refused(&server, token).await;
        assert!(
            matches!(&error, ConnectError::Refused(text) if text == "Authentication error"),
            "{error:?}"
        );
    }
    let options = Options {
        token: Some("right".into()),
        ..Options::new(&server.url, "a")
    };
    within(Channel::connect(options)).await.unwrap();
    assert_eq!(server.handle.counters().refused(Code::Unauthorized), 4);
}

#[tokio::test]
async fn a_server_without_a_token_accepts_those_who_send_none() {
    let server = Server::start(Config::default()).await;
    assert!(matches!(
        refused(&server, Some("any")).await,
        ConnectError::Refused(_)
    ));
    server.channel("a").await.close().await;
}

#[tokio::test]
async fn a_taken_id_is_refused_with_the_servers_text() {
    let server = Server::start(Config::default()).await;
    let _owner = server.channel("bob").await;
    let error = refused_id(&server, "bob").await;
    assert_eq!(
        error.to_string(),
        "bob is already connected to the signalling server. Please change your peer ID and try again."
    );
    assert_eq!(ids(&server.connections().await), ["bob"]);
}

async fn refused_id(server: &Server, id: &str) -> ConnectError {
    let error = within(Channel::connect(Options::new(&server.url, id)))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::IdRefused(_)), "{error:?}");
    error
}

#[tokio::test]
async fn a_peer_id_that_is_none_is_refused_with_what_it_should_be() {
    let server = Server::start(Config::default()).await;
    for id in ["", &"x".repeat(257)] {
        assert_eq!(
            refused_id(&server, id).await.to_string(),
            "A peer ID is a string of 1 to 256 bytes."
        );
    }
    assert!(
        refused_id(&server, "all")
            .await
            .to_string()
            .contains("names everybody")
    );
}

#[tokio::test]
async fn the_id_is_free_when_close_returns_and_the_others_have_been_told() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    for _ in 0..20 {
        server.channel("bob").await.close().await;
        assert_eq!(ids(&server.connections().await), ["alice"]);
        let left = next_said(&mut alice).await;
        assert_eq!(left.from, "bob");
        assert!(matches!(left.signal, Signal::Bye { .. }));
    }
    assert_eq!(ids(&server.connections().await), ["alice"]);
}

#[tokio::test]
async fn a_dropped_channel_leaves_though_a_sender_lives() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let bob = server.channel("bob").await;
    let sender = bob.sender();
    drop(bob);
    assert!(matches!(
        next_said(&mut alice).await.signal,
        Signal::Bye { .. }
    ));
    within(async { while sender.send("alice", Signal::bye()).await.is_ok() {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_peer_says_arrives_in_order_and_at_one_peer_only() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let mut carol = server.channel("carol").await;
    let bob = server.channel("bob").await;
    for n in 0..1000 {
        bob.send("alice", text(n)).await.unwrap();
        assert_eq!(
            next_said(&mut alice).await,
            Incoming {
                from: "bob".into(),
                signal: text(n)
            }
        );
    }
    bob.send("carol", offer("for carol")).await.unwrap();
    assert_eq!(next_said(&mut carol).await.signal, offer("for carol"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_keeps_its_order() {
    let config = Config {
        limits: Limits {
            queue: 1024,
            ..Limits::default()
        },
        ..Config::default()
    };
    let server = Server::start(config).await;
    let mut alice = server.channel("alice").await;
    let bob = server.channel("bob").await;
    for n in 0..900 {
        bob.send("alice", text(n)).await.unwrap();
    }
    for n in 0..900 {
        assert_eq!(next_said(&mut alice).await.signal, text(n));
    }
}

#[tokio::test]
async fn a_broadcast_reaches_every_other_peer() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let mut bob = server.channel("bob").await;
    let mut carol = server.channel("carol").await;
    bob.broadcast(text(1)).await.unwrap();
    bob.send("bob", text(2)).await.unwrap();
    for peer in [&mut alice, &mut carol] {
        assert_eq!(
            next_said(peer).await,
            Incoming {
                from: "bob".into(),
                signal: text(1)
            }
        );
    }
    assert_eq!(
        next_said(&mut bob).await.signal,
        text(2),
        "its own broadcast does not come back"
    );
}

#[tokio::test]
async fn a_message_to_nobody_is_reported_to_its_sender() {
    let server = Server::start(Config::default()).await;
    let mut bob = server.channel("bob").await;
    bob.send("nobody", offer("x")).await.unwrap();
    let reason = "nobody is not connected to the signalling server.".into();
    assert_eq!(
        within(bob.next()).await,
        Some(Event::Undelivered {
            to: "nobody".into(),
            code: Some(Code::NoSuchPeer),
            reason
        })
    );
    assert_eq!(server.handle.counters().refused(Code::NoSuchPeer), 1);
}

#[tokio::test]
async fn a_message_over_the_servers_limit_is_reported_and_not_sent() {
    let limits = Limits {
        message_bytes: 1000,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut alice = server.channel("alice").await;
    let mut bob = server.channel("bob").await;
    bob.send("alice", offer(&"x".repeat(2000))).await.unwrap();
    let Some(Event::Undelivered { to, code, reason }) = within(bob.next()).await else {
        panic!()
    };
    assert_eq!((to.as_str(), code), ("alice", Some(Code::TooLong)));
    assert!(reason.contains("over the server's limit"), "{reason}");
    bob.send("alice", offer("short")).await.unwrap();
    assert_eq!(next_said(&mut alice).await.signal, offer("short"));
}

#[tokio::test]
async fn a_peer_is_answered_in_its_own_spelling() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let mut old = server.raw_peer("old").await;
    for spelling in ["message", "payload"] {
        let said =
            json!(["messageOne", { "from": "old", "target": "alice", spelling: { "n": 1 } }]);
        old.send(&format!("42{said}")).await;
        assert_eq!(
            next_said(&mut alice).await,
            Incoming {
                from: "old".into(),
                signal: text(1)
            }
        );
        alice.send("old", text(2)).await.unwrap();
        assert_eq!(
            old.event("message").await,
            json!({ "from": "alice", "target": "old", spelling: { "n": 2 } })
        );
    }
}

#[tokio::test]
async fn a_broadcast_that_names_another_target_is_ignored_and_counted() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let mut old = server.raw_peer("old").await;
    old.send(r#"42["message",{"from":"old","target":"carol","payload":{"n":1}}]"#)
        .await;
    old.send(r#"42["message",{"from":"old","target":"all","payload":{"n":2}}]"#)
        .await;
    assert_eq!(next_said(&mut alice).await.signal, text(2));
    assert_eq!(alice.ignored().other_target, 1);
}

#[tokio::test]
async fn what_was_sent_before_leaving_arrives_before_the_leaving() {
    let server = Server::start(Config::default()).await;
    let mut alice = server.channel("alice").await;
    let bob = server.channel("bob").await;
    for n in 0..50 {
        bob.send("alice", text(n)).await.unwrap();
    }
    bob.close().await;
    for n in 0..50 {
        assert_eq!(next_said(&mut alice).await.signal, text(n));
    }
    assert!(matches!(
        next_said(&mut alice).await.signal,
        Signal::Bye { .. }
    ));
}

#[tokio::test]
async fn a_server_that_shuts_down_closes_the_channels_that_do_not_resume() {
    let server = Server::start(Config::default()).await;
    let options = Options {
        resume: false,
        ..Options::new(&server.url, "bob")
    };
    let mut bob = within(Channel::connect(options)).await.unwrap();
    within(server.handle.shutdown()).await;
    let closed = next_event(&mut bob).await;
    assert!(
        matches!(
            closed,
            Some(Event::Closed(Closed::ByServer(_) | Closed::Broken(_)))
        ),
        "{closed:?}"
    );
    assert_eq!(bob.next().await, None);
    assert_eq!(bob.send("alice", text(1)).await, Err(SendError));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_loses_the_channel_and_is_told() {
    let limits = Limits {
        rate: 0,
        ..Limits::default()
    };
    let server = Server::start(Config {
        limits,
        ..Config::default()
    })
    .await;
    let mut deaf = server.channel("deaf").await;
    let mut witness = server.channel("witness").await;
    let mut flood = server.raw_peer("flood").await;
    for n in 0..1100 {
        let said =
            json!(["messageOne", { "from": "flood", "target": "deaf", "payload": { "n": n } }]);
        // One at a time: it is the client's queue that is to overflow, not the server's.
        flood.ask(n, &said).await;
    }
    let left = next_said(&mut witness).await;
    assert_eq!(left.from, "deaf");
    assert!(matches!(left.signal, Signal::Bye { .. }));
    let mut events = 0;
    let closed = loop {
        match within(deaf.next()).await {
            Some(Event::Closed(closed)) => break closed,
            Some(_) => events += 1,
            None => panic!("it must be told"),
        }
    };
    assert_eq!((closed, events), (Closed::Overflow, 1024));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_meet_exactly_one_is_polite() {
    let server = Server::start(Config::default()).await;
    let joining = (0..24).map(|n| {
        let options = Options::new(&server.url, n.to_string());
        tokio::spawn(async move { within(Channel::connect(options)).await.unwrap() })
    });
    let mut channels = Vec::new();
    for join in joining.collect::<Vec<_>>() {
        channels.push(join.await.unwrap());
    }
    let order: Vec<String> = server
        .connections()
        .await
        .into_iter()
        .map(|peer| peer.peer_id)
        .collect();
    for channel in &mut channels {
        let place = order.iter().position(|id| id == channel.peer_id()).unwrap();
        assert_eq!(
            ids(channel.peers()),
            order[..place],
            "greeted with those before it, and impolite to them"
        );
        for later in &order[place + 1..] {
            let Some(Event::Message(incoming)) = within(channel.next()).await else {
                panic!()
            };
            assert_eq!(
                &incoming.from, later,
                "told of each that comes after it, once"
            );
            assert!(matches!(
                incoming.signal,
                Signal::Open {
                    be_polite: true,
                    ..
                }
            ));
        }
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_gone_and_its_id_free() {
    let config = Config {
        ping_interval: Duration::from_millis(30),
        ping_timeout: Duration::from_millis(30),
        ..Config::default()
    };
    let server = Server::start(config).await;
    let mut ghost = server.raw_peer("ghost").await;
    while ghost.next_packet().await.is_some() {}
    assert_eq!(server.connections().await, []);
}

#[tokio::test]
async fn neither_token_gets_into_a_log() {
    let options = Options {
        token: Some("hush".into()),
        ..Options::new("http://a", "a")
    };
    let config = Config {
        token: Some("hush".into()),
        ..Config::default()
    };
    assert!(!format!("{options:?}{config:?}").contains("hush"));
}
