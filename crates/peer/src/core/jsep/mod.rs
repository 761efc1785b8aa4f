//! Offer and answer for one data section (RFC 9429, RFC 8841, WebRTC 1.0 §4.4.1): which description may come when, what
//! ours say, and what the peer's mean. It touches neither ICE nor DTLS: the [`Connection`](super::Connection) does.

mod remote;
mod write;

use ieum_sdp::webrtc::{Description, Media, Setup};

pub(super) use remote::RemoteData;
pub(super) use write::Local;

use super::dtls::DtlsRole;
use super::{Error, RemoteError, SdpType, SessionDescription, SignalingState, UsageError};

/// What has been negotiated, and what is being negotiated.
#[derive(Debug)]
pub(super) struct Negotiation {
    state: SignalingState,
    session_id: u64,
    version: u64,
    /// What `create_offer` and `create_answer` made last.
    created_offer: Option<Applied>,
    created_answer: Option<Applied>,
    local: Side,
    remote: Side,
}

/// The descriptions of one side.
#[derive(Debug, Default)]
struct Side {
    current: Option<Applied>,
    pending: Option<Applied>,
}

/// A description, as text and as what it says.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub(super) kind: SdpType,
    pub(super) text: String,
    pub(super) description: Description,
}

/// Who a description is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Local,
    Remote,
}

impl Negotiation {
    /// Nothing negotiated. `session_id` goes into the origin line: below 2⁶³ (RFC 9429 §5.2.1).
    pub(super) fn new(session_id: u64) -> Self {
        Self {
            state: SignalingState::Stable,
            session_id: session_id >> 1,
            version: 0,
            created_offer: None,
            created_answer: None,
            local: Side::default(),
            remote: Side::default(),
        }
    }

    pub(super) fn state(&self) -> SignalingState {
        self.state
    }

    /// The local description: the one under way, or else the one in force.
    pub(super) fn local(&self) -> Option<&Applied> {
        self.local.latest()
    }

    /// The remote description, likewise.
    pub(super) fn remote(&self) -> Option<&Applied> {
        self.remote.latest()
    }

    /// Whether a negotiation has been completed.
    pub(super) fn is_established(&self) -> bool {
        self.local.current.is_some()
    }

    /// The data section of the local description: its number and its mid.
    pub(super) fn data_section(&self) -> Option<(usize, Option<&str>)> {
        let media = &self.local()?.description.media;
        let index = media
            .iter()
            .position(|media| is_data(media) && !media.is_rejected())?;
        Some((index, media[index].mid.as_deref()))
    }

    /// An offer that says what `local` is.
    pub(super) fn create_offer(&mut self, local: &Local) -> Result<SessionDescription, Error> {
        if !matches!(
            self.state,
            SignalingState::Stable | SignalingState::HaveLocalOffer
        ) {
            return Err(self.wrong_state("create_offer"));
        }
        self.version += 1;
        let last = self.local.current.as_ref().map(|last| &last.description);
        let description = local.offer(self.session_id, self.version, last);
        Ok(remember(
            &mut self.created_offer,
            SdpType::Offer,
            description,
        ))
    }

    /// An answer to the peer's offer. `role`: the DTLS role, where there is an association already.
    pub(super) fn create_answer(
        &mut self,
        local: &Local,
        role: Option<DtlsRole>,
    ) -> Result<SessionDescription, Error> {
        let answering = matches!(
            self.state,
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer
        );
        let Some(offer) = self.remote.pending.as_ref().filter(|_| answering) else {
            return Err(self.wrong_state("create_answer"));
        };
        self.version += 1;
        let description = local.answer(self.session_id, self.version, &offer.description, role)?;
        Ok(remember(
            &mut self.created_answer,
            SdpType::Answer,
            description,
        ))
    }

    /// The description that `set_local_description` means: what was created last, where its text is empty or the same.
    pub(super) fn created(&self, given: &SessionDescription) -> Result<Applied, Error> {
        let created = match given.kind {
            SdpType::Offer => &self.created_offer,
            _ => &self.created_answer,
        };
        let same = |created: &&Applied| given.sdp.is_empty() || created.text == given.sdp;
        let created = created.as_ref().filter(same).ok_or(UsageError::Modified)?;
        Ok(Applied {
            kind: given.kind,
            ..created.clone()
        })
    }

    /// Whether a description may come now.
    pub(super) fn check(&self, from: Party, kind: SdpType) -> Result<SignalingState, Error> {
        let operation = match from {
            Party::Local => "set_local_description",
            Party::Remote => "set_remote_description",
        };
        next_state(self.state, from, kind).ok_or_else(|| self.wrong_state(operation))
    }

    /// Takes a description that was [checked](Self::check).
    pub(super) fn apply(&mut self, from: Party, applied: Applied) -> Result<(), Error> {
        self.state = self.check(from, applied.kind)?;
        let (side, other) = match from {
            Party::Local => (&mut self.local, &mut self.remote),
            Party::Remote => (&mut self.remote, &mut self.local),
        };
        if applied.kind == SdpType::Answer {
            side.current = Some(applied);
            side.pending = None;
            other.current = other.pending.take();
            (self.created_offer, self.created_answer) = (None, None);
        } else {
            side.pending = Some(applied);
        }
        Ok(())
    }

