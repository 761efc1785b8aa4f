use core::fmt;

/// Why a line is not a candidate that can be used: where, and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
#[non_exhaustive]
pub struct ParseError {
    /// The byte offset in the text given, 0 for its first byte.
    pub offset: usize,
    /// What the grammar wanted there.
    pub expected: Expected,
}

impl ParseError {
    /// Whether the line may be well-formed but is of a transport or type unknown here. RFC 8839 §5.1: such a candidate
    /// is ignored, not refused.
    pub const fn is_unsupported(&self) -> bool {
        matches!(
            self.expected,
            Expected::Transport | Expected::Kind | Expected::TcpType
        )
    }
}

/// What the grammar of RFC 8839 §5.1 wanted at the place of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// A line of at most [`MAX_LINE_LEN`](crate::MAX_LINE_LEN) bytes.
    ShorterLine,
    /// A foundation: 1 to 32 visible characters.
    Foundation,
    /// A component: 1 to 256.
    Component,
    /// `udp` or `tcp`.
    Transport,
    /// A priority: 0 to 2³²-1.
    Priority,
    /// An IP address or a name.
    Address,
    /// A port: 0 to 65535.
    Port,
    /// The word `typ`.
    Typ,
    /// `host`, `srflx`, `prflx` or `relay`.
    Kind,
    /// `tcptype` with `active`, `passive` or `so`, which a TCP candidate must have (RFC 6544 §4.5).
    TcpType,
    /// Names and values made of visible ASCII characters.
    Extension,
    /// A space between two fields.
    Space,
}

impl Expected {
    /// The same in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Expected::ShorterLine => "a line of at most 4096 bytes",
            Expected::Foundation => "a foundation (1 to 32 characters)",
            Expected::Component => "a component (1 to 256)",
            Expected::Transport => "a transport (udp or tcp)",
            Expected::Priority => "a priority (0 to 4294967295)",
            Expected::Address => "an IP address or a name",
            Expected::Port => "a port (0 to 65535)",
            Expected::Typ => "the word typ",
            Expected::Kind => "a type (host, srflx, prflx or relay)",
            Expected::TcpType => "a tcptype (active, passive or so)",
            Expected::Extension => "a name and a value of visible ASCII characters",
            Expected::Space => "a space",
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
