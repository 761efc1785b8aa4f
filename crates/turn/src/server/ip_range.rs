//! A range of addresses, as policies name them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits: `10.0.0.0/8`, `fd00:ec2::254`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpRange {
    base: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// The addresses whose first `prefix` bits are those of `base`; `None` where an address has fewer bits.
    pub const fn new(base: IpAddr, prefix: u8) -> Option<Self> {
        match prefix <= bits(base) {
            true => Some(Self { base, prefix }),
            false => None,
        }
    }

    /// Whether an address is one of them. An IPv4 address is never one of an IPv6 range.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip) == bits(self.base) && masked(ip, self.prefix) == masked(self.base, self.prefix)
    }
}

/// One address.
impl From<IpAddr> for IpRange {
    fn from(base: IpAddr) -> Self {
        let prefix = bits(base);
        Self { base, prefix }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix == bits(self.base) {
            true => write!(f, "{}", self.base),
            false => write!(f, "{}/{}", self.base, self.prefix),
        }
    }
}

impl FromStr for IpRange {
    type Err = IpRangeError;

    fn from_str(text: &str) -> Result<Self, IpRangeError> {
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| IpRangeError::Address)?;
        let Some(prefix) = prefix else {
            return Ok(base.into());
        };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits);
        prefix
            .and_then(|prefix| Self::new(base, prefix))
            .ok_or(IpRangeError::Prefix)
    }
}

/// Why a text is not a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IpRangeError {
    /// What stands before the slash.
    #[error("expected an IP address")]
    Address,
    /// What stands behind the slash.
    #[error("expected a number of bits after the slash: at most 32 for IPv4, 128 for IPv6")]
    Prefix,
}

/// The first `prefix` bits of an address, at the high end of a number.
pub(super) fn masked(ip: IpAddr, prefix: u8) -> u128 {
    let address = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => Ipv6Addr::to_bits(ip),
    };
    match prefix {
        0 => 0,
        prefix => address & (u128::MAX << (128 - u32::from(prefix.min(128)))),
    }
}

const fn bits(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> IpRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_what_begins_with_its_bits() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::255"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ff02::1", "1.1.1.1"),
        ];
        for (text, inside, outside) in cases {
            assert!(range(text).contains(inside.parse().unwrap()), "{text}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text}");
            assert_eq!(range(&range(text).to_string()), range(text));
        }
    }

    #[test]
    fn what_is_no_range_is_refused_and_says_where() {
        for text in ["", "10.0.0", "10.0.0.0.0/8", "example.org", "/8"] {
            assert_eq!(
                text.parse::<IpRange>(),
                Err(IpRangeError::Address),
                "{text}"
            );
        }
        for text in [
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "::/+1",
            "::/1/1",
            "::/999",
        ] {
            assert_eq!(text.parse::<IpRange>(), Err(IpRangeError::Prefix), "{text}");
        }
    }
}
