//! PeerConnection with the W3C names: a core without I/O, and a tokio runtime

pub mod core;
pub mod runtime;

pub use crate::core::{
    ConnectionState, DataChannelInit, DataChannelState, DtlsVersion, IceCandidateInit,
    IceConnectionState, IceGatheringState, Message, Observer, Occurrence, RemoteError, SdpType,
    SessionDescription, SignalingState, UsageError,
};
pub use crate::runtime::{
    Configuration, DataChannel, DataReceiver, DataSender, Error, Event, Events, IceServer,
    IceTransportPolicy, Interfaces, PeerConnection, Report,
};
pub use ieum_candidate::{Candidate, Kind};
pub use ieum_ice::{PairReport, PairState, SelectedPair, Timing};
