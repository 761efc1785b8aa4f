//! Two peers in one process, and the signaling between them.

#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use ieum_peer::{
    Configuration, ConnectionState, DataChannel, DataChannelInit, Event, Events, Interfaces,
    Message, PeerConnection, Timing,
};
use tokio::sync::mpsc;

/// Only a broken run reaches it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A peer on loopback only.
pub(crate) fn configuration() -> Configuration {
    Configuration {
        // Every other interface is left out, so that a test does not depend on the machine's.
        interfaces: Interfaces::only_loopback(),
        ..Configuration::default()
    }
}

/// A peer that notices soon that the other is gone.
pub(crate) fn impatient() -> Configuration {
    let timing = Timing {
        consent_interval: Duration::from_millis(100),
        consent_timeout: Duration::from_millis(1500),
        disconnected_after: Duration::from_millis(500),
        ..Timing::default()
    };
    Configuration {
        timing,
        ..configuration()
    }
}

/// One side: its connection, and what its events gave.
pub(crate) struct Peer {
    pub(crate) connection: PeerConnection,
    pub(crate) states: mpsc::UnboundedReceiver<ConnectionState>,
    pub(crate) channels: mpsc::UnboundedReceiver<DataChannel>,
}

impl Peer {
    pub(crate) fn new(configuration: Configuration) -> Self {
        let (connection, events) = PeerConnection::new(configuration).unwrap();
        let (states, channels) = route(events);
        Self {
            connection,
            states,
            channels,
        }
    }

    /// Waits until the connection says that it is in this state.
    pub(crate) async fn reaches(&mut self, state: ConnectionState) {
        while self.states.recv().await.expect("the events ended") != state {}
    }
}

/// An offer of `a` and an answer of `b`, both with all their candidates.
pub(crate) async fn negotiate(a: &Peer, b: &Peer) {
    a.connection.set_implicit_local_description().await.unwrap();
    a.connection.gathering_complete().await;
    let offer = a.connection.local_description().unwrap();
    b.connection.set_remote_description(offer).await.unwrap();
    b.connection.set_implicit_local_description().await.unwrap();
    b.connection.gathering_complete().await;
    let answer = b.connection.local_description().unwrap();
    a.connection.set_remote_description(answer).await.unwrap();
}

fn route(
    mut events: Events,
) -> (
    mpsc::UnboundedReceiver<ConnectionState>,
    mpsc::UnboundedReceiver<DataChannel>,
) {
    let (states, state_receiver) = mpsc::unbounded_channel();
    let (channels, channel_receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            // A test that is over listens to nothing.
            let _ = match event {
                Event::ConnectionStateChange(state) => states.send(state).is_ok(),
                Event::DataChannel(channel) => channels.send(channel).is_ok(),
                _ => true,
            };
        }
    });
    (state_receiver, channel_receiver)
}

/// Two connected peers, with a channel that `a` opened.
pub(crate) async fn connected(
    a: Configuration,
    b: Configuration,
) -> (Peer, DataChannel, Peer, DataChannel) {
    let (a, mut b) = (Peer::new(a), Peer::new(b));
    let ours = a
        .connection
        .create_data_channel("test", DataChannelInit::default())
        .await
        .unwrap();
    negotiate(&a, &b).await;
    ours.opened().await.unwrap();
    let theirs = b.channels.recv().await.unwrap();
    (a, ours, b, theirs)
}

/// Sends back whatever comes, until the channel closes.
pub(crate) async fn echo(mut channel: DataChannel) {
    while let Some(message) = channel.recv().await {
        if channel.send_message(message).await.is_err() {
            break;
        }
    }
}

/// The next binary message.
pub(crate) async fn binary(channel: &mut DataChannel) -> bytes::Bytes {
    match channel.recv().await {
        Some(Message::Binary(bytes)) => bytes,
        other => panic!("expected bytes: {other:?}"),
    }
}

/// Runs a test with a deadline.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, test)
        .await
        .expect("the test took too long")
}
