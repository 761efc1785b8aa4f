//! A server of ours on a real broker (mosquitto): peers on MQTT and peers on the other carriers are one company.

#[path = "../../signaling/tests/support/proxy.rs"]
#[allow(dead_code, reason = "the signaling tests use all of it")]
mod proxy;

mod broker;

use std::time::Duration;

use broker::Broker;
use broker::server::{Server, connect, ids, said, until, within};
use ieum_signaling::client::{Channel, Closed, ConnectError, Event, Options, Outcome};
use ieum_signaling::protocol::Code;
use ieum_signaling::server::Config;
use ieum_signaling::{Incoming, Signal};
use proxy::Proxy;
use serde_json::json;

/// What stands after the broker's address.
const VERSIONS: [&str; 2] = ["?version=5", "?version=3.1.1"];

/// Connects once the others are seen there: the bridge needs a moment for each.
async fn connect_seeing(url: &str, id: &str, others: &[&str]) -> Channel {
    within(async {
        loop {
            let channel = connect(url, id).await;
            let mut seen = ids(channel.peers());
            seen.sort_unstable();
            if seen == others {
                return channel;
            }
            channel.close().await;
        }
    })
    .await
}

/// The news that a peer has come: whether the reader is the polite one.
async fn came(channel: &mut Channel, id: &str) -> bool {
    loop {
        match within(channel.next()).await {
            Some(Event::Message(Incoming {
                from,
                signal: Signal::Open { be_polite, .. },
            })) if from == id => return be_polite,
            Some(Event::Message(Incoming {
                signal: Signal::Open { .. } | Signal::Bye { .. },
                ..
            })) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn hello(n: u64) -> Signal {
    Signal::Other(json!({ "n": n }))
}

#[tokio::test]
async fn peers_on_the_broker_and_on_each_carrier_see_each_other_come_and_go_and_exactly_one_is_polite()
 {
    for version in VERSIONS {
        let broker = Broker::start().await;
        let server = Server::start(&broker.url(version), Config::default()).await;
        for scheme in ["http", "ws", "http+sse"] {
            let mut mqtt = connect(&broker.url(version), "mqtt/이음").await;
            server.has("", &["mqtt/이음"]).await;
            let robot = Options {
                peer_type: Some("robot".into()),
                ..Options::new(server.url(scheme), "here")
            };
            let here = within(Channel::connect(robot)).await.unwrap();
            assert_eq!(ids(here.peers()), ["mqtt/이음"], "{scheme}");
            assert!(came(&mut mqtt, "here").await, "who was there is polite");
            let mut here = here;
            let mut late =
                connect_seeing(&broker.url(version), "late", &["here", "mqtt/이음"]).await;
            let types = late.peers().iter().map(|peer| peer.peer_type.clone());
            assert!(types.into_iter().any(|it| it == Some(json!("robot"))));
            assert!(came(&mut here, "late").await, "who was there is polite");
            late.send("here", hello(1)).await.unwrap();
            assert_eq!(said(&mut here).await.signal, hello(1));
            here.close().await;
            let left = said(&mut late).await;
            assert_eq!(left.from, "here");
            assert!(matches!(left.signal, Signal::Bye { .. }));
            late.close().await;
            mqtt.close().await;
            server.has("", &[]).await;
        }
    }
}

#[tokio::test]
async fn what_one_says_arrives_once_and_in_order_whether_for_one_or_for_all() {
    let broker = Broker::start().await;
    let server = Server::start(&broker.url(""), Config::default()).await;
    let mut a = connect(&broker.url(""), "a").await;
    let mut b = connect(&broker.url("?version=3.1.1"), "b").await;
    server.has("", &["a", "b"]).await;
    let mut x = connect(&server.url("ws"), "x").await;
    let mut y = connect(&server.url("http"), "y").await;
    for channel in [&mut a, &mut b] {
        came(channel, "y").await;
    }
    for n in 0..50 {
        x.send("a", hello(2 * n)).await.unwrap();
        x.broadcast(hello(2 * n + 1)).await.unwrap();
        a.send("x", hello(2 * n)).await.unwrap();
        a.broadcast(hello(2 * n + 1)).await.unwrap();
    }
    assert_eq!(
        within(x.deliver("a", hello(100))).await,
        Ok(Outcome::Delivered)
    );
    assert_eq!(
        within(a.deliver("x", hello(100))).await,
        Ok(Outcome::Accepted)
    );
    for (channel, from) in [(&mut a, "x"), (&mut x, "a")] {
        for n in 0..=100 {
            let wanted = Incoming {
                from: from.into(),
                signal: hello(n),
            };
            assert_eq!(said(channel).await, wanted);
        }
    }
    for channel in [&mut b, &mut y] {
        let (mut of_a, mut of_x) = (1, 1);
        while of_a < 100 || of_x < 100 {
            let Incoming { from, signal } = said(channel).await;
            let next = if from == "a" { &mut of_a } else { &mut of_x };
            assert_eq!(signal, hello(*next));
            *next += 2;
        }
    }
}

#[tokio::test]
async fn rooms_are_apart_and_an_id_is_taken_on_either_side_of_the_bridge() {
    let broker = Broker::start().await;
    let server = Server::start(&broker.url(""), Config::default()).await;
    let in_room = |url: String, room: &str, id: &str| {
        let options = Options {
            room: room.into(),
            ..Options::new(url, id)
        };
        async move { within(Channel::connect(options)).await }
    };
    let mut mqtt = in_room(broker.url(""), "r", "mqtt").await.unwrap();
    server.has("r", &["mqtt"]).await;
    let here = in_room(server.url("ws"), "r", "here").await.unwrap();
    let other = connect(&server.url("ws"), "mqtt").await;
    assert!(other.peers().is_empty());
    here.broadcast(hello(1)).await.unwrap();
    assert_eq!(said(&mut mqtt).await.signal, hello(1));
    mqtt.broadcast(hello(2)).await.unwrap();
    here.send("mqtt", hello(3)).await.unwrap();
    assert_eq!(said(&mut mqtt).await.signal, hello(3));
    let taken = in_room(server.url("ws"), "r", "mqtt").await;
    assert!(
        matches!(taken, Err(ConnectError::IdRefused(_))),
        "{taken:?}"
    );
    until(async || {
        match in_room(broker.url(""), "r", "here").await {
            Err(ConnectError::IdRefused(_)) => true,
            // Its presence is on its way.
            _ => false,
        }
    })
    .await;
    assert_eq!(
        within(other.deliver("here", hello(4))).await,
        Ok(Outcome::NoSuchPeer)
    );
    drop((here, mqtt, other));
    server.has("", &[]).await;
    server.has("r", &[]).await;
}

#[tokio::test]
async fn who_takes_an_id_on_the_broker_keeps_it_when_its_last_owner_s_coming_and_going_arrive_late()
{
    for version in VERSIONS {
        let broker = Broker::start().await;
        let proxy = Proxy::start(broker.address).await;
        let server = Server::start(
            &format!("mqtt://{}/{version}", proxy.address),
            Config::default(),
        )
        .await;
        // What the bridge says of this one waits on its way: the broker hears it after the newcomer.
        proxy.hold(true);
        let before = connect(&server.url("ws"), "id").await;
        before.close().await;
        server.has("", &[]).await;
        let mut id = connect(&broker.url(version), "id").await;
        proxy.hold(false);
        server.has("", &["id"]).await;
        // It reaches both sides, and is reached, after all of that.
        let here = connect(&server.url("ws"), "here").await;
        assert!(came(&mut id, "here").await, "{version}");
        assert_eq!(
            within(here.deliver("id", hello(1))).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(said(&mut id).await.signal, hello(1));
        let late = connect_seeing(&broker.url(version), "late", &["here", "id"]).await;
        drop((here, late));
    }
}

#[tokio::test]
async fn of_two_that_take_an_id_at_once_on_both_sides_the_server_s_own_peer_keeps_it() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    let url = format!("mqtt://{}", proxy.address);
    let server = Server::start(&url, Config::default()).await;
    proxy.hold(true);
    let mut here = connect(&server.url("ws"), "id").await;
    let mut there = connect(&broker.url(""), "id").await;
    proxy.hold(false);
    loop {
        match within(there.next()).await {
            Some(Event::Closed(why)) => break assert_eq!(why, Closed::Replaced),
            Some(_) => {}
            None => panic!("it is told why"),
        }
    }
    let other = connect_seeing(&broker.url(""), "other", &["id"]).await;
    other.send("id", hello(1)).await.unwrap();
    assert_eq!(said(&mut here).await.signal, hello(1));
}

#[tokio::test]
async fn a_presence_that_somebody_else_takes_away_on_the_broker_is_published_again() {
    for version in VERSIONS {
        let broker = Broker::start().await;
        let id = connect(&broker.url(version), "id").await;
        let mut witness = connect(&broker.url(version), "witness").await;
        partner_publish(&broker, "ieum/-/peers/id", "")();
        assert!(matches!(
            said(&mut witness).await.signal,
            Signal::Bye { .. }
        ));
        assert!(!came(&mut witness, "id").await, "it was there before");
        let late = connect(&broker.url(version), "late").await;
        let mut there = ids(late.peers());
        there.sort_unstable();
        assert_eq!(there, ["id", "witness"], "{version}");
        drop(id);
    }
}

#[tokio::test]
async fn a_sender_on_either_side_is_told_of_what_does_not_arrive() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    let mut config = Config {
        resume: Duration::from_secs(1),
        ..Config::default()
    };
    config.limits.message_bytes = 2048;
    let server = Server::start(&format!("mqtt://{}", proxy.address), config).await;
    let mut mqtt = connect(&broker.url(""), "mqtt").await;
    server.has("", &["mqtt"]).await;
    let mut here = connect(&server.url("ws"), "here").await;
    assert!(came(&mut mqtt, "here").await);
    mqtt.send("here", Signal::offer("x".repeat(4000)))
        .await
        .unwrap();
    let told = within(mqtt.next()).await;
    assert!(
        matches!(&told, Some(Event::Undelivered { to, code: Some(Code::TooLong), .. }) if to == "here"),
        "{told:?}"
    );
    // The broker vanishes for longer than the server waits for it.
    proxy.refuse(true);
    proxy.cut();
    here.send("mqtt", hello(1)).await.unwrap();
    let mut lost = false;
    let mut gone = false;
    while !(lost && gone) {
        match within(here.next()).await {
            Some(Event::Undelivered { to, code, .. }) => {
                assert_eq!((to.as_str(), code), ("mqtt", Some(Code::Gone)));
                lost = true;
            }
            Some(Event::Message(Incoming {
                signal: Signal::Bye { .. },
                ..
            })) => gone = true,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        within(here.deliver("mqtt", hello(2))).await,
        Ok(Outcome::NoSuchPeer)
    );
    proxy.refuse(false);
    assert!(came(&mut here, "mqtt").await);
    here.send("mqtt", hello(3)).await.unwrap();
    assert_eq!(said(&mut mqtt).await.signal, hello(3));
}

#[tokio::test]
async fn a_connection_to_the_broker_that_breaks_is_made_again_and_nobody_notices() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    let server = Server::start(&format!("mqtt://{}", proxy.address), Config::default()).await;
    let mut mqtt = connect(&broker.url(""), "mqtt").await;
    server.has("", &["mqtt"]).await;
    let mut here = connect(&server.url("ws"), "here").await;
    assert!(came(&mut mqtt, "here").await);
    for cut in 0..3 {
        proxy.cut();
        for n in 0..30 {
            here.send("mqtt", hello(30 * cut + n)).await.unwrap();
            mqtt.send("here", hello(30 * cut + n)).await.unwrap();
        }
        for n in 0..30 {
            for channel in [&mut here, &mut mqtt] {
                assert_eq!(said(channel).await.signal, hello(30 * cut + n));
            }
        }
        until(async || server.handle.counters().broker_connections > cut + 1).await;
    }
}

#[tokio::test]
async fn a_server_that_ends_takes_its_peers_away_and_one_that_is_lost_is_not_waited_for() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.address).await;
    // With MQTT 3.1.1 the last will comes at once.
    let servers = [
        broker.url(""),
        format!("mqtt://{}/?version=3.1.1", proxy.address),
    ];
    let mut witness = connect(&broker.url(""), "witness").await;
    for (lost, url) in servers.into_iter().enumerate() {
        let server = Server::start(&url, Config::default()).await;
        server.has("", &["witness"]).await;
        let here = connect(&server.url("ws"), "here").await;
        assert!(came(&mut witness, "here").await);
        if lost == 0 {
            within(server.handle.shutdown()).await;
        } else {
            proxy.refuse(true);
            proxy.cut();
        }
        assert!(matches!(
            said(&mut witness).await.signal,
            Signal::Bye { .. }
        ));
        let next = connect(&broker.url(""), "next").await;
        assert_eq!(ids(next.peers()), ["witness"], "no ghost is left");
        next.close().await;
        assert!(matches!(
            said(&mut witness).await.signal,
            Signal::Bye { .. }
        ));
        drop(here);
    }
}

