//! What waits to be given to the library, and whose message is next (RFC 8831 §6.4).
//!
//! `rtc-sctp` sends in the order in which it was written to. So it is given no more than it can soon send: what is beyond that
//! waits here, where a message of a higher rank can overtake. It is always given something ahead: without, its window for
//! congestion does not grow.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::packet::{DATA, DATA_HEADER, chunks, is_after, word};
use super::{Ppid, Reliability};
use crate::core::Priority;
use crate::core::fair::Fair;

/// A message that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// When it was written.
    pub(super) since: Instant,
    pub(super) ppid: Ppid,
    pub(super) bytes: Bytes,
}

/// The messages of all streams that wait.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    waiting: Fair<u16, Waiting>,
    streams: BTreeMap<u16, Rank>,
    unsent: Unsent,
}

#[derive(Debug, Clone, Copy)]
struct Rank {
    weight: u16,
    lifetime: Option<Duration>,
}

impl Schedule {
    /// How the messages of a stream rank, and when they are too old to be sent.
    pub(super) fn open(&mut self, stream: u16, priority: Priority, reliability: Reliability) {
        let lifetime = match reliability {
            Reliability::LifetimeMs(ms) => Some(Duration::from_millis(ms.into())),
            _ => None,
        };
        let weight = priority.to_wire();
        self.streams.insert(stream, Rank { weight, lifetime });
    }

    /// Whether the library is to have a message of this stream now; otherwise it is for [`push`](Self::push).
    pub(super) fn passes(&self, stream: u16, ppid: Ppid) -> bool {
        let room = self.waiting.is_empty() && self.unsent.has_room();
        room || (ppid == Ppid::Dcep && !self.waiting.has(stream))
    }

    pub(super) fn push(&mut self, stream: u16, message: Waiting) {
        let weight = match self.streams.get(&stream) {
            Some(rank) => rank.weight,
            None => Priority::default().to_wire(),
        };
        let len = message.bytes.len();
        self.waiting.push(stream, weight, len, message);
    }

    /// The next message for the library, where that has room.
    pub(super) fn pop(&mut self) -> Option<(u16, Waiting)> {
        self.unsent.has_room().then(|| self.waiting.pop()).flatten()
    }

    /// Whether a message came to its end while it waited (RFC 3758 §4.1).
    pub(super) fn is_too_old(&self, now: Instant, stream: u16, message: &Waiting) -> bool {
        let rank = self.streams.get(&stream);
        rank.and_then(|rank| rank.lifetime)
            .is_some_and(|lifetime| now.saturating_duration_since(message.since) > lifetime)
    }

    pub(super) fn has(&self, stream: u16) -> bool {
        self.waiting.has(stream)
    }

    /// What waits on a stream that is being closed: it goes at once, so that the reset can follow it.
    pub(super) fn close(&mut self, stream: u16) -> impl Iterator<Item = Waiting> + use<> {
        self.waiting.remove(stream)
    }

    /// A stream is gone.
    pub(super) fn forget(&mut self, stream: u16) {
        let _ = self.waiting.remove(stream);
        self.streams.remove(&stream);
    }

    /// The library was given so many bytes.
    pub(super) fn given(&mut self, bytes: usize) {
        self.unsent.outstanding += bytes;
        self.unsent.bytes += bytes;
    }

    /// A packet leaves.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        self.unsent.sent(packet);
    }

    /// So many bytes were acknowledged or given up.
    pub(super) fn released(&mut self, bytes: usize) {
        self.unsent.outstanding = self.unsent.outstanding.saturating_sub(bytes);
        // What was given up may never have been sent.
        self.unsent.bytes = self.unsent.bytes.min(self.unsent.outstanding);
    }
}

/// What the library was given and has not sent yet. It does not say so itself.
#[derive(Debug, Default)]
struct Unsent {
    bytes: usize,
    /// Those, and what is not acknowledged.
    outstanding: usize,
    /// The number of the newest DATA chunk that was sent.
    newest: Option<u32>,
}

impl Unsent {
    fn has_room(&self) -> bool {
        self.bytes < AHEAD
    }

    fn sent(&mut self, packet: &[u8]) {
        if self.bytes == 0 {
            return;
        }
        for chunk in chunks(packet).filter(|chunk| chunk[0] == DATA) {
            let Some(tsn) = word(chunk, 4) else { return };
            // What is not newer is sent again.
            if self.newest.is_none_or(|newest| is_after(tsn, newest)) {
                self.newest = Some(tsn);
                let len = chunk.len().saturating_sub(DATA_HEADER);
                self.bytes = self.bytes.saturating_sub(len);
            }
        }
    }
}

/// Bytes that the library has ahead: what an urgent message may have to wait for, besides one message that is larger.
const AHEAD: usize = 64 * 1024;
