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

/// What RFC 8866 does not allow and real peers get away with: where, and what it wants there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Warning {
    /// The line, 1 for the first.
    pub line: usize,
    /// The byte in the line, 1 for the first.
    pub column: usize,
    /// What the grammar wants there.
    pub expected: Expected,
}

/// What the grammar of RFC 8866 §9, or a limit, wanted at the place of an error or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// `v=0`, with which every session begins.
    Version,
    /// A letter and an equals sign, with which every line begins.
    LineType,
    /// One of the line types that RFC 8866 defines.
    KnownLineType,
    /// A line type that may stand here: their order is fixed, and some stand only once.
    LineOrder,
    /// The `o=` line, which must be there.
    OriginLine,
    /// The `s=` line, which must be there.
    NameLine,
    /// A `t=` line, which must be there.
    TimeLine,
    /// A `c=` line in the section of this m-line, where the session has none (RFC 8866 §5.7).
    ConnectionLine,
    /// No `k=` line: nobody may write one any more (RFC 8866 §5.12).
    NoKey,
    /// CRLF, or LF alone, at the end of the line (RFC 8866 §5).
    LineEnd,
    /// Nothing more on the line; or a line, where there is an empty one.
    Nothing,
    /// One space.
    Space,
    /// Text without a NUL byte, and not none.
    Text,
    /// Letters, digits and the punctuation of a token.
    Token,
    /// Characters that are not white space.
    Word,
    /// Digits.
    Number,
    /// Seconds since 1900 in at least ten digits, or 0.
    Time,
    /// Digits, with a unit of time (d, h, m or s) or without.
    Duration,
    /// The colon between a name and a value.
    Colon,
    /// The kind of media of an m-line.
    Media,
    /// The port of an m-line: 0 to 65535.
    Port,
    /// The protocol of an m-line.
    Protocol,
    /// A format, of which an m-line has at least one.
    Format,
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
            Expected::KnownLineType => "a line type of RFC 8866",
            Expected::LineOrder => "a line type that may stand here",
            Expected::OriginLine => "an o= line",
            Expected::NameLine => "an s= line",
            Expected::TimeLine => "a t= line",
            Expected::ConnectionLine => "a c= line here or for the session",
            Expected::NoKey => "no k= line",
            Expected::LineEnd => "CRLF or LF",
            Expected::Nothing => "nothing more",
            Expected::Space => "one space",
            Expected::Text => "text without NUL",
            Expected::Token => "a token",
            Expected::Word => "a word",
            Expected::Number => "a number",
            Expected::Time => "a time (0 or ten digits and more)",
            Expected::Duration => "a number with or without a unit of time",
            Expected::Colon => "a colon",
            Expected::Media => "a kind of media",
            Expected::Port => "a port (0 to 65535)",
            Expected::Protocol => "a protocol",
            Expected::Format => "a format",
            Expected::ShorterLine => "a shorter line",
            Expected::FewerLines => "fewer lines",
            Expected::FewerMedia => "fewer m-lines",
        }
    }
}

impl ParseError {
    pub(crate) const fn new(line: usize, column: usize, expected: Expected) -> Self {
        ParseError {
            line,
            column,
            expected,
        }
    }

    /// Where it is.
    pub const fn position(&self) -> Position {
        Position {
            line: self.line,
            column: self.column,
        }
    }
}

impl Warning {
    /// Where it is.
    pub const fn position(&self) -> Position {
        Position {
            line: self.line,
            column: self.column,
        }
    }
}

/// The strict reader's view: what is worth a warning is an error.
impl From<Warning> for ParseError {
    fn from(warning: Warning) -> Self {
        ParseError::new(warning.line, warning.column, warning.expected)
    }
}

impl From<ParseError> for Warning {
    fn from(error: ParseError) -> Self {
        Warning {
            line: error.line,
            column: error.column,
            expected: error.expected,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.position(), self.expected)
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
