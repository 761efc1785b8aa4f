//! A flood of requests without credentials: who has an allocation goes on, memory stays, and answers are few.
//! Memory is counted over all threads of this program, the server's among them. `benches/turn_load abuse` is the long form.

mod common;

use std::alloc::System;
use std::net::UdpSocket;
use std::time::Duration;

use common::Streamed;
use ieum_server::turn::Turn;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_flood_without_credentials_gets_little_and_costs_nothing() {
    let mut config = common::config();
    config.listen.udp.push(common::anywhere());
    config.listen.tcp.push(common::anywhere());
    let server = Turn::start(config).expect("a server");
    let at = server.listening().udp[0];
    let mut client = Streamed::tcp(server.listening().tcp[0]);
    let relay = client.allocate();
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.bind_channel(peer.local_addr().expect("an address"));

    let flooder = UdpSocket::bind("127.0.0.1:0").expect("a port");
    flooder.set_nonblocking(true).expect("a socket's mode");
    let (mut asked, mut answered) = (0, 0);
    let mut flood = |rounds: usize| {
        let mut buffer = [0; 2048];
        for round in 0..rounds {
            for request in requests(round) {
                // Where the socket is full, the server is asked less.
                if flooder.send_to(&request, at).is_ok() {
                    asked += HEADERS + request.len();
                }
            }
            while let Ok(len) = flooder.recv(&mut buffer) {
                answered += HEADERS + len;
            }
            if round % 100 == 0 {
                peer.send_to(b"quick", relay).expect("sent");
                assert_eq!(client.receive(), b"quick");
            }
        }
        // What is still on its way.
        flooder.set_nonblocking(false).expect("a socket's mode");
        let late = Some(Duration::from_millis(200));
        flooder.set_read_timeout(late).expect("not zero");
        while let Ok(len) = flooder.recv(&mut buffer) {
            answered += HEADERS + len;
        }
        flooder.set_nonblocking(true).expect("a socket's mode");
    };
    flood(500);
    let region = Region::new(COUNTING);
    flood(5000);
    let change = region.change();
    let grown = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    assert!(grown < 64 * 1024, "{grown} bytes");
    assert!(
        answered > 0 && answered < 3 * asked,
        "{answered} for {asked}"
    );

    let report = server.observer().report().expect("it runs");
    assert_eq!(report.allocations(), 1);
    let metrics = report.to_prometheus();
    let limited = metrics
        .lines()
        .find_map(|line| line.strip_prefix(r#"ieum_turn_ignored_total{reason="rate_limited"} "#));
    let limited: u64 = limited
        .and_then(|count| count.parse().ok())
        .expect("a metric");
    assert!(limited > 0, "{metrics}");
}

/// Binding, Allocate, Refresh, CreatePermission and ChannelBind without credentials, and channel data of nobody.
fn requests(round: usize) -> [Vec<u8>; 6] {
    let number = u64::try_from(round).unwrap_or_default().to_be_bytes();
    let request = |method: u8, attributes: &[u8]| {
        let len = u8::try_from(attributes.len()).expect("a short one");
        let header = [0, method, 0, len, 0x21, 0x12, 0xA4, 0x42];
        [&header[..], &number, &[method; 4], attributes].concat()
    };
    let udp = [0, 0x19, 0, 4, 17, 0, 0, 0];
    [
        request(1, &[]),
        request(3, &udp),
        request(4, &[]),
        request(8, &[]),
        request(9, &[]),
        [&[0x40, 0, 0, 100][..], &[7; 100]].concat(),
    ]
}

/// Bytes of an IPv4 and a UDP header.
const HEADERS: usize = 28;
