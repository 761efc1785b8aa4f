use crate::Kind;

/// The priority of a candidate, RFC 8445 §5.1.2.1.
///
/// `local_preference` orders candidates of one kind: 65535 is best, and the only value needed by a host with one address.
/// `component` is 1 to 256 (what is outside counts as the nearest of them); 1 is the only one with RTCP multiplexed.
pub const fn priority(kind: Kind, local_preference: u16, component: u16) -> u32 {
    let component = match component {
        0 => 1,
        1..=256 => component as u32,
        257.. => 256,
    };
    // RFC 8445 §5.1.2.1: 2^24 * type preference + 2^8 * local preference + (256 - component ID).
    ((kind.type_preference() as u32) << 24) + ((local_preference as u32) << 8) + (256 - component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_formula_of_rfc_8445() {
        // The values of RFC 8839 §5.1's example lines and of what browsers send.
        assert_eq!(priority(Kind::Host, 65535, 1), 2130706431);
        assert_eq!(priority(Kind::ServerReflexive, 65535, 1), 1694498815);
        assert_eq!(
            priority(Kind::PeerReflexive, 65535, 1),
            (110 << 24) + (65535 << 8) + 255
        );
        assert_eq!(priority(Kind::Relayed, 0, 256), 0);
    }

    #[test]
    fn kinds_are_ordered_whatever_the_local_preference() {
        let best_to_worst = [
            Kind::Host,
            Kind::PeerReflexive,
            Kind::ServerReflexive,
            Kind::Relayed,
        ];
        for pair in best_to_worst.windows(2) {
            assert!(priority(pair[0], 0, 256) > priority(pair[1], 65535, 1));
        }
    }
}
