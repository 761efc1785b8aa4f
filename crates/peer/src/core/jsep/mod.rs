//! Offer and answer (RFC 9429; WebRTC 1.0 §4.4, §4.7, §5.4), as a machine without I/O: which description may come when, what
//! ours say, and what both mean for each transceiver. It touches neither ICE nor DTLS nor media: the
//! [`Connection`](super::Connection) does, with data channels only for now.
//!
//! A [`Negotiator`] is given what this side can do ([`Capabilities`]) and what the application wants (transceivers, data), and
//! makes and takes descriptions. What it decides where the RFCs leave a choice:
//!
//! - All sections go over one transport, whatever the bundle policy's name: offers bundle all of them, answers accept what
//!   is bundled with the first that they accept, and an answer that declines to bundle is refused. No section is
//!   `bundle-only`, because peers that do not know that word take its port 0 for a rejection.
//! - Video is offered as simulcast where it has [encodings](TransceiverInit::send_encodings); the peer's simulcast is answered
//!   as one layer (RFC 8853 §5.3.3).
//! - RTCP shares the port of RTP, always (RFC 9429 §4.1.1 "require").
//! - Which codecs are one: the same name, clock rate and channels, and for H264, VP9 and AV1 the packetization mode or profile.
//! - A local description is applied as it was created, or not at all.
//!
//! ```
//! use ieum_ice::{Credentials, Options};
//! use ieum_peer::core::SignalingState;
//! use ieum_peer::core::jsep::{Capabilities, Local, Negotiator, TrackKind, TransceiverInit};
//! use ieum_sdp::webrtc::{Codec, RtpMap};
//!
//! let opus = Codec {
//!     rtpmap: Some(RtpMap { name: "opus".into(), clock_rate: 48_000, channels: Some(2) }),
//!     ..Codec::new(111)
//! };
//! let mut capabilities = Capabilities::default();
//! capabilities.audio.codecs.push(opus);
//! let credentials = Credentials { ufrag: "8hhY".into(), pwd: "asd88fgpdd777uzjYhagZg".into() };
//! let local = Local {
//!     credentials: &credentials,
//!     ice: Options { ice2: true, ..Options::default() },
//!     fingerprint: &[7; 32],
//!     max_message_size: 262_144,
//!     candidates: Vec::new(),
//!     end_of_candidates: false,
//! };
//!
//! let mut a = Negotiator::new(1, capabilities.clone());
//! let mut b = Negotiator::new(2, capabilities);
//! a.add_transceiver(TrackKind::Audio, TransceiverInit::default())?;
//! a.want_data();
//! assert!(a.negotiation_needed());
//! let offer = a.create_offer(&local)?;
//! a.set_local(offer.clone())?;
//! b.set_remote(offer)?;
//! let answer = b.create_answer(&local, None)?;
//! b.set_local(answer.clone())?;
//! a.set_remote(answer)?;
//! assert_eq!(a.signaling_state(), SignalingState::Stable);
//! assert!(!a.negotiation_needed());
//! # Ok::<(), ieum_peer::core::Error>(())
//! ```

mod answer;
mod apply;
mod capabilities;
mod check;
mod local;
mod needed;
mod offer;
mod remote;
mod simulcast;
mod tracks;
mod transceiver;

use ieum_sdp::webrtc::{Description, Media, Origin, Setup};

pub use capabilities::{Capabilities, MediaCapabilities};
pub use ieum_sdp::webrtc::Direction;
pub use local::Local;
pub(super) use remote::RemoteTransport;
pub use transceiver::{TrackKind, Transceiver, TransceiverId, TransceiverInit};

use super::dtls::DtlsRole;
use super::{Error, RemoteError, SdpType, SessionDescription, SignalingState, UsageError};
use apply::Before;

/// What has been negotiated, and what is being negotiated.
#[derive(Debug)]
pub struct Negotiator {
    state: SignalingState,
    session_id: u64,
    version: u64,
    capabilities: Capabilities,
    transceivers: Vec<Transceiver>,
    next_transceiver: u64,
    /// Where the search for a free mid begins.
    next_mid: u32,
    wants_data: bool,
    /// What DTLS was agreed to be: later answers keep it.
    role: Option<DtlsRole>,
    /// The ICE user name fragments that a restart is to replace (W3C LocalIceCredentialsToReplace).
    replaces: Vec<String>,
    /// What `create_offer` and `create_answer` made last.
    created_offer: Option<Applied>,
    created_answer: Option<Applied>,
    local: Side,
    remote: Side,
    /// What the offer under way has changed.
    before: Option<Before>,
}

