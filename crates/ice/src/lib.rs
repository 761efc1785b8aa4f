//! An ICE agent without I/O (RFC 8445, 8838, 7675)

mod agent;
mod config;
mod counters;
mod credentials;
mod event;
mod incoming;
mod report;
mod server;

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
