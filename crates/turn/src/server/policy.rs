//! Which peers may be relayed to: a relay is a way into the network that the server stands in, so what is not public
//! is refused unless it is named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which peers may be relayed to: everything public, and what is allowed here by name.
///
/// Refused are unspecified, private, carrier-grade NAT, link-local (where cloud metadata lives), unique-local,
/// multicast, broadcast and reserved addresses, loopback unless switched on, and IPv6 addresses that carry a refused
/// IPv4 one (IPv4-mapped, NAT64, 6to4). Documentation ranges are ordinary addresses: test networks use them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerPolicy {
    /// Whether loopback addresses are allowed. Off by default: what listens on loopback trusts who can reach it.
    pub loopback: bool,
    /// Addresses that are allowed whatever their range: this machine's own, for example.
    pub allowed: Vec<IpAddr>,
}

impl PeerPolicy {
    /// Whether this peer may be relayed to.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = embedded(ip);
        if self.allowed.contains(&ip) {
            return true;
        }
        match ip {
            ip if ip.is_loopback() => self.loopback,
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
    }
}

/// The IPv4 address inside an IPv6 one that some translator would send to.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // IPv4-mapped (RFC 4291 §2.5.5.2), and IPv4-compatible, which is deprecated but still translated by some.
        [0, 0, 0, 0, 0, 0xFFFF, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        // RFC 6052 §2.1: NAT64.
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => v4(high, low),
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let refused = a == 0
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        // RFC 6598: carrier-grade NAT.
        || (a == 100 && b & 0xC0 == 64)
        // RFC 1112 §4: reserved; its end is the broadcast address.
        || a >= 240;
    !refused
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    let refused = ip.is_unspecified()
        || ip.is_multicast()
        // RFC 4193: unique-local, fc00::/7.
        || first & 0xFE00 == 0xFC00
        // RFC 4291 §2.5.6: link-local, fe80::/10; and site-local, fec0::/10, deprecated but still routed by some.
        || first & 0xFF80 == 0xFE80;
    !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_public_is_allowed() {
        let policy = PeerPolicy::default();
        for text in [
            "1.1.1.1",
            "203.0.113.9",
            "192.0.2.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:db8::1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn what_is_not_public_is_refused() {
        let policy = PeerPolicy::default();
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "127.0.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2002:7f00:1::",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn what_is_named_is_allowed() {
        let policy = PeerPolicy {
            loopback: true,
            allowed: vec![ip("10.0.0.7")],
        };
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "10.0.0.7",
            "::ffff:10.0.0.7",
            "::ffff:127.0.0.1",
        ] {
            assert!(policy.allows(ip(text)), "{text}");
        }
        assert!(!policy.allows(ip("10.0.0.8")));
    }
}
