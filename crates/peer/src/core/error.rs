//! Errors, sorted by whose fault they are: the caller's ([`UsageError`]) or the peer's ([`RemoteError`]).

use super::{DataChannelState, SignalingState};

/// Why an operation of [`Connection`](super::Connection) did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for what cannot be.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The peer's description or candidate cannot be used.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The cryptography library failed to make a certificate or a DTLS endpoint.
    #[error("the cryptography library failed: {0}")]
    Crypto(&'static str),
}

/// The caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The W3C's InvalidStateError: this operation is not for this state.
    #[error("InvalidStateError: {operation} in signaling state {state}")]
    InvalidState {
        /// The state it is in.
        state: SignalingState,
        /// What was asked for.
        operation: &'static str,
    },
    /// A candidate came before any remote description (the W3C's InvalidStateError).
    #[error("InvalidStateError: add_ice_candidate before a remote description")]
    NoRemoteDescription,
    /// The local description is not what `create_offer` or `create_answer` made (the W3C's InvalidModificationError).
    #[error(
        "InvalidModificationError: set_local_description takes what create_offer or create_answer made last"
    )]
    Modified,
    /// The connection is closed.
    #[error("InvalidStateError: the connection is closed")]
    Closed,
    /// A transceiver of this kind needs a codec, and the capabilities have none.
    #[error("OperationError: there is no codec for media of this kind")]
    NoCodec,
    /// A preferred codec is not among the capabilities.
    #[error("InvalidModificationError: a preferred codec is not among the capabilities")]
    UnknownCodec,
    /// The rid of an encoding is empty, longer than 255 bytes, or not of letters and digits only (the W3C's TypeError).
    #[error("TypeError: an encoding's rid has 1 to 255 ASCII letters and digits")]
    InvalidRid,
    /// Two encodings have one rid (the W3C's TypeError).
    #[error("TypeError: two encodings have the same rid")]
    DuplicateRid,
    /// The transceiver has been stopped, or was never there.
    #[error("InvalidStateError: the transceiver is stopped")]
    TransceiverStopped,
    /// Both a life time and a number of retransmissions were given.
    #[error("TypeError: a data channel takes max_packet_life_time_ms or max_retransmits, not both")]
    TwoReliabilities,
    /// `negotiated` without an `id`.
    #[error("TypeError: a negotiated data channel needs an id")]
    IdMissing,
    /// The id is 65535, or beyond what both sides can have.
    #[error("TypeError: data channel id {0} is out of range")]
    IdOutOfRange(u16),
    /// Another channel has this id.
    #[error("OperationError: data channel id {0} is taken")]
    IdTaken(u16),
    /// There are as many channels as there may be.
    #[error("OperationError: a connection has at most {0} data channels")]
    TooManyChannels(usize),
    /// Label or protocol are longer than 65,535 bytes.
    #[error("TypeError: a data channel's label and protocol have at most 65535 bytes each")]
    NameTooLong,
    /// The channel is gone or not open.
    #[error("InvalidStateError: the data channel is {0}")]
    ChannelNotOpen(DataChannelState),
    /// The message is larger than the peer takes.
    #[error("TypeError: a message of {len} bytes: the peer takes at most {max}")]
    MessageTooLarge {
        /// Its length in bytes.
        len: usize,
        /// The largest that both sides allow, in bytes.
        max: usize,
    },
}

/// The peer's fault: something in its description or its candidate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The SDP does not parse.
    #[error("the remote description does not parse: {0}")]
    Sdp(#[from] ieum_sdp::webrtc::DescriptionError),
    /// The data section has no `ice-ufrag` and `ice-pwd`.
    #[error("the remote description has no ICE credentials for its data section")]
    NoIceCredentials,
    /// No fingerprint of a hash that is known and strong enough.
    #[error(
        "the remote description has no usable certificate fingerprint (sha-256, sha-384 or sha-512)"
    )]
    NoFingerprint,
    /// An answer must be active or passive (RFC 5763 §5), and not what we said.
    #[error("the remote description's a=setup cannot be answered: {0}")]
    Setup(&'static str),
    /// The answer does not have the media sections of the offer, in its order (RFC 3264 §6).
    #[error("the answer does not match the offer's media sections")]
    MediaMismatch,
    /// There are more media sections than are taken.
    #[error("the remote description has more than {0} media sections")]
    TooManySections(usize),
    /// Two sections have one mid (RFC 5888 §4).
    #[error("the remote description has two media sections of one mid")]
    DuplicateMid,
    /// The answer accepts sections that it does not bundle; there is one transport for all (RFC 9143).
    #[error(
        "the answer declines to bundle its media sections, which needs a transport for each; there is one for all"
    )]
    NotBundled,
    /// A later description names another certificate; a connection keeps its DTLS association.
    #[error("the remote certificate fingerprint changed; this needs a new connection")]
    FingerprintChanged,
    /// The candidate line does not parse.
    #[error("the remote candidate does not parse: {0}")]
    Candidate(#[from] ieum_candidate::ParseError),
    /// The candidate names a media section that the remote description does not have.
    #[error("the remote candidate belongs to no media section of the remote description")]
    UnknownSection,
}
