//! What a client tells its owner.

use std::net::{IpAddr, SocketAddr};

use ieum_stun::{FiveTuple, Icmp};

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// It was for the client itself.
    Handled,
    /// A peer sent `payload` to our relayed address.
    Data {
        /// Who sent it.
        peer: SocketAddr,
        /// What it sent.
        payload: &'a [u8],
    },
    /// Nothing came of it, and why.
    Ignored(Ignored),
}

/// Why a datagram was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// Neither STUN nor ChannelData, or malformed.
    Malformed,
    /// A response to no request of ours, or to one that is over.
    UnknownTransaction,
    /// MESSAGE-INTEGRITY is missing or wrong.
    Integrity,
    /// FINGERPRINT is wrong.
    Fingerprint,
    /// A challenge whose nonce names password algorithms that somebody took out of it (RFC 8489 §9.2.5).
    BidDown,
    /// ChannelData on a channel that we have not asked for.
    UnknownChannel,
    /// A request, an indication that is not Data, or data while nothing is allocated.
    Unexpected,
}

/// How many datagrams were ignored, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// [`Ignored::Malformed`].
    pub malformed: u64,
    /// [`Ignored::UnknownTransaction`].
    pub unknown_transaction: u64,
    /// [`Ignored::Integrity`].
    pub integrity: u64,
    /// [`Ignored::Fingerprint`].
    pub fingerprint: u64,
    /// [`Ignored::BidDown`].
    pub bid_down: u64,
    /// [`Ignored::UnknownChannel`].
    pub unknown_channel: u64,
    /// [`Ignored::Unexpected`].
    pub unexpected: u64,
}

impl Counters {
    pub(super) fn add(&mut self, ignored: Ignored) {
        let counter = match ignored {
            Ignored::Malformed => &mut self.malformed,
            Ignored::UnknownTransaction => &mut self.unknown_transaction,
            Ignored::Integrity => &mut self.integrity,
            Ignored::Fingerprint => &mut self.fingerprint,
            Ignored::BidDown => &mut self.bid_down,
            Ignored::UnknownChannel => &mut self.unknown_channel,
            Ignored::Unexpected => &mut self.unexpected,
        };
        *counter += 1;
    }
}

/// Where a client is in its life.
///
/// ```text
/// Allocating ──► Allocated ──► Closing ──► Closed
///     │ ▲            ├──── lost ────────────▲
///     │ └─ reallocate┘                      │
///     └─────────────────── failed ──────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Asking for a relayed address.
    Allocating,
    /// It has one.
    Allocated,
    /// Giving it back.
    Closing,
    /// Over: failed, lost or given back.
    Closed,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The server has opened a relayed address for us.
    Allocated {
        /// Where peers reach us through the server.
        relayed: SocketAddr,
        /// Where the server sees us.
        reflexive: SocketAddr,
    },
    /// There will be no relayed address. The client is closed.
    Failed {
        /// The server's error code, where it sent one.
        code: Option<u16>,
        /// What that means.
        reason: Failure,
    },
    /// Data to and from `peer` now has 4 bytes of header.
    ChannelBound {
        /// Whose channel.
        peer: SocketAddr,
    },
    /// Nothing can be sent to `peer` through this relay (any more).
    ChannelFailed {
        /// Whose channel.
        peer: SocketAddr,
        /// The server's error code, where it sent one.
        code: Option<u16>,
    },
    /// The relayed address is gone: the server said so (437 where it was started anew), has not answered in time, or
    /// the connection to it broke. The client is closed, or, with [`Config::reallocate`](super::Config::reallocate),
    /// asks for another one: [`State::Allocating`].
    Lost {
        /// The server's error code, where it sent one.
        code: Option<u16>,
    },
    /// What became of the IPv6 address that was asked for beside the IPv4 one: it, or the server's error code. Comes
    /// behind [`Event::Allocated`].
    SecondFamily {
        /// The address, or why there is none.
        outcome: Result<SocketAddr, u16>,
    },
    /// The server lets in what this address sends.
    Permitted {
        /// Whose.
        ip: IpAddr,
    },
    /// The server does not let it in (any more).
    PermissionFailed {
        /// Whose.
        ip: IpAddr,
        /// The server's error code, where it sent one.
        code: Option<u16>,
    },
    /// The server sends us to another one (300): route by [`Client::server`](super::Client::server) from now on. Over
    /// TCP, TLS and DTLS, connect to it (its name is [`Client::alternate_domain`](super::Client::alternate_domain)) and
    /// call [`Client::connected_from`](super::Client::connected_from).
    Redirected {
        /// Our base, and the new server.
        server: FiveTuple,
    },
    /// The allocation was taken to another base.
    Migrated,
    /// The server does not accept the username and password any more. There is time until the allocation expires to
    /// call [`Client::set_credentials`](super::Client::set_credentials).
    CredentialsRefused,
    /// A datagram to `peer` came to nothing, as an ICMP error told the server.
    Unreachable {
        /// Whom it was for.
        peer: SocketAddr,
        /// What the error says.
        icmp: Icmp,
    },
}

/// Why there is no relayed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing came back.
    #[error("the server did not answer")]
    NoAnswer,
    /// The connection to the server broke.
    #[error("the connection to the server broke")]
    Disconnected,
    /// 401 to a request that carried the credentials, or a username that no request can carry.
    #[error("the server does not accept the username and password")]
    WrongCredentials,
    /// 486 or 508. RFC 8656 §7.4: wait a minute before asking this server again.
    #[error("the server has no relayed address left for us")]
    NoCapacity,
    /// 437, and giving back what is there did not help: the five-tuple is another's. Take another base.
    #[error("the server takes our address for another client's")]
    Taken,
    /// 440: the server has no relayed address of the wanted family.
    #[error("the server has no relayed address of this family")]
    Family,
    /// Any other error code.
    #[error("the server refused to open a relayed address")]
    Refused,
    /// The answer lacks what it must carry.
    #[error("the server's answer makes no sense")]
    Malformed,
}
