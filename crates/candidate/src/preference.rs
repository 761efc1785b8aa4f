use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{Kind, TcpType, Transport};

/// Local preferences for the addresses of a host's bases, which come best first within each family; each has its own.
/// The result is in the order of `bases`; the best is `best`, the next one less.
///
/// IPv6 and IPv4 are interleaved, RFC 8421 §4: IPv6 has a head start of `(N4 + N6) / N4` addresses, then comes one IPv4
/// address, and so on. Where all of one family leads nowhere, the other one is checked soon all the same.
///
/// ```
/// let bases = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"].map(|it| it.parse().unwrap());
/// assert_eq!(ieum_candidate::local_preferences(&bases, 65535), [65535, 65534, 65532, 65533, 65531]);
/// ```
pub fn local_preferences(bases: &[IpAddr], best: u16) -> Vec<u16> {
    let v4 = bases.iter().filter(|ip| ip.is_ipv4()).count();
    let v6 = bases.len() - v4;
    // RFC 8421 §4: Hi = (N_4 + N_6) / N_4.
    let head_start = bases.len().checked_div(v4).unwrap_or(usize::MAX);
    let (mut next_v4, mut next_v6) = (0, 0);
    let places = bases.iter().map(|ip| {
        if ip.is_ipv4() {
            next_v4 += 1;
            next_v4 - 1 + v6.min(head_start.saturating_mul(next_v4))
        } else {
            next_v6 += 1;
            next_v6 - 1 + v4.min((next_v6 - 1) / head_start)
        }
    });
    places
        .map(|place| best.saturating_sub(u16::try_from(place).unwrap_or(u16::MAX)))
        .collect()
}

/// The local preference inside the priority of a candidate whose base has `base_preference` (see
/// [`local_preferences`]): 0 to 65535.
///
/// For UDP it is the base's. For TCP the direction counts first, RFC 6544 §4.2: `2^13 * direction-pref + other-pref`,
/// where other-pref is the lowest 13 bits of `base_preference`. What comes out can be put in again for another kind.
pub const fn local_preference(kind: Kind, transport: Transport, base_preference: u16) -> u16 {
    match transport {
        Transport::Udp => base_preference,
        Transport::Tcp(tcp_type) => {
            (direction_preference(kind, tcp_type) << 13) | (base_preference & MAX_OTHER_PREFERENCE)
        }
    }
}

/// RFC 6544 §4.2, direction-pref: 0 to 7. Behind a NAT a connection that both sides open works best; peer reflexive
/// candidates are not named there, and are taken as the server reflexive ones that they resemble.
const fn direction_preference(kind: Kind, tcp_type: TcpType) -> u16 {
    match (kind, tcp_type) {
        (Kind::Host | Kind::Relayed, TcpType::Active) => 6,
        (Kind::Host | Kind::Relayed, TcpType::Passive) => 4,
        (Kind::Host | Kind::Relayed, TcpType::SimultaneousOpen) => 2,
        (Kind::ServerReflexive | Kind::PeerReflexive, TcpType::SimultaneousOpen) => 6,
        (Kind::ServerReflexive | Kind::PeerReflexive, TcpType::Active) => 4,
        (Kind::ServerReflexive | Kind::PeerReflexive, TcpType::Passive) => 2,
    }
}

/// RFC 6544 §4.2: other-pref is 0 to 8191.
const MAX_OTHER_PREFERENCE: u16 = 8191;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    /// The families of so many addresses, best first: `6` and `4`.
    fn order(v6: usize, v4: usize) -> String {
        let bases: Vec<IpAddr> = (0..v4)
            .map(|n| IpAddr::from([10, 0, 0, n as u8]))
            .chain((0..v6).map(|n| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, n as u16])))
            .collect();
        let preferences = local_preferences(&bases, u16::MAX);
        let mut best_first: Vec<_> = preferences.iter().zip(&bases).collect();
        best_first.sort_by(|a, b| b.cmp(a));
        let places: Vec<u16> = best_first.iter().map(|(it, _)| u16::MAX - **it).collect();
        let all: Vec<u16> = (0..bases.len() as u16).collect();
        assert_eq!(places, all, "{v6} and {v4}: one each, without gaps");
        for family in [&bases[..v4], &bases[v4..]] {
            let its: Vec<_> = best_first
                .iter()
                .map(|(_, ip)| **ip)
                .filter(|ip| family.contains(ip))
                .collect();
            assert_eq!(its, family, "the order within a family is the caller's");
        }
        best_first
            .iter()
            .map(|(_, ip)| if ip.is_ipv4() { '4' } else { '6' })
            .collect()
    }

    #[test]
    fn ipv4_comes_after_each_head_start_of_ipv6() {
        // The example of RFC 8421 §4: two and six, IPv4 after four IPv6 addresses.
        assert_eq!(order(6, 2), "66664664");
        assert_eq!(order(1, 1), "64");
        assert_eq!(order(3, 3), "664644");
        assert_eq!(order(1, 4), "64444");
        assert_eq!(order(0, 3), "444");
        assert_eq!(order(3, 0), "666");
        assert_eq!(order(0, 0), "");
    }

    #[test]
    fn any_mixture_has_one_preference_each() {
        for v6 in 0..40 {
            for v4 in 0..40 {
                order(v6, v4);
            }
        }
    }

    #[test]
    fn the_direction_of_a_tcp_candidate_counts_before_its_base() {
        use TcpType::{Active, Passive, SimultaneousOpen};
        let of = |kind, tcp_type, base| local_preference(kind, Transport::Tcp(tcp_type), base);
        // RFC 6544 §4.2: a host with one address has other-pref 8191.
        assert_eq!(of(Kind::Host, Active, u16::MAX), 6 * 8192 + 8191);
        assert_eq!(of(Kind::Host, Passive, u16::MAX), 4 * 8192 + 8191);
        assert_eq!(
            of(Kind::Relayed, SimultaneousOpen, u16::MAX),
            2 * 8192 + 8191
        );
        assert_eq!(of(Kind::ServerReflexive, SimultaneousOpen, 0), 6 * 8192);
        assert_eq!(of(Kind::ServerReflexive, Active, 0), 4 * 8192);
        assert_eq!(
            of(Kind::PeerReflexive, Passive, u16::MAX - 1),
            2 * 8192 + 8190
        );
        assert!(of(Kind::Host, Active, 0) > of(Kind::Host, Passive, u16::MAX));
    }

    #[test]
    fn a_local_preference_can_be_that_of_another_kind() {
        for base in [0, 8190, 8191, 65534, 65535] {
            let transport = Transport::Tcp(TcpType::Passive);
            let host = local_preference(Kind::Host, transport, base);
            assert_eq!(
                local_preference(Kind::PeerReflexive, transport, host),
                local_preference(Kind::PeerReflexive, transport, base)
            );
        }
    }
}
