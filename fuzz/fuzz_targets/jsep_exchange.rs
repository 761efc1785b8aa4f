//! Two negotiators and any operations, glare and rollback among them: they come to rest, and agree.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/peer/tests/jsep_exchange/exchange.rs"]
mod exchange;

fuzz_target!(|operations: &[u8]| {
    exchange::run(operations);
});
