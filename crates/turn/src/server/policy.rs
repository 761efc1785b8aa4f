//! Which peers may be relayed to: a relay is a way into the network that the server stands in, so what is not public
//! is refused unless it is named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use super::IpRange;

/// Which peers may be relayed to: everything public, and what is allowed here by name.
///
/// Refused are unspecified, private, carrier-grade NAT, link-local (where cloud metadata lives), unique-local,
/// multicast, broadcast, benchmarking and reserved addresses, loopback unless switched on, and IPv6 addresses that
/// carry a refused IPv4 one (IPv4-mapped, IPv4-compatible, IPv4-translated, NAT64, 6to4, Teredo, ISATAP). Documentation ranges are ordinary
/// addresses: test networks use them.
///
/// What is denied by name is refused whatever else is said; what is allowed by name is allowed whatever its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerPolicy {
    /// Whether loopback addresses are allowed. Off by default: what listens on loopback trusts who can reach it.
    pub loopback: bool,
    /// Addresses that are allowed whatever their range.
    pub allowed: Vec<IpRange>,
    /// Addresses that are refused, even where `allowed` names them too.
    pub denied: Vec<IpRange>,
    /// The server's own addresses, where services may listen that trust them. Only relays can be reached there: the
    /// ports of `relay_ports`. They must be public or allowed besides.
    pub own: Vec<IpAddr>,
    /// The ports that the driver gives to relays.
    pub relay_ports: RangeInclusive<u16>,
}

impl Default for PeerPolicy {
    /// Everything public; no own address is known.
    fn default() -> Self {
        Self {
            loopback: false,
            allowed: Vec::new(),
            denied: Vec::new(),
            own: Vec::new(),
            relay_ports: 0..=u16::MAX,
        }
    }
}

impl PeerPolicy {
    /// Whether a permission may be installed for this address.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let named = |ranges: &[IpRange], ip| ranges.iter().any(|range| range.contains(ip));
        if named(&self.denied, ip) {
            return false;
        }
        match ip {
            IpAddr::V4(_) => named(&self.allowed, ip) || self.allows_unnamed(ip),
            IpAddr::V6(v6) => {
                let own = named(&self.allowed, ip) || self.allows_unnamed(ip);
                match embedded(v6) {
                    Embedded::None => own,
                    // Whoever translates the address sends to what is inside it.
                    Embedded::Translated(inner) => {
                        let mut inner = inner.into_iter().flatten();
                        inner.all(|ip| self.allows(ip.into()))
                    }
                    Embedded::Tunnelled(inner) => own && self.allows(inner.into()),
                }
            }
        }
    }

    /// Whether this very port of an address with a permission may be sent to.
    pub(super) fn allows_port(&self, peer: SocketAddr) -> bool {
        self.own.is_empty()
            || self.relay_ports.contains(&peer.port())
            || !self.own.contains(&peer.ip().to_canonical())
    }

    fn allows_unnamed(&self, ip: IpAddr) -> bool {
        match ip {
            ip if ip.is_loopback() => self.loopback,
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
    }
}

/// IPv4 addresses inside an IPv6 one, where some translator or tunnel would send.
enum Embedded {
    None,
    /// The rest of the address says only that.
    Translated([Option<Ipv4Addr>; 2]),
    /// In a network of any prefix.
    Tunnelled(Ipv4Addr),
}

