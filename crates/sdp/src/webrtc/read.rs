//! From the lines of a session to a description, in one pass.

mod media;
mod shared;
mod values;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Description, DescriptionError, Group, Media, MediaKind, Origin, Text};
use crate::content::Content;
use crate::grammar;
use crate::{Attribute, Limits, Line, ParseError, Position};

use shared::Shared;
use values::{keep, malformed, text, whole};

/// What a `c=` line says where there is none, and before there are candidates (RFC 9429 §5.2.1).
pub(super) const NO_CONNECTION: &str = "IN IP4 0.0.0.0";

/// What one level may say, so that inheriting it into every m-line stays cheap; no peer comes near.
const MAX_ICE_OPTIONS: usize = 64;
const MAX_ICE_OPTION_LEN: usize = 128;

pub(super) fn description<'a>(
    lines: impl Iterator<Item = Result<Line<'a>, ParseError>>,
    limits: &Limits,
) -> Result<Description<'a>, DescriptionError> {
    let mut reader = Reader {
        description: Description::new(Origin::new(0, 0)),
        has_origin: false,
        session: Shared::default(),
        section: Section::default(),
        room: limits.candidates,
        limits,
    };
    for line in lines {
        reader.line(&line?)?;
    }
    reader.close()?;
    if !reader.has_origin {
        return Err(DescriptionError::Missing("o="));
    }
    Ok(reader.description)
}

struct Reader<'a, 'l> {
    description: Description<'a>,
    has_origin: bool,
    session: Shared<'a>,
    /// Of the m-line that is read, the last of the description.
    section: Section<'a>,
    /// Candidates that may still come.
    room: usize,
    limits: &'l Limits,
}

/// What is known of an m-line while its lines are read.
struct Section<'a> {
    shared: Shared<'a>,
    /// The m-line's number.
    number: usize,
    /// Of each payload type, the place of its codec, counted from 1.
    codecs: [u8; 128],
}

impl<'a> Reader<'a, '_> {
    fn line(&mut self, line: &Line<'a>) -> Result<(), DescriptionError> {
        match line.kind_byte() {
            b'a' => {
                if let Some(attribute) = line.attribute() {
                    return self.attribute(&attribute);
                }
            }
            b'm' => {
                self.close()?;
                self.open(line)?;
            }
            b'c' => self.shared().connection(line)?,
            b'b' => self.bandwidth(line)?,
            b'o' if !self.has_origin && self.description.media.is_empty() => {
                self.description.origin = origin(line)?;
                self.has_origin = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &Attribute<'a>) -> Result<(), DescriptionError> {
        if self.description.media.is_empty() {
            if self.session.take(attribute)? {
                return Ok(());
            }
            return self.session_attribute(attribute);
        }
        self.media_attribute(attribute)
    }

    fn session_attribute(&mut self, attribute: &Attribute<'a>) -> Result<(), DescriptionError> {
        let description = &mut self.description;
        match attribute.name() {
            "group" => group(description, attribute),
            "ice-options" => ice_options(&mut description.ice_options, attribute)?,
            "ice-lite" => description.ice_lite = true,
            "ice-pacing" => {
                let expected = "milliseconds (0 to 4294967295)";
                description.ice_pacing = Some(whole(attribute, "ice-pacing", expected)?);
            }
            "extmap-allow-mixed" => description.extmap_allow_mixed = true,
            "msid-semantic" => match read_group(attribute) {
                Some(group) => description.msid_semantics.push(group),
                None => keep(&mut description.other, attribute),
            },
            "identity" => description.identity = Some(text(attribute, "identity", "an assertion")?),
            _ => keep(&mut description.other, attribute),
        }
        Ok(())
    }

    fn bandwidth(&mut self, line: &Line<'a>) -> Result<(), DescriptionError> {
        let Ok(Content::Bandwidth(bandwidth)) = line.content() else {
            return Err(malformed_line(line, "b=", "a kind, a colon and a number"));
        };
        let bandwidths = match self.description.media.last_mut() {
            Some(media) => &mut media.bandwidths,
            None => &mut self.description.bandwidths,
        };
        bandwidths.push(super::Bandwidth {
            kind: Cow::Borrowed(bandwidth.kind),
            value: bandwidth.value,
        });
        Ok(())
    }

    /// Begins an m-line.
    fn open(&mut self, line: &Line<'a>) -> Result<(), DescriptionError> {
        let fields = grammar::media_line(line)?;
        if self.description.media.len() == self.limits.media {
            return Err(grammar::too_many_media(line).into());
        }
        let all = &mut self.description.media;
        if all.is_empty() {
            // Many have one, and room for four would be kilobytes.
            all.reserve_exact(1);
        }
        all.push(Media::new(
            MediaKind::from_word(fields.kind),
            fields.protocol,
        ));
        self.section.number = line.number();
        self.section.codecs.fill(0);
        let Some(media) = all.last_mut() else {
            return Ok(());
        };
        media.port = fields.port;
        media.formats.reserve_exact(fields.formats().count());
        media.formats.extend(fields.formats().map(Cow::Borrowed));
        if fields.protocol.contains("RTP/") {
            // So that they are in the order of the formats, whatever the order of the attributes.
            media.codecs.reserve_exact(media.formats.len().min(128));
            for payload_type in fields.formats().filter_map(grammar::number) {
                self.section.codec(&mut media.codecs, payload_type);
            }
        }
        Ok(())
    }

    /// Ends an m-line, if there is one: it inherits what it did not say.
    fn close(&mut self) -> Result<(), DescriptionError> {
        let Some(media) = self.description.media.last_mut() else {
            return Ok(());
        };
        media.codecs.retain(super::Codec::says_something);
        let own = core::mem::take(&mut self.section.shared);
        own.resolve(&self.session, media, self.section.number)
    }

    /// What may stand at session level or in an m-line, of the level that is read.
    fn shared(&mut self) -> &mut Shared<'a> {
        if self.description.media.is_empty() {
            &mut self.session
        } else {
            &mut self.section.shared
        }
    }
}

