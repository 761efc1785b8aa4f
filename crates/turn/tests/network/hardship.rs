//! Networks that lose, double and shuffle; servers that come and go; many clients at once.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_netsim::{Link, Network, NodeId, Wire};
use ieum_turn::client::{Event, Failure, State};
use ieum_turn::server;

use super::nodes::{self, Host, address, client, network};

const SECOND: Duration = Duration::from_secs(1);

fn bad() -> Wire {
    Wire {
        link: Link {
            delay: Duration::from_millis(20),
            loss: 0.15,
        },
        jitter: Duration::from_millis(30),
        reordering: 0.2,
        duplication: 0.3,
        mtu: 1500,
    }
}

fn base(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from(([198, 18, high, low], 5000))
}

/// A client that asks anew, with a channel.
fn steadfast(network: &mut Network<Host>) -> NodeId {
    let now = network.now();
    let alice = network.add(Host::client_with(now, base(1), "alice", |config| {
        config.reallocate = true;
    }));
    let peer = address("192.0.2.7:6000");
    client(network, alice).client.bind_channel(now, peer);
    alice
}

fn has_channel(network: &mut Network<Host>, id: NodeId) -> bool {
    let peer = address("192.0.2.7:6000");
    client(network, id).client.channel(peer).is_some()
}

#[test]
fn loss_doubles_and_disorder_leave_one_allocation_on_both_sides() {
    for seed in 0..40 {
        let mut network = Network::new(seed, bad());
        let now = network.now();
        let server = network.add(Host::server(now, |_| ()));
        let alice = steadfast(&mut network);
        let done = network.run_until(90 * SECOND, |network| has_channel(network, alice));
        assert!(done, "seed {seed}");
        // An hour of refreshes.
        network.run_for(3600 * SECOND);
        let events = &client(&mut network, alice).events;
        let lost = events
            .iter()
            .filter(|event| matches!(event, Event::Lost { .. }));
        assert_eq!(lost.count(), 0, "seed {seed}");
        assert!(has_channel(&mut network, alice), "seed {seed}");
        let host = nodes::server(&mut network, server);
        assert_eq!(
            (host.server.allocations(), host.relays.len()),
            (1, 1),
            "seed {seed}"
        );
        assert_eq!(host.server.counters().allocated, 1, "seed {seed}");
        // What was closed leaves nothing behind, at the latest when it expires.
        let now = network.now();
        client(&mut network, alice).client.close(now);
        network.run_for(700 * SECOND);
        let host = nodes::server(&mut network, server);
        assert_eq!(
            (host.server.allocations(), host.relays.len()),
            (0, 0),
            "seed {seed}"
        );
    }
}

#[test]
fn a_server_that_is_started_anew_in_mid_call_is_used_again() {
    let mut network = network(1, 0.0);
    let now = network.now();
    let server = network.add(Host::server(now, |_| ()));
    let alice = steadfast(&mut network);
    network.run_for(100 * SECOND);
    assert!(has_channel(&mut network, alice));
    let now = network.now();
    *network.node_mut(server) = Host::server(now, |config| config.seed = [3; 32]);
    // The channel is refreshed after 240 s, and brings it to light.
    network.run_for(150 * SECOND);
    let host = client(&mut network, alice);
    assert!(
        host.has(Event::Lost { code: Some(437) }),
        "{:?}",
        host.events
    );
    assert_eq!(host.client.state(), State::Allocated);
    assert!(has_channel(&mut network, alice));
    assert_eq!(nodes::server(&mut network, server).server.allocations(), 1);
}

#[test]
fn a_server_that_is_away_for_a_while_is_not_missed() {
    let mut network = network(1, 0.0);
    let now = network.now();
    network.add(Host::server(now, |_| ()));
    let alice = steadfast(&mut network);
    // Over the refresh of the channel.
    network.run_for(230 * SECOND);
    let (delay, loss) = (Duration::from_millis(10), 1.0);
    network.set_link(Link { delay, loss });
    network.run_for(30 * SECOND);
    network.set_link(Link { delay, loss: 0.0 });
    network.run_for(100 * SECOND);
    assert!(has_channel(&mut network, alice));
    assert_eq!(client(&mut network, alice).events.len(), 2);
}

