//! Forged, broken and unkind answers.

use std::time::{Duration, Instant};

use ieum_stun::{AttributeType, Class, Key, MessageBuilder, Method, TransactionId, code};
use ieum_turn::client::{Client, Config, Event, Failure, Ignored, Received, State};
use ieum_turn::{FiveTuple, HEADROOM};

use super::bench::*;

#[test]
fn a_forged_answer_changes_nothing() {
    let mut bench = Bench::challenged();
    bench.next();
    let other = Key::long_term("alice", "example.org", "guessed");
    let integrity = Received::Ignored(Ignored::Integrity);
    assert_eq!(bench.succeed(None), integrity);
    assert_eq!(bench.succeed(Some(&other)), integrity);
    assert_eq!(bench.refuse(486, Some(&other)), integrity);
    assert_eq!(bench.client.state(), State::Allocating);
    assert_eq!(bench.client.poll_event(), None);
    assert_eq!(bench.succeed(Some(&key())), Received::Handled);
    assert_eq!(bench.client.state(), State::Allocated);
    assert_eq!(bench.client.counters().integrity, 3);
}

#[test]
fn what_makes_no_sense_is_ignored_by_its_reason() {
    let mut bench = Bench::new();
    bench.next();
    let mut ignored = |bytes: &[u8]| match bench.client.handle_datagram(bench.now, bytes) {
        Received::Ignored(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(ignored(b""), Ignored::Malformed);
    assert_eq!(ignored(&[0x16; 40]), Ignored::Malformed);
    assert_eq!(ignored(&[0x00; 40]), Ignored::Malformed);
    assert_eq!(ignored(b"\x40\x00\x00\x09short"), Ignored::Malformed);
    assert_eq!(ignored(b"\x40\x00\x00\x01x"), Ignored::UnknownChannel);
    let message = |class, method| {
        let mut bytes = Vec::new();
        MessageBuilder::new(&mut bytes, class, method, TransactionId([9; 12])).fingerprint();
        bytes
    };
    assert_eq!(
        ignored(&message(Class::Success, Method::ALLOCATE)),
        Ignored::UnknownTransaction
    );
    assert_eq!(
        ignored(&message(Class::Request, Method::BINDING)),
        Ignored::Unexpected
    );
    assert_eq!(
        ignored(&message(Class::Indication, Method::DATA)),
        Ignored::Unexpected
    );
    let mut broken = message(Class::Success, Method::ALLOCATE);
    broken[27] ^= 1;
    assert_eq!(ignored(&broken), Ignored::Fingerprint);
    let counters = *bench.client.counters();
    assert_eq!(
        (
            counters.malformed,
            counters.unexpected,
            counters.fingerprint
        ),
        (4, 2, 1)
    );
    assert_eq!(bench.client.state(), State::Allocating);
    // An error without a code, and an answer to another method.
    assert_eq!(
        bench.answer(Class::Error, None, |_| ()),
        Received::Ignored(Ignored::Malformed)
    );
    let unknown = |m: &mut MessageBuilder<'_>| _ = m.raw(AttributeType(0x7777), &[]);
    assert_eq!(
        bench.answer(Class::Success, None, unknown),
        Received::Ignored(Ignored::Malformed)
    );
}

#[test]
fn a_server_that_calls_every_nonce_stale_is_left() {
    let mut bench = Bench::challenged();
    for _ in 0..3 {
        bench.next();
        bench.refuse(code::STALE_NONCE, None);
        assert_eq!(bench.client.state(), State::Allocating);
    }
    bench.next();
    bench.refuse(code::STALE_NONCE, None);
    let reason = Failure::Refused;
    let failed = Event::Failed {
        code: Some(438),
        reason,
    };
    assert_eq!(bench.client.poll_event(), Some(failed));
}

#[test]
fn a_success_that_says_nothing_fails() {
    let mut bench = Bench::challenged();
    bench.next();
    let empty = |m: &mut MessageBuilder<'_>| _ = m.software("x");
    assert_eq!(
        bench.answer(Class::Success, Some(&key()), empty),
        Received::Handled
    );
    let failed = Event::Failed {
        code: None,
        reason: Failure::Malformed,
    };
    assert_eq!(bench.client.poll_event(), Some(failed));
}

#[test]
fn codes_become_reasons() {
    let reasons = [
        (300, Failure::Refused),
        (401, Failure::WrongCredentials),
        (442, Failure::Refused),
        (486, Failure::NoCapacity),
        (508, Failure::NoCapacity),
    ];
    for (number, reason) in reasons {
        let mut bench = Bench::challenged();
        bench.next();
        bench.refuse(number, Some(&key()));
        let failed = Event::Failed {
            code: Some(number),
            reason,
        };
        assert_eq!(bench.client.poll_event(), Some(failed));
        assert_eq!(
            (bench.client.state(), bench.client.poll_timeout()),
            (State::Closed, None)
        );
    }
}

#[test]
fn a_challenge_without_realm_or_nonce_fails() {
    let mut bench = Bench::new();
    bench.next();
    bench.answer(Class::Error, None, |m| {
        _ = m.error_code(401, "").realm("example.org")
    });
    assert!(matches!(
        bench.client.poll_event(),
        Some(Event::Failed {
            code: Some(401),
            ..
        })
    ));
    let mut bench = Bench::new();
    bench.next();
    let long = "n".repeat(764);
    bench.answer(Class::Error, None, |m| {
        _ = m.error_code(401, "").realm("r").nonce(&long)
    });
    assert!(matches!(
        bench.client.poll_event(),
        Some(Event::Failed {
            code: Some(401),
            ..
        })
    ));
}

#[test]
fn a_channel_is_asked_for_once() {
    let mut bench = Bench::allocated();
    for _ in 0..3 {
        bench.client.bind_channel(bench.now, peer());
    }
    let request = bench.next();
    assert_eq!(request.channel_number(), Some(0x4000));
    assert_eq!(request.xor_peer_address(), Some(peer()));
    assert_eq!(bench.client.poll_transmit(bench.now, &mut Vec::new()), None);
    let mut datagram = [0; HEADROOM + 3];
    assert!(!bench.client.wrap(peer(), &mut datagram));
    assert_eq!(
        bench.answer(Class::Success, Some(&key()), |_| ()),
        Received::Handled
    );
    assert_eq!(
        bench.client.poll_event(),
        Some(Event::ChannelBound { peer: peer() })
    );
    assert!(bench.client.wrap(peer(), &mut datagram));
    assert_eq!(datagram, [0x40, 0, 0, 3, 0, 0, 0]);
    for mut no_room in [vec![0; 3], vec![0; HEADROOM + 0x1_0000]] {
        assert!(!bench.client.wrap(peer(), &mut no_room));
    }
    // Refreshed once, and no second event.
    bench.now += 240 * SECOND;
    bench.client.handle_timeout(bench.now);
    assert_eq!(bench.next().channel_number(), Some(0x4000));
    assert!(bench.client.wrap(peer(), &mut datagram));
    bench.answer(Class::Success, Some(&key()), |_| ());
    assert_eq!(bench.client.poll_event(), None);
}

#[test]
fn a_channel_that_failed_is_tried_anew_when_asked_again() {
    let mut bench = Bench::allocated();
    bench.client.bind_channel(bench.now, peer());
    bench.next();
    bench.refuse(code::FORBIDDEN, Some(&key()));
    let failed = Event::ChannelFailed {
        peer: peer(),
        code: Some(403),
    };
    assert_eq!(bench.client.poll_event(), Some(failed));
    bench.client.handle_timeout(bench.now + 300 * SECOND);
    assert_eq!(bench.client.poll_transmit(bench.now, &mut Vec::new()), None);
    bench.client.bind_channel(bench.now, peer());
    assert_eq!(bench.next().channel_number(), Some(0x4000));
}

#[test]
fn the_same_bytes_are_sent_again() {
    let mut bench = Bench::new();
    bench.next();
    let first = bench.sent.clone();
    bench.now += Duration::from_millis(500);
    assert_eq!(bench.client.poll_timeout(), Some(bench.now));
    bench.client.handle_timeout(bench.now);
    bench.next();
    assert_eq!(bench.sent, first);
    assert_eq!(bench.client.poll_timeout(), Some(bench.now + SECOND));
}

#[test]
fn a_refresh_comes_a_minute_early_and_a_refused_one_ends_it() {
    let mut bench = Bench::allocated();
    assert_eq!(bench.client.poll_timeout(), Some(bench.now + 540 * SECOND));
    bench.now += 540 * SECOND;
    bench.client.handle_timeout(bench.now);
    assert_eq!(bench.next().method(), Method::REFRESH);
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    assert_eq!(
        bench.client.poll_event(),
        Some(Event::Lost { code: Some(437) })
    );
    assert_eq!(
        (bench.client.state(), bench.client.relayed()),
        (State::Closed, None)
    );
}

#[test]
fn a_username_that_no_request_can_carry_fails_at_once() {
    let server = FiveTuple::udp(base(), address("203.0.113.1:3478"));
    let config = Config::new(server, &"a".repeat(509), "secret", [1; 32]);
    let mut client = Client::new(Instant::now(), config);
    let failed = Event::Failed {
        code: None,
        reason: Failure::WrongCredentials,
    };
    assert_eq!(
        (client.poll_event(), client.poll_timeout()),
        (Some(failed), None)
    );
}