    /// Takes the pending offer back, whosever it is.
    pub(super) fn roll_back(&mut self) {
        self.state = SignalingState::Stable;
        (self.local.pending, self.remote.pending) = (None, None);
    }

    pub(super) fn close(&mut self) {
        self.state = SignalingState::Closed;
    }

    /// What the peer's description says of the data section; `None`: it has none, or it is rejected. For an answer, the
    /// sections must be those of our offer.
    pub(super) fn read_remote(&self, applied: &Applied) -> Result<Option<RemoteData>, RemoteError> {
        if matches!(applied.kind, SdpType::Answer | SdpType::Pranswer) {
            let ours = self
                .local
                .pending
                .as_ref()
                .map_or(&[][..], |ours| &ours.description.media);
            let theirs = &applied.description.media;
            let same = |(ours, theirs): (&Media, &Media)| ours.kind == theirs.kind;
            if ours.len() != theirs.len() || !ours.iter().zip(theirs).all(same) {
                return Err(RemoteError::MediaMismatch);
            }
        }
        RemoteData::read(&applied.description)
    }

    /// Which DTLS role the two descriptions give us (RFC 8842 §5.3, RFC 5763 §5).
    pub(super) fn dtls_role(&self, remote: &RemoteData) -> Result<DtlsRole, RemoteError> {
        let data = |applied: Option<&Applied>| {
            let media = &applied?.description.media;
            media
                .iter()
                .find(|media| is_data(media))
                .and_then(|media| media.setup)
        };
        match (data(self.local()), remote.setup) {
            // We answered.
            (Some(Setup::Active), _) => Ok(DtlsRole::Client),
            (Some(Setup::Passive), _) => Ok(DtlsRole::Server),
            // We offered both. RFC 4145 §4: who says nothing is active.
            (_, Some(Setup::Active) | None) => Ok(DtlsRole::Server),
            (_, Some(Setup::Passive)) => Ok(DtlsRole::Client),
            (_, Some(Setup::ActPass)) => Err(RemoteError::Setup("an answer cannot be actpass")),
            (_, Some(Setup::HoldConn)) => Err(RemoteError::Setup("holdconn")),
        }
    }

    fn wrong_state(&self, operation: &'static str) -> Error {
        UsageError::InvalidState {
            state: self.state,
            operation,
        }
        .into()
    }
}

impl Side {
    fn latest(&self) -> Option<&Applied> {
        self.pending.as_ref().or(self.current.as_ref())
    }
}

/// The transitions of WebRTC 1.0 §4.3.1; the diagram is at [`SignalingState`].
fn next_state(state: SignalingState, from: Party, kind: SdpType) -> Option<SignalingState> {
    use SignalingState::{
        HaveLocalOffer, HaveLocalPranswer, HaveRemoteOffer, HaveRemotePranswer, Stable,
    };
    match (from, kind, state) {
        (Party::Local, SdpType::Offer, Stable | HaveLocalOffer) => Some(HaveLocalOffer),
        (Party::Remote, SdpType::Offer, Stable | HaveRemoteOffer) => Some(HaveRemoteOffer),
        (Party::Local, SdpType::Answer, HaveRemoteOffer | HaveLocalPranswer)
        | (Party::Remote, SdpType::Answer, HaveLocalOffer | HaveRemotePranswer) => Some(Stable),
        (Party::Local, SdpType::Pranswer, HaveRemoteOffer | HaveLocalPranswer) => {
            Some(HaveLocalPranswer)
        }
        (Party::Remote, SdpType::Pranswer, HaveLocalOffer | HaveRemotePranswer) => {
            Some(HaveRemotePranswer)
        }
        (_, SdpType::Rollback, HaveLocalOffer | HaveRemoteOffer) => Some(Stable),
        _ => None,
    }
}

fn remember(
    slot: &mut Option<Applied>,
    kind: SdpType,
    description: Description,
) -> SessionDescription {
    let text = description.to_string();
    *slot = Some(Applied {
        kind,
        text: text.clone(),
        description,
    });
    SessionDescription { kind, sdp: text }
}

/// A section for data channels: as RFC 8841 §5 has it, or in the older form `DTLS/SCTP 5000` with `a=sctpmap`.
fn is_data(media: &Media) -> bool {
    media.is_data_channel() || is_legacy_data(media)
}

fn is_legacy_data(media: &Media) -> bool {
    let maps = |(name, value): &(String, Option<String>)| {
        let value = value.as_deref().unwrap_or_default();
        name == "sctpmap" && value.contains("webrtc-datachannel")
    };
    media.protocol == "DTLS/SCTP" && media.other.iter().any(maps)
}

#[cfg(test)]
mod tests;
