//! Offer and answer, and what they mean for ICE and DTLS.
//!
//! An offer means nothing for the transport in use before it is answered, so that taking it back (RFC 9429 §4.1.10.2) leaves
//! that as it is: new credentials of ours wait in the connection, and once their offer is applied beside those in force in the
//! agent; what the peer's offer says waits in the connection.
//!
//! The credentials and candidates of a first offer that is taken back serve the next description: nothing was agreed on under them, all that
//! was gathered is said again in it, and a peer that answered meanwhile finds what it knows. RFC 9429 §5.7 would gather anew.

use std::time::Instant;

use ieum_ice::{Credentials, Role};

use super::{Connection, Event};
use crate::core::jsep::{Applied, Local, Party, RemoteTransport};
use crate::core::{
    Error, IceGatheringState, Occurrence, RemoteError, SdpType, SessionDescription, SignalingState,
};

impl Connection {
    /// An offer. Where ICE is to be restarted, it has new credentials; the agent knows nothing of them before the offer is
    /// applied, and restarts when it is answered.
    ///
    /// # Errors
    /// The connection is closed, or an offer of the peer waits for its answer.
    pub fn create_offer(&mut self, _now: Instant) -> Result<SessionDescription, Error> {
        self.check_open()?;
        // What is offered for now is data, whether there is a channel yet or not.
        self.negotiation.want_data();
        let next = self.next.as_ref().map(|next| next.ufrag.as_str());
        if self.negotiation.restart_is_due(next) {
            self.next = Some(self.agent.new_credentials());
        }
        let credentials = self.next.as_ref();
        let credentials = credentials
            .unwrap_or(self.agent.signaled_credentials())
            .clone();
        let fingerprint = self.fingerprint.clone();
        let local = self.local(&credentials, &fingerprint);
        self.negotiation.create_offer(&local)
    }

    /// An answer to the peer's offer: its first data section is accepted, every other section rejected. Where the offer
    /// restarts ICE, so does the answer.
    ///
    /// # Errors
    /// There is no offer to answer, or it cannot be answered.
    pub fn create_answer(&mut self, _now: Instant) -> Result<SessionDescription, Error> {
        self.check_open()?;
        let credentials = if self.offer_restarts() {
            let next = self.next.take();
            let next = next.unwrap_or_else(|| self.agent.new_credentials());
            self.next.insert(next).clone()
        } else {
            self.agent.local_credentials().clone()
        };
        let fingerprint = self.fingerprint.clone();
        let local = self.local(&credentials, &fingerprint);
        self.negotiation
            .create_answer(&local, self.transport.role())
    }

    /// What this side's descriptions say of its transport.
    fn local<'a>(&self, credentials: &'a Credentials, fingerprint: &'a [u8]) -> Local<'a> {
        Local {
            credentials,
            ice: self.agent.local_options(),
            fingerprint,
            max_message_size: self.max_message_size,
            candidates: self.agent.local_candidates().cloned().collect(),
            end_of_candidates: self.gathering == IceGatheringState::Complete,
        }
    }

    /// Applies what was created last (an empty SDP means that too), or takes the last offer back. `None`: creates and
    /// applies the description that is due.
    ///
    /// # Errors
    /// The state does not allow it, or the SDP was modified.
    pub fn set_local_description(
        &mut self,
        now: Instant,
        description: Option<SessionDescription>,
    ) -> Result<(), Error> {
        self.check_open()?;
        let description = match description {
            Some(description) => description,
            None => self.create_due(now)?,
        };
        self.negotiation.check(Party::Local, description.kind)?;
        if description.kind == SdpType::Rollback {
            self.roll_back(now);
            self.take_early(now);
            self.tell_negotiation_needed();
            return Ok(());
        }
        let applied = self.negotiation.created(&description)?;
        let (kind, before) = (applied.kind, self.signaling_state());
        if kind == SdpType::Offer {
            self.offer_transport(now, &applied);
            self.negotiation.apply(Party::Local, applied)?;
        } else {
            self.take_offered(now);
            self.negotiation.apply(Party::Local, applied)?;
            self.start_transport(now)?;
        }
        self.described(now, before, Occurrence::LocalDescription { kind });
        self.tell_negotiation_needed();
        Ok(())
    }

    fn create_due(&mut self, now: Instant) -> Result<SessionDescription, Error> {
        match self.signaling_state() {
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer => {
                self.create_answer(now)
            }
            _ => self.create_offer(now),
        }
    }

    /// Applies a description of the peer. An offer that meets one of ours takes ours back first (WebRTC 1.0 §4.4.1.6).
    ///
    /// # Errors
    /// The state does not allow it, or the description cannot be used; then nothing has changed.
    pub fn set_remote_description(
        &mut self,
        now: Instant,
        description: SessionDescription,
    ) -> Result<(), Error> {
        self.check_open()?;
        let kind = description.kind;
        let glare = self.negotiation.gives_way(kind)?;
        if kind == SdpType::Rollback {
            self.roll_back(now);
            self.take_early(now);
            self.tell_negotiation_needed();
            return Ok(());
        }
        let applied = Applied::parse(description)?;
        let remote = self.negotiation.read_remote(&applied)?;
        self.check_remote(kind, remote.as_ref())?;
        if glare {
            self.roll_back(now);
        }
        let before = self.signaling_state();
        self.negotiation.apply(Party::Remote, applied)?;
        if let Some(remote) = &remote {
            self.observe_candidates(now, remote);
        }
        if kind == SdpType::Offer {
            self.offered = remote;
        } else {
            self.take_answered(now, remote);
            self.start_transport(now)?;
        }
        self.described(now, before, Occurrence::RemoteDescription { kind });
        self.take_early(now);
        self.tell_negotiation_needed();
        Ok(())
    }

