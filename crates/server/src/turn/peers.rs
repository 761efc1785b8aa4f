//! Which peers `ieum up` relays to.

use std::net::IpAddr;

use ieum_turn::server::{IpRange, PeerPolicy};

/// Everything public and this machine's own addresses. Loopback only where the server itself is on loopback: a server
/// that others can reach must not carry their packets to what trusts only this machine.
pub(crate) fn peer_policy(bind: IpAddr) -> PeerPolicy {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let own = interfaces.iter().map(if_addrs::Interface::ip);
    PeerPolicy {
        loopback: bind.is_loopback(),
        allowed: own
            .filter(|ip| !ip.is_loopback() && !is_link_local(*ip))
            .map(IpRange::from)
            .collect(),
        ..PeerPolicy::default()
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn loopback_peers_are_for_a_server_on_loopback() {
        assert!(peer_policy(Ipv4Addr::LOCALHOST.into()).loopback);
        for bind in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(203, 0, 113, 10)] {
            let policy = peer_policy(bind.into());
            let loopback = |range: &IpRange| range.contains(Ipv4Addr::LOCALHOST.into());
            assert!(!policy.loopback && !policy.allowed.iter().any(loopback));
        }
    }
}
