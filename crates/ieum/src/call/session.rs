//! The task of a call: negotiates with one peer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ieum_internals::{Recording, Source};
use ieum_peer::{
    ConnectionState, DataChannel, DataChannelInit, Event, Events, IceCandidateInit,
    IceGatheringState, PeerConnection, SdpType, SessionDescription, SignalingState,
};
use ieum_signaling::{DescriptionKind, Signal};
use tokio::sync::{mpsc, oneshot, watch};

use super::handle::{Ended, Progress};
use super::held::Held;
use super::line::Input;
use super::router::candidate;
use super::voice::Voice;

/// What a call is begun with.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) peer: String,
    pub(super) polite: bool,
    pub(super) trickle: bool,
    /// The label of the channel that the calling side opens.
    pub(super) channel: String,
    pub(super) begin: Begin,
}

/// Who begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// This side opens a data channel, and with it the negotiation.
    Offer,
    /// The peer's offer is in the inbox.
    Answer,
}

/// Owns the negotiation of one call.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) setting: Setting,
    pub(super) connection: Arc<PeerConnection>,
    pub(super) events: Events,
    pub(super) recording: Recording,
    pub(super) inbox: mpsc::Receiver<Input>,
    pub(super) voice: Voice,
    pub(super) channels: mpsc::Sender<DataChannel>,
    pub(super) progress: watch::Sender<Progress>,
    /// Candidates whose description has not come yet.
    pub(super) held: Held,
    /// An offer of the peer was ignored because ours won: its candidates are of no use either.
    pub(super) ignoring_offer: bool,
    /// A description that waits until gathering is complete.
    pub(super) unsent: Option<SdpType>,
    /// The last description that was sent: the candidates in it need not be sent again.
    pub(super) sent: String,
}

impl Session {
    /// Negotiates until the call ends, and closes the connection. The endpoint ends it by `stopped`; the application by
    /// `hung_up`, with a word (close) or without one (drop).
    pub(super) async fn run(
        mut self,
        stopped: oneshot::Receiver<Ended>,
        hung_up: oneshot::Receiver<()>,
    ) {
        let mut dropped = false;
        let ended = tokio::select! {
            ended = self.negotiate() => ended,
            word = hung_up => {
                dropped = word.is_err();
                Ended::Here
            }
            // The sender is dropped when signaling is lost, which alone ends nothing.
            Ok(ended) = stopped => ended,
        };
        tracing::debug!(peer = self.setting.peer, %ended, "call ended");
        let connected = self.connected();
        self.progress
            .send_modify(|progress| progress.ended = Some(ended.clone()));
        if !connected {
            self.say_bye(&ended).await;
        }
        // This says that it was the last word.
        self.inbox.close();
        // Where the handle was dropped, no one waits for what is still on its way: dropping the connection ends it.
        if !dropped {
            self.connection.close().await;
        }
        self.progress
            .send_modify(|progress| progress.state = ConnectionState::Closed);
    }