/// What a remote description has done besides what it says of transceivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// An offer of ours was taken back for it.
    pub rolled_back: bool,
    /// It is an offer that restarts ICE: the answer needs new credentials (RFC 8839 §4.4.1.1.1).
    pub restarts_ice: bool,
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
    pub(super) description: Description<'static>,
    /// Which transceiver each section of an offer of ours is for.
    pub(super) plan: Vec<Option<TransceiverId>>,
}

/// Who a description is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Local,
    Remote,
}

impl Negotiator {
    /// Nothing negotiated, and nothing wanted. `session_id` goes into the origin line: below 2⁶³ (RFC 9429 §5.2.1).
    #[must_use]
    pub fn new(session_id: u64, capabilities: Capabilities) -> Self {
        Self {
            state: SignalingState::Stable,
            session_id: session_id >> 1,
            version: 0,
            capabilities,
            transceivers: Vec::new(),
            next_transceiver: 0,
            next_mid: 0,
            wants_data: false,
            role: None,
            replaces: Vec::new(),
            created_offer: None,
            created_answer: None,
            local: Side::default(),
            remote: Side::default(),
            before: None,
        }
    }

    /// Where negotiation stands.
    #[must_use]
    pub fn signaling_state(&self) -> SignalingState {
        self.state
    }

    /// The local description as it was set: the one under way, or else the one in force.
    #[must_use]
    pub fn local_description(&self) -> Option<SessionDescription> {
        self.local().map(Applied::to_session)
    }

    /// The remote description as it was set, likewise.
    #[must_use]
    pub fn remote_description(&self) -> Option<SessionDescription> {
        self.remote().map(Applied::to_session)
    }

    /// Whether the peer takes candidates one by one (W3C canTrickleIceCandidates; RFC 8840 §4.1): `None` before it has said.
    #[must_use]
    pub fn can_trickle_ice_candidates(&self) -> Option<bool> {
        self.remote().map(|remote| remote.description.trickles())
    }

    /// Whether an offer of the peer that came now would collide with one of ours (W3C perfect negotiation): the polite side
    /// sets it all the same, which takes ours back; the impolite side ignores it, and the candidates that follow it.
    #[must_use]
    pub fn collides(&self, kind: SdpType) -> bool {
        kind == SdpType::Offer && self.state != SignalingState::Stable
    }

    /// An offer of what is wanted, in the sections that there are and in new ones (RFC 9429 §5.2).
    ///
    /// # Errors
    /// InvalidStateError, in any state but `stable` and `have-local-offer`.
    pub fn create_offer(&mut self, local: &Local<'_>) -> Result<SessionDescription, Error> {
        if !matches!(
            self.state,
            SignalingState::Stable | SignalingState::HaveLocalOffer
        ) {
            return Err(self.wrong_state("create_offer"));
        }
        self.version += 1;
        let (description, plan) = self.offer(local);
        let offer = Applied::new(SdpType::Offer, description, plan);
        Ok(self.created_offer.insert(offer).to_session())
    }

    /// An answer to the peer's offer (RFC 9429 §5.3). `role`: the DTLS role of an association that there is; where that is not
    /// known, what the last negotiation agreed on.
    ///
    /// # Errors
    /// InvalidStateError, where there is no offer to answer; the offer's `a=setup` has no answer.
    pub fn create_answer(
        &mut self,
        local: &Local<'_>,
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
        let description = self.answer(local, &offer.description, role.or(self.role))?;
        let answer = Applied::new(SdpType::Answer, description, Vec::new());
        Ok(self.created_answer.insert(answer).to_session())
    }

    /// Applies what was created last (an empty SDP means that too), as an answer or as a provisional one; or takes the offer
    /// under way back.
    ///
    /// # Errors
    /// InvalidStateError; InvalidModificationError where it is not what was created last.
    pub fn set_local(&mut self, description: SessionDescription) -> Result<(), Error> {
        self.check(Party::Local, description.kind)?;
        if description.kind == SdpType::Rollback {
            self.roll_back();
            return Ok(());
        }
        let applied = self.created(&description)?;
        self.apply(Party::Local, applied)
    }

