//! The client over every carrier that the server has: each to each.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use ieum_signaling::client::{Channel, Event, Options, Outcome, TlsRoots, Transport};
use ieum_signaling::protocol::Code;
use ieum_signaling::server::{Config, Limits};
use ieum_signaling::{Connection, Incoming, Signal};
use serde_json::json;
use support::proxy::tls;
use support::signals::every_signal;
use support::{Server, next_event, next_said, within};

/// A name, and how to connect by it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Carrier {
    SocketIo,
    Polling,
    WebSocket,
    Http,
}

const CARRIERS: [Carrier; 4] = [
    Carrier::SocketIo,
    Carrier::Polling,
    Carrier::WebSocket,
    Carrier::Http,
];

impl Carrier {
    fn options(self, server: &Server, id: &str) -> Options {
        let scheme = match self {
            Self::SocketIo | Self::Polling => "http",
            Self::WebSocket => "ws",
            Self::Http => "http+sse",
        };
        Options {
            transport: match self {
                Self::Polling => Transport::Polling,
                _ => Transport::WebSocket,
            },
            ..Options::new(format!("{scheme}://{}", server.address), id)
        }
    }

    async fn channel(self, server: &Server, id: &str) -> Channel {
        let connecting = Channel::connect(self.options(server, id));
        within(connecting).await.unwrap()
    }
}

fn config() -> Config {
    let limits = Limits {
        rate: 0,
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_arrives_as_it_was_sent_from_each_carrier_on_each() {
    let server = Server::start(config()).await;
    for (n, sender) in CARRIERS.into_iter().enumerate() {
        for receiver in CARRIERS {
            let mut alice = receiver.channel(&server, "alice").await;
            let mut carol = receiver.channel(&server, "carol").await;
            let bob = sender.channel(&server, "bob").await;
            for signal in every_signal() {
                bob.send("alice", signal.clone()).await.unwrap();
                let said = next_said(&mut alice).await;
                let from = "bob".to_owned();
                assert_eq!(
                    said,
                    Incoming { from, signal },
                    "{sender:?} to {receiver:?}"
                );
            }
            let hello = Signal::Other(json!({ "n": n }));
            bob.broadcast(hello.clone()).await.unwrap();
            for peer in [&mut alice, &mut carol] {
                assert_eq!(next_said(peer).await.signal, hello);
            }
            bob.close().await;
            assert!(matches!(
                next_said(&mut carol).await.signal,
                Signal::Bye { .. }
            ));
            alice.close().await;
            carol.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_come_and_go_are_told_on_each_carrier() {
    let server = Server::start(config()).await;
    for carrier in CARRIERS {
        let ids = |peers: &[Connection]| -> Vec<String> {
            peers.iter().map(|peer| peer.peer_id.clone()).collect()
        };
        let mut first = carrier.channel(&server, "first").await;
        assert!(first.peers().is_empty());
        let mut options = carrier.options(&server, "second");
        options.peer_type = Some("robot".into());
        let second = within(Channel::connect(options)).await.unwrap();
        assert_eq!(ids(second.peers()), ["first"]);
        let Some(Event::Message(Incoming { from, signal })) = within(first.next()).await else {
            panic!()
        };
        let Signal::Open {
            connections,
            be_polite: true,
        } = signal
        else {
            panic!("{signal:?}")
        };
        assert_eq!(
            (from.as_str(), ids(&connections)),
            ("second", vec!["second".into()])
        );
        assert_eq!(connections[0].peer_type, Some(json!("robot")));
        second.close().await;
        assert!(matches!(
            next_said(&mut first).await.signal,
            Signal::Bye { .. }
        ));
        assert_eq!(ids(&server.connections().await), ["first"]);
        first.close().await;
        assert!(server.connections().await.is_empty(), "{carrier:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_learns_what_became_of_a_message_on_each_carrier() {
    let server = Server::start(config()).await;
    for carrier in CARRIERS {
        let mut bob = carrier.channel(&server, "bob").await;
        let alice = carrier.channel(&server, "alice").await;
        let hello = || Signal::Other(json!("hello"));
        let delivered = within(bob.deliver("alice", hello())).await;
        assert_eq!(delivered, Ok(Outcome::Delivered), "{carrier:?}");
        let nobody = within(bob.deliver("nobody", hello())).await;
        assert_eq!(nobody, Ok(Outcome::NoSuchPeer), "{carrier:?}");
        bob.send("nobody", hello()).await.unwrap();
        let told = next_event(&mut bob).await;
        assert!(
            matches!(&told, Some(Event::Undelivered { to, code: Some(Code::NoSuchPeer), .. }) if to == "nobody"),
            "{carrier:?} {told:?}"
        );
        let long = Signal::offer("x".repeat(100_000));
        let refused = within(bob.deliver("alice", long)).await;
        assert!(
            matches!(
                refused,
                Ok(Outcome::Refused {
                    code: Code::TooLong,
                    ..
                })
            ),
            "{carrier:?} {refused:?}"
        );
        alice.close().await;
        bob.close().await;
    }
}

#[tokio::test]
async fn a_room_and_a_taken_id_are_the_same_thing_on_each_carrier() {
    let server = Server::start(Config {
        token: Some("secret".into()),
        ..config()
    })
    .await;
    for carrier in CARRIERS {
        let options = |room: &str, token: &str| Options {
            room: room.into(),
            token: Some(token.into()),
            ..carrier.options(&server, "bob")
        };
        let first = within(Channel::connect(options("a", "secret")))
            .await
            .unwrap();
        let second = within(Channel::connect(options("b", "secret")))
            .await
            .unwrap();
        assert!(second.peers().is_empty(), "{carrier:?}");
        let taken = within(Channel::connect(options("a", "secret"))).await;
        assert!(
            matches!(
                taken,
                Err(ieum_signaling::client::ConnectError::IdRefused(_))
            ),
            "{carrier:?} {taken:?}"
        );
        let wrong = within(Channel::connect(options("c", "wrong"))).await;
        assert!(
            matches!(wrong, Err(ieum_signaling::client::ConnectError::Refused(_))),
            "{carrier:?} {wrong:?}"
        );
        first.close().await;
        second.close().await;
    }
}

#[tokio::test]
async fn tls_is_checked_against_the_roots_that_were_given() {
    let server = Server::start(config()).await;
    let (address, certificate) = tls(server.address).await;
    for (scheme, transport) in [
        ("https", Transport::WebSocket),
        ("https", Transport::Polling),
        ("wss", Transport::Auto),
        ("https+sse", Transport::Auto),
    ] {
        let options = |roots| Options {
            roots,
            transport,
            ..Options::new(format!("{scheme}://localhost:{}", address.port()), "bob")
        };
        let ours = TlsRoots::Only(vec![certificate.clone()]);
        let mut bob = within(Channel::connect(options(ours))).await.unwrap();
        bob.send("bob", Signal::bye()).await.unwrap();
        assert!(matches!(
            next_said(&mut bob).await.signal,
            Signal::Bye { .. }
        ));
        bob.close().await;
        let stranger = within(Channel::connect(options(TlsRoots::System))).await;
        assert!(
            matches!(
                stranger,
                Err(ieum_signaling::client::ConnectError::Tls { .. })
            ),
            "{scheme} {stranger:?}"
        );
    }
}

#[tokio::test]
async fn what_the_server_says_of_ice_reaches_the_application() {
    let server = Server::start(config()).await;
    for carrier in CARRIERS {
        let bob = carrier.channel(&server, "bob").await;
        assert!(bob.ice_servers().is_empty(), "it has none to give");
        bob.close().await;
    }
}
