//! One agent of ours, and a peer written by hand: what it sends, and what it gets.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::{Agent, Config, Credentials, FiveTuple, Incoming, Role, SelectedPair};
use ieum_stun::{Class, Key, Message, MessageBuilder, Method, TransactionId};

pub const PWD: &str = "the peer's password, 22+";

/// Our agent, and what a peer needs to talk to it.
pub struct Scene {
    pub agent: Agent,
    pub now: Instant,
    pub base: SocketAddr,
    pub peer: SocketAddr,
    next_id: u8,
}

impl Scene {
    pub fn new(role: Role) -> Self {
        let mut agent = Agent::new(Config::new(role, [5; 32]));
        let (base, peer) = (
            "10.0.0.1:5000".parse().unwrap(),
            "10.0.0.2:6000".parse().unwrap(),
        );
        let now = Instant::now();
        agent.gather(now, &[base], &[]);
        Scene {
            agent,
            now,
            base,
            peer,
            next_id: 0,
        }
    }

    /// The peer's description, without candidates.
    pub fn described(mut self) -> Self {
        let credentials = Credentials {
            ufrag: "peer".into(),
            pwd: PWD.into(),
        };
        self.agent.set_remote_credentials(self.now, credentials);
        self
    }

    pub fn add_candidate(&mut self, line: &str) {
        self.agent
            .add_remote_candidate(self.now, line.parse().unwrap());
    }

    /// The peer sends a check with these attributes besides.
    pub fn check(
        &mut self,
        from: SocketAddr,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Incoming<'static> {
        self.next_id += 1;
        let local = self.agent.local_credentials().clone();
        let mut buf = Vec::new();
        let id = TransactionId([self.next_id; 12]);
        let mut message = MessageBuilder::new(&mut buf, Class::Request, Method::BINDING, id);
        message
            .username(&format!("{}:peer", local.ufrag))
            .priority(1_853_824_767);
        attributes(&mut message);
        message
            .integrity(&Key::short_term(&local.pwd))
            .fingerprint();
        self.deliver(from, &buf)
    }

    pub fn deliver(&mut self, from: SocketAddr, datagram: &[u8]) -> Incoming<'static> {
        match self
            .agent
            .handle_datagram(self.now, FiveTuple::udp(self.base, from), datagram)
        {
            Incoming::Handled => Incoming::Handled,
            Incoming::Ignored(reason) => Incoming::Ignored(reason),
            Incoming::Application(_) => panic!("not application data"),
        }
    }

    /// The next message of ours, read.
    pub fn sent_message<T>(&mut self, read: impl FnOnce(SocketAddr, &Message<'_>) -> T) -> T {
        let (to, bytes) = self.sent().expect("a message");
        read(to, &Message::parse(&bytes).unwrap())
    }

    /// The peer answers a check of ours: with success and the address that it saw, or with an error code.
    pub fn answer(
        &mut self,
        from: SocketAddr,
        id: TransactionId,
        with: Result<SocketAddr, u16>,
    ) -> Incoming<'static> {
        let mut buf = Vec::new();
        let class = if with.is_ok() {
            Class::Success
        } else {
            Class::Error
        };
        let mut message = MessageBuilder::new(&mut buf, class, Method::BINDING, id);
        match with {
            Ok(mapped) => message.xor_mapped_address(mapped),
            Err(code) => message.error_code(code, "no"),
        };
        message.integrity(&Key::short_term(PWD)).fingerprint();
        self.deliver(from, &buf)
    }

    /// The next message of ours.
    pub fn sent(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut buf = Vec::new();
        let transmit = self.agent.poll_transmit(self.now, &mut buf)?;
        Some((transmit.five_tuple.remote, buf))
    }

    /// All messages of ours: the peer answers the checks. Says how many of them, and how many nominated.
    pub fn answer_all(&mut self) -> (usize, usize) {
        let (mut checks, mut nominations) = (0, 0);
        while let Some((to, bytes)) = self.sent() {
            let message = Message::parse(&bytes).unwrap();
            if message.class() != Class::Request {
                continue;
            }
            let key = Key::short_term(PWD);
            assert!(message.verify_integrity(&key).is_ok());
            assert_eq!(message.has_valid_fingerprint(), Some(true));
            checks += 1;
            nominations += usize::from(message.use_candidate());
            let mut buf = Vec::new();
            MessageBuilder::new(
                &mut buf,
                Class::Success,
                Method::BINDING,
                message.transaction_id(),
            )
            .xor_mapped_address(self.base)
            .integrity(&key)
            .fingerprint();
            assert_eq!(self.deliver(to, &buf), Incoming::Handled);
        }
        (checks, nominations)
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.answer_all();
        }
        self.now = end;
    }

    /// Time passes, and nothing of ours is answered.
    pub fn be_deaf(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
        }
        self.now = end;
        while self.sent().is_some() {}
    }

    pub fn selected(&self) -> Option<(SocketAddr, bool)> {
        let SelectedPair {
            remote, nominated, ..
        } = self.agent.selected_pair()?;
        Some((remote.socket_addr().unwrap(), *nominated))
    }
}
