//! When a worker that is woken all the time waits a moment before it looks at its sockets. As a network card holds
//! interrupts back, it lets datagrams gather: on an idle processor a wake costs as much as relaying several of them
//! (TURN.md has figures).
//!
//! It waits only where that saves something: from ten thousand wakes a second on, and as long as most waits bring more than
//! one datagram. Few datagrams are not held back, and where there are so many that they gather by themselves, nothing is.

use std::thread;
use std::time::Duration;

/// How often a worker is woken, and how much it finds then.
#[derive(Debug, Default)]
pub(super) struct Moderation {
    waits: bool,
    /// Datagrams that the last wake brought.
    found: u32,
    window: Window,
    /// Windows until waiting is tried again.
    pause: u32,
}

/// What happened in a few milliseconds.
#[derive(Debug, Default)]
struct Window {
    time: Duration,
    wakes: u32,
    datagrams: u32,
}

impl Moderation {
    /// Waits, where that pays. To be called before waiting for sockets.
    pub(super) fn gather(&self) {
        if self.waits() {
            thread::sleep(MOMENT);
        }
    }

    fn waits(&self) -> bool {
        self.waits && self.found < PLENTY
    }

    /// To be called after each wake: how long it is since the last, and how many datagrams it brought.
    pub(super) fn woken(&mut self, since: Duration, datagrams: usize) {
        let datagrams = u32::try_from(datagrams).unwrap_or(u32::MAX);
        self.found = datagrams;
        let window = &mut self.window;
        window.time += since;
        window.wakes += 1;
        window.datagrams = window.datagrams.saturating_add(datagrams);
        if window.time >= WINDOW {
            let window = std::mem::take(window);
            self.judge(&window);
        }
    }

    fn judge(&mut self, window: &Window) {
        self.pause = self.pause.saturating_sub(1);
        if !self.waits {
            self.waits = self.pause == 0 && window.is_often(window.wakes);
        } else if window.brings_one() {
            self.waits = false;
            self.pause = PAUSE;
        } else {
            // Waits make wakes fewer, not datagrams.
            self.waits = window.is_often(window.datagrams);
        }
    }
}

impl Window {
    /// Whether so many are often enough for waiting to pay.
    fn is_often(&self, times: u32) -> bool {
        self.time <= OFTEN * times
    }

    /// Fewer than three datagrams in two wakes. One who sends when they have their answer sends one at a time, however long
    /// one waits.
    fn brings_one(&self) -> bool {
        self.datagrams * 2 < self.wakes * 3
    }
}

/// How long datagrams gather.
const MOMENT: Duration = Duration::from_micros(50);
/// From a wake in this time on, waiting pays.
const OFTEN: Duration = Duration::from_micros(100);
/// What it is judged by.
const WINDOW: Duration = Duration::from_millis(5);
/// So many share one wake that it costs next to nothing.
const PLENTY: u32 = 32;
/// A second and more.
const PAUSE: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many windows with a wake every so many microseconds; whether the worker waits then.
    fn after(moderation: &mut Moderation, windows: u32, micros: u64, datagrams: usize) -> bool {
        let since = Duration::from_micros(micros);
        for _ in 0..windows {
            for _ in 0..WINDOW.as_micros().div_ceil(micros.into()) {
                moderation.woken(since, datagrams);
            }
        }
        moderation.waits()
    }

    #[test]
    fn who_is_seldom_woken_does_not_wait() {
        let mut moderation = Moderation::default();
        assert!(!after(&mut moderation, 1000, 125, 3));
        assert!(!after(&mut moderation, 1000, 10_000_000, 1));
        assert!(after(&mut moderation, 1, 100, 3));
        assert!(after(&mut moderation, 10, 200, 3), "they pay");
        assert!(!after(&mut moderation, 1, 350, 3), "few come");
    }

    #[test]
    fn two_who_happen_to_send_at_once_are_no_reason_to_wait() {
        let mut moderation = Moderation::default();
        for _ in 0..1000 {
            moderation.woken(Duration::from_micros(20), 1);
            moderation.woken(Duration::from_micros(980), 1);
            assert!(!moderation.waits());
        }
    }

    #[test]
    fn who_finds_plenty_does_not_wait() {
        let mut moderation = Moderation::default();
        assert!(!after(&mut moderation, 1, 100, 32));
        moderation.woken(Duration::from_micros(10), 31);
        assert!(moderation.waits());
    }

    #[test]
    fn waits_that_bring_one_datagram_end_and_are_not_tried_again_at_once() {
        let mut moderation = Moderation::default();
        assert!(after(&mut moderation, 1, 50, 1));
        assert!(after(&mut moderation, 10, 80, 2));
        assert!(!after(&mut moderation, 1, 80, 1));
        assert!(!after(&mut moderation, PAUSE - 1, 50, 1));
        assert!(after(&mut moderation, 1, 50, 1));
    }
}
