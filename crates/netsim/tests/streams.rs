//! Streams: what was written arrives, in order; who is refused, blocked or left knows it, or not.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_netsim::{
    Firewall, Nat, Network, Node, NodeId, Packet, StreamAction, StreamEvent, StreamId, Variation,
};
use support::{address, ip, link};

/// A host that listens (or not), and remembers what happened.
struct Host {
    address: SocketAddr,
    listens: bool,
    doing: Vec<StreamAction>,
    seen: Vec<(Instant, StreamEvent)>,
}

impl Node for Host {
    fn owns(&self, address: SocketAddr) -> bool {
        self.address == address
    }

    fn handle_packet(&mut self, _: Instant, _: &Packet) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_packet(&mut self, _: Instant) -> Option<Packet> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn listens(&self, _: SocketAddr) -> bool {
        self.listens
    }

    fn handle_stream(&mut self, now: Instant, event: StreamEvent) {
        self.seen.push((now, event));
    }

    fn poll_stream(&mut self, _: Instant) -> Option<StreamAction> {
        (!self.doing.is_empty()).then(|| self.doing.remove(0))
    }
}

const CLIENT: &str = "10.0.0.1:1";
const SERVER: &str = "10.0.0.2:80";

fn network() -> (Network<Host>, [NodeId; 2]) {
    let mut network = Network::new(1, link(10));
    let hosts = [CLIENT, SERVER].map(|text| Host {
        address: address(text),
        listens: text == SERVER,
        doing: Vec::new(),
        seen: Vec::new(),
    });
    let ids = hosts.map(|host| network.add(host));
    (network, ids)
}

fn connect(network: &mut Network<Host>, client: NodeId) {
    let (from, to) = (ip("10.0.0.1"), address(SERVER));
    let action = StreamAction::Connect { key: 7, from, to };
    network.node_mut(client).doing.push(action);
    network.run_for(Duration::from_secs(1));
}

fn accepted(network: &Network<Host>, id: NodeId) -> (StreamId, SocketAddr) {
    match network.node(id).seen[0].1 {
        StreamEvent::Accepted { stream, remote, .. } => (stream, remote),
        _ => panic!("not accepted"),
    }
}

#[test]
fn what_is_written_arrives_in_order_a_delay_later_and_then_the_end() {
    let (mut network, [client, server]) = network();
    let start = network.now();
    connect(&mut network, client);
    let (stream, remote) = accepted(&network, server);
    let opened = StreamEvent::Opened {
        key: 7,
        stream,
        local: remote,
    };
    let round_trip = start + Duration::from_millis(20);
    assert_eq!(network.node(client).seen, [(round_trip, opened)]);
    network.node_mut(client).doing = vec![
        StreamAction::Write(stream, vec![1]),
        StreamAction::Write(stream, vec![2]),
        StreamAction::Close(stream),
        StreamAction::Write(stream, vec![3]),
    ];
    let sent = network.now();
    network.run_for(Duration::from_secs(1));
    let at = sent + Duration::from_millis(10);
    let expected = [
        StreamEvent::Data(stream, vec![1]),
        StreamEvent::Data(stream, vec![2]),
        StreamEvent::Closed(stream),
    ];
    assert_eq!(
        network.node(server).seen[1..],
        expected.map(|event| (at, event))
    );
}

#[test]
fn where_nobody_listens_a_stream_is_refused() {
    let (mut network, [client, server]) = network();
    network.node_mut(server).listens = false;
    connect(&mut network, client);
    assert_eq!(
        network.node(client).seen[0].1,
        StreamEvent::Refused { key: 7 }
    );
    assert!(network.node(server).seen.is_empty());
}

#[test]
fn a_firewall_blocks_udp_and_streams_from_outside_and_may_let_streams_in() {
    for (firewall, passes) in [
        (Firewall::blocking_udp(), false),
        (Firewall::blocking_udp().with_streams(), true),
    ] {
        let (mut network, [client, server]) = network();
        network.protect(client, Firewall::blocking_udp());
        network.protect(server, firewall);
        connect(&mut network, client);
        assert_eq!(!network.node(client).seen.is_empty(), passes);
    }
}

#[test]
fn a_nat_shows_its_own_address_and_lets_no_stream_in() {
    let (mut network, [client, server]) = network();
    let public = ip("203.0.113.1");
    network.put_behind(client, Nat::new(public, Variation::EndpointIndependent));
    connect(&mut network, client);
    assert_eq!(accepted(&network, server).1.ip(), public);
    let (mut network, [client, server]) = self::network();
    network.put_behind(server, Nat::new(public, Variation::EndpointIndependent));
    connect(&mut network, client);
    assert!(network.node(client).seen.is_empty());
}