    async fn negotiate(&mut self) -> Ended {
        if self.setting.begin == Begin::Offer
            && let Err(ended) = self.open_channel().await
        {
            return ended;
        }
        let mut signaling = true;
        let mut deadline = None;
        loop {
            let step = tokio::select! {
                input = self.inbox.recv(), if signaling => match input {
                    Some(Input::Signal(signal)) => self.signal(signal).await,
                    Some(Input::PeerLeft) => self.peer_left(&mut deadline),
                    Some(Input::PeerCame) => {
                        self.offer_again().await;
                        Ok(())
                    }
                    Some(Input::Undelivered(reason)) => self.undelivered(reason),
                    None => {
                        signaling = false;
                        if self.connected() { Ok(()) } else { Err(Ended::SignalingLost) }
                    }
                },
                event = self.events.next() => match event {
                    Some(event) => self.event(event).await,
                    None => Err(Ended::There),
                },
                () = at(deadline) => {
                    deadline = None;
                    if self.connected() { Ok(()) } else { Err(Ended::PeerLeft) }
                }
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    /// The channel that makes an offer due.
    async fn open_channel(&mut self) -> Result<(), Ended> {
        let label = self.setting.channel.clone();
        let channel = self
            .connection
            .create_data_channel(label, DataChannelInit::default())
            .await;
        let channel = channel.map_err(|error| negotiation("opening the data channel", &error))?;
        self.hand_over(channel);
        Ok(())
    }

    async fn event(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::NegotiationNeeded => return self.offer().await,
            Event::IceCandidate(candidate) => return self.own_candidate(candidate).await,
            Event::ConnectionStateChange(state) => return self.state(state),
            Event::DataChannel(channel) => self.hand_over(channel),
            // Everything else is in the recording.
            _ => {}
        }
        Ok(())
    }

    async fn offer(&mut self) -> Result<(), Ended> {
        // It is asked for again once the negotiation that is under way is done.
        if self.connection.signaling_state() != SignalingState::Stable {
            return Ok(());
        }
        let offer = self.connection.create_offer().await;
        self.describe(offer, "making an offer").await
    }

    /// Applies a description of ours and sends it: at once, or when gathering is complete.
    async fn describe(
        &mut self,
        description: Result<SessionDescription, ieum_peer::Error>,
        what: &'static str,
    ) -> Result<(), Ended> {
        let description = description.map_err(|error| negotiation(what, &error))?;
        let kind = description.kind;
        let applied = self.connection.set_local_description(description).await;
        applied.map_err(|error| negotiation(what, &error))?;
        self.unsent = Some(kind);
        if self.setting.trickle
            || self.connection.ice_gathering_state() == IceGatheringState::Complete
        {
            self.send_description().await;
        }
        Ok(())
    }

    async fn send_description(&mut self) {
        let Some(kind) = self.unsent.take() else {
            return;
        };
        let description = self.connection.local_description();
        if let Some(description) = description.filter(|description| description.kind == kind) {
            self.sent.clone_from(&description.sdp);
            self.send(Signal::description(wire_kind(kind), description.sdp))
                .await;
        }
    }

    /// An offer within a call, which its peer was not there for.
    async fn offer_again(&mut self) {
        let offered = self.connection.signaling_state() == SignalingState::HaveLocalOffer;
        if self.connected() && offered {
            self.unsent = Some(SdpType::Offer);
            self.send_description().await;
        }
    }

    /// Whether the candidate is in the description that was sent, which has those found by then.
    fn is_sent(&self, candidate: &IceCandidateInit) -> bool {
        let of_it = |line: &str| line.strip_prefix("a=") == Some(candidate.candidate.as_str());
        self.sent.lines().any(of_it)
    }

    async fn own_candidate(&mut self, candidate: Option<IceCandidateInit>) -> Result<(), Ended> {
        match candidate {
            Some(candidate) if self.setting.trickle && !self.is_sent(&candidate) => {
                self.add(wire_candidate(candidate)).await;
            }
            Some(_) => {}
            None if self.setting.trickle => self.add(Signal::end_of_candidates()).await,
            None => self.send_description().await,
        }
        Ok(())
    }

    fn state(&mut self, state: ConnectionState) -> Result<(), Ended> {
        self.progress.send_modify(|progress| {
            progress.state = state;
            progress.connected |= state == ConnectionState::Connected;
        });
        match state {
            // The peer may restart, and must find us.
            ConnectionState::Disconnected => {
                self.voice.ask();
                Ok(())
            }
            ConnectionState::Failed => {
                let last = self
                    .recording
                    .with(|timeline| timeline.failures().last().map(str::to_owned));
                Err(Ended::Failed(
                    last.unwrap_or_else(|| "no reason is known".to_owned()),
                ))
            }
            ConnectionState::Closed => Err(Ended::There),
            _ => Ok(()),
        }
    }

    async fn signal(&mut self, signal: Signal) -> Result<(), Ended> {
        match signal {
            Signal::Description { kind, sdp, .. } => {
                let description = SessionDescription {
                    kind: sdp_type(kind),
                    sdp,
                };
                match self.remote_description(description).await {
                    // A connection that is there lives on with what was agreed before.
                    Err(ended) if self.connected() => {
                        tracing::warn!(peer = self.setting.peer, %ended, "renegotiation failed");
                        self.recording.failure(Instant::now(), &ended.to_string());
                        Ok(())
                    }
                    result => result,
                }
            }
            signal => {
                if let Some(candidate) = candidate(signal) {
                    self.peer_candidate(candidate).await;
                }
                Ok(())
            }
        }
    }

    /// Perfect negotiation (WebRTC 1.0 §10.7).
    async fn remote_description(&mut self, description: SessionDescription) -> Result<(), Ended> {
        let kind = description.kind;
        let state = self.connection.signaling_state();
        self.ignoring_offer =
            kind == SdpType::Offer && !self.setting.polite && state != SignalingState::Stable;
        let stray = match kind {
            SdpType::Offer => false,
            SdpType::Answer | SdpType::Pranswer => !matches!(
                state,
                SignalingState::HaveLocalOffer | SignalingState::HaveRemotePranswer
            ),
            SdpType::Rollback => state != SignalingState::HaveRemoteOffer,
        };
        if self.ignoring_offer || stray {
            tracing::debug!(peer = self.setting.peer, %kind, %state, "a description is ignored");
            return Ok(());
        }
        if kind == SdpType::Offer {
            // Ours is taken back, if there is one.
            self.unsent = None;
        }
        let applied = self.connection.set_remote_description(description).await;
        applied.map_err(|error| negotiation("applying the peer's description", &error))?;
        self.apply_held().await;
        if kind == SdpType::Offer {
            let answer = self.connection.create_answer().await;
            self.describe(answer, "making an answer").await?;
        }
        Ok(())
    }

    async fn peer_candidate(&mut self, candidate: IceCandidateInit) {
        if self.ahead_of_description(&candidate) {
            self.held.push(candidate);
        } else {
            self.apply(candidate).await;
        }
    }

    /// Whether its description has yet to come: there is none, or the candidate names a generation that is not its.
    fn ahead_of_description(&self, candidate: &IceCandidateInit) -> bool {
        match (
            self.connection.remote_description(),
            &candidate.username_fragment,
        ) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(description), Some(ufrag)) => {
                let of_it = |line: &str| {
                    line.strip_prefix("a=ice-ufrag:")
                        .is_some_and(|it| it.trim() == ufrag)
                };
                !description.sdp.lines().any(of_it)
            }
        }
    }

