use alloc::vec::Vec;
use core::fmt;

use crate::grammar::{self, MediaFields};
use crate::{Attribute, Limits, Line, ParseError};

/// A session, RFC 8866: every line of the text, borrowed from it.
///
/// `Display` writes the same bytes as were parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session<'a> {
    lines: Vec<Line<'a>>,
    media: Vec<MediaStart<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MediaStart<'a> {
    /// The index of the m-line.
    at: usize,
    fields: MediaFields<'a>,
}

impl<'a> Session<'a> {
    /// Reads a session, within the default [`Limits`].
    ///
    /// It asks for `v=0` in front, a type on each line, and m-lines that can be understood. Unknown types, unusual order and
    /// empty lines are let through and kept.
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
        let mut lines = Vec::with_capacity(grammar::line_count(text).min(limits.lines));
        let mut media = Vec::new();
        grammar::each_line(text, limits, |line| {
            if line.kind() == 'm' {
                let fields = grammar::media_line(&line)?;
                if media.len() == limits.media {
                    return Err(grammar::too_many_media(&line));
                }
                media.push(MediaStart {
                    at: lines.len(),
                    fields,
                });
            }
            lines.push(line);
            Ok(())
        })?;
        Ok(Session { lines, media })
    }

    /// All its lines, in order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> + Clone {
        self.lines.iter().copied()
    }

    /// The lines before the first m-line, which hold for the whole session.
    pub fn session_lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> + Clone {
        self.session_part().iter().copied()
    }

    /// The attributes before the first m-line, in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> + Clone {
        self.session_part().iter().filter_map(Line::attribute)
    }

    /// The first attribute of this name before the first m-line.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.attributes().find(|attribute| attribute.name() == name)
    }

    /// Its m-lines, each with the lines up to the next.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Section<'_>> + Clone {
        self.media.iter().enumerate().map(|(index, start)| {
            let end = self
                .media
                .get(index + 1)
                .map_or(self.lines.len(), |next| next.at);
            let lines = self.lines.get(start.at..end).unwrap_or_default();
            Section {
                fields: start.fields,
                lines,
            }
        })
    }

    fn session_part(&self) -> &[Line<'a>] {
        let end = self
            .media
            .first()
            .map_or(self.lines.len(), |first| first.at);
        self.lines.get(..end).unwrap_or_default()
    }
}

impl fmt::Display for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| {
            f.write_str(line.raw())?;
            f.write_str(line.ending())
        })
    }
}

/// An m-line (RFC 8866 §5.14) and the lines that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    fields: MediaFields<'a>,
    lines: &'a [Line<'a>],
}

impl<'a> Section<'a> {
    /// The kind of media: `audio`, `video`, `application`...
    pub const fn kind(&self) -> &'a str {
        self.fields.kind
    }

    /// The port; 0 for an m-line that is rejected, stopped or bundle-only.
    pub const fn port(&self) -> u16 {
        self.fields.port
    }

    /// How many ports, where the line says so (`49170/2`).
    pub const fn port_count(&self) -> Option<u16> {
        self.fields.port_count
    }

    /// The protocol, such as `UDP/TLS/RTP/SAVPF`.
    pub const fn protocol(&self) -> &'a str {
        self.fields.protocol
    }

    /// The formats: payload types of RTP, `webrtc-datachannel`.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.fields.formats.split_ascii_whitespace()
    }

    /// Its lines, the m-line first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'a>> + Clone + use<'a> {
        self.lines.iter().copied()
    }

    /// Its attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.lines.iter().filter_map(Line::attribute)
    }

    /// Its first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'a>> {
        self.attributes().find(|attribute| attribute.name() == name)
    }
}
