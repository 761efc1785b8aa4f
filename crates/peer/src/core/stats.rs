//! What `get_stats` gives: the dictionaries of the W3C's webrtc-stats, as typed data.
//!
//! A field that this side does not measure is not here, in place of a number that would not be true: estimates of bandwidth, and
//! what concerns media.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_ice::{Candidate, PairReport, PairState, Role};

use super::dtls::DtlsRole;
use super::{ConnectionState, DataChannelState, DtlsVersion, IceConnectionState};

/// RTCStatsReport: one connection at one moment. The dictionaries name each other by their ids.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The connection.
    pub peer_connection: PeerConnectionStats,
    /// Its one transport.
    pub transport: TransportStats,
    /// The pairs that are checked or in use, best first.
    pub candidate_pairs: Vec<CandidatePairStats>,
    /// The candidates of this side.
    pub local_candidates: Vec<CandidateStats>,
    /// The candidates of the peer.
    pub remote_candidates: Vec<CandidateStats>,
    /// Ours, and once it is known the peer's.
    pub certificates: Vec<CertificateStats>,
    /// The data channels that are not closed.
    pub data_channels: Vec<DataChannelStats>,
}

/// RTCPeerConnectionStats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerConnectionStats {
    /// How many data channels have been open.
    pub data_channels_opened: u64,
    /// How many of them are closed.
    pub data_channels_closed: u64,
}

/// RTCTransportStats.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TransportStats {
    /// `T0`.
    pub id: String,
    /// Datagrams of DTLS sent.
    pub packets_sent: u64,
    /// Datagrams received that were not ICE's.
    pub packets_received: u64,
    /// Bytes of the datagrams sent, without IP, UDP and TURN headers.
    pub bytes_sent: u64,
    /// Bytes of the datagrams received, the same.
    pub bytes_received: u64,
    /// Which side nominates.
    pub ice_role: Role,
    /// Our user name fragment.
    pub ice_local_username_fragment: String,
    /// Where ICE stands.
    pub ice_state: IceConnectionState,
    /// Where DTLS stands, as a part of the connection: `New`, `Connecting`, `Connected`, `Failed` or `Closed`.
    pub dtls_state: ConnectionState,
    /// `None` until the descriptions are exchanged.
    pub dtls_role: Option<DtlsRole>,
    /// `None` until the handshake is done. The W3C's four letters: [`DtlsVersion::to_wire`] in hexadecimal.
    pub tls_version: Option<DtlsVersion>,
    /// The cipher suite as IANA names it, for example `TLS_AES_128_GCM_SHA256`; `None` until the handshake is done.
    pub dtls_cipher: Option<&'static str>,
    /// The pair that data goes over.
    pub selected_candidate_pair_id: Option<String>,
    /// How often a pair was chosen, or another instead of it.
    pub selected_candidate_pair_changes: u64,
    /// Ours.
    pub local_certificate_id: String,
    /// The peer's, once it is known.
    pub remote_certificate_id: Option<String>,
}

/// RTCIceCandidatePairStats.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CandidatePairStats {
    /// Made of the ids of its candidates.
    pub id: String,
    /// The transport.
    pub transport_id: String,
    /// The candidate of this side: the base that checks leave from.
    pub local_candidate_id: String,
    /// The candidate of the peer.
    pub remote_candidate_id: String,
    /// RTCStatsIceCandidatePairState.
    pub state: PairState,
    /// Whether it was nominated.
    pub nominated: bool,
    /// RFC 8445 §6.1.2.3.
    pub priority: u64,
    /// The last round-trip time.
    pub current_round_trip_time: Option<Duration>,
    /// The sum of all that were measured: of checks that were answered at the first attempt.
    pub total_round_trip_time: Duration,
    /// Datagrams of DTLS sent on it. ICE's are not among them.
    pub packets_sent: u64,
    /// Datagrams received that were not ICE's.
    pub packets_received: u64,
    /// Bytes of the datagrams sent, without IP, UDP and TURN headers.
    pub bytes_sent: u64,
    /// Bytes of the datagrams received, the same.
    pub bytes_received: u64,
    /// Consent checks sent (RFC 7675), which are not among `requests_sent`.
    pub consent_requests_sent: u64,
    /// Checks sent.
    pub requests_sent: u64,
    /// Checks of ours that were answered with success.
    pub responses_received: u64,
    /// Checks of the peer.
    pub requests_received: u64,
}

