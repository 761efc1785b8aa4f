//! How often parsers allocate. By itself, because counting takes time, and most of it from who allocates most.
//!
//! `cargo bench -p ieum-benches --features rivals-ice,rivals-sdp --bench allocations`

mod candidate;
mod sdp;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    candidate::table();
    sdp::table();
}

fn print<T>(name: &str, run: impl FnOnce() -> T) {
    println!("| {name} | {} |", count(run));
}

/// Allocations and re-allocations of one run.
fn count<T>(run: impl FnOnce() -> T) -> usize {
    let region = Region::new(ALLOCATOR);
    let result = std::hint::black_box(run());
    let change = region.change();
    drop(result);
    change.allocations + change.reallocations
}
