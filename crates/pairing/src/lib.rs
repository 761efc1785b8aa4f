//! ICE check lists: form, prune, order, freeze candidate pairs (RFC 8445 §6.1.2).
#![no_std]

extern crate alloc;

mod priority;
mod role;
mod state;

pub use priority::pair_priority;
pub use role::Role;
pub use state::PairState;
