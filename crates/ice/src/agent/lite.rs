//! What differs with a lite side, ours or the peer's (RFC 8445 §2.5), and what else both sides signal.

use std::time::Instant;

use ieum_pairing::{PairId, Role};

use super::Agent;
use crate::Options;

impl Agent {
    /// What to signal of us besides credentials and candidates.
    pub fn local_options(&self) -> Options {
        Options {
            lite: self.config.lite,
            pacing: Some(self.config.timing.ta),
            ice2: true,
            renomination: self.config.renomination,
        }
    }

    /// Tells what the peer has signaled. Where it is lite and we are not, we control (RFC 8445 §6.1.1).
    pub fn set_remote_options(&mut self, now: Instant, options: Options) {
        self.remote_options = options;
        self.checks.ta = Options::agreed_pacing(self.config.timing.ta, options);
        if options.lite && !self.config.lite {
            self.set_role(now, Role::Controlling);
        }
        self.advance(now);
    }

    /// Whether another pair may be nominated after one was, and candidates may be found after the last one was told: both
    /// sides signal [renomination](crate::Options::renomination).
    pub fn renominates(&self) -> bool {
        self.config.renomination && self.remote_options.renomination
    }

    /// We are lite, and the peer's check has arrived on this pair: that makes it valid, and the peer's nomination
    /// counts at once (RFC 8445 §7.3.2).
    pub(super) fn believe(&mut self, now: Instant, pair: PairId, wanted: bool) {
        self.checks.list.succeed(pair);
        self.checks.facts_mut(pair).answered_at = Some(now);
        self.nomination.valid(now);
        if wanted {
            self.nominated(now, pair);
        }
    }
}
