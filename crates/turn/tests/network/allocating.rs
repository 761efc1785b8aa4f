//! How an allocation comes, stays and goes.

use std::time::Duration;

use ieum_netsim::{Link, Network, NodeId};
use ieum_turn::client::{Event, Failure, State};
use ieum_turn::server;

use super::nodes::{self, Host, address, client, network};

const SECOND: Duration = Duration::from_secs(1);
const LOST: Link = Link {
    delay: Duration::from_millis(10),
    loss: 1.0,
};

/// A server and a client.
fn pair(network: &mut Network<Host>, change: impl FnOnce(&mut server::Config)) -> (NodeId, NodeId) {
    let now = network.now();
    let server = network.add(Host::server(now, change));
    let client = network.add(Host::client(now, 1, None));
    (server, client)
}

fn state(network: &mut Network<Host>, id: NodeId) -> State {
    client(network, id).client.state()
}

#[test]
fn an_allocation_takes_two_round_trips() {
    let mut network = network(1, 0.0);
    let (server, alice) = pair(&mut network, |_| ());
    assert!(network.run_until(SECOND, |network| state(network, alice) == State::Allocated));
    assert_eq!(network.elapsed(), Duration::from_millis(40));
    let (relayed, reflexive) = (address("203.0.113.1:50000"), address("198.51.100.1:5000"));
    assert_eq!(client(&mut network, alice).client.relayed(), Some(relayed));
    network.run_for(Duration::from_millis(1));
    assert!(client(&mut network, alice).has(Event::Allocated { relayed, reflexive }));
    let counters = *nodes::server(&mut network, server).server.counters();
    assert_eq!((counters.allocated, counters.refused.challenged), (1, 1));
}

#[test]
fn loss_delays_and_does_not_prevent() {
    for seed in 0..200 {
        let mut network = network(seed, 0.1);
        let (server, alice) = pair(&mut network, |_| ());
        let peer = address("192.0.2.7:6000");
        let now = network.now();
        client(&mut network, alice).client.bind_channel(now, peer);
        let done = network.run_until(90 * SECOND, |network| {
            client(network, alice).client.channel(peer).is_some()
        });
        assert!(done, "seed {seed}");
        let counters = *nodes::server(&mut network, server).server.counters();
        assert_eq!(counters.allocated, 1, "seed {seed}");
        assert_eq!(counters.refused.allocation_mismatch, 0, "seed {seed}");
    }
}

#[test]
fn it_lives_for_hours_although_nonces_do_not() {
    let mut network = network(1, 0.0);
    let (server, alice) = pair(&mut network, |config| {
        config.limits.nonce_lifetime = 300 * SECOND;
    });
    let peer = address("192.0.2.7:6000");
    let now = network.now();
    client(&mut network, alice).client.bind_channel(now, peer);
    network.run_for(3 * 3600 * SECOND);
    let alice = client(&mut network, alice);
    assert_eq!(alice.client.state(), State::Allocated);
    assert!(alice.client.channel(peer).is_some());
    assert_eq!(alice.events.len(), 2, "{:?}", alice.events);
    let counters = *nodes::server(&mut network, server).server.counters();
    assert!(counters.refused.stale_nonce > 10, "{counters:?}");
    assert!(counters.refreshed >= 3 * 3600 / 540 - 1, "{counters:?}");
}

#[test]
fn it_outlives_its_credentials() {
    let mut network = network(1, 0.0);
    let (_, alice) = pair(&mut network, |_| ());
    network.run_for(90_000 * SECOND);
    assert_eq!(state(&mut network, alice), State::Allocated);
    let now = network.now();
    let late = network.add(Host::client(now, 2, None));
    network.run_for(SECOND);
    let failed = Event::Failed {
        code: Some(401),
        reason: Failure::WrongCredentials,
    };
    assert_eq!(client(&mut network, late).events, [failed]);
}

#[test]
fn a_wrong_password_fails_after_one_try() {
    let mut network = network(1, 0.0);
    let now = network.now();
    let server = network.add(Host::server(now, |_| ()));
    let mallory = network.add(Host::client(now, 1, Some("guessed")));
    network.run_for(100 * SECOND);
    let failed = Event::Failed {
        code: Some(401),
        reason: Failure::WrongCredentials,
    };
    assert_eq!(client(&mut network, mallory).events, [failed]);
    assert_eq!(state(&mut network, mallory), State::Closed);
    let server = &nodes::server(&mut network, server).server;
    assert_eq!((server.allocations(), server.poll_timeout()), (0, None));
    assert_eq!(server.counters().refused.unauthenticated, 1);
}

