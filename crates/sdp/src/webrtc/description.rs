use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{DescriptionError, Media, Text, read};
use crate::scan::Scanner;
use crate::{Limits, Session};

/// Attributes without a field of their own: names and values, in order.
pub type Attributes<'a> = Vec<(Text<'a>, Option<Text<'a>>)>;

/// A session description as an endpoint understands it.
///
/// `Display` writes it as SDP with CRLF. Characters that would end a line (CR, LF) are left out of what is written, so that
/// no field can smuggle in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description<'a> {
    /// Who made it, and which version it is.
    pub origin: Origin<'a>,
    /// How much may be sent over all.
    pub bandwidths: Vec<Bandwidth<'a>>,
    /// The mids of the BUNDLE group, in order (RFC 9143); empty for none. Where there are several such groups, of the first.
    pub bundle: Vec<Text<'a>>,
    /// The other groups (RFC 5888).
    pub groups: Vec<Group<'a>>,
    /// The ICE options, of the session and of all m-lines (RFC 8839 §5.6), each once.
    pub ice_options: Vec<Text<'a>>,
    /// Whether the peer only answers checks (RFC 8839 §5.3).
    pub ice_lite: bool,
    /// The time between checks that the peer wants, in milliseconds (RFC 8839 §5.8).
    pub ice_pacing: Option<u32>,
    /// Whether one-byte and two-byte header extensions may be mixed (RFC 8285 §6), said for the whole session.
    pub extmap_allow_mixed: bool,
    /// `msid-semantic` lines: the semantics (`WMS`) and the streams.
    pub msid_semantics: Vec<Group<'a>>,
    /// An assertion of who the peer is, as text (RFC 8827 §5.6.4.1).
    pub identity: Option<Text<'a>>,
    /// Attributes of the session without a field here.
    pub other: Attributes<'a>,
    /// The m-lines.
    pub media: Vec<Media<'a>>,
}

impl<'a> Description<'a> {
    /// A description with no m-line and nothing said.
    pub const fn new(origin: Origin<'a>) -> Self {
        Description {
            origin,
            bandwidths: Vec::new(),
            bundle: Vec::new(),
            groups: Vec::new(),
            ice_options: Vec::new(),
            ice_lite: false,
            ice_pacing: None,
            extmap_allow_mixed: false,
            msid_semantics: Vec::new(),
            identity: None,
            other: Vec::new(),
            media: Vec::new(),
        }
    }

    /// Reads a description, within the default [`Limits`].
    ///
    /// # Errors
    /// What is not a session, and what is malformed in an attribute that has a field, by name, line and column.
    pub fn parse(text: &'a str) -> Result<Self, DescriptionError> {
        Self::parse_with(text, &Limits::default())
    }

    /// Reads a description, within limits of your own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &'a str, limits: &Limits) -> Result<Self, DescriptionError> {
        read::description(Scanner::new(text, limits), limits)
    }

    /// What a session says, within the default [`Limits`].
    ///
    /// # Errors
    /// What is malformed in an attribute that has a field, by name, line and column.
    pub fn from_session(session: &'a Session<'_>) -> Result<Self, DescriptionError> {
        Self::from_session_with(session, &Limits::default())
    }

    /// What a session says, within limits of your own.
    ///
    /// # Errors
    /// As [`from_session`](Self::from_session).
    pub fn from_session_with(
        session: &'a Session<'_>,
        limits: &Limits,
    ) -> Result<Self, DescriptionError> {
        read::description(session.lines().map(Ok), limits)
    }

    /// Whether the peer can take candidates one by one: the ICE option `trickle` (RFC 8840 §4.1).
    pub fn trickles(&self) -> bool {
        self.ice_options.iter().any(|option| option == "trickle")
    }

    /// The m-line of this mid.
    pub fn media_of(&self, mid: &str) -> Option<&Media<'a>> {
        self.media
            .iter()
            .find(|media| media.mid.as_deref() == Some(mid))
    }
}

/// The `o=` line, RFC 8866 §5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user, `-` for none.
    pub username: Text<'a>,
    /// A number that stays the same for one connection.
    pub session_id: u64,
    /// A number that grows with each change.
    pub session_version: u64,
    /// The rest: network type, address type and address.
    pub address: Text<'a>,
}

impl Origin<'_> {
    /// The origin of a WebRTC endpoint, which names neither a user nor an address (RFC 9429 §5.2.1).
    pub const fn new(session_id: u64, session_version: u64) -> Self {
        Origin {
            username: Cow::Borrowed("-"),
            session_id,
            session_version,
            address: Cow::Borrowed("IN IP4 127.0.0.1"),
        }
    }
}

/// `a=group`, RFC 5888 §5: m-lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// How: `BUNDLE`, `LS`, `DUP`...
    pub semantics: Text<'a>,
    /// Which: their mids.
    pub members: Vec<Text<'a>>,
}

/// `b=`, RFC 8866 §5.8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bandwidth<'a> {
    /// `AS`, `CT`, `TIAS`...
    pub kind: Text<'a>,
    /// In kilobits per second; `TIAS` is in bits per second (RFC 3890).
    pub value: u64,
}
