//! When a busy worker waits a moment before it looks at its sockets. As a network card holds interrupts back, it lets
//! datagrams gather: on an idle processor a wake costs as much as relaying several of them (TURN.md has figures).
//!
//! It waits only where that pays: where it hardly comes to rest, and as long as most waits bring more than one datagram. Few
//! datagrams are not held back, and where there are so many that they gather by themselves, nothing is.

use std::thread;
use std::time::Duration;

/// How long a worker rests, and how much it finds then.
#[derive(Debug, Default)]
pub(super) struct Moderation {
    /// Rests for which waiting pays, less those for which it does not.
    score: u32,
    /// Whether the last rest began with a wait.
    gathered: bool,
    /// Datagrams at the last wake.
    found: usize,
}

impl Moderation {
    /// To be called before waiting for sockets.
    pub(super) fn gather(&mut self) {
        self.gathered = self.score >= ENOUGH && self.found < PLENTY;
        if self.gathered {
            thread::sleep(MOMENT);
        }
    }

    /// To be called after a wake: how long the worker has waited for its sockets, and how many datagrams it found.
    pub(super) fn found(&mut self, rested: Duration, datagrams: usize) {
        self.found = datagrams;
        let pays = match self.gathered {
            true => datagrams > 1,
            false => rested < SHORT,
        };
        self.score = if pays {
            (self.score + 1).min(2 * ENOUGH)
        } else {
            self.score.saturating_sub(2)
        };
    }
}

/// A rest shorter than this would find more by being longer.
const SHORT: Duration = Duration::from_micros(100);
/// Where waiting pays two times of three, and has so for a while: not two clients who happen to send at once.
const ENOUGH: u32 = 16;
/// How long datagrams gather. The system adds some 50 µs of its own.
const MOMENT: Duration = Duration::from_micros(100);
/// So many share one wake that it costs next to nothing.
const PLENTY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that rests so long and finds so many datagrams, several times; whether it waits before the next rest.
    fn after(moderation: &mut Moderation, times: u32, rested: Duration, datagrams: usize) -> bool {
        for _ in 0..times {
            moderation.gather();
            moderation.found(rested, datagrams);
        }
        moderation.gather();
        moderation.gathered
    }

    #[test]
    fn only_who_hardly_comes_to_rest_waits() {
        let mut moderation = Moderation::default();
        assert!(!after(&mut moderation, ENOUGH - 1, SHORT / 2, 1));
        assert!(after(&mut moderation, 1, SHORT / 2, 1));
        assert!(!after(&mut Moderation::default(), 4 * ENOUGH, SHORT, 50));
    }

    #[test]
    fn waits_that_bring_little_come_to_an_end() {
        let mut moderation = Moderation::default();
        assert!(after(&mut moderation, 2 * ENOUGH, SHORT / 2, 2));
        assert!(after(&mut moderation, 1, SHORT * 2, 1), "one is no habit");
        assert!(!after(&mut moderation, ENOUGH, SHORT * 2, 1));
    }

    #[test]
    fn who_finds_plenty_does_not_wait() {
        let mut moderation = Moderation::default();
        assert!(!after(&mut moderation, 2 * ENOUGH, SHORT / 2, PLENTY));
        assert!(after(&mut moderation, 1, SHORT / 2, PLENTY - 1));
    }
}
