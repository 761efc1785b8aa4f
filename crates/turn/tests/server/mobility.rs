//! Allocations that move (RFC 8016).

use std::time::Duration;

use ieum_stun::Method;
use ieum_turn::credentials;

use super::bench::*;

/// One with a ticket, at its old address.
fn mobile() -> (Bench, Vec<u8>) {
    let mut bench = Bench::challenged(|config| config.abilities.mobility = true);
    let answer = bench.allocate(|m| _ = m.mobility_ticket(&[]));
    assert_eq!(answer.code(), 0);
    let ticket = answer.message().mobility_ticket().unwrap().to_vec();
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
    (bench, ticket)
}

/// A Refresh with the ticket from another address.
fn come_from(bench: &mut Bench, client: &str, ticket: &[u8]) -> Answer {
    bench.five_tuple = from(client);
    let first = bench.ask(Method::REFRESH, |m| _ = m.mobility_ticket(ticket));
    match first.code() {
        // Another five-tuple, another nonce.
        438 => bench.ask(Method::REFRESH, |m| _ = m.mobility_ticket(ticket)),
        _ => first,
    }
}

#[test]
fn a_ticket_takes_the_allocation_to_another_address() {
    let (mut bench, ticket) = mobile();
    let old = bench.five_tuple;
    let answer = come_from(&mut bench, "198.51.100.99:9", &ticket);
    assert_eq!((answer.code(), bench.counters().moved), (0, 1));
    let next = answer.message().mobility_ticket().unwrap().to_vec();
    assert_ne!(next, ticket);
    // Data goes there, on the channel of before.
    assert_eq!(
        bench.receive("192.0.2.7:1", b"hi").unwrap(),
        b"\x40\0\0\x02hi"
    );
    // And no more from the old one.
    let on_channel = b"\x40\0\0\x02hi";
    assert!(
        bench
            .server
            .handle_datagram(bench.now, old, on_channel)
            .is_none()
    );
    assert_eq!(bench.counters().ignored.no_allocation, 1);
    let new = bench.five_tuple;
    assert!(
        bench
            .server
            .handle_datagram(bench.now, new, on_channel)
            .is_some()
    );
    assert_eq!((bench.server.allocations(), bench.relays.len()), (1, 1));
    // The old ticket is over: the client has shown that it has the new one.
    assert_eq!(
        come_from(&mut bench, "198.51.100.98:8", &ticket).code(),
        437
    );
    assert_eq!(come_from(&mut bench, "198.51.100.98:8", &next).code(), 0);
}

#[test]
fn an_answer_that_was_lost_costs_nothing() {
    let (mut bench, ticket) = mobile();
    let answer = come_from(&mut bench, "198.51.100.99:9", &ticket);
    let again = come_from(&mut bench, "198.51.100.99:9", &ticket);
    let of = |answer: &Answer| answer.message().mobility_ticket().unwrap().to_vec();
    assert_eq!(of(&answer), of(&again));
    // Or the client has moved on meanwhile.
    assert_eq!(come_from(&mut bench, "198.51.100.97:7", &ticket).code(), 0);
    assert_eq!(bench.counters().moved, 2);
}

#[test]
fn a_ticket_is_its_users_alone() {
    let (mut bench, ticket) = mobile();
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(
        come_from(&mut bench, "198.51.100.99:9", &ticket).code(),
        441
    );
    let mut wrong = ticket.clone();
    wrong[7] ^= 1;
    assert_eq!(come_from(&mut bench, "198.51.100.99:9", &wrong).code(), 437);
    assert_eq!(
        come_from(&mut bench, "198.51.100.99:9", &wrong[1..]).code(),
        400
    );
    assert_eq!(bench.counters().moved, 0);
}

#[test]
fn a_ticket_ends_with_its_allocation() {
    let (mut bench, ticket) = mobile();
    bench.ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO));
    assert_eq!(
        come_from(&mut bench, "198.51.100.99:9", &ticket).code(),
        437
    );
}

#[test]
fn without_mobility_there_is_no_ticket() {
    let mut bench = Bench::challenged(|_| ());
    let answer = bench.allocate(|m| _ = m.mobility_ticket(&[]));
    assert_eq!(answer.message().mobility_ticket(), None);
    assert_eq!(
        come_from(&mut bench, "198.51.100.99:9", &[0; 16]).code(),
        405
    );
}
