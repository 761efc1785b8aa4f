//! Network address translation, RFC 4787: what is needed to see peers connect through it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::Packet;

/// How a NAT chooses the public port of a private address: RFC 4787 §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variation {
    /// One public port for all destinations.
    EndpointIndependent,
    /// Another public port for each destination ("symmetric").
    AddressAndPortDependent,
}

/// A NAT with one public address. It lets in only what comes from where something was sent to ("port-restricted",
/// RFC 4787 §5: address and port-dependent filtering).
#[derive(Debug)]
pub struct Nat {
    public: IpAddr,
    variation: Variation,
    next_port: u16,
    /// From the private address (and where it sends to, if that matters) to the public port.
    mappings: BTreeMap<(SocketAddr, Option<SocketAddr>), u16>,
    /// From the public port to the private address.
    private: BTreeMap<u16, SocketAddr>,
    /// From where each public port lets in.
    permitted: BTreeSet<(u16, SocketAddr)>,
}

impl Nat {
    /// A NAT without mappings. Public ports count up from 40000.
    pub fn new(public: IpAddr, variation: Variation) -> Self {
        Nat {
            public,
            variation,
            next_port: 40000,
            mappings: BTreeMap::new(),
            private: BTreeMap::new(),
            permitted: BTreeSet::new(),
        }
    }

    /// Whether packets to this address come to the NAT.
    pub(crate) fn owns(&self, address: SocketAddr) -> bool {
        address.ip() == self.public
    }

    /// A packet leaves: it comes from a public port.
    pub(crate) fn outbound(&mut self, packet: &mut Packet) {
        let destination =
            (self.variation == Variation::AddressAndPortDependent).then_some(packet.to);
        let port = *self
            .mappings
            .entry((packet.from, destination))
            .or_insert_with(|| {
                self.next_port += 1;
                self.next_port
            });
        self.private.insert(port, packet.from);
        self.permitted.insert((port, packet.to));
        packet.from = SocketAddr::new(self.public, port);
    }

    /// A packet arrives: it goes to the private address, if it is let in.
    pub(crate) fn inbound(&self, packet: &mut Packet) -> bool {
        let port = packet.to.port();
        let Some(private) = self.private.get(&port) else {
            return false;
        };
        packet.to = *private;
        self.permitted.contains(&(port, packet.from))
    }
}
