use crate::content::{Bandwidth, Connection, Content, MediaLine};
use crate::session::Entry;
use crate::{Attribute, Line, grammar};

/// An m-line (RFC 8866 §5.14) and the lines that belong to it.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    fields: MediaLine<'a>,
    entries: &'a [Entry<'a>],
}

impl<'a> Section<'a> {
    /// Of the entries of a session that begin with an m-line, which was checked when it came in.
    pub(crate) fn new(entries: &'a [Entry<'a>]) -> Option<Self> {
        let fields = grammar::media_line(&entries.first()?.line()).ok()?;
        Some(Section { fields, entries })
    }

    /// The kind of media: `audio`, `video`, `application`...
    pub const fn kind(&self) -> &'a str {
        self.fields.kind()
    }

    /// The port; 0 for an m-line that is rejected, stopped or bundle-only.
    pub const fn port(&self) -> u16 {
        self.fields.port()
    }

    /// How many ports, where the line says so (`49170/2`).
    pub const fn port_count(&self) -> Option<u16> {
        self.fields.port_count()
    }

    /// The protocol, such as `UDP/TLS/RTP/SAVPF`.
    pub const fn protocol(&self) -> &'a str {
        self.fields.protocol()
    }

    /// The formats: payload types of RTP, `webrtc-datachannel`.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.fields.formats()
    }

    /// Its lines, the m-line first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'a>> + Clone + use<'a> {
        self.entries.iter().map(Entry::line)
    }

    /// Its attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        self.lines().filter_map(|line| line.attribute())
    }

    /// Its first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'a>> {
        self.attributes().find(|attribute| attribute.name() == name)
    }

    /// Its own `c=` lines.
    pub fn connections(&self) -> impl Iterator<Item = Connection<'a>> + use<'a> {
        self.contents('c').filter_map(|content| match content {
            Content::Connection(connection) => Some(connection),
            _ => None,
        })
    }

    /// Its own `b=` lines.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + use<'a> {
        self.contents('b').filter_map(|content| match content {
            Content::Bandwidth(bandwidth) => Some(bandwidth),
            _ => None,
        })
    }

    fn contents(&self, kind: char) -> impl Iterator<Item = Content<'a>> + use<'a> {
        self.lines()
            .filter(move |line| line.kind() == kind)
            .filter_map(|line| line.content().ok())
    }
}
