use core::net::SocketAddr;

use crate::{Scope, TcpType, Transport, scope};

/// Why no check can go from one candidate to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Obstacle {
    /// One is UDP and the other TCP, or neither side would open the TCP connection, or both would alone
    /// (RFC 6544 §6.2).
    #[error("the transports do not fit each other")]
    Transport,
    /// Nothing can be sent to the remote address: port 0, unspecified, multicast.
    #[error("nothing can be sent to the remote address")]
    Nowhere,
    /// One is IPv4 and the other IPv6 (RFC 8445 §6.1.2.2).
    #[error("one address is IPv4 and the other IPv6")]
    Family,
    /// Only one is IPv6 link-local (RFC 8445 §6.1.2.2), or both are, on different links.
    #[error("an IPv6 link-local address reaches only its own link")]
    Scope,
}

/// Whether a pair of candidates is possible at all, and why not: a check would go from `local`, the base of a candidate,
/// to `remote`.
///
/// The port of an active TCP candidate does not matter. A pair whose local candidate is passive or whose remote one is
/// active is not possible in this sense: the other side opens the connection (RFC 6544 §6.2 prunes it).
pub const fn possible(
    (local_transport, local): (Transport, SocketAddr),
    (remote_transport, remote): (Transport, SocketAddr),
) -> Result<(), Obstacle> {
    if !local_transport.can_check(remote_transport) {
        return Err(Obstacle::Transport);
    }
    addresses_possible(local, remote)
}

/// Whether datagrams may go from `local` to `remote`: [`possible`] for two UDP candidates, as a yes or no.
pub const fn can_pair(local: SocketAddr, remote: SocketAddr) -> bool {
    addresses_possible(local, remote).is_ok()
}

impl Transport {
    /// Whether a candidate of this transport can send a check to one of the transport `remote`: UDP to UDP, an active
    /// TCP candidate to a passive one, and one of simultaneous open to another (RFC 6544 §6.2).
    pub const fn can_check(self, remote: Transport) -> bool {
        matches!(
            (self, remote),
            (Transport::Udp, Transport::Udp)
                | (
                    Transport::Tcp(TcpType::Active),
                    Transport::Tcp(TcpType::Passive)
                )
                | (
                    Transport::Tcp(TcpType::SimultaneousOpen),
                    Transport::Tcp(TcpType::SimultaneousOpen)
                )
        )
    }
}

const fn addresses_possible(local: SocketAddr, remote: SocketAddr) -> Result<(), Obstacle> {
    if remote.port() == 0 || matches!(scope(remote.ip()), Scope::Multicast | Scope::Unspecified) {
        return Err(Obstacle::Nowhere);
    }
    match (local, remote) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => Ok(()),
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => {
            let (a, b) = (
                local.ip().is_unicast_link_local(),
                remote.ip().is_unicast_link_local(),
            );
            // A scope of 0 says nothing: candidate lines carry none.
            let (link_a, link_b) = (local.scope_id(), remote.scope_id());
            match a == b && (!a || link_a == 0 || link_b == 0 || link_a == link_b) {
                true => Ok(()),
                false => Err(Obstacle::Scope),
            }
        }
        _ => Err(Obstacle::Family),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn pairs_stay_in_one_family_and_link_local_with_link_local() {
        let table = [
            ("10.0.0.1:1", "203.0.113.1:2", Ok(())),
            ("127.0.0.1:1", "203.0.113.1:2", Ok(())),
            ("10.0.0.1:1", "[2001:db8::1]:2", Err(Obstacle::Family)),
            ("[2001:db8::1]:1", "10.0.0.1:2", Err(Obstacle::Family)),
            ("[fe80::1]:1", "[fe80::2]:2", Ok(())),
            ("[fe80::1%3]:1", "[fe80::2]:2", Ok(())),
            ("[fe80::1%3]:1", "[fe80::2%3]:2", Ok(())),
            ("[fe80::1%3]:1", "[fe80::2%4]:2", Err(Obstacle::Scope)),
            ("[fe80::1]:1", "[2001:db8::1]:2", Err(Obstacle::Scope)),
            ("[2001:db8::1]:1", "[fe80::1]:2", Err(Obstacle::Scope)),
            ("[2001:db8::1]:1", "[fd00::1]:2", Ok(())),
            ("10.0.0.1:1", "10.0.0.2:0", Err(Obstacle::Nowhere)),
            ("10.0.0.1:1", "0.0.0.0:2", Err(Obstacle::Nowhere)),
            ("10.0.0.1:1", "239.1.2.3:2", Err(Obstacle::Nowhere)),
            ("[::1]:1", "[ff02::1]:2", Err(Obstacle::Nowhere)),
        ];
        for (local, remote, expected) in table {
            let pair = format!("{local} {remote}");
            let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
            let udp = |address| (Transport::Udp, address);
            assert_eq!(possible(udp(local), udp(remote)), expected, "{pair}");
            assert_eq!(can_pair(local, remote), expected.is_ok(), "{pair}");
        }
    }

    #[test]
    fn checks_go_from_active_to_passive_and_between_simultaneous_opens() {
        use TcpType::{Active, Passive, SimultaneousOpen};
        let all = [
            Transport::Udp,
            Transport::Tcp(Active),
            Transport::Tcp(Passive),
            Transport::Tcp(SimultaneousOpen),
        ];
        let (local, remote) = ("10.0.0.1:9".parse().unwrap(), "10.0.0.2:9".parse().unwrap());
        for (ours, from) in all.into_iter().enumerate() {
            let can: [bool; 4] = core::array::from_fn(|theirs| {
                let verdict = possible((from, local), (all[theirs], remote));
                assert!(matches!(verdict, Ok(()) | Err(Obstacle::Transport)));
                verdict.is_ok()
            });
            let expected = [
                [true, false, false, false],
                [false, false, true, false],
                [false, false, false, false],
                [false, false, false, true],
            ];
            assert_eq!(can, expected[ours], "{from:?}");
        }
    }
}
