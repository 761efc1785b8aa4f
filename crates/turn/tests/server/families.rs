//! IPv4, IPv6, and both in one allocation.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_stun::{AttributeType, Family, Method};
use ieum_turn::FiveTuple;
use ieum_turn::server::{RelayError, Side};

use super::bench::*;

#[test]
fn families_are_the_drivers() {
    let mut bench = Bench::challenged(|_| ());
    bench.refuse_relays = Some(RelayError::Family);
    assert_eq!(
        bench
            .allocate(|m| _ = m.requested_address_family(Family::V6))
            .code(),
        440
    );
    bench.refuse_relays = Some(RelayError::Exhausted);
    assert_eq!(bench.allocate(|m| _ = m.even_port(true)).code(), 508);
    assert_eq!(
        (bench.server.allocations(), bench.server.poll_timeout()),
        (0, None)
    );
    bench.refuse_relays = None;
    let answer = bench.allocate(|m| _ = m.requested_address_family(Family::V6));
    assert_eq!(
        answer.message().xor_relayed_address(),
        Some(address("[2001:db8::1]:50000"))
    );
    assert_eq!(bench.permit("192.0.2.7:1"), 443);
    assert_eq!(bench.permit("[2001:db8::7]:1"), 0);
    let refresh = bench.ask(Method::REFRESH, |m| {
        _ = m.requested_address_family(Family::V4)
    });
    assert_eq!(refresh.code(), 443);
}

/// The families of the open relays, the answer's two addresses, and its ADDRESS-ERROR-CODE.
fn dual(bench: &mut Bench) -> (Answer, Vec<SocketAddr>) {
    let answer = bench.allocate(|m| _ = m.additional_address_family(Family::V6));
    let kind = AttributeType::XOR_RELAYED_ADDRESS;
    let relayed = answer
        .message()
        .attributes()
        .filter(|a| a.kind == kind)
        .count();
    assert_eq!(relayed, bench.relays.len());
    let relays = bench.relays.iter().map(|(_, relay)| *relay).collect();
    (answer, relays)
}

#[test]
fn one_allocation_has_an_address_of_each_family() {
    let mut bench = Bench::challenged(|_| ());
    let (answer, relays) = dual(&mut bench);
    assert_eq!(answer.code(), 0);
    let families: Vec<_> = relays.iter().map(|relay| Family::of(relay.ip())).collect();
    assert_eq!(families, [Family::V4, Family::V6]);
    assert_eq!(bench.counters().second_addresses, 1);
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    assert_eq!(bench.bind(0x4001, "[2001:db8::7]:1"), 0);
    for (number, index, peer) in [(0, 0, "192.0.2.7:1"), (1, 1, "[2001:db8::7]:1")] {
        let (id, relay) = bench.relays[index];
        let bytes = [0x40, number, 0, 1, 7];
        let (now, five_tuple) = (bench.now, bench.five_tuple);
        let forward = bench
            .server
            .handle_datagram(now, five_tuple, &bytes)
            .unwrap();
        assert_eq!(forward.from, Side::Relay(id));
        assert_eq!(forward.five_tuple, FiveTuple::udp(relay, address(peer)));
        let forward = bench
            .server
            .handle_relayed(now, id, address(peer), b"x")
            .unwrap();
        assert_eq!(forward.header(), [0x40, number, 0, 1]);
        assert_eq!(forward.five_tuple, five_tuple);
    }
}

#[test]
fn each_family_is_given_back_by_itself_and_both_at_once() {
    let mut bench = Bench::challenged(|_| ());
    dual(&mut bench);
    let release = |bench: &mut Bench, family: Family| {
        let answer = bench.ask(Method::REFRESH, |m| {
            m.lifetime(Duration::ZERO).requested_address_family(family);
        });
        answer.code()
    };
    assert_eq!(release(&mut bench, Family::V4), 0);
    assert_eq!((bench.server.allocations(), bench.relays.len()), (1, 1));
    assert_eq!(bench.permit("192.0.2.7:1"), 443);
    assert_eq!(bench.permit("[2001:db8::7]:1"), 0);
    assert_eq!(release(&mut bench, Family::V4), 443);
    assert_eq!(release(&mut bench, Family::V6), 0);
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
    dual(&mut bench);
    bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
}

#[test]
fn a_family_that_cannot_be_had_is_answered_with_its_own_error() {
    for (missing, code) in [(Family::V6, [2, 0, 4, 40]), (Family::V4, [1, 0, 4, 40])] {
        let mut bench = Bench::challenged(|_| ());
        bench.refuse_family = Some(missing);
        let (answer, relays) = dual(&mut bench);
        assert_eq!((answer.code(), relays.len()), (0, 1));
        let error = answer
            .message()
            .attribute(AttributeType::ADDRESS_ERROR_CODE);
        assert_eq!(error.unwrap()[..4], code);
    }
    let mut bench = Bench::challenged(|_| ());
    bench.refuse_relays = Some(RelayError::Exhausted);
    let answer = bench.allocate(|m| _ = m.additional_address_family(Family::V6));
    assert_eq!((answer.code(), bench.server.allocations()), (508, 0));
}

#[test]
fn both_families_count() {
    let mut bench = Bench::challenged(|config| config.limits.relays_per_user = 1);
    let answer = bench.allocate(|m| _ = m.additional_address_family(Family::V6));
    assert_eq!(answer.code(), 486);
}
