use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use ieum_candidate::Candidate;

use super::{Attributes, Fingerprint};

/// An m-line with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Audio, video, data...
    pub kind: MediaKind,
    /// 0 says that it is rejected or stopped (unless it is `bundle_only`); 9 that candidates say where to send.
    pub port: u16,
    /// Such as `UDP/DTLS/SCTP` or `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// Payload types of RTP, or `webrtc-datachannel`.
    pub formats: Vec<String>,
    /// The `c=` line, of the m-line or inherited: by default `IN IP4 0.0.0.0`.
    pub connection: String,
    /// Its identification (RFC 5888 §4).
    pub mid: Option<String>,
    /// Which way media flows: by default both.
    pub direction: Direction,
    /// The ICE user name fragment and password, of the m-line or inherited.
    pub ice: Option<Credentials>,
    /// What the peer's certificate must hash to, of the m-line or inherited.
    pub fingerprints: Vec<Fingerprint>,
    /// Who begins DTLS, of the m-line or inherited.
    pub setup: Option<Setup>,
    /// The port of the SCTP association (RFC 8841 §5).
    pub sctp_port: Option<u16>,
    /// The longest message that the peer takes, in bytes; 0 for any, `None` for 65,536 (RFC 8841 §6).
    pub max_message_size: Option<u64>,
    /// The candidates that can be used here. Those of another transport or type than ours stay in `other`.
    pub candidates: Vec<Candidate>,
    /// Whether no candidate will follow (RFC 8840 §8.2).
    pub end_of_candidates: bool,
    /// Whether RTCP shares the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether it is to be used only as a part of its bundle (RFC 9143 §6).
    pub bundle_only: bool,
    /// Attributes without a field here: `rtpmap`, `fmtp`, `msid`...
    pub other: Attributes,
}

impl Media {
    /// An m-line on port 9, with no format and nothing said.
    pub fn new(kind: MediaKind, protocol: &str) -> Self {
        Media {
            kind,
            // RFC 9429 §5.2.1: the discard port, while there is no candidate to name.
            port: 9,
            protocol: protocol.to_owned(),
            formats: Vec::new(),
            connection: super::read::NO_CONNECTION.to_owned(),
            mid: None,
            direction: Direction::SendRecv,
            ice: None,
            fingerprints: Vec::new(),
            setup: None,
            sctp_port: None,
            max_message_size: None,
            candidates: Vec::new(),
            end_of_candidates: false,
            rtcp_mux: false,
            bundle_only: false,
            other: Vec::new(),
        }
    }

    /// The m-line of data channels (RFC 8841 §5): SCTP port 5000, and the longest message that we take, in bytes.
    pub fn data_channel(mid: &str, max_message_size: u64) -> Self {
        let mut media = Media::new(MediaKind::Application, "UDP/DTLS/SCTP");
        media.formats.push("webrtc-datachannel".to_owned());
        media.mid = Some(mid.to_owned());
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
            ..Media::new(self.kind.clone(), &self.protocol)
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
                self.protocol.as_str(),
                "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP"
            )
            && self
                .formats
                .iter()
                .any(|format| format == "webrtc-datachannel")
    }
}

/// What an m-line is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
    /// `application`: data channels, and more.
    Application,
    /// Any other.
    Other(String),
}

impl MediaKind {
    /// The word in the m-line.
    pub fn as_str(&self) -> &str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Application => "application",
            MediaKind::Other(kind) => kind,
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Self {
        match word {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            "application" => MediaKind::Application,
            _ => MediaKind::Other(word.to_string()),
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

    pub(super) fn from_name(name: &str) -> Option<Self> {
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
pub struct Credentials {
    /// The user name fragment, 4 to 256 characters.
    pub ufrag: String,
    /// The password, 22 to 256 characters.
    pub pwd: String,
}

/// Shows no password, so that none gets into a log.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for MediaKind {
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
