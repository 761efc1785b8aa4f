//! Quotas, bandwidth, and what strangers get.

use ieum_stun::{AttributeType, Class, MessageBuilder, Method, TransactionId};
use ieum_turn::credentials;

use super::bench::*;

#[test]
fn limits_hold_per_user_and_in_all() {
    let mut bench = Bench::challenged(|config| {
        config.limits.relays = 3;
        config.limits.relays_per_user = 2;
    });
    let ask_from = |bench: &mut Bench, port: u16, even: bool| {
        bench.five_tuple = from(&format!("198.51.100.1:{port}"));
        bench.allocate_as_is(|_| ());
        let answer = bench.allocate(|m| {
            if even {
                _ = m.even_port(true)
            }
        });
        answer.code()
    };
    // The reserved port counts.
    assert_eq!(ask_from(&mut bench, 1, true), 0);
    assert_eq!(ask_from(&mut bench, 2, false), 486);
    // Another expiry is the same user.
    let issued = credentials::issue(SECRET, "alice", UNIX_TIME + 3601);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 3, false), 486);
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(ask_from(&mut bench, 4, true), 508);
    assert_eq!(ask_from(&mut bench, 5, false), 0);
    assert_eq!(ask_from(&mut bench, 6, false), 508);
    // The reservation ends after 30 seconds.
    bench.now += 30 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!(bench.relays.len(), 2);
    assert_eq!(ask_from(&mut bench, 7, false), 0);
}

/// A request of this kind with so many bytes of an attribute that nobody knows, and nothing that proves anything.
fn stranger(method: Method, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut m = MessageBuilder::new(&mut bytes, Class::Request, method, TransactionId([1; 12]));
    if len > 0 {
        m.raw(AttributeType(0xC001), &vec![0; len - 1]);
    }
    bytes
}

/// Of IPv4 and UDP.
const HEADERS: usize = 28;

#[test]
fn an_answer_to_a_stranger_has_at_most_three_times_the_bytes() {
    let methods = [
        Method::BINDING,
        Method::ALLOCATE,
        Method::REFRESH,
        Method::CHANNEL_BIND,
        Method::CONNECT,
    ];
    let mut answered = 0;
    for realm in [
        "r",
        "example.org",
        "a-realm-with-a-name-that-nobody-should-take.example.org",
    ] {
        for method in methods {
            for len in 0..120 {
                let mut bench = Bench::new(|config| {
                    config.realm = realm.into();
                    config.software = Some("a name and a version".into());
                });
                let bytes = stranger(method, len);
                let Some(answer) = bench.deliver(&bytes) else {
                    assert_eq!(bench.counters().ignored.amplification, 1);
                    continue;
                };
                answered += 1;
                let (asked, got) = (bytes.len() + HEADERS, answer.bytes.len() + HEADERS);
                assert!(got <= 3 * asked, "{method:?} {len}: {got} for {asked}");
            }
        }
    }
    // What clients really send is answered.
    assert!(answered > 1500, "{answered}");
    let mut bench = Bench::new(|_| ());
    assert_eq!(bench.allocate_as_is(|_| ()).message().realm(), Some(REALM));
    assert_eq!(
        bench.deliver(&stranger(Method::BINDING, 0)).unwrap().code(),
        0
    );
}

#[test]
fn a_short_request_gets_a_short_challenge_before_none() {
    let mut bench = Bench::new(|config| config.realm = "a-realm-of-some-length".into());
    let mut bytes = Vec::new();
    let id = TransactionId([1; 12]);
    MessageBuilder::new(&mut bytes, Class::Request, Method::ALLOCATE, id);
    let answer = bench.deliver(&bytes).unwrap();
    assert_eq!(answer.code(), 401);
    assert!(answer.message().nonce().is_some());
    assert!(answer.message().password_algorithms().is_none());
    // Over a connection nobody forges an address.
    bench.five_tuple.transport = ieum_turn::Transport::Tcp;
    let answer = bench.deliver(&bytes).unwrap();
    assert!(answer.message().password_algorithms().is_some());
}

#[test]
fn strangers_get_so_many_answers_and_allocations_go_on() {
    let mut bench = Bench::challenged(|config| {
        config.limits.unauthenticated.per_second = 10;
        config.limits.unauthenticated.burst = 20;
    });
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    let flood = |bench: &mut Bench, port: u16| {
        let client = bench.five_tuple;
        bench.five_tuple = from(&format!("198.51.100.1:{port}"));
        let answered = bench.deliver(&stranger(Method::ALLOCATE, 50)).is_some();
        bench.five_tuple = client;
        answered
    };
    let answered = (0..1000)
        .filter(|n| flood(&mut bench, 7000 + n % 50))
        .count();
    assert_eq!(answered, 19);
    assert_eq!(bench.counters().ignored.rate_limited, 981);
    // Who has an allocation is not hindered, though behind the same address.
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 438);
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    assert!(bench.send("192.0.2.7:1", b"x"));
    bench.now += SECOND;
    let answered = (0..100).filter(|n| flood(&mut bench, 7000 + n)).count();
    assert_eq!(answered, 10);
    assert_eq!(bench.server.allocations(), 1);
}

#[test]
fn bandwidth_holds_for_each_user_and_for_all() {
    let kilobyte = [0; 1000];
    let passed = |bench: &mut Bench, seconds: u32| {
        let mut passed = 0;
        for _ in 0..seconds * 100 {
            bench.now += SECOND / 100;
            // Twice as much as may pass, half of it each way.
            for _ in 0..2 {
                passed += u32::from(bench.send("192.0.2.7:1", &kilobyte));
                passed += u32::from(bench.receive("192.0.2.7:1", &kilobyte).is_some());
            }
        }
        passed
    };
    for of_user in [true, false] {
        let mut bench = Bench::allocated(|config| match of_user {
            true => config.limits.bandwidth_per_user = Some(200_000),
            false => config.limits.bandwidth = Some(200_000),
        });
        bench.permit("192.0.2.7:1");
        let (burst, each_second) = (200, 200);
        let all = passed(&mut bench, 10);
        assert!(all.abs_diff(burst + 10 * each_second) <= 2, "{all}");
        let counters = bench.counters();
        let dropped = counters.to_peers_dropped.packets + counters.to_clients_dropped.packets;
        assert_eq!(dropped + u64::from(all), 4000);
        assert_eq!(
            dropped * 1000,
            counters.to_peers_dropped.bytes + counters.to_clients_dropped.bytes
        );
    }
}
