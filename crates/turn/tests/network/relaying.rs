//! How data goes through a relay.

use std::time::Duration;

use ieum_turn::client::Event;

use super::nodes::{self, Host, address, client, network, peer};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn data_goes_both_ways_on_a_channel() {
    let mut network = network(1, 0.0);
    let (now, there) = (network.now(), address("192.0.2.7:6000"));
    let server = network.add(Host::server(now, |_| ()));
    let alice = network.add(Host::client(now, 1, None));
    let bob = network.add(Host::peer(there));
    let relayed = address("203.0.113.1:50000");

    assert!(!client(&mut network, alice).send(there, b"too early"));
    client(&mut network, alice).client.bind_channel(now, there);
    network.run_for(SECOND);
    assert!(client(&mut network, alice).has(Event::ChannelBound { peer: there }));
    for payload in [&b"one"[..], b"", &[7; 1200]] {
        assert!(client(&mut network, alice).send(there, payload));
        peer(&mut network, bob).send(relayed, payload);
    }
    network.run_for(SECOND);
    let expected = |from| {
        [
            (from, b"one".to_vec()),
            (from, vec![]),
            (from, vec![7; 1200]),
        ]
    };
    assert_eq!(peer(&mut network, bob).received, expected(relayed));
    assert_eq!(client(&mut network, alice).received, expected(there));
    let counters = *nodes::server(&mut network, server).server.counters();
    assert_eq!(
        (counters.to_peers.packets, counters.to_peers.bytes),
        (3, 1203)
    );
    assert_eq!(
        (counters.to_clients.packets, counters.to_clients.bytes),
        (3, 1203)
    );
}

#[test]
fn the_channel_and_its_permission_are_kept() {
    let mut network = network(1, 0.0);
    let (now, there) = (network.now(), address("192.0.2.7:6000"));
    network.add(Host::server(now, |_| ()));
    let alice = network.add(Host::client(now, 1, None));
    let bob = network.add(Host::peer(there));
    client(&mut network, alice).client.bind_channel(now, there);
    for minute in 1..60 {
        network.run_for(60 * SECOND);
        assert!(client(&mut network, alice).send(there, b"still here"));
        peer(&mut network, bob).send(address("203.0.113.1:50000"), b"so am I");
        network.run_for(SECOND);
        assert_eq!(peer(&mut network, bob).received.len(), minute);
        assert_eq!(client(&mut network, alice).received.len(), minute);
    }
}

#[test]
fn another_port_of_a_peer_comes_in_without_a_channel() {
    let mut network = network(1, 0.0);
    let now = network.now();
    network.add(Host::server(now, |_| ()));
    let alice = network.add(Host::client(now, 1, None));
    let other_port = address("192.0.2.7:6001");
    let other_port_host = network.add(Host::peer(other_port));
    let stranger = network.add(Host::peer(address("192.0.2.8:6000")));
    client(&mut network, alice)
        .client
        .bind_channel(now, address("192.0.2.7:6000"));
    network.run_for(SECOND);
    for host in [other_port_host, stranger] {
        for payload in [&b"x"[..], b"", b"1234"] {
            peer(&mut network, host).send(address("203.0.113.1:50000"), payload);
        }
    }
    network.run_for(SECOND);
    let expected = [b"x".to_vec(), vec![], b"1234".to_vec()].map(|payload| (other_port, payload));
    assert_eq!(client(&mut network, alice).received, expected);
}

#[test]
fn two_clients_talk_through_their_relays() {
    let mut network = network(1, 0.0);
    let now = network.now();
    network.add(Host::server(now, |_| ()));
    let clients = [1, 2].map(|n| network.add(Host::client(now, n, None)));
    network.run_for(SECOND);
    let relays = clients.map(|id| client(&mut network, id).client.relayed().unwrap());
    assert_ne!(relays[0], relays[1]);
    for (id, other) in [(clients[0], relays[1]), (clients[1], relays[0])] {
        let now = network.now();
        client(&mut network, id).client.bind_channel(now, other);
    }
    network.run_for(SECOND);
    assert!(client(&mut network, clients[0]).send(relays[1], b"ping"));
    assert!(client(&mut network, clients[1]).send(relays[0], b"pong"));
    network.run_for(SECOND);
    assert_eq!(
        client(&mut network, clients[0]).received,
        [(relays[1], b"pong".to_vec())]
    );
    assert_eq!(
        client(&mut network, clients[1]).received,
        [(relays[0], b"ping".to_vec())]
    );
}

#[test]
fn a_refused_peer_fails_alone() {
    let mut network = network(1, 0.0);
    let now = network.now();
    network.add(Host::server(now, |_| ()));
    let alice = network.add(Host::client(now, 1, None));
    let (private, v6, good) = (
        address("10.0.0.1:1"),
        address("[2001:db8::1]:1"),
        address("192.0.2.7:1"),
    );
    for there in [private, v6, good] {
        client(&mut network, alice).client.bind_channel(now, there);
    }
    network.run_for(SECOND);
    let alice = client(&mut network, alice);
    for (there, code) in [(private, 403), (v6, 443)] {
        let code = Some(code);
        assert!(
            alice.has(Event::ChannelFailed { peer: there, code }),
            "{:?}",
            alice.events
        );
        assert_eq!(alice.client.channel(there), None);
    }
    assert!(alice.client.channel(good).is_some());
}
