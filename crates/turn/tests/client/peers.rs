//! Permissions, and data without a channel.

use ieum_stun::{Class, Icmp, Message, MessageBuilder, Method, TransactionId, code};
use ieum_turn::client::{Event, Ignored, Received};

use super::bench::*;

#[test]
fn a_permission_is_asked_for_once_and_kept() {
    let mut bench = Bench::allocated();
    let ip = peer().ip();
    for _ in 0..3 {
        bench.client.permit(bench.now, ip);
    }
    let request = bench.next();
    assert_eq!(request.method(), Method::CREATE_PERMISSION);
    assert_eq!(request.xor_peer_address().map(|peer| peer.ip()), Some(ip));
    assert!(bench.is_silent());
    bench.answer(Class::Success, Some(&key()), |_| ());
    assert_eq!(bench.event(), Some(Event::Permitted { ip }));
    bench.wait(239);
    assert!(bench.is_silent());
    bench.wait(1);
    assert_eq!(bench.next().method(), Method::CREATE_PERMISSION);
    bench.refuse(code::FORBIDDEN, Some(&key()));
    let code = Some(403);
    assert_eq!(bench.event(), Some(Event::PermissionFailed { ip, code }));
    bench.client.permit(bench.now, ip);
    assert_eq!(bench.next().method(), Method::CREATE_PERMISSION);
}

#[test]
fn before_a_channel_is_bound_data_goes_in_an_indication() {
    let mut bench = Bench::allocated();
    let mut out = Vec::new();
    assert!(bench.client.indicate(peer(), b"early", &mut out).is_none());
    bench.client.permit(bench.now, peer().ip());
    bench.next();
    bench.answer(Class::Success, Some(&key()), |_| ());
    let transmit = bench.client.indicate(peer(), b"hello", &mut out).unwrap();
    assert_eq!(
        (transmit.five_tuple, transmit.len),
        (bench.client.server(), out.len())
    );
    let message = Message::parse(&out).unwrap();
    assert_eq!(
        (message.class(), message.method()),
        (Class::Indication, Method::SEND)
    );
    assert_eq!(message.xor_peer_address(), Some(peer()));
    assert_eq!(message.data(), Some(&b"hello"[..]));
    // Too long leaves nothing behind.
    out.clear();
    assert!(
        bench
            .client
            .indicate(peer(), &[0; 65_536], &mut out)
            .is_none()
    );
    assert!(out.is_empty());
}

#[test]
fn an_icmp_error_is_told() {
    let mut bench = Bench::allocated();
    let icmp = Icmp {
        kind: 3,
        code: 3,
        data: 0,
    };
    let mut bytes = Vec::new();
    let id = TransactionId([9; 12]);
    MessageBuilder::new(&mut bytes, Class::Indication, Method::DATA, id)
        .xor_peer_address(peer())
        .icmp(icmp);
    for _ in 0..1000 {
        let received = bench.client.handle_datagram(bench.now, &bytes);
        assert_eq!(received, Received::Handled);
    }
    assert_eq!(
        bench.event(),
        Some(Event::Unreachable { peer: peer(), icmp })
    );
    let mut kept = 1;
    while bench.event().is_some() {
        kept += 1;
    }
    assert_eq!(kept, 256);
    let ignored = bench.client.handle_datagram(bench.now, &bytes[..20]);
    assert_eq!(ignored, Received::Ignored(Ignored::Malformed));
}
