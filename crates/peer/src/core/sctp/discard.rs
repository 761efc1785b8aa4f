//! Throws away what the peer still sends on a stream that this side has reset.
//!
//! `rtc-sctp` lets nobody read a stream after its reset, and answers the peer's own reset with "in progress" while a
//! complete message waits to be read: one message that crosses the reset would keep the stream from ever closing. So
//! the fragments of such messages are made ones that never complete; they go when the stream does.

use std::collections::BTreeSet;

/// The packet, with every DATA chunk on one of these streams made a middle fragment (RFC 9260 §3.3.1). `None`: there is
/// none. A malformed packet is left as it is.
pub(super) fn discard(packet: &[u8], streams: &BTreeSet<u16>) -> Option<Vec<u8>> {
    let mut changed: Option<Vec<u8>> = None;
    let mut at = COMMON_HEADER;
    while let Some(&[kind, _, high, low, ..]) = packet.get(at..) {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let stream = packet
            .get(at + 8..at + 10)
            .map(|id| u16::from_be_bytes([id[0], id[1]]));
        if kind == DATA && stream.is_some_and(|stream| streams.contains(&stream)) {
            changed.get_or_insert_with(|| packet.to_vec())[at + 1] &= !(BEGINNING | ENDING);
        }
        // RFC 9260 §3.2: a chunk has a header, and is padded to four bytes.
        at += len.max(4).next_multiple_of(4);
    }
    let mut packet = changed?;
    packet[CHECKSUM..COMMON_HEADER].fill(0);
    let checksum = crc32c::crc32c(&packet);
    packet[CHECKSUM..COMMON_HEADER].copy_from_slice(&checksum.to_le_bytes());
    Some(packet)
}

/// RFC 9260 §3.1.
const COMMON_HEADER: usize = 12;
const CHECKSUM: usize = 8;
/// RFC 9260 §3.3.1.
const DATA: u8 = 0;
const BEGINNING: u8 = 2;
const ENDING: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(stream: u16) -> Vec<u8> {
        let mut chunk = vec![DATA, BEGINNING | ENDING, 0, 17, 0, 0, 0, 1];
        chunk.extend_from_slice(&stream.to_be_bytes());
        chunk.extend_from_slice(&[0, 0, 0, 0, 0, 51, b'x', 0, 0, 0]);
        chunk
    }

    #[test]
    fn only_data_on_these_streams_is_changed() {
        let packet = [&[0; COMMON_HEADER][..], &data(1), &data(2)].concat();
        let streams = BTreeSet::from([2]);
        let changed = discard(&packet, &streams).unwrap();
        assert_eq!(changed[COMMON_HEADER + 1], BEGINNING | ENDING);
        assert_eq!(changed[COMMON_HEADER + 20 + 1], 0);
        assert_eq!(discard(&packet, &BTreeSet::from([3])), None);
    }

    proptest! {
        #[test]
        fn no_packet_panics(packet in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = discard(&packet, &(0..300).collect());
        }
    }
}
