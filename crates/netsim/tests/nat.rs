//! Who reaches whom through a NAT.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_netsim::{Link, Nat, Network, Node, NodeId, Packet, Variation};

struct Host {
    address: SocketAddr,
    out: Vec<Packet>,
    heard: Vec<SocketAddr>,
}

impl Node for Host {
    fn owns(&self, address: SocketAddr) -> bool {
        address == self.address
    }

    fn handle_packet(&mut self, _: Instant, packet: &Packet) {
        self.heard.push(packet.from);
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_packet(&mut self, _: Instant) -> Option<Packet> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

fn network() -> (Network<Host>, [NodeId; 3]) {
    let mut network = Network::new(
        1,
        Link {
            delay: Duration::from_millis(1),
            loss: 0.0,
        },
    );
    let ids = ["192.168.0.2:1", "203.0.113.1:1", "203.0.113.2:1"].map(|address| {
        network.add(Host {
            address: address.parse().unwrap(),
            out: Vec::new(),
            heard: Vec::new(),
        })
    });
    (network, ids)
}

fn send(network: &mut Network<Host>, from: NodeId, to: SocketAddr) {
    let host = network.node_mut(from);
    let packet = Packet {
        from: host.address,
        to,
        payload: vec![0],
    };
    host.out.push(packet);
    network.run_for(Duration::from_millis(5));
}

#[test]
fn only_whom_the_host_wrote_to_may_answer() {
    let (mut network, [inside, one, other]) = network();
    network.put_behind(
        inside,
        Nat::new([198, 51, 100, 1].into(), Variation::EndpointIndependent),
    );
    let to = network.node(one).address;
    send(&mut network, inside, to);
    let public = network.node(one).heard[0];
    assert_eq!(public.ip().to_string(), "198.51.100.1");
    send(&mut network, one, public);
    send(&mut network, other, public);
    assert_eq!(network.node(inside).heard, [to]);
    // The private address means nothing outside.
    let private = network.node(inside).address;
    send(&mut network, one, private);
    assert_eq!(network.node(inside).heard, [to]);
    assert_eq!(network.statistics().unroutable, 2);
}

#[test]
fn the_variation_decides_on_the_public_port() {
    for (variation, same) in [
        (Variation::EndpointIndependent, true),
        (Variation::AddressAndPortDependent, false),
    ] {
        let (mut network, [inside, one, other]) = network();
        network.put_behind(inside, Nat::new([198, 51, 100, 1].into(), variation));
        for id in [one, other] {
            let to = network.node(id).address;
            send(&mut network, inside, to);
        }
        assert_eq!(network.node(one).heard == network.node(other).heard, same);
    }
}

#[test]
fn loss_is_drawn_from_the_seed() {
    let run = |seed| {
        let mut network = Network::new(
            seed,
            Link {
                delay: Duration::ZERO,
                loss: 0.2,
            },
        );
        let host = |address: &str| Host {
            address: address.parse().unwrap(),
            out: Vec::new(),
            heard: Vec::new(),
        };
        let (a, b) = (
            network.add(host("10.0.0.1:1")),
            network.add(host("10.0.0.2:1")),
        );
        let to = network.node(b).address;
        (0..1000).for_each(|_| send(&mut network, a, to));
        network.statistics().lost
    };
    assert_eq!(run(7), run(7));
    assert!((150..250).contains(&run(8)), "{}", run(8));
}
