//! Simulated connections, and what an idle one costs; beside the rivals (feature `rivals-ice`).
//!
//! `cargo bench -p ieum-benches --features rivals-ice --bench ice`
//!
//! Both agents of a connection live in one simulation with a virtual clock, 10 ms one way, without loss. They know each
//! other's candidates from the beginning; the clock runs until both have a selected pair that is nominated. Processor
//! time is that of both agents and the simulation.

mod ours;
#[cfg(feature = "rivals-ice")]
mod rivals;
mod simulation;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ours::Ours;
use simulation::{Outcome, Side, reachable};

const RUNS: usize = 201;

fn row(who: &str, count: u16, only_last: bool, mut connect: impl FnMut() -> Outcome) {
    let mut cpu = Vec::new();
    let mut outcome = Outcome::default();
    for _ in 0..RUNS {
        let begin = Instant::now();
        outcome = connect();
        cpu.push(begin.elapsed());
    }
    cpu.sort_unstable();
    let cpu = cpu[RUNS / 2];
    let what = if only_last {
        "only the last pair works"
    } else {
        "all reachable"
    };
    let time = outcome.time.map_or("never".to_owned(), |time| {
        format!("{} ms", time.as_millis())
    });
    println!(
        "{count} each, {what:<25} {who:<26} {time:>8} {:>5} packets {cpu:>9.1?} {:>7.0} a second",
        outcome.packets,
        1.0 / cpu.as_secs_f64(),
    );
}

fn table(_: &mut Criterion) {
    for count in [2, 5] {
        for only_last in [false, true] {
            let reach = reachable(count, only_last);
            row("ieum-ice, paced by 5 ms", count, only_last, || {
                simulation::run(Ours::pair(count, true), &reach)
            });
            row("ieum-ice, paced by 50 ms", count, only_last, || {
                simulation::run(Ours::pair(count, false), &reach)
            });
            #[cfg(feature = "rivals-ice")]
            {
                use rivals::{Is, Rice, Rtc};
                use simulation::{pair, run};
                row("is", count, only_last, || run(pair::<Is>(count), &reach));
                row("rtc-ice", count, only_last, || {
                    run(pair::<Rtc>(count), &reach)
                });
                row("rice-proto", count, only_last, || {
                    run(pair::<Rice>(count), &reach)
                });
            }
        }
    }
}

/// Memory and timers of connected agents that are left alone for an hour.
fn idle(_: &mut Criterion) {
    const PAIRS: usize = 2000;
    const MINUTES: u32 = 60;
    let reach = reachable(1, false);
    let connected = || {
        let mut pair = Ours::pair(1, true);
        simulation::run_in_place(&mut pair, &reach);
        simulation::idle(&mut pair, &reach, Duration::from_secs(30));
        pair
    };
    let mut pairs = Vec::with_capacity(PAIRS);
    pairs.push(connected());
    let before = resident();
    pairs.extend((1..PAIRS).map(|_| connected()));
    let bytes = resident().saturating_sub(before) / (2 * (PAIRS - 1));
    let pair = &mut pairs[0];
    let wakeups = pair[0].wakeups;
    simulation::idle(pair, &reach, Duration::from_secs(60) * MINUTES);
    let each = f64::from(pair[0].wakeups - wakeups) / f64::from(MINUTES);
    println!("idle and connected: {bytes} bytes an agent, {each:.1} timer wake-ups a minute");
    assert!(pair.iter().all(Side::is_ready));
}

/// Memory of this process, in bytes; 0 where Linux does not tell.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

fn connect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connect, 5 candidates each");
    for (name, only_last) in [("all reachable", false), ("only the last pair works", true)] {
        let reach = reachable(5, only_last);
        group.bench_function(name, |bench| {
            bench.iter_with_large_drop(|| simulation::run(Ours::pair(5, true), &reach));
        });
    }
    group.finish();
}

criterion_group!(benches, table, idle, connect);
criterion_main!(benches);
