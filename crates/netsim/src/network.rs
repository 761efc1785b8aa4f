//! The clock, and the packets on their way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::routes::{Routes, Stopped, Summit};
use crate::streams::{End, Streams};
use crate::{Firewall, Nat, Node, Packet, StreamAction, StreamEvent, Wire};

/// A node of a [`Network`], in the order of [`Network::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// A NAT of a [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NatId(pub(crate) usize);

/// What a [`Network`] has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that nodes sent.
    pub sent: u64,
    /// Packets that nodes got.
    pub delivered: u64,
    /// Packets lost on a link.
    pub lost: u64,
    /// Packets that arrived twice.
    pub duplicated: u64,
    /// Packets too long for their link.
    pub too_long: u64,
    /// Packets stopped by a firewall.
    pub blocked: u64,
    /// Packets to nobody, or refused by a NAT.
    pub unroutable: u64,
    /// Timeouts that nodes handled.
    pub timeouts: u64,
}

/// Nodes, links between them, and one clock for all.
pub struct Network<N> {
    origin: Instant,
    now: Instant,
    random: ChaCha8Rng,
    nodes: Vec<N>,
    routes: Routes,
    wire: Wire,
    wires: BTreeMap<(NodeId, NodeId), Wire>,
    access: BTreeMap<(NodeId, IpAddr), Wire>,
    in_flight: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: BTreeMap<u64, (Summit, Packet)>,
    streams: Streams,
    next_number: u64,
    /// When the last packet arrives that keeps its place, by sender and receiver.
    last_arrival: BTreeMap<(NodeId, Option<NodeId>), Instant>,
    statistics: Statistics,
    /// Timeouts in a row for which the clock did not move.
    stuck: u32,
}

impl<N: Node> Network<N> {
    /// An empty network in which every link is like this one.
    pub fn new(seed: u64, wire: impl Into<Wire>) -> Self {
        let origin = Instant::now();
        Network {
            origin,
            now: origin,
            random: ChaCha8Rng::seed_from_u64(seed),
            nodes: Vec::new(),
            routes: Routes::default(),
            wire: wire.into(),
            wires: BTreeMap::new(),
            access: BTreeMap::new(),
            in_flight: BinaryHeap::new(),
            packets: BTreeMap::new(),
            streams: Streams::default(),
            next_number: 0,
            last_arrival: BTreeMap::new(),
            statistics: Statistics::default(),
            stuck: 0,
        }
    }

    /// The time in the network.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The time since the network was made.
    pub fn elapsed(&self) -> Duration {
        self.now - self.origin
    }

