use crate::{Kind, Transport, local_preference};

/// The priority of a candidate, RFC 8445 §5.1.2.1, and RFC 6544 §4.2 for TCP.
///
/// `base_preference` orders the bases of a host (see [`local_preferences`](crate::local_preferences)): 65535 is best,
/// and the only value needed by a host with one address. `component` is 1 to 256 (what is outside counts as the nearest of
/// them); 1 is the only one with RTCP multiplexed.
pub const fn priority(
    kind: Kind,
    transport: Transport,
    base_preference: u16,
    component: u16,
) -> u32 {
    let component = match component {
        0 => 1,
        1..=256 => component as u32,
        257.. => 256,
    };
    let local_preference = local_preference(kind, transport, base_preference);
    // RFC 8445 §5.1.2.1: 2^24 * type preference + 2^8 * local preference + (256 - component ID).
    ((kind.type_preference(transport) as u32) << 24)
        + ((local_preference as u32) << 8)
        + (256 - component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TcpType;

    const UDP: Transport = Transport::Udp;

    #[test]
    fn it_is_the_formula_of_rfc_8445() {
        // The values of RFC 8839 §5.1's example lines and of what browsers send.
        assert_eq!(priority(Kind::Host, UDP, 65535, 1), 2130706431);
        assert_eq!(priority(Kind::ServerReflexive, UDP, 65535, 1), 1694498815);
        assert_eq!(
            priority(Kind::PeerReflexive, UDP, 65535, 1),
            (110 << 24) + (65535 << 8) + 255
        );
        assert_eq!(priority(Kind::Relayed, UDP, 0, 256), 0);
    }

    #[test]
    fn kinds_are_ordered_whatever_the_local_preference() {
        let tcp = Transport::Tcp(TcpType::Passive);
        let best_to_worst = [
            (Kind::Host, UDP),
            (Kind::PeerReflexive, UDP),
            (Kind::ServerReflexive, UDP),
            (Kind::Host, tcp),
            (Kind::PeerReflexive, tcp),
            (Kind::ServerReflexive, tcp),
            (Kind::Relayed, UDP),
        ];
        for pair in best_to_worst.windows(2) {
            let [(better, over), (worse, below)] = [pair[0], pair[1]];
            assert!(priority(better, over, 0, 256) > priority(worse, below, 65535, 1));
        }
    }

    #[test]
    fn who_opens_the_tcp_connection_counts_before_the_base() {
        let [active, passive] = [TcpType::Active, TcpType::Passive].map(Transport::Tcp);
        assert!(priority(Kind::Host, active, 0, 1) > priority(Kind::Host, passive, 65535, 1));
        // RFC 6544 §4.2: 2^13 * 6 + 8191.
        assert_eq!(
            priority(Kind::Host, active, 65535, 1),
            (90 << 24) + (57343 << 8) + 255
        );
    }
}
