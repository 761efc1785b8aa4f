//! How much may pass in a time: token buckets, for bandwidth and for answers to strangers.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::SourceRate;
use super::ip_range::masked;
use super::table::Keyed;

/// Tokens that come back with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// When it is full again: one number says all, and nothing is rounded on the way.
    full: Instant,
}

impl Bucket {
    /// A full one, for any rate.
    pub(super) fn full(now: Instant) -> Self {
        Self { full: now }
    }

    /// Whether `tokens` are there.
    pub(super) fn has(&self, now: Instant, rate: Rate, tokens: u64) -> bool {
        self.missing(now, rate, tokens) <= rate.time(rate.burst)
    }

    /// Takes `tokens` if they are there.
    pub(super) fn take(&mut self, now: Instant, rate: Rate, tokens: u64) -> bool {
        let has = self.has(now, rate, tokens);
        if has {
            self.full = now + self.missing(now, rate, tokens);
        }
        has
    }

    /// Takes `tokens` that are used already, there or not. Where there are none now, it gives when half the burst is there
    /// again: who waits for the first ones leaves none to those who do not wait.
    pub(super) fn charge(&mut self, now: Instant, rate: Rate, tokens: u64) -> Option<Instant> {
        let missing = self.missing(now, rate, tokens);
        self.full = now + missing;
        let over = missing.checked_sub(rate.time(rate.burst))?;
        (!over.is_zero()).then(|| now + over + rate.time(rate.burst) / 2)
    }

    /// How long it takes to be full again once `tokens` are taken.
    fn missing(&self, now: Instant, rate: Rate, tokens: u64) -> Duration {
        self.full.saturating_duration_since(now) + rate.time(tokens)
    }
}

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_second: u64,
    burst: u64,
}

impl Rate {
    pub(super) fn new(per_second: u64, burst: u64) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, burst }
    }

    /// Bytes: what a second brings may come at once, and a few datagrams at the least.
    pub(super) fn bandwidth(bytes_per_second: u64) -> Self {
        Self::new(bytes_per_second, bytes_per_second.max(MIN_BURST))
    }

    /// How long so many tokens take to come.
    fn time(self, tokens: u64) -> Duration {
        let nanos = u128::from(tokens) * 1_000_000_000 / u128::from(self.per_second);
        u64::try_from(nanos)
            .map_or(LONG, Duration::from_nanos)
            .min(LONG)
    }
}

/// What is answered to each source that has not proven who it is. A table of fixed size: sources are spread over it
/// by a keyed hash, and two that fall together share what one has.
pub(super) struct Sources {
    buckets: Box<[Bucket]>,
    keyed: Keyed,
}

impl Sources {
    pub(super) fn new(now: Instant, keyed: Keyed) -> Self {
        let buckets = vec![Bucket::full(now); SOURCES].into();
        Self { buckets, keyed }
    }

    /// Whether this source may be answered once more.
    pub(super) fn take(&mut self, now: Instant, limit: &SourceRate, source: IpAddr) -> bool {
        let rate = Rate::new(limit.per_second.into(), limit.burst.into());
        self.bucket(limit, source).take(now, rate, 1)
    }

    /// Whether it could be.
    pub(super) fn has(&mut self, now: Instant, limit: &SourceRate, source: IpAddr) -> bool {
        let rate = Rate::new(limit.per_second.into(), limit.burst.into());
        self.bucket(limit, source).has(now, rate, 1)
    }

    fn bucket(&mut self, limit: &SourceRate, source: IpAddr) -> &mut Bucket {
        let source = source.to_canonical();
        let prefix = match source {
            IpAddr::V4(_) => limit.v4_prefix.min(32),
            IpAddr::V6(_) => limit.v6_prefix,
        };
        let hash = self
            .keyed
            .hash_one((source.is_ipv4(), masked(source, prefix)));
        &mut self.buckets[(hash % SOURCES as u64) as usize]
    }
}

/// Keeps an unusual rate from overflowing the clock.
const LONG: Duration = Duration::from_secs(86_400 * 365);
/// 64 KiB: one datagram of the largest kind.
const MIN_BURST: u64 = 65_536;
/// How many sources are told apart: 64 KiB of buckets.
const SOURCES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_passes_than_the_burst_and_what_time_brings() {
        let start = Instant::now();
        let rate = Rate::new(10, 5);
        let mut bucket = Bucket::full(start);
        let taken =
            |bucket: &mut Bucket, now| (0..100).filter(|_| bucket.take(now, rate, 1)).count();
        assert_eq!(taken(&mut bucket, start), 5);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(300)), 3);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(310)), 0);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(50)), 5);
    }

    #[test]
    fn what_was_used_without_being_there_has_to_come_back_first() {
        let start = Instant::now();
        let rate = Rate::new(10, 5);
        let mut bucket = Bucket::full(start);
        assert_eq!(bucket.charge(start, rate, 5), None);
        let none = start + Duration::from_millis(700);
        let half = none + Duration::from_millis(250);
        assert_eq!(bucket.charge(start, rate, 7), Some(half));
        assert!(!bucket.take(none, rate, 1));
        assert!(bucket.take(half, rate, 2) && !bucket.take(half, rate, 1));
    }

    #[test]
    fn what_is_larger_than_the_burst_never_passes() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let rate = Rate::bandwidth(10);
        assert!(!bucket.take(start, rate, MIN_BURST + 1));
        assert!(bucket.take(start, rate, MIN_BURST) && !bucket.take(start, rate, 1));
    }

    #[test]
    fn a_source_is_its_prefix() {
        let start = Instant::now();
        let limit = SourceRate {
            per_second: 1,
            burst: 1,
            v4_prefix: 24,
            v6_prefix: 64,
        };
        let mut sources = Sources::new(start, Keyed(1, 2));
        let mut take = |text: &str| sources.take(start, &limit, text.parse().unwrap());
        assert!(take("192.0.2.1") && !take("192.0.2.200") && !take("::ffff:192.0.2.3"));
        assert!(take("192.0.3.1"));
        assert!(take("2001:db8::1") && !take("2001:db8::ffff:1") && take("2001:db8:0:1::1"));
    }
}
