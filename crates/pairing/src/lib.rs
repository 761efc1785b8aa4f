//! ICE check lists: which pairs of candidates to check, and in which order (RFC 8445 §6.1.2).
//!
//! A [`CheckList`] owns the pairs of one component: it forms them as candidates trickle in (RFC 8838 §12), prunes
//! redundant ones (§6.1.2.4), pairs TCP candidates by who connects (RFC 6544 §6.2), orders them by [priority](pair_priority) (§6.1.2.3), caps their number (§6.1.2.5),
//! freezes and thaws them by foundation (§6.1.2.6), and queues triggered checks (§7.3.1.4). Candidates are known to it
//! by numbers that the caller chooses.
//!
//! It leaves out time, messages and nomination (`ieum-ice`), and what joins several components or check lists: with
//! everything bundled on one component there is one list.
//!
//! # Contracts
//!
//! - `no_std` with `alloc`. Adding a pair, changing its state and taking the next one are O(log p); nothing is sorted
//!   again when a candidate arrives.
//! - The same calls give the same order.
//! - In a full list, what has failed goes first, then the worst pair that was not checked yet; never one that is being
//!   checked or has succeeded. So a good late candidate always gets its turn.
//! - The caller bounds the number of candidates.
//!
//! # Example
//!
//! ```
//! use ieum_candidate::Transport;
//! use ieum_pairing::{Candidate, CheckList, Forming, PairId, PairState, Role};
//!
//! let mut list = CheckList::new(Role::Controlling, 100);
//! let host = Candidate {
//!     id: 0,
//!     address: "10.0.0.1:5000".parse().unwrap(),
//!     priority: 2130706431,
//!     foundation: "1",
//!     transport: Transport::Udp,
//! };
//! list.add_local(host, Forming::Automatic);
//! let remote = Candidate { id: 7, address: "10.0.0.2:6000".parse().unwrap(), ..host };
//! list.add_remote(remote);
//!
//! let pair = list.next_waiting().expect("one pair to check");
//! assert_eq!(pair, PairId { local: 0, remote: 7 });
//! assert_eq!(list.pair(pair).unwrap().state(), PairState::InProgress);
//! list.succeed(pair);
//! assert!(list.is_done());
//! assert_eq!(list.succeeded().next(), Some(pair));
//! ```
#![no_std]

extern crate alloc;

mod list;
mod order;
mod pair;
mod priority;
mod role;
mod state;

pub use list::{Candidate, CheckList, Forming, Removal};
pub use pair::{Pair, PairId};
pub use priority::pair_priority;
pub use role::Role;
pub use state::PairState;
