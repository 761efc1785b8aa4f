//! Bounds what is on its way by what a receive buffer takes, which SCTP knows nothing of: what overflows is lost, and the
//! end of a burst is sent again after a second at the earliest (RFC 9260 §16, RTO.Min).
//!
//! `rtc-sctp` has no such setting, but obeys the window of the peer: so the windows that the peer tells are made smaller. And
//! a window counts users' bytes, while a receive buffer has its costs for each datagram, however small: those are counted.

use std::collections::VecDeque;

use bytes::Bytes;

use super::packet::{DATA, SACK, chunks, is_after, seal, word};

/// The packets with data that are not acknowledged.
#[derive(Debug)]
pub(super) struct Flight {
    /// Of each, the last number in it, and what it takes up in a receive buffer.
    packets: VecDeque<(u32, u16)>,
    /// What they take up together.
    cost: usize,
    /// Users' bytes that may be on their way.
    limit: usize,
}

impl Default for Flight {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            cost: 0,
            limit: usize::MAX,
        }
    }
}

impl Flight {
    /// No more users' bytes than these are to be on their way, from the peer's next acknowledgement on.
    pub(super) fn limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// What is on its way takes up so many bytes of a receive buffer.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// A packet leaves.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        let data = chunks(packet).filter(|chunk| chunk[0] == DATA);
        let Some(last) = data.filter_map(|chunk| word(chunk, 4)).last() else {
            return;
        };
        // What is sent again is counted already.
        if self
            .packets
            .back()
            .is_none_or(|(before, _)| is_after(last, *before))
        {
            let cost = packet.len().clamp(SMALLEST, u16::MAX.into());
            self.packets.push_back((last, cost as u16));
            self.cost += cost;
        }
    }

    /// A packet of the peer came: what the library is to see of it.
    pub(super) fn received(&mut self, packet: Bytes) -> Bytes {
        let Some(sack) = chunks(&packet).find(|chunk| chunk[0] == SACK) else {
            return packet;
        };
        let (Some(acknowledged), Some(window)) = (word(sack, 4), word(sack, 8)) else {
            return packet;
        };
        let is_arrived = |(last, _): &mut (u32, u16)| !is_after(*last, acknowledged);
        while let Some((_, cost)) = self.packets.pop_front_if(is_arrived) {
            self.cost -= usize::from(cost);
        }
        if self.packets.is_empty() && self.packets.capacity() > KEPT {
            self.packets = VecDeque::new();
        }
        let limit = u32::try_from(self.limit).unwrap_or(u32::MAX);
        if window <= limit {
            return packet;
        }
        let at = sack.as_ptr() as usize - packet.as_ptr() as usize + 8;
        let mut changed = packet.to_vec();
        changed[at..at + 4].copy_from_slice(&limit.to_be_bytes());
        seal(&mut changed);
        changed.into()
    }
}

/// What Linux counts for the smallest datagram (`truesize`): its own description and the least piece of memory.
const SMALLEST: usize = 768;
/// Room that is kept where nothing is on its way.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::sctp::packet::COMMON_HEADER;

    fn data(number: u32, len: usize) -> Vec<u8> {
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend_from_slice(&[DATA, 3]);
        packet.extend_from_slice(&(16 + len as u16).to_be_bytes());
        packet.extend_from_slice(&number.to_be_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 53]);
        packet.resize(packet.len() + len, 7);
        packet
    }

    fn sack(acknowledged: u32, window: u32) -> Bytes {
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend_from_slice(&[SACK, 0, 0, 16]);
        packet.extend_from_slice(&acknowledged.to_be_bytes());
        packet.extend_from_slice(&window.to_be_bytes());
        packet.extend_from_slice(&[0; 4]);
        seal(&mut packet);
        packet.into()
    }

    #[test]
    fn small_datagrams_cost_what_the_system_counts_for_them_until_they_are_acknowledged() {
        let mut flight = Flight::default();
        for (number, len) in [(u32::MAX, 1), (0, 1100), (1, 100), (0, 1100)] {
            flight.sent(&data(number, len));
        }
        assert_eq!(flight.cost(), 2 * SMALLEST + 1128);
        flight.received(sack(0, 1));
        assert_eq!(flight.cost(), SMALLEST);
        flight.received(sack(u32::MAX, 1));
        flight.received(sack(1, 1));
        assert_eq!(flight.cost(), 0);
    }

    #[test]
    fn a_window_is_told_up_to_the_limit() {
        let mut flight = Flight::default();
        assert_eq!(flight.received(sack(5, 5000)), sack(5, 5000));
        flight.limit(4000);
        assert_eq!(flight.received(sack(5, 5000)), sack(5, 4000));
        assert_eq!(flight.received(sack(5, 3000)), sack(5, 3000));
    }

    proptest! {
        #[test]
        fn no_packet_panics(mut packet in prop::collection::vec(any::<u8>(), 0..80), kind in 0u8..5) {
            if let Some(first) = packet.get_mut(COMMON_HEADER) {
                *first = kind;
            }
            let mut flight = Flight::default();
            flight.limit(1);
            flight.sent(&packet);
            let _ = flight.received(packet.into());
        }
    }
}
