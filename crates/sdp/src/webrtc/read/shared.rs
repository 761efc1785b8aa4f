//! What may stand at session level or in an m-line, where the m-line wins.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::values::{malformed, value};
use crate::webrtc::{Credentials, DescriptionError, Direction, Fingerprint, Media, Setup};
use crate::{Attribute, Line};

/// So that inheriting them into every m-line stays cheap; no peer comes near.
const MAX_FINGERPRINTS: usize = 16;
const MAX_CONNECTION_LEN: usize = 512;

#[derive(Default)]
pub(super) struct Shared<'a> {
    connection: Option<&'a str>,
    direction: Option<Direction>,
    ufrag: Option<&'a str>,
    pwd: Option<&'a str>,
    fingerprints: Vec<Fingerprint>,
    setup: Option<Setup>,
    end_of_candidates: bool,
}

impl<'a> Shared<'a> {
    /// Whether the attribute was one of these.
    pub(super) fn take(&mut self, attribute: &Attribute<'a>) -> Result<bool, DescriptionError> {
        match attribute.name() {
            "ice-ufrag" => {
                let expected = "4 to 256 characters";
                self.ufrag = Some(ice_chars(attribute, "ice-ufrag", 4, expected)?);
            }
            "ice-pwd" => {
                let expected = "22 to 256 characters";
                self.pwd = Some(ice_chars(attribute, "ice-pwd", 22, expected)?);
            }
            "fingerprint" => self.fingerprint(attribute)?,
            "setup" => self.setup = Some(setup(attribute)?),
            "end-of-candidates" => self.end_of_candidates = true,
            name => match Direction::from_name(name) {
                Some(direction) => self.direction = Some(direction),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    pub(super) fn connection(&mut self, line: &Line<'a>) -> Result<(), DescriptionError> {
        if line.value().len() > MAX_CONNECTION_LEN {
            let expected = "at most 512 characters";
            return Err(super::malformed_line(line, "c=", expected));
        }
        self.connection = Some(line.value());
        Ok(())
    }

    /// Puts into an m-line what it says itself, and from the session what it does not.
    pub(super) fn resolve(
        self,
        session: &Shared<'a>,
        media: &mut Media<'a>,
        line: usize,
    ) -> Result<(), DescriptionError> {
        media.ice = match (self.ufrag.or(session.ufrag), self.pwd.or(session.pwd)) {
            (Some(ufrag), Some(pwd)) => Some(Credentials {
                ufrag: Cow::Borrowed(ufrag),
                pwd: Cow::Borrowed(pwd),
            }),
            (None, None) => None,
            _ => return Err(DescriptionError::HalfCredentials { line }),
        };
        if let Some(connection) = self.connection.or(session.connection) {
            media.connection = Cow::Borrowed(connection);
        }
        media.fingerprints = self.fingerprints;
        if media.fingerprints.is_empty() {
            media.fingerprints.clone_from(&session.fingerprints);
        }
        media.direction = self.direction.or(session.direction).unwrap_or_default();
        media.setup = self.setup.or(session.setup);
        media.end_of_candidates = self.end_of_candidates || session.end_of_candidates;
        Ok(())
    }

    fn fingerprint(&mut self, attribute: &Attribute<'a>) -> Result<(), DescriptionError> {
        let refuse = |expected| malformed(attribute, "fingerprint", expected);
        if self.fingerprints.len() == MAX_FINGERPRINTS {
            return Err(refuse("at most 16 fingerprints"));
        }
        let fingerprint = Fingerprint::read(value(attribute));
        self.fingerprints.push(fingerprint.ok_or(refuse(
            "a hash function and at most 64 bytes in hexadecimal",
        ))?);
        Ok(())
    }
}

/// RFC 8839 §5.4: from `least` to 256 `ice-char`. Any visible character but those is let through.
fn ice_chars<'a>(
    attribute: &Attribute<'a>,
    name: &'static str,
    least: usize,
    expected: &'static str,
) -> Result<&'a str, DescriptionError> {
    let value = value(attribute);
    let is_good =
        (least..=256).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    is_good
        .then_some(value)
        .ok_or(malformed(attribute, name, expected))
}

fn setup(attribute: &Attribute<'_>) -> Result<Setup, DescriptionError> {
    Setup::from_word(value(attribute)).ok_or(malformed(
        attribute,
        "setup",
        "actpass, active, passive or holdconn",
    ))
}
