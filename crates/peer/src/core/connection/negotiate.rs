//! Offer and answer, and what they mean for ICE and DTLS.

use std::time::Instant;

use ieum_candidate::CandidateLine;
use ieum_ice::{Candidate, Role};
use ieum_sdp::webrtc::Description;

use super::{Connection, Event};
use crate::core::jsep::{Applied, Local, Party, RemoteTransport};
use crate::core::{
    Error, IceCandidateInit, IceGatheringState, Ignored, Occurrence, RemoteError, SdpType,
    SessionDescription, SignalingState, UsageError,
};

impl Connection {
    /// An offer. Where ICE is to be restarted, this is where its credentials change.
    ///
    /// # Errors
    /// The connection is closed, or an offer of the peer waits for its answer.
    pub fn create_offer(&mut self, now: Instant) -> Result<SessionDescription, Error> {
        self.check_open()?;
        if self.restart_due && self.signaling_state() == SignalingState::Stable {
            self.restart_due = false;
            self.agent.restart(now);
        }
        // What is offered for now is data, whether there is a channel yet or not.
        self.negotiation.want_data();
        let local = Local {
            credentials: self.agent.local_credentials(),
            ice: self.agent.local_options(),
            fingerprint: &self.fingerprint,
            max_message_size: self.max_message_size,
            candidates: self.agent.local_candidates().cloned().collect(),
            end_of_candidates: self.gathering == IceGatheringState::Complete,
        };
        self.negotiation.create_offer(&local)
    }

    /// An answer to the peer's offer: its first data section is accepted, every other section rejected.
    ///
    /// # Errors
    /// There is no offer to answer, or it cannot be answered.
    pub fn create_answer(&mut self, _now: Instant) -> Result<SessionDescription, Error> {
        self.check_open()?;
        let local = Local {
            credentials: self.agent.local_credentials(),
            ice: self.agent.local_options(),
            fingerprint: &self.fingerprint,
            max_message_size: self.max_message_size,
            candidates: self.agent.local_candidates().cloned().collect(),
            end_of_candidates: self.gathering == IceGatheringState::Complete,
        };
        self.negotiation
            .create_answer(&local, self.transport.role())
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
            self.roll_back(now)?;
            self.tell_negotiation_needed();
            return Ok(());
        }
        let applied = self.negotiation.created(&description)?;
        let (kind, before) = (applied.kind, self.signaling_state());
        if kind == SdpType::Offer && !self.negotiation.is_established() {
            // RFC 8445 §6.1.1: the offerer controls, unless it is lite.
            let lite = self.agent.local_options().lite;
            let role = if lite {
                Role::Controlled
            } else {
                Role::Controlling
            };
            self.agent.set_role(now, role);
        }
        self.negotiation.apply(Party::Local, applied)?;
        if kind != SdpType::Offer {
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
            self.roll_back(now)?;
            self.tell_negotiation_needed();
            return Ok(());
        }
        let applied = Applied::parse(description)?;
        let remote = self.negotiation.read_remote(&applied)?;
        self.check_remote(kind, remote.as_ref())?;
        if glare {
            self.roll_back(now)?;
        }
        let before = self.signaling_state();
        self.negotiation.apply(Party::Remote, applied)?;
        if let Some(remote) = remote {
            self.take_remote(now, kind, remote);
        }
        if kind != SdpType::Offer {
            self.start_transport(now)?;
        }
        self.described(now, before, Occurrence::RemoteDescription { kind });
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

    fn take_remote(&mut self, now: Instant, kind: SdpType, remote: RemoteTransport) {
        if kind == SdpType::Offer {
            let restarts = self
                .remote
                .as_ref()
                .is_some_and(|old| old.credentials != remote.credentials);
            if restarts && self.negotiation.is_established() {
                self.agent.restart(now);
            }
            if !self.negotiation.is_established() {
                self.agent.set_role(now, Role::Controlled);
            }
        }
        // RFC 8445 §6.1.1: whoever talks to a lite peer controls; the agent sees to that.
        self.agent.set_remote_options(now, remote.ice);
        if self.agent.remote_credentials() != Some(&remote.credentials) {
            self.agent
                .set_remote_credentials(now, remote.credentials.clone());
        }
        for candidate in remote.candidates.iter().cloned() {
            self.take_candidate(now, candidate);
        }
        if remote.end_of_candidates {
            self.take_end_of_candidates(now);
        }
        self.remote = Some(remote);
    }

