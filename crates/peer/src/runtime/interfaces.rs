//! Which addresses of this machine sockets are bound to, and why the others are not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ieum_candidate::{Allowance, Unusable, usable};
use if_addrs::{IfAddr, Interface};

use super::Network;
use crate::core::mdns::Link;

/// Which addresses of this machine are used: those of every interface that is up, less what is left out here, less what
/// can be no candidate (link-local and the like: [`ieum_candidate::usable`]). Where nothing is left, it is as if
/// [`loopback`](Self::loopback) were on, so that two peers on a machine without a network still connect; every other
/// filter holds then too. With no address at all there is one candidate error, which says what left each out.
///
/// A name is as the system has it (`eth0`); with a `*` at its end it stands for all that begin so (`wlan*`).
///
/// ```
/// use ieum_peer::Interfaces;
///
/// let wired_office_network = Interfaces {
///     include: vec!["eth*".to_owned()],
///     networks: vec!["10.0.0.0/8".parse()?],
///     ..Interfaces::default()
/// };
/// # Ok::<(), ieum_peer::NotANetwork>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// Loopback addresses too. Default `false`.
    pub loopback: bool,
    /// The bridges and pairs of container and virtual machine hosts too (`docker0`, `veth...`, `virbr0` and the like),
    /// which no peer elsewhere reaches. Default `false`.
    pub containers: bool,
    /// IPv4 addresses. Default `true`.
    pub ipv4: bool,
    /// IPv6 addresses. Default `true`.
    pub ipv6: bool,
    /// Only interfaces of these names; empty, the default: of any. What is named here needs neither
    /// [`loopback`](Self::loopback) nor [`containers`](Self::containers).
    pub include: Vec<String>,
    /// No interfaces of these names, whatever else is said. Default: none.
    pub exclude: Vec<String>,
    /// Only addresses in these networks; empty, the default: in any.
    pub networks: Vec<Network>,
    /// No addresses in these networks, whatever else is said. Default: none.
    pub exclude_networks: Vec<Network>,
}

impl Default for Interfaces {
    fn default() -> Self {
        Self {
            loopback: false,
            containers: false,
            ipv4: true,
            ipv6: true,
            include: Vec::new(),
            exclude: Vec::new(),
            networks: Vec::new(),
            exclude_networks: Vec::new(),
        }
    }
}

impl Interfaces {
    /// Loopback and nothing else: for tests, and for two peers on one machine.
    #[must_use]
    pub fn only_loopback() -> Self {
        let loopback = [
            (Ipv4Addr::LOCALHOST.into(), 8),
            (Ipv6Addr::LOCALHOST.into(), 128),
        ];
        let network = |(ip, prefix)| Network::new(ip, prefix);
        Self {
            loopback: true,
            networks: loopback.into_iter().filter_map(network).collect(),
            ..Self::default()
        }
    }

    /// The usable addresses of a machine; loopback comes last. Which of IPv4 and IPv6 is tried first is the agent's to say (RFC 8421).
    pub(super) fn choose(&self, found: &[Interface]) -> Choice {
        let mut choice = self.sift(found, self.loopback);
        if choice.links.is_empty() {
            choice = self.sift(found, true);
        }
        let links = &mut choice.links;
        // An address that two interfaces have is bound once.
        links.sort_by_key(|link| (link.ip.is_loopback(), link.ip.is_ipv6()));
        links.dedup_by_key(|link| link.ip);
        choice
    }

    fn sift(&self, found: &[Interface], loopback: bool) -> Choice {
        let mut choice = Choice::default();
        for interface in found {
            match self.judge(interface, loopback) {
                Ok(()) => choice.links.push(link(interface)),
                Err(why) => {
                    let (name, ip) = (interface.name.clone(), interface.ip());
                    choice.left_out.push((name, ip, why));
                }
            }
        }
        choice
    }

