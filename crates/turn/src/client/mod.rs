//! The client.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{FiveTuple, Transmit};

/// What a client needs to know.
#[derive(Clone)]
pub struct Config {
    /// `local` is our base, `remote` the server.
    pub server: FiveTuple,
    /// The username of the long-term credentials.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Where transaction ids come from: draw it from the operating system.
    pub seed: [u8; 32],
}

/// One allocation on one server, from one local base.
#[derive(Debug)]
pub struct Client {
    server: FiveTuple,
}

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
    /// ChannelData on a channel that we have not asked for.
    UnknownChannel,
    /// A request, or an indication that is not Data.
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
    /// [`Ignored::UnknownChannel`].
    pub unknown_channel: u64,
    /// [`Ignored::Unexpected`].
    pub unexpected: u64,
}

/// Where the client is in its life.
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
    /// The relayed address is gone: the server said so, or has not answered in time. The client is closed.
    Lost {
        /// The server's error code, where it sent one.
        code: Option<u16>,
    },
}

/// Why there is no relayed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing came back.
    #[error("the server did not answer")]
    NoAnswer,
    /// 401 to a request that carried the credentials.
    #[error("the server does not accept the username and password")]
    WrongCredentials,
    /// 486 or 508.
    #[error("the server has no relayed address left for us")]
    NoCapacity,
    /// Any other error code.
    #[error("the server refused to open a relayed address")]
    Refused,
    /// The answer lacks what it must carry.
    #[error("the server's answer makes no sense")]
    Malformed,
}

impl Client {
    /// Starts to allocate at once.
    pub fn new(_now: Instant, config: Config) -> Self {
        Self {
            server: config.server,
        }
    }

    /// Our base and the server.
    pub fn server(&self) -> FiveTuple {
        self.server
    }

    /// Where the client is in its life.
    pub fn state(&self) -> State {
        State::Allocating
    }

    /// Where peers reach us, once allocated.
    pub fn relayed(&self) -> Option<SocketAddr> {
        None
    }

    /// Where the server sees us, once allocated.
    pub fn reflexive(&self) -> Option<SocketAddr> {
        None
    }

    /// The number of the peer's channel, once the server has confirmed it.
    pub fn channel(&self, _peer: SocketAddr) -> Option<u16> {
        None
    }

    /// What was ignored.
    pub fn counters(&self) -> &Counters {
        const {
            &Counters {
                malformed: 0,
                unknown_transaction: 0,
                integrity: 0,
                fingerprint: 0,
                unknown_channel: 0,
                unexpected: 0,
            }
        }
    }

    /// Takes a datagram that came from the server to our base.
    pub fn handle_datagram<'a>(&mut self, _now: Instant, _datagram: &'a [u8]) -> Received<'a> {
        Received::Ignored(Ignored::Malformed)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Binds a channel to `peer` and keeps it bound; this also lets in what `peer` sends. May be called before the
    /// allocation is there, and again: it is idempotent. A channel that failed is tried anew.
    pub fn bind_channel(&mut self, _now: Instant, _peer: SocketAddr) {}

    /// Writes the ChannelData header into the first [`HEADROOM`](crate::HEADROOM) bytes of `datagram`; the rest is
    /// the payload. `false`, and nothing written, where there is no channel (yet).
    pub fn wrap(&self, _peer: SocketAddr, _datagram: &mut [u8]) -> bool {
        false
    }

    /// Gives the relayed address back (Refresh with lifetime 0). Keep polling until [`State::Closed`].
    pub fn close(&mut self, _now: Instant) {}

    /// What to send next; its bytes are appended to `buf`.
    pub fn poll_transmit(&mut self, _now: Instant, _buf: &mut Vec<u8>) -> Option<Transmit> {
        None
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
