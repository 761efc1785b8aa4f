//! Lines out of a text. What is done here is done for every byte or for every line, so it is done with `memchr` and
//! on bytes; the grammar of a line is another module's, for when somebody asks.

use crate::{Expected, Limits, Line, ParseError};

/// The lines of a text that begins like a session, within limits; after an error, nothing.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// Even an empty text is scanned once, for its error.
    begun: bool,
    number: u32,
    /// Lines that may still come.
    room: usize,
    /// The longest line, which its length as `u32` bounds too.
    line_len: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, limits: &Limits) -> Self {
        Scanner {
            text,
            at: 0,
            begun: false,
            number: 1,
            room: limits.lines,
            line_len: limits.line_len.min(u32::MAX as usize),
        }
    }

    /// How many lines there are in a text where all end in LF or CRLF: what to make room for.
    pub(crate) fn count_hint(text: &str) -> usize {
        memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1
    }

    /// How many more lines there are at most, where that was not enough.
    pub(crate) fn rest_hint(&self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        memchr::memchr2_iter(b'\n', b'\r', rest).count() + 1
    }

    fn scan(&mut self) -> Result<Line<'a>, ParseError> {
        let error = |column, expected| ParseError::new(self.number as usize, column, expected);
        let rest = self.text.get(self.at..).unwrap_or_default();
        if self.room == 0 {
            return Err(error(1, Expected::FewerLines));
        }
        let bytes = rest.as_bytes();
        let len = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
        if len > self.line_len {
            return Err(error(self.line_len + 1, Expected::ShorterLine));
        }
        let end = len + ending_len(bytes.get(len..).unwrap_or_default());
        let whole = rest.get(..end).unwrap_or_default();
        if self.at == 0 && !is_version(bytes.get(..len).unwrap_or_default()) {
            return Err(error(1, Expected::Version));
        }
        if !matches!(bytes, [kind, b'=', ..] if kind.is_ascii_alphabetic()) {
            return Err(error(1, Expected::LineType));
        }
        let line = Line {
            whole,
            len: len as u32,
            number: self.number,
        };
        self.at += end;
        self.number = self.number.saturating_add(line.ends());
        self.room -= 1;
        Ok(line)
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Result<Line<'a>, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() && self.begun {
            return None;
        }
        let scanned = self.scan();
        self.begun = true;
        if scanned.is_err() {
            self.at = self.text.len();
        }
        Some(scanned)
    }
}

/// RFC 8866 §5.1, with white space after it, which peers get away with.
fn is_version(raw: &[u8]) -> bool {
    raw.trim_ascii_end() == b"v=0"
}

/// What ends a line, with the empty lines that follow.
fn ending_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', next, ..] if !is_ending(*next) => 2,
        _ => bytes.iter().take_while(|byte| is_ending(**byte)).count(),
    }
}

const fn is_ending(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}
