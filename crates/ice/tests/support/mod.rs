//! Agents, a STUN and a TURN server as nodes of a virtual network, and a call between two agents.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

mod relay;
pub mod tcp;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::{
    Agent, Base, Config, Credentials, Event, FiveTuple, GatheringState, Incoming, Reason, Role,
    Server, ServerKind, State, Transport, TransportPolicy,
};
use ieum_netsim::{Link, Network, Node, NodeId, Packet, StreamAction, StreamEvent};
pub use relay::{Faults, Relay};

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An agent with its sockets.
pub struct Peer {
    pub agent: Agent,
    pub bases: Vec<SocketAddr>,
    pub tcp: tcp::Tcp,
    pub events: Vec<Event>,
    pub received: Vec<Vec<u8>>,
    pub ignored: Vec<Reason>,
    /// Every packet that came, and when.
    pub log: Vec<(Instant, Packet)>,
    out: VecDeque<Packet>,
    /// Nothing is delivered, nothing is sent.
    pub dead: bool,
}

impl Peer {
    pub fn new(agent: Agent, bases: &[&str]) -> Self {
        let bases = bases.iter().map(|base| address(base)).collect();
        Peer {
            agent,
            bases,
            tcp: tcp::Tcp::default(),
            events: Vec::new(),
            received: Vec::new(),
            ignored: Vec::new(),
            log: Vec::new(),
            out: VecDeque::new(),
            dead: false,
        }
    }

    pub fn gather(&mut self, now: Instant, servers: &[Server]) {
        let bases = self.bases.clone();
        self.agent.gather(now, &bases, servers);
    }

    /// Gathers on UDP and TCP, and listens on the latter where it is passive.
    pub fn gather_on(&mut self, now: Instant, bases: &[Base], servers: &[Server]) {
        for base in bases {
            if let Base::TcpPassive(address) = base {
                self.tcp.passive.push(*address);
            }
        }
        self.agent.gather_on(now, bases, servers);
    }

    fn take(&mut self, now: Instant, from: FiveTuple, datagram: &[u8]) {
        match self.agent.handle_datagram(now, from, datagram) {
            Incoming::Handled => {}
            Incoming::Application(payload) => self.received.push(payload.to_vec()),
            Incoming::Ignored(reason) => self.ignored.push(reason),
        }
    }

    /// Sends application data over the selected pair.
    pub fn send(&mut self, payload: &[u8]) -> bool {
        let Some(headroom) = self.agent.headroom() else {
            return false;
        };
        let mut datagram = vec![0; headroom];
        datagram.extend_from_slice(payload);
        let Some(transmit) = self.agent.send(&mut datagram, None) else {
            return false;
        };
        assert_eq!(transmit.len, datagram.len());
        match transmit.five_tuple.transport {
            Transport::Udp => self.out.push_back(packet(transmit.five_tuple, datagram)),
            _ => self.tcp.send(transmit.five_tuple, &datagram),
        }
        true
    }

    /// What was selected, in the words of the candidate lines: local and remote kind.
    pub fn selected(&self) -> Option<(String, String)> {
        let pair = self.agent.selected_pair()?;
        Some((pair.local.kind.to_string(), pair.remote.kind.to_string()))
    }
}

impl Node for Peer {
    fn owns(&self, address: SocketAddr) -> bool {
        self.bases.contains(&address) || self.tcp.listens(address)
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        if self.dead {
            return;
        }
        self.log.push((now, packet.clone()));
        let from = FiveTuple::udp(packet.to, packet.from);
        self.take(now, from, &packet.payload);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        if let Some(packet) = self.out.pop_front() {
            return Some(packet);
        }
        let mut buf = Vec::new();
        while let Some(transmit) = self.agent.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.len, buf.len());
            match transmit.five_tuple.transport {
                _ if self.dead => {}
                Transport::Udp => return Some(packet(transmit.five_tuple, buf)),
                _ => self.tcp.send(transmit.five_tuple, &buf),
            }
            buf.clear();
        }
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.agent.poll_timeout()
    }

    fn listens(&self, address: SocketAddr) -> bool {
        self.tcp.listens(address)
    }

    fn handle_stream(&mut self, now: Instant, event: StreamEvent) {
        if self.dead {
            return;
        }
        for (from, message) in self.tcp.handle(now, &mut self.agent, event) {
            self.take(now, from, &message);
        }
    }

    fn poll_stream(&mut self, _: Instant) -> Option<StreamAction> {
        self.tcp.serve(&mut self.agent);
        self.tcp.poll().filter(|_| !self.dead)
    }
}

