//! A client, and a server that is written out here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{Class, Key, Message, MessageBuilder, code};
use ieum_turn::FiveTuple;
use ieum_turn::client::{Client, Config, Event, Received};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn relayed() -> SocketAddr {
    address("203.0.113.1:50000")
}

pub(crate) fn base() -> SocketAddr {
    address("198.51.100.1:5000")
}

pub(crate) fn server() -> SocketAddr {
    address("203.0.113.1:3478")
}

pub(crate) fn peer() -> SocketAddr {
    address("192.0.2.7:6000")
}

pub(crate) fn key() -> Key {
    Key::long_term("alice", "example.org", "secret")
}

/// A client, and what it has sent last.
pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) client: Client,
    pub(crate) sent: Vec<u8>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(FiveTuple::udp(base(), server()), |_| ())
    }

    pub(crate) fn with(way: FiveTuple, change: impl FnOnce(&mut Config)) -> Self {
        let now = Instant::now();
        let mut config = Config::new(way, "alice", "secret", [1; 32]);
        change(&mut config);
        let client = Client::new(now, config);
        let sent = Vec::new();
        Self { now, client, sent }
    }

    /// One that has been challenged.
    pub(crate) fn challenged() -> Self {
        Self::new().after_challenge()
    }

    pub(crate) fn after_challenge(mut self) -> Self {
        assert_eq!(self.next().username(), None);
        self.refuse(code::UNAUTHENTICATED, None);
        self
    }

    /// One that has an allocation.
    pub(crate) fn allocated() -> Self {
        Self::challenged().after_allocate()
    }

    pub(crate) fn allocated_with(change: impl FnOnce(&mut Config)) -> Self {
        let way = FiveTuple::udp(base(), server());
        Self::with(way, change).after_challenge().after_allocate()
    }

    pub(crate) fn after_allocate(mut self) -> Self {
        assert_eq!(self.next().verify_integrity(&key()), Ok(()));
        assert_eq!(self.succeed(Some(&key())), Received::Handled);
        let (relayed, reflexive) = (relayed(), base());
        assert_eq!(self.event(), Some(Event::Allocated { relayed, reflexive }));
        self
    }

    pub(crate) fn event(&mut self) -> Option<Event> {
        self.client.poll_event()
    }

    pub(crate) fn is_silent(&mut self) -> bool {
        self.client
            .poll_transmit(self.now, &mut Vec::new())
            .is_none()
    }

    pub(crate) fn wait(&mut self, seconds: u32) {
        self.now += seconds * SECOND;
        self.client.handle_timeout(self.now);
    }

    /// The next request.
    pub(crate) fn next(&mut self) -> Message<'_> {
        self.sent.clear();
        let transmit = self.client.poll_transmit(self.now, &mut self.sent).unwrap();
        assert_eq!(transmit.len, self.sent.len());
        let message = Message::parse(&self.sent).unwrap();
        assert_eq!(message.has_valid_fingerprint(), Some(true));
        message
    }

    pub(crate) fn answer(
        &mut self,
        class: Class,
        key: Option<&Key>,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Received<'static> {
        let request = Message::parse(&self.sent).unwrap();
        let mut bytes = Vec::new();
        let (method, id) = (request.method(), request.transaction_id());
        let mut message = MessageBuilder::new(&mut bytes, class, method, id);
        attributes(&mut message);
        if let Some(key) = key {
            message.integrity(key);
        }
        match self.client.handle_datagram(self.now, &bytes) {
            Received::Handled => Received::Handled,
            Received::Ignored(ignored) => Received::Ignored(ignored),
            Received::Data { .. } => panic!("an answer is no data"),
        }
    }

    pub(crate) fn succeed(&mut self, key: Option<&Key>) -> Received<'static> {
        self.answer(Class::Success, key, |m| {
            m.xor_relayed_address(relayed())
                .xor_mapped_address(base())
                .lifetime(600 * SECOND);
        })
    }

    pub(crate) fn refuse(&mut self, code: u16, key: Option<&Key>) -> Received<'static> {
        self.answer(Class::Error, key, |m| {
            m.error_code(code, "no").realm("example.org").nonce("nonce");
        })
    }
}