impl Default for Section<'_> {
    fn default() -> Self {
        Section {
            shared: Shared::default(),
            number: 0,
            codecs: [0; 128],
        }
    }
}

impl Section<'_> {
    /// The codec of a payload type, made where there is none; `None` for what is no payload type.
    fn codec<'c, 'a>(
        &mut self,
        codecs: &'c mut Vec<super::Codec<'a>>,
        payload_type: u8,
    ) -> Option<&'c mut super::Codec<'a>> {
        let place = self.codecs.get_mut(usize::from(payload_type))?;
        if *place == 0 {
            codecs.push(super::Codec::new(payload_type));
            *place = u8::try_from(codecs.len()).ok()?;
        }
        codecs.get_mut(usize::from(*place) - 1)
    }
}

fn origin<'a>(line: &Line<'a>) -> Result<Origin<'a>, DescriptionError> {
    let (username, rest) = values::split_word(line.value());
    let (session_id, rest) = values::split_word(rest);
    let (session_version, address) = values::split_word(rest);
    let origin = (|| {
        Some(Origin {
            username: values::some(username)?,
            session_id: grammar::number(session_id)?,
            session_version: grammar::number(session_version)?,
            address: address.trim_ascii_end().into(),
        })
    })();
    let expected = "a user, two numbers below 2^64, and an address";
    origin.ok_or(malformed_line(line, "o=", expected))
}

/// The first BUNDLE group is the bundle, where it has members; all others are kept.
fn group<'a>(description: &mut Description<'a>, attribute: &Attribute<'a>) {
    match read_group(attribute) {
        Some(group)
            if group.semantics == "BUNDLE"
                && !group.members.is_empty()
                && description.bundle.is_empty() =>
        {
            description.bundle = group.members;
        }
        Some(group) => description.groups.push(group),
        None => keep(&mut description.other, attribute),
    }
}

fn read_group<'a>(attribute: &Attribute<'a>) -> Option<Group<'a>> {
    let mut words = attribute.value()?.split_ascii_whitespace();
    let semantics = Cow::Borrowed(words.next()?);
    let members = words.map(Cow::Borrowed).collect();
    Some(Group { semantics, members })
}

fn ice_options<'a>(
    options: &mut Vec<Text<'a>>,
    attribute: &Attribute<'a>,
) -> Result<(), DescriptionError> {
    let value = attribute.value().unwrap_or_default();
    for option in value.split_ascii_whitespace() {
        if options.iter().any(|known| known == option) {
            continue;
        }
        if options.len() == MAX_ICE_OPTIONS || option.len() > MAX_ICE_OPTION_LEN {
            let expected = "at most 64 options of at most 128 characters";
            return Err(malformed(attribute, "ice-options", expected));
        }
        options.push(Cow::Borrowed(option));
    }
    Ok(())
}

fn malformed_line(line: &Line<'_>, name: &'static str, expected: &'static str) -> DescriptionError {
    DescriptionError::Malformed {
        name,
        position: Position {
            line: line.number(),
            column: 3,
        },
        expected,
    }
}
