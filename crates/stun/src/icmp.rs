//! The value of ICMP (RFC 8656 §18.13).

/// An ICMP error that a TURN server got for a datagram that it relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Icmp {
    /// The ICMP type, 0 to 127: that of ICMPv4 or ICMPv6, as the peer's address is.
    pub kind: u8,
    /// The ICMP code, 0 to 511 (a real one has 8 bits).
    pub code: u16,
    /// The MTU of the next hop where the packet was too big for it, zero otherwise.
    pub data: u32,
}

impl Icmp {
    pub(crate) fn read(value: [u8; 8]) -> Self {
        let [_, _, h0, h1, d0, d1, d2, d3] = value;
        let both = u16::from_be_bytes([h0, h1]);
        Self {
            kind: (both >> CODE_BITS) as u8,
            code: both & ((1 << CODE_BITS) - 1),
            data: u32::from_be_bytes([d0, d1, d2, d3]),
        }
    }

    /// Bits beyond 7 of the type and 9 of the code are lost.
    pub(crate) fn write(self) -> [u8; 8] {
        let kind = u16::from(self.kind & 0x7F) << CODE_BITS;
        let [h0, h1] = (kind | (self.code & ((1 << CODE_BITS) - 1))).to_be_bytes();
        let [d0, d1, d2, d3] = self.data.to_be_bytes();
        [0, 0, h0, h1, d0, d1, d2, d3]
    }
}

/// RFC 8656 §18.13: the type has 7 bits, the code the 9 that follow.
const CODE_BITS: u32 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_code_share_sixteen_bits() {
        let too_big = Icmp {
            kind: 3,
            code: 4,
            data: 1280,
        };
        assert_eq!(too_big.write(), [0, 0, 0x06, 0x04, 0, 0, 5, 0]);
        assert_eq!(Icmp::read([9, 9, 0x06, 0x04, 0, 0, 5, 0]), too_big);
    }
}
