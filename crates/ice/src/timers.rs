//! Owns the times at which something is due, so that asking for the next one is cheap.

use std::time::Instant;

/// What may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The next check that nothing triggered may leave.
    Pacing,
    /// A check is to be sent again, or given up.
    Retransmit,
    /// A valid pair has waited long enough for a better one.
    Nominate,
    /// Checking has lasted too long.
    Checking,
    /// A consent check is to be sent.
    Consent,
    /// Consent expires.
    Expiry,
    /// Nothing was heard for too long.
    Silence,
    /// A STUN server is to be asked again, or servers are given up.
    Gathering,
}

const COUNT: usize = Timer::Gathering as usize + 1;

#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }
}
