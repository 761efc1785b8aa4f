//! What a connection tells its application.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::DataChannel;
use super::wake::Wake;
use crate::core::{
    ConnectionState, IceCandidateInit, IceConnectionState, IceGatheringState, SignalingState,
};

/// RTCPeerConnection's events.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// An offer is due: create one and send it.
    NegotiationNeeded,
    /// A candidate to send to the peer; `None`: there will be no more.
    IceCandidate(Option<IceCandidateInit>),
    /// A candidate could not be had from a server.
    IceCandidateError {
        /// The server, as its URL was given.
        url: String,
        /// The address that was asked from, where there was one.
        local: Option<SocketAddr>,
        /// The STUN error code that the server sent; `None`: no answer, or nothing could be asked.
        code: Option<u16>,
        /// What went wrong, in words.
        reason: String,
    },
    /// Negotiation moved on.
    SignalingStateChange(SignalingState),
    /// ICE moved on.
    IceConnectionStateChange(IceConnectionState),
    /// Gathering moved on.
    IceGatheringStateChange(IceGatheringState),
    /// The connection as a whole moved on.
    ConnectionStateChange(ConnectionState),
    /// The peer opened a data channel.
    DataChannel(DataChannel),
}

/// The events of one connection, in order. The connection never waits for them to be read: what is not read is kept, up
/// to a bound; beyond it, older state changes give way to newer ones of the same kind.
#[derive(Debug)]
pub struct Events {
    /// Boxed: a channel has room for 32 from the beginning.
    pub(super) receiver: mpsc::Receiver<Box<Event>>,
    pub(super) wake: Arc<Wake>,
}

impl Events {
    /// The next event; `None` when the connection is closed and all have been read. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.receiver.recv().await;
        self.wake.reader_moved();
        event.map(|event| *event)
    }
}
