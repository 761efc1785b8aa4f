//! Permissions, channels, and the data between.

use std::time::Duration;

use ieum_stun::{AttributeType, Class, Message, Method};
use ieum_turn::server::Server;

use super::bench::*;

#[test]
fn a_permission_lets_an_address_in_for_five_minutes() {
    let mut bench = Bench::allocated(|_| ());
    assert!(!bench.send("192.0.2.7:1", b"too early"));
    assert_eq!(bench.receive("192.0.2.7:1", b"too early"), None);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert!(bench.send("192.0.2.7:1", b"hello"));
    assert!(bench.send("192.0.2.7:2", b"any port"));
    assert!(!bench.send("192.0.2.8:1", b"another"));
    assert!(bench.receive("192.0.2.7:9", b"x").is_some());
    bench.now += 299 * SECOND;
    assert!(bench.send("192.0.2.7:1", b"hello"));
    bench.now += SECOND;
    assert!(!bench.send("192.0.2.7:1", b"hello"));
    assert_eq!(bench.receive("192.0.2.7:1", b"x"), None);
    assert_eq!(bench.counters().ignored.no_permission, 5);
}

#[test]
fn one_forbidden_peer_refuses_the_whole_request() {
    let mut bench = Bench::allocated(|config| {
        config.limits.permissions = 2;
        config.peers.allowed.push("10.0.0.9".parse().unwrap());
    });
    let (good, bad) = (address("192.0.2.7:1"), address("10.0.0.1:1"));
    let both = bench.ask(Method::CREATE_PERMISSION, |m| {
        m.xor_peer_address(good).xor_peer_address(bad);
    });
    assert_eq!(both.code(), 403);
    assert!(!bench.send("192.0.2.7:1", b"x"));
    for peer in [
        "127.0.0.1:1",
        "169.254.169.254:80",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "0.0.0.0:1",
    ] {
        assert_eq!(bench.permit(peer), 403, "{peer}");
        assert_eq!(bench.bind(0x4000, peer), 403, "{peer}");
    }
    assert_eq!(bench.ask(Method::CREATE_PERMISSION, |_| ()).code(), 400);
    let half = AttributeType::XOR_PEER_ADDRESS;
    let malformed = bench.ask(Method::CREATE_PERMISSION, |m| {
        m.xor_peer_address(good).raw(half, &[0, 1, 2]);
    });
    assert_eq!(malformed.code(), 400);
    assert_eq!(bench.permit("10.0.0.9:1"), 0);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert_eq!(bench.permit("192.0.2.8:1"), 508);
}

#[test]
fn a_channel_carries_both_ways_for_ten_minutes() {
    let mut bench = Bench::allocated(|config| config.limits.channels = 2);
    for number in [0, 0x3FFF, 0x8000, 0xFFFF] {
        assert_eq!(bench.bind(number, "192.0.2.7:1"), 400, "{number:x}");
    }
    assert_eq!(
        bench
            .ask(Method::CHANNEL_BIND, |m| _ = m.channel_number(0x4000))
            .code(),
        400
    );
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    assert_eq!(bench.bind(0x4001, "192.0.2.7:1"), 400);
    assert_eq!(bench.bind(0x4000, "192.0.2.7:2"), 400);
    assert_eq!(bench.bind(0x7FFF, "192.0.2.7:2"), 0);
    assert_eq!(bench.bind(0x4002, "192.0.2.7:3"), 508);

    let (now, five_tuple) = (bench.now, bench.five_tuple);
    let on_channel = |server: &mut Server, now, bytes: &[u8]| {
        let forward = server.handle_datagram(now, five_tuple, bytes);
        forward.map(|f| (f.five_tuple.remote, f.payload.to_vec()))
    };
    // Padding may follow, as over TCP.
    let sent = on_channel(&mut bench.server, now, b"\x40\0\0\x02hi\0\0");
    assert_eq!(sent, Some((address("192.0.2.7:1"), b"hi".to_vec())));
    assert_eq!(on_channel(&mut bench.server, now, b"\x40\0\0\x03hi"), None);
    assert_eq!(
        on_channel(&mut bench.server, now, b"\x40\x01\0\x02hi"),
        None
    );
    assert_eq!(on_channel(&mut bench.server, now, b"\x40\0\0"), None);
    assert_eq!(
        bench.receive("192.0.2.7:1", b"hi").unwrap(),
        b"\x40\0\0\x02hi"
    );

    bench.now += 599 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    // The permission was not refreshed.
    assert_eq!(bench.receive("192.0.2.7:1", b"hi"), None);
    let now = bench.now;
    assert!(on_channel(&mut bench.server, now, b"\x40\0\0\x02hi").is_some());
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    bench.now += SECOND;
    assert!(bench.receive("192.0.2.7:1", b"hi").is_some());
    let now = bench.now;
    assert_eq!(
        on_channel(&mut bench.server, now, b"\x7F\xFF\0\x02hi"),
        None
    );
    assert_eq!(bench.counters().ignored.no_channel, 2);
    assert_eq!(bench.counters().ignored.malformed, 2);
}

#[test]
fn without_a_channel_data_comes_in_an_indication() {
    let mut bench = Bench::allocated(|_| ());
    bench.permit("192.0.2.7:1");
    for len in 0..9 {
        let payload = &b"12345678"[..len];
        let bytes = bench.receive("192.0.2.7:77", payload).unwrap();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            (message.class(), message.method()),
            (Class::Indication, Method::DATA)
        );
        assert_eq!(message.xor_peer_address(), Some(address("192.0.2.7:77")));
        assert_eq!(message.data(), Some(payload));
    }
    assert!(bench.receive("192.0.2.7:77", &[0; 65_464]).is_some());
    assert!(bench.receive("192.0.2.7:77", &[0; 65_507]).is_none());
    assert_eq!(bench.counters().ignored.too_long, 1);
}

#[test]
fn a_relay_that_is_closed_relays_nothing_although_its_number_lives_again() {
    let mut bench = Bench::allocated(|_| ());
    let old = bench.relays[0].0;
    bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.permit("192.0.2.7:1");
    let new = bench.relays[0].0;
    assert_eq!((old.index(), old == new), (new.index(), false));
    let peer = address("192.0.2.7:1");
    assert!(
        bench
            .server
            .handle_relayed(bench.now, old, peer, b"x")
            .is_none()
    );
    assert!(
        bench
            .server
            .handle_relayed(bench.now, new, peer, b"x")
            .is_some()
    );
    assert_eq!(bench.counters().ignored.no_relay, 1);
}
