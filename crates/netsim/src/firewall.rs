//! Firewalls: what leaves a host, and what gets in as an answer to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::Packet;

/// A firewall in front of one node. It lets in only answers: packets from where the same address has sent to.
#[derive(Debug, Clone, Default)]
pub struct Firewall {
    blocks_udp: bool,
    lets_streams_in: bool,
    open_ports: BTreeSet<u16>,
    flows: BTreeSet<(SocketAddr, SocketAddr)>,
}

impl Firewall {
    /// Everything may leave, only answers get in.
    pub fn stateful() -> Self {
        Firewall::default()
    }

    /// No UDP leaves, and so none gets in. Streams may leave, as from behind any firewall.
    pub fn blocking_udp() -> Self {
        Firewall {
            blocks_udp: true,
            ..Firewall::default()
        }
    }

    /// Lets packets to this remote port leave all the same.
    pub fn open_port(mut self, port: u16) -> Self {
        self.open_ports.insert(port);
        self
    }

    /// Lets streams in, as in front of a server.
    pub fn with_streams(mut self) -> Self {
        self.lets_streams_in = true;
        self
    }

    pub(crate) fn lets_stream_in(&self) -> bool {
        self.lets_streams_in
    }

    pub(crate) fn lets_out(&mut self, packet: &Packet) -> bool {
        let free = !self.blocks_udp || self.open_ports.contains(&packet.to.port());
        if free {
            self.flows.insert((packet.from, packet.to));
        }
        free
    }

    pub(crate) fn lets_in(&self, packet: &Packet) -> bool {
        self.flows.contains(&(packet.to, packet.from))
    }
}
