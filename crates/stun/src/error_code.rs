//! ERROR-CODE and ADDRESS-ERROR-CODE, which look alike (RFC 8489 §14.8, RFC 8656 §18.12).

use crate::address::Family;

/// What went wrong, in a response of class `Error` (RFC 8489 §14.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300 to 699; the known ones are in [`crate::code`].
    pub code: u16,
    /// For people. Empty where it was not UTF-8.
    pub reason: &'a str,
}

impl<'a> ErrorCode<'a> {
    pub(crate) fn read(value: &'a [u8]) -> Option<Self> {
        let (head, reason) = value.split_first_chunk::<4>()?;
        let (class, number) = (u16::from(head[2] & 7), u16::from(head[3]));
        ((3..=6).contains(&class) && number < 100).then(|| Self {
            code: class * 100 + number,
            reason: core::str::from_utf8(reason).unwrap_or_default(),
        })
    }
}

/// Why one of two address families that a client asked for is not relayed (RFC 8656 §18.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressError<'a> {
    /// The family that is missing; `None` for one that nobody knows.
    pub family: Option<Family>,
    /// Why: 440 or 508.
    pub error: ErrorCode<'a>,
}

impl<'a> AddressError<'a> {
    pub(crate) fn read(value: &'a [u8]) -> Option<Self> {
        Some(Self {
            family: Family::from_code(*value.first()?),
            error: ErrorCode::read(value)?,
        })
    }
}

/// The value of either attribute in a fixed buffer, and its length; `family` is 0 in ERROR-CODE.
pub(crate) fn write(family: u8, code: u16, reason: &str) -> ([u8; 4 + MAX_REASON], usize) {
    let reason = &reason.as_bytes()[..floor_boundary(reason, MAX_REASON)];
    let mut value = [0; 4 + MAX_REASON];
    value[0] = family;
    value[2] = (code / 100) as u8 & 7;
    value[3] = (code % 100) as u8;
    value[4..4 + reason.len()].copy_from_slice(reason);
    (value, 4 + reason.len())
}

/// The longest prefix that ends between two characters (`str::floor_char_boundary` is newer than our Rust).
fn floor_boundary(text: &str, max: usize) -> usize {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Bytes of a reason phrase that are written: "fewer than 128 characters" (RFC 8489 §14.8).
const MAX_REASON: usize = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let (value, len) = write(0, 400, &"é".repeat(100));
        let read = ErrorCode::read(&value[..len]).unwrap();
        assert_eq!(read.code, 400);
        assert_eq!(read.reason, "é".repeat(63));
    }

    #[test]
    fn codes_outside_300_to_699_are_none() {
        for value in [[0, 0, 2, 99], [0, 0, 7, 0], [0, 0, 4, 100]] {
            assert_eq!(ErrorCode::read(&value), None);
        }
        assert_eq!(ErrorCode::read(&[0, 0, 4]), None);
        // The bits before the class are reserved, and ignored.
        assert_eq!(ErrorCode::read(&[9, 9, 0xFC, 20]).unwrap().code, 420);
    }
}