/// RTCIceCandidateStats.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CandidateStats {
    /// Made of what makes it another candidate than the others.
    pub id: String,
    /// The transport.
    pub transport_id: String,
    /// Address, port, protocol, type, priority, foundation, related address.
    pub candidate: Candidate,
}

/// RTCCertificateStats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateStats {
    /// `CL` for ours, `CR` for the peer's.
    pub id: String,
    /// SHA-256, 32 bytes.
    pub fingerprint: Vec<u8>,
    /// `sha-256`.
    pub fingerprint_algorithm: &'static str,
    /// The certificate, in DER.
    pub der: Vec<u8>,
}

/// RTCDataChannelStats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataChannelStats {
    /// Differs from that of every other channel of the connection, gone ones too.
    pub id: String,
    /// Its label.
    pub label: String,
    /// What is spoken on it.
    pub protocol: String,
    /// Its stream, once it has one.
    pub data_channel_identifier: Option<u16>,
    /// Where it is in its life.
    pub state: DataChannelState,
    /// Messages given to SCTP.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Messages that the application has taken.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// What a connection counts for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub(super) packets_sent: u64,
    pub(super) packets_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) pair_changes: u64,
    pub(super) channels: PeerConnectionStats,
}

impl CandidateStats {
    pub(super) fn new(side: Side, candidate: &Candidate) -> Self {
        Self {
            id: candidate_id(side, candidate),
            transport_id: TRANSPORT_ID.to_owned(),
            candidate: candidate.clone(),
        }
    }
}

impl CandidatePairStats {
    pub(super) fn new(pair: &PairReport) -> Self {
        let local_candidate_id = candidate_id(Side::Local, &pair.local);
        let remote_candidate_id = candidate_id(Side::Remote, &pair.remote);
        Self {
            id: pair_id(&local_candidate_id, &remote_candidate_id),
            transport_id: TRANSPORT_ID.to_owned(),
            local_candidate_id,
            remote_candidate_id,
            state: pair.state,
            nominated: pair.nominated,
            priority: pair.priority,
            current_round_trip_time: pair.round_trips.last().copied().or(pair.round_trip),
            total_round_trip_time: pair.total_round_trip,
            packets_sent: pair.data.packets_sent,
            packets_received: pair.data.packets_received,
            bytes_sent: pair.data.bytes_sent,
            bytes_received: pair.data.bytes_received,
            consent_requests_sent: pair.consent_sent,
            requests_sent: pair.checks_sent.into(),
            responses_received: pair.checks_answered.into(),
            requests_received: pair.checks_received.into(),
        }
    }
}

/// Whose a candidate is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Local,
    Remote,
}

fn candidate_id(side: Side, candidate: &Candidate) -> String {
    let side = match side {
        Side::Local => 'L',
        Side::Remote => 'R',
    };
    let (transport, kind) = (candidate.transport, candidate.kind);
    match candidate.socket_addr() {
        Some(address) => format!("I{side}-{transport}-{address}-{kind}"),
        None => format!(
            "I{side}-{transport}-{:?}-{}-{kind}",
            candidate.address, candidate.port
        ),
    }
}

fn pair_id(local: &str, remote: &str) -> String {
    format!("CP-{local}-{remote}")
}

/// There is one transport.
pub(super) const TRANSPORT_ID: &str = "T0";
pub(super) const LOCAL_CERTIFICATE_ID: &str = "CL";
pub(super) const REMOTE_CERTIFICATE_ID: &str = "CR";

impl Stats {
    /// The pair that data goes over.
    #[must_use]
    pub fn selected_pair(&self) -> Option<&CandidatePairStats> {
        let id = self.transport.selected_candidate_pair_id.as_ref()?;
        self.candidate_pairs.iter().find(|pair| pair.id == *id)
    }

    /// Where the peer is: its end of the selected pair.
    #[must_use]
    pub fn remote_address(&self) -> Option<SocketAddr> {
        let id = &self.selected_pair()?.remote_candidate_id;
        let mut all = self.remote_candidates.iter();
        all.find(|known| known.id == *id)?.candidate.socket_addr()
    }
}
