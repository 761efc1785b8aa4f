//! What a client does when its allocation, its server or its base goes.

use ieum_stun::{Class, Method, code};
use ieum_turn::FiveTuple;
use ieum_turn::client::{Event, Failure, State};

use super::bench::*;

#[test]
fn what_is_left_from_before_is_given_back_and_asked_for_again() {
    let mut bench = Bench::challenged();
    bench.next();
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    let clear = bench.next();
    assert_eq!(clear.method(), Method::REFRESH);
    assert_eq!(clear.lifetime(), Some(std::time::Duration::ZERO));
    bench.answer(Class::Success, Some(&key()), |_| ());
    assert_eq!(bench.next().method(), Method::ALLOCATE);
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    let failed = Event::Failed {
        code: Some(437),
        reason: Failure::Taken,
    };
    assert_eq!(bench.event(), Some(failed));
    assert_eq!(bench.client.poll_timeout(), None);
}

#[test]
fn what_is_anothers_cannot_be_given_back() {
    let mut bench = Bench::challenged();
    bench.next();
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    bench.next();
    bench.refuse(code::WRONG_CREDENTIALS, Some(&key()));
    // The next Allocate tells what it is.
    assert_eq!(bench.next().method(), Method::ALLOCATE);
}

#[test]
fn a_server_that_was_started_anew_is_asked_anew() {
    let mut bench = Bench::allocated_with(|config| config.reallocate = true);
    bench.client.bind_channel(bench.now, peer());
    bench.next();
    bench.answer(Class::Success, Some(&key()), |_| ());
    assert!(matches!(bench.event(), Some(Event::ChannelBound { .. })));
    bench.wait(240);
    assert_eq!(bench.next().method(), Method::CHANNEL_BIND);
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    assert_eq!(bench.event(), Some(Event::Lost { code: Some(437) }));
    assert_eq!(bench.client.state(), State::Allocating);
    assert_eq!(bench.client.relayed(), None);
    assert!(bench.client.channel(peer()).is_none());
    bench = bench.after_allocate();
    // And the channel comes back by itself.
    assert_eq!(bench.next().xor_peer_address(), Some(peer()));
    bench.answer(Class::Success, Some(&key()), |_| ());
    assert!(matches!(bench.event(), Some(Event::ChannelBound { .. })));
}

#[test]
fn a_server_that_gives_and_takes_is_not_asked_without_a_pause() {
    let mut bench = Bench::allocated_with(|config| config.reallocate = true);
    bench.client.bind_channel(bench.now, peer());
    bench.next();
    bench.refuse(code::ALLOCATION_MISMATCH, Some(&key()));
    assert_eq!(bench.event(), Some(Event::Lost { code: Some(437) }));
    assert!(bench.is_silent());
    assert_eq!(bench.client.poll_timeout(), Some(bench.now + 10 * SECOND));
    bench.wait(10);
    assert_eq!(bench.next().method(), Method::ALLOCATE);
}

#[test]
fn another_server_is_followed_once_and_only_where_it_is_signed() {
    let other = address("203.0.113.2:3478");
    let redirect = |bench: &mut Bench, signed: bool, to| {
        let key = key();
        bench.answer(Class::Error, signed.then_some(&key), |m| {
            m.error_code(code::TRY_ALTERNATE, "").alternate_server(to);
        });
    };
    let mut bench = Bench::challenged();
    bench.next();
    redirect(&mut bench, true, other);
    let server = FiveTuple::udp(base(), other);
    assert_eq!(bench.event(), Some(Event::Redirected { server }));
    assert_eq!(bench.client.server(), server);
    // It knows nothing of us: no nonce of the first server goes there.
    assert_eq!(bench.next().nonce(), None);
    bench.refuse(code::UNAUTHENTICATED, None);
    bench.next();
    redirect(&mut bench, true, super::bench::server());
    let refused = |code| Event::Failed {
        code: Some(code),
        reason: Failure::Refused,
    };
    assert_eq!(bench.event(), Some(refused(300)));

    let mut forged = Bench::challenged();
    forged.next();
    redirect(&mut forged, false, other);
    assert_eq!(forged.event(), Some(refused(300)));
    for nonsense in ["203.0.113.1:3478", "[2001:db8::1]:3478", "203.0.113.2:0"] {
        let mut bench = Bench::challenged();
        bench.next();
        redirect(&mut bench, true, address(nonsense));
        assert_eq!(bench.event(), Some(refused(300)), "{nonsense}");
    }
}

#[test]
fn an_allocation_moves_with_its_ticket() {
    let mut bench = Bench::with(FiveTuple::udp(base(), server()), |c| c.mobility = true);
    bench = bench.after_challenge();
    assert_eq!(bench.next().mobility_ticket(), Some(&[][..]));
    bench.answer(Class::Success, Some(&key()), |m| {
        m.xor_relayed_address(relayed()).xor_mapped_address(base());
        m.mobility_ticket(b"first");
    });
    assert!(bench.client.can_migrate());
    bench.event();
    bench.client.bind_channel(bench.now, peer());
    bench.next();
    let way = FiveTuple::udp(address("198.51.100.99:1"), server());
    assert!(bench.client.migrate(bench.now, way));
    let mut bytes = Vec::new();
    let transmit = bench.client.poll_transmit(bench.now, &mut bytes).unwrap();
    assert_eq!(transmit.five_tuple, way);
    bench.sent = bytes;
    let request = ieum_stun::Message::parse(&bench.sent).unwrap();
    assert_eq!(request.mobility_ticket(), Some(&b"first"[..]));
    // The new five-tuple has another nonce.
    bench.refuse(code::STALE_NONCE, None);
    assert_eq!(bench.next().mobility_ticket(), Some(&b"first"[..]));
    bench.answer(Class::Success, Some(&key()), |m| {
        _ = m.mobility_ticket(b"second")
    });
    assert_eq!(bench.event(), Some(Event::Migrated));
    // The channel that was being asked for is asked for again.
    assert_eq!(bench.next().method(), Method::CHANNEL_BIND);
    assert!(!Bench::allocated().client.migrate(bench.now, way));
}

#[test]
fn a_move_that_nobody_answers_is_tried_again_as_a_move() {
    let mut bench = Bench::with(FiveTuple::udp(base(), server()), |c| c.mobility = true);
    bench = bench.after_challenge();
    bench.next();
    bench.answer(Class::Success, Some(&key()), |m| {
        m.xor_relayed_address(relayed()).xor_mapped_address(base());
        m.mobility_ticket(b"first");
    });
    let way = FiveTuple::udp(address("198.51.100.99:1"), server());
    bench.client.bind_channel(bench.now, peer());
    bench.next();
    bench.answer(Class::Success, Some(&key()), |_| ());
    // The channel is due while the server does not know the new base.
    bench.wait(200);
    assert!(bench.client.migrate(bench.now, way));
    for _ in 0..60 {
        bench.wait(1);
        assert!(bench.client.poll_timeout().is_some_and(|at| at > bench.now));
        let mut bytes = Vec::new();
        while bench.client.poll_transmit(bench.now, &mut bytes).is_some() {
            let request = ieum_stun::Message::parse(&bytes).unwrap();
            assert_eq!(request.mobility_ticket(), Some(&b"first"[..]));
            bytes.clear();
        }
    }
    assert_eq!(bench.client.state(), State::Allocated);
}