#[tokio::test]
async fn peers_of_two_servers_on_one_broker_reach_each_other() {
    let broker = Broker::start().await;
    let one = Server::start(&broker.url(""), Config::default()).await;
    let two = Server::start(&broker.url("?version=3.1.1"), Config::default()).await;
    let mut a = connect(&one.url("ws"), "a").await;
    two.has("", &["a"]).await;
    let mut b = connect_seeing(&two.url("http"), "b", &["a"]).await;
    assert!(came(&mut a, "b").await);
    let mut m = connect_seeing(&broker.url(""), "m", &["a", "b"]).await;
    assert!(came(&mut a, "m").await && came(&mut b, "m").await);
    for n in 0..20 {
        a.broadcast(hello(n)).await.unwrap();
        for channel in [&mut b, &mut m] {
            assert_eq!(
                said(channel).await,
                Incoming {
                    from: "a".into(),
                    signal: hello(n)
                }
            );
        }
        m.broadcast(hello(n)).await.unwrap();
        for channel in [&mut a, &mut b] {
            assert_eq!(
                said(channel).await,
                Incoming {
                    from: "m".into(),
                    signal: hello(n)
                }
            );
        }
        b.send("a", hello(n)).await.unwrap();
        assert_eq!(
            said(&mut a).await,
            Incoming {
                from: "b".into(),
                signal: hello(n)
            }
        );
    }
    within(one.handle.shutdown()).await;
    for channel in [&mut b, &mut m] {
        let left = said(channel).await;
        assert_eq!(left.from, "a");
        assert!(matches!(left.signal, Signal::Bye { .. }));
    }
}

