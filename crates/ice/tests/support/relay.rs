//! A STUN and TURN server as a node, in good health or not.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use ieum_ice::framing::Framing;
use ieum_ice::{FiveTuple, ServerKind, Transport};
use ieum_netsim::{Node, Packet, StreamAction, StreamEvent};
use ieum_stun::{Class, Key, Message, MessageBuilder, Method, PasswordAlgorithm};
use ieum_turn::server::{self as turn, RelayId};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::{SECRET, UNIX_TIME, address, packet, tcp};

/// What is wrong with a server. Times count from when it was plugged in.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Of 100 packets that it gets or sends, how many it drops.
    pub drops: u64,
    /// All that it sends comes so much later.
    pub late: Duration,
    /// It answers to Allocate with this error.
    pub refuses: Option<u16>,
    /// It sends its clients to this address, and to this name where it is not empty.
    pub sends_to: Option<(&'static str, &'static str)>,
    /// It starts anew then: all allocations and nonces are lost.
    pub restarts: Vec<Duration>,
    /// It hears and says nothing.
    pub silent: Vec<Range<Duration>>,
}

impl Faults {
    /// When all that happens at a certain time has happened.
    pub fn over(&self) -> Duration {
        let silences = self.silent.iter().map(|when| when.end);
        let times = self.restarts.iter().copied().chain(silences);
        times.max().unwrap_or_default()
    }
}

/// A STUN and TURN server with its relay sockets.
pub struct Relay {
    pub server: turn::Server,
    pub listen: SocketAddr,
    faults: Faults,
    began: Instant,
    random: ChaCha8Rng,
    relays: Vec<(RelayId, SocketAddr)>,
    next_port: u16,
    /// In the order in which it leaves: what is late is late by the same time.
    out: VecDeque<(Instant, Packet)>,
    /// Its clients over TCP. What is late or lost is so only over UDP.
    pub tcp: tcp::Tcp,
    /// Nothing is answered or forwarded.
    pub dead: bool,
}

impl Relay {
    pub fn new(now: Instant, listen: &str, faults: Faults) -> Self {
        Relay {
            server: server(now, 0),
            listen: address(listen),
            faults,
            began: now,
            random: ChaCha8Rng::seed_from_u64(9),
            relays: Vec::new(),
            next_port: 50000,
            out: VecDeque::new(),
            tcp: tcp::Tcp::default(),
            dead: false,
        }
    }

