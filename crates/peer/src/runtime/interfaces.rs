//! Which addresses of this machine sockets are bound to.

use std::net::IpAddr;

use ieum_candidate::{Allowance, usable};
use if_addrs::Interface;

use super::Interfaces;

impl Interfaces {
    /// The usable addresses; loopback comes last, or where there is no other. Which of IPv4 and IPv6 is tried first is
    /// the agent's to say (RFC 8421).
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        // A machine that does not tell its interfaces still has loopback.
        let found = if_addrs::get_if_addrs().unwrap_or_default();
        self.choose(&found)
    }

    fn choose(&self, found: &[Interface]) -> Vec<IpAddr> {
        let mut addresses = self.select(found, |interface| !interface.is_loopback());
        if self.loopback || addresses.is_empty() {
            addresses.extend(self.select(found, Interface::is_loopback));
        }
        addresses
    }

    fn select(&self, found: &[Interface], kind: impl Fn(&Interface) -> bool) -> Vec<IpAddr> {
        let excluded = |interface: &Interface| {
            let begins = |prefix: &String| interface.name.starts_with(prefix.as_str());
            !interface.is_loopback() && self.exclude.iter().any(begins)
        };
        let mut addresses: Vec<_> = found
            .iter()
            .filter(|interface| kind(interface) && interface.is_oper_up())
            .filter(|interface| !excluded(interface))
            .map(Interface::ip)
            .filter(|ip| self.is_usable(*ip))
            .collect();
        // An address that two interfaces have is bound once.
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.dedup();
        addresses
    }

    fn is_usable(&self, ip: IpAddr) -> bool {
        let family = if ip.is_ipv4() { self.ipv4 } else { self.ipv6 };
        // Loopback was chosen or not before this.
        let allowance = Allowance {
            loopback: true,
            ..Allowance::default()
        };
        family && usable(ip, allowance).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(name: &str, ip: &str) -> Interface {
        let addr = match ip.parse().unwrap() {
            IpAddr::V4(ip) => {
                let netmask = [255, 255, 255, 0].into();
                IfAddr::V4(Ifv4Addr {
                    ip,
                    netmask,
                    prefixlen: 24,
                    broadcast: None,
                })
            }
            IpAddr::V6(ip) => {
                let netmask = std::net::Ipv6Addr::UNSPECIFIED;
                IfAddr::V6(Ifv6Addr {
                    ip,
                    netmask,
                    prefixlen: 64,
                    broadcast: None,
                })
            }
        };
        Interface {
            name: name.to_owned(),
            addr,
            index: None,
            oper_status: IfOperStatus::Up,
            is_p2p: false,
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    fn chosen(interfaces: &Interfaces, found: &[(&str, &str)]) -> Vec<String> {
        let found: Vec<_> = found.iter().map(|(name, ip)| interface(name, ip)).collect();
        interfaces
            .choose(&found)
            .iter()
            .map(IpAddr::to_string)
            .collect()
    }

    const MACHINE: [(&str, &str); 6] = [
        ("lo", "127.0.0.1"),
        ("lo", "::1"),
        ("eth0", "fd00::2"),
        ("eth0", "192.0.2.2"),
        ("eth0", "fe80::1"),
        ("docker0", "172.17.0.1"),
    ];

    #[test]
    fn bridges_link_local_addresses_and_loopback_are_left_out() {
        assert_eq!(
            chosen(&Interfaces::default(), &MACHINE),
            ["192.0.2.2", "fd00::2"]
        );
    }

    #[test]
    fn loopback_and_bridges_come_where_they_are_asked_for() {
        let all = Interfaces {
            loopback: true,
            exclude: Vec::new(),
            ..Interfaces::default()
        };
        let expected = ["192.0.2.2", "172.17.0.1", "fd00::2", "127.0.0.1", "::1"];
        assert_eq!(chosen(&all, &MACHINE), expected);
        let v4 = Interfaces { ipv6: false, ..all };
        assert_eq!(
            chosen(&v4, &MACHINE),
            ["192.0.2.2", "172.17.0.1", "127.0.0.1"]
        );
    }

    #[test]
    fn a_machine_without_a_network_has_loopback() {
        assert_eq!(
            chosen(&Interfaces::default(), &MACHINE[..2]),
            ["127.0.0.1", "::1"]
        );
    }
}
