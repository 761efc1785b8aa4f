//! RTCPeerConnection: the handle of one connection.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;

use super::command::{Command, Reply};
use super::driver::Driver;
use super::interfaces::Machine;
use super::wake::Wake;
use super::{Configuration, DataChannel, Error, Events};
use crate::core::{
    ConnectionState, DataChannelInit, IceCandidateInit, IceConnectionState, IceGatheringState,
    SessionDescription, SignalingState, Stats,
};

/// One connection. Its state is owned by a task on the tokio runtime where it was made; this handle talks to that task.
///
/// [`close`](Self::close) ends it once everything sent has arrived. Dropping the handle ends it at once, with a word to
/// the peer but without waiting: the task ends and its sockets are freed, whatever other handles still live.
#[derive(Debug)]
pub struct PeerConnection {
    commands: mpsc::Sender<Box<Command>>,
    state: watch::Receiver<State>,
}

/// What a handle can read without asking.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) signaling: SignalingState,
    pub(super) ice: IceConnectionState,
    pub(super) gathering: IceGatheringState,
    pub(super) connection: ConnectionState,
    pub(super) local: Option<SessionDescription>,
    pub(super) remote: Option<SessionDescription>,
    pub(super) can_trickle: Option<bool>,
    /// Of the descriptions.
    pub(super) version: u64,
}

/// How many operations may wait for the driver.
const COMMANDS: usize = 32;
/// How many events may wait to be read.
const EVENTS: usize = 256;

impl PeerConnection {
    /// A new connection, driven by a task on the current tokio runtime, and its events.
    ///
    /// # Errors
    /// There is no runtime, no randomness, the cryptography library fails, or the configuration asks for RTCP beside RTP.
    pub fn new(configuration: Configuration) -> Result<(Self, Events), Error> {
        Self::on(configuration, Machine::this())
    }

