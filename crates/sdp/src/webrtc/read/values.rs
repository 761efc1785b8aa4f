//! Values of attributes, and the errors that name them.

use alloc::borrow::Cow;

use crate::Attribute;
use crate::grammar::number;
use crate::webrtc::{Attributes, DescriptionError, Text};

/// A value without the white space around it; empty where there is none.
pub(super) fn value<'a>(attribute: &Attribute<'a>) -> &'a str {
    attribute.value().unwrap_or_default().trim_ascii()
}

/// A value that is not empty.
pub(super) fn text<'a>(
    attribute: &Attribute<'a>,
    name: &'static str,
    expected: &'static str,
) -> Result<Text<'a>, DescriptionError> {
    match value(attribute) {
        "" => Err(malformed(attribute, name, expected)),
        text => Ok(Cow::Borrowed(text)),
    }
}

/// A whole number.
pub(super) fn whole<T: TryFrom<u64>>(
    attribute: &Attribute<'_>,
    name: &'static str,
    expected: &'static str,
) -> Result<T, DescriptionError> {
    number(value(attribute)).ok_or(malformed(attribute, name, expected))
}

/// The first word, and what follows the white space after it.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte.is_ascii_whitespace());
    match end {
        Some(end) => (
            text.get(..end).unwrap_or_default(),
            text.get(end..).unwrap_or_default().trim_ascii_start(),
        ),
        None => (text, ""),
    }
}

/// `None` for an empty text.
pub(super) fn some(text: &str) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

pub(super) fn keep<'a>(other: &mut Attributes<'a>, attribute: &Attribute<'a>) {
    other.push((
        Cow::Borrowed(attribute.name()),
        attribute.value().map(Cow::Borrowed),
    ));
}

pub(super) fn malformed(
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
