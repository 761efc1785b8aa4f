//! From a session to a description.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use ieum_candidate::CandidateLine;

use super::{
    Attributes, Credentials, Description, DescriptionError, Direction, Fingerprint, Media,
    MediaKind, Origin, Setup,
};
use crate::grammar::number;
use crate::{Attribute, Limits, Line, Position, Section, Session};

/// What a `c=` line says where there is none, and before there are candidates (RFC 9429 §5.2.1).
pub(super) const NO_CONNECTION: &str = "IN IP4 0.0.0.0";

/// What one level may say, so that inheriting it into every m-line stays cheap; no peer comes near.
const MAX_FINGERPRINTS: usize = 16;
const MAX_ICE_OPTIONS: usize = 64;
const MAX_ICE_OPTION_LEN: usize = 128;
const MAX_CONNECTION_LEN: usize = 512;

pub(super) fn description(
    session: &Session<'_>,
    limits: &Limits,
) -> Result<Description, DescriptionError> {
    let mut description = Description::new(origin(session)?);
    let mut inherited = Shared::default();
    for line in session.session_lines() {
        if inherited.take(&line)? {
            continue;
        }
        if let Some(attribute) = line.attribute() {
            session_attribute(&mut description, &attribute)?;
        }
    }
    let mut room = limits.candidates;
    for section in session.media() {
        let media = media(
            &section,
            &inherited,
            &mut description.ice_options,
            &mut room,
        )
        .map_err(|error| too_many(error, limits))?;
        description.media.push(media);
    }
    Ok(description)
}

/// What may stand at session level or in an m-line, where the m-line wins.
#[derive(Default)]
struct Shared {
    connection: Option<String>,
    direction: Option<Direction>,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprints: Vec<Fingerprint>,
    setup: Option<Setup>,
    end_of_candidates: bool,
}

