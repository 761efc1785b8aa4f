//! Counts the messages that wait for their reader, and tells the peer of a window that they make smaller.
//!
//! `rtc-sctp` counts their bytes alone. A message of a byte takes some two hundred of memory; and in a stream it is known by
//! a number of 16 bits, which is compared with that of the next one to read: beyond 32,768 messages (RFC 9260 §1.6) new ones
//! look like old ones, and the library acknowledges them and throws them away. So each costs a share of the window
//! here, as many as are safe close it, and what a peer sends beyond that is refused as the library refuses what does not fit.
//!
//! The library's own window is larger by [`SLACK`] than the one that is told. A peer probes a closed window with a packet of
//! data, and one that is refused is lost: where nothing but the end of a message is left to send, it comes again after a
//! second.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::packet::{COMMON_HEADER, DATA, ENDING, SACK, chunks, is_after, seal, with_chunks, word};

/// What waits, as far as the packets tell.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Messages of each stream.
    streams: BTreeMap<u16, u32>,
    /// Of all.
    messages: u32,
    /// The last number of which the peer knows that everything up to it came.
    acknowledged: Option<u32>,
    /// The highest that came.
    highest: Option<u32>,
    /// Bytes of the window that one message takes up.
    share: usize,
}

/// What becomes of a packet.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    Whole(Bytes),
    /// What the reader has no room for is left out; the peer is to be told.
    Refused(Option<Bytes>),
}

impl Unread {
    /// For a window of so many bytes.
    pub(super) fn new(window: usize) -> Self {
        Self {
            share: window / FULL as usize,
            ..Self::default()
        }
    }

    /// What a message takes up beside its bytes.
    pub(super) fn share(&self) -> usize {
        self.share
    }

    /// A packet of the peer came: what the library is to see of it.
    pub(super) fn receive(&mut self, packet: Bytes) -> Taken {
        let is_refused = self.messages >= MAX
            && chunks(&packet)
                .any(|chunk| data(chunk).is_some_and(|data| self.is_new(data.number)));
        let taken = if is_refused {
            let kept = |chunk: &&[u8]| data(chunk).is_none_or(|data| !self.is_new(data.number));
            let kept = with_chunks(&packet, chunks(&packet).filter(kept));
            Taken::Refused(kept.map(Bytes::from))
        } else {
            Taken::Whole(packet)
        };
        if let Taken::Whole(packet) | Taken::Refused(Some(packet)) = &taken {
            for data in chunks(packet).filter_map(data) {
                self.count(data);
            }
        }
        taken
    }

    fn count(&mut self, data: Data) {
        // What comes again was counted before.
        if self
            .acknowledged
            .is_some_and(|last| !is_after(data.number, last))
        {
            return;
        }
        if self.is_new(data.number) {
            self.highest = Some(data.number);
        }
        if data.ends {
            *self.streams.entry(data.stream).or_default() += 1;
            self.messages += 1;
        }
    }

    /// Whether it fills no gap: what does must come in, or nothing could be read ever again.
    fn is_new(&self, number: u32) -> bool {
        self.highest.is_none_or(|highest| is_after(number, highest))
    }

    /// A packet leaves: an acknowledgement of the library tells the window that there is.
    pub(super) fn send(&mut self, packet: Bytes) -> Bytes {
        // The library gives an acknowledgement a packet of its own.
        if packet.get(COMMON_HEADER) != Some(&SACK) {
            return packet;
        }
        let (Some(acknowledged), Some(window)) = (word(&packet, 16), word(&packet, WINDOW)) else {
            return packet;
        };
        self.acknowledged = Some(acknowledged);
        let taken = (self.messages as usize * self.share).saturating_add(SLACK as usize);
        let mut changed = packet.to_vec();
        let window = window.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        changed[WINDOW..WINDOW + 4].copy_from_slice(&window.to_be_bytes());
        seal(&mut changed);
        changed.into()
    }

