//! Our client on a real broker (mosquitto), with MQTT 5 and 3.1.1; and calls over it.

#[path = "../../signaling/tests/support/proxy.rs"]
#[allow(dead_code, reason = "the signaling tests use all of it")]
mod proxy;

mod broker;

use broker::Broker;
use broker::calls::call;
use broker::server::{SOON, connect, ids, said, within};
use broker::signals::every_signal;
use ieum_interop::{Process, binary};
use ieum_signaling::client::{Channel, ConnectError, Event, Options, Outcome, TlsRoots};
use ieum_signaling::{Incoming, Signal};
use proxy::Proxy;
use serde_json::json;

/// What stands after the broker's address.
const VERSIONS: [&str; 2] = ["?version=5", "?version=3.1.1"];

#[tokio::test]
async fn peers_find_each_other_and_exactly_one_of_two_is_polite() {
    let broker = Broker::start().await;
    for version in VERSIONS {
        let url = broker.url(version);
        let mut alice = connect(&url, "alice/이음").await;
        let bob = Options {
            peer_type: Some("robot".into()),
            ..Options::new(&url, "bob")
        };
        let bob = within(Channel::connect(bob)).await.unwrap();
        assert_eq!(ids(bob.peers()), ["alice/이음"]);
        let Some(Event::Message(Incoming { from, signal })) = within(alice.next()).await else {
            panic!("the newcomer is announced")
        };
        let Signal::Open {
            connections,
            be_polite: true,
        } = signal
        else {
            panic!("{signal:?}")
        };
        assert_eq!((from.as_str(), ids(&connections)), ("bob", vec!["bob"]));
        assert_eq!(connections[0].peer_type, Some(json!("robot")));
        bob.close().await;
        assert!(
            matches!(said(&mut alice).await.signal, Signal::Bye { .. }),
            "{version}"
        );
        let empty = connect(&url, "carol").await;
        assert_eq!(ids(empty.peers()), ["alice/이음"], "no ghost is left");
        empty.close().await;
        alice.close().await;
    }
}

#[tokio::test]
async fn every_signal_arrives_from_each_version_on_each() {
    let broker = Broker::start().await;
    for sender in VERSIONS {
        for receiver in VERSIONS {
            let mut alice = connect(&broker.url(receiver), "alice").await;
            let bob = connect(&broker.url(sender), "bob").await;
            for signal in every_signal() {
                bob.send("alice", signal.clone()).await.unwrap();
                let from = "bob".to_owned();
                assert_eq!(said(&mut alice).await, Incoming { from, signal });
                bob.broadcast(Signal::Other(json!(1))).await.unwrap();
                assert_eq!(said(&mut alice).await.signal, Signal::Other(json!(1)));
            }
            let outcome = within(bob.deliver("alice", Signal::bye())).await;
            assert_eq!(outcome, Ok(Outcome::Accepted));
            let outcome = within(bob.deliver("nobody", Signal::bye())).await;
            assert_eq!(outcome, Ok(Outcome::NoSuchPeer));
            bob.close().await;
            alice.close().await;
        }
    }
}

