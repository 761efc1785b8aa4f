//! What happens in a connection, told to whoever watches it.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Candidate, Kind};

use super::{
    ConnectionState, DtlsVersion, IceConnectionState, IceGatheringState, SdpType, SignalingState,
};

/// Watches one connection. It is called from one place, in the order in which things happen, on the task that owns the
/// connection: it must return soon and never wait.
pub trait Observer: Send + 'static {
    /// `event` happened at `now`.
    fn observe(&mut self, now: Instant, event: &Occurrence);
}

/// Something that happened in a connection. Nothing secret is in it: no password, credential or key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Occurrence {
    /// This side found a candidate.
    LocalCandidate(Candidate),
    /// A server answered with an address that is already known, so that it makes no candidate (RFC 8445 §5.1.3).
    LocalCandidateRedundant {
        /// What it would have been.
        kind: Kind,
        /// The server, as its URL was given.
        server: String,
    },
    /// The peer told of a candidate, in its description or after it.
    RemoteCandidate(Candidate),
    /// The peer told that it has no more candidates.
    EndOfRemoteCandidates,
    /// A candidate could not be had (RTCPeerConnectionIceErrorEvent).
    CandidateError {
        /// The server, as its URL was given.
        url: String,
        /// The address that was asked from, where there was one.
        local: Option<SocketAddr>,
        /// The STUN error code that the server sent; `None`: no answer, or nothing could be asked.
        code: Option<u16>,
        /// What went wrong, in words.
        reason: String,
    },
    /// Gathering moved on.
    GatheringState(IceGatheringState),
    /// A description was applied on this side, or an offer of this side taken back.
    LocalDescription {
        /// Which kind.
        kind: SdpType,
    },
    /// A description of the peer was applied, or its offer taken back.
    RemoteDescription {
        /// Which kind.
        kind: SdpType,
    },
    /// Negotiation moved on.
    SignalingState(SignalingState),
    /// ICE moved on.
    IceState(IceConnectionState),
    /// A pair was chosen, or another instead of it.
    PairSelected {
        /// This side.
        local: Candidate,
        /// The other side.
        remote: Candidate,
    },
    /// The DTLS handshake is done and the peer's certificate is the one that its description names.
    DtlsConnected {
        /// What both sides agreed on.
        version: DtlsVersion,
    },
    /// The DTLS handshake failed, or the peer's certificate is not the one that its description names.
    DtlsFailed {
        /// What went wrong, in words.
        reason: String,
    },
    /// The SCTP association is up.
    SctpConnected,
    /// A data channel is open.
    ChannelOpen {
        /// Its label.
        label: String,
        /// Its stream.
        id: u16,
    },
    /// A data channel is closed.
    ChannelClosed {
        /// Its label.
        label: String,
        /// Its stream; `None`: it never had one.
        id: Option<u16>,
    },
    /// The connection as a whole moved on.
    ConnectionState(ConnectionState),
    /// The connection is closed; nothing follows.
    Closed,
}