    fn judge(&self, interface: &Interface, loopback: bool) -> Result<(), LeftOut> {
        let (name, ip) = (&interface.name, interface.ip());
        let is_named = matches_any(&self.include, name);
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(ip));
        let family = if ip.is_ipv4() { self.ipv4 } else { self.ipv6 };
        let is_container = matches_any(&CONTAINERS, name);
        let reasons = [
            (!interface.is_oper_up(), LeftOut::Down),
            (matches_any(&self.exclude, name), LeftOut::ExcludedName),
            (!self.include.is_empty() && !is_named, LeftOut::OtherName),
            (is_in(&self.exclude_networks), LeftOut::ExcludedNetwork),
            (
                !self.networks.is_empty() && !is_in(&self.networks),
                LeftOut::OtherNetwork,
            ),
            (!family, LeftOut::Family),
            (
                interface.is_loopback() && !loopback && !is_named,
                LeftOut::Loopback,
            ),
            (
                is_container && !self.containers && !is_named,
                LeftOut::Container,
            ),
        ];
        if let Some((_, why)) = reasons.into_iter().find(|(applies, _)| *applies) {
            return Err(why);
        }
        // Whether loopback is wanted was asked above.
        let allowance = Allowance {
            loopback: true,
            ..Allowance::default()
        };
        usable(ip, allowance).map_err(LeftOut::Address)
    }
}

/// Where the interfaces are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    /// Those that there are.
    pub(super) now: fn() -> Vec<Interface>,
    /// Those that there are, or were a moment ago.
    pub(super) recently: fn() -> Vec<Interface>,
}

impl Machine {
    /// This one.
    pub(super) fn this() -> Self {
        Self {
            now: found,
            recently: recent,
        }
    }
}

/// Those of this machine.
fn found() -> Vec<Interface> {
    // A machine that does not tell its interfaces has none that could be bound to.
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    *lock(&RECENT) = Some((Instant::now(), found.clone()));
    found
}

/// The same, as they were a moment ago: many connections begin at once, and asking takes as long as a key exchange.
fn recent() -> Vec<Interface> {
    let kept = lock(&RECENT).clone();
    match kept {
        Some((at, found)) if at.elapsed() < MOMENT => found,
        _ => found(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static RECENT: Mutex<Option<(Instant, Vec<Interface>)>> = Mutex::new(None);
/// How old what is known may be when a connection begins.
const MOMENT: Duration = Duration::from_millis(250);

/// What became of this machine's addresses.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// Those to bind to, and the links that they are on.
    pub(super) links: Vec<Link>,
    left_out: Vec<(String, IpAddr, LeftOut)>,
}

impl Choice {
    /// Why there is no address at all.
    pub(super) fn why_none(&self) -> String {
        let Some(rest) = self.left_out.len().checked_sub(MOST_TOLD) else {
            return self.tell(self.left_out.len());
        };
        match rest {
            0 => self.tell(MOST_TOLD),
            _ => format!("{}; and {rest} more", self.tell(MOST_TOLD)),
        }
    }

    fn tell(&self, count: usize) -> String {
        if count == 0 {
            return "this machine has no address".to_owned();
        }
        let told = self.left_out.iter().take(count);
        let told = told.map(|(name, ip, why)| format!("{name} {ip}: {why}"));
        let told: Vec<_> = told.collect();
        format!(
            "no address of this machine may be used: {}",
            told.join("; ")
        )
    }
}

fn link(interface: &Interface) -> Link {
    Link {
        ip: interface.ip(),
        prefix: match &interface.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        },
        index: interface.index.unwrap_or(0),
    }
}

/// Why an address is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    Down,
    ExcludedName,
    OtherName,
    ExcludedNetwork,
    OtherNetwork,
    Family,
    Loopback,
    Container,
    Address(Unusable),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "the interface is down",
            Self::ExcludedName => "its name is excluded",
            Self::OtherName => "its name is not among those to be used",
            Self::ExcludedNetwork => "its network is excluded",
            Self::OtherNetwork => "it is in none of the networks to be used",
            Self::Family => "its family is switched off",
            Self::Loopback => "loopback is switched off",
            Self::Container => "interfaces of containers are switched off",
            Self::Address(why) => return why.fmt(f),
        })
    }
}

fn matches_any(patterns: &[impl AsRef<str>], name: &str) -> bool {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    };
    patterns.iter().any(|pattern| matches(pattern.as_ref()))
}

/// How Docker, Podman, Kubernetes' networks, LXC, libvirt, VMware and VirtualBox name what they make on a host.
const CONTAINERS: [&str; 12] = [
    "docker*", "br-*", "veth*", "virbr*", "podman*", "cni*", "flannel*", "cali*", "lxcbr*",
    "lxdbr*", "vmnet*", "vboxnet*",
];
/// Addresses named in one error.
const MOST_TOLD: usize = 8;

#[cfg(test)]
mod tests;
