//! What STUN and TURN are started with.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ieum_turn::server as machine;

/// What STUN and TURN are started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients reach it.
    pub listen: Listen,
    /// The addresses that relayed ports are opened on. Empty: the listening addresses; behind a wildcard, the
    /// addresses that packets to the internet leave from.
    pub relays: Vec<RelayAddress>,
    /// The ports that relays are opened on; `None`: whichever the system gives.
    pub ports: Option<RangeInclusive<u16>>,
    /// Threads, each with its own sockets. More than one needs `SO_REUSEPORT`, which Linux and the BSDs have.
    pub workers: usize,
    /// Credentials, limits, peers: what the machine of each thread is told. The unix time in it is of no account.
    pub machine: machine::Config,
}

/// Where clients reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// UDP. The unspecified address means every interface; port 0 any free one.
    pub udp: Vec<SocketAddr>,
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
