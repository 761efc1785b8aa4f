//! Binding, and NAT behaviour discovery (RFC 5780).

use ieum_stun::{AttributeType, Class, MessageBuilder, Method, TransactionId};

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
