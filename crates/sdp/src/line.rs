use crate::Position;

/// One line of a session, as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub(crate) raw: &'a str,
    pub(crate) ending: &'a str,
    pub(crate) number: usize,
}

impl<'a> Line<'a> {
    /// Its type, the letter before the equals sign: `'a'` for an attribute.
    pub fn kind(&self) -> char {
        self.raw.chars().next().unwrap_or_default()
    }

    /// What follows the equals sign, with all its white space.
    pub fn value(&self) -> &'a str {
        self.raw.get(2..).unwrap_or_default()
    }

    /// The whole line without its ending.
    pub const fn raw(&self) -> &'a str {
        self.raw
    }

    /// What ends it: CRLF, LF, CR, with the empty lines that follow, or nothing at the end of the text.
    pub const fn ending(&self) -> &'a str {
        self.ending
    }

    /// Its number, 1 for the first.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The attribute that it is; `None` for a line of another type.
    pub fn attribute(&self) -> Option<Attribute<'a>> {
        if self.kind() != 'a' {
            return None;
        }
        let (name, value) = match self.value().split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (self.value(), None),
        };
        Some(Attribute {
            name,
            value,
            line: self.number,
        })
    }
}

/// An attribute, RFC 8866 §5.13: `a=<name>` or `a=<name>:<value>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    name: &'a str,
    value: Option<&'a str>,
    line: usize,
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
            line: self.line,
            column: 2 + self.name.len() + 2,
        }
    }
}
