//! What is negotiated for one track each way.

use ieum_sdp::webrtc::{Codec, Direction, MediaKind};

/// Names a transceiver of one [`Negotiator`](super::Negotiator). Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransceiverId(pub(super) u64);

/// What a transceiver carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// How a transceiver begins (W3C RTCRtpTransceiverInit).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransceiverInit {
    /// Which way it is wanted: both, where nothing is said.
    pub direction: Direction,
    /// The ids of the streams that the sent track is in (RFC 8830).
    pub streams: Vec<String>,
    /// The rids of the encodings that its track is sent in at once, the first of them where the peer takes one only (W3C
    /// sendEncodings): ASCII letters and digits, at most 255, and no two the same. As the W3C has it, what is too many is left
    /// off the end (8 are taken for video, 1 for sound), and one alone has no rid. None: it is sent in one, without a name.
    pub send_encodings: Vec<String>,
}

/// One media section's worth of negotiation: RFC 9429 §3.4.1, W3C RTCRtpTransceiver.
#[derive(Debug, Clone)]
pub struct Transceiver {
    pub(super) id: TransceiverId,
    pub(super) kind: TrackKind,
    pub(super) mid: Option<String>,
    /// The number of its m-line. Sections never move, so that this is who it is even for peers without mids.
    pub(super) line: Option<usize>,
    pub(super) direction: Direction,
    pub(super) current_direction: Option<Direction>,
    pub(super) life: Life,
    /// Payload types of the capabilities, in the order of `set_codec_preferences`.
    pub(super) preferences: Option<Vec<Codec<'static>>>,
    pub(super) streams: Vec<String>,
    pub(super) send_encodings: Vec<String>,
    /// `add_track` made it or took it: an offer of the peer may be matched with it (RFC 9429 §5.10).
    pub(super) has_track: bool,
    /// An offer of the peer made it: taking that offer back takes it away.
    pub(super) from_remote: bool,
    /// It has been negotiated to send, so that `add_track` must not take it (W3C addTrack).
    pub(super) has_sent: bool,
}

/// How far a transceiver is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Live,
    /// Stopped here; the peer has to be told.
    Stopping,
    /// Its section has been rejected; it is about to be taken away.
    Stopped,
}

impl Transceiver {
    pub(super) fn new(id: TransceiverId, kind: TrackKind, init: TransceiverInit) -> Self {
        Self {
            id,
            kind,
            mid: None,
            line: None,
            direction: init.direction,
            current_direction: None,
            life: Life::Live,
            preferences: None,
            streams: init.streams,
            send_encodings: init.send_encodings,
            has_track: false,
            from_remote: false,
            has_sent: false,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> TransceiverId {
        self.id
    }

    /// What it carries.
    #[must_use]
    pub const fn kind(&self) -> TrackKind {
        self.kind
    }

    /// The mid of its section; `None` until a description with it is set, and again once that is taken back.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.mid.as_deref()
    }

    /// The number of its section from 0, likewise.
    #[must_use]
    pub const fn section(&self) -> Option<usize> {
        self.line
    }

    /// Which way it is wanted; `Inactive` once it is being stopped.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match self.life {
            Life::Live => self.direction,
            Life::Stopping | Life::Stopped => Direction::Inactive,
        }
    }

    /// Which way was negotiated; `None` before an answer.
    #[must_use]
    pub const fn current_direction(&self) -> Option<Direction> {
        self.current_direction
    }

    /// Whether it is being stopped: the next offer rejects its section, whose answer takes it away.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        !matches!(self.life, Life::Live)
    }

    /// The ids of the streams that the sent track is in.
    #[must_use]
    pub fn streams(&self) -> &[String] {
        &self.streams
    }

    /// The rids of the encodings that the track is sent in: as they were asked for, and after an answer those of them that the
    /// peer takes, or the first where it takes no simulcast. Empty: one, without a name.
    #[must_use]
    pub fn send_encodings(&self) -> &[String] {
        &self.send_encodings
    }

    pub(super) fn is_live(&self) -> bool {
        self.life == Life::Live
    }

    /// Live, and in no section yet.
    pub(super) fn is_new(&self) -> bool {
        self.is_live() && self.line.is_none()
    }
}

impl TrackKind {
    /// The kind of a section, `None` where it carries no track.
    pub(super) const fn of(kind: &MediaKind<'_>) -> Option<Self> {
        match kind {
            MediaKind::Audio => Some(Self::Audio),
            MediaKind::Video => Some(Self::Video),
            _ => None,
        }
    }

    pub(super) const fn media(self) -> MediaKind<'static> {
        match self {
            Self::Audio => MediaKind::Audio,
            Self::Video => MediaKind::Video,
        }
    }
}

pub(super) const fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}

pub(super) const fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}

pub(super) const fn direction(sends: bool, receives: bool) -> Direction {
    match (sends, receives) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// What both allow, seen from the same side (RFC 3264 §6.1).
pub(super) const fn intersection(one: Direction, other: Direction) -> Direction {
    direction(sends(one) && sends(other), receives(one) && receives(other))
}