    /// The same on a machine with other interfaces than this one's.
    pub(super) fn on(
        configuration: Configuration,
        machine: Machine,
    ) -> Result<(Self, Events), Error> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let (commands, command_receiver) = mpsc::channel(COMMANDS);
        let (event_sender, receiver) = mpsc::channel(EVENTS);
        let (state_sender, state) = watch::channel(State::default());
        let wake = Arc::new(Wake::default());
        let driver = Driver::new(
            configuration,
            machine,
            command_receiver,
            event_sender,
            state_sender,
            wake.clone(),
        )?;
        runtime.spawn(driver.run().instrument(tracing::debug_span!("peer")));
        Ok((Self { commands, state }, Events { receiver, wake }))
    }

    /// An offer to send to the peer, after [`set_local_description`](Self::set_local_description).
    ///
    /// # Errors
    /// The connection is closed, or an offer of the peer waits for its answer.
    pub async fn create_offer(&self) -> Result<SessionDescription, Error> {
        self.ask(Command::CreateOffer).await?
    }

    /// An answer to the peer's offer: the data section is accepted, audio and video are rejected.
    ///
    /// # Errors
    /// There is no offer to answer.
    pub async fn create_answer(&self) -> Result<SessionDescription, Error> {
        self.ask(Command::CreateAnswer).await?
    }

    /// Applies what [`create_offer`](Self::create_offer) or [`create_answer`](Self::create_answer) made last, or takes
    /// the last offer back. Gathering begins here.
    ///
    /// # Errors
    /// The state does not allow it, or the SDP was modified.
    pub async fn set_local_description(
        &self,
        description: SessionDescription,
    ) -> Result<(), Error> {
        self.ask(|reply| Command::SetLocal(Some(description), reply))
            .await?
    }

    /// Creates and applies the description that is due: an answer where an offer of the peer waits, else an offer.
    /// Read it from [`local_description`](Self::local_description).
    ///
    /// # Errors
    /// As [`set_local_description`](Self::set_local_description).
    pub async fn set_implicit_local_description(&self) -> Result<(), Error> {
        self.ask(|reply| Command::SetLocal(None, reply)).await?
    }

    /// Applies a description of the peer. An offer that comes while an offer of ours waits takes ours back first, as in
    /// the W3C's perfect negotiation; who is impolite does not apply it.
    ///
    /// # Errors
    /// The state does not allow it, or the description cannot be used.
    pub async fn set_remote_description(
        &self,
        description: SessionDescription,
    ) -> Result<(), Error> {
        self.ask(|reply| Command::SetRemote(description, reply))
            .await?
    }

    /// Applies a candidate of the peer; an empty one says that no more will come. One of an older ICE generation is ignored.
    ///
    /// # Errors
    /// No remote description yet; the line does not parse; no such media section.
    pub async fn add_ice_candidate(&self, candidate: IceCandidateInit) -> Result<(), Error> {
        self.ask(|reply| Command::AddCandidate(candidate, reply))
            .await?
    }

    /// A data channel, which opens when the connection does.
    ///
    /// # Errors
    /// The options contradict each other, the id is taken, there are too many channels, or the connection is closed.
    pub async fn create_data_channel(
        &self,
        label: impl Into<String>,
        init: DataChannelInit,
    ) -> Result<DataChannel, Error> {
        let label = label.into();
        self.ask(|reply| Command::CreateChannel(label, init, reply))
            .await?
    }

    /// Makes the next offer restart ICE: new credentials, new candidates. Channels stay open.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn restart_ice(&self) -> Result<(), Error> {
        self.ask(Command::RestartIce).await
    }

    /// Says that this machine's interfaces may have changed, as the operating system or the user knows; done without being told
    /// with [`Configuration::watch_interfaces`]. What was bound to an address that is gone is given up. Where the selected
    /// pair goes with it, or ICE is disconnected or has failed and there is a new address, ICE is to be restarted:
    /// [`Event::NegotiationNeeded`](super::Event::NegotiationNeeded). New addresses are gathered on with the next restart, since no candidates may follow
    /// the last one (RFC 8838 §13); at once while gathering goes on, and where both sides signal renomination.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn network_changed(&self) -> Result<(), Error> {
        self.ask(Command::NetworkChanged).await
    }

    /// Closes the connection: everything sent before arrives first, for as long as the peer gives signs of life. Returns
    /// when the task has ended and every socket is free.
    pub async fn close(&self) {
        // An error says that the driver has ended already.
        let _ = self.ask(Command::Close).await;
        self.commands.closed().await;
    }

    /// What is known of candidates, pairs and versions.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn report(&self) -> Result<super::Report, Error> {
        self.ask(Command::Report).await
    }

    /// The W3C's statistics (getStats), as typed data.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn get_stats(&self) -> Result<Stats, Error> {
        self.ask(Command::Stats).await
    }

    /// Where negotiation stands.
    #[must_use]
    pub fn signaling_state(&self) -> SignalingState {
        self.state.borrow().signaling
    }

    /// Where ICE stands.
    #[must_use]
    pub fn ice_connection_state(&self) -> IceConnectionState {
        self.state.borrow().ice
    }

    /// Where gathering stands.
    #[must_use]
    pub fn ice_gathering_state(&self) -> IceGatheringState {
        self.state.borrow().gathering
    }

    /// Where the connection as a whole stands.
    #[must_use]
    pub fn connection_state(&self) -> ConnectionState {
        self.state.borrow().connection
    }

    /// The local description, with the candidates found so far.
    #[must_use]
    pub fn local_description(&self) -> Option<SessionDescription> {
        self.state.borrow().local.clone()
    }

    /// Whether the peer takes candidates one by one (W3C canTrickleIceCandidates): `None` before its description is set. Where
    /// it does not, send it the description with all of them, once they are gathered.
    #[must_use]
    pub fn can_trickle_ice_candidates(&self) -> Option<bool> {
        self.state.borrow().can_trickle
    }

    /// The remote description, as it was given.
    #[must_use]
    pub fn remote_description(&self) -> Option<SessionDescription> {
        self.state.borrow().remote.clone()
    }

    /// Waits until gathering is complete (or the connection is closed): for a peer that does not trickle.
    pub async fn gathering_complete(&self) {
        let mut state = self.state.clone();
        // An error says that the driver has ended.
        let _ = state
            .wait_for(|state| state.gathering == IceGatheringState::Complete)
            .await;
    }

    /// Waits until the connection is in a state for which `wanted` holds, and returns it; `Closed` once it has ended.
    pub async fn wait_for_state(
        &self,
        mut wanted: impl FnMut(ConnectionState) -> bool,
    ) -> ConnectionState {
        let mut state = self.state.clone();
        match state.wait_for(|state| wanted(state.connection)).await {
            Ok(state) => state.connection,
            Err(_) => ConnectionState::Closed,
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Box::new(command(reply)))
            .await
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)
    }
}
