//! Answers that wait to be sent, in one arena that is used again and again.

use std::collections::VecDeque;

use ieum_stun::{FiveTuple, Transmit};

/// Answers that wait to be sent.
#[derive(Default)]
pub(super) struct Outbox {
    arena: Vec<u8>,
    /// How much of the arena has been sent.
    sent: usize,
    queue: VecDeque<Transmit>,
}

impl Outbox {
    /// Takes what `write` appends; its result is the length, 0 for nothing. `false` where the queue is full: the
    /// driver does not poll.
    pub(super) fn push(
        &mut self,
        five_tuple: FiveTuple,
        write: impl FnOnce(&mut Vec<u8>) -> usize,
    ) -> bool {
        if self.queue.len() >= MAX_QUEUED {
            return false;
        }
        let start = self.arena.len();
        let len = write(&mut self.arena);
        // What does not belong to the answer, where there is none.
        self.arena.truncate(start + len);
        if len > 0 {
            self.queue.push_back(Transmit {
                five_tuple,
                len,
                segment_size: None,
            });
        }
        true
    }

    pub(super) fn pop(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self.queue.pop_front()?;
        let end = self.sent + transmit.len;
        buf.extend_from_slice(&self.arena[self.sent..end]);
        self.sent = end;
        if self.queue.is_empty() {
            self.arena.clear();
            self.sent = 0;
        }
        Some(transmit)
    }
}

/// Answers that are kept for a driver that handles a whole batch before it polls.
const MAX_QUEUED: usize = 4096;
