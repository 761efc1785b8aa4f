//! Which address families a client asks for.

use std::net::SocketAddr;

use ieum_stun::{Class, Family, code};
use ieum_turn::FiveTuple;
use ieum_turn::client::{Config, Event, Failure, Families, Received};

use super::bench::*;

fn v6_way() -> FiveTuple {
    FiveTuple::udp(address("[2001:db8::5]:5000"), address("[2001:db8::1]:3478"))
}

/// What the signed Allocate asks for.
fn asked(way: FiveTuple, change: impl FnOnce(&mut Config)) -> (Option<Family>, Option<Family>) {
    let mut bench = Bench::with(way, change).after_challenge();
    let message = bench.next();
    let families = (
        message.requested_address_family(),
        message.additional_address_family(),
    );
    (families.0.flatten(), families.1.flatten())
}

#[test]
fn the_family_is_the_bases_or_what_the_owner_wants() {
    let v4_way = FiveTuple::udp(base(), server());
    assert_eq!(asked(v4_way, |_| ()), (None, None));
    assert_eq!(asked(v6_way(), |_| ()), (Some(Family::V6), None));
    let set = |families| move |config: &mut Config| config.families = families;
    assert_eq!(asked(v6_way(), set(Families::V4)), (None, None));
    assert_eq!(asked(v4_way, set(Families::V6)), (Some(Family::V6), None));
    assert_eq!(asked(v4_way, set(Families::Both)), (None, Some(Family::V6)));
}

#[test]
fn a_family_that_the_server_has_not_gives_way_to_the_other_once() {
    let mut bench = Bench::with(v6_way(), |_| ()).after_challenge();
    assert_eq!(
        bench.next().requested_address_family(),
        Some(Some(Family::V6))
    );
    bench.refuse(code::ADDRESS_FAMILY_NOT_SUPPORTED, Some(&key()));
    assert_eq!(bench.next().requested_address_family(), None);
    bench.refuse(code::ADDRESS_FAMILY_NOT_SUPPORTED, Some(&key()));
    let failed = |code, reason| Some(Event::Failed { code, reason });
    assert_eq!(bench.event(), failed(Some(440), Failure::Family));

    let mut wanted = Bench::with(v6_way(), |c| c.families = Families::V6).after_challenge();
    wanted.next();
    wanted.refuse(code::ADDRESS_FAMILY_NOT_SUPPORTED, Some(&key()));
    assert_eq!(wanted.event(), failed(Some(440), Failure::Family));
}

#[test]
fn a_second_family_is_told_or_why_it_is_missing() {
    let second: SocketAddr = address("[2001:db8::1]:50000");
    let both = || {
        let way = FiveTuple::udp(base(), server());
        let mut bench = Bench::with(way, |c| c.families = Families::Both).after_challenge();
        bench.next();
        bench
    };
    let mut bench = both();
    let received = bench.answer(Class::Success, Some(&key()), |m| {
        m.xor_relayed_address(relayed()).xor_relayed_address(second);
        m.xor_mapped_address(base());
    });
    assert_eq!(received, Received::Handled);
    assert!(matches!(bench.event(), Some(Event::Allocated { .. })));
    let outcome = Ok(second);
    assert_eq!(bench.event(), Some(Event::SecondFamily { outcome }));
    assert_eq!(bench.client.second_relayed(), Some(second));

    let mut bench = both();
    bench.answer(Class::Success, Some(&key()), |m| {
        m.xor_relayed_address(relayed()).xor_mapped_address(base());
        m.address_error_code(Family::V6, 508, "");
    });
    bench.event();
    let outcome = Err(508);
    assert_eq!(bench.event(), Some(Event::SecondFamily { outcome }));
}

#[test]
fn an_even_port_and_a_reserved_one_are_asked_for() {
    let way = FiveTuple::udp(base(), server());
    let mut bench = Bench::with(way, |c| c.even_port = Some(true)).after_challenge();
    assert_eq!(bench.next().even_port(), Some(true));
    bench.answer(Class::Success, Some(&key()), |m| {
        m.xor_relayed_address(relayed()).xor_mapped_address(base());
        m.reservation_token([7; 8]);
    });
    assert_eq!(bench.client.reservation_token(), Some([7; 8]));
    let mut bench = Bench::with(v6_way(), |c| c.reservation = Some([7; 8])).after_challenge();
    let message = bench.next();
    assert_eq!(message.reservation_token(), Some([7; 8]));
    // RFC 8656 §7.1: never both.
    assert_eq!(message.requested_address_family(), None);
}