fn packet(five_tuple: FiveTuple, payload: Vec<u8>) -> Packet {
    Packet {
        from: five_tuple.local,
        to: five_tuple.remote,
        payload,
    }
}

/// What the network is made of.
pub enum Host {
    Peer(Box<Peer>),
    Relay(Box<Relay>),
}

impl Host {
    fn node(&self) -> &dyn Node {
        match self {
            Host::Peer(peer) => &**peer,
            Host::Relay(relay) => &**relay,
        }
    }

    fn node_mut(&mut self) -> &mut dyn Node {
        match self {
            Host::Peer(peer) => &mut **peer,
            Host::Relay(relay) => &mut **relay,
        }
    }
}

impl Node for Host {
    fn owns(&self, address: SocketAddr) -> bool {
        self.node().owns(address)
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        self.node_mut().handle_packet(now, packet);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.node_mut().handle_timeout(now);
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        self.node_mut().poll_packet(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node().poll_timeout()
    }

    fn listens(&self, address: SocketAddr) -> bool {
        self.node().listens(address)
    }

    fn handle_stream(&mut self, now: Instant, event: StreamEvent) {
        self.node_mut().handle_stream(now, event);
    }

    fn poll_stream(&mut self, now: Instant) -> Option<StreamAction> {
        self.node_mut().poll_stream(now)
    }
}

/// Two agents on one network, and the signaling between them, which takes no time.
pub struct Call {
    pub network: Network<Host>,
    pub a: NodeId,
    pub b: NodeId,
    /// Whether the candidates of A (of B) are told to the other.
    pub tells: [bool; 2],
}

pub struct Setup {
    pub seed: u64,
    pub delay: Duration,
    pub loss: f64,
    pub roles: [Role; 2],
    pub policies: [TransportPolicy; 2],
    pub bases: [&'static [&'static str]; 2],
    /// Changes the configuration of A (0) and of B (1).
    pub change: fn(usize, &mut Config),
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            delay: ms(10),
            loss: 0.0,
            roles: [Role::Controlling, Role::Controlled],
            policies: [TransportPolicy::All; 2],
            bases: [&["10.0.0.1:5000"], &["10.0.0.2:6000"]],
            change: |_, _| (),
        }
    }
}

impl Setup {
    pub fn call(self) -> Call {
        let mut network = Network::new(
            self.seed,
            Link {
                delay: self.delay,
                loss: self.loss,
            },
        );
        let [a, b] = [0, 1].map(|side| {
            let mut seed = [side as u8 + 1; 32];
            seed[..8].copy_from_slice(&self.seed.to_be_bytes());
            let mut config = Config::new(self.roles[side], seed);
            config.transport_policy = self.policies[side];
            (self.change)(side, &mut config);
            network.add(Host::Peer(Box::new(Peer::new(
                Agent::new(config),
                self.bases[side],
            ))))
        });
        Call {
            network,
            a,
            b,
            tells: [true; 2],
        }
    }
}

impl Call {
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    pub fn peer(&mut self, id: NodeId) -> &mut Peer {
        peer(&mut self.network, id)
    }

    pub fn both(&self) -> [NodeId; 2] {
        [self.a, self.b]
    }

    pub fn add_relay(&mut self, listen: &str) -> NodeId {
        self.add_flaky_relay(listen, Faults::default())
    }

    pub fn add_flaky_relay(&mut self, listen: &str, faults: Faults) -> NodeId {
        let relay = Relay::new(self.now(), listen, faults);
        self.network.add(Host::Relay(Box::new(relay)))
    }

    pub fn gather(&mut self, servers: &[Server]) {
        let now = self.now();
        for id in self.both() {
            self.peer(id).gather(now, servers);
        }
    }

    /// What the descriptions carry besides credentials.
    pub fn exchange_options(&mut self) {
        let (now, both) = (self.now(), self.both());
        for (from, to) in [(both[0], both[1]), (both[1], both[0])] {
            let options = self.peer(from).agent.local_options();
            self.peer(to).agent.set_remote_options(now, options);
        }
    }

    pub fn tell_credentials(&mut self, from: NodeId, to: NodeId) {
        let now = self.now();
        let credentials = self.peer(from).agent.local_credentials().clone();
        self.peer(to).agent.set_remote_credentials(now, credentials);
    }

    /// As a description does that carries all candidates.
    pub fn tell_candidates(&mut self, from: NodeId, to: NodeId) {
        let now = self.now();
        let candidates: Vec<_> = self.peer(from).agent.local_candidates().cloned().collect();
        let agent = &mut self.peer(to).agent;
        for candidate in candidates {
            agent.add_remote_candidate(now, candidate);
        }
        agent.end_of_remote_candidates(now);
    }

