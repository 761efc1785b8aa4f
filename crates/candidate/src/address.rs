use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

/// The address of a candidate, borrowed from its line: RFC 8839 §5.1, `connection-address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address<'a> {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A name to be resolved: an mDNS name such as browsers send, or a domain name.
    Name(&'a str),
}

/// The address of a candidate, owned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnedAddress {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A name to be resolved: an mDNS name such as browsers send, or a domain name.
    Name(String),
}

impl<'a> Address<'a> {
    /// The IP address; `None` for a name.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(ip),
            Address::Name(_) => None,
        }
    }

    /// Whether it is a name for multicast DNS: one label and `.local` (draft-ietf-mmusic-mdns-ice-candidates §3.1.1).
    pub fn is_mdns(self) -> bool {
        const SUFFIX: &str = ".local";
        let Address::Name(name) = self else {
            return false;
        };
        let Some(at) = name.len().checked_sub(SUFFIX.len()) else {
            return false;
        };
        match (name.get(..at), name.get(at..)) {
            (Some(label), Some(suffix)) => {
                !label.is_empty() && !label.contains('.') && suffix.eq_ignore_ascii_case(SUFFIX)
            }
            _ => false,
        }
    }

    /// The same address, owning its name.
    pub fn to_owned(self) -> OwnedAddress {
        match self {
            Address::Ip(ip) => OwnedAddress::Ip(ip),
            Address::Name(name) => OwnedAddress::Name(name.to_owned()),
        }
    }
}

impl OwnedAddress {
    /// The same address, borrowing its name.
    pub fn as_ref(&self) -> Address<'_> {
        match self {
            OwnedAddress::Ip(ip) => Address::Ip(*ip),
            OwnedAddress::Name(name) => Address::Name(name),
        }
    }

    /// The IP address; `None` for a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.as_ref().ip()
    }

    /// Whether it is a name for multicast DNS; see [`Address::is_mdns`].
    pub fn is_mdns(&self) -> bool {
        self.as_ref().is_mdns()
    }
}

impl From<IpAddr> for OwnedAddress {
    fn from(ip: IpAddr) -> Self {
        OwnedAddress::Ip(ip)
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for OwnedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_label_before_local_is_mdns() {
        assert!(Address::Name("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.local").is_mdns());
        assert!(Address::Name("a.LOCAL").is_mdns());
        for name in [
            ".local",
            "local",
            "a.b.local",
            "a.local.example",
            "host.example",
        ] {
            assert!(!Address::Name(name).is_mdns(), "{name}");
        }
        assert!(!Address::Ip([127, 0, 0, 1].into()).is_mdns());
    }
}
