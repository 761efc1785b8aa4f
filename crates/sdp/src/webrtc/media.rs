use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::{
    Attributes, Bandwidth, Codec, Extmap, Fingerprint, MediaCandidate, Msid, Rid, Simulcast, Ssrc,
    SsrcGroup, Text,
};

/// An m-line with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// Audio, video, data...
    pub kind: MediaKind<'a>,
    /// 0 says that it is rejected or stopped (unless it is `bundle_only`); 9 that candidates say where to send.
    pub port: u16,
    /// Such as `UDP/DTLS/SCTP` or `UDP/TLS/RTP/SAVPF`.
    pub protocol: Text<'a>,
    /// Payload types of RTP, best first, or `webrtc-datachannel`.
    pub formats: Vec<Text<'a>>,
    /// The `c=` line, of the m-line or inherited: by default `IN IP4 0.0.0.0`.
    pub connection: Text<'a>,
    /// How much may be sent.
    pub bandwidths: Vec<Bandwidth<'a>>,
    /// Its identification (RFC 5888 §4).
    pub mid: Option<Text<'a>>,
    /// Which way media flows: by default both.
    pub direction: Direction,
    /// The streams that its track is in (RFC 8830).
    pub msids: Vec<Msid<'a>>,
    /// The ICE user name fragment and password, of the m-line or inherited.
    pub ice: Option<Credentials<'a>>,
    /// What the peer's certificate must hash to, of the m-line or inherited.
    pub fingerprints: Vec<Fingerprint>,
    /// Who begins DTLS, of the m-line or inherited.
    pub setup: Option<Setup>,
    /// Which DTLS association it is (RFC 8842 §4).
    pub tls_id: Option<Text<'a>>,
    /// The port of the SCTP association (RFC 8841 §5).
    pub sctp_port: Option<u16>,
    /// The longest message that the peer takes, in bytes; 0 for any, `None` for 65,536 (RFC 8841 §6).
    pub max_message_size: Option<u64>,
    /// The candidates that can be used here. Those of another transport or type than ours stay in `other`.
    pub candidates: Vec<MediaCandidate<'a>>,
    /// Whether no candidate will follow (RFC 8840 §8.2).
    pub end_of_candidates: bool,
    /// Whether RTCP shares the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether it cannot do otherwise (RFC 8858).
    pub rtcp_mux_only: bool,
    /// Whether RTCP may be of reduced size (RFC 5506).
    pub rtcp_rsize: bool,
    /// Whether it is to be used only as a part of its bundle (RFC 9143 §6).
    pub bundle_only: bool,
    /// What is said of the payload types, in the order of `formats`. Those of which nothing is said are not here: they are
    /// [assigned](Codec::assigned).
    pub codecs: Vec<Codec<'a>>,
    /// The feedback of all payload types, `a=rtcp-fb:*`.
    pub feedback: Vec<Text<'a>>,
    /// Header extensions (RFC 8285).
    pub extmaps: Vec<Extmap<'a>>,
    /// Whether their one-byte and two-byte forms may be mixed.
    pub extmap_allow_mixed: bool,
    /// What is said of sources (RFC 5576).
    pub ssrcs: Vec<Ssrc<'a>>,
    /// Sources that belong together.
    pub ssrc_groups: Vec<SsrcGroup<'a>>,
    /// Streams by name (RFC 8851).
    pub rids: Vec<Rid<'a>>,
    /// Streams of one source (RFC 8853).
    pub simulcast: Option<Simulcast<'a>>,
    /// The values of `a=imageattr`, as text (RFC 6236).
    pub image_attributes: Vec<Text<'a>>,
    /// Attributes without a field here: `rtcp`, `ptime`...
    pub other: Attributes<'a>,
}

impl<'a> Media<'a> {
    /// An m-line on port 9, with no format and nothing said.
    pub fn new(kind: MediaKind<'a>, protocol: impl Into<Text<'a>>) -> Self {
        Media {
            kind,
            // RFC 9429 §5.2.1: the discard port, while there is no candidate to name.
            port: 9,
            protocol: protocol.into(),
            formats: Vec::new(),
            connection: Text::Borrowed(super::read::NO_CONNECTION),
            bandwidths: Vec::new(),
            mid: None,
            direction: Direction::SendRecv,
            msids: Vec::new(),
            ice: None,
            fingerprints: Vec::new(),
            setup: None,
            tls_id: None,
            sctp_port: None,
            max_message_size: None,
            candidates: Vec::new(),
            end_of_candidates: false,
            rtcp_mux: false,
            rtcp_mux_only: false,
            rtcp_rsize: false,
            bundle_only: false,
            codecs: Vec::new(),
            feedback: Vec::new(),
            extmaps: Vec::new(),
            extmap_allow_mixed: false,
            ssrcs: Vec::new(),
            ssrc_groups: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            image_attributes: Vec::new(),
            other: Vec::new(),
        }
    }

