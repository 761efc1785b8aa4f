//! Changes to a parsed session that leave all its other lines as they are, byte for byte.

mod formats;
mod rids;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use ieum_candidate::Candidate;

use crate::content::MediaLine;
use crate::grammar::{self, is_forbidden, is_token};
use crate::session::Entry;
use crate::webrtc::Direction;
use crate::{Attribute, Session};

/// Why a session was not changed. It is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A name that is not a token (RFC 8866 §9).
    #[error("not a token")]
    NotAToken,
    /// A value that is empty, or that holds a CR, a LF or a NUL.
    #[error("empty, or not on one line")]
    NotOneLine,
    /// Without this format the m-line would have none, and the grammar wants one. Set the port to 0 instead.
    #[error("the last format of an m-line")]
    LastFormat,
    /// There is no m-line here: these are the lines of the session.
    #[error("not an m-line")]
    NotMedia,
}

/// An m-line and the lines that belong to it, or the lines before the first m-line, to be changed.
///
/// New lines end as the first line of the part does.
#[derive(Debug)]
pub struct SectionMut<'s, 'a> {
    session: &'s mut Session<'a>,
    start: usize,
    end: usize,
}

impl<'s, 'a> SectionMut<'s, 'a> {
    pub(crate) fn new(session: &'s mut Session<'a>, start: usize) -> Self {
        let rest = session.entries.iter().skip(start + 1);
        let len = rest.take_while(|it| it.kind() != b'm').count() + 1;
        let end = session.entries.len().min(start + len);
        SectionMut {
            session,
            start,
            end,
        }
    }

    /// Appends an attribute.
    ///
    /// # Errors
    /// A name or a value that the grammar does not allow (RFC 8866 §9).
    pub fn push_attribute(&mut self, name: &str, value: Option<&str>) -> Result<(), EditError> {
        let text = attribute(name, value)?;
        self.insert(self.end, text);
        Ok(())
    }

    /// Puts an attribute in the place of the first one of this name, and removes the others; appends it where there is none.
    ///
    /// # Errors
    /// As [`push_attribute`](Self::push_attribute).
    pub fn set_attribute(&mut self, name: &str, value: Option<&str>) -> Result<(), EditError> {
        let text = attribute(name, value)?;
        self.replace_attributes(text, |attribute| attribute.name() == name);
        Ok(())
    }

    /// Removes the attributes that `remove` picks, and says how many.
    pub fn remove_attributes(&mut self, mut remove: impl FnMut(&Attribute<'_>) -> bool) -> usize {
        self.remove_lines(|entry| entry.line().attribute().is_some_and(|it| remove(&it)))
    }

    /// Says which way media flows: in the place of the direction that is there, or at the end.
    pub fn set_direction(&mut self, direction: Direction) {
        let text = format!("a={direction}");
        self.replace_attributes(text, |attribute| {
            Direction::from_name(attribute.name()).is_some()
        });
    }

    /// Adds a candidate: after the last one, before `end-of-candidates`, or at the end.
    ///
    /// # Errors
    /// A candidate whose texts are not on one line.
    pub fn add_candidate(&mut self, candidate: &Candidate) -> Result<(), EditError> {
        let text = format!("a={candidate}");
        if text.contains(is_forbidden) {
            return Err(EditError::NotOneLine);
        }
        let is_candidate = |entry: &Entry<'_>| entry.text.starts_with("a=candidate:");
        let is_end = |entry: &Entry<'_>| entry.line().raw() == "a=end-of-candidates";
        let entries = self.entries();
        let after_last = entries.iter().rposition(is_candidate).map(|at| at + 1);
        let at = after_last.or_else(|| entries.iter().position(is_end));
        self.insert(self.start + at.unwrap_or(entries.len()), text);
        Ok(())
    }

    /// Sets a `b=` line of this kind, such as `AS`: in the place of the one that is there, or where it belongs.
    ///
    /// # Errors
    /// A kind that is not a token.
    pub fn set_bandwidth(&mut self, kind: &str, value: u64) -> Result<(), EditError> {
        check_token(kind)?;
        let text = format!("b={kind}:{value}");
        let is_same = |entry: &Entry<'_>| {
            let line = entry.line();
            let own = line.value().split_once(':').map(|(own, _)| own);
            entry.kind() == b'b' && own.is_some_and(|own| own.eq_ignore_ascii_case(kind))
        };
        if let Some(at) = self.entries().iter().position(is_same) {
            self.replace(self.start + at, text);
            return Ok(());
        }
        // RFC 8866 §9: after `c=` and before `t=`, `k=` and `a=`.
        let goes_before = |entry: &Entry<'_>| matches!(entry.kind(), b't' | b'k' | b'a');
        let entries = self.entries();
        let at = entries.iter().position(goes_before);
        self.insert(self.start + at.unwrap_or(entries.len()), text);
        Ok(())
    }