    fn serve(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            match event {
                turn::Event::OpenRelay { id, .. } => {
                    self.next_port += 1;
                    let address = SocketAddr::new(self.listen.ip(), self.next_port);
                    self.relays.push((id, address));
                    self.server.relay_opened(now, id, Ok(address));
                }
                turn::Event::CloseRelay { id } => self.relays.retain(|(relay, _)| *relay != id),
                other => panic!("{other:?}"),
            }
        }
        let mut buf = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(now, &mut buf) {
            self.put(now, transmit.five_tuple, std::mem::take(&mut buf));
        }
    }

    fn put(&mut self, now: Instant, way: FiveTuple, message: Vec<u8>) {
        match way.transport {
            Transport::Udp if self.loses(now) => {}
            Transport::Udp => {
                let leaves = now + self.faults.late;
                self.out.push_back((leaves, packet(way, message)));
            }
            _ => self.tcp.send(way, &message),
        }
    }

    /// Whether a packet does not get in, or out, now.
    fn loses(&mut self, now: Instant) -> bool {
        let age = now - self.began;
        self.dead
            || self.faults.silent.iter().any(|when| when.contains(&age))
            || self.random.next_u64() % 100 < self.faults.drops
    }

    fn restart_if_due(&mut self, now: Instant) {
        let due = |at: &&Duration| self.began + **at <= now;
        let count = self.faults.restarts.iter().filter(due).count();
        if count > 0 {
            self.faults.restarts.retain(|at| self.began + *at > now);
            self.server = server(now, self.next_port);
            self.relays.clear();
        }
    }

    /// The answer that sends a client on, which is signed, if this is an Allocate.
    fn redirection(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let (server, domain) = self.faults.sends_to?;
        let message = Message::parse(datagram).ok()?;
        let (username, realm) = (message.username()?, message.realm()?);
        let algorithm = message.password_algorithm().and_then(Result::ok);
        let algorithm = algorithm.unwrap_or(PasswordAlgorithm::Md5);
        let ServerKind::Turn { password, .. } = super::turn(server).kind else {
            unreachable!()
        };
        let key = Key::long_term_with(algorithm, username, realm, &password);
        let (mut answer, id) = (Vec::new(), message.transaction_id());
        let mut builder = MessageBuilder::new(&mut answer, Class::Error, Method::ALLOCATE, id);
        builder
            .error_code(300, "elsewhere")
            .alternate_server(address(server));
        if !domain.is_empty() {
            builder.alternate_domain(domain);
        }
        builder
            .integrity_as(message.integrity()?, &key)
            .fingerprint();
        Some(answer)
    }

    /// The error that it answers with, if this is an Allocate that it refuses.
    fn refusal(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let code = self.faults.refuses?;
        let message = Message::parse(datagram).ok()?;
        if (message.class(), message.method()) != (Class::Request, Method::ALLOCATE) {
            return None;
        }
        let (mut answer, id) = (Vec::new(), message.transaction_id());
        MessageBuilder::new(&mut answer, Class::Error, Method::ALLOCATE, id)
            .error_code(code, "not today")
            .fingerprint();
        Some(answer)
    }

    /// Takes what a client or a peer has sent.
    fn take(&mut self, now: Instant, way: FiveTuple, datagram: &[u8]) {
        let refusal = self.refusal(datagram);
        if let Some(answer) = refusal.or_else(|| self.redirection(datagram)) {
            return self.put(now, way, answer);
        }
        let is_relay = |(_, address): &&(RelayId, SocketAddr)| *address == way.local;
        let forward = match self.relays.iter().find(is_relay).copied() {
            Some((id, _)) => self.server.handle_relayed(now, id, way.remote, datagram),
            None => self.server.handle_datagram(now, way, datagram),
        };
        if let Some(forward) = forward {
            let mut payload = Vec::new();
            forward.write_to(&mut payload);
            let way = forward.five_tuple;
            self.put(now, way, payload);
        }
        self.serve(now);
    }
}

fn server(now: Instant, generation: u16) -> turn::Server {
    let mut seed = [9; 32];
    seed[..2].copy_from_slice(&generation.to_be_bytes());
    turn::Server::new(now, turn::Config::new("test", SECRET, UNIX_TIME, seed))
}

impl Node for Relay {
    fn owns(&self, address: SocketAddr) -> bool {
        address.ip() == self.listen.ip()
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        self.restart_if_due(now);
        if self.loses(now) {
            return;
        }
        self.take(now, FiveTuple::udp(packet.to, packet.from), &packet.payload);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.restart_if_due(now);
        self.server.handle_timeout(now);
        self.serve(now);
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        let (at, _) = self.out.front()?;
        if *at > now {
            return None;
        }
        self.out.pop_front().map(|(_, packet)| packet)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let late = self.out.front().map(|(at, _)| *at);
        let restart = self.faults.restarts.iter().map(|at| self.began + *at);
        restart.chain(late).chain(self.server.poll_timeout()).min()
    }

    fn listens(&self, address: SocketAddr) -> bool {
        address == self.listen && !self.dead
    }

    fn handle_stream(&mut self, now: Instant, event: StreamEvent) {
        match event {
            StreamEvent::Accepted {
                stream,
                local,
                remote,
            } => {
                let way = FiveTuple {
                    transport: Transport::Tcp,
                    local,
                    remote,
                };
                self.tcp.accept(None, stream, way, Framing::Turn);
            }
            StreamEvent::Data(stream, bytes) => {
                for (way, message) in self.tcp.receive(stream, &bytes) {
                    self.take(now, way, &message);
                }
            }
            StreamEvent::Closed(stream) => {
                self.tcp.open.remove(&stream);
            }
            StreamEvent::Opened { .. } | StreamEvent::Refused { .. } => {}
        }
        self.serve(now);
    }

    fn poll_stream(&mut self, _: Instant) -> Option<StreamAction> {
        self.tcp.poll()
    }
}
