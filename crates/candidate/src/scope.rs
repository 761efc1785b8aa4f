use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This host: 127.0.0.0/8, ::1.
    Loopback,
    /// This link: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// A private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918); fec0::/10 (deprecated by RFC 3879).
    Private,
    /// A private IPv6 network: fc00::/7 (RFC 4193).
    UniqueLocal,
    /// Between a carrier's NAT and its customers: 100.64.0.0/10 (RFC 6598).
    Cgnat,
    /// All else, documentation ranges among it: test networks use them as ordinary addresses.
    Public,
    /// More than one host: 224.0.0.0/4, 255.255.255.255, ff00::/8.
    Multicast,
    /// No host: 0.0.0.0/8, ::.
    Unspecified,
}

/// The scope of an address. An IPv4 address inside IPv6 (::ffff:0:0/96) has the scope of the IPv4 address.
pub const fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => scope_v4(ip),
            None => scope_v6(ip),
        },
    }
}

const fn scope_v4(ip: Ipv4Addr) -> Scope {
    match ip.octets() {
        [0, ..] => Scope::Unspecified,
        [127, ..] => Scope::Loopback,
        [169, 254, ..] => Scope::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Scope::Private,
        [100, 64..=127, ..] => Scope::Cgnat,
        [224..=239, ..] | [255, 255, 255, 255] => Scope::Multicast,
        _ => Scope::Public,
    }
}

const fn scope_v6(ip: Ipv6Addr) -> Scope {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Scope::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
        [0xff00..=0xffff, ..] => Scope::Multicast,
        [0xfe80..=0xfebf, ..] => Scope::LinkLocal,
        [0xfec0..=0xfeff, ..] => Scope::Private,
        [0xfc00..=0xfdff, ..] => Scope::UniqueLocal,
        _ => Scope::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_every_range_have_its_scope() {
        let table: [(&str, Scope); 26] = [
            ("0.0.0.0", Scope::Unspecified),
            ("9.255.255.255", Scope::Public),
            ("10.0.0.0", Scope::Private),
            ("100.63.255.255", Scope::Public),
            ("100.64.0.0", Scope::Cgnat),
            ("100.127.255.255", Scope::Cgnat),
            ("100.128.0.0", Scope::Public),
            ("127.255.255.255", Scope::Loopback),
            ("169.254.1.1", Scope::LinkLocal),
            ("172.15.255.255", Scope::Public),
            ("172.16.0.0", Scope::Private),
            ("172.31.255.255", Scope::Private),
            ("172.32.0.0", Scope::Public),
            ("192.168.0.1", Scope::Private),
            ("203.0.113.10", Scope::Public),
            ("239.255.255.255", Scope::Multicast),
            ("255.255.255.255", Scope::Multicast),
            ("::", Scope::Unspecified),
            ("::1", Scope::Loopback),
            ("fe80::1", Scope::LinkLocal),
            ("fec0::1", Scope::Private),
            ("fd12::1", Scope::UniqueLocal),
            ("ff02::fb", Scope::Multicast),
            ("2001:db8::1", Scope::Public),
            ("::ffff:192.168.0.1", Scope::Private),
            ("::ffff:127.0.0.1", Scope::Loopback),
        ];
        for (ip, expected) in table {
            assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
