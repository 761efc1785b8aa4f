//! Benchmarks of ieum: what they share.

use std::fmt;
use std::time::Duration;

/// Durations of one thing, done many times.
#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The one in the middle; zero where there is none.
    #[must_use]
    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// Median, least and greatest in milliseconds.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let least = self.0.iter().min().copied().unwrap_or_default();
        let greatest = self.0.iter().max().copied().unwrap_or_default();
        let (median, n) = (ms(self.median()), self.0.len());
        write!(
            f,
            "median {median:8.2} ms   (min {:.2}, max {:.2}, n = {n})",
            ms(least),
            ms(greatest)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let mut samples = Samples::default();
        for ms in [9, 1, 5] {
            samples.push(Duration::from_millis(ms));
        }
        assert_eq!(samples.median(), Duration::from_millis(5));
        assert_eq!(Samples::default().median(), Duration::ZERO);
    }
}
