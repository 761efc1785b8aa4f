//! The OpaqueString profile (RFC 8265 §4.2), through which user names, realms and passwords go before they are hashed
//! (RFC 8489 §9.1.1, §9.2.2, §14.3, §14.4, §14.9).

use alloc::borrow::Cow;

/// Prepares a user name, a realm or a password: spaces become ASCII spaces, characters are composed (NFC), and what
/// has no place in such a string is refused. Upper and lower case stay, and ASCII comes out as it went in.
///
/// ```
/// use ieum_stun::opaque_string;
///
/// assert_eq!(opaque_string("VOkJxbRl1RmTxUk/WvJxBt")?, "VOkJxbRl1RmTxUk/WvJxBt");
/// # #[cfg(feature = "std")]
/// assert_eq!(opaque_string("e\u{301}te\u{301}\u{A0}2026")?, "été 2026");
/// # Ok::<(), ieum_stun::OpaqueStringError>(())
/// ```
///
/// # Errors
/// [`OpaqueStringError`]; without the feature `std`, what is not ASCII is one.
pub fn opaque_string(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    if text.is_empty() {
        return Err(OpaqueStringError::Empty);
    }
    if !text.is_ascii() {
        return beyond_ascii(text);
    }
    match text.bytes().position(|byte| byte.is_ascii_control()) {
        Some(offset) => Err(OpaqueStringError::Disallowed { offset }),
        None => Ok(Cow::Borrowed(text)),
    }
}

#[cfg(feature = "std")]
fn beyond_ascii(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    use precis_profiles::precis_core::Error;
    use precis_profiles::precis_core::profile::PrecisFastInvocation;

    precis_profiles::OpaqueString::enforce(text).map_err(|error| match error {
        // The library counts characters.
        Error::BadCodepoint(wrong) => OpaqueStringError::Disallowed {
            offset: text
                .char_indices()
                .nth(wrong.position)
                .map_or(text.len(), |(offset, _)| offset),
        },
        _ => OpaqueStringError::Disallowed { offset: 0 },
    })
}

#[cfg(not(feature = "std"))]
fn beyond_ascii(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    let offset = text.bytes().position(|byte| !byte.is_ascii());
    Err(OpaqueStringError::NotAscii {
        offset: offset.unwrap_or_default(),
    })
}

/// Why a text can be no user name, realm or password. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueStringError {
    /// RFC 8265 §4.2.2: there must be something in it.
    #[error("the text is empty")]
    Empty,
    /// A control character, or another that RFC 8264's FreeformClass has not.
    #[error("the character at byte {offset} is not allowed in names and passwords")]
    Disallowed {
        /// Where, from the beginning of the text.
        offset: usize,
    },
    /// Only the feature `std` can prepare it.
    #[error("the character at byte {offset} is not ASCII, which the feature `std` is needed for")]
    NotAscii {
        /// Where, from the beginning of the text.
        offset: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_stays_as_it_is_but_for_controls() {
        let all: std::string::String = (' '..='~').collect();
        assert!(matches!(opaque_string(&all), Ok(Cow::Borrowed(text)) if text == all));
        assert_eq!(opaque_string(""), Err(OpaqueStringError::Empty));
        for (text, offset) in [("\0", 0), ("user\n", 4), ("a\x7F", 1)] {
            let error = OpaqueStringError::Disallowed { offset };
            assert_eq!(opaque_string(text), Err(error));
        }
    }

    /// The examples of RFC 8265 §4.3, and the user name of RFC 5769 §2.4.
    #[cfg(feature = "std")]
    #[test]
    fn the_examples_of_the_rfc() {
        for (text, prepared) in [
            (
                "correct horse battery staple",
                "correct horse battery staple",
            ),
            (
                "Correct Horse Battery Staple",
                "Correct Horse Battery Staple",
            ),
            ("πßå", "πßå"),
            ("Jack of ♦s", "Jack of ♦s"),
            ("foo\u{1680}bar", "foo bar"),
            ("マトリックス", "マトリックス"),
            ("u\u{308}ber", "über"),
        ] {
            assert_eq!(opaque_string(text).as_deref(), Ok(prepared));
        }
        // "my cat is a <tab>by": no controls. A soft hyphen is ignored by SASLprep, and refused here.
        for (text, offset) in [("é is a \tby", 8), ("é\u{AD}", 2)] {
            let error = OpaqueStringError::Disallowed { offset };
            assert_eq!(opaque_string(text), Err(error), "{text}");
        }
    }

    #[cfg(not(feature = "std"))]
    #[test]
    fn beyond_ascii_is_an_error() {
        let error = OpaqueStringError::NotAscii { offset: 1 };
        assert_eq!(opaque_string("aé"), Err(error));
    }
}