    /// Sets the port of the m-line; 0 rejects or stops it.
    ///
    /// # Errors
    /// [`EditError::NotMedia`].
    pub fn set_port(&mut self, port: u16) -> Result<(), EditError> {
        let fields = self.media_line()?;
        let formats: String = fields.formats().flat_map(|it| [" ", it]).collect();
        let text = format!("m={} {port} {}{formats}", fields.kind, fields.protocol);
        self.replace(self.start, text);
        Ok(())
    }

    /// The m-line as it stands.
    fn media_raw(&self) -> &str {
        let first = self.entries().first().map(Entry::line);
        first.map_or("", |line| line.raw())
    }

    fn media_line(&self) -> Result<MediaLine<'_>, EditError> {
        let first = self.entries().first().filter(|it| it.kind() == b'm');
        let line = first.ok_or(EditError::NotMedia)?.line();
        grammar::media_line(&line).map_err(|_| EditError::NotMedia)
    }

    /// Puts `text` in the place of the first attribute that `is_it` picks, and removes the others.
    fn replace_attributes(&mut self, text: String, is_it: impl Fn(&Attribute<'_>) -> bool) {
        let is_it = |entry: &Entry<'_>| entry.line().attribute().is_some_and(|it| is_it(&it));
        let Some(first) = self.entries().iter().position(is_it) else {
            return self.insert(self.end, text);
        };
        let mut seen = 0;
        self.remove_lines(|entry| {
            seen += usize::from(is_it(entry));
            seen > 1 && is_it(entry)
        });
        self.replace(self.start + first, text);
    }

    fn entries(&self) -> &[Entry<'a>] {
        let part = self.session.entries.get(self.start..self.end);
        part.unwrap_or_default()
    }

    fn remove_lines(&mut self, mut is_removed: impl FnMut(&Entry<'a>) -> bool) -> usize {
        self.remove_at(|_, entry| is_removed(entry))
    }

    /// The same, also by where a line stands in the part.
    fn remove_at(&mut self, mut is_removed: impl FnMut(usize, &Entry<'a>) -> bool) -> usize {
        let entries = &mut self.session.entries;
        let len = self.end - self.start;
        let mut kept = self.start;
        // By how much the numbers of the lines fall that come after those that are gone.
        let mut lines = 0;
        for at in self.start..entries.len() {
            let Some(entry) = entries.get_mut(at) else {
                break;
            };
            if at - self.start < len && is_removed(at - self.start, entry) {
                lines += entry.line().ends();
                continue;
            }
            if kept < at {
                entry.number = entry.number.saturating_sub(lines);
                entries.swap(kept, at);
            }
            kept += 1;
        }
        let removed = entries.len() - kept;
        entries.truncate(kept);
        self.end -= removed;
        removed
    }

    /// Puts a line in the place of another, with its ending.
    fn replace(&mut self, at: usize, mut text: String) {
        if let Some(entry) = self.session.entries.get_mut(at) {
            let len = text.len();
            text.push_str(entry.line().ending());
            *entry = Entry::owned(text, len, entry.number);
        }
    }

    fn insert(&mut self, at: usize, mut text: String) {
        let first = self.session.entries.get(self.start);
        let ending = match first.map_or("", |entry| entry.line().ending()) {
            lf if lf.starts_with('\n') => "\n",
            cr if cr.starts_with('\r') && !cr.starts_with("\r\n") => "\r",
            _ => "\r\n",
        };
        let before = at.checked_sub(1);
        if let Some(last) = before.and_then(|before| self.session.entries.get_mut(before)) {
            if last.line().ending().is_empty() {
                last.text.to_mut().push_str(ending);
            }
        }
        let before = before.and_then(|before| self.session.entries.get(before));
        let number = before.map_or(1, |last| last.number.saturating_add(last.line().ends()));
        let len = text.len();
        text.push_str(ending);
        let at = at.min(self.session.entries.len());
        let entry = Entry::owned(text, len, number);
        self.session.entries.insert(at, entry);
        for later in self.session.entries.iter_mut().skip(at + 1) {
            later.number = later.number.saturating_add(1);
        }
        self.end += 1;
    }
}

impl Entry<'_> {
    pub(crate) fn owned(text: String, len: usize, number: u32) -> Self {
        Entry {
            text: Cow::Owned(text),
            // A line over 4 GiB could not be made: its own text would have to be read first.
            len: u32::try_from(len).unwrap_or(u32::MAX),
            number,
        }
    }
}

/// The text of an attribute, checked.
pub(crate) fn attribute(name: &str, value: Option<&str>) -> Result<String, EditError> {
    check_token(name)?;
    match value {
        None => Ok(format!("a={name}")),
        Some(value) if value.is_empty() || value.contains(is_forbidden) => {
            Err(EditError::NotOneLine)
        }
        Some(value) => Ok(format!("a={name}:{value}")),
    }
}

fn check_token(name: &str) -> Result<(), EditError> {
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(EditError::NotAToken);
    }
    Ok(())
}
