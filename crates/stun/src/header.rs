//! The 20-byte header (RFC 8489 §5): class, method, magic cookie, transaction id.

use core::fmt;

/// RFC 8489 §5: the fixed value in bytes 4..8.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// RFC 8489 §5: "All STUN messages comprise a 20-byte header followed by zero or more attributes."
pub(crate) const HEADER: usize = 20;

/// Whether a datagram is STUN by its first byte (RFC 7983: 0..=3) and its magic cookie. Cheap, and no promise that
/// it parses.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] <= 3 && datagram[4..8] == MAGIC_COOKIE.to_be_bytes()
}

/// What a request and its response have in common: 96 bits, to be drawn unguessable (RFC 8489 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub [u8; 12]);

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The class of a message (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// Answers a request: done.
    Success,
    /// Answers a request: not done, and why (ERROR-CODE).
    Error,
}

/// What a message is about: 12 bits (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Method(pub u16);

impl Method {
    /// RFC 8489 §18.2.
    pub const BINDING: Self = Self(0x001);
    /// RFC 8656 §17: a relayed address is asked for.
    pub const ALLOCATE: Self = Self(0x003);
    /// RFC 8656 §17: an allocation is kept, or ended.
    pub const REFRESH: Self = Self(0x004);
    /// RFC 8656 §17: data from the client to a peer (indication only).
    pub const SEND: Self = Self(0x006);
    /// RFC 8656 §17: data from a peer to the client (indication only).
    pub const DATA: Self = Self(0x007);
    /// RFC 8656 §17: peers' addresses are let in.
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// RFC 8656 §17: a peer gets a channel number.
    pub const CHANNEL_BIND: Self = Self(0x009);
    /// RFC 6062 §6.1: a TCP connection to a peer is asked for.
    pub const CONNECT: Self = Self(0x00A);
    /// RFC 6062 §6.1: this stream is to carry the data of a peer's connection.
    pub const CONNECTION_BIND: Self = Self(0x00B);
    /// RFC 6062 §6.1: a peer has connected (indication only).
    pub const CONNECTION_ATTEMPT: Self = Self(0x00C);
}

/// RFC 8489 §5, figure 3: the class bits C1 C0 are woven into the method's bits.
pub(crate) const fn message_type(class: Class, method: Method) -> u16 {
    let m = method.0;
    let bits = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    (m & 0x00F) | ((m & 0x070) << 1) | ((m & 0xF80) << 2) | bits
}

/// The inverse of [`message_type`]; the two highest bits are ignored.
pub(crate) const fn class_and_method(kind: u16) -> (Class, Method) {
    let class = match kind & 0x110 {
        0x000 => Class::Request,
        0x010 => Class::Indication,
        0x100 => Class::Success,
        _ => Class::Error,
    };
    let method = (kind & 0x00F) | ((kind & 0x0E0) >> 1) | ((kind & 0x3E00) >> 2);
    (class, Method(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_weaving() {
        for method in 0..0x1000 {
            for class in [
                Class::Request,
                Class::Indication,
                Class::Success,
                Class::Error,
            ] {
                let kind = message_type(class, Method(method));
                assert_eq!(kind & 0xC000, 0);
                assert_eq!(class_and_method(kind), (class, Method(method)));
            }
        }
    }

    #[test]
    fn known_types_are_those_of_the_rfc() {
        assert_eq!(message_type(Class::Success, Method::BINDING), 0x0101);
        assert_eq!(message_type(Class::Error, Method::ALLOCATE), 0x0113);
        assert_eq!(message_type(Class::Indication, Method::DATA), 0x0017);
    }
}