    /// The m-line of data channels (RFC 8841 §5): SCTP port 5000, and the longest message that we take, in bytes.
    pub fn data_channel(mid: impl Into<Text<'a>>, max_message_size: u64) -> Self {
        let mut media = Media::new(MediaKind::Application, "UDP/DTLS/SCTP");
        media.formats.push("webrtc-datachannel".into());
        media.mid = Some(mid.into());
        media.sctp_port = Some(5000);
        media.max_message_size = Some(max_message_size);
        media
    }

    /// What an answer says to reject this m-line: port 0, with the same kind, protocol, formats and mid (RFC 9429 §5.3.1).
    pub fn rejected(&self) -> Self {
        Media {
            port: 0,
            formats: self.formats.clone(),
            mid: self.mid.clone(),
            direction: Direction::Inactive,
            ..Media::new(self.kind.clone(), self.protocol.clone())
        }
    }

    /// Whether it is rejected or stopped: port 0, and not because it is bundle-only.
    pub const fn is_rejected(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }

    /// Whether it is for data channels: SCTP over DTLS with the format `webrtc-datachannel` (RFC 8841 §5), by any of the
    /// names that RFC 9429 §5.1.2 wants understood. The older form `DTLS/SCTP 5000` with `a=sctpmap` is not.
    pub fn is_data_channel(&self) -> bool {
        self.kind == MediaKind::Application
            && matches!(
                self.protocol.as_ref(),
                "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP"
            )
            && self
                .formats
                .iter()
                .any(|format| format == "webrtc-datachannel")
    }

    /// What is said of a payload type.
    pub fn codec(&self, payload_type: u8) -> Option<&Codec<'a>> {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type)
    }

    /// Offers one more codec, after those that are there: its payload type among the formats, and what is said of it.
    pub fn push_codec(&mut self, codec: Codec<'a>) {
        self.formats.push(codec.payload_type.to_string().into());
        self.codecs.push(codec);
    }
}

/// What an m-line is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MediaKind<'a> {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
    /// `application`: data channels, and more.
    Application,
    /// Any other.
    Other(Text<'a>),
}

impl<'a> MediaKind<'a> {
    /// The word in the m-line.
    pub fn as_str(&self) -> &str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Application => "application",
            MediaKind::Other(kind) => kind,
        }
    }

    /// The kind that a word in an m-line stands for.
    pub fn from_word(word: &'a str) -> Self {
        match word {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            "application" => MediaKind::Application,
            other => MediaKind::Other(Text::Borrowed(other)),
        }
    }
}

/// Which way media flows, seen from who says it: RFC 8866 §6.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// Only from who says it.
    SendOnly,
    /// Only to who says it.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The attribute that says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The same, seen from the other side.
    pub const fn reversed(self) -> Self {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            same => same,
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [
            Direction::SendRecv,
            Direction::SendOnly,
            Direction::RecvOnly,
            Direction::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str() == name)
    }
}

/// Who begins DTLS: RFC 8842 §5, RFC 4145 §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either: what an offer says.
    ActPass,
    /// Who says it: the DTLS client.
    Active,
    /// The other: who says it is the DTLS server.
    Passive,
    /// Neither, for now.
    HoldConn,
}

impl Setup {
    /// The value of `a=setup`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::HoldConn => "holdconn",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [
            Setup::ActPass,
            Setup::Active,
            Setup::Passive,
            Setup::HoldConn,
        ]
        .into_iter()
        .find(|setup| setup.as_str() == word)
    }
}

/// What checks are signed with: RFC 8839 §5.4.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials<'a> {
    /// The user name fragment, 4 to 256 characters.
    pub ufrag: Text<'a>,
    /// The password, 22 to 256 characters.
    pub pwd: Text<'a>,
}

/// Shows no password, so that none gets into a log.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for MediaKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
