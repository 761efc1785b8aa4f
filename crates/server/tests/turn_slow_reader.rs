//! A client that does not read what it is sent, over TCP and TLS: memory stays, the others do not notice, and it is counted.
//! Memory is counted over all threads of this program, the server's among them.

mod common;

use std::alloc::System;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::Streamed;
use ieum_server::turn::Turn;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_slow_reader_costs_what_may_wait_for_it_and_only_itself() {
    let (certificate, der) = common::certificate();
    let mut config = common::config();
    config.listen.tcp.push(common::anywhere());
    config.listen.tls.push(common::anywhere());
    config.certificate = Some(certificate);
    let server = Turn::start(config).expect("a server");
    let (tcp, tls) = (server.listening().tcp[0], server.listening().tls[0]);

    let mut other = Streamed::tcp(tcp);
    let (peer, relay) = relayed(&mut other);
    for over_tls in [false, true] {
        let mut slow = match over_tls {
            false => Streamed::tcp(tcp),
            true => Streamed::tls(tls, &der).expect("a handshake"),
        };
        let (sender, to) = relayed(&mut slow);
        let region = Region::new(COUNTING);
        let before = dropped(&server);
        let deadline = Instant::now() + common::SOON;
        // More than ten times what the sockets and the server keep for it, once they keep all that they will.
        let mut more = 0;
        while more < 10 * KEPT / PAYLOAD {
            assert!(Instant::now() < deadline, "nothing is dropped");
            for _ in 0..64 {
                sender.send_to(&[7; PAYLOAD], to).expect("sent");
            }
            // Whoever reads is served at once, however much waits for the one who does not.
            peer.send_to(b"quick", relay).expect("sent");
            assert_eq!(other.receive(), b"quick");
            if dropped(&server) > before {
                more += 64;
            }
        }
        let change = region.change();
        let grown = change.bytes_allocated as isize - change.bytes_deallocated as isize;
        assert!(grown < KEPT as isize, "{grown} bytes");
        // It comes back to life: what waited is still whole, and in order with what comes then.
        slow.send(sender.local_addr().expect("an address"), b"awake");
        let mut buffer = [0; 64];
        let len = sender.recv(&mut buffer).expect("relayed");
        assert_eq!(&buffer[..len], b"awake");
        assert_eq!(slow.receive(), [7; PAYLOAD]);
    }
}

/// A peer's socket, and the address that it reaches the client at.
fn relayed(client: &mut Streamed) -> (UdpSocket, SocketAddr) {
    let relay = client.allocate();
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let patience = Some(Duration::from_secs(20));
    peer.set_read_timeout(patience).expect("not zero");
    client.bind_channel(peer.local_addr().expect("an address"));
    (peer, relay)
}

/// What did not fit what may wait for slow clients.
fn dropped(server: &Turn) -> u64 {
    let metrics = server.observer().report().expect("it runs").to_prometheus();
    let line = r#"ieum_turn_dropped_total{reason="slow_client"} "#;
    let line = metrics.lines().find_map(|it| it.strip_prefix(line));
    line.and_then(|count| count.parse().ok()).expect("a metric")
}

const PAYLOAD: usize = 1000;
/// 256 KiB wait for a slow client, in a buffer that grows by doubling; and some for the records of TLS.
const KEPT: usize = 1 << 20;
