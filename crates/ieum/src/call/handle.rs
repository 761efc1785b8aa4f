//! The handle of one call.

use std::sync::Arc;

use ieum_internals::Recording;
use ieum_peer::{ConnectionState, DataChannel, PeerConnection};
use tokio::sync::{mpsc, oneshot, watch};

/// One call with one peer. It negotiates by itself; dropping it ends it.
#[derive(Debug)]
pub struct Call {
    pub(super) peer: String,
    pub(super) connection: Arc<PeerConnection>,
    pub(super) recording: Recording,
    pub(super) channels: mpsc::Receiver<DataChannel>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) hang_up: oneshot::Sender<()>,
}

/// Why a call ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// This side closed it.
    #[error("closed by this side")]
    Here,
    /// The peer closed the connection.
    #[error("closed by the peer")]
    There,
    /// ICE or DTLS failed; what is known of why.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The peer left signaling before the connection was there.
    #[error("the peer left before the connection was there")]
    PeerLeft,
    /// The signaling server could not deliver to the peer; its own text.
    #[error("the peer cannot be reached by signaling: {0}")]
    Undelivered(String),
    /// Signaling was lost before the connection was there.
    #[error("signaling was lost before the connection was there")]
    SignalingLost,
    /// A description could not be made or applied; which, and why.
    #[error("negotiation failed: {0}")]
    Negotiation(String),
    /// The peer began a new call instead.
    #[error("the peer began a new call instead of this one")]
    Replaced,
}

/// How far a call is.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) state: ConnectionState,
    /// It has been connected at least once.
    pub(super) connected: bool,
    pub(super) ended: Option<Ended>,
}

impl Call {
    /// The other peer's id.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The connection under it, for everything that it can: reports, states, [more data
    /// channels](PeerConnection::create_data_channel). Negotiation is this call's own matter.
    #[must_use]
    pub fn connection(&self) -> &PeerConnection {
        &self.connection
    }

    /// What happened so far, and when. It lives on when the call is gone.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.progress.borrow().state
    }

    /// The next data channel: on the calling side first the one that it opened itself (it may still be opening, see
    /// [`opened`](ieum_peer::DataSender::opened)), then those that the peer opens. `None` once the call has ended. At
    /// most 64 wait here; further ones are closed. Cancel safe.
    pub async fn channel(&mut self) -> Option<DataChannel> {
        self.channels.recv().await
    }

    /// Waits until the call has been connected.
    ///
    /// # Errors
    /// Why it ended before that.
    pub async fn connected(&self) -> Result<(), Ended> {
        let mut progress = self.progress.clone();
        match progress
            .wait_for(|progress| progress.connected || progress.ended.is_some())
            .await
        {
            Ok(progress) if progress.connected => Ok(()),
            Ok(progress) => Err(progress.ended.clone().unwrap_or(Ended::Here)),
            Err(_) => Err(Ended::Here),
        }
    }

    /// Waits until the call has ended, and says why.
    pub async fn ended(&self) -> Ended {
        let mut progress = self.progress.clone();
        match progress.wait_for(|progress| progress.ended.is_some()).await {
            Ok(progress) => progress.ended.clone().unwrap_or(Ended::Here),
            Err(_) => Ended::Here,
        }
    }

    /// Ends the call. What was sent arrives first, as long as the peer gives signs of life. Returns when the connection is
    /// closed and its sockets are free.
    pub async fn close(self) {
        let Self {
            hang_up,
            mut progress,
            ..
        } = self;
        // An error says that it has ended already.
        let _ = hang_up.send(());
        while progress.changed().await.is_ok() {}
    }
}
