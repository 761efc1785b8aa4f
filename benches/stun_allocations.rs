//! How often codecs allocate for a connectivity check's message. By itself, because counting takes time.
//!
//! `cargo bench -p ieum-benches --features rivals-stun --bench stun_allocations`

#[path = "stun/codec.rs"]
mod codec;
#[cfg(feature = "rivals-stun")]
#[path = "stun/rivals.rs"]
mod rivals;

use std::alloc::System;

use codec::{Check, Codec, Ours};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    println!("\n| allocations | parse | parse and verify | build and sign |\n|---|---|---|---|");
    assert_eq!(print::<Ours>(), [0; 3], "promised");
    #[cfg(feature = "rivals-stun")]
    {
        print::<rivals::Is>();
        print::<rivals::StunTypes>();
        print::<rivals::RtcStun>();
        print::<rivals::Stun>();
    }
}

fn print<C: Codec>() -> [usize; 3] {
    let request = Ours::new().build().to_vec();
    let mut codec = C::new();
    // What is worked out at first use does not count.
    codec.build();
    assert_eq!(codec.verify(&request), Some(Check::EXPECTED));
    let counts = [
        count(|| codec.parse(&request).is_some()),
        count(|| codec.verify(&request).is_some()),
        count(|| !codec.build().is_empty()),
    ];
    let [parse, verify, build] = counts;
    println!("| {} | {parse} | {verify} | {build} |", C::NAME);
    counts
}

/// Allocations and re-allocations of one run.
fn count(run: impl FnOnce() -> bool) -> usize {
    let region = Region::new(ALLOCATOR);
    assert!(std::hint::black_box(run()));
    let change = region.change();
    change.allocations + change.reallocations
}
