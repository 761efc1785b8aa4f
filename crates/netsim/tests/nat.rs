//! Who reaches whom through a NAT.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use ieum_netsim::{Nat, Network, NodeId, Variation};
use support::{Host, address, internet, ip, last, link, post, send};

const PUBLIC: &str = "198.51.100.1";

fn nat(mapping: Variation) -> Nat {
    Nat::new(ip(PUBLIC), mapping)
}

#[test]
fn only_whom_the_host_wrote_to_may_answer() {
    let (mut network, [inside, one, other]) = internet();
    network.put_behind(inside, nat(Variation::EndpointIndependent));
    let to = network.node(one).addresses[0];
    send(&mut network, inside, to);
    let public = last(&network, one);
    assert_eq!(public.ip(), ip(PUBLIC));
    send(&mut network, one, public);
    send(&mut network, other, public);
    assert_eq!(network.node(inside).sources(), [to]);
    // The private address means nothing outside.
    let private = network.node(inside).addresses[0];
    send(&mut network, one, private);
    assert_eq!(network.node(inside).sources(), [to]);
    assert_eq!(network.statistics().unroutable, 2);
}

/// The public address as the two addresses of one host, and as another host, see it.
fn seen_by_three(mapping: Variation) -> Vec<SocketAddr> {
    let (mut network, [inside, one, other]) = internet();
    network.put_behind(inside, nat(mapping));
    for to in ["203.0.113.1:1", "203.0.113.1:2", "203.0.113.2:1"] {
        send(&mut network, inside, address(to));
    }
    let mut seen = network.node(one).sources();
    seen.extend(network.node(other).sources());
    seen
}

#[test]
fn the_mapping_decides_on_the_public_port() {
    use Variation::*;
    for (mapping, same_address, same_host) in [
        (EndpointIndependent, true, true),
        (AddressDependent, true, false),
        (AddressAndPortDependent, false, false),
    ] {
        let seen = seen_by_three(mapping);
        assert_eq!(seen[0] == seen[1], same_address, "{mapping:?}");
        assert_eq!(seen[0] == seen[2], same_host, "{mapping:?}");
    }
}

#[test]
fn the_filtering_decides_on_who_gets_in() {
    use Variation::*;
    for (filtering, other_port, other_host) in [
        (EndpointIndependent, true, true),
        (AddressDependent, true, false),
        (AddressAndPortDependent, false, false),
    ] {
        let (mut network, [inside, one, other]) = internet();
        network.put_behind(inside, nat(EndpointIndependent).filtering(filtering));
        send(&mut network, inside, address("203.0.113.1:1"));
        let public = last(&network, one);
        let gets_in = |network: &mut Network<Host>, from: NodeId, base: &str| {
            let before = network.node(inside).heard.len();
            post(network, from, address(base), public, 0);
            network.run_for(Duration::from_millis(5));
            network.node(inside).heard.len() > before
        };
        assert!(gets_in(&mut network, one, "203.0.113.1:1"));
        assert_eq!(gets_in(&mut network, one, "203.0.113.1:2"), other_port);
        assert_eq!(gets_in(&mut network, other, "203.0.113.2:1"), other_host);
    }
}

#[test]
fn a_binding_that_is_not_used_expires() {
    let (mut network, [inside, one, _]) = internet();
    let short = nat(Variation::EndpointIndependent).timeout(Duration::from_secs(30));
    network.put_behind(inside, short);
    let to = network.node(one).addresses[0];
    send(&mut network, inside, to);
    let first = last(&network, one);
    network.run_for(Duration::from_secs(29));
    send(&mut network, inside, to);
    assert_eq!(last(&network, one), first, "what leaves keeps it");
    network.run_for(Duration::from_secs(31));
    send(&mut network, one, first);
    assert!(network.node(inside).heard.is_empty());
    send(&mut network, inside, to);
    assert_ne!(last(&network, one), first);
}

#[test]
fn ports_are_preserved_where_they_are_free() {
    let (mut network, [inside, one, _]) = internet();
    let kind = nat(Variation::EndpointIndependent).preserve_ports(true);
    let kind = network.put_behind(inside, kind);
    let neighbour = network.add(Host::new(&["192.168.0.3:1"]));
    network.put_with(neighbour, kind);
    let to = network.node(one).addresses[0];
    send(&mut network, inside, to);
    assert_eq!(last(&network, one).port(), 1);
    send(&mut network, neighbour, to);
    assert_ne!(last(&network, one).port(), 1);
}

#[test]
fn neighbours_reach_each_other_directly_and_by_the_public_address_only_with_hairpinning() {
    for hairpin in [false, true] {
        let (mut network, [inside, one, _]) = internet();
        let kind = nat(Variation::EndpointIndependent)
            .filtering(Variation::EndpointIndependent)
            .hairpin(hairpin);
        let kind = network.put_behind(inside, kind);
        let neighbour = network.add(Host::new(&["192.168.0.3:1"]));
        network.put_with(neighbour, kind);
        send(&mut network, neighbour, address("192.168.0.2:1"));
        assert_eq!(last(&network, inside), address("192.168.0.3:1"));
        let to = network.node(one).addresses[0];
        send(&mut network, inside, to);
        let public = last(&network, one);
        send(&mut network, neighbour, public);
        // RFC 4787 §6: it comes from the public address of the neighbour.
        let heard = network.node(inside).sources().len() == 2;
        assert_eq!(heard, hairpin);
        if hairpin {
            assert_eq!(last(&network, inside).ip(), ip(PUBLIC));
        }
    }
}

#[test]
fn a_nat_behind_a_nat_translates_twice() {
    let (mut network, [inside, one, _]) = internet();
    let carrier = network.add_nat(nat(Variation::EndpointIndependent), None);
    let home = Nat::new(ip("100.64.0.7"), Variation::EndpointIndependent);
    let home = network.add_nat(home, Some(carrier));
    network.put_with(inside, home);
    // A host of the carrier's own sees what is between the two.
    let between = network.add(Host::new(&["100.64.0.8:1"]));
    network.put_with(between, carrier);
    let to = network.node(one).addresses[0];
    send(&mut network, inside, to);
    let public = last(&network, one);
    assert_eq!(public.ip(), ip(PUBLIC));
    send(&mut network, one, public);
    assert_eq!(network.node(inside).sources(), [to]);
    send(&mut network, inside, address("100.64.0.8:1"));
    assert_eq!(last(&network, between).ip(), ip("100.64.0.7"));
    network.nat_mut(home).forget();
    send(&mut network, one, public);
    assert_eq!(network.node(inside).sources(), [to]);
}

#[test]
fn each_interface_may_be_somewhere_else() {
    let mut network = Network::new(1, link(1));
    let both = network.add(Host::new(&["192.168.0.2:1", "198.51.100.7:1"]));
    let server = network.add(Host::new(&["203.0.113.1:1"]));
    let home = network.add_nat(nat(Variation::EndpointIndependent), None);
    network.put_interface(both, ip("192.168.0.2"), Some(home));
    for base in ["192.168.0.2:1", "198.51.100.7:1"] {
        post(
            &mut network,
            both,
            address(base),
            address("203.0.113.1:1"),
            0,
        );
        network.run_for(Duration::from_millis(5));
    }
    let seen = network.node(server).sources();
    assert_eq!(seen[0].ip(), ip(PUBLIC));
    assert_eq!(seen[1], address("198.51.100.7:1"));
}
