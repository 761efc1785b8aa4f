//! Binding, and NAT behaviour discovery (RFC 5780).

use ieum_stun::{AttributeType, ChangeRequest, Class, MessageBuilder, Method, TransactionId};
use ieum_turn::FiveTuple;
use ieum_turn::server::Discovery;

use super::bench::*;

#[test]
fn a_binding_request_is_answered_with_where_it_came_from() {
    let mut bench = Bench::new(|config| config.software = Some("ieum".into()));
    let mut bytes = Vec::new();
    MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        TransactionId([7; 12]),
    );
    let answer = bench.deliver(&bytes).unwrap();
    let message = answer.message();
    assert_eq!(message.transaction_id(), TransactionId([7; 12]));
    assert_eq!(message.xor_mapped_address(), Some(bench.five_tuple.remote));
    assert_eq!(message.software(), Some("ieum"));

    MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        TransactionId([7; 12]),
    )
    .raw(AttributeType(0x0003), &[0; 4]);
    let answer = bench.deliver(&bytes[20..]).unwrap();
    assert_eq!(answer.code(), 420);
    let unknown: Vec<_> = answer.message().unknown_attributes().collect();
    assert_eq!(unknown, [AttributeType(0x0003)]);
}

const PRIMARY: &str = "203.0.113.1:3478";
const ALTERNATE: &str = "203.0.113.2:3479";

fn discovering() -> Bench {
    Bench::new(|config| {
        config.discovery = Some(Discovery {
            primary: address(PRIMARY),
            alternate: address(ALTERNATE),
            public: None,
        });
    })
}

/// Asks one of the four addresses, and gives where the answer comes from and goes to.
fn discover(
    bench: &mut Bench,
    local: &str,
    attributes: impl FnOnce(&mut MessageBuilder<'_>),
) -> (FiveTuple, Answer) {
    let mut bytes = Vec::new();
    let id = bench.id();
    attributes(&mut MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        id,
    ));
    let way = FiveTuple::udp(address(local), address("198.51.100.1:5000"));
    bench.server.handle_datagram(bench.now, way, &bytes);
    let mut bytes = Vec::new();
    let transmit = bench.server.poll_transmit(bench.now, &mut bytes).unwrap();
    (transmit.five_tuple, Answer { bytes })
}

#[test]
fn an_answer_comes_from_the_address_that_was_asked_for() {
    let mut bench = discovering();
    for (local, ip, port, from) in [
        (PRIMARY, false, false, PRIMARY),
        (PRIMARY, true, true, ALTERNATE),
        (PRIMARY, true, false, "203.0.113.2:3478"),
        (PRIMARY, false, true, "203.0.113.1:3479"),
        (ALTERNATE, true, true, PRIMARY),
        ("203.0.113.1:3479", true, false, ALTERNATE),
        ("203.0.113.2:3478", false, true, ALTERNATE),
    ] {
        let change = ChangeRequest { ip, port };
        let (way, answer) = discover(&mut bench, local, |m| _ = m.change_request(change));
        assert_eq!(answer.code(), 0);
        let message = answer.message();
        assert_eq!(
            (way.local, message.response_origin()),
            (address(from), Some(address(from)))
        );
        // The other address and the other port than those that were asked.
        let asked = address(local);
        let other = message.other_address().unwrap();
        assert!(other.ip() != asked.ip() && other.port() != asked.port());
        assert_eq!(
            message.xor_mapped_address(),
            Some(address("198.51.100.1:5000"))
        );
    }
}

#[test]
fn an_answer_goes_to_the_port_that_was_asked_for_padded_as_the_request() {
    let mut bench = discovering();
    let (way, answer) = discover(&mut bench, PRIMARY, |m| {
        _ = m.response_port(7777).padding(1500)
    });
    assert_eq!(way.remote, address("198.51.100.1:7777"));
    assert_eq!(
        answer.message().xor_mapped_address(),
        Some(address("198.51.100.1:5000"))
    );
    assert_eq!(answer.message().padding(), Some(1500));
    let (_, answer) = discover(&mut bench, PRIMARY, |_| ());
    assert_eq!(answer.message().padding(), None);
}

#[test]
fn behind_a_1_to_1_nat_the_addresses_are_as_they_are_seen() {
    let mut bench = Bench::new(|config| {
        config.discovery = Some(Discovery {
            primary: address("10.0.0.1:3478"),
            alternate: address("10.0.0.2:3479"),
            public: Some((
                "203.0.113.1".parse().unwrap(),
                "203.0.113.2".parse().unwrap(),
            )),
        });
    });
    let (way, answer) = discover(&mut bench, "10.0.0.1:3478", |_| ());
    assert_eq!(way.local, address("10.0.0.1:3478"));
    assert_eq!(answer.message().response_origin(), Some(address(PRIMARY)));
    assert_eq!(answer.message().other_address(), Some(address(ALTERNATE)));
}

#[test]
fn without_a_second_address_nothing_is_promised() {
    let mut bench = Bench::new(|_| ());
    for attribute in [
        AttributeType::CHANGE_REQUEST,
        AttributeType::RESPONSE_PORT,
        AttributeType::PADDING,
    ] {
        let (_, answer) = discover(&mut bench, PRIMARY, |m| _ = m.raw(attribute, &[0; 4]));
        assert_eq!(answer.code(), 420);
    }
    let (_, answer) = discover(&mut bench, PRIMARY, |_| ());
    assert_eq!(answer.message().other_address(), None);
    // Nor at an address that is none of the four, nor over TCP.
    let mut bench = discovering();
    let change = ChangeRequest {
        ip: true,
        port: true,
    };
    let (_, answer) = discover(&mut bench, "203.0.113.9:3478", |m| {
        _ = m.change_request(change)
    });
    assert_eq!(answer.code(), 420);
}

#[test]
fn a_classic_client_gets_an_answer_that_it_understands() {
    let mut bench = Bench::new(|config| config.software = Some("x".into()));
    let deliver = |bench: &mut Bench, bytes: &[u8]| {
        bench
            .server
            .handle_datagram(bench.now, bench.five_tuple, bytes);
        let mut out = Vec::new();
        bench.server.poll_transmit(bench.now, &mut out).map(|_| out)
    };
    let request = b"\x00\x01\x00\x00sixteen bytes id";
    let answer = deliver(&mut bench, request).unwrap();
    // MAPPED-ADDRESS and nothing else.
    let expected =
        b"\x01\x01\x00\x0Csixteen bytes id\x00\x01\x00\x08\x00\x01\x13\x88\xC6\x33\x64\x01";
    assert_eq!(answer, expected);
    let changes = b"\x00\x01\x00\x08sixteen bytes id\x00\x03\x00\x04\x00\x00\x00\x06";
    assert_eq!(deliver(&mut bench, changes).unwrap()[..2], [0x01, 0x11]);
    assert_eq!(
        deliver(&mut bench, b"\x00\x03\x00\x00sixteen bytes id"),
        None
    );
    let counters = bench.counters();
    assert_eq!((counters.bindings, counters.classic_bindings), (1, 1));
    assert_eq!(counters.ignored.malformed, 1);
}