#[test]
fn allocations_expire_on_both_sides_while_the_server_is_away() {
    let mut network = network(1, 0.0);
    let now = network.now();
    let server = network.add(Host::server(now, |_| ()));
    let alice = steadfast(&mut network);
    network.run_for(10 * SECOND);
    network.set_link(Link {
        delay: Duration::from_millis(10),
        loss: 1.0,
    });
    network.run_for(1000 * SECOND);
    let host = client(&mut network, alice);
    assert!(host.has(Event::Lost { code: None }));
    // It has asked anew, in vain.
    let (code, reason) = (None, Failure::NoAnswer);
    assert_eq!(host.events.last(), Some(&Event::Failed { code, reason }));
    let host = nodes::server(&mut network, server);
    assert_eq!((host.server.allocations(), host.relays.len()), (0, 0));
    assert_eq!(network.next_event(), None);
}

#[test]
fn an_allocation_moves_to_another_base_and_its_channel_with_it() {
    for seed in 0..20 {
        let mut network = Network::new(seed, bad());
        let now = network.now();
        let server = network.add(Host::server(now, |config| config.abilities.mobility = true));
        let alice = network.add(Host::client_with(now, base(1), "alice", |config| {
            config.mobility = true;
        }));
        let peer = address("192.0.2.7:6000");
        client(&mut network, alice).client.bind_channel(now, peer);
        network.run_until(90 * SECOND, |network| has_channel(network, alice));
        let now = network.now();
        let host = client(&mut network, alice);
        let (relayed, mut way) = (host.client.relayed(), host.client.server());
        way.local = base(2);
        assert!(host.client.migrate(now, way));
        let moved = network.run_until(90 * SECOND, |network| {
            client(network, alice).has(Event::Migrated)
        });
        assert!(moved, "seed {seed}");
        network.run_for(1000 * SECOND);
        let host = client(&mut network, alice);
        assert_eq!(host.client.relayed(), relayed, "seed {seed}");
        assert!(host.client.channel(peer).is_some(), "seed {seed}");
        assert_eq!(
            nodes::server(&mut network, server)
                .server
                .counters()
                .allocated,
            1
        );
    }
}

#[test]
fn a_server_that_drains_sends_newcomers_away_and_keeps_the_rest() {
    let mut network = network(1, 0.0);
    let now = network.now();
    let server = network.add(Host::server(now, |_| ()));
    let alice = steadfast(&mut network);
    network.run_for(SECOND);
    let now = network.now();
    let deadline = now + 1800 * SECOND;
    nodes::server(&mut network, server)
        .server
        .drain(now, deadline);
    let late = network.add(Host::client(now, 2, None));
    network.run_for(1700 * SECOND);
    let (code, reason) = (Some(508), Failure::NoCapacity);
    assert_eq!(
        client(&mut network, late).events,
        [Event::Failed { code, reason }]
    );
    assert!(has_channel(&mut network, alice));
    network.run_for(200 * SECOND);
    assert_eq!(nodes::server(&mut network, server).server.allocations(), 0);
}

#[test]
fn a_thousand_clients_come_at_once_and_the_quotas_hold() {
    const CLIENTS: u16 = 1000;
    const MOST: usize = 900;
    let mut network = Network::new(7, bad());
    let now = network.now();
    let server = network.add(Host::server(now, |config: &mut server::Config| {
        config.limits.relays = MOST;
        config.limits.relays_per_user = 2;
    }));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            // Three bases of each user want a relay.
            let user = format!("user{}", n / 3);
            let [high, low] = n.to_be_bytes();
            network.add(Host::client_with(now, base(n), &user, |config| {
                config.seed[0] = high;
                config.seed[1] = low;
            }))
        })
        .collect();
    network.run_for(60 * SECOND);
    let mut allocated = 0;
    for id in clients {
        match client(&mut network, id).client.state() {
            State::Allocated => allocated += 1,
            state => assert_eq!(state, State::Closed),
        }
    }
    // Two of each three.
    assert_eq!(allocated, usize::from(CLIENTS) * 2 / 3 + 1);
    let host = nodes::server(&mut network, server);
    assert_eq!(
        (host.server.allocations(), host.relays.len()),
        (allocated, allocated)
    );
    assert_eq!(host.server.gauges().users, usize::from(CLIENTS).div_ceil(3));
}
