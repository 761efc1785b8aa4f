//! Tells the peer that the window is open again (RFC 9260 §6.2: a receiver sends a SACK when its reader has made room).
//!
//! `rtc-sctp` says how much it takes only in answer to data. A peer that has filled the window sends one packet to probe it,
//! whose answer is delayed by 200 ms: every time the reader falls behind, the transfer would stand still for so long. What
//! the library does answer at once is a packet that comes again with the I bit (RFC 7053), and so it gets one.

use bytes::Bytes;

use super::packet::{COMMON_HEADER, seal, word};

/// The window as the peer knows it.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// How a packet of the peer begins.
    header: [u8; COMMON_HEADER],
    /// The last acknowledgement that was sent.
    acknowledged: Option<u32>,
    /// The window in it.
    advertised: usize,
    /// Bytes read since.
    read: usize,
    due: bool,
}

impl Window {
    /// A packet of the peer came.
    pub(super) fn received(&mut self, packet: &[u8]) {
        if let Some(header) = packet.first_chunk() {
            self.header = *header;
        }
    }

    /// A packet leaves.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        // The library gives an acknowledgement a packet of its own.
        if packet.get(COMMON_HEADER) != Some(&SACK) {
            return;
        }
        let (Some(acknowledged), Some(window)) = (word(packet, 16), word(packet, 20)) else {
            return;
        };
        *self = Self {
            header: self.header,
            acknowledged: Some(acknowledged),
            advertised: window as usize,
            read: 0,
            due: false,
        };
    }

    /// So many bytes were read, of a buffer of `size`.
    pub(super) fn read(&mut self, bytes: usize, size: usize) {
        self.read += bytes;
        // An update for every eighth: fewer than the acknowledgements of what was read.
        self.due |= self.advertised < size / 2 && self.read >= size / 8;
    }

    /// Something was not taken in: the peer is told what was.
    pub(super) fn refused(&mut self) {
        self.due = true;
    }

    /// Nothing is left to read.
    pub(super) fn emptied(&mut self) {
        self.due |= self.advertised < FEW_PACKETS && self.read > 0;
    }

    /// What to hand to the library, so that it sends an acknowledgement with the window as it is: a packet of one byte that
    /// it has had already.
    pub(super) fn poll_prompt(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.due) {
            return None;
        }
        let mut packet = [0; COMMON_HEADER + DATA.len() + 16];
        packet[..COMMON_HEADER].copy_from_slice(&self.header);
        packet[12..16].copy_from_slice(&DATA);
        packet[16..20].copy_from_slice(&self.acknowledged?.to_be_bytes());
        seal(&mut packet);
        Some(Bytes::copy_from_slice(&packet))
    }
}

/// RFC 9260 §3.3.4.
const SACK: u8 = 3;
/// A DATA chunk: whole, to be acknowledged at once, with a header of 16 bytes and one of data.
const DATA: [u8; 4] = [0, 0b1011, 0, 17];
/// In a window below this a peer may send one packet and wait, of which alone the library tells nothing for 200 ms.
const FEW_PACKETS: usize = 16 * 1024;

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use ieum_ice::Role;

    use super::super::{Opening, Part, Ppid, Reliability, RtcSctp, Sctp, SctpConfig, SctpEvent};
    use super::*;
    use crate::core::dtls::DtlsRole;
    use crate::core::{DtlsVersion, Priority};

    /// Hands packets over until none is left, at one instant, as many at a time as one receive takes.
    pub(in super::super) fn exchange(now: Instant, a: &mut RtcSctp, b: &mut RtcSctp) {
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

    pub(in super::super) fn connected(now: Instant) -> (RtcSctp, RtcSctp) {
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
}
