//! Every carrier to every other through one server that has joined a real broker: signals, and native calls.

mod broker;

use broker::Broker;
use broker::server::{Server, said, until, within};
use ieum::peer::{Configuration, Interfaces};
use ieum::{CallError, Endpoint};
use ieum_signaling::client::{Channel, ConnectError, Options, Outcome};
use ieum_signaling::server::Config;
use ieum_signaling::{DescriptionKind, Incoming, Signal};
use serde_json::{Map, json};

/// The schemes of the carriers.
const CARRIERS: [&str; 4] = ["http", "ws", "http+sse", "mqtt"];

struct Company {
    broker: Broker,
    server: Server,
}

impl Company {
    async fn start() -> Self {
        let broker = Broker::start().await;
        let mut config = Config::default();
        config.limits.rate = 0;
        let server = Server::start(&broker.url(""), config).await;
        Self { broker, server }
    }

    fn url(&self, carrier: &str) -> String {
        match carrier {
            "mqtt" => self.broker.url(""),
            scheme => self.server.url(scheme),
        }
    }

    /// A client, once the last one of that name is gone from the broker too.
    async fn channel(&self, carrier: &str, id: &str) -> Channel {
        within(async {
            loop {
                match Channel::connect(Options::new(self.url(carrier), id)).await {
                    Err(ConnectError::IdRefused(_)) => tokio::task::yield_now().await,
                    channel => return channel.unwrap(),
                }
            }
        })
        .await
    }
}

fn every_signal() -> Vec<Signal> {
    let long = "이음 🎈\u{1}\u{2028}\"\\".repeat(2500);
    assert!((55_000..62_000).contains(&json!(long).to_string().len()));
    vec![
        Signal::offer("v=0\r\n이음"),
        Signal::Description {
            kind: DescriptionKind::Answer,
            sdp: long,
            extra: Map::from_iter([("label".into(), json!({ "n": [1.5, null] }))]),
        },
        Signal::description(DescriptionKind::PrAnswer, "v=0"),
        Signal::description(DescriptionKind::Rollback, ""),
        Signal::Candidate {
            candidate: "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
            username_fragment: Some("abcd".into()),
            extra: Map::from_iter([("network".into(), json!("wifi"))]),
        },
        Signal::end_of_candidates(),
        Signal::bye(),
        Signal::Other(json!({ "text": "\u{0}\u{1f}\r\n\n data: x" })),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_arrives_as_it_was_sent_from_each_carrier_on_each() {
    let company = Company::start().await;
    for (n, sender) in CARRIERS.into_iter().enumerate() {
        for receiver in CARRIERS {
            // The same ids again at once: whoever had them is gone.
            let mut alice = company.channel(receiver, "alice").await;
            let mut carol = company.channel(receiver, "carol").await;
            company.server.has("", &["alice", "carol"]).await;
            let bob = company.channel(sender, "bob").await;
            company.server.has("", &["alice", "bob", "carol"]).await;
            // A client of the broker sends to whom it has seen there.
            until(async || !refused(&bob, "alice").await && !refused(&bob, "carol").await).await;
            for signal in every_signal() {
                bob.send("alice", signal.clone()).await.unwrap();
                let heard = heard(&mut alice, "bob").await;
                assert_eq!(heard, signal, "{sender} to {receiver}");
            }
            let hello = Signal::Other(json!({ "n": n }));
            bob.broadcast(hello.clone()).await.unwrap();
            for peer in [&mut alice, &mut carol] {
                let heard = heard(peer, "bob").await;
                assert_eq!(heard, hello, "{sender} to {receiver}");
            }
            bob.close().await;
            let heard = heard(&mut carol, "bob").await;
            assert!(matches!(heard, Signal::Bye { .. }), "{heard:?}");
            alice.close().await;
            carol.close().await;
            company.server.has("", &[]).await;
        }
    }
}

/// What the peer says next, but for the question whether one is there. The broker may still tell of those who have left.
async fn heard(channel: &mut Channel, peer: &str) -> Signal {
    loop {
        let Incoming { from, signal } = said(channel).await;
        if from == peer && signal != hello() {
            return signal;
        }
    }
}

fn hello() -> Signal {
    Signal::Other(json!("are you there?"))
}

/// Whether the peer is not known there yet.
async fn refused(from: &Channel, to: &str) -> bool {
    within(from.deliver(to, hello())).await == Ok(Outcome::NoSuchPeer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_connects_over_each_carrier_and_with_either_side_on_the_broker() {
    let company = Company::start().await;
    for (here, there) in CARRIERS
        .into_iter()
        .flat_map(|carrier| [(carrier, "mqtt"), ("mqtt", carrier)])
    {
        let mut callee = endpoint(&company.url(there), "callee").await;
        let caller = endpoint(&company.url(here), "caller").await;
        let ours = within(async {
            loop {
                match caller.call("callee").await {
                    Err(CallError::NoSuchPeer { .. }) => tokio::task::yield_now().await,
                    call => return call.unwrap(),
                }
            }
        })
        .await;
        within(ours.connected()).await.unwrap();
        let theirs = within(callee.accept()).await.unwrap();
        within(theirs.connected()).await.unwrap();
        ours.close().await;
        callee.close().await;
        caller.close().await;
        company.server.has("", &[]).await;
    }
}

/// An endpoint, once the last one of that name is gone from the broker too.
async fn endpoint(url: &str, id: &str) -> Endpoint {
    let connecting = async || {
        let mut options = ieum::Options::new(url, id);
        options.configuration = Box::new(|| Configuration {
            interfaces: Interfaces {
                loopback: true,
                ..Interfaces::default()
            },
            ..Configuration::default()
        });
        Endpoint::connect(options).await
    };
    within(async {
        loop {
            match connecting().await {
                Err(ieum::Error::Signaling(ConnectError::IdRefused(_))) => {
                    tokio::task::yield_now().await;
                }
                endpoint => return endpoint.unwrap(),
            }
        }
    })
    .await
}