    /// What was counted.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &N {
        &self.nodes[id.0]
    }

    /// A node, to act on it. What it then sends leaves with the next step.
    pub fn node_mut(&mut self, id: NodeId) -> &mut N {
        &mut self.nodes[id.0]
    }

    /// Plugs a node in: all its interfaces are in the internet, unless something else is said of them.
    pub fn add(&mut self, node: N) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// Puts a NAT into the internet, or behind another NAT.
    pub fn add_nat(&mut self, nat: Nat, behind: Option<NatId>) -> NatId {
        self.routes.add_nat(nat, behind)
    }

    /// A NAT, to act on it.
    pub fn nat_mut(&mut self, id: NatId) -> &mut Nat {
        self.routes.nat_mut(id)
    }

    /// Puts a node behind a NAT of its own.
    pub fn put_behind(&mut self, id: NodeId, nat: Nat) -> NatId {
        let nat = self.add_nat(nat, None);
        self.routes.put_node(id, nat);
        nat
    }

    /// Puts a node behind a NAT that is there already: it shares the network inside with all that are behind it.
    pub fn put_with(&mut self, id: NodeId, nat: NatId) {
        self.routes.put_node(id, nat);
    }

    /// Puts one interface of a node behind a NAT (`None`: into the internet), wherever the others are.
    pub fn put_interface(&mut self, id: NodeId, ip: IpAddr, behind: Option<NatId>) {
        self.routes.put_interface(id, ip, behind);
    }

    /// Takes an interface up or down. Nothing leaves or arrives while it is down.
    pub fn set_interface_up(&mut self, id: NodeId, ip: IpAddr, up: bool) {
        self.routes.set_up(id, ip, up);
    }

    /// Puts a firewall in front of a node, inside of any NAT.
    pub fn protect(&mut self, id: NodeId, firewall: Firewall) {
        self.routes.protect(id, firewall);
    }

    /// Changes all links that were not set one by one.
    pub fn set_link(&mut self, wire: impl Into<Wire>) {
        self.wire = wire.into();
    }

    /// Changes the link from one node to another, in this direction only.
    pub fn set_link_between(&mut self, from: NodeId, to: NodeId, wire: impl Into<Wire>) {
        self.wires.insert((from, to), wire.into());
    }

    /// Gives one interface a link of its own, which everything takes that leaves or arrives by it, besides the others.
    pub fn set_access(&mut self, id: NodeId, ip: IpAddr, wire: impl Into<Wire>) {
        self.access.insert((id, ip), wire.into());
    }

    /// Runs until `done`, or until nothing is left to happen before `limit` (from now on). Says whether it is done;
    /// if not, `limit` is over.
    ///
    /// # Panics
    /// If a node sends without end, or asks to be woken again and again while the clock stands still.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = self.now + limit;
        loop {
            self.collect();
            if done(self) {
                return true;
            }
            self.collect();
            match self.next_event() {
                Some(at) if at <= deadline => self.step(at),
                _ => {
                    self.now = deadline;
                    return false;
                }
            }
        }
    }

    /// Runs for this long.
    ///
    /// # Panics
    /// As [`run_until`](Self::run_until).
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    /// When something happens next; `None`: never again.
    pub fn next_event(&self) -> Option<Instant> {
        let timeouts = self.nodes.iter().filter_map(Node::poll_timeout);
        let arrival = self.in_flight.peek().map(|Reverse((at, _))| *at);
        let stream = self.streams.next_arrival();
        timeouts.chain(arrival).chain(stream).min()
    }

    fn step(&mut self, at: Instant) {
        if at > self.now {
            self.now = at;
            self.stuck = 0;
        }
        if let Some((NodeId(index), event)) = self.streams.take_due(self.now) {
            return self.nodes[index].handle_stream(self.now, event);
        }
        match self.in_flight.peek() {
            Some(Reverse((arrival, _))) if *arrival <= self.now => self.deliver(),
            _ => self.wake(),
        }
    }

    fn deliver(&mut self) {
        let Some(Reverse((_, number))) = self.in_flight.pop() else {
            return;
        };
        let Some((summit, mut packet)) = self.packets.remove(&number) else {
            return;
        };
        match self
            .routes
            .descend(self.now, &self.nodes, summit, &mut packet)
        {
            Ok(NodeId(index)) => {
                self.statistics.delivered += 1;
                self.nodes[index].handle_packet(self.now, &packet);
            }
            Err(stopped) => self.count(stopped),
        }
    }

    fn wake(&mut self) {
        self.stuck += 1;
        assert!(
            self.stuck < STUCK,
            "a node asks to be woken although nothing is due"
        );
        for node in &mut self.nodes {
            if node.poll_timeout().is_some_and(|at| at <= self.now) {
                self.statistics.timeouts += 1;
                node.handle_timeout(self.now);
            }
        }
    }

    /// Takes what the nodes want to send.
    fn collect(&mut self) {
        for index in 0..self.nodes.len() {
            let mut burst = 0;
            while let Some(packet) = self.nodes[index].poll_packet(self.now) {
                burst += 1;
                assert!(burst < STUCK, "a node sends without end");
                self.send(NodeId(index), packet);
            }
            while let Some(action) = self.nodes[index].poll_stream(self.now) {
                burst += 1;
                assert!(burst < STUCK, "a node sends without end");
                self.act(NodeId(index), action);
            }
        }
    }

    fn send(&mut self, from: NodeId, mut packet: Packet) {
        self.statistics.sent += 1;
        let interface = packet.from.ip();
        let summit = match self.routes.climb(self.now, &self.nodes, from, &mut packet) {
            Ok(summit) => summit,
            Err(stopped) => return self.count(stopped),
        };
        let to = self
            .routes
            .destination(self.now, &self.nodes, summit, &packet);
        let wire = self.wire(from, interface, to);
        if packet.payload.len() > wire.mtu {
            self.statistics.too_long += 1;
            return;
        }
        if self.dice() < wire.link.loss {
            self.statistics.lost += 1;
            return;
        }
        if self.dice() < wire.duplication {
            self.statistics.duplicated += 1;
            self.put_on(wire, from, to, summit, packet.clone());
        }
        self.put_on(wire, from, to, summit, packet);
    }

    fn act(&mut self, node: NodeId, action: StreamAction) {
        match action {
            StreamAction::Connect { key, from, to } => self.connect(node, key, from, to),
            StreamAction::Write(stream, bytes) => {
                let Some((ours, theirs)) = self.streams.ends(stream, node) else {
                    return;
                };
                let down = |end: End| self.routes.is_down(end.node, end.ip);
                if down(ours) || down(theirs) {
                    // What is lost is never made up for: nothing that follows may arrive.
                    return self.streams.close(stream);
                }
                let arrival = self.arrival(ours, theirs);
                let event = StreamEvent::Data(stream, bytes);
                self.streams.send(stream, theirs.node, arrival, event);
            }
            StreamAction::Close(stream) => {
                if let Some((ours, theirs)) = self.streams.ends(stream, node) {
                    let arrival = self.arrival(ours, theirs);
                    let event = StreamEvent::Closed(stream);
                    self.streams.send(stream, theirs.node, arrival, event);
                    self.streams.close(stream);
                }
            }
        }
    }

    /// Opens a stream: the other end knows a delay later, this one after another.
    fn connect(&mut self, node: NodeId, key: u64, from: IpAddr, to: SocketAddr) {
        let local = SocketAddr::new(from, self.streams.port());
        let mut packet = Packet {
            from: local,
            to,
            payload: Vec::new(),
        };
        let other = match self
            .routes
            .connect(self.now, &self.nodes, node, &mut packet)
        {
            Ok(other) => other,
            Err(stopped) => return self.count(stopped),
        };
        let ours = End::new(node, from, self.now);
        let theirs = End::new(other, packet.to.ip(), self.now);
        let there = self.arrival(ours, theirs);
        let back = there + (self.arrival(theirs, ours) - self.now);
        if !self.nodes[other.0].listens(packet.to) {
            let event = StreamEvent::Refused { key };
            return self.streams.post(node, back, event);
        }
        let stream = self.streams.open([ours, theirs]);
        let (seen_at, seen) = (packet.to, packet.from);
        let accepted = StreamEvent::Accepted {
            stream,
            local: seen_at,
            remote: seen,
        };
        self.streams.send(stream, other, there, accepted);
        let opened = StreamEvent::Opened { key, stream, local };
        self.streams.send(stream, node, back, opened);
    }

    fn arrival(&self, from: End, to: End) -> Instant {
        let wire = self.wire(from.node, from.ip, Some((to.node, to.ip)));
        self.now + wire.link.delay
    }

    fn wire(&self, from: NodeId, interface: IpAddr, to: Option<(NodeId, IpAddr)>) -> Wire {
        let between = to.and_then(|(to, _)| self.wires.get(&(from, to)));
        let ends = [Some((from, interface)), to];
        let access = ends
            .iter()
            .flatten()
            .filter_map(|interface| self.access.get(interface));
        access.fold(*between.unwrap_or(&self.wire), |wire, access| {
            wire.then(*access)
        })
    }

    fn put_on(
        &mut self,
        wire: Wire,
        from: NodeId,
        to: Option<(NodeId, IpAddr)>,
        summit: Summit,
        packet: Packet,
    ) {
        let mut arrival = self.now + wire.link.delay;
        if wire.jitter > Duration::ZERO {
            arrival += wire.jitter.mul_f64(self.dice());
        }
        if wire.reordering > 0.0 && self.dice() < wire.reordering {
            arrival += wire.link.delay.mul_f64(0.5 + self.dice());
        } else {
            let last = self.last_arrival.entry((from, to.map(|(to, _)| to)));
            let last = last.or_insert(arrival);
            // Without jitter there is nothing to put in order, and a link that became faster may overtake.
            if wire.jitter > Duration::ZERO {
                arrival = arrival.max(*last);
            }
            *last = arrival;
        }
        self.next_number += 1;
        self.in_flight.push(Reverse((arrival, self.next_number)));
        self.packets.insert(self.next_number, (summit, packet));
    }

    fn count(&mut self, stopped: Stopped) {
        match stopped {
            Stopped::Nowhere => self.statistics.unroutable += 1,
            Stopped::Blocked => self.statistics.blocked += 1,
        }
    }

    /// From 0 to 1: 53 bits make a fair number.
    fn dice(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// So many times in a row is a loop.
const STUCK: u32 = 10_000;
