use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use super::{DescriptionError, Media, read};
use crate::{Limits, Session};

/// Attributes without a field of their own: names and values, in order.
pub type Attributes = Vec<(String, Option<String>)>;

/// A session description as an endpoint understands it.
///
/// `Display` writes it as SDP with CRLF. Characters that would end a line (CR, LF) are left out of what is written, so that
/// no field can smuggle in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Who made it, and which version it is.
    pub origin: Origin,
    /// The mids of the BUNDLE group, in order (RFC 9143); empty for none. The groups beside the first one stay in `other`.
    pub bundle: Vec<String>,
    /// The ICE options, of the session and of all m-lines (RFC 8839 §5.6), each once.
    pub ice_options: Vec<String>,
    /// Whether the peer only answers checks (RFC 8839 §5.3).
    pub ice_lite: bool,
    /// Whether one-byte and two-byte header extensions may be mixed (RFC 8285 §6), said for the whole session.
    pub extmap_allow_mixed: bool,
    /// Attributes of the session without a field here.
    pub other: Attributes,
    /// The m-lines.
    pub media: Vec<Media>,
}

impl Description {
    /// A description with no m-line and nothing said.
    pub const fn new(origin: Origin) -> Self {
        Description {
            origin,
            bundle: Vec::new(),
            ice_options: Vec::new(),
            ice_lite: false,
            extmap_allow_mixed: false,
            other: Vec::new(),
            media: Vec::new(),
        }
    }

    /// Reads a description, within the default [`Limits`].
    ///
    /// # Errors
    /// What is not a session, and what is malformed in an attribute that has a field, by name, line and column.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        Self::parse_with(text, &Limits::default())
    }

    /// Reads a description, within limits of your own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, limits: &Limits) -> Result<Self, DescriptionError> {
        read::description(&Session::parse_with(text, limits)?, limits)
    }

    /// What a session says, within the default [`Limits`].
    ///
    /// # Errors
    /// What is malformed in an attribute that has a field, by name, line and column.
    pub fn from_session(session: &Session<'_>) -> Result<Self, DescriptionError> {
        read::description(session, &Limits::default())
    }

    /// Whether the peer can take candidates one by one: the ICE option `trickle` (RFC 8840 §4.1).
    pub fn trickles(&self) -> bool {
        self.ice_options.iter().any(|option| option == "trickle")
    }

    /// The m-line of this mid.
    pub fn media_of(&self, mid: &str) -> Option<&Media> {
        self.media
            .iter()
            .find(|media| media.mid.as_deref() == Some(mid))
    }
}

impl FromStr for Description {
    type Err = DescriptionError;

    fn from_str(text: &str) -> Result<Self, DescriptionError> {
        Self::parse(text)
    }
}

/// The `o=` line, RFC 8866 §5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The user, `-` for none.
    pub username: String,
    /// A number that stays the same for one connection.
    pub session_id: u64,
    /// A number that grows with each change.
    pub session_version: u64,
    /// The rest: network type, address type and address.
    pub address: String,
}

impl Origin {
    /// The origin of a WebRTC endpoint, which names neither a user nor an address (RFC 9429 §5.2.1).
    pub fn new(session_id: u64, session_version: u64) -> Self {
        Origin {
            username: "-".to_owned(),
            session_id,
            session_version,
            address: "IN IP4 127.0.0.1".to_owned(),
        }
    }
}
