//! Why bytes are not a STUN message.

/// Why bytes are not a STUN message: the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
pub struct ParseError {
    /// Where, from the beginning of the datagram.
    pub offset: usize,
    /// What should have been there.
    pub expected: Expected,
}

impl ParseError {
    pub(crate) const fn new(offset: usize, expected: Expected) -> Self {
        Self { offset, expected }
    }
}

/// What a reader expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Expected {
    /// The datagram is shorter than a header.
    #[error("a header of 20 bytes")]
    Header,
    /// The two highest bits of a message are zero.
    #[error("two zero bits")]
    ZeroBits,
    /// Bytes 4 to 8 are 0x2112A442.
    #[error("the magic cookie")]
    MagicCookie,
    /// Only Binding requests are read as classic ones.
    #[error("a Binding request")]
    BindingRequest,
    /// A classic message has another transaction id than one that begins with 0x2112A442.
    #[error("no magic cookie in a message of RFC 3489")]
    NoMagicCookie,
    /// The length is a multiple of 4 and that of the datagram less 20.
    #[error("the length of what follows the header")]
    MessageLength,
    /// An attribute's value ends inside the message.
    #[error("an attribute that ends inside the message")]
    AttributeValue,
    /// MESSAGE-INTEGRITY has 20 bytes.
    #[error("20 bytes of MESSAGE-INTEGRITY")]
    IntegrityLength,
    /// MESSAGE-INTEGRITY-SHA256 has 16 to 32 bytes, a multiple of 4.
    #[error("16, 20, 24, 28 or 32 bytes of MESSAGE-INTEGRITY-SHA256")]
    IntegritySha256Length,
    /// FINGERPRINT has 4 bytes.
    #[error("4 bytes of FINGERPRINT")]
    FingerprintLength,
    /// FINGERPRINT is the last attribute.
    #[error("nothing after FINGERPRINT")]
    End,
}
