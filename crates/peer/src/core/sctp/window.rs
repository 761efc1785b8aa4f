//! Tells the peer that the window is open again (RFC 9260 §6.2: a receiver sends a SACK when its reader has made room).
//!
//! `rtc-sctp` says how much it takes only in answer to data. A peer that has filled the window sends one packet to probe it,
//! whose answer is delayed by 200 ms: every time the reader falls behind, the transfer would stand still for so long. What
//! the library does answer at once is a packet that comes again with the I bit (RFC 7053), and so it gets one.

use bytes::Bytes;

use super::packet::{COMMON_HEADER, SACK, seal, word};

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
        let mut packet = [0; COMMON_HEADER + LITTLE_DATA.len() + 16];
        packet[..COMMON_HEADER].copy_from_slice(&self.header);
        packet[12..16].copy_from_slice(&LITTLE_DATA);
        packet[16..20].copy_from_slice(&self.acknowledged?.to_be_bytes());
        seal(&mut packet);
        Some(Bytes::copy_from_slice(&packet))
    }
}

/// A DATA chunk: whole, to be acknowledged at once, with a header of 16 bytes and one of data.
const LITTLE_DATA: [u8; 4] = [0, 0b1011, 0, 17];
/// In a window below this a peer may send one packet and wait, of which alone the library tells nothing for 200 ms.
const FEW_PACKETS: usize = 16 * 1024;
