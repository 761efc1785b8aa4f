//! Owns the peer's consent to be sent to (RFC 7675), and when it was last heard.

use std::collections::VecDeque;
use std::time::Instant;

use ieum_stun::TransactionId;

use crate::Timing;

/// Consent on the selected pair.
#[derive(Debug)]
pub(crate) struct Consent {
    /// The last answers to wait for; each check has a transaction id of its own and is sent once (RFC 7675 §5.1).
    outstanding: VecDeque<TransactionId>,
    next_check: Instant,
    last_answer: Instant,
    last_heard: Instant,
    /// The connection that it went over is closed.
    cut: bool,
}

impl Consent {
    /// Begins: a check of the pair was just answered.
    pub(crate) fn new(now: Instant, next_check: Instant) -> Self {
        Consent {
            outstanding: VecDeque::new(),
            next_check,
            last_answer: now,
            last_heard: now,
            cut: false,
        }
    }

    /// A consent check leaves.
    pub(crate) fn sent(&mut self, id: TransactionId, next_check: Instant) {
        if self.outstanding.len() == MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(id);
        self.next_check = next_check;
    }

    pub(crate) fn is_outstanding(&self, id: TransactionId) -> bool {
        self.outstanding.contains(&id)
    }

    /// The peer has answered: it consents for another while.
    pub(crate) fn answered(&mut self, now: Instant, id: TransactionId) {
        self.outstanding.retain(|outstanding| *outstanding != id);
        self.renewed(now);
    }

    /// A check of the pair was answered.
    pub(crate) fn renewed(&mut self, now: Instant) {
        self.last_answer = now;
        self.heard(now);
    }

    /// Something came from the peer. It says that the path works, not that the peer consents.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
        self.cut = false;
    }

    /// Nothing will be heard on this path, unless there is another connection.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn is_check_due(&self, now: Instant) -> bool {
        now >= self.next_check
    }

    pub(crate) fn next_check(&self) -> Instant {
        self.next_check
    }

    pub(crate) fn expires(&self, timing: &Timing) -> Instant {
        self.last_answer + timing.consent_timeout
    }

    pub(crate) fn silent_at(&self, timing: &Timing) -> Instant {
        match self.cut {
            true => self.last_heard,
            false => self.last_heard + timing.disconnected_after,
        }
    }
}

/// More than fit into a consent time-out.
const MAX_OUTSTANDING: usize = 16;
