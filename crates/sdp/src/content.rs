//! What each type of line says: RFC 8866 §5, as views of the text.

use crate::Attribute;

/// What a line says. Text is as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content<'a> {
    /// `v=`, always 0 (§5.1).
    Version,
    /// `o=` (§5.2).
    Origin(Origin<'a>),
    /// `s=`, the session's name (§5.3).
    Name(&'a str),
    /// `i=`, a title for people (§5.4).
    Information(&'a str),
    /// `u=` (§5.5).
    Uri(&'a str),
    /// `e=` (§5.6).
    Email(&'a str),
    /// `p=` (§5.6).
    Phone(&'a str),
    /// `c=` (§5.7).
    Connection(Connection<'a>),
    /// `b=` (§5.8).
    Bandwidth(Bandwidth<'a>),
    /// `t=` (§5.9).
    Timing(Timing),
    /// `r=` (§5.10).
    Repeat(Repeat<'a>),
    /// `z=`: pairs of a time and an offset, as text (§5.11).
    Zones(&'a str),
    /// `k=`, which nobody may use any more (§5.12).
    Key(&'a str),
    /// `a=` (§5.13).
    Attribute(Attribute<'a>),
    /// `m=` (§5.14).
    Media(MediaLine<'a>),
    /// A type that RFC 8866 does not know, and its value.
    Unknown(char, &'a str),
}

/// `o=`: who made the session, and which version it is (RFC 8866 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user, `-` for none.
    pub username: &'a str,
    /// Digits, of which the grammar allows any number.
    pub session_id: &'a str,
    /// Digits, likewise.
    pub session_version: &'a str,
    /// `IN`.
    pub net_type: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// Of the machine that made the session.
    pub address: &'a str,
}

/// `c=`: where media goes (RFC 8866 §5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IN`.
    pub net_type: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// The address; of a multicast one with its time to live and count (`233.252.0.1/127/3`).
    pub address: &'a str,
}

/// `b=`: how much may be sent (RFC 8866 §5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth<'a> {
    /// `AS`, `CT`, `TIAS`...
    pub kind: &'a str,
    /// In kilobits per second; `TIAS` is in bits per second (RFC 3890).
    pub value: u64,
}

/// `t=`: when the session begins and ends (RFC 8866 §5.9), in seconds since 1900; 0 for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// When it begins.
    pub start: u64,
    /// When it ends.
    pub stop: u64,
}

/// `r=`: how a session repeats (RFC 8866 §5.10). Times may carry a unit: `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat<'a> {
    /// From one beginning to the next.
    pub interval: &'a str,
    /// How long it goes on.
    pub duration: &'a str,
    /// From the time in `t=`, with spaces between.
    pub offsets: &'a str,
}

/// The fields of an m-line (RFC 8866 §5.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLine<'a> {
    pub(crate) kind: &'a str,
    pub(crate) port: u16,
    pub(crate) port_count: Option<u16>,
    pub(crate) protocol: &'a str,
    /// All of them, between white space.
    pub(crate) formats: &'a str,
}

impl<'a> MediaLine<'a> {
    /// The kind of media: `audio`, `video`, `application`...
    pub const fn kind(&self) -> &'a str {
        self.kind
    }

    /// The port; 0 for an m-line that is rejected, stopped or bundle-only.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How many ports, where the line says so (`49170/2`).
    pub const fn port_count(&self) -> Option<u16> {
        self.port_count
    }

    /// The protocol, such as `UDP/TLS/RTP/SAVPF`.
    pub const fn protocol(&self) -> &'a str {
        self.protocol
    }

    /// The formats: payload types of RTP, `webrtc-datachannel`.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.formats.split_ascii_whitespace()
    }
}
