//! What happens to packets on their way.

mod support;

use std::time::Duration;

use ieum_netsim::{Firewall, Link, Network, NodeId, Wire};
use support::{Host, address, internet, ip, link, post, send};

const TO: &str = "10.0.0.2:1";

/// So many numbered packets, 1 ms apart, over this wire: the numbers in the order of their arrival.
fn arrivals(seed: u64, wire: impl Into<Wire>, count: u8) -> (Network<Host>, Vec<u8>) {
    let mut network = Network::new(seed, wire);
    let a = network.add(Host::new(&["10.0.0.1:1"]));
    let b = network.add(Host::new(&[TO]));
    let base = network.node(a).addresses[0];
    for n in 0..count {
        post(&mut network, a, base, address(TO), n);
        network.run_for(Duration::from_millis(1));
    }
    network.run_for(Duration::from_secs(1));
    let heard = network.node(b).heard.iter().map(|(_, n)| *n).collect();
    (network, heard)
}

fn in_order(count: u8) -> Vec<u8> {
    (0..count).collect()
}

#[test]
fn loss_is_drawn_from_the_seed() {
    let lost = |seed| {
        let wire = Link {
            delay: Duration::ZERO,
            loss: 0.2,
        };
        let (network, heard) = arrivals(seed, wire, 250);
        assert_eq!(network.statistics().lost as usize, 250 - heard.len());
        heard
    };
    assert_eq!(lost(7), lost(7));
    assert_ne!(lost(7), lost(8));
    assert!((180..220).contains(&lost(8).len()), "{}", lost(8).len());
}

#[test]
fn jitter_keeps_the_order_and_changes_the_delay() {
    let mut wire = Wire::from(link(10));
    wire.jitter = Duration::from_millis(20);
    let (_, heard) = arrivals(1, wire, 200);
    assert_eq!(heard, in_order(200));
    let arrived_by = |after: u64| {
        let mut network = Network::new(3, wire);
        let a = network.add(Host::new(&["10.0.0.1:1"]));
        let b = network.add(Host::new(&[TO]));
        let base = network.node(a).addresses[0];
        post(&mut network, a, base, address(TO), 0);
        network.run_for(Duration::from_millis(after));
        !network.node(b).heard.is_empty()
    };
    assert!(!arrived_by(10) && arrived_by(30));
}

#[test]
fn reordering_lets_later_packets_pass_and_loses_none() {
    let mut wire = Wire::from(link(10));
    wire.reordering = 0.2;
    let (_, mut heard) = arrivals(1, wire, 200);
    assert_ne!(heard, in_order(200));
    heard.sort_unstable();
    assert_eq!(heard, in_order(200));
}

#[test]
fn duplication_brings_some_packets_twice() {
    let mut wire = Wire::from(link(1));
    wire.duplication = 0.2;
    let (network, mut heard) = arrivals(1, wire, 200);
    assert_eq!(heard.len(), 200 + network.statistics().duplicated as usize);
    assert!((220..260).contains(&heard.len()), "{}", heard.len());
    heard.dedup();
    assert_eq!(heard, in_order(200));
}

#[test]
fn what_is_longer_than_the_mtu_is_dropped() {
    let mut wire = Wire::from(link(1));
    wire.mtu = 1;
    let (_, heard) = arrivals(1, wire, 3);
    assert_eq!(heard, in_order(3));
    wire.mtu = 0;
    let (network, heard) = arrivals(1, wire, 3);
    assert!(heard.is_empty());
    assert_eq!(network.statistics().too_long, 3);
}

#[test]
fn an_access_link_adds_to_the_way() {
    let (mut network, [_, one, other]) = internet();
    network.set_access(one, ip("203.0.113.1"), link(5));
    network.set_access(other, ip("203.0.113.2"), link(20));
    let base = network.node(one).addresses[0];
    post(&mut network, one, base, address("203.0.113.2:1"), 0);
    let heard = |network: &Network<Host>, id: NodeId| network.node(id).heard.len();
    network.run_for(Duration::from_millis(25));
    assert_eq!(heard(&network, other), 0);
    network.run_for(Duration::from_millis(1));
    assert_eq!(heard(&network, other), 1);
}

#[test]
fn an_interface_that_is_down_sends_and_hears_nothing() {
    let (mut network, [_, one, other]) = internet();
    let interface = ip("203.0.113.1");
    let (here, there) = (address("203.0.113.1:1"), address("203.0.113.2:1"));
    network.set_interface_up(one, interface, false);
    send(&mut network, one, there);
    send(&mut network, other, here);
    assert_eq!(network.statistics().unroutable, 2);
    network.set_interface_up(one, interface, true);
    send(&mut network, other, here);
    assert_eq!(network.node(one).heard.len(), 1);
}

#[test]
fn a_firewall_lets_in_answers_and_blocks_udp_but_for_open_ports() {
    let (mut network, [_, one, other]) = internet();
    let (here, there) = (address("203.0.113.1:1"), address("203.0.113.2:1"));
    network.protect(one, Firewall::stateful());
    send(&mut network, other, here);
    assert_eq!(network.node(one).heard.len(), 0);
    send(&mut network, one, there);
    send(&mut network, other, here);
    assert_eq!(network.node(one).heard.len(), 1);
    network.protect(one, Firewall::blocking_udp());
    send(&mut network, one, there);
    send(&mut network, other, here);
    assert_eq!(network.node(one).heard.len(), 1);
    assert_eq!(network.statistics().blocked, 3);
    network.protect(one, Firewall::blocking_udp().open_port(1));
    send(&mut network, one, there);
    send(&mut network, other, here);
    assert_eq!(network.node(one).heard.len(), 2);
}
