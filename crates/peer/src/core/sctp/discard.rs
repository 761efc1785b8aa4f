//! Throws away what the peer still sends on a stream that this side has reset.
//!
//! `rtc-sctp` lets nobody read a stream after its reset, and answers the peer's own reset with "in progress" while a
//! complete message waits to be read: one message that crosses the reset would keep the stream from ever closing. So
//! the fragments of such messages are made ones that never complete, of one byte each, so that they fill neither memory nor
//! window; they go when the stream does.

use std::collections::BTreeSet;

use super::packet::{COMMON_HEADER, DATA, DATA_HEADER, ENDING, chunks, seal};

/// The packet, with every DATA chunk on one of these streams made a middle fragment (RFC 9260 §3.3.1) of one byte. `None`:
/// there is none. A malformed packet is left as it is.
pub(super) fn discard(packet: &[u8], streams: &BTreeSet<u16>) -> Option<Vec<u8>> {
    let is_unwanted = |chunk: &[u8]| {
        let stream = chunk.get(8..10);
        let stream = stream.map(|id| u16::from_be_bytes([id[0], id[1]]));
        chunk[0] == DATA
            && chunk.len() > DATA_HEADER
            && stream.is_some_and(|stream| streams.contains(&stream))
    };
    if !chunks(packet).any(is_unwanted) {
        return None;
    }
    let mut changed = packet[..COMMON_HEADER].to_vec();
    for chunk in chunks(packet) {
        if is_unwanted(chunk) {
            let start = changed.len();
            changed.extend_from_slice(&chunk[..DATA_HEADER]);
            changed[start + 1] &= !(BEGINNING | ENDING);
            changed[start + 2..start + 4].copy_from_slice(&(DATA_HEADER as u16 + 1).to_be_bytes());
            changed.extend_from_slice(&[0; 4]);
        } else {
            changed.extend_from_slice(chunk);
            changed.resize(changed.len().next_multiple_of(4), 0);
        }
    }
    seal(&mut changed);
    Some(changed)
}

/// RFC 9260 §3.3.1.
const BEGINNING: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(stream: u16) -> Vec<u8> {
        let mut chunk = vec![DATA, BEGINNING | ENDING, 0, 21, 0, 0, 0, 1];
        chunk.extend_from_slice(&stream.to_be_bytes());
        chunk.extend_from_slice(&[0, 0, 0, 0, 0, 51, b'h', b'e', b'l', b'l', b'o', 0, 0, 0]);
        chunk
    }

    #[test]
    fn only_data_on_these_streams_is_changed_and_of_it_one_byte_is_left() {
        let packet = [&[0; COMMON_HEADER][..], &data(2), &data(1)].concat();
        let streams = BTreeSet::from([2]);
        let changed = discard(&packet, &streams).unwrap();
        let chunks: Vec<_> = chunks(&changed).collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!((chunks[0].len(), chunks[0][1]), (DATA_HEADER + 1, 0));
        assert_eq!(chunks[1], &data(1)[..21]);
        assert_eq!(discard(&packet, &BTreeSet::from([3])), None);
    }

    proptest! {
        #[test]
        fn no_packet_panics(packet in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = discard(&packet, &(0..300).collect());
        }
    }
}
