use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::content::{Bandwidth, Connection, Content, Origin, Timing};
use crate::scan::Scanner;
use crate::warnings::Warnings;
use crate::{Attribute, Limits, Line, ParseError, Section, SectionMut, Warning, grammar};

/// A session, RFC 8866: every line of the text, borrowed from it.
///
/// `Display` writes the same bytes as were parsed, but for what was [edited](Self::media_mut).
#[derive(Debug, Clone)]
pub struct Session<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

/// A line as a session holds it: of the text, or written by an edit.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// The line and its ending.
    pub(crate) text: Cow<'a, str>,
    /// The bytes before the ending.
    pub(crate) len: u32,
    pub(crate) number: u32,
}

impl<'a> Session<'a> {
    /// Reads a session as real peers write them, within the default [`Limits`].
    ///
    /// It asks for `v=0` in front, a type on each line, and m-lines that can be understood. Unknown types, unusual order,
    /// white space and empty lines are let through and kept; [`warnings`](Self::warnings) lists them.
    ///
    /// # Errors
    /// What is not a session, with line, column and what was expected.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_with(text, &Limits::default())
    }

    /// Reads a session, within limits of your own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &'a str, limits: &Limits) -> Result<Self, ParseError> {
        let mut entries = Vec::with_capacity(Scanner::count_hint(text).min(limits.lines));
        let mut media = 0;
        let mut lines = Scanner::new(text, limits);
        while let Some(line) = lines.next() {
            let line = line?;
            if line.kind_byte() == b'm' {
                grammar::media_line(&line)?;
                media += 1;
                if media > limits.media {
                    return Err(grammar::too_many_media(&line));
                }
            }
            if entries.len() == entries.capacity() {
                entries.reserve_exact(lines.rest_hint().min(limits.lines - entries.len()));
            }
            entries.push(Entry {
                text: Cow::Borrowed(line.whole),
                len: line.len,
                number: line.number,
            });
        }
        Ok(Session { entries })
    }

    /// Reads a session that has nothing to [warn](Self::warnings) of, within the default [`Limits`].
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and the first warning.
    pub fn parse_strict(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_strict_with(text, &Limits::default())
    }

    /// Reads a session that has nothing to [warn](Self::warnings) of, within limits of your own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and the first warning.
    pub fn parse_strict_with(text: &'a str, limits: &Limits) -> Result<Self, ParseError> {
        Self::parse_with(text, limits)?.strict()
    }

    /// The session, if there is nothing to warn of.
    pub(crate) fn strict(self) -> Result<Self, ParseError> {
        let first = self.warnings().next();
        first.map_or(Ok(self), |warning| Err(warning.into()))
    }

    /// What RFC 8866 does not allow, in the order of the lines: unknown types, order, white space between and after the
    /// fields, empty lines, what a line of its type cannot say, and the lines that are missed. A LF alone is none
    /// (§5 wants it read), and the values of attributes are not looked into.
    ///
    /// It takes time that is linear in the text.
    pub fn warnings(&self) -> impl Iterator<Item = Warning> + '_ {
        Warnings::new(&self.entries)
    }

    /// All its lines, in order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> + Clone {
        self.entries.iter().map(Entry::line)
    }

    /// The lines before the first m-line, which hold for the whole session.
    pub fn session_lines(&self) -> impl Iterator<Item = Line<'_>> + Clone {
        self.lines().take_while(|line| line.kind_byte() != b'm')
    }

    /// The attributes before the first m-line, in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> + Clone {
        self.session_lines().filter_map(|line| line.attribute())
    }

    /// The first attribute of this name before the first m-line.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.attributes().find(|attribute| attribute.name() == name)
    }

    /// The `o=` line; `None` where it is absent or makes no sense, and there is a warning.
    pub fn origin(&self) -> Option<Origin<'_>> {
        self.contents('o').find_map(|content| match content {
            Content::Origin(origin) => Some(origin),
            _ => None,
        })
    }

    /// The session's name, the `s=` line.
    pub fn name(&self) -> Option<&str> {
        self.contents('s').find_map(|content| match content {
            Content::Name(name) => Some(name),
            _ => None,
        })
    }

    /// The `c=` line that holds where a section has none.
    pub fn connection(&self) -> Option<Connection<'_>> {
        self.contents('c').find_map(|content| match content {
            Content::Connection(connection) => Some(connection),
            _ => None,
        })
    }

    /// The `b=` lines of the whole session.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'_>> {
        self.contents('b').filter_map(|content| match content {
            Content::Bandwidth(bandwidth) => Some(bandwidth),
            _ => None,
        })
    }

    /// The `t=` lines. Their repetitions are in [`session_lines`](Self::session_lines).
    pub fn timings(&self) -> impl Iterator<Item = Timing> {
        self.contents('t').filter_map(|content| match content {
            Content::Timing(timing) => Some(timing),
            _ => None,
        })
    }

    /// Its m-lines, each with the lines up to the next.
    pub fn media(&self) -> impl Iterator<Item = Section<'_>> + Clone {
        let starts_at = |entry: &Entry<'_>| entry.kind() == b'm';
        let first = self.entries.iter().position(starts_at);
        let mut rest = self.entries.get(first.unwrap_or(self.entries.len())..);
        core::iter::from_fn(move || {
            let entries = rest.filter(|entries| !entries.is_empty())?;
            let next = entries.iter().skip(1).position(starts_at);
            let end = next.map_or(entries.len(), |next| next + 1);
            rest = entries.get(end..);
            Section::new(entries.get(..end)?)
        })
    }

    /// The m-line of this index and its lines, to be changed; `None` where there are fewer.
    pub fn media_mut(&mut self, index: usize) -> Option<SectionMut<'_, 'a>> {
        let mut starts = self.entries.iter().enumerate();
        let (start, _) = starts
            .by_ref()
            .filter(|(_, entry)| entry.kind() == b'm')
            .nth(index)?;
        Some(SectionMut::new(self, start))
    }

    /// The lines before the first m-line, to be changed.
    pub fn session_mut(&mut self) -> SectionMut<'_, 'a> {
        SectionMut::new(self, 0)
    }

    /// Appends the text to `out`, faster than `Display` does.
    pub fn write_to(&self, out: &mut String) {
        out.reserve(self.entries.iter().map(|entry| entry.text.len()).sum());
        for entry in &self.entries {
            out.push_str(&entry.text);
        }
    }

    /// The same session, owning its text.
    pub fn into_owned(self) -> Session<'static> {
        let own = |entry: Entry<'a>| Entry {
            text: Cow::Owned(entry.text.into_owned()),
            len: entry.len,
            number: entry.number,
        };
        Session {
            entries: self.entries.into_iter().map(own).collect(),
        }
    }

    /// What the session's lines of this type say, where they make sense.
    fn contents(&self, kind: char) -> impl Iterator<Item = Content<'_>> {
        self.session_lines()
            .filter(move |line| line.kind() == kind)
            .filter_map(|line| line.content().ok())
    }
}

impl Entry<'_> {
    #[inline]
    pub(crate) fn line(&self) -> Line<'_> {
        Line {
            whole: &self.text,
            len: self.len,
            number: self.number,
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> u8 {
        self.text.as_bytes().first().copied().unwrap_or_default()
    }
}

/// Sessions are equal when their texts are.
impl PartialEq for Session<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Session<'_> {}

impl fmt::Display for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| f.write_str(&entry.text))
    }
}
