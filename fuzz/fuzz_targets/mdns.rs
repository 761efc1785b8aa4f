//! Any datagrams, from the link and from elsewhere, to a machine that looks for one name and answers for another: no panic,
//! and never more to send than it keeps.

#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_peer::core::mdns::{Link, Mdns, PORT};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagrams: Vec<(u8, Vec<u8>)>| {
    let mut now = Instant::now();
    let link = Link {
        ip: [10, 0, 0, 2].into(),
        prefix: 24,
        index: 2,
    };
    let mut mdns = Mdns::new(vec![link]);
    mdns.register(OURS, link.ip);
    mdns.resolve(now, THEIRS);
    for (from, datagram) in datagrams {
        // A few from another port, or another link.
        let port = if from & 1 == 0 { PORT } else { 40_000 };
        let from = SocketAddr::from(([10, 0, from >> 7, from], port));
        mdns.handle_datagram(now, from, &datagram);
        now += Duration::from_millis(300);
        mdns.handle_timeout(now);
    }
    mdns.close();
    let packets = std::iter::from_fn(|| mdns.poll_packet());
    assert!(packets.count() <= 1024);
    let found = std::iter::from_fn(|| mdns.poll_found());
    assert!(found.count() <= 1);
    assert_eq!(mdns.poll_timeout(), None);
});

const OURS: &str = "11111111-2b4e-4c7a-9b1e-0d2f6a7c9e11.local";
const THEIRS: &str = "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11.local";
