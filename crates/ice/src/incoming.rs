//! What became of a datagram.

/// What became of a datagram given to [`Agent::handle_datagram`](crate::Agent::handle_datagram).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The agent kept it: it was part of gathering, checking, consent or relaying.
    Handled,
    /// The peer's application data, already unwrapped where it came through a relay.
    Application(&'a [u8]),
    /// It was of no use, and was counted.
    Ignored(Reason),
}

/// Why a datagram (or a remote candidate) was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The agent is closed or failed.
    Closed,
    /// It came to an address that is not one of our bases.
    UnknownLocal,
    /// It is no STUN, and its sender has not proven that it is the peer.
    UnknownPeer,
    /// It begins like STUN and is not.
    Malformed,
    /// A STUN message of a method or class that no ICE peer sends.
    Unexpected,
    /// A check without the attributes that RFC 8445 §7.1 asks for.
    Incomplete,
    /// A check for other credentials than ours: of an earlier call, or somebody else's.
    WrongUsername,
    /// MESSAGE-INTEGRITY is missing or wrong: it does not know the password.
    WrongIntegrity,
    /// FINGERPRINT is wrong: the datagram was damaged.
    WrongFingerprint,
    /// An answer to nothing that is still waited for: late, to a cancelled check, or made up.
    UnknownTransaction,
    /// An answer that came another way than its question went (RFC 8445 §7.2.5.2.1).
    Asymmetric,
    /// A direct check, where only relayed candidates may be used.
    Policy,
    /// Over one of the [`Limits`](crate::Limits).
    Limit,
    /// From a TURN server, and of no use to its client.
    Relay,
    /// A TCP connection whose other end has not proven to be the peer in time.
    Unproven,
    /// A remote candidate of a component, transport or address that cannot be used here.
    UnusableCandidate,
    /// A remote candidate of an earlier or later generation (its `ufrag` is not the peer's).
    StaleCandidate,
}

impl Reason {
    /// All reasons, in order.
    pub const ALL: [Reason; 17] = [
        Reason::Closed,
        Reason::UnknownLocal,
        Reason::UnknownPeer,
        Reason::Malformed,
        Reason::Unexpected,
        Reason::Incomplete,
        Reason::WrongUsername,
        Reason::WrongIntegrity,
        Reason::WrongFingerprint,
        Reason::UnknownTransaction,
        Reason::Asymmetric,
        Reason::Policy,
        Reason::Limit,
        Reason::Relay,
        Reason::Unproven,
        Reason::UnusableCandidate,
        Reason::StaleCandidate,
    ];
}
