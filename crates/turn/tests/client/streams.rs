//! Over TCP, TLS and DTLS, where the owner has the connection.

use std::time::Duration;

use ieum_stun::{Method, code};
use ieum_turn::client::{Event, Failure, State};
use ieum_turn::{FiveTuple, Transport};

use super::bench::*;

fn way(transport: Transport) -> FiveTuple {
    FiveTuple {
        transport,
        ..FiveTuple::udp(base(), server())
    }
}

fn connected(transport: Transport) -> Bench {
    let mut bench = Bench::with(way(transport), |_| ());
    bench.client.connected(bench.now);
    bench
}

#[test]
fn nothing_is_sent_before_there_is_a_connection() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Dtls] {
        let mut bench = Bench::with(way(transport), |_| ());
        assert!(bench.is_silent());
        assert_eq!(bench.client.poll_timeout(), None);
        bench.client.connected(bench.now);
        bench.client.connected(bench.now);
        assert_eq!(bench.next().method(), Method::ALLOCATE);
        assert!(bench.is_silent());
    }
}

#[test]
fn a_stream_loses_nothing_so_nothing_is_sent_again() {
    let mut bench = connected(Transport::Tcp);
    bench.next();
    let patience = Duration::from_millis(39_500);
    assert_eq!(bench.client.poll_timeout(), Some(bench.now + patience));
    bench.now += patience;
    bench.client.handle_timeout(bench.now);
    assert!(bench.is_silent());
    let (code, reason) = (None, Failure::NoAnswer);
    assert_eq!(bench.event(), Some(Event::Failed { code, reason }));

    let mut datagrams = connected(Transport::Dtls);
    datagrams.next();
    datagrams.wait(1);
    assert!(!datagrams.is_silent());
}

#[test]
fn a_connection_that_breaks_ends_it() {
    let mut bench = connected(Transport::Tls);
    bench.client.disconnected(bench.now);
    let (code, reason) = (None, Failure::Disconnected);
    assert_eq!(bench.event(), Some(Event::Failed { code, reason }));

    let mut bench = connected(Transport::Tls).after_challenge().after_allocate();
    bench.client.disconnected(bench.now);
    assert_eq!(bench.event(), Some(Event::Lost { code: None }));
    assert_eq!(
        (bench.client.state(), bench.client.poll_timeout()),
        (State::Closed, None)
    );
}

#[test]
fn a_client_that_asks_anew_waits_for_the_next_connection() {
    let mut bench = Bench::with(way(Transport::Tcp), |config| config.reallocate = true);
    bench.client.connected(bench.now);
    bench = bench.after_challenge().after_allocate();
    bench.wait(20);
    bench.client.disconnected(bench.now);
    assert_eq!(bench.event(), Some(Event::Lost { code: None }));
    assert!(bench.is_silent());
    bench.client.connected(bench.now);
    assert_eq!(bench.next().method(), Method::ALLOCATE);
}

#[test]
fn a_redirection_waits_for_its_connection() {
    let mut bench = connected(Transport::Tcp).after_challenge();
    bench.next();
    let key = key();
    bench.answer(ieum_stun::Class::Error, Some(&key), |m| {
        m.error_code(code::TRY_ALTERNATE, "");
        m.alternate_server(address("203.0.113.2:3478"));
        m.alternate_domain("other.example.org");
    });
    assert!(matches!(bench.event(), Some(Event::Redirected { .. })));
    assert_eq!(bench.client.alternate_domain(), Some("other.example.org"));
    assert!(bench.is_silent());
    bench.client.connected(bench.now);
    assert_eq!(bench.next().method(), Method::ALLOCATE);
}
