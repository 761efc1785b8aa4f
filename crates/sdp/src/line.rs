use crate::grammar::{self, Spacing};
use crate::{Content, ParseError, Position};

/// One line of a session, as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line and its ending. It begins with an ASCII letter and an equals sign.
    pub(crate) whole: &'a str,
    /// The bytes before the ending.
    pub(crate) len: u32,
    pub(crate) number: u32,
}

impl<'a> Line<'a> {
    /// Its type, the letter before the equals sign: `'a'` for an attribute.
    pub fn kind(&self) -> char {
        char::from(self.kind_byte())
    }

    /// What follows the equals sign, with all its white space.
    #[inline]
    pub fn value(&self) -> &'a str {
        self.whole.get(2..self.len as usize).unwrap_or_default()
    }

    /// The whole line without its ending.
    pub fn raw(&self) -> &'a str {
        self.whole.get(..self.len as usize).unwrap_or_default()
    }

    /// What ends it: CRLF, LF, CR, with the empty lines that follow, or nothing at the end of the text.
    pub fn ending(&self) -> &'a str {
        self.whole.get(self.len as usize..).unwrap_or_default()
    }

    /// Its number, 1 for the first.
    pub const fn number(&self) -> usize {
        self.number as usize
    }

    /// The attribute that it is; `None` for a line of another type.
    #[inline]
    pub fn attribute(&self) -> Option<Attribute<'a>> {
        if self.kind_byte() != b'a' {
            return None;
        }
        let text = self.value();
        // Names are short: this is faster than a search that takes many bytes at once.
        let colon = text.bytes().position(|byte| byte == b':');
        let (name, value) = match colon {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        Some(Attribute {
            name,
            value,
            line: self.number,
        })
    }

    /// What it says, by the grammar of its type (RFC 8866 §5 and §9), with as much white space as the peer likes.
    ///
    /// # Errors
    /// Where it stops making sense. A type that RFC 8866 does not know is no error, but [`Content::Unknown`].
    pub fn content(&self) -> Result<Content<'a>, ParseError> {
        grammar::content(self, Spacing::Lenient)
    }

    #[inline]
    pub(crate) fn kind_byte(&self) -> u8 {
        self.whole.as_bytes().first().copied().unwrap_or_default()
    }

    /// How many lines end here: a CRLF, a LF and a CR alone count one each.
    #[inline]
    pub(crate) fn ends(&self) -> u32 {
        match self.ending().as_bytes() {
            [] => 0,
            [_] | [b'\r', b'\n'] => 1,
            many => {
                let pairs = many.windows(2).filter(|two| *two == b"\r\n").count();
                u32::try_from(many.len() - pairs).unwrap_or(u32::MAX)
            }
        }
    }
}

/// An attribute, RFC 8866 §5.13: `a=<name>` or `a=<name>:<value>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    name: &'a str,
    value: Option<&'a str>,
    line: u32,
}

impl<'a> Attribute<'a> {
    /// What stands before the first colon.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// What follows the first colon; `None` where there is none.
    pub const fn value(&self) -> Option<&'a str> {
        self.value
    }

    /// Where its value begins, or would begin.
    pub const fn position(&self) -> Position {
        // After `a=`, the name and the colon, counted from 1.
        Position {
            line: self.line as usize,
            column: 2 + self.name.len() + 2,
        }
    }
}
