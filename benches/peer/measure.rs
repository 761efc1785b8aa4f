//! What is measured in the process that does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::stack::Stack;
use crate::wire::{Properties, Wire};

/// Counts what arrives.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes: AtomicU64,
    messages: AtomicU64,
}

impl Meter {
    /// A message of so many bytes arrived.
    pub(crate) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.bytes), read(&self.messages))
    }
}

/// MB/s, messages/s, and CPU seconds per GB of both sides.
pub(crate) async fn transfer<S: Stack>(size: usize, span: Duration) -> [f64; 3] {
    let (mut pair, _) = S::connect(None).await;
    let meter = Arc::new(Meter::default());
    pair.flood(size, meter.clone());
    // Slow start is over by then.
    tokio::time::sleep(span / 4).await;
    let (start, before, (bytes, messages)) = (Instant::now(), cpu(), meter.read());
    tokio::time::sleep(span).await;
    let (elapsed, used, after) = (start.elapsed(), cpu() - before, meter.read());
    let bytes = (after.0 - bytes) as f64;
    let seconds = elapsed.as_secs_f64();
    let messages = (after.1 - messages) as f64 / seconds;
    [
        bytes / 1e6 / seconds,
        messages,
        used.as_secs_f64() / (bytes / 1e9),
    ]
}

/// MB/s over a wire of this delay each way and this share of loss, and a rate of 100 Mbit/s.
pub(crate) async fn loss<S: Stack>(delay: Duration, loss: f64, span: Duration) -> [f64; 1] {
    let wire = Wire::with(Properties {
        delay,
        rate: Some(RATE),
        loss,
    });
    let (mut pair, _) = S::connect(Some(Arc::new(wire.unwrap()))).await;
    let meter = Arc::new(Meter::default());
    let start = Instant::now();
    pair.flood(LOSS_MESSAGE, meter.clone());
    tokio::time::sleep(span).await;
    [meter.read().0 as f64 / 1e6 / start.elapsed().as_secs_f64()]
}

/// Median, least and greatest time to open in milliseconds, and CPU milliseconds per connection, both sides.
pub(crate) async fn open<S: Stack>(runs: usize, delay: Duration) -> [f64; 4] {
    let wire = || (!delay.is_zero()).then(|| Arc::new(Wire::new(delay).unwrap()));
    // The first one wakes up what is made once per process.
    S::connect(wire()).await.0.close().await;
    let mut samples = Vec::with_capacity(runs);
    let mut used = Duration::ZERO;
    for _ in 0..runs {
        let wire = wire();
        let before = cpu();
        let (pair, elapsed) = S::connect(wire).await;
        used += cpu() - before;
        pair.close().await;
        samples.push(elapsed.as_secs_f64() * 1e3);
    }
    samples.sort_by(f64::total_cmp);
    [
        samples[runs / 2],
        samples[0],
        samples[runs - 1],
        used.as_secs_f64() * 1e3 / runs as f64,
    ]
}

/// What so many connected pairs hold in kB each, and the CPU milliseconds that each takes in a second when nobody uses it.
pub(crate) async fn idle<S: Stack>(pairs: usize, span: Duration) -> [f64; 2] {
    // What is made once per process is no pair's.
    S::connect(None).await.0.close().await;
    tokio::time::sleep(span / 4).await;
    let before = resident_kb();
    let mut held = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        held.push(S::connect(None).await.0);
    }
    tokio::time::sleep(span).await;
    let memory = (resident_kb() - before) as f64 / pairs as f64;
    let (used, start) = (cpu(), Instant::now());
    tokio::time::sleep(span).await;
    let used = (cpu() - used).as_secs_f64() * 1e3;
    let idle = used / start.elapsed().as_secs_f64() / pairs as f64;
    [memory, idle]
}

/// So many pairs connected one after another, all of which send at once: seconds to connect them, MB/s and messages/s
/// of all together, CPU seconds per GB, kB a pair.
pub(crate) async fn crowd<S: Stack>(pairs: usize, size: usize, span: Duration) -> [f64; 5] {
    let (start, before) = (Instant::now(), resident_kb());
    let mut held = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        held.push(S::connect(None).await.0);
    }
    let connected = start.elapsed().as_secs_f64();
    let memory = (resident_kb() - before) as f64 / pairs as f64;
    let meter = Arc::new(Meter::default());
    for pair in &mut held {
        pair.flood(size, meter.clone());
    }
    tokio::time::sleep(span / 4).await;
    let (start, before, (bytes, messages)) = (Instant::now(), cpu(), meter.read());
    tokio::time::sleep(span).await;
    let (seconds, used, after) = (start.elapsed().as_secs_f64(), cpu() - before, meter.read());
    let bytes = (after.0 - bytes) as f64;
    [
        connected,
        bytes / 1e6 / seconds,
        (after.1 - messages) as f64 / seconds,
        used.as_secs_f64() / (bytes / 1e9),
        memory,
    ]
}

/// Bytes a second.
const RATE: f64 = 100e6 / 8.0;
/// The message that a lossy wire carries.
const LOSS_MESSAGE: usize = 16 * 1024;

/// What this process has used, all threads.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("every system counts this");
    [usage.user_time(), usage.system_time()]
        .into_iter()
        .map(|time| {
            Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
        })
        .sum()
}

/// Resident memory of this process.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of kB")
}
