//! A snapshot of the pairs, for people.

use std::time::Duration;

use ieum_candidate::Candidate;
use ieum_pairing::PairState;

use crate::StreamError;
use crate::history::PruneReason;

/// A snapshot of an agent's check list, best pair first, and of what it has pruned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The pairs.
    pub pairs: Vec<PairReport>,
    /// The last hundred pairs of this session that were removed or found no place, the latest last. Pairs that were
    /// never formed are not here: of different families or scopes, or with a reflexive candidate of ours, for which its
    /// base stands (RFC 8445 §6.1.2.4).
    pub pruned: Vec<PrunedPair>,
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
    /// How many of them were answered with success.
    pub checks_answered: u32,
    /// How often the peer's checks reached us on it.
    pub checks_received: u32,
    /// The round-trip time of its last check that was answered at the first attempt.
    pub round_trip: Option<Duration>,
    /// The last of those times, the latest last; at most eight.
    pub round_trips: Vec<Duration>,
    /// The sum of all those times.
    pub total_round_trip: Duration,
    /// Consent checks sent on it, which `checks_sent` does not count.
    pub consent_sent: u64,
    /// The application's datagrams.
    pub data: DataCounts,
    /// What went wrong with it last.
    pub last_error: Option<PairError>,
    /// Whether it was nominated, or why not.
    pub standing: Standing,
}

/// The application's datagrams on one pair, since its session began: what was given to [`Agent::send`](crate::Agent::send), and what
/// came as [`Incoming::Application`](crate::Incoming::Application). Bytes are the application's, without any header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DataCounts {
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Datagrams received.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// What went wrong with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairError {
    /// A check was not answered, however often it was sent: blocked on the way there or back, or nobody is there.
    NoAnswer,
    /// The peer has refused a check with this STUN error code.
    Refused(u16),
    /// The answer came another way than the check went (RFC 8445 §7.2.5.2.1).
    Asymmetric,
    /// The TURN server has refused the way to the peer, with this code where it gave one.
    RelayRefused(Option<u16>),
    /// There is no TCP connection for it, for this reason.
    NotConnected(StreamError),
    /// Its TCP connection was closed.
    Closed,
    /// A better pair was nominated before the check was answered.
    Abandoned,
    /// It had worked, and then nothing was heard on it for too long.
    Silent,
}

/// Whether a pair was nominated, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is nominated.
    Nominated,
    /// The check that nominates it is on its way.
    BeingNominated,
    /// Its check has not succeeded (yet).
    NotValid,
    /// It is valid, and better ones are still being checked.
    Waiting,
    /// It is valid, and so is a better one.
    BetterIsValid,
    /// It is valid, and another one was nominated.
    AnotherNominated,
    /// It is valid; the peer controls, and has not nominated it.
    LeftToPeer,
}

/// A pair that is not in the check list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedPair {
    /// Our candidate.
    pub local: Candidate,
    /// The peer's candidate.
    pub remote: Candidate,
    /// Why.
    pub why: PruneReason,
    /// How often a check had been sent on it.
    pub checks_sent: u32,
}
