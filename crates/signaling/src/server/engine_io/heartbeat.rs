//! When a session pings, and when it is over.

use std::time::Duration;

use tokio::time::Instant;

/// The times of one session.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    /// The next ping; where there was one that nothing came after, the end.
    next: Instant,
    pinged: bool,
    /// How long it may be outside the namespace.
    patience: Duration,
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
    pub(super) fn new(interval: Duration, timeout: Duration, patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            interval,
            timeout,
            next: now + interval,
            pinged: false,
            patience,
            join: Some(now + patience),
        }
    }

    /// When there is something to do next.
    pub(super) fn deadline(&self) -> Instant {
        self.join.map_or(self.next, |join| join.min(self.next))
    }

    /// The client has said something.
    pub(super) fn heard(&mut self) {
        if self.pinged {
            self.pinged = false;
            self.next = Instant::now() + self.interval;
        }
    }

    /// Whether the client is in the namespace.
    pub(super) fn joined(&mut self, joined: bool) {
        if joined == self.join.is_some() {
            self.join = (!joined).then(|| Instant::now() + self.patience);
        }
    }

    pub(super) fn due(&mut self) -> Due {
        let now = Instant::now();
        if self.join.is_some_and(|join| join <= now) {
            return Due::End;
        }
        if self.next > now {
            return Due::Nothing;
        }
        if self.pinged {
            return Due::End;
        }
        self.pinged = true;
        self.next = now + self.timeout;
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn seconds(interval: u64, timeout: u64, patience: u64) -> Heartbeat {
        let [interval, timeout, patience] = [interval, timeout, patience].map(Duration::from_secs);
        Heartbeat::new(interval, timeout, patience)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_is_pinged_again_and_a_silent_one_is_gone() {
        let mut beat = seconds(25, 20, 100);
        beat.joined(true);
        for _ in 0..3 {
            advance(Duration::from_secs(24)).await;
            assert_eq!(beat.due(), Due::Nothing);
            advance(Duration::from_secs(1)).await;
            assert_eq!((beat.due(), beat.due()), (Due::Ping, Due::Nothing));
            beat.heard();
        }
        advance(Duration::from_secs(25)).await;
        assert_eq!(beat.due(), Due::Ping);
        advance(Duration::from_secs(20)).await;
        assert_eq!(beat.due(), Due::End);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_outside_the_namespace_has_its_time() {
        let mut beat = seconds(25, 20, 10);
        beat.joined(true);
        advance(Duration::from_secs(10)).await;
        assert_eq!(beat.due(), Due::Nothing);
        beat.joined(false);
        advance(Duration::from_secs(10)).await;
        assert_eq!(beat.due(), Due::End);
    }
}
