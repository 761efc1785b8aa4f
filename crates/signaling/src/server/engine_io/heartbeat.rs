//! When a session pings, and when it is over.

use std::time::Duration;

use tokio::time::Instant;

/// The times of one session.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    /// How long it may be outside the namespace.
    patience: Duration,
    /// The last ping, or the beginning.
    pinged: Instant,
    /// Whether something came after it.
    answered: bool,
    /// Until when it must have joined; none while it is in.
    join: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// The client is gone, or never came.
    End,
}

impl Heartbeat {
    pub(super) fn new(
        now: Instant,
        interval: Duration,
        timeout: Duration,
        patience: Duration,
    ) -> Self {
        Self {
            interval,
            timeout,
            patience,
            pinged: now,
            answered: true,
            join: Some(now + patience),
        }
    }

    /// When there is something to do next.
    pub(super) fn deadline(&self) -> Instant {
        let beat = self.beat();
        self.join.map_or(beat, |join| join.min(beat))
    }

    /// The client has said something.
    pub(super) fn heard(&mut self) {
        self.answered = true;
    }

    /// Whether the client is in the namespace. `now` is asked where that has changed.
    pub(super) fn joined(&mut self, joined: bool, now: impl FnOnce() -> Instant) {
        if joined == self.join.is_some() {
            self.join = (!joined).then(|| now() + self.patience);
        }
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        if self.join.is_some_and(|join| join <= now) {
            return Due::End;
        }
        if self.beat() > now {
            return Due::Nothing;
        }
        if !self.answered {
            return Due::End;
        }
        (self.pinged, self.answered) = (now, false);
        Due::Ping
    }

    /// The next ping; where nothing came after the last one, the end.
    fn beat(&self) -> Instant {
        self.pinged
            + if self.answered {
                self.interval
            } else {
                self.timeout
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn beat(start: Instant, patience: u64) -> Heartbeat {
        Heartbeat::new(start, second(25), second(20), second(patience))
    }

    #[test]
    fn a_client_that_answers_is_pinged_again_and_a_silent_one_is_gone() {
        let start = Instant::now();
        let mut beat = beat(start, 1000);
        let mut at = |seconds, heard: bool| {
            let due = beat.due(start + second(seconds));
            if heard {
                beat.heard();
            }
            due
        };
        assert_eq!(at(24, true), Due::Nothing);
        assert_eq!(at(25, true), Due::Ping);
        assert_eq!(at(49, false), Due::Nothing);
        assert_eq!(at(50, false), Due::Ping);
        assert_eq!(at(69, false), Due::Nothing);
        assert_eq!(at(70, false), Due::End);
    }

    #[test]
    fn a_session_outside_the_namespace_has_its_time() {
        let start = Instant::now();
        let mut beat = beat(start, 10);
        assert_eq!(beat.deadline(), start + second(10));
        beat.joined(true, || unreachable!("nothing ends"));
        beat.joined(false, || start + second(5));
        // Outside since five seconds: the time is not given twice.
        beat.joined(false, || unreachable!("nothing has changed"));
        assert_eq!(beat.due(start + second(14)), Due::Nothing);
        assert_eq!(beat.due(start + second(15)), Due::End);
    }
}
