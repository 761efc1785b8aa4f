//! A host that remembers whom it heard, and a small internet.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_netsim::{Link, Network, Node, NodeId, Packet};

pub struct Host {
    pub addresses: Vec<SocketAddr>,
    pub out: Vec<Packet>,
    pub heard: Vec<(SocketAddr, u8)>,
}

impl Host {
    pub fn new(addresses: &[&str]) -> Self {
        Host {
            addresses: addresses.iter().map(|text| address(text)).collect(),
            out: Vec::new(),
            heard: Vec::new(),
        }
    }

    pub fn sources(&self) -> Vec<SocketAddr> {
        self.heard.iter().map(|(from, _)| *from).collect()
    }
}

impl Node for Host {
    fn owns(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    fn handle_packet(&mut self, _: Instant, packet: &Packet) {
        self.heard.push((packet.from, packet.payload[0]));
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_packet(&mut self, _: Instant) -> Option<Packet> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn link(delay_ms: u64) -> Link {
    Link {
        delay: Duration::from_millis(delay_ms),
        loss: 0.0,
    }
}

/// One host inside, three addresses of two hosts outside.
pub fn internet() -> (Network<Host>, [NodeId; 3]) {
    let mut network = Network::new(1, link(1));
    let hosts = [
        Host::new(&["192.168.0.2:1"]),
        Host::new(&["203.0.113.1:1", "203.0.113.1:2"]),
        Host::new(&["203.0.113.2:1"]),
    ];
    let ids = hosts.map(|host| network.add(host));
    (network, ids)
}

pub fn post(network: &mut Network<Host>, from: NodeId, base: SocketAddr, to: SocketAddr, n: u8) {
    network.node_mut(from).out.push(Packet {
        from: base,
        to,
        payload: vec![n],
    });
}

/// Sends from the first address of a host, and waits.
pub fn send(network: &mut Network<Host>, from: NodeId, to: SocketAddr) {
    let base = network.node(from).addresses[0];
    post(network, from, base, to, 0);
    network.run_for(Duration::from_millis(10));
}

/// What the last packet that this host heard came from.
pub fn last(network: &Network<Host>, id: NodeId) -> SocketAddr {
    network.node(id).heard.last().expect("a packet").0
}
