//! How an allocation comes, stays and goes, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_stun::{AttributeType, Method};
use ieum_turn::credentials;
use ieum_turn::server::{Event, RelayError};

use super::bench::*;

#[test]
fn the_same_allocate_is_answered_with_the_same_allocation() {
    let mut bench = Bench::challenged(|_| ());
    let request = bench.request(Method::ALLOCATE, |m| _ = m.requested_transport(17));
    let first = bench.deliver(&request).unwrap();
    assert_eq!(first.code(), 0);
    assert_eq!(
        first.message().xor_relayed_address(),
        Some(bench.relays[0].1)
    );
    assert_eq!(
        first.message().xor_mapped_address(),
        Some(bench.five_tuple.remote)
    );
    assert_eq!(first.message().lifetime(), Some(600 * SECOND));
    assert_eq!(bench.deliver(&request).unwrap(), first);
    assert_eq!(bench.counters().repeated, 1);
    assert_eq!(bench.allocate(|_| ()).code(), 437);
    assert_eq!((bench.server.allocations(), bench.relays.len()), (1, 1));
}

#[test]
fn while_a_relay_is_being_opened_there_is_one_allocation_and_no_answer() {
    let mut bench = Bench::challenged(|_| ());
    let request = bench.request(Method::ALLOCATE, |m| _ = m.requested_transport(17));
    for _ in 0..3 {
        bench
            .server
            .handle_datagram(bench.now, bench.five_tuple, &request);
    }
    assert_eq!(bench.server.poll_transmit(bench.now, &mut Vec::new()), None);
    let Some(Event::OpenRelay { id, .. }) = bench.server.poll_event() else {
        panic!();
    };
    assert_eq!(bench.server.poll_event(), None);
    let refresh = bench.request(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(bench.deliver(&refresh).unwrap().code(), 437);
    bench
        .server
        .relay_opened(bench.now, id, Ok(address("203.0.113.1:50000")));
    let mut bytes = Vec::new();
    assert!(bench.server.poll_transmit(bench.now, &mut bytes).is_some());
    assert_eq!(Answer { bytes }.code(), 0);
    // A driver that answers twice changes nothing.
    bench
        .server
        .relay_opened(bench.now, id, Err(RelayError::Exhausted));
    assert_eq!(
        (bench.server.allocations(), bench.counters().ignored.opening),
        (1, 2)
    );
}

#[test]
fn an_allocate_that_makes_no_sense_is_refused() {
    let mut bench = Bench::challenged(|_| ());
    assert_eq!(bench.ask(Method::ALLOCATE, |_| ()).code(), 400);
    assert_eq!(
        bench
            .ask(Method::ALLOCATE, |m| _ = m.requested_transport(6))
            .code(),
        442
    );
    let unknown = AttributeType(0x7777);
    assert_eq!(bench.allocate(|m| _ = m.raw(unknown, &[])).code(), 420);
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::DONT_FRAGMENT, &[]))
            .code(),
        420
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::LIFETIME, &[1]))
            .code(),
        400
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.raw(AttributeType::EVEN_PORT, &[]))
            .code(),
        400
    );
    let third = AttributeType::REQUESTED_ADDRESS_FAMILY;
    assert_eq!(
        bench.allocate(|m| _ = m.raw(third, &[3, 0, 0, 0])).code(),
        440
    );
    assert_eq!(
        bench
            .allocate(|m| _ = m.reservation_token([0; 8]).even_port(false))
            .code(),
        400
    );
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token([0; 8])).code(),
        508
    );
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    assert_eq!(bench.allocate(|_| ()).code(), 0);
}

#[test]
fn a_lifetime_is_at_least_ten_minutes_and_at_most_an_hour() {
    for (wanted, granted) in [
        (0, 600),
        (1, 600),
        (777, 777),
        (3600, 3600),
        (u64::MAX, 3600),
    ] {
        let mut bench = Bench::challenged(|_| ());
        let answer = bench.allocate(|m| _ = m.lifetime(Duration::from_secs(wanted)));
        assert_eq!(
            answer.message().lifetime(),
            Some(granted * SECOND),
            "{wanted}"
        );
        assert_eq!(
            bench.server.poll_timeout(),
            Some(bench.now + granted * SECOND)
        );
    }
}

#[test]
fn a_refresh_prolongs_and_lifetime_zero_ends() {
    let mut bench = Bench::allocated(|_| ());
    bench.now += 500 * SECOND;
    let answer = bench.ask(Method::REFRESH, |_| ());
    assert_eq!(answer.message().lifetime(), Some(600 * SECOND));
    assert_eq!(bench.server.poll_timeout(), Some(bench.now + 600 * SECOND));
    let answer = bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(
        (answer.code(), answer.message().lifetime()),
        (0, Some(Duration::ZERO))
    );
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    assert_eq!(bench.server.poll_timeout(), None);
    assert_eq!(
        bench
            .ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO))
            .code(),
        437
    );
}

#[test]
fn a_reserved_port_goes_to_who_brings_its_token() {
    let mut bench = Bench::challenged(|_| ());
    let even = bench.allocate(|m| _ = m.even_port(true));
    let token = even.message().reservation_token().unwrap();
    let relayed = even.message().xor_relayed_address().unwrap();
    assert_eq!(relayed.port() % 2, 0);

    bench.five_tuple = from("198.51.100.1:5001");
    bench.allocate_as_is(|_| ());
    let (username, password) = (bench.username.clone(), bench.password.clone());
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token(token)).code(),
        508
    );
    (bench.username, bench.password) = (username, password);
    let odd = bench.allocate(|m| _ = m.reservation_token(token));
    assert_eq!(odd.code(), 0);
    let above = SocketAddr::new(relayed.ip(), relayed.port() + 1);
    assert_eq!(odd.message().xor_relayed_address(), Some(above));

    bench.five_tuple = from("198.51.100.1:5002");
    bench.allocate_as_is(|_| ());
    assert_eq!(
        bench.allocate(|m| _ = m.reservation_token(token)).code(),
        508
    );
    bench.now += 600 * SECOND;
    bench.server.handle_timeout(bench.now);
    bench.drive();
    assert_eq!((bench.relays.len(), bench.server.poll_timeout()), (0, None));
}

#[test]
fn what_has_expired_is_gone_before_the_timeout_is_handled() {
    let mut bench = Bench::allocated(|_| ());
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
    bench.now += 600 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 437);
    assert_eq!((bench.counters().expired, bench.relays.len()), (1, 0));
}
