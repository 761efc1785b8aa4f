//! What STUN and TURN are started with.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ieum_turn::server as machine;

use super::Certificate;

/// What STUN and TURN are started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients reach it.
    pub listen: Listen,
    /// The certificate for [`Listen::tls`], which is not listened on without one.
    pub certificate: Option<Certificate>,
    /// Another address and another port than the first of [`Listen::udp`], for NAT behaviour discovery (RFC 5780):
    /// both addresses are listened on at both ports, over UDP.
    pub alternate: Option<SocketAddr>,
    /// The addresses that relayed ports are opened on. Empty: the listening addresses; behind a wildcard, the
    /// addresses that packets to the internet leave from.
    pub relays: Vec<RelayAddress>,
    /// The ports that relays are opened on; `None`: whichever the system gives.
    pub ports: Option<RangeInclusive<u16>>,
    /// Threads, each with its own sockets. More than one needs `SO_REUSEPORT`, which Linux and the BSDs have; elsewhere
    /// there is one.
    pub workers: usize,
    /// How many connections over TCP and TLS.
    pub connections: Connections,
    /// Whether clients may have relays of TCP (RFC 6062), where the system can: unix.
    pub tcp_relays: bool,
    /// Credentials, limits, peers: what the machine of each thread is told. Limits are those of all threads together.
    /// The unix time, the number of the worker, the abilities, the quotas and the discovery in it are of no account.
    pub machine: machine::Config,
}

impl Config {
    /// As [`Config::new`], with a machine that has no credentials yet and a seed from the operating system.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn fresh(realm: &str) -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let mut machine = machine::Config::new(realm, &[], 0, seed);
        machine.secrets.clear();
        machine.software = Some(concat!("ieum ", env!("CARGO_PKG_VERSION")).to_owned());
        Ok(Self::new(machine))
    }

    /// The addresses that relays are opened on where [`Config::relays`] names none.
    #[must_use]
    pub fn own_relays(&self) -> Vec<RelayAddress> {
        let Listen { udp, tcp, tls } = &self.listen;
        let listening: Vec<_> = udp.iter().chain(tcp).chain(tls).copied().collect();
        super::addresses::default_relays(&listening)
    }

    /// Lets peers be reached at this machine's own addresses on ports of relays only: so clients of this server reach
    /// each other, and nothing else that listens here.
    pub fn protect_own(&mut self) {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let relays = match self.relays.is_empty() {
            true => self.own_relays(),
            false => self.relays.clone(),
        };
        let peers = &mut self.machine.peers;
        for relay in &relays {
            peers.allowed.push(relay.ip.into());
            peers
                .own
                .extend([Some(relay.ip), relay.external].into_iter().flatten());
        }
        peers
            .own
            .extend(interfaces.iter().map(if_addrs::Interface::ip));
        // What is on loopback is for tests, which switch it on by name.
        peers.own.retain(|ip| !ip.is_loopback());
        peers
            .allowed
            .retain(|range| !range.contains(std::net::Ipv4Addr::LOCALHOST.into()));
    }

    /// Listens nowhere yet; one thread, and the machine's own defaults.
    #[must_use]
    pub fn new(machine: machine::Config) -> Self {
        Self {
            listen: Listen::default(),
            certificate: None,
            alternate: None,
            relays: Vec::new(),
            ports: None,
            workers: 1,
            connections: Connections::default(),
            tcp_relays: true,
            machine,
        }
    }
}

/// Where clients reach it. The unspecified address means every interface; port 0 any free one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// UDP.
    pub udp: Vec<SocketAddr>,
    /// TCP.
    pub tcp: Vec<SocketAddr>,
    /// TLS over TCP, and DTLS over UDP on the same port.
    pub tls: Vec<SocketAddr>,
}

/// An address that relayed ports are opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    /// This machine's own address.
    pub ip: IpAddr,
    /// What peers reach it by, where it stands behind a 1:1 NAT.
    pub external: Option<IpAddr>,
}

impl From<IpAddr> for RelayAddress {
    fn from(ip: IpAddr) -> Self {
        Self { ip, external: None }
    }
}

/// How many connections over TCP and TLS, and how long without an allocation; those that are one too many are closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// In all.
    pub total: usize,
    /// From one IPv4 address, or one IPv6 /64, on each thread.
    pub per_source: usize,
    /// How long a client may stay without an allocation, its TLS handshake included: 30 s by default. Then it is closed.
    pub allocate_within: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 16_384,
            per_source: 256,
            allocate_within: Duration::from_secs(30),
        }
    }
}
