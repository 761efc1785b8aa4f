use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be candidates although the rule speaks against them. By default none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Allowance {
    /// Loopback addresses: for two peers on one host.
    pub loopback: bool,
    /// Link-local addresses: for peers on one link that have no others.
    pub link_local: bool,
}

impl Allowance {
    /// All that can be allowed: for addresses that somebody has chosen one by one.
    pub const ALL: Allowance = Allowance {
        loopback: true,
        link_local: true,
    };
}

/// Why an address of this host may not be a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unusable {
    /// 127.0.0.0/8, ::1. RFC 8445 §5.1.1.1: must not be included.
    #[error("a loopback address")]
    Loopback,
    /// 0.0.0.0/8, ::. No host has it (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2).
    #[error("an unspecified address")]
    Unspecified,
    /// 224.0.0.0/4, ff00::/8. More than one host has it.
    #[error("a multicast address")]
    Multicast,
    /// 255.255.255.255. Every host of the link has it (RFC 919 §7).
    #[error("the broadcast address")]
    Broadcast,
    /// 169.254.0.0/16, which no router forwards (RFC 3927 §7); fe80::/10, which RFC 8445 §5.1.1.1 forbids beside
    /// addresses that protect against location tracking, and which means nothing without the link's name, for which a
    /// candidate line has no place.
    #[error("a link-local address")]
    LinkLocal,
    /// fec0::/10, deprecated by RFC 3879. RFC 8445 §5.1.1.1: must not be included.
    #[error("an IPv6 site-local address, which is deprecated")]
    SiteLocal,
    /// ::ffff:0:0/96. RFC 8445 §5.1.1.1: should not be included; the IPv4 address is a candidate by itself.
    #[error("an IPv4 address mapped into IPv6")]
    Ipv4Mapped,
    /// ::/96, deprecated by RFC 4291 §2.5.5.1. RFC 8445 §5.1.1.1: must not be included.
    #[error("an IPv4-compatible IPv6 address, which is deprecated")]
    Ipv4Compatible,
}

/// Whether an address of this host may be a host candidate, and why not: RFC 8445 §5.1.1.1.
///
/// It says nothing of the rule that wants to know more than the address: of two IPv6 addresses of one interface and
/// prefix, the one that allows location tracking is left out.
pub const fn usable(ip: IpAddr, allowance: Allowance) -> Result<(), Unusable> {
    let unusable = match ip {
        IpAddr::V4(ip) => unusable_v4(ip),
        IpAddr::V6(ip) => unusable_v6(ip),
    };
    match unusable {
        None => Ok(()),
        Some(Unusable::Loopback) if allowance.loopback => Ok(()),
        Some(Unusable::LinkLocal) if allowance.link_local => Ok(()),
        Some(reason) => Err(reason),
    }
}

const fn unusable_v4(ip: Ipv4Addr) -> Option<Unusable> {
    match ip.octets() {
        [0, ..] => Some(Unusable::Unspecified),
        [127, ..] => Some(Unusable::Loopback),
        [169, 254, ..] => Some(Unusable::LinkLocal),
        [224..=239, ..] => Some(Unusable::Multicast),
        [255, 255, 255, 255] => Some(Unusable::Broadcast),
        _ => None,
    }
}

const fn unusable_v6(ip: Ipv6Addr) -> Option<Unusable> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Unusable::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Unusable::Loopback),
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(Unusable::Ipv4Mapped),
        [0, 0, 0, 0, 0, 0, ..] => Some(Unusable::Ipv4Compatible),
        [0xff00..=0xffff, ..] => Some(Unusable::Multicast),
        [0xfe80..=0xfebf, ..] => Some(Unusable::LinkLocal),
        [0xfec0..=0xfeff, ..] => Some(Unusable::SiteLocal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_rfc_8445_excludes_has_its_reason() {
        let table = [
            ("0.0.0.0", Some(Unusable::Unspecified)),
            ("0.1.2.3", Some(Unusable::Unspecified)),
            ("10.0.0.1", None),
            ("100.64.0.1", None),
            ("127.0.0.1", Some(Unusable::Loopback)),
            ("127.255.255.254", Some(Unusable::Loopback)),
            ("169.253.255.255", None),
            ("169.254.0.1", Some(Unusable::LinkLocal)),
            ("169.255.0.0", None),
            ("203.0.113.7", None),
            ("223.255.255.255", None),
            ("224.0.0.251", Some(Unusable::Multicast)),
            ("239.255.255.255", Some(Unusable::Multicast)),
            ("255.255.255.254", None),
            ("255.255.255.255", Some(Unusable::Broadcast)),
            ("::", Some(Unusable::Unspecified)),
            ("::1", Some(Unusable::Loopback)),
            ("::2", Some(Unusable::Ipv4Compatible)),
            ("::192.0.2.1", Some(Unusable::Ipv4Compatible)),
            ("::ffff:192.0.2.1", Some(Unusable::Ipv4Mapped)),
            ("::ffff:127.0.0.1", Some(Unusable::Ipv4Mapped)),
            ("64:ff9b::192.0.2.1", None),
            ("2001:db8::1", None),
            ("fd00::1", None),
            ("fe80::1", Some(Unusable::LinkLocal)),
            ("febf::1", Some(Unusable::LinkLocal)),
            ("fec0::1", Some(Unusable::SiteLocal)),
            ("feff::1", Some(Unusable::SiteLocal)),
            ("ff02::fb", Some(Unusable::Multicast)),
        ];
        for (ip, reason) in table {
            let expected = reason.map_or(Ok(()), Err);
            assert_eq!(
                usable(ip.parse().unwrap(), Allowance::default()),
                expected,
                "{ip}"
            );
        }
    }

    #[test]
    fn only_loopback_and_link_local_addresses_can_be_allowed() {
        let is_usable = |ip: &str, allowance| usable(ip.parse().unwrap(), allowance).is_ok();
        let (loopback, link_local) = (
            Allowance {
                loopback: true,
                ..Allowance::default()
            },
            Allowance {
                link_local: true,
                ..Allowance::default()
            },
        );
        for ip in ["127.0.0.1", "::1"] {
            assert!(
                is_usable(ip, loopback) && !is_usable(ip, link_local),
                "{ip}"
            );
        }
        for ip in ["169.254.0.1", "fe80::1"] {
            assert!(
                is_usable(ip, link_local) && !is_usable(ip, loopback),
                "{ip}"
            );
        }
        for ip in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "fec0::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
        ] {
            assert!(!is_usable(ip, Allowance::ALL), "{ip}");
        }
    }
}
