//! How many messages a second a client may send.

use std::time::{Duration, Instant};

/// A bucket of places that fills with time. Full, it holds what may come at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// Thousandths of a place.
    filled: u64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(now: Instant, burst: u32) -> Self {
        Self {
            filled: u64::from(burst) * 1000,
            at: now,
        }
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_full(&self, now: Instant, per_second: u32, burst: u32) -> bool {
        let passed_ms = now.saturating_duration_since(self.at).as_millis();
        let more = passed_ms.saturating_mul(per_second.into());
        more.saturating_add(self.filled.into()) >= u128::from(burst) * 1000
    }

    /// Takes a place, where there is one.
    pub(super) fn take(&mut self, now: Instant, per_second: u32, burst: u32) -> bool {
        let passed = now.saturating_duration_since(self.at);
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        if passed_ms > 0 {
            let more = passed_ms.saturating_mul(per_second.into());
            self.filled = self
                .filled
                .saturating_add(more)
                .min(u64::from(burst) * 1000);
            self.at += Duration::from_millis(passed_ms);
        }
        match self.filled.checked_sub(1000) {
            Some(left) => {
                self.filled = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 3);
        let mut passed = |ms| bucket.take(start + Duration::from_millis(ms), 10, 3);
        assert_eq!([0; 4].map(&mut passed), [true, true, true, false]);
        assert_eq!(
            [99, 100, 199, 200].map(&mut passed),
            [false, true, false, true]
        );
        assert_eq!([9_000; 4].map(&mut passed), [true, true, true, false]);
    }
}
