//! Network address translation in the terms of RFC 4787.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::Packet;

/// What the mapping or the filtering of a NAT depends on: RFC 4787 §4.1 and §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variation {
    /// On nothing: one public port for all destinations; anybody gets in through it.
    EndpointIndependent,
    /// On the other side's address: a public port for each; only addresses that were sent to get in.
    AddressDependent,
    /// On the other side's address and port: a public port for each ("symmetric"); only what was sent to gets in
    /// ("port-restricted").
    AddressAndPortDependent,
}

impl Variation {
    /// All of them.
    pub const ALL: [Variation; 3] = [
        Variation::EndpointIndependent,
        Variation::AddressDependent,
        Variation::AddressAndPortDependent,
    ];

    /// The part of an address that matters.
    fn part(self, address: SocketAddr) -> Option<SocketAddr> {
        match self {
            Variation::EndpointIndependent => None,
            Variation::AddressDependent => Some(SocketAddr::new(address.ip(), 0)),
            Variation::AddressAndPortDependent => Some(address),
        }
    }
}

/// A NAT with one public address.
#[derive(Debug, Clone)]
pub struct Nat {
    public: IpAddr,
    mapping: Variation,
    filtering: Variation,
    hairpin: bool,
    timeout: Option<Duration>,
    preserves_ports: bool,
    next_port: u16,
    /// From the private address (and where it sends to, as far as that matters) to the public port.
    ports: BTreeMap<(SocketAddr, Option<SocketAddr>), u16>,
    /// By public port.
    bindings: BTreeMap<u16, Binding>,
}

#[derive(Debug, Clone)]
struct Binding {
    private: SocketAddr,
    /// Whom something was sent to, as far as filtering cares, and when last.
    permitted: BTreeMap<Option<SocketAddr>, Instant>,
    used: Instant,
}

impl Nat {
    /// A NAT without bindings. It filters by address and port, does not hairpin, keeps its bindings for ever, and its
    /// public ports count up from 40001.
    pub fn new(public: IpAddr, mapping: Variation) -> Self {
        Nat {
            public,
            mapping,
            filtering: Variation::AddressAndPortDependent,
            hairpin: false,
            timeout: None,
            preserves_ports: false,
            next_port: 40000,
            ports: BTreeMap::new(),
            bindings: BTreeMap::new(),
        }
    }

    /// Whom it lets in (RFC 4787 §5).
    pub fn filtering(mut self, filtering: Variation) -> Self {
        self.filtering = filtering;
        self
    }

    /// Whether hosts behind it reach each other by its public address (RFC 4787 §6).
    pub fn hairpin(mut self, hairpin: bool) -> Self {
        self.hairpin = hairpin;
        self
    }

    /// How long a binding lives when nothing leaves through it (RFC 4787 §4.3).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the public port is the private one where that is free (RFC 4787 §4.2.1).
    pub fn preserve_ports(mut self, preserve: bool) -> Self {
        self.preserves_ports = preserve;
        self
    }

    /// Its public address.
    pub fn public(&self) -> IpAddr {
        self.public
    }

    /// Forgets all bindings, as a NAT does that restarts.
    pub fn forget(&mut self) {
        self.ports.clear();
        self.bindings.clear();
    }

    pub(crate) fn hairpins(&self) -> bool {
        self.hairpin
    }

    /// A packet leaves: it comes from a public port.
    pub(crate) fn outbound(&mut self, now: Instant, packet: &mut Packet) {
        self.expire(now);
        let key = (packet.from, self.mapping.part(packet.to));
        let port = match self.ports.get(&key) {
            Some(port) => *port,
            None => self.bind(now, key),
        };
        if let Some(binding) = self.bindings.get_mut(&port) {
            binding.used = now;
            binding
                .permitted
                .insert(self.filtering.part(packet.to), now);
        }
        packet.from = SocketAddr::new(self.public, port);
    }

    /// A packet arrives: it goes to the private address, if it is let in.
    pub(crate) fn inbound(&self, now: Instant, packet: &mut Packet) -> bool {
        let live = |binding: &&Binding| self.is_live(now, binding.used);
        let Some(binding) = self.bindings.get(&packet.to.port()).filter(live) else {
            return false;
        };
        packet.to = binding.private;
        let permitted = binding.permitted.get(&self.filtering.part(packet.from));
        permitted.is_some_and(|used| self.is_live(now, *used))
    }

    fn bind(&mut self, now: Instant, key: (SocketAddr, Option<SocketAddr>)) -> u16 {
        let wanted = key.0.port();
        let port = if self.preserves_ports && !self.bindings.contains_key(&wanted) {
            wanted
        } else {
            self.next_free()
        };
        self.ports.insert(key, port);
        let binding = Binding {
            private: key.0,
            permitted: BTreeMap::new(),
            used: now,
        };
        self.bindings.insert(port, binding);
        port
    }

    fn next_free(&mut self) -> u16 {
        loop {
            self.next_port = self.next_port.checked_add(1).unwrap_or(1024);
            if !self.bindings.contains_key(&self.next_port) {
                return self.next_port;
            }
        }
    }

    fn is_live(&self, now: Instant, used: Instant) -> bool {
        self.timeout.is_none_or(|timeout| now < used + timeout)
    }

    fn expire(&mut self, now: Instant) {
        let mut bindings = std::mem::take(&mut self.bindings);
        bindings.retain(|_, binding| self.is_live(now, binding.used));
        self.ports.retain(|_, port| bindings.contains_key(port));
        self.bindings = bindings;
    }
}
