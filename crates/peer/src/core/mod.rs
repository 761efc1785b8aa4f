//! The protocol logic of a peer, without I/O: no socket, no clock, no thread, no async. [`Connection`] is its machine; the
//! front page of the [crate] has its contracts.

mod channel_error;
mod channels;
mod connection;
mod counters;
pub mod dcep;
mod demux;
mod dtls;
mod error;
pub(crate) mod fair;
pub mod jsep;
pub mod mdns;
mod observer;
mod sctp;
mod stats;
mod transport;
mod types;

pub use channel_error::ChannelError;
pub use connection::{
    ChannelInfo, Config, Connection, DEFAULT_CLOSE_TIMEOUT, DEFAULT_DTLS_TIMEOUT, DEFAULT_MTU,
    Event, MIN_MTU,
};
pub use counters::{Counters, Ignored};
pub use dtls::{Certificate, Dtls, DtlsError, DtlsOutput, DtlsRole, Fingerprint};
pub use error::{Error, RemoteError, UsageError};
pub use observer::{Observer, Occurrence};
pub use sctp::{Part, Ppid, Reliability, Sctp, SctpEvent};
pub use stats::{
    CandidatePairStats, CandidateStats, CertificateStats, DataChannelStats, PeerConnectionStats,
    Stats, TransportStats,
};
pub use types::{
    ConnectionState, DataChannelInit, DataChannelState, DtlsVersion, IceCandidateInit,
    IceConnectionState, IceGatheringState, Message, Priority, SdpType, SessionDescription,
    SignalingState,
};

/// Names a data channel of one connection, before it has a stream too. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub(crate) u64);

/// The largest message that is taken where nothing else is configured, in bytes: what Chromium advertises.
pub const DEFAULT_MAX_MESSAGE_SIZE: u32 = 262_144;

/// The largest message that can be allowed, in bytes: one is kept in memory whole.
pub const MAX_MESSAGE_SIZE: u32 = 64 * 1024 * 1024;
