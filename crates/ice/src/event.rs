//! What an agent tells its owner.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ieum_candidate::{Candidate, Kind};
use ieum_pairing::Role;

/// The state of an agent: `RTCIceTransportState` of the W3C.
///
/// ```text
/// New -> Checking -> Connected -> Completed
///           |            |  ^         |
///           |            v  |         |
///           |        Disconnected <---+
///           v            |
///         Failed <-------+        (restart: back to Checking; close: Closed, from everywhere)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// No remote credentials yet, or nothing to check.
    New,
    /// Pairs are being checked; none is valid.
    Checking,
    /// There is a valid pair, and data can be sent. Better pairs may still be checked.
    Connected,
    /// The pair is nominated, and neither side will find more candidates.
    Completed,
    /// Nothing was heard on the selected pair for a while. Data can still be sent, and it may come back by itself.
    Disconnected,
    /// No pair works, or the peer's consent has expired. Nothing is sent any more; a restart may help.
    Failed,
    /// Closed by its owner.
    Closed,
}

impl State {
    /// The word that the W3C has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::New => "new",
            State::Checking => "checking",
            State::Connected => "connected",
            State::Completed => "completed",
            State::Disconnected => "disconnected",
            State::Failed => "failed",
            State::Closed => "closed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the gathering of local candidates is: `RTCIceGatheringState` of the W3C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GatheringState {
    /// [`gather`](crate::Agent::gather) was not called yet.
    New,
    /// Servers are still being asked.
    Gathering,
    /// All that there is was found.
    Complete,
}

impl fmt::Display for GatheringState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GatheringState::New => "new",
            GatheringState::Gathering => "gathering",
            GatheringState::Complete => "complete",
        })
    }
}

/// The pair that application data goes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedPair {
    /// Ours: the address that the peer sees. Peer reflexive where no server has told it.
    pub local: Candidate,
    /// The peer's.
    pub remote: Candidate,
    /// Whether the controlling side has nominated it; until then a better one may take its place.
    pub nominated: bool,
}

/// Why a server gave no candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateError {
    /// The server, as [`Server::url`](crate::Server::url). Empty: the base itself may not be a candidate.
    pub url: String,
    /// The base that asked.
    pub local: SocketAddr,
    /// The server's STUN error code, where it sent one (RFC 8489 §14.8).
    pub code: Option<u16>,
    /// What went wrong, for people.
    pub reason: Cow<'static, str>,
}

/// What an agent tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A new local candidate, to be signaled to the peer. After a restart they come again.
    Candidate(Candidate),
    /// A server answered with an address that is already known, so that there is no candidate to signal
    /// (RFC 8445 §5.1.3).
    CandidateRedundant {
        /// What it would have been.
        kind: Kind,
        /// The server, as [`Server::url`](crate::Server::url).
        url: String,
    },
    /// A server gave no candidate.
    CandidateError(CandidateError),
    /// This name stands for this address of ours in candidates that come next: answer multicast DNS queries for it
    /// ([`Config::hide_host_addresses`](crate::Config::hide_host_addresses)).
    RegisterName {
        /// One label and `.local`.
        name: String,
        /// The address of the base.
        ip: IpAddr,
    },
    /// A candidate of the peer has a name, an mDNS one or a domain name: resolve it, and tell the address by
    /// [`name_resolved`](crate::Agent::name_resolved). Told once for each name. Whoever does not is still found by the
    /// peer's own checks.
    ResolveName(String),
    /// The gathering state changed. After [`GatheringState::Complete`] the end of candidates can be signaled.
    GatheringState(GatheringState),
    /// The state changed.
    StateChange(State),
    /// Data now goes over this pair; or the pair it goes over was nominated.
    SelectedPair(SelectedPair),
    /// The role changed, because both sides had the same one (RFC 8445 §7.3.1.1).
    RoleChanged(Role),
    /// The peer has not consented for [`consent_timeout`](crate::Timing::consent_timeout) (RFC 7675 §5.1): nothing is sent any more. `Failed` follows.
    ConsentLost,
}
