//! The clock, and the packets on their way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{Nat, Node, Packet};

/// What happens to packets from one node to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// One way.
    pub delay: Duration,
    /// The share of packets that are lost, 0.0 to 1.0.
    pub loss: f64,
}

/// A node of a [`Network`], in the order of [`Network::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(usize);

/// What a [`Network`] has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that nodes sent.
    pub sent: u64,
    /// Packets that nodes got.
    pub delivered: u64,
    /// Packets lost on a link.
    pub lost: u64,
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
    nats: BTreeMap<NodeId, Nat>,
    link: Link,
    links: BTreeMap<(NodeId, NodeId), Link>,
    in_flight: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: BTreeMap<u64, (NodeId, Packet)>,
    statistics: Statistics,
    /// Timeouts in a row for which the clock did not move.
    stuck: u32,
}

impl<N: Node> Network<N> {
    /// An empty network in which every link is like `link`.
    pub fn new(seed: u64, link: Link) -> Self {
        let origin = Instant::now();
        Network {
            origin,
            now: origin,
            random: ChaCha8Rng::seed_from_u64(seed),
            nodes: Vec::new(),
            nats: BTreeMap::new(),
            link,
            links: BTreeMap::new(),
            in_flight: BinaryHeap::new(),
            packets: BTreeMap::new(),
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

    /// Plugs a node in.
    pub fn add(&mut self, node: N) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// Puts a node behind a NAT of its own.
    pub fn put_behind(&mut self, id: NodeId, nat: Nat) {
        self.nats.insert(id, nat);
    }

    /// Changes all links that were not set one by one.
    pub fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    /// Changes the link from one node to another, in this direction only.
    pub fn set_link_between(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.links.insert((from, to), link);
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
        timeouts.chain(arrival).min()
    }

    fn step(&mut self, at: Instant) {
        if at > self.now {
            self.now = at;
            self.stuck = 0;
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
        let Some((from, mut packet)) = self.packets.remove(&number) else {
            return;
        };
        match self.route(from, &mut packet) {
            Some(NodeId(index)) => {
                self.statistics.delivered += 1;
                self.nodes[index].handle_packet(self.now, &packet);
            }
            None => self.statistics.unroutable += 1,
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

    /// Whom a packet reaches. A node behind a NAT is reached directly only by itself.
    fn route(&self, from: NodeId, packet: &mut Packet) -> Option<NodeId> {
        let behind = self.nats.iter().find(|(_, nat)| nat.owns(packet.to));
        if let Some((id, nat)) = behind {
            return nat.inbound(packet).then_some(*id);
        }
        let id = NodeId(self.nodes.iter().position(|node| node.owns(packet.to))?);
        (id == from || !self.nats.contains_key(&id)).then_some(id)
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
        }
    }

    fn send(&mut self, from: NodeId, mut packet: Packet) {
        self.statistics.sent += 1;
        if let Some(nat) = self.nats.get_mut(&from) {
            nat.outbound(&mut packet);
        }
        let to = self.route(from, &mut packet.clone());
        let link = to
            .and_then(|to| self.links.get(&(from, to)))
            .copied()
            .unwrap_or(self.link);
        // 53 bits make a fair number from 0 to 1.
        let dice = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        if dice < link.loss {
            self.statistics.lost += 1;
            return;
        }
        let number = self.statistics.sent;
        self.in_flight
            .push(Reverse((self.now + link.delay, number)));
        self.packets.insert(number, (from, packet));
    }
}

/// So many times in a row is a loop.
const STUCK: u32 = 10_000;
