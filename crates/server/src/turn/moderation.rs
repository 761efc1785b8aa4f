//! How often a busy worker wakes. As a network card holds interrupts back, it lets datagrams gather where they come
//! close on each other: waking costs as much as relaying several of them.

use std::thread;
use std::time::{Duration, Instant};

/// When a worker was busy last.
#[derive(Debug, Default)]
pub(super) struct Moderation {
    woken: Option<Instant>,
    /// Wakes in a row that came close on each other.
    dense: u32,
}

impl Moderation {
    /// To be called before waiting for sockets: a worker that is woken all the time waits a moment more.
    pub(super) fn gather(&self) {
        if self.dense >= DENSE {
            thread::sleep(MOMENT);
        }
    }

    /// To be called after waiting.
    pub(super) fn wake(&mut self, now: Instant) {
        let soon = self
            .woken
            .is_some_and(|woken| now.saturating_duration_since(woken) < CLOSE);
        self.dense = if soon {
            self.dense.saturating_add(1)
        } else {
            0
        };
        self.woken = Some(now);
    }
}

/// Wakes that come closer than this are many.
const CLOSE: Duration = Duration::from_micros(500);
/// So many of them in a row: not two clients who happen to send at once.
const DENSE: u32 = 16;
/// How long datagrams gather. The system adds some 50 µs of its own.
const MOMENT: Duration = Duration::from_micros(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_woken_all_the_time_waits() {
        let mut now = Instant::now();
        let mut moderation = Moderation::default();
        for _ in 0..=DENSE {
            moderation.wake(now);
            now += CLOSE / 2;
        }
        assert!(moderation.dense >= DENSE);
        moderation.wake(now + CLOSE);
        assert_eq!(moderation.dense, 0);
    }
}
