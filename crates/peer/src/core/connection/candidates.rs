//! The peer's candidates, from its descriptions and one by one.

use std::time::Instant;

use ieum_candidate::CandidateLine;
use ieum_ice::Candidate;
use ieum_sdp::webrtc::Description;

use super::Connection;
use crate::core::jsep::RemoteTransport;
use crate::core::{
    Error, IceCandidateInit, Ignored, Occurrence, RemoteError, SignalingState, UsageError,
};

/// Whose a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The agent's: of the transport in use.
    InUse,
    /// Of the transport that the peer's offer speaks of, which is not in use before we answer.
    Offered,
}

impl Connection {
    /// Applies a candidate of the peer; an empty one says that no more will come. One that names a generation which is not known, while
    /// an answer is due, waits for that answer: over a channel without order it may come first.
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
        if self.is_early(init) {
            return self.hold(init);
        }
        let section = section(&applied.description, init)?;
        let Some(owner) = self.owner(&applied.description, section, init) else {
            self.counters.ignore(Ignored::StaleCandidate);
            return Ok(());
        };
        if init.candidate.is_empty() {
            self.observe(now, &Occurrence::EndOfRemoteCandidates);
            self.take_end_of_candidates(now, owner);
        } else {
            match CandidateLine::parse(&init.candidate) {
                Ok(line) => self.take_candidate(now, owner, line.to_owned()),
                Err(error) if error.is_unsupported() => {
                    self.counters.ignore(Ignored::UnsupportedCandidate);
                }
                Err(error) => return Err(RemoteError::from(error).into()),
            }
        }
        self.pump(now);
        Ok(())
    }

    /// Whether it may be of an answer that has not come yet.
    fn is_early(&self, init: &IceCandidateInit) -> bool {
        let is_due = matches!(
            self.signaling_state(),
            SignalingState::HaveLocalOffer | SignalingState::HaveRemotePranswer
        );
        let known = self.remote.as_ref().map(|it| &it.credentials.ufrag);
        let named = init.username_fragment.as_ref();
        is_due && named.is_some() && named != known
    }

    /// Keeps it for the answer.
    fn hold(&mut self, init: &IceCandidateInit) -> Result<(), Error> {
        match CandidateLine::parse(&init.candidate) {
            Err(error) if !init.candidate.is_empty() && !error.is_unsupported() => {
                return Err(RemoteError::from(error).into());
            }
            _ if self.early.len() < MAX_HELD => self.early.push(init.clone()),
            _ => self.counters.ignore(Ignored::TooManyCandidates),
        }
        Ok(())
    }

    /// The peer's description has come, or an offer was taken back: what waited is of a generation that is known now, goes on
    /// waiting for the answer, or is stale.
    pub(super) fn take_early(&mut self, now: Instant) {
        for init in std::mem::take(&mut self.early) {
            if self.add_ice_candidate(now, &init).is_err() {
                self.counters.ignore(Ignored::StaleCandidate);
            }
        }
    }

    /// `None`: it is of no transport that there is. One that names no generation is of the latest description.
    fn owner(
        &self,
        latest: &Description<'_>,
        section: Option<usize>,
        init: &IceCandidateInit,
    ) -> Option<Owner> {
        let is_of = |transport: &&RemoteTransport| {
            let ufrag = init.username_fragment.as_ref();
            ufrag.is_none_or(|given| *given == transport.credentials.ufrag)
        };
        let shares = |transport: &RemoteTransport, description: &Description<'_>| {
            section.is_none_or(|index| transport.shares_transport(description, index))
        };
        let in_use = self.remote.as_ref();
        if let Some(offered) = self.offered.as_ref().filter(is_of) {
            let is_in_use = in_use.is_some_and(|it| it.credentials == offered.credentials);
            let owner = if is_in_use {
                Owner::InUse
            } else {
                Owner::Offered
            };
            return shares(offered, latest).then_some(owner);
        }
        let in_use = in_use.filter(is_of).filter(|_| {
            // What names no generation is of the offer.
            self.offered.is_none() || init.username_fragment.is_some()
        })?;
        let description = self.negotiation.remote_in_use().unwrap_or(latest);
        shares(in_use, description).then_some(Owner::InUse)
    }

    fn take_candidate(&mut self, now: Instant, owner: Owner, candidate: Candidate) {
        self.observe(now, &Occurrence::RemoteCandidate(candidate.clone()));
        match (owner, &mut self.offered) {
            (Owner::Offered, Some(offered)) if offered.candidates.len() < MAX_HELD => {
                offered.candidates.push(candidate);
            }
            (Owner::Offered, _) => self.counters.ignore(Ignored::TooManyCandidates),
            (Owner::InUse, _) => self.agent.add_remote_candidate(now, candidate),
        }
    }

    fn take_end_of_candidates(&mut self, now: Instant, owner: Owner) {
        match (owner, &mut self.offered) {
            (Owner::Offered, Some(offered)) => offered.end_of_candidates = true,
            _ => self.agent.end_of_remote_candidates(now),
        }
    }

    /// Tells of what a description brings.
    pub(super) fn observe_candidates(&mut self, now: Instant, remote: &RemoteTransport) {
        for candidate in &remote.candidates {
            self.observe(now, &Occurrence::RemoteCandidate(candidate.clone()));
        }
        if remote.end_of_candidates {
            self.observe(now, &Occurrence::EndOfRemoteCandidates);
        }
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

/// Candidates kept for a negotiation under way: as many as the agent would take.
const MAX_HELD: usize = 100;
