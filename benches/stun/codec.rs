//! What a codec does for a connectivity check, and ours.

use ieum_stun::{Class, Key, Message, MessageBuilder, Method, TransactionId};

pub(crate) const USERNAME: &str = "kG9wAbCd:9qZrXyTw";
pub(crate) const PASSWORD: &str = "nOe0f4vJ3kK8lQwPz1xYcB7d";
pub(crate) const PRIORITY: u32 = 1_845_494_271;
pub(crate) const TIE_BREAKER: u64 = 0x1122_3344_5566_7788;
pub(crate) const ID: [u8; 12] = [7; 12];

/// A Binding request of ICE with USERNAME, PRIORITY, ICE-CONTROLLING, MESSAGE-INTEGRITY and FINGERPRINT: 96 bytes.
pub(crate) trait Codec {
    /// The crate, and what it leaves out.
    const NAME: &str;

    /// Keeps what can be worked out once for a connection.
    fn new() -> Self;

    /// Writes the request, signed and with a fingerprint; gives its bytes.
    fn build(&mut self) -> &[u8];

    /// Reads a request and does not look at its signature.
    fn parse(&self, datagram: &[u8]) -> Option<Check>;

    /// Reads a request; `None` where its signature (or its fingerprint, where the crate looks at it) is wrong.
    fn verify(&self, datagram: &[u8]) -> Option<Check>;
}

/// What an agent wants to know of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) username: usize,
    pub(crate) priority: u32,
    pub(crate) tie_breaker: u64,
}

impl Check {
    /// What everybody must read in the request of the benchmark.
    pub(crate) const EXPECTED: Self = Self {
        username: USERNAME.len(),
        priority: PRIORITY,
        tie_breaker: TIE_BREAKER,
    };
}

pub(crate) struct Ours {
    key: Key,
    buffer: Vec<u8>,
}

impl Codec for Ours {
    const NAME: &str = "ieum-stun";

    fn new() -> Self {
        Self {
            key: Key::short_term(PASSWORD),
            buffer: Vec::with_capacity(128),
        }
    }

    fn build(&mut self) -> &[u8] {
        self.buffer.clear();
        let id = TransactionId(ID);
        MessageBuilder::new(&mut self.buffer, Class::Request, Method::BINDING, id)
            .username(USERNAME)
            .priority(PRIORITY)
            .ice_controlling(TIE_BREAKER)
            .integrity(&self.key)
            .fingerprint();
        &self.buffer
    }

    fn parse(&self, datagram: &[u8]) -> Option<Check> {
        read(&Message::parse(datagram).ok()?)
    }

    fn verify(&self, datagram: &[u8]) -> Option<Check> {
        let message = Message::parse(datagram).ok()?;
        if message.has_valid_fingerprint() != Some(true) {
            return None;
        }
        message.verify_integrity(&self.key).ok()?;
        read(&message)
    }
}

fn read(message: &Message<'_>) -> Option<Check> {
    Some(Check {
        username: message.username()?.len(),
        priority: message.priority()?,
        tie_breaker: message.ice_controlling()?,
    })
}