#[tokio::test]
async fn nobody_on_the_broker_speaks_for_a_peer_that_is_not_there() {
    let broker = Broker::start().await;
    let server = Server::start(&broker.url(""), Config::default()).await;
    let mut here = connect(&server.url("ws"), "here").await;
    // A client that calls itself as it likes: the broker takes it, and the server does not.
    let mallory = partner_publish(
        &broker,
        "ieum/-/to/here",
        r#"{"id":"1","message":{"from":"here","target":"here","payload":1}}"#,
    );
    until(async || {
        mallory();
        server.handle.counters().refused(Code::Forged) > 0
    })
    .await;
    for nonsense in ["x", "{}", r#"{"id":"1","message":1}"#] {
        partner_publish(&broker, "ieum/-/all", nonsense)();
    }
    partner_publish(
        &broker,
        "ieum/-/peers/x",
        r#"{"peerId":"y","socketId":"1"}"#,
    )();
    partner_publish(
        &broker,
        "ieum/-/peers/all",
        r#"{"peerId":"all","socketId":"1"}"#,
    )();
    until(async || server.handle.counters().refused(Code::Reserved) > 0).await;
    assert_eq!(server.handle.counters().refused(Code::Malformed), 4);
    here.send("here", hello(1)).await.unwrap();
    assert_eq!(
        said(&mut here).await.signal,
        hello(1),
        "nothing came before it"
    );
}

/// Publishes by mosquitto's own client; nothing where something is retained.
fn partner_publish(broker: &Broker, topic: &str, payload: &str) -> impl Fn() + use<> {
    let port = broker.address.port().to_string();
    let (topic, payload) = (topic.to_owned(), payload.to_owned());
    move || {
        let mut command = ieum_interop::partner::system("mosquitto-clients", "mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", &topic]);
        match payload.as_str() {
            "" => command.args(["-r", "-n"]),
            payload => command.args(["-m", payload]),
        };
        assert!(command.status().unwrap().success());
    }
}
