//! Notices a peer that sends a message without end.
//!
//! `rtc-sctp` takes what continues an incomplete message although the window is closed, since nothing else would ever open
//! it again; a message that never ends would fill the memory. A peer that keeps to its window never comes near the bound.

use super::packet::{SACK, chunks, word};

/// How much was taken while the window was closed.
#[derive(Debug, Default)]
pub(super) struct Overrun {
    /// Bytes that came since the last acknowledgement.
    unacknowledged: usize,
    /// What the last acknowledgement with a closed window has acknowledged.
    acknowledged: Option<u32>,
    /// Bytes taken since the window closed.
    taken: usize,
}

impl Overrun {
    /// A packet of so many bytes came.
    pub(super) fn received(&mut self, bytes: usize) {
        self.unacknowledged += bytes;
    }

    /// A packet leaves. Whether the peer has sent more than `limit` bytes into a closed window, and they were taken.
    pub(super) fn is_over(&mut self, packet: &[u8], limit: usize) -> bool {
        let Some(sack) = chunks(packet).find(|chunk| chunk[0] == SACK) else {
            return false;
        };
        let (Some(acknowledged), Some(window)) = (word(sack, 4), word(sack, 8)) else {
            return false;
        };
        let bytes = std::mem::take(&mut self.unacknowledged);
        if window > 0 {
            (self.acknowledged, self.taken) = (None, 0);
        } else {
            let last = self.acknowledged.replace(acknowledged);
            // What is refused is not acknowledged: probes of a closed window count for nothing.
            if last.is_some_and(|last| last != acknowledged) {
                self.taken += bytes;
            }
        }
        self.taken > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sack(acknowledged: u8, window: u8) -> [u8; 28] {
        let mut packet = [0; 28];
        packet[12..16].copy_from_slice(&[SACK, 0, 0, 16]);
        (packet[19], packet[23]) = (acknowledged, window);
        packet
    }

    #[test]
    fn only_what_is_taken_into_a_closed_window_counts() {
        let mut overrun = Overrun::default();
        let mut after = |bytes, acknowledged, window| {
            overrun.received(bytes);
            overrun.is_over(&sack(acknowledged, window), 100)
        };
        assert!(!after(1000, 1, 9), "the window is open");
        assert!(!after(1000, 2, 0), "it has just closed");
        assert!(!after(1000, 2, 0), "probes, refused");
        assert!(!after(60, 3, 0));
        assert!(after(60, 4, 0));
        assert!(!after(60, 5, 1), "the reader has moved");
    }
}
