//! What a new path changes: what was lost on the old one is sent again at once.
//!
//! SCTP doubles its time-out while nothing is acknowledged, up to a minute (RFC 9260 §6.3.3): after an outage it would be silent for
//! so long on a path that works. The library has no call for it, but a time-out is what it is told: it is told of the one
//! that it waits for. A message with a lifetime would age with it, so an association that has one waits as it did.

use std::time::{Duration, Instant};

use super::association::RtcSctp;

/// When the association is to be told once more.
#[derive(Debug, Default)]
pub(super) struct Path {
    again: Option<Instant>,
    /// Whether messages have a lifetime.
    pub(super) timed: bool,
}

impl Path {
    /// Packets go another way from now on.
    pub(super) fn changed(&mut self, now: Instant) {
        self.again = Some(now + AGAIN);
    }

    /// Whether it is time again.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.again.take_if(|at| *at <= now).is_some()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }
}

impl RtcSctp {
    /// Ends a wait that has become long.
    pub(super) fn end_wait(&mut self, now: Instant) {
        let timed = self.path.timed;
        let Some(active) = self.active.as_mut().filter(|_| !timed) else {
            return;
        };
        let association = &mut active.association;
        let due = |at: &Instant| *at <= now + SHORT;
        // Where an acknowledgement is due before, it is given now.
        if let Some(at) = association.poll_timeout().filter(due) {
            association.handle_timeout(at);
        }
        if let Some(at) = association.poll_timeout().filter(|at| !due(at)) {
            association.handle_timeout(at);
        }
    }
}

/// The peer may take the new path a little later, and acknowledge on the old one until then.
const AGAIN: Duration = Duration::from_millis(500);
/// A wait that nothing was lost before ends in about this time by itself.
const SHORT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::super::tests::{connected, exchange};
    use super::super::{Part, Ppid, Reliability, Sctp};
    use super::*;
    use crate::core::Priority;

    /// A message of `a` is lost for half a minute; then the way to `b` is another. Gives whether `b` has it at once.
    fn arrives(reliability: Reliability) -> bool {
        let start = Instant::now();
        let (mut a, mut b) = connected(start);
        let mut now = start + Duration::from_secs(1);
        a.open(1, true, reliability, Priority::default());
        let part = Part {
            ppid: Ppid::Binary,
            bytes: vec![7; 100].into(),
            last: true,
        };
        assert!(a.write(now, 1, part));
        while now < start + Duration::from_secs(32) {
            while a.poll_packet(now).is_some() {}
            now = a.poll_timeout().expect("it tries again").max(now);
            a.handle_timeout(now);
        }
        while a.poll_packet(now).is_some() {}
        assert!(a.poll_timeout() > Some(now + Duration::from_secs(20)));
        a.path_changed(now);
        exchange(now, &mut a, &mut b);
        b.read(1).is_some()
    }

    #[test]
    fn what_was_lost_on_the_old_path_is_sent_at_once_on_the_new_one() {
        assert!(arrives(Reliability::Reliable));
        assert!(!arrives(Reliability::LifetimeMs(600_000)), "it would age");
    }

    #[test]
    fn a_path_that_changes_while_nothing_is_lost_changes_nothing() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let (mut a, mut b) = connected(start);
        exchange(now, &mut a, &mut b);
        a.path_changed(now);
        assert_eq!(a.poll_packet(now), None);
        a.handle_timeout(now + AGAIN);
        assert_eq!(a.poll_timeout(), None, "it is idle again");
    }
}
