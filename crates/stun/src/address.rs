//! Addresses in attributes, plain and XORed (RFC 8489 §14.1, §14.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address family as STUN and TURN write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// 0x01.
    V4,
    /// 0x02.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 2,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }
}

/// What is XORed over an address: nothing, or the magic cookie and the transaction id, which are bytes 4 to 20 of a
/// message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask(pub(crate) [u8; 16]);

impl Mask {
    pub(crate) const NONE: Self = Self([0; 16]);

    /// The port is masked by the first two bytes of the same mask.
    fn port(self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    fn apply<const N: usize>(self, mut octets: [u8; N]) -> [u8; N] {
        for (octet, mask) in octets.iter_mut().zip(self.0) {
            *octet ^= mask;
        }
        octets
    }
}

pub(crate) fn read(value: &[u8], mask: Mask) -> Option<SocketAddr> {
    let (head, octets) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ mask.port();
    // The first byte is to be ignored (RFC 8489 §14.1).
    let ip: IpAddr = match Family::from_code(head[1])? {
        Family::V4 => Ipv4Addr::from(mask.apply::<4>(octets.try_into().ok()?)).into(),
        Family::V6 => Ipv6Addr::from(mask.apply::<16>(octets.try_into().ok()?)).into(),
    };
    Some(SocketAddr::new(ip, port))
}

/// Writes the value of an address attribute; gives its length, 8 or 20.
pub(crate) fn write(address: SocketAddr, mask: Mask, out: &mut [u8; 20]) -> usize {
    out[0] = 0;
    out[1] = Family::of(address.ip()).code();
    out[2..4].copy_from_slice(&(address.port() ^ mask.port()).to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            out[4..8].copy_from_slice(&mask.apply(ip.octets()));
            8
        }
        IpAddr::V6(ip) => {
            out[4..20].copy_from_slice(&mask.apply(ip.octets()));
            20
        }
    }
}