    /// A message of a stream was read.
    pub(super) fn read(&mut self, stream: u16) {
        if let Some(waiting) = self
            .streams
            .get_mut(&stream)
            .filter(|waiting| **waiting > 0)
        {
            *waiting -= 1;
            self.messages -= 1;
        }
    }

    /// Nothing of a stream is left to read: one that was counted twice, or was given up by the peer, goes from the count.
    pub(super) fn emptied(&mut self, stream: u16) {
        self.messages -= self.streams.remove(&stream).unwrap_or_default();
    }
}

/// What is looked at of a DATA chunk (RFC 9260 §3.3.1).
#[derive(Debug, Clone, Copy)]
struct Data {
    number: u32,
    stream: u16,
    ends: bool,
}

fn data(chunk: &[u8]) -> Option<Data> {
    let &[DATA, flags, _, _, a, b, c, d, high, low, ..] = chunk else {
        return None;
    };
    Some(Data {
        number: u32::from_be_bytes([a, b, c, d]),
        stream: u16::from_be_bytes([high, low]),
        ends: flags & ENDING != 0,
    })
}

/// Bytes that are taken beyond the window: some probes.
pub(super) const SLACK: u32 = 256 * 1024;
/// Where an acknowledgement tells the window.
const WINDOW: usize = 20;
/// Messages that close the window: there is room for what is on its way then.
const FULL: u32 = 21_845;
/// Messages beyond which what is new is refused; a stream can tell 32,768.
const MAX: u32 = 30_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: usize = 4 * 1024 * 1024;

    fn message(number: u32) -> Bytes {
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend_from_slice(&[DATA, 3, 0, 17]);
        packet.extend_from_slice(&number.to_be_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 53, 1, 0, 0, 0]);
        seal(&mut packet);
        packet.into()
    }

    fn sack(acknowledged: u32, window: usize) -> Bytes {
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend_from_slice(&[SACK, 0, 0, 16]);
        packet.extend_from_slice(&acknowledged.to_be_bytes());
        packet.extend_from_slice(&(window as u32).to_be_bytes());
        packet.extend_from_slice(&[0; 4]);
        seal(&mut packet);
        packet.into()
    }

    fn told(unread: &mut Unread, acknowledged: u32) -> usize {
        let packet = unread.send(sack(acknowledged, SIZE + SLACK as usize));
        word(&packet, WINDOW).unwrap() as usize
    }

    #[test]
    fn messages_close_the_window_however_small_they_are() {
        let mut unread = Unread::new(SIZE);
        assert_eq!(told(&mut unread, 0), SIZE);
        for number in 1..=FULL {
            unread.receive(message(number));
        }
        assert!(told(&mut unread, FULL) < unread.share());
        for _ in 0..FULL {
            unread.read(1);
        }
        assert_eq!(told(&mut unread, FULL), SIZE);
    }

    #[test]
    fn what_comes_beyond_the_window_is_refused_and_what_fills_a_gap_is_not() {
        let mut unread = Unread::new(SIZE);
        for number in (1..=MAX + 1).filter(|number| *number != 7) {
            let packet = message(number);
            assert_eq!(unread.receive(packet.clone()), Taken::Whole(packet));
        }
        assert_eq!(unread.receive(message(MAX + 2)), Taken::Refused(None));
        assert_eq!(unread.receive(message(7)), Taken::Whole(message(7)));
        unread.emptied(1);
        let next = message(MAX + 2);
        assert_eq!(unread.receive(next.clone()), Taken::Whole(next));
    }

    #[test]
    fn what_comes_again_counts_once() {
        let mut unread = Unread::new(SIZE);
        unread.receive(message(u32::MAX));
        let window = told(&mut unread, u32::MAX);
        unread.receive(message(u32::MAX));
        assert_eq!(told(&mut unread, u32::MAX), window);
        unread.receive(message(0));
        assert!(told(&mut unread, 0) < window);
    }

    proptest! {
        #[test]
        fn no_packet_panics(packet in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut unread = Unread::new(SIZE);
            let _ = unread.receive(packet.clone().into());
            let _ = unread.send(packet.into());
        }
    }
}