    /// What the peer's description must be besides well-formed.
    fn check_remote(&self, kind: SdpType, remote: Option<&RemoteTransport>) -> Result<(), Error> {
        let Some(remote) = remote else { return Ok(()) };
        if kind != SdpType::Offer {
            self.negotiation.dtls_role(remote)?;
        }
        match &self.remote {
            Some(known) if self.transport.role().is_some() => {
                let same = known.fingerprints == remote.fingerprints;
                if same {
                    Ok(())
                } else {
                    Err(RemoteError::FingerprintChanged.into())
                }
            }
            _ => Ok(()),
        }
    }

    /// An offer of ours is applied. Where it restarts, the agent answers to both credentials until it is answered.
    fn offer_transport(&mut self, now: Instant, applied: &Applied) {
        if !self.negotiation.is_established() {
            // RFC 8445 §6.1.1: the offerer controls, unless it is lite.
            let role = match self.agent.local_options().lite {
                true => Role::Controlled,
                false => Role::Controlling,
            };
            self.agent.set_role(now, role);
        }
        if let Some(next) = self.next.as_ref().filter(|next| applied.says(&next.ufrag)) {
            self.agent.prepare_restart(next.clone());
        }
    }

    /// The peer has answered: the restart that was offered begins. One that accepts nothing is not in need of it.
    fn take_answered(&mut self, now: Instant, remote: Option<RemoteTransport>) {
        let restarts = self.next.take().is_some();
        let Some(remote) = remote else {
            self.agent.cancel_restart();
            return;
        };
        if restarts && self.agent.is_restart_prepared() {
            self.agent.restart(now);
        }
        self.take_remote(now, remote);
    }

    /// We answer: what the peer's offer said of its transport counts from now on (RFC 9429 §4.1.10.2: until then it could be
    /// taken back).
    fn take_offered(&mut self, now: Instant) {
        let restarts = self.offer_restarts();
        let next = self.next.take().filter(|_| restarts);
        let Some(remote) = self.offered.take() else {
            return;
        };
        if let Some(next) = next {
            self.agent.prepare_restart(next);
            self.agent.restart(now);
        }
        if !self.negotiation.is_established() {
            self.agent.set_role(now, Role::Controlled);
        }
        self.take_remote(now, remote);
    }

    fn take_remote(&mut self, now: Instant, mut remote: RemoteTransport) {
        // RFC 8445 §6.1.1: whoever talks to a lite peer controls; the agent sees to that.
        self.agent.set_remote_options(now, remote.ice);
        if self.agent.remote_credentials() != Some(&remote.credentials) {
            self.agent
                .set_remote_credentials(now, remote.credentials.clone());
        }
        for candidate in std::mem::take(&mut remote.candidates) {
            self.agent.add_remote_candidate(now, candidate);
        }
        if remote.end_of_candidates {
            self.agent.end_of_remote_candidates(now);
        }
        self.remote = Some(remote);
    }

    /// Whether the offer that waits for our answer has other ICE credentials than those in force (RFC 8839 §4.4.1.1.1).
    fn offer_restarts(&self) -> bool {
        let both = self.offered.as_ref().zip(self.remote.as_ref());
        both.is_some_and(|(offered, known)| offered.credentials != known.credentials)
    }

    /// Both descriptions are there: DTLS can begin, if it has not.
    fn start_transport(&mut self, now: Instant) -> Result<(), Error> {
        let Some(remote) = &self.remote else {
            return Ok(());
        };
        if self.negotiation.data_section().is_none() || self.transport.role().is_some() {
            return Ok(());
        }
        let role = self.negotiation.dtls_role(remote)?;
        let fingerprints = remote.fingerprints.clone();
        let early = self
            .transport
            .start(now, &self.certificate, role, fingerprints)?;
        let role = self.agent.role();
        for datagram in early {
            self.transport
                .handle_datagram(now, role, &datagram, &mut self.counters);
        }
        Ok(())
    }

    /// Takes back the offer under way, whosever it is.
    fn roll_back(&mut self, now: Instant) {
        let before = self.signaling_state();
        let kind = SdpType::Rollback;
        let what = match before {
            SignalingState::HaveRemoteOffer => Occurrence::RemoteDescription { kind },
            _ => Occurrence::LocalDescription { kind },
        };
        self.negotiation.roll_back();
        // What the offer would have changed of the transport: nothing of it was used yet.
        (self.next, self.offered) = (None, None);
        self.agent.cancel_restart();
        self.described(now, before, what);
    }

    fn described(&mut self, now: Instant, before: SignalingState, what: Occurrence) {
        self.descriptions += 1;
        self.observe(now, &what);
        let state = self.signaling_state();
        if state != before {
            self.event(Event::SignalingStateChange(state));
            self.observe(now, &Occurrence::SignalingState(state));
        }
        self.surface_pool(now);
        self.pump(now);
    }

    /// WebRTC 1.0 §4.7.3: told in `stable` only, where what is wanted differs from what was negotiated.
    pub(super) fn tell_negotiation_needed(&mut self) {
        if self.negotiation.negotiation_needed() && self.signaling_state() == SignalingState::Stable
        {
            self.event(Event::NegotiationNeeded);
        }
    }

    /// Makes the next offer restart ICE (W3C restartIce); until one is answered, negotiation is needed.
    pub fn restart_ice(&mut self) {
        self.negotiation.restart_ice();
        self.tell_negotiation_needed();
    }
}
