use core::fmt;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, 1 for the first. A CRLF, a LF and a CR alone each end one.
    pub line: usize,
    /// The byte in the line, 1 for the first.
    pub column: usize,
}

/// Why a text is not a session: where, and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}")]
#[non_exhaustive]
pub struct ParseError {
    /// The line, 1 for the first.
    pub line: usize,
    /// The byte in the line, 1 for the first.
    pub column: usize,
    /// What the grammar wanted there.
    pub expected: Expected,
}

/// What the grammar of RFC 8866 §9, or a limit, wanted at the place of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// `v=0`, with which every session begins.
    Version,
    /// A letter and an equals sign, with which every line begins.
    LineType,
    /// The kind of media of an m-line.
    Media,
    /// The port of an m-line: 0 to 65535.
    Port,
    /// The protocol of an m-line.
    Protocol,
    /// A line of at most [`Limits::line_len`](crate::Limits::line_len) bytes.
    ShorterLine,
    /// At most [`Limits::lines`](crate::Limits::lines) lines.
    FewerLines,
    /// At most [`Limits::media`](crate::Limits::media) m-lines.
    FewerMedia,
}

impl Expected {
    /// The same in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Expected::Version => "v=0",
            Expected::LineType => "a letter and an equals sign",
            Expected::Media => "a kind of media",
            Expected::Port => "a port (0 to 65535)",
            Expected::Protocol => "a protocol",
            Expected::ShorterLine => "a shorter line",
            Expected::FewerLines => "fewer lines",
            Expected::FewerMedia => "fewer m-lines",
        }
    }
}

impl ParseError {
    /// Where it is.
    pub const fn position(&self) -> Position {
        Position {
            line: self.line,
            column: self.column,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
