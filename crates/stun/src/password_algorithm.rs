//! PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS (RFC 8489 §14.11, §14.12).

use crate::attribute::padded;

/// How the key of a long-term credential is made of username, realm and password (RFC 8489 §18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordAlgorithm {
    /// 0x0001: MD5, what RFC 5389 knows.
    Md5,
    /// 0x0002: SHA-256.
    Sha256,
}

impl PasswordAlgorithm {
    /// Its number in the registry.
    pub const fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }

    /// The inverse of [`number`](Self::number); `None` for those that this crate cannot do.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Md5),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// An algorithm with its parameters: neither has any.
    pub(crate) const fn write(self) -> [u8; 4] {
        let [high, low] = self.number().to_be_bytes();
        [high, low, 0, 0]
    }
}

/// The algorithms that a server offers, in its order of preference: the value of PASSWORD-ALGORITHMS.
///
/// Yields `Err` with the number of one that this crate cannot do. So a client takes the first `Ok`.
#[derive(Debug, Clone)]
pub struct PasswordAlgorithms<'a> {
    rest: &'a [u8],
}

impl<'a> PasswordAlgorithms<'a> {
    /// `None` where an entry is cut off.
    pub(crate) fn read(value: &'a [u8]) -> Option<Self> {
        let mut rest = value;
        while !rest.is_empty() {
            rest = entry(rest)?.2;
        }
        Some(Self { rest: value })
    }
}

impl Iterator for PasswordAlgorithms<'_> {
    type Item = Result<PasswordAlgorithm, u16>;

    fn next(&mut self) -> Option<Self::Item> {
        let (number, parameters, rest) = entry(self.rest)?;
        self.rest = rest;
        Some(known(number, parameters))
    }
}

/// The value of PASSWORD-ALGORITHM: one entry and nothing else.
pub(crate) fn read(value: &[u8]) -> Option<Result<PasswordAlgorithm, u16>> {
    let (number, parameters, rest) = entry(value)?;
    rest.is_empty().then(|| known(number, parameters))
}

/// RFC 8489 §18.5.1, §18.5.2: neither of the known ones has parameters; with some it is another than we know.
fn known(number: u16, parameters: &[u8]) -> Result<PasswordAlgorithm, u16> {
    PasswordAlgorithm::from_number(number)
        .filter(|_| parameters.is_empty())
        .ok_or(number)
}

/// Number, parameters, and what follows their padding. The last padding may be missing: an attribute's length does not
/// count it.
fn entry(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let number = u16::from_be_bytes([head[0], head[1]]);
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let parameters = rest.get(..len)?;
    Some((number, parameters, rest.get(padded(len)..).unwrap_or(&[])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_its_order_with_what_is_unknown() {
        let value = [0, 2, 0, 0, 0, 9, 0, 3, 1, 2, 3, 0, 0, 1, 0, 0];
        let list: std::vec::Vec<_> = PasswordAlgorithms::read(&value).unwrap().collect();
        assert_eq!(
            list,
            [
                Ok(PasswordAlgorithm::Sha256),
                Err(9),
                Ok(PasswordAlgorithm::Md5)
            ]
        );
    }

    #[test]
    fn a_list_that_is_cut_off_is_none() {
        for value in [&[0, 2, 0][..], &[0, 2, 0, 0, 0], &[0, 2, 0, 4, 1, 2, 3]] {
            assert!(PasswordAlgorithms::read(value).is_none(), "{value:?}");
        }
        assert_eq!(PasswordAlgorithms::read(&[]).unwrap().count(), 0);
    }

    #[test]
    fn a_known_number_with_parameters_is_another_algorithm() {
        assert_eq!(read(&[0, 2, 0, 0]), Some(Ok(PasswordAlgorithm::Sha256)));
        assert_eq!(read(&[0, 2, 0, 1, 7]), Some(Err(2)));
        assert_eq!(read(&[0, 2, 0, 0, 0, 1, 0, 0]), None);
    }
}