    async fn apply_held(&mut self) {
        let (candidates, dropped) = self.held.take();
        if dropped > 0 {
            let text =
                format!("{dropped} candidates that came ahead of their description were dropped");
            self.recording.failure(Instant::now(), &text);
        }
        for candidate in candidates {
            self.apply(candidate).await;
        }
    }

    async fn apply(&mut self, candidate: IceCandidateInit) {
        if let Err(error) = self.connection.add_ice_candidate(candidate).await
            && !self.ignoring_offer
        {
            tracing::debug!(peer = self.setting.peer, %error, "a candidate is ignored");
            self.recording.note(
                Instant::now(),
                Source::Signaling,
                &format!("a candidate is ignored: {error}"),
            );
        }
    }

    /// A peer that is connected may need signaling no more, and we be about to see that: where checks are under way, it
    /// has until the deadline.
    fn peer_left(&mut self, deadline: &mut Option<Instant>) -> Result<(), Ended> {
        self.recording
            .note(Instant::now(), Source::Signaling, "the peer left signaling");
        if self.connected() {
            return Ok(());
        }
        if self.connection.remote_description().is_none()
            || self.connection.local_description().is_none()
        {
            return Err(Ended::PeerLeft);
        }
        deadline.get_or_insert_with(|| Instant::now() + PEER_LEFT_GRACE);
        Ok(())
    }

    fn undelivered(&mut self, reason: String) -> Result<(), Ended> {
        self.recording.note(
            Instant::now(),
            Source::Signaling,
            &format!("undelivered: {reason}"),
        );
        // With both descriptions in place only candidates can have been lost, and checks may do without.
        if self.connection.remote_description().is_some() {
            Ok(())
        } else {
            Err(Ended::Undelivered(reason))
        }
    }

    /// A peer whose call will not be connected need not wait for its checks to fail.
    async fn say_bye(&self, ended: &Ended) {
        let there = matches!(
            ended,
            Ended::Here | Ended::Failed(_) | Ended::Negotiation(_)
        );
        if there {
            // Nothing depends on it, so nothing waits for it.
            let _ =
                tokio::time::timeout(BYE, self.voice.add(&self.setting.peer, Signal::bye())).await;
        }
    }

    fn hand_over(&self, channel: DataChannel) {
        if let Err(error) = self.channels.try_send(channel) {
            let label = error.into_inner().label().to_owned();
            tracing::warn!(
                peer = self.setting.peer,
                label,
                "a data channel is closed: too many wait to be taken"
            );
        }
    }

    /// Sends what must arrive.
    async fn send(&mut self, signal: Signal) {
        if !self.voice.say(&self.setting.peer, signal).await {
            tracing::debug!(
                peer = self.setting.peer,
                "signaling is gone; nothing is sent"
            );
        }
    }

    /// Sends what helps. A call that is connected, and whose endpoint has left signaling, needs it no more.
    async fn add(&mut self, signal: Signal) {
        if !self.connected() {
            return self.send(signal).await;
        }
        if !self.voice.add(&self.setting.peer, signal).await {
            tracing::debug!(peer = self.setting.peer, "a candidate is not sent");
        }
    }

    fn connected(&self) -> bool {
        self.progress.borrow().connected
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn negotiation(what: &str, error: &ieum_peer::Error) -> Ended {
    Ended::Negotiation(format!("{what}: {error}"))
}

fn wire_candidate(candidate: IceCandidateInit) -> Signal {
    let IceCandidateInit {
        candidate,
        sdp_mid,
        sdp_m_line_index,
        username_fragment,
    } = candidate;
    if candidate.is_empty() {
        return Signal::end_of_candidates();
    }
    Signal::Candidate {
        candidate,
        sdp_mid,
        sdp_m_line_index,
        username_fragment,
        extra: serde_json::Map::new(),
    }
}

fn wire_kind(kind: SdpType) -> DescriptionKind {
    match kind {
        SdpType::Offer => DescriptionKind::Offer,
        SdpType::Pranswer => DescriptionKind::PrAnswer,
        SdpType::Answer => DescriptionKind::Answer,
        SdpType::Rollback => DescriptionKind::Rollback,
    }
}

fn sdp_type(kind: DescriptionKind) -> SdpType {
    match kind {
        DescriptionKind::Offer => SdpType::Offer,
        DescriptionKind::PrAnswer => SdpType::Pranswer,
        DescriptionKind::Answer => SdpType::Answer,
        DescriptionKind::Rollback => SdpType::Rollback,
    }
}

/// How long a peer that left signaling has to become connected: checks that work at all do within two seconds.
const PEER_LEFT_GRACE: Duration = Duration::from_secs(2);

/// How long a last word to the peer may take.
const BYE: Duration = Duration::from_millis(500);
