//! Two associations of `rtc-sctp` with what stands around them, on a virtual clock.

use std::time::Instant;

use bytes::Bytes;
use ieum_ice::Role;

use super::packet::word;
use super::{Opening, Part, Ppid, Reliability, RtcSctp, Sctp, SctpConfig, SctpEvent};
use crate::core::dtls::DtlsRole;
use crate::core::{DtlsVersion, Priority};

/// Hands packets over until none is left, at one instant, as many at a time as one receive takes.
pub(super) fn exchange(now: Instant, a: &mut RtcSctp, b: &mut RtcSctp) {
    let give = |from: &mut RtcSctp, to: &mut RtcSctp| {
        let packets = std::iter::from_fn(|| from.poll_packet(now));
        let packets: Vec<Bytes> = packets.take(44).collect();
        packets
            .iter()
            .for_each(|packet| to.handle_packet(now, packet));
        packets.len()
    };
    while give(a, b) + give(b, a) > 0 {}
}

pub(super) fn connected(now: Instant) -> (RtcSctp, RtcSctp) {
    let config = SctpConfig {
        max_message_size: 65_536,
        max_packet: 1191,
    };
    let new =
        |dtls, ice| RtcSctp::new(now, config, Opening::new(now, dtls, ice, DtlsVersion::V1_2));
    let mut a = new(DtlsRole::Client, Role::Controlling);
    let mut b = new(DtlsRole::Server, Role::Controlled);
    // Whichever side waits with its INIT does so for less than this.
    for now in [now, now + std::time::Duration::from_secs(1)] {
        a.handle_timeout(now);
        b.handle_timeout(now);
        exchange(now, &mut a, &mut b);
    }
    assert_eq!(a.poll_event(), Some(SctpEvent::Connected));
    (a, b)
}

fn read_all(sctp: &mut RtcSctp) -> usize {
    std::iter::from_fn(|| sctp.read(1))
        .map(|part| part.bytes.len())
        .sum()
}

#[test]
fn a_reader_that_falls_behind_and_catches_up_does_not_wait_for_a_timer() {
    let start = Instant::now();
    let now = start + std::time::Duration::from_secs(1);
    let (mut a, mut b) = connected(start);
    a.open(1, true, Reliability::Reliable, Priority::default());
    let total = 12 * 1024 * 1024;
    for _ in 0..total / 65_536 {
        let part = Part {
            ppid: Ppid::Binary,
            bytes: Bytes::from(vec![7; 65_536]),
            last: true,
        };
        assert!(a.write(now, 1, part));
    }
    exchange(now, &mut a, &mut b);
    let mut read = read_all(&mut b);
    assert!(read < total, "the window has closed");
    for _ in 0..total / 65_536 {
        exchange(now, &mut a, &mut b);
        read += read_all(&mut b);
    }
    assert_eq!(read, total);
}

/// A stream tells 32,768 messages apart.
#[test]
fn small_messages_that_nobody_reads_for_long_all_arrive() {
    let start = Instant::now();
    let now = start + std::time::Duration::from_secs(1);
    let (mut a, mut b) = connected(start);
    a.open(1, true, Reliability::Reliable, Priority::default());
    let total = 40_000_u32;
    for number in 0..total {
        let part = Part {
            ppid: Ppid::Binary,
            bytes: Bytes::copy_from_slice(&number.to_be_bytes()),
            last: true,
        };
        assert!(a.write(now, 1, part));
    }
    exchange(now, &mut a, &mut b);
    let mut read = Vec::new();
    for seconds in 0..60 {
        read.extend(std::iter::from_fn(|| b.read(1)).map(|part| word(&part.bytes, 0)));
        let now = now + std::time::Duration::from_secs(seconds);
        a.handle_timeout(now);
        b.handle_timeout(now);
        exchange(now, &mut a, &mut b);
    }
    assert!(read.into_iter().eq((0..total).map(Some)));
}

/// What a socket's receive buffer holds, and the associations on both of its sides.
#[test]
fn no_more_is_on_its_way_than_a_receive_buffer_takes_however_large_the_messages() {
    const LIMIT: usize = 100_000;
    let start = Instant::now();
    let now = start + std::time::Duration::from_secs(1);
    let (mut a, mut b) = connected(start);
    a.limit_flight(LIMIT);
    a.open(1, true, Reliability::Reliable, Priority::default());
    let (count, len) = (16, 256 * 1024);
    for _ in 0..count {
        let part = Part {
            ppid: Ppid::Binary,
            bytes: Bytes::from(vec![7; len]),
            last: true,
        };
        assert!(a.write(now, 1, part));
    }
    let (mut read, mut most) = (0, 0);
    while read < count * len {
        let packets: Vec<Bytes> = std::iter::from_fn(|| a.poll_packet(now)).collect();
        assert!(!packets.is_empty(), "it stands still");
        let bytes: usize = packets.iter().map(Bytes::len).sum();
        assert!(a.flight() >= bytes, "what is sent is counted");
        most = most.max(bytes);
        packets
            .iter()
            .for_each(|packet| b.handle_packet(now, packet));
        read += read_all(&mut b);
        let answers: Vec<Bytes> = std::iter::from_fn(|| b.poll_packet(now)).collect();
        answers
            .iter()
            .for_each(|packet| a.handle_packet(now, packet));
        // What is acknowledged late.
        for side in [&mut a, &mut b] {
            side.handle_timeout(now);
        }
    }
    assert!(most <= LIMIT + LIMIT / 20, "{most}");
    assert!(most > LIMIT / 2, "{most}");
}

#[test]
fn each_small_datagram_on_its_way_is_counted_as_what_the_system_counts_for_it() {
    let start = Instant::now();
    let now = start + std::time::Duration::from_secs(1);
    let (mut a, mut b) = connected(start);
    a.open(1, true, Reliability::Reliable, Priority::default());
    let mut sent = Vec::new();
    for _ in 0..30 {
        let part = Part {
            ppid: Ppid::Binary,
            bytes: Bytes::from(vec![7; 100]),
            last: true,
        };
        assert!(a.write(now, 1, part));
        sent.extend(std::iter::from_fn(|| a.poll_packet(now)));
    }
    assert_eq!(a.flight(), 768 * sent.len());
    sent.iter().for_each(|packet| b.handle_packet(now, packet));
    exchange(now, &mut a, &mut b);
    assert_eq!((a.flight(), read_all(&mut b)), (0, 3000));
}
