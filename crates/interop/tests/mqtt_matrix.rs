//! Every carrier to every other through one server that has joined a real broker: signals, and native calls.

mod broker;

use broker::Broker;
use broker::calls::call;
use broker::server::{Server, said, until, within};
use broker::signals::every_signal;
use ieum_signaling::client::{Channel, ConnectError, Options, Outcome};
use ieum_signaling::server::Config;
use ieum_signaling::{Incoming, Signal};
use serde_json::json;

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
        call(&company.url(here), &company.url(there)).await;
        company.server.has("", &[]).await;
    }
}