impl Shared {
    /// Whether the line was one of these.
    fn take(&mut self, line: &Line<'_>) -> Result<bool, DescriptionError> {
        if line.kind() == 'c' {
            self.connection = Some(connection(line)?);
            return Ok(true);
        }
        let Some(attribute) = line.attribute() else {
            return Ok(false);
        };
        match attribute.name() {
            "ice-ufrag" => {
                self.ufrag = Some(ice_chars(
                    &attribute,
                    "ice-ufrag",
                    4,
                    "4 to 256 characters",
                )?)
            }
            "ice-pwd" => {
                self.pwd = Some(ice_chars(
                    &attribute,
                    "ice-pwd",
                    22,
                    "22 to 256 characters",
                )?)
            }
            "fingerprint" => self.fingerprint(&attribute)?,
            "setup" => self.setup = Some(setup(&attribute)?),
            "end-of-candidates" => self.end_of_candidates = true,
            name => match Direction::from_name(name) {
                Some(direction) => self.direction = Some(direction),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn fingerprint(&mut self, attribute: &Attribute<'_>) -> Result<(), DescriptionError> {
        let refuse = |expected| malformed(attribute, "fingerprint", expected);
        if self.fingerprints.len() == MAX_FINGERPRINTS {
            return Err(refuse("at most 16 fingerprints"));
        }
        let fingerprint = attribute.value().and_then(Fingerprint::read);
        self.fingerprints.push(fingerprint.ok_or(refuse(
            "a hash function and at most 64 bytes in hexadecimal",
        ))?);
        Ok(())
    }

    /// Puts into an m-line what it says itself, and from the session what it does not.
    fn resolve(
        self,
        session: &Shared,
        media: &mut Media,
        line: usize,
    ) -> Result<(), DescriptionError> {
        let ufrag = self.ufrag.as_ref().or(session.ufrag.as_ref());
        let pwd = self.pwd.as_ref().or(session.pwd.as_ref());
        media.ice = match (ufrag, pwd) {
            (Some(ufrag), Some(pwd)) => Some(Credentials {
                ufrag: ufrag.clone(),
                pwd: pwd.clone(),
            }),
            (None, None) => None,
            _ => return Err(DescriptionError::HalfCredentials { line }),
        };
        if let Some(connection) = self.connection.as_ref().or(session.connection.as_ref()) {
            media.connection.clone_from(connection);
        }
        let own = !self.fingerprints.is_empty();
        media.fingerprints = if own {
            self.fingerprints
        } else {
            session.fingerprints.clone()
        };
        media.direction = self.direction.or(session.direction).unwrap_or_default();
        media.setup = self.setup.or(session.setup);
        media.end_of_candidates = self.end_of_candidates || session.end_of_candidates;
        Ok(())
    }
}

fn origin(session: &Session<'_>) -> Result<Origin, DescriptionError> {
    let line = session
        .session_lines()
        .find(|line| line.kind() == 'o')
        .ok_or(DescriptionError::Missing("o="))?;
    let mut words = line.value().splitn(4, ' ');
    let origin = (|| {
        let username = words.next().filter(|word| !word.is_empty())?;
        Some(Origin {
            username: username.to_owned(),
            session_id: words
                .next()
                .filter(|word| !word.is_empty())
                .and_then(number)?,
            session_version: words
                .next()
                .filter(|word| !word.is_empty())
                .and_then(number)?,
            address: words.next().unwrap_or_default().trim().to_owned(),
        })
    })();
    let position = Position {
        line: line.number(),
        column: 3,
    };
    let expected = "a user, two numbers below 2^64, and an address";
    origin.ok_or(DescriptionError::Malformed {
        name: "o=",
        position,
        expected,
    })
}

fn session_attribute(
    description: &mut Description,
    attribute: &Attribute<'_>,
) -> Result<(), DescriptionError> {
    match attribute.name() {
        "group" if bundle(&mut description.bundle, attribute) => {}
        "ice-options" => ice_options(&mut description.ice_options, attribute)?,
        "ice-lite" => description.ice_lite = true,
        "extmap-allow-mixed" => description.extmap_allow_mixed = true,
        _ => keep(&mut description.other, attribute),
    }
    Ok(())
}

fn media(
    section: &Section<'_>,
    session: &Shared,
    options: &mut Vec<String>,
    room: &mut usize,
) -> Result<Media, DescriptionError> {
    let mut media = Media::new(MediaKind::from_word(section.kind()), section.protocol());
    media.port = section.port();
    media.formats = section.formats().map(ToOwned::to_owned).collect();
    let mut own = Shared::default();
    let mut first = 0;
    for line in section.lines() {
        if line.kind() == 'm' {
            first = line.number();
        } else if !own.take(&line)? {
            let Some(attribute) = line.attribute() else {
                continue;
            };
            media_attribute(&mut media, &attribute, options, room)?;
        }
    }
    own.resolve(session, &mut media, first)?;
    Ok(media)
}

fn media_attribute(
    media: &mut Media,
    attribute: &Attribute<'_>,
    options: &mut Vec<String>,
    room: &mut usize,
) -> Result<(), DescriptionError> {
    let value = attribute.value().unwrap_or_default().trim();
    match attribute.name() {
        "mid" if value.is_empty() => return Err(malformed(attribute, "mid", "a token")),
        "mid" => media.mid = Some(value.to_owned()),
        "sctp-port" => {
            media.sctp_port = Some(whole(attribute, "sctp-port", "a port (0 to 65535)")?)
        }
        "max-message-size" => {
            media.max_message_size =
                Some(whole(attribute, "max-message-size", "a number below 2^64")?);
        }
        "candidate" => candidate(media, attribute, room)?,
        "rtcp-mux" => media.rtcp_mux = true,
        "bundle-only" => media.bundle_only = true,
        "ice-options" => ice_options(options, attribute)?,
        _ => keep(&mut media.other, attribute),
    }
    Ok(())
}

fn candidate(
    media: &mut Media,
    attribute: &Attribute<'_>,
    room: &mut usize,
) -> Result<(), DescriptionError> {
    match CandidateLine::parse(attribute.value().unwrap_or_default()) {
        Ok(line) => {
            // The caller knows the limit, and puts it in.
            *room = room
                .checked_sub(1)
                .ok_or(DescriptionError::TooManyCandidates { limit: 0 })?;
            media.candidates.push(line.to_owned());
        }
        // RFC 8839 §5.1: a candidate of an unknown transport or type is ignored.
        Err(error) if error.is_unsupported() => keep(&mut media.other, attribute),
        Err(error) => {
            let Position { line, column } = attribute.position();
            let position = Position {
                line,
                column: column + error.offset,
            };
            return Err(DescriptionError::Malformed {
                name: "candidate",
                position,
                expected: error.expected.as_str(),
            });
        }
    }
    Ok(())
}

/// Whether it was a BUNDLE group to be taken: the first one. An empty one says nothing.
fn bundle(mids: &mut Vec<String>, attribute: &Attribute<'_>) -> bool {
    let mut words = attribute
        .value()
        .unwrap_or_default()
        .split_ascii_whitespace();
    if words.next() != Some("BUNDLE") {
        return false;
    }
    let mut words = words.peekable();
    if words.peek().is_none() {
        return true;
    }
    let is_first = mids.is_empty();
    if is_first {
        mids.extend(words.map(ToOwned::to_owned));
    }
    is_first
}

fn ice_options(
    options: &mut Vec<String>,
    attribute: &Attribute<'_>,
) -> Result<(), DescriptionError> {
    for option in attribute
        .value()
        .unwrap_or_default()
        .split_ascii_whitespace()
    {
        if options.iter().any(|known| known == option) {
            continue;
        }
        if options.len() == MAX_ICE_OPTIONS || option.len() > MAX_ICE_OPTION_LEN {
            return Err(malformed(
                attribute,
                "ice-options",
                "at most 64 options of at most 128 characters",
            ));
        }
        options.push(option.to_owned());
    }
    Ok(())
}

/// RFC 8839 §5.4: from `least` to 256 `ice-char`. Any visible character but those is let through.
fn ice_chars(
    attribute: &Attribute<'_>,
    name: &'static str,
    least: usize,
    expected: &'static str,
) -> Result<String, DescriptionError> {
    let value = attribute.value().unwrap_or_default().trim();
    let is_good =
        (least..=256).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    is_good
        .then(|| value.to_owned())
        .ok_or(malformed(attribute, name, expected))
}

fn setup(attribute: &Attribute<'_>) -> Result<Setup, DescriptionError> {
    let setup = Setup::from_word(attribute.value().unwrap_or_default().trim());
    setup.ok_or(malformed(
        attribute,
        "setup",
        "actpass, active, passive or holdconn",
    ))
}

fn whole<T: core::str::FromStr>(
    attribute: &Attribute<'_>,
    name: &'static str,
    expected: &'static str,
) -> Result<T, DescriptionError> {
    attribute
        .value()
        .and_then(|value| number(value.trim()))
        .ok_or(malformed(attribute, name, expected))
}

fn connection(line: &Line<'_>) -> Result<String, DescriptionError> {
    if line.value().len() <= MAX_CONNECTION_LEN {
        return Ok(line.value().to_owned());
    }
    let position = Position {
        line: line.number(),
        column: 3,
    };
    Err(DescriptionError::Malformed {
        name: "c=",
        position,
        expected: "at most 512 characters",
    })
}

fn keep(other: &mut Attributes, attribute: &Attribute<'_>) {
    other.push((
        attribute.name().to_owned(),
        attribute.value().map(ToOwned::to_owned),
    ));
}

fn malformed(
    attribute: &Attribute<'_>,
    name: &'static str,
    expected: &'static str,
) -> DescriptionError {
    DescriptionError::Malformed {
        name,
        position: attribute.position(),
        expected,
    }
}

fn too_many(error: DescriptionError, limits: &Limits) -> DescriptionError {
    match error {
        DescriptionError::TooManyCandidates { .. } => DescriptionError::TooManyCandidates {
            limit: limits.candidates,
        },
        other => other,
    }
}
