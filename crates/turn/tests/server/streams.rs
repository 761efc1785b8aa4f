//! Clients over TCP, TLS and DTLS.

use ieum_turn::{FiveTuple, Transport};

use super::bench::*;

fn over(transport: Transport) -> Bench {
    let mut bench = Bench::new(|config| config.abilities.mobility = true);
    bench.five_tuple = FiveTuple {
        transport,
        ..bench.five_tuple
    };
    assert_eq!(bench.allocate_as_is(|_| ()).code(), 401);
    bench
}

#[test]
fn an_allocation_is_made_over_each_transport_and_ends_with_its_connection() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Dtls] {
        let mut bench = over(transport);
        assert_eq!(bench.allocate(|_| ()).code(), 0);
        assert_eq!(bench.permit("192.0.2.7:1"), 0);
        assert!(bench.send("192.0.2.7:1", b"hello"));
        let gauges = bench.server.gauges();
        assert_eq!(gauges.tcp + gauges.tls + gauges.dtls, 1);
        let (now, five_tuple) = (bench.now, bench.five_tuple);
        bench.server.connection_closed(now, five_tuple);
        bench.server.connection_closed(now, five_tuple);
        bench.drive();
        assert_eq!((bench.server.allocations(), bench.relays.len()), (0, 0));
        assert_eq!(
            (bench.server.poll_timeout(), bench.counters().disconnected),
            (None, 1)
        );
    }
}

#[test]
fn channel_data_is_padded_on_a_stream_and_nowhere_else() {
    for (transport, padded) in [
        (Transport::Udp, 6),
        (Transport::Dtls, 6),
        (Transport::Tcp, 8),
        (Transport::Tls, 8),
    ] {
        let mut bench = over(transport);
        assert_eq!(bench.allocate(|_| ()).code(), 0);
        assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 0);
        let bytes = bench.receive("192.0.2.7:1", b"hi").unwrap();
        assert_eq!(bytes.len(), padded);
        assert_eq!(&bytes[..6], b"\x40\0\0\x02hi");
        // From the client it is cut off.
        let (now, five_tuple) = (bench.now, bench.five_tuple);
        let sent = bench
            .server
            .handle_datagram(now, five_tuple, b"\x40\0\0\x02hi\0\0");
        assert_eq!(sent.unwrap().payload, b"hi");
    }
}

#[test]
fn a_connection_that_breaks_while_the_relay_is_opened_leaves_nothing() {
    use ieum_turn::server::Event;
    for opens in [true, false] {
        let mut bench = over(Transport::Tcp);
        let bytes = bench.request(ieum_stun::Method::ALLOCATE, |m| {
            m.requested_transport(17).even_port(true);
        });
        let (now, five_tuple) = (bench.now, bench.five_tuple);
        bench.server.handle_datagram(now, five_tuple, &bytes);
        bench.server.connection_closed(now, five_tuple);
        let Some(Event::OpenRelay { id, .. }) = bench.server.poll_event() else {
            panic!()
        };
        assert_eq!(bench.server.poll_event(), None);
        let outcome = match opens {
            true => Ok(address("203.0.113.1:50000")),
            false => Err(ieum_turn::server::RelayError::Exhausted),
        };
        bench.server.relay_opened(now, id, outcome);
        // Both ports are closed, where they were opened, and nobody is answered.
        let closed = std::iter::from_fn(|| bench.server.poll_event()).count();
        assert_eq!(closed, if opens { 2 } else { 0 });
        assert_eq!(bench.server.gauges(), Default::default());
        assert!(bench.server.poll_transmit(now, &mut Vec::new()).is_none());
    }
}

#[test]
fn with_a_ticket_an_allocation_outlives_its_connection() {
    let mut bench = over(Transport::Tls);
    let answer = bench.allocate(|m| _ = m.mobility_ticket(&[]));
    assert!(answer.message().mobility_ticket().is_some());
    let (now, five_tuple) = (bench.now, bench.five_tuple);
    bench.server.connection_closed(now, five_tuple);
    assert_eq!(bench.server.allocations(), 1);
}
