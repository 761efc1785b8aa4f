//! Every filter, on machines that are made up.

use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

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
        .links
        .iter()
        .map(|link| link.ip.to_string())
        .collect()
}

const MACHINE: [(&str, &str); 9] = [
    ("lo", "127.0.0.1"),
    ("lo", "::1"),
    ("eth0", "fd00::2"),
    ("eth0", "192.0.2.2"),
    ("eth0", "fe80::1"),
    ("eth1", "10.0.0.2"),
    ("wlan0", "10.9.0.2"),
    ("docker0", "172.17.0.1"),
    ("br-7f3a", "172.18.0.1"),
];

/// Everything that a filter may let through.
fn open() -> Interfaces {
    Interfaces {
        loopback: true,
        containers: true,
        ..Interfaces::default()
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn networks(networks: &[&str]) -> Vec<Network> {
    networks.iter().map(|it| it.parse().unwrap()).collect()
}

#[test]
fn loopback_containers_and_link_local_addresses_are_left_out_unless_asked_for() {
    let usual = ["192.0.2.2", "10.0.0.2", "10.9.0.2", "fd00::2"];
    assert_eq!(chosen(&Interfaces::default(), &MACHINE), usual);
    let all = [
        "192.0.2.2",
        "10.0.0.2",
        "10.9.0.2",
        "172.17.0.1",
        "172.18.0.1",
        "fd00::2",
        "127.0.0.1",
        "::1",
    ];
    assert_eq!(chosen(&open(), &MACHINE), all);
}

#[test]
fn only_included_names_are_used() {
    let include = |list| Interfaces {
        include: names(list),
        ..Interfaces::default()
    };
    assert_eq!(chosen(&include(&["eth1"]), &MACHINE), ["10.0.0.2"]);
    let wired = ["192.0.2.2", "10.0.0.2", "fd00::2"];
    assert_eq!(chosen(&include(&["eth*"]), &MACHINE), wired);
    // A name is no prefix.
    assert!(chosen(&include(&["eth"]), &MACHINE).is_empty());
    // Who names it wants it.
    assert_eq!(
        chosen(&include(&["docker0", "lo"]), &MACHINE),
        ["172.17.0.1", "127.0.0.1", "::1"]
    );
}

#[test]
fn excluded_names_are_never_used_not_even_included_ones() {
    let exclude = Interfaces {
        exclude: names(&["eth0", "wlan*"]),
        ..Interfaces::default()
    };
    assert_eq!(chosen(&exclude, &MACHINE), ["10.0.0.2"]);
    let both = Interfaces {
        include: names(&["eth*"]),
        exclude: names(&["eth0"]),
        ..open()
    };
    assert_eq!(chosen(&both, &MACHINE), ["10.0.0.2"]);
}

#[test]
fn a_family_that_is_switched_off_is_not_used() {
    let v4 = Interfaces {
        ipv6: false,
        ..open()
    };
    assert!(chosen(&v4, &MACHINE).iter().all(|ip| !ip.contains(':')));
    let v6 = Interfaces {
        ipv4: false,
        ..open()
    };
    assert_eq!(chosen(&v6, &MACHINE), ["fd00::2", "::1"]);
}

#[test]
fn only_addresses_in_the_networks_and_none_in_excluded_ones_are_used() {
    let inside = Interfaces {
        networks: networks(&["10.0.0.0/8", "fd00::2"]),
        ..open()
    };
    assert_eq!(
        chosen(&inside, &MACHINE),
        ["10.0.0.2", "10.9.0.2", "fd00::2"]
    );
    let less = Interfaces {
        exclude_networks: networks(&["10.9.0.0/16"]),
        ..inside
    };
    assert_eq!(chosen(&less, &MACHINE), ["10.0.0.2", "fd00::2"]);
}

#[test]
fn a_machine_without_a_network_has_loopback_if_no_filter_speaks_against_it() {
    assert_eq!(
        chosen(&Interfaces::default(), &MACHINE[..2]),
        ["127.0.0.1", "::1"]
    );
    let v4 = Interfaces {
        ipv6: false,
        ..Interfaces::default()
    };
    assert_eq!(chosen(&v4, &MACHINE[..2]), ["127.0.0.1"]);
    for filters in [
        Interfaces {
            include: names(&["eth7"]),
            ..Interfaces::default()
        },
        Interfaces {
            networks: networks(&["198.51.100.0/24"]),
            ..Interfaces::default()
        },
        Interfaces {
            exclude: names(&["*"]),
            ..Interfaces::default()
        },
    ] {
        assert!(chosen(&filters, &MACHINE).is_empty(), "{filters:?}");
    }
}

#[test]
fn with_no_address_the_reason_of_each_is_told() {
    let found: Vec<_> = MACHINE
        .iter()
        .map(|(name, ip)| interface(name, ip))
        .collect();
    let filters = Interfaces {
        include: names(&["eth0"]),
        networks: networks(&["10.0.0.0/8"]),
        ..Interfaces::default()
    };
    let why = filters.choose(&found).why_none();
    assert!(
        why.contains("eth1 10.0.0.2: its name is not among"),
        "{why}"
    );
    assert!(
        why.contains("eth0 192.0.2.2: it is in none of the networks"),
        "{why}"
    );
    assert!(why.ends_with("; and 1 more"), "{why}");
    assert_eq!(Choice::default().why_none(), "this machine has no address");
}

#[test]
fn an_interface_that_is_down_is_not_used() {
    let mut down = interface("eth0", "192.0.2.2");
    down.oper_status = IfOperStatus::Down;
    assert!(open().choose(&[down]).links.is_empty());
}
