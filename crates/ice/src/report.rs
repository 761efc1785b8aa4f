//! A snapshot of the pairs, for people.

use std::time::Duration;

use ieum_candidate::Candidate;
use ieum_pairing::PairState;

/// A snapshot of an agent's check list, best pair first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The pairs.
    pub pairs: Vec<PairReport>,
}

/// One candidate pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairReport {
    /// Our candidate: the base that checks leave from.
    pub local: Candidate,
    /// The peer's candidate.
    pub remote: Candidate,
    /// RFC 8445 §6.1.2.3.
    pub priority: u64,
    /// How far the check is.
    pub state: PairState,
    /// Whether application data goes over it.
    pub selected: bool,
    /// Whether it was nominated.
    pub nominated: bool,
    /// How often a check was sent on it.
    pub checks_sent: u32,
    /// How often the peer's checks reached us on it.
    pub checks_received: u32,
    /// The round-trip time of its last check that was answered at the first attempt.
    pub round_trip: Option<Duration>,
}