    fn take_candidate(&mut self, now: Instant, candidate: Candidate) {
        self.observe(now, &Occurrence::RemoteCandidate(candidate.clone()));
        self.agent.add_remote_candidate(now, candidate);
    }

    fn take_end_of_candidates(&mut self, now: Instant) {
        self.observe(now, &Occurrence::EndOfRemoteCandidates);
        self.agent.end_of_remote_candidates(now);
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

    fn roll_back(&mut self, now: Instant) -> Result<(), Error> {
        let before = self.signaling_state();
        self.negotiation.roll_back();
        self.described(
            now,
            before,
            Occurrence::LocalDescription {
                kind: SdpType::Rollback,
            },
        );
        Ok(())
    }

    fn described(&mut self, now: Instant, before: SignalingState, what: Occurrence) {
        self.descriptions += 1;
        self.observe(now, &what);
        let state = self.signaling_state();
        if state != before {
            self.event(Event::SignalingStateChange(state));
            self.observe(now, &Occurrence::SignalingState(state));
        }
        self.pump(now);
    }

    /// WebRTC 1.0 §4.7.3: told in `stable` only, where what is wanted differs from what was negotiated.
    pub(super) fn tell_negotiation_needed(&mut self) {
        let needed = self.restart_due || self.negotiation.negotiation_needed();
        if needed && self.signaling_state() == SignalingState::Stable {
            self.event(Event::NegotiationNeeded);
        }
    }

    /// Makes the next offer restart ICE.
    pub fn restart_ice(&mut self) {
        self.restart_due = true;
        self.negotiation.restart_ice();
        self.tell_negotiation_needed();
    }

    /// Applies a candidate of the peer; an empty one says that no more will come.
    ///
    /// # Errors
    /// No remote description yet; the line does not parse; no such section. A candidate of a transport or type that is
    /// not known, of another generation, or of a section that is not in use, is ignored (RFC 8839 §5.1).
    pub fn add_ice_candidate(
        &mut self,
        now: Instant,
        init: &IceCandidateInit,
    ) -> Result<(), Error> {
        self.check_open()?;
        let Some(applied) = self.negotiation.remote() else {
            return Err(UsageError::NoRemoteDescription.into());
        };
        let section = section(&applied.description, init)?;
        let ours = self.remote.as_ref().is_some_and(|remote| {
            let ufrag = &remote.credentials.ufrag;
            let same = init
                .username_fragment
                .as_ref()
                .is_none_or(|given| given == ufrag);
            let shares = |index| remote.shares_transport(&applied.description, index);
            same && section.is_none_or(shares)
        });
        if !ours {
            self.counters.ignore(Ignored::StaleCandidate);
            return Ok(());
        }
        if init.candidate.is_empty() {
            self.take_end_of_candidates(now);
        } else {
            match CandidateLine::parse(&init.candidate) {
                Ok(line) => self.take_candidate(now, line.to_owned()),
                Err(error) if error.is_unsupported() => {
                    self.counters.ignore(Ignored::UnsupportedCandidate);
                }
                Err(error) => return Err(RemoteError::from(error).into()),
            }
        }
        self.pump(now);
        Ok(())
    }
}

/// The section that a candidate names; `None`: it names none.
fn section(
    description: &Description<'_>,
    init: &IceCandidateInit,
) -> Result<Option<usize>, RemoteError> {
    let index = match (&init.sdp_mid, init.sdp_m_line_index) {
        // Peers without mids say an empty one.
        (Some(mid), _) if !mid.is_empty() => {
            let named = |media: &ieum_sdp::webrtc::Media<'_>| media.mid.as_deref() == Some(mid);
            description.media.iter().position(named)
        }
        (_, Some(index)) => {
            Some(usize::from(index)).filter(|index| *index < description.media.len())
        }
        (_, None) => return Ok(None),
    };
    index.map(Some).ok_or(RemoteError::UnknownSection)
}