    /// Offer and answer, both at once.
    pub fn exchange_credentials(&mut self) {
        let (a, b) = (self.a, self.b);
        self.tell_credentials(a, b);
        self.tell_credentials(b, a);
    }

    /// Runs until it is so, and says when, from now on. Trickles candidates meanwhile.
    pub fn until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Peer, &mut Peer) -> bool,
    ) -> Option<Duration> {
        let (a, b, tells, start) = (self.a, self.b, self.tells, self.now());
        let over = self.network.run_until(limit, |network| {
            trickle(network, a, b, tells[0]);
            trickle(network, b, a, tells[1]);
            // Two of one network cannot be borrowed at once: look at one after the other.
            let mut first = std::mem::replace(network.node_mut(a), placeholder());
            let result = match (&mut first, network.node_mut(b)) {
                (Host::Peer(a), Host::Peer(b)) => done(a, b),
                _ => unreachable!(),
            };
            *network.node_mut(a) = first;
            result
        });
        over.then(|| self.now() - start)
    }

    pub fn run(&mut self, duration: Duration) {
        self.until(duration, |_, _| false);
    }

    /// Until both can send.
    pub fn connect(&mut self, limit: Duration) -> Option<Duration> {
        self.until(limit, |a, b| {
            a.agent.headroom().is_some() && b.agent.headroom().is_some()
        })
    }

    /// Until both have the nominated pair.
    pub fn nominate(&mut self, limit: Duration) -> Option<Duration> {
        let nominated = |peer: &Peer| {
            peer.agent
                .selected_pair()
                .is_some_and(|pair| pair.nominated)
        };
        self.until(limit, |a, b| nominated(a) && nominated(b))
    }

    /// Until both have a nominated pair that works, after one that does not.
    pub fn nominate_again(&mut self, limit: Duration) -> Option<Duration> {
        let works = |peer: &Peer| {
            let pair = peer.agent.selected_pair();
            pair.is_some_and(|pair| pair.nominated) && peer.agent.state() != State::Disconnected
        };
        self.until(limit, |a, b| works(a) && works(b))
    }

    /// Data gets through, both ways.
    pub fn assert_data_flows(&mut self) {
        let (a, b) = (self.a, self.b);
        for (from, to) in [(a, b), (b, a)] {
            self.peer(to).received.clear();
            assert!(self.peer(from).send(b"\x80hello"));
            self.run(ms(200));
            assert_eq!(self.peer(to).received, [b"\x80hello"]);
        }
    }

    pub fn states(&mut self) -> [State; 2] {
        self.both().map(|id| self.peer(id).agent.state())
    }
}

pub fn peer(network: &mut Network<Host>, id: NodeId) -> &mut Peer {
    match network.node_mut(id) {
        Host::Peer(peer) => peer,
        Host::Relay(_) => panic!("not an agent"),
    }
}

fn placeholder() -> Host {
    Host::Peer(Box::new(Peer::new(
        Agent::new(Config::new(Role::Controlled, [0; 32])),
        &[],
    )))
}

/// Takes one side's events; tells its candidates to the other.
fn trickle(network: &mut Network<Host>, from: NodeId, to: NodeId, tells: bool) {
    let now = network.now();
    while let Some(event) = peer(network, from).agent.poll_event() {
        match &event {
            Event::Candidate(candidate) if tells => {
                peer(network, to)
                    .agent
                    .add_remote_candidate(now, candidate.clone());
            }
            Event::GatheringState(GatheringState::Complete) if tells => {
                peer(network, to).agent.end_of_remote_candidates(now);
            }
            _ => {}
        }
        peer(network, from).events.push(event);
    }
}

pub fn stun(at: &str) -> Server {
    Server {
        url: format!("stun:{at}"),
        addr: address(at),
        transport: Transport::Udp,
        server_name: None,
        kind: ServerKind::Stun,
    }
}

pub fn turn(at: &str) -> Server {
    let credentials = ieum_turn::credentials::issue(SECRET, "test", UNIX_TIME + 86_400);
    let kind = ServerKind::Turn {
        username: credentials.username,
        password: credentials.password,
    };
    Server {
        url: format!("turn:{at}"),
        addr: address(at),
        transport: Transport::Udp,
        server_name: None,
        kind,
    }
}

pub fn credentials(ufrag: &str, pwd: &str) -> Credentials {
    Credentials {
        ufrag: ufrag.into(),
        pwd: pwd.into(),
    }
}

const SECRET: &[u8] = b"a secret that nobody knows";
const UNIX_TIME: u64 = 1_700_000_000;
