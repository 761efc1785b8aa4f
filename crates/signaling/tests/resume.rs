//! Connections that break, on every carrier: what was said arrives in order and once, or its sender is told.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use ieum_signaling::Signal;
use ieum_signaling::client::{Channel, Closed, Event, Options, Outcome, Transport};
use ieum_signaling::server::{Config, Limits};
use serde_json::json;
use support::proxy::Proxy;
use support::{Server, next_event, next_said, within};

/// Schemes, and how Socket.IO travels.
const CARRIERS: [(&str, Transport); 4] = [
    ("http", Transport::WebSocket),
    ("http", Transport::Polling),
    ("ws", Transport::Auto),
    ("http+sse", Transport::Auto),
];

fn options(carrier: (&str, Transport), address: SocketAddr, id: &str) -> Options {
    Options {
        transport: carrier.1,
        ..Options::new(format!("{}://{address}", carrier.0), id)
    }
}

async fn connect(carrier: (&str, Transport), address: SocketAddr, id: &str) -> Channel {
    within(Channel::connect(options(carrier, address, id)))
        .await
        .unwrap()
}

fn config() -> Config {
    // Room for all that one sends while the other is away.
    let limits = Limits {
        rate: 0,
        queue: 1024,
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

fn text(n: usize) -> Signal {
    Signal::Other(json!({ "n": n }))
}

/// The next event that matters here: of which a message is the number in it.
async fn next(channel: &mut Channel) -> Heard {
    match next_event(channel).await {
        Some(Event::Message(said)) => match said.signal {
            Signal::Other(body) => Heard::Number(body["n"].as_u64().unwrap()),
            other => panic!("{other:?}"),
        },
        Some(Event::Away(_)) => Heard::Away,
        Some(Event::Back { resumed, .. }) => Heard::Back(resumed),
        other => panic!("{other:?}"),
    }
}

#[derive(Debug, PartialEq)]
enum Heard {
    Number(u64),
    Away,
    Back(bool),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_while_both_connections_break_arrives_in_order_and_once() {
    for carrier in CARRIERS {
        let server = Server::start(config()).await;
        let proxy = Proxy::start(server.address).await;
        let mut witness = connect(carrier, server.address, "witness").await;
        let mut alice = connect(carrier, proxy.address, "alice").await;
        let mut bob = connect(carrier, proxy.address, "bob").await;
        let sender = bob.sender();
        let sending = tokio::spawn(async move {
            for n in 0..300 {
                sender.send("alice", text(n)).await.unwrap();
            }
        });
        let hearing = tokio::spawn(async move {
            while let Some(event) = bob.next().await {
                assert!(
                    !matches!(
                        event,
                        Event::Undelivered { .. } | Event::Back { resumed: false, .. }
                    ),
                    "{carrier:?} {event:?}"
                );
            }
        });
        let (mut cuts, mut expected) = (0, 0);
        while expected < 300 {
            match within(next(&mut alice)).await {
                Heard::Number(n) => {
                    assert_eq!(n, expected, "{carrier:?} after {cuts} cuts");
                    expected += 1;
                    if expected % 60 == 30 {
                        cuts += 1;
                        proxy.cut();
                    }
                }
                Heard::Away => {}
                Heard::Back(resumed) => assert!(resumed, "{carrier:?}"),
            }
        }
        within(sending).await.unwrap();
        // Nobody else noticed.
        connect(carrier, server.address, "last").await.close().await;
        assert_eq!(next_said(&mut witness).await.from, "last");
        assert!(
            !hearing.is_finished(),
            "{carrier:?}: the sender was told of nothing"
        );
        hearing.abort();
        alice.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_to_a_peer_that_is_away_waits_for_it() {
    for carrier in CARRIERS {
        let server = Server::start(config()).await;
        let proxy = Proxy::start(server.address).await;
        let mut alice = connect(carrier, proxy.address, "alice").await;
        let bob = connect(carrier, server.address, "bob").await;
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(within(next(&mut alice)).await, Heard::Away);
        let mut sent = 0;
        // The server notices a broken connection when it does; that of a poll, by the ping that is not answered.
        let polls = carrier.1 == Transport::Polling;
        let noticing = async {
            while bob.deliver("alice", text(sent)).await == Ok(Outcome::Delivered) && !polls {
                sent += 1;
            }
        };
        within(noticing).await;
        for n in 1..=5 {
            let outcome = within(bob.deliver("alice", text(sent + n))).await;
            assert!(
                outcome == Ok(Outcome::Queued) || polls && outcome == Ok(Outcome::Delivered),
                "{carrier:?} {outcome:?}"
            );
        }
        alice.send("bob", text(77)).await.unwrap();
        proxy.refuse(false);
        assert_eq!(within(next(&mut alice)).await, Heard::Back(true));
        for n in 0..=sent + 5 {
            assert_eq!(
                within(next(&mut alice)).await,
                Heard::Number(n as u64),
                "{carrier:?}"
            );
        }
        let mut bob = bob;
        assert_eq!(within(next(&mut bob)).await, Heard::Number(77));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_over_begins_anew_and_says_so() {
    for carrier in CARRIERS {
        let server = Server::start(Config {
            resume: Duration::from_millis(50),
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(300),
            ..config()
        })
        .await;
        let proxy = Proxy::start(server.address).await;
        let mut witness = connect(carrier, server.address, "witness").await;
        let mut alice = connect(carrier, proxy.address, "alice").await;
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(within(next(&mut alice)).await, Heard::Away);
        assert!(
            matches!(next_said(&mut witness).await.signal, Signal::Bye { .. }),
            "{carrier:?}"
        );
        proxy.refuse(false);
        assert_eq!(
            within(next(&mut alice)).await,
            Heard::Back(false),
            "{carrier:?}"
        );
        witness.send("alice", text(1)).await.unwrap();
        assert_eq!(within(next(&mut alice)).await, Heard::Number(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_resumption_a_broken_connection_closes_the_channel() {
    for carrier in CARRIERS {
        let server = Server::start(config()).await;
        let proxy = Proxy::start(server.address).await;
        let mut options = options(carrier, proxy.address, "alice");
        options.resume = false;
        let mut alice = within(Channel::connect(options)).await.unwrap();
        proxy.refuse(true);
        proxy.cut();
        if carrier.0 == "http+sse" {
            // Over HTTP every session can be resumed; there is no other.
            assert_eq!(within(next(&mut alice)).await, Heard::Away);
            continue;
        }
        let closed = within(alice.next()).await;
        assert!(
            matches!(closed, Some(Event::Closed(_))),
            "{carrier:?} {closed:?}"
        );
        assert_eq!(within(alice.next()).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_is_away_can_be_closed_and_a_dead_server_is_given_up() {
    for carrier in CARRIERS {
        let server = Server::start(Config {
            resume: Duration::from_secs(1),
            ..config()
        })
        .await;
        let proxy = Proxy::start(server.address).await;
        let mut patient = options(carrier, proxy.address, "patient");
        patient.timeout = Duration::from_secs(1);
        let mut patient = within(Channel::connect(patient)).await.unwrap();
        let mut hasty = connect(carrier, proxy.address, "hasty").await;
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(within(next(&mut hasty)).await, Heard::Away);
        within(hasty.close()).await;
        assert_eq!(within(next(&mut patient)).await, Heard::Away);
        let closed = within(patient.next()).await;
        assert!(
            matches!(
                closed,
                Some(Event::Closed(Closed::Broken(_) | Closed::ByServer(_)))
            ),
            "{carrier:?} {closed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_awaited() {
    for carrier in CARRIERS {
        let server = Server::start(config()).await;
        let proxy = Proxy::start(server.address).await;
        let mut alice = connect(carrier, proxy.address, "alice").await;
        within(server.handle.shutdown()).await;
        assert_eq!(within(next(&mut alice)).await, Heard::Away, "{carrier:?}");
        alice.close().await;
    }
}
