//! What changes while a server runs: its configuration, and its end.

use std::net::IpAddr;

use ieum_stun::{Icmp, Method, code};
use ieum_turn::credentials;
use ieum_turn::server::{Config, PeerPolicy};

use super::bench::*;

/// The configuration that `Bench` begins with, changed.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::new(REALM, SECRET, UNIX_TIME, [1; 32]);
    change(&mut config);
    config
}

/// Another client of the same user.
fn newcomer(bench: &mut Bench, port: u16) -> Answer {
    bench.five_tuple = from(&format!("198.51.100.1:{port}"));
    bench.allocate_as_is(|_| ());
    bench.allocate(|_| ())
}

#[test]
fn a_secret_is_changed_without_ending_an_allocation() {
    let mut bench = Bench::allocated(|_| ());
    let five_tuple = bench.five_tuple;
    let now = bench.now;
    bench
        .server
        .reconfigure(now, config(|config| config.secrets = vec![b"new".to_vec()]));
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    assert_eq!(newcomer(&mut bench, 7000).code(), 401);
    let issued = credentials::issue(b"new", "alice", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    // The same user, by either secret.
    bench.five_tuple = five_tuple;
    let refreshed = bench.ask(Method::REFRESH, |_| ()).code();
    assert_eq!(
        if refreshed == 438 {
            bench.ask(Method::REFRESH, |_| ()).code()
        } else {
            refreshed
        },
        0
    );
}

#[test]
fn peers_that_a_new_policy_refuses_are_cut_off() {
    let mut bench = Bench::allocated(|_| ());
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert_eq!(bench.bind(0x4000, "192.0.2.8:1"), 0);
    assert_eq!(bench.bind(0x4001, "198.51.100.77:1"), 0);
    let now = bench.now;
    bench.server.reconfigure(
        now,
        config(|config| config.peers.denied.push("192.0.2.0/24".parse().unwrap())),
    );
    assert!(!bench.send("192.0.2.7:1", b"x"));
    assert_eq!(bench.receive("192.0.2.8:1", b"x"), None);
    assert!(bench.receive("198.51.100.77:1", b"x").is_some());
    let five_tuple = bench.five_tuple;
    let on = |bench: &mut Bench, bytes| {
        bench
            .server
            .handle_datagram(now, five_tuple, bytes)
            .is_some()
    };
    assert!(!on(&mut bench, b"\x40\0\0\x01x") && on(&mut bench, b"\x40\x01\0\x01x"));
    assert_eq!(bench.permit("192.0.2.7:1"), 403);
}

#[test]
fn who_has_more_than_a_new_limit_keeps_it() {
    let mut bench = Bench::allocated(|_| ());
    assert_eq!(newcomer(&mut bench, 7000).code(), 0);
    let now = bench.now;
    bench
        .server
        .reconfigure(now, config(|config| config.limits.relays_per_user = 1));
    assert_eq!((bench.server.allocations(), bench.relays.len()), (2, 2));
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    assert_eq!(newcomer(&mut bench, 7001).code(), 486);
}

#[test]
fn of_the_servers_own_addresses_only_relays_can_be_reached() {
    let own: IpAddr = "203.0.113.1".parse().unwrap();
    let mut bench = Bench::allocated(|config| {
        config.peers = PeerPolicy {
            own: vec![own],
            relay_ports: 50_000..=50_999,
            ..PeerPolicy::default()
        };
    });
    assert_eq!(bench.permit("203.0.113.1:50002"), 0);
    assert!(bench.send("203.0.113.1:50002", b"another relay"));
    assert!(!bench.send("203.0.113.1:22", b"a service"));
    assert_eq!(bench.bind(0x4000, "203.0.113.1:22"), 403);
    assert_eq!(bench.bind(0x4000, "203.0.113.1:50002"), 0);
    assert_eq!(bench.counters().ignored.own_port, 1);
}

#[test]
fn a_server_that_drains_lets_what_lives_live_to_the_deadline() {
    let mut bench = Bench::allocated(|_| ());
    let client = bench.five_tuple;
    let deadline = bench.now + 300 * SECOND;
    bench.server.drain(bench.now, deadline);
    assert!(bench.server.is_draining());
    assert_eq!(newcomer(&mut bench, 7000).code(), 508);
    bench.five_tuple = client;
    let refresh = |bench: &mut Bench| match bench.ask(Method::REFRESH, |_| ()) {
        answer if answer.code() == 438 => bench.ask(Method::REFRESH, |_| ()),
        answer => answer,
    };
    // No longer than there is.
    assert_eq!(refresh(&mut bench).message().lifetime(), Some(300 * SECOND));
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    bench.now += 299 * SECOND;
    assert!(bench.receive("192.0.2.7:1", b"x").is_some());
    assert_eq!(bench.server.poll_timeout(), Some(deadline));
    bench.now += SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    assert_eq!(bench.server.poll_timeout(), None);
}

#[test]
fn what_a_deadline_ends_is_counted_and_what_a_client_ends_is_not() {
    let mut bench = Bench::allocated(|_| ());
    let deadline = bench.now + 300 * SECOND;
    bench.server.drain(bench.now, deadline);
    bench.now = deadline;
    bench.server.handle_timeout(bench.now);
    assert_eq!((bench.counters().drained, bench.counters().expired), (1, 0));
}

#[test]
fn while_it_drains_newcomers_are_sent_to_another_server() {
    let mut bench = Bench::new(|config| {
        config.alternate_servers = vec![address("[2001:db8::9]:3478"), address("203.0.113.9:3478")];
    });
    let deadline = bench.now + 300 * SECOND;
    bench.server.drain(bench.now, deadline);
    let answer = newcomer(&mut bench, 7000);
    assert_eq!(answer.code(), code::TRY_ALTERNATE);
    assert_eq!(
        answer.message().alternate_server(),
        Some(address("203.0.113.9:3478"))
    );
    assert_eq!(bench.counters().refused.redirected, 1);
}

#[test]
fn an_icmp_error_is_told_to_who_has_a_permission() {
    let mut bench = Bench::allocated(|_| ());
    let (relay, now) = (bench.relays[0].0, bench.now);
    let icmp = Icmp {
        kind: 3,
        code: 4,
        data: 1280,
    };
    bench
        .server
        .handle_icmp(now, relay, address("192.0.2.7:1"), icmp);
    assert_eq!(bench.server.poll_transmit(now, &mut Vec::new()), None);
    bench.permit("192.0.2.7:1");
    bench
        .server
        .handle_icmp(now, relay, address("192.0.2.7:1"), icmp);
    let mut bytes = Vec::new();
    bench.server.poll_transmit(now, &mut bytes).unwrap();
    let message = ieum_stun::Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.method(), message.icmp()),
        (Method::DATA, Some(icmp))
    );
    assert_eq!((message.data(), bench.counters().icmp), (None, 1));
}

#[test]
fn df_is_set_where_the_driver_can() {
    for able in [false, true] {
        let mut bench = Bench::challenged(|config| config.abilities.dont_fragment = able);
        let code = bench.allocate(|m| _ = m.dont_fragment()).code();
        assert_eq!(code, if able { 0 } else { 420 });
        if able {
            bench.permit("192.0.2.7:1");
        }
        let mut bytes = Vec::new();
        let (class, id) = (ieum_stun::Class::Indication, bench.id());
        ieum_stun::MessageBuilder::new(&mut bytes, class, Method::SEND, id)
            .xor_peer_address(address("192.0.2.7:1"))
            .dont_fragment()
            .data(b"x");
        let forward = bench
            .server
            .handle_datagram(bench.now, bench.five_tuple, &bytes);
        assert_eq!(
            forward.map(|forward| forward.dont_fragment),
            able.then_some(true)
        );
    }
}
