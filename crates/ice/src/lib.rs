//! An ICE agent without I/O (RFC 8445, 8838, 7675)

mod agent;
mod answering;
mod candidates;
mod checks;
mod config;
mod consent;
mod counters;
mod credentials;
mod event;
mod gathering;
mod incoming;
mod nomination;
mod outbox;
mod random;
mod relays;
mod report;
mod server;
mod timers;

pub use agent::Agent;
pub use config::{Config, Limits, Timing, TransportPolicy};
pub use counters::Counters;
pub use credentials::Credentials;
pub use event::{CandidateError, Event, GatheringState, SelectedPair, State};
pub use ieum_candidate::{Candidate, Kind};
pub use ieum_pairing::{PairState, Role};
pub use ieum_stun::{FiveTuple, Transmit, Transport};
pub use incoming::{Incoming, Reason};
pub use report::{PairReport, Report};
pub use server::{Server, ServerKind};
