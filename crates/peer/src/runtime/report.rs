//! A snapshot of a connection, for people and tests.

use ieum_ice::{Candidate, PairReport, SelectedPair};

use crate::core::DtlsVersion;

/// What is known of a connection at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The candidates of this side.
    pub local_candidates: Vec<Candidate>,
    /// The candidates of the peer: told, or found by its checks.
    pub remote_candidates: Vec<Candidate>,
    /// The pairs, best first.
    pub pairs: Vec<PairReport>,
    /// The pair that data goes over.
    pub selected_pair: Option<SelectedPair>,
    /// Known once the DTLS handshake is done.
    pub dtls_version: Option<DtlsVersion>,
}
