//! Which protocol a datagram is, by its first byte (RFC 7983 §7, as RFC 9443 §3 has it). STUN and what comes through a
//! relay never get here: the ICE agent keeps the one and unwraps the other.

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Dtls,
    /// RTP or RTCP.
    Media,
    Unknown,
}

/// The protocol of a datagram.
pub(super) fn protocol(datagram: &[u8]) -> Protocol {
    match datagram.first() {
        Some(20..=63) => Protocol::Dtls,
        Some(128..=191) => Protocol::Media,
        _ => Protocol::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_decides() {
        for (first, expected) in [
            (0, Protocol::Unknown),
            (19, Protocol::Unknown),
            (20, Protocol::Dtls),
            (63, Protocol::Dtls),
            (64, Protocol::Unknown),
            (127, Protocol::Unknown),
            (128, Protocol::Media),
            (191, Protocol::Media),
            (192, Protocol::Unknown),
        ] {
            assert_eq!(protocol(&[first]), expected, "{first}");
        }
        assert_eq!(protocol(&[]), Protocol::Unknown);
    }
}