#[tokio::test]
async fn who_is_refused_an_id_takes_nothing_from_its_owner() {
    let broker = Broker::start().await;
    for version in VERSIONS {
        let url = broker.url(version);
        let mut alice = connect(&url, "alice").await;
        let mut witness = connect(&url, "witness").await;
        let Some(Event::Message(Incoming { from, .. })) = within(alice.next()).await else {
            panic!("the newcomer is announced")
        };
        assert_eq!(from, "witness");
        for _ in 0..5 {
            let options = Options {
                resume: false,
                ..Options::new(&url, "alice")
            };
            let taken = within(Channel::connect(options)).await;
            assert!(matches!(taken, Err(ConnectError::IdRefused(_))));
        }
        // What the broker says for those who were refused comes before what is said after.
        let hello = Signal::Other(json!("still here?"));
        alice.send("witness", hello.clone()).await.unwrap();
        assert_eq!(said(&mut witness).await.signal, hello);
        let outcome = within(witness.deliver("alice", hello.clone())).await;
        assert_ne!(outcome, Ok(Outcome::NoSuchPeer));
        assert_eq!(said(&mut alice).await.signal, hello);
        for channel in [alice, witness] {
            channel.close().await;
        }
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_and_rooms_and_prefixes_are_apart() {
    let broker = Broker::start().await;
    for version in VERSIONS {
        let bob = connect(&broker.url(version), "bob").await;
        let taken = within(Channel::connect(Options::new(broker.url(version), "bob"))).await;
        assert!(
            matches!(taken, Err(ConnectError::IdRefused(_))),
            "{taken:?}"
        );
        let room = Options {
            room: "another".into(),
            ..Options::new(broker.url(version), "bob")
        };
        let room = within(Channel::connect(room)).await.unwrap();
        let prefix = connect(&format!("mqtt://{}/a/b{version}", broker.address), "bob").await;
        assert!(room.peers().is_empty() && prefix.peers().is_empty());
        for channel in [bob, room, prefix] {
            channel.close().await;
        }
    }
}

#[tokio::test]
async fn with_mqtt_5_a_broken_connection_is_resumed_in_order_and_once() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    let mut witness = connect(&broker.url(""), "witness").await;
    let mut alice = connect(&format!("mqtt://{}", proxy.address), "alice").await;
    let bob = connect(&format!("mqtt://{}", proxy.address), "bob").await;
    let sender = bob.sender();
    let sending = tokio::spawn(async move {
        for n in 0..200 {
            let signal = Signal::Other(json!({ "n": n }));
            sender.send("alice", signal).await.unwrap();
        }
    });
    let mut expected = 0;
    while expected < 200 {
        match within(alice.next()).await {
            Some(Event::Message(Incoming {
                signal: Signal::Other(body),
                ..
            })) => {
                assert_eq!(body["n"], expected);
                expected += 1;
                if expected % 50 == 25 {
                    proxy.cut();
                }
            }
            Some(Event::Back { resumed, .. }) => assert!(resumed),
            Some(Event::Away(_) | Event::Message(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    within(sending).await.unwrap();
    connect(&broker.url(""), "last").await.close().await;
    assert_eq!(said(&mut witness).await.from, "last", "nobody else noticed");
}

#[tokio::test]
async fn with_mqtt_3_a_broken_connection_is_made_again_and_the_others_see_it() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    let mut witness = connect(&broker.url("?version=3.1.1"), "witness").await;
    let mut alice = connect(&format!("mqtt://{}/?version=3.1.1", proxy.address), "alice").await;
    proxy.cut();
    assert!(matches!(within(alice.next()).await, Some(Event::Away(_))));
    let back = within(alice.next()).await;
    assert!(
        matches!(&back, Some(Event::Back { resumed: false, peers }) if ids(peers) == ["witness"]),
        "{back:?}"
    );
    assert!(matches!(
        said(&mut witness).await.signal,
        Signal::Bye { .. }
    ));
    witness
        .send("alice", Signal::end_of_candidates())
        .await
        .unwrap();
    assert_eq!(said(&mut alice).await.signal, Signal::end_of_candidates());
}

#[tokio::test]
async fn a_broker_that_wants_a_password_gets_the_one_of_the_url() {
    let broker = Broker::with(Some(["bob", "s:cret"])).await;
    for version in VERSIONS {
        for login in ["", "bob@", "bob:wrong@"] {
            let url = format!("mqtt://{login}{}/{version}", broker.address);
            let refused = within(Channel::connect(Options::new(url, "bob"))).await;
            assert!(
                matches!(refused, Err(ConnectError::Refused(_))),
                "{login} {refused:?}"
            );
        }
        let url = format!("mqtt://bob:s%3Acret@{}/{version}", broker.address);
        connect(&url, "bob").await.close().await;
    }
}

#[tokio::test]
async fn a_broker_over_tls_is_checked_against_the_roots_that_were_given() {
    let broker = Broker::start().await;
    let (address, certificate) = proxy::tls(broker.address).await;
    for version in VERSIONS {
        let options = |roots| Options {
            roots,
            ..Options::new(
                format!("mqtts://localhost:{}/{version}", address.port()),
                "bob",
            )
        };
        let ours = TlsRoots::Only(vec![certificate.clone()]);
        let mut bob = within(Channel::connect(options(ours))).await.unwrap();
        bob.send("bob", Signal::bye()).await.unwrap();
        assert!(matches!(said(&mut bob).await.signal, Signal::Bye { .. }));
        bob.close().await;
        let stranger = within(Channel::connect(options(TlsRoots::System))).await;
        assert!(
            matches!(stranger, Err(ConnectError::Tls { .. })),
            "{stranger:?}"
        );
    }
}

#[tokio::test]
async fn a_broker_that_dies_is_awaited_and_a_channel_can_be_closed_meanwhile() {
    let mut broker = Broker::start().await;
    let mut bob = connect(&broker.url(""), "bob").await;
    broker.process.kill();
    assert!(matches!(within(bob.next()).await, Some(Event::Away(_))));
    within(bob.close()).await;
}

#[tokio::test]
async fn a_native_call_connects_over_a_broker() {
    let broker = Broker::start().await;
    for version in VERSIONS {
        let url = broker.url(version);
        call(&url, &url).await;
    }
}

#[tokio::test]
async fn two_terminals_call_each_other_over_a_broker() {
    let broker = Broker::start().await;
    let url = broker.url("");
    let mut waiting = std::process::Command::new(binary());
    waiting.args(["call", "--wait", "--id", "there", "--signaling", &url]);
    let mut there = Process::spawn("ieum call --wait", waiting);
    there.expect("wait  as", SOON);
    let mut calling = std::process::Command::new(binary());
    calling.args(["call", "there", "--signaling", &url]);
    let mut here = Process::spawn("ieum call", calling);
    here.expect("state  connected", SOON);
    here.say("over a broker");
    there.expect("< over a broker", SOON);
    assert!(here.finish(SOON).success());
}