#[test]
fn a_reached_quota_fails_with_its_code() {
    let mut network = network(1, 0.0);
    let (_, alice) = pair(&mut network, |config| config.limits.relays_per_user = 1);
    network.run_for(SECOND);
    let now = network.now();
    let second = network.add(Host::client(now, 2, None));
    network.run_for(SECOND);
    let failed = Event::Failed {
        code: Some(486),
        reason: Failure::NoCapacity,
    };
    assert_eq!(client(&mut network, second).events, [failed]);
    // What is given back can be had again.
    let now = network.now();
    client(&mut network, alice).client.close(now);
    network.run_for(SECOND);
    let now = network.now();
    let third = network.add(Host::client(now, 3, None));
    network.run_for(SECOND);
    assert_eq!(state(&mut network, third), State::Allocated);
}

#[test]
fn a_dead_server_is_given_up_when_the_rfc_says() {
    let mut network = network(1, 1.0);
    let (_, alice) = pair(&mut network, |_| ());
    network.run_until(100 * SECOND, |network| {
        state(network, alice) == State::Closed
    });
    assert_eq!(network.elapsed(), Duration::from_millis(39_500));
    network.run_for(SECOND);
    let failed = Event::Failed {
        code: None,
        reason: Failure::NoAnswer,
    };
    assert_eq!(client(&mut network, alice).events, [failed]);
    assert_eq!(network.next_event(), None);
}

#[test]
fn an_unreachable_server_loses_the_allocation_on_both_sides() {
    let mut network = network(1, 0.0);
    let (server, alice) = pair(&mut network, |_| ());
    network.run_for(SECOND);
    network.set_link(LOST);
    network.run_for(700 * SECOND);
    assert!(client(&mut network, alice).has(Event::Lost { code: None }));
    let host = nodes::server(&mut network, server);
    assert_eq!((host.server.allocations(), host.relays.len()), (0, 0));
    assert_eq!(host.server.counters().expired, 1);
    assert_eq!(network.next_event(), None);
}

#[test]
fn an_allocation_that_the_server_has_forgotten_is_lost() {
    let mut network = network(1, 0.0);
    let (server, alice) = pair(&mut network, |_| ());
    network.run_for(SECOND);
    let now = network.now();
    *network.node_mut(server) = Host::server(now, |config| config.seed = [3; 32]);
    network.run_for(700 * SECOND);
    assert!(client(&mut network, alice).has(Event::Lost { code: Some(437) }));
}

#[test]
fn a_closed_client_gives_back_and_falls_silent() {
    let mut network = network(1, 0.0);
    let (server, alice) = pair(&mut network, |_| ());
    network.run_for(SECOND);
    let now = network.now();
    client(&mut network, alice).client.close(now);
    assert_eq!(state(&mut network, alice), State::Closing);
    assert!(network.run_until(SECOND, |network| state(network, alice) == State::Closed));
    let host = nodes::server(&mut network, server);
    assert_eq!((host.server.allocations(), host.relays.len()), (0, 0));
    assert_eq!(host.server.counters().released, 1);
    assert_eq!(network.next_event(), None);
}

#[test]
fn closing_while_allocating_leaves_nothing_behind() {
    // Before, between and after the two round trips.
    for millis in [0, 5, 15, 25, 35, 45] {
        let mut network = network(1, 0.0);
        let (server, alice) = pair(&mut network, |_| ());
        network.run_for(Duration::from_millis(millis));
        let now = network.now();
        client(&mut network, alice).client.close(now);
        network.run_for(5 * SECOND);
        assert_eq!(state(&mut network, alice), State::Closed, "{millis} ms");
        let host = nodes::server(&mut network, server);
        assert_eq!(
            (host.server.allocations(), host.relays.len()),
            (0, 0),
            "{millis} ms"
        );
        assert_eq!(network.next_event(), None, "{millis} ms");
    }
}

#[test]
fn closing_without_a_server_ends_in_seconds() {
    let mut network = network(1, 0.0);
    let (_, alice) = pair(&mut network, |_| ());
    network.run_for(SECOND);
    network.set_link(LOST);
    let now = network.now();
    client(&mut network, alice).client.close(now);
    assert!(
        network.run_until(12 * SECOND, |network| state(network, alice)
            == State::Closed)
    );
}