    /// Applies a description of the peer. An offer that meets one of ours takes ours back first (W3C §4.4.1.6).
    ///
    /// # Errors
    /// InvalidStateError; the description cannot be used. Nothing has changed then.
    pub fn set_remote(&mut self, description: SessionDescription) -> Result<Outcome, Error> {
        let rolled_back = self.gives_way(description.kind)?;
        if description.kind == SdpType::Rollback {
            self.roll_back();
            return Ok(Outcome::default());
        }
        let applied = Applied::parse(description)?;
        let transport = self.read_remote(&applied)?;
        if let Some(transport) = transport
            .as_ref()
            .filter(|_| applied.kind != SdpType::Offer)
        {
            self.dtls_role(transport)?;
        }
        let restarts_ice = transport.is_some_and(|it| self.restarts(applied.kind, &it));
        if rolled_back {
            self.roll_back();
        }
        self.apply(Party::Remote, applied)?;
        Ok(Outcome {
            rolled_back,
            restarts_ice,
        })
    }

    /// Ends it: every operation fails from now on.
    pub fn close(&mut self) {
        self.state = SignalingState::Closed;
    }

    /// The local description: the one under way, or else the one in force.
    pub(super) fn local(&self) -> Option<&Applied> {
        self.local.latest()
    }

    /// The remote description, likewise.
    pub(super) fn remote(&self) -> Option<&Applied> {
        self.remote.latest()
    }

    /// What the remote description says that is in force.
    pub(super) fn remote_in_use(&self) -> Option<&Description<'static>> {
        self.remote.current.as_ref().map(|it| &it.description)
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

    /// Whether an offer of ours has to be taken back before a description of the peer, which may come now.
    pub(super) fn gives_way(&self, kind: SdpType) -> Result<bool, Error> {
        if kind == SdpType::Offer && self.state == SignalingState::HaveLocalOffer {
            return Ok(true);
        }
        self.check(Party::Remote, kind).map(|_| false)
    }

    /// Which DTLS role the two descriptions give us (RFC 8842 §5.3, RFC 5763 §5).
    pub(super) fn dtls_role(&self, remote: &RemoteTransport) -> Result<DtlsRole, RemoteError> {
        let live = |applied: &Applied| {
            let mut media = applied.description.media.iter();
            media.find(|media| !media.is_rejected())?.setup
        };
        match (self.local().and_then(live), remote.setup) {
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

    /// What an answer makes of our DTLS role; `None` where it accepts nothing.
    fn agreed_role(from: Party, answer: &Description<'_>) -> Option<DtlsRole> {
        let mut live = answer.media.iter().filter(|media| !media.is_rejected());
        let answerer_is_client = live.next()?.setup.is_none_or(|it| it == Setup::Active);
        match (from, answerer_is_client) {
            (Party::Local, true) | (Party::Remote, false) => Some(DtlsRole::Client),
            (Party::Local, false) | (Party::Remote, true) => Some(DtlsRole::Server),
        }
    }

    fn begin(&self, local: &Local<'_>) -> Description<'static> {
        let mut description = Description::new(Origin::new(self.session_id, self.version));
        local.say_ice(&mut description);
        description
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

impl Applied {
    fn new(
        kind: SdpType,
        description: Description<'static>,
        plan: Vec<Option<TransceiverId>>,
    ) -> Self {
        Self {
            kind,
            text: description.to_string(),
            description,
            plan,
        }
    }

    /// What the peer sent.
    pub(super) fn parse(given: SessionDescription) -> Result<Self, RemoteError> {
        let description = Description::parse(&given.sdp)?.into_owned();
        Ok(Self {
            kind: given.kind,
            description,
            text: given.sdp,
            plan: Vec::new(),
        })
    }

    /// Whether it names this ICE user name fragment.
    pub(super) fn says(&self, ufrag: &str) -> bool {
        let mut credentials = self
            .description
            .media
            .iter()
            .filter_map(|it| it.ice.as_ref());
        credentials.any(|ice| ice.ufrag == ufrag)
    }

    fn to_session(&self) -> SessionDescription {
        SessionDescription {
            kind: self.kind,
            sdp: self.text.clone(),
        }
    }
}

/// The transitions of WebRTC 1.0 §4.3.1; the diagram is at [`SignalingState`]. A provisional answer is not rolled back: §4.4.1.5 refuses
/// what RFC 9429 §5.7 would allow.
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

/// A section for data channels: as RFC 8841 §5 has it, or in the older form `DTLS/SCTP 5000` with `a=sctpmap`.
fn is_data(media: &Media<'_>) -> bool {
    media.is_data_channel() || is_legacy_data(media)
}

fn is_legacy_data(media: &Media<'_>) -> bool {
    let mut sctp_maps = media.other.iter().filter(|(name, _)| name == "sctpmap");
    let is_ours = |value: &str| value.contains("webrtc-datachannel");
    media.protocol == "DTLS/SCTP"
        && sctp_maps.any(|(_, value)| value.as_deref().is_some_and(is_ours))
}

#[cfg(test)]
mod tests;
