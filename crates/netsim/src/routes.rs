//! Who is where: which interfaces and NATs are in which network, and the way of a packet between them.
//!
//! Every NAT has one network inside, and is itself in another one: the internet, or the inside of another NAT. A packet
//! climbs outwards, translated by each NAT that it leaves, until its destination is in the network that it is in; from
//! there it descends through the NATs that it enters, if they let it in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use crate::{Firewall, Nat, NatId, Node, NodeId, Packet};

/// A network: the internet, or the inside of a NAT.
pub(crate) type Zone = Option<NatId>;

#[derive(Debug, Default)]
pub(crate) struct Routes {
    nats: Vec<Nat>,
    /// The network that each NAT is in.
    outside: Vec<Zone>,
    /// The network of a node, where it is not the internet.
    nodes: BTreeMap<NodeId, NatId>,
    /// The network of one interface, where it is not that of its node.
    interfaces: BTreeMap<(NodeId, IpAddr), Zone>,
    down: BTreeSet<(NodeId, IpAddr)>,
    firewalls: BTreeMap<NodeId, Firewall>,
}

/// Why a packet did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Nobody has the address, or a NAT has refused it.
    Nowhere,
    /// By a firewall.
    Blocked,
}

/// Where a packet has reached the network that its destination is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summit(Zone);

impl Routes {
    pub(crate) fn add_nat(&mut self, nat: Nat, outside: Zone) -> NatId {
        self.nats.push(nat);
        self.outside.push(outside);
        NatId(self.nats.len() - 1)
    }

    pub(crate) fn nat_mut(&mut self, id: NatId) -> &mut Nat {
        &mut self.nats[id.0]
    }

    pub(crate) fn put_node(&mut self, node: NodeId, nat: NatId) {
        self.nodes.insert(node, nat);
    }

    pub(crate) fn put_interface(&mut self, node: NodeId, ip: IpAddr, zone: Zone) {
        self.interfaces.insert((node, ip), zone);
    }

    pub(crate) fn set_up(&mut self, node: NodeId, ip: IpAddr, up: bool) {
        match up {
            true => self.down.remove(&(node, ip)),
            false => self.down.insert((node, ip)),
        };
    }

    pub(crate) fn protect(&mut self, node: NodeId, firewall: Firewall) {
        self.firewalls.insert(node, firewall);
    }

    /// A packet leaves its node: it climbs, and its source is translated on the way.
    pub(crate) fn climb<N: Node>(
        &mut self,
        now: Instant,
        nodes: &[N],
        from: NodeId,
        packet: &mut Packet,
    ) -> Result<Summit, Stopped> {
        if self.down.contains(&(from, packet.from.ip())) {
            return Err(Stopped::Nowhere);
        }
        let mut firewall = self.firewalls.get_mut(&from);
        if firewall.as_mut().is_some_and(|it| !it.lets_out(packet)) {
            return Err(Stopped::Blocked);
        }
        self.ascend(now, nodes, from, packet)
    }

    fn ascend<N: Node>(
        &mut self,
        now: Instant,
        nodes: &[N],
        from: NodeId,
        packet: &mut Packet,
    ) -> Result<Summit, Stopped> {
        let mut zone = self.zone(from, packet.from.ip());
        loop {
            if self.node_in(nodes, zone, packet).is_some() || self.nat_in(zone, packet).is_some() {
                return Ok(Summit(zone));
            }
            let Some(id) = zone else {
                return Err(Stopped::Nowhere);
            };
            let nat = &mut self.nats[id.0];
            let returns = packet.to.ip() == nat.public();
            if returns && !nat.hairpins() {
                return Err(Stopped::Nowhere);
            }
            nat.outbound(now, packet);
            zone = self.outside[id.0];
        }
    }

    /// A stream is opened: NATs translate its first packet like any other, firewalls have rules of their own for it.
    pub(crate) fn connect<N: Node>(
        &mut self,
        now: Instant,
        nodes: &[N],
        from: NodeId,
        packet: &mut Packet,
    ) -> Result<NodeId, Stopped> {
        if self.is_down(from, packet.from.ip()) {
            return Err(Stopped::Nowhere);
        }
        let summit = self.ascend(now, nodes, from, packet)?;
        let node = self.arrive(now, nodes, summit, packet)?;
        let refused = |firewall: &Firewall| !firewall.lets_stream_in();
        match self.firewalls.get(&node).is_some_and(refused) {
            true => Err(Stopped::Blocked),
            false => Ok(node),
        }
    }

    pub(crate) fn is_down(&self, node: NodeId, ip: IpAddr) -> bool {
        self.down.contains(&(node, ip))
    }

    /// A packet arrives: it descends, and its destination is translated on the way.
    pub(crate) fn descend<N: Node>(
        &self,
        now: Instant,
        nodes: &[N],
        summit: Summit,
        packet: &mut Packet,
    ) -> Result<NodeId, Stopped> {
        let node = self.arrive(now, nodes, summit, packet)?;
        let refused = |firewall: &Firewall| !firewall.lets_in(packet);
        match self.firewalls.get(&node).is_some_and(refused) {
            true => Err(Stopped::Blocked),
            false => Ok(node),
        }
    }

    fn arrive<N: Node>(
        &self,
        now: Instant,
        nodes: &[N],
        Summit(mut zone): Summit,
        packet: &mut Packet,
    ) -> Result<NodeId, Stopped> {
        loop {
            if let Some(node) = self.node_in(nodes, zone, packet) {
                return Ok(node);
            }
            let nat = self.nat_in(zone, packet).ok_or(Stopped::Nowhere)?;
            if !self.nats[nat.0].inbound(now, packet) {
                return Err(Stopped::Nowhere);
            }
            zone = Some(nat);
        }
    }

    /// Whom a packet would reach, without changing anything.
    pub(crate) fn destination<N: Node>(
        &self,
        now: Instant,
        nodes: &[N],
        Summit(mut zone): Summit,
        packet: &Packet,
    ) -> Option<(NodeId, IpAddr)> {
        let mut packet = packet.clone();
        loop {
            if let Some(node) = self.node_in(nodes, zone, &packet) {
                return Some((node, packet.to.ip()));
            }
            let nat = self.nat_in(zone, &packet)?;
            if !self.nats[nat.0].inbound(now, &mut packet) {
                return None;
            }
            zone = Some(nat);
        }
    }

    fn zone(&self, node: NodeId, ip: IpAddr) -> Zone {
        let own = self.interfaces.get(&(node, ip)).copied();
        own.unwrap_or_else(|| self.nodes.get(&node).copied())
    }

    fn node_in<N: Node>(&self, nodes: &[N], zone: Zone, packet: &Packet) -> Option<NodeId> {
        let ip = packet.to.ip();
        let is_it = |id: &NodeId| {
            nodes[id.0].owns(packet.to)
                && self.zone(*id, ip) == zone
                && !self.down.contains(&(*id, ip))
        };
        (0..nodes.len()).map(NodeId).find(is_it)
    }

    /// The NAT in this network that has the packet's destination as its public address.
    fn nat_in(&self, zone: Zone, packet: &Packet) -> Option<NatId> {
        let mut all = self.nats.iter().zip(&self.outside);
        let is_it =
            |(nat, outside): (&Nat, &Zone)| *outside == zone && nat.public() == packet.to.ip();
        all.position(is_it).map(NatId)
    }
}