fn embedded(v6: Ipv6Addr) -> Embedded {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match v6.segments() {
        // IPv4-compatible (RFC 4291 §2.5.5.1), which is deprecated but still translated by some; IPv4-mapped ones
        // (§2.5.5.2) are IPv4 by now. RFC 2765 §2.1: IPv4-translated.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            Embedded::Translated([Some(v4(high, low)), None])
        }
        [0, 0, 0, 0, 0xFFFF, 0, high, low] => Embedded::Translated([Some(v4(high, low)), None]),
        // RFC 6052 §2.1: NAT64. RFC 8215: the same for local use, with the address at the end (a /96).
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] | [0x64, 0xFF9B, 1, _, _, _, high, low] => {
            Embedded::Translated([Some(v4(high, low)), None])
        }
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => Embedded::Translated([Some(v4(high, low)), None]),
        // RFC 4380 §4: Teredo: the server, and the client with all bits inverted.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            let client = v4(!client_high, !client_low);
            Embedded::Translated([Some(v4(high, low)), Some(client)])
        }
        // RFC 5214 §6.1: ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5EFE, high, low] => Embedded::Tunnelled(v4(high, low)),
        _ => Embedded::None,
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let refused = a == 0
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        // RFC 6598: carrier-grade NAT.
        || (a == 100 && b & 0xC0 == 64)
        // RFC 6890: protocol assignments, among them addresses of translators.
        || (a == 192 && b == 0 && c == 0)
        // RFC 2544: benchmarking.
        || (a == 198 && b & 0xFE == 18)
        // Where Azure's machines find their host: public by its number alone.
        || ip == Ipv4Addr::new(168, 63, 129, 16)
        // RFC 1112 §4: reserved; its end is the broadcast address.
        || a >= 240;
    !refused
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // RFC 4291 §2.4: ::/8 is reserved, with the unspecified address and loopback.
    let refused = first == 0
        || ip.is_multicast()
        // RFC 4193: unique-local, fc00::/7.
        || first & 0xFE00 == 0xFC00
        // RFC 4291 §2.5.6: link-local, fe80::/10; and site-local, fec0::/10, deprecated but still routed by some.
        || first & 0xFF80 == 0xFE80
        // RFC 6666: discard only; RFC 8215: NAT64 for local use; RFC 9602: segment routing.
        || (first == 0x100 && second == 0)
        || (first == 0x64 && second == 0xFF9B)
        || first == 0x5F00;
    !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ranges(texts: &[&str]) -> Vec<IpRange> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
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
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:db8::1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "::ffff:8.8.8.8",
            // Teredo: server 8.8.8.8, client 1.1.1.1.
            "2001:0:808:808::fefe:fefe",
            "2001:db8::5efe:8.8.8.8",
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
            "192.0.0.170",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "168.63.129.16",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::5",
            "100::1",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn no_translated_address_goes_around_it() {
        let policy = PeerPolicy::default();
        for text in [
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            // Teredo: a private server; a private client.
            "2001:0:a00:1::fefe:fefe",
            "2001:0:808:808::f5ff:fffe",
            "2001:db8::5efe:10.0.0.1",
            "2001:db8::200:5efe:127.0.0.1",
            // In a network that is refused itself.
            "fe80::5efe:8.8.8.8",
            "fd00::200:5efe:8.8.8.8",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn what_is_named_is_allowed() {
        let policy = PeerPolicy {
            loopback: true,
            allowed: ranges(&["10.0.0.7", "192.168.0.0/16", "fd00::/8"]),
            ..PeerPolicy::default()
        };
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "10.0.0.7",
            "192.168.7.7",
            "fd12::1",
            "::ffff:10.0.0.7",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:7",
        ] {
            assert!(policy.allows(ip(text)), "{text}");
        }
        for text in ["10.0.0.8", "fc00::1", "64:ff9b::a00:8"] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn what_is_denied_by_name_is_refused_whatever_else_is_said() {
        let policy = PeerPolicy {
            loopback: true,
            allowed: ranges(&["10.0.0.0/8", "127.0.0.1"]),
            denied: ranges(&["10.1.0.0/16", "8.8.8.8", "127.0.0.0/8", "2001:db8::/32"]),
            ..PeerPolicy::default()
        };
        for text in [
            "10.1.2.3",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "127.0.0.1",
            "2001:db8::1",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
        assert!(policy.allows(ip("10.2.0.1")) && policy.allows(ip("8.8.4.4")));
    }

    #[test]
    fn of_the_servers_own_addresses_only_relays_are_reached() {
        let policy = PeerPolicy {
            own: vec![ip("203.0.113.1")],
            relay_ports: 50_000..=60_000,
            ..PeerPolicy::default()
        };
        let allows = |text: &str| policy.allows_port(text.parse().unwrap());
        assert!(allows("203.0.113.1:50000") && allows("203.0.113.2:22"));
        assert!(!allows("203.0.113.1:22") && !allows("[::ffff:203.0.113.1]:22"));
    }
}
