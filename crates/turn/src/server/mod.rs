//! The server.

mod config;
mod counters;
mod forward;
mod policy;

pub use config::{Config, Limits};
pub use counters::{Counters, Ignored, Traffic};
pub use forward::{Forward, Side};
pub use policy::PeerPolicy;

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{FiveTuple, Transmit};

pub use ieum_stun::Family;

/// The state of a STUN and TURN server.
#[derive(Debug)]
pub struct Server {
    counters: Counters,
}

/// One relay socket of the driver's. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId {
    index: u32,
    generation: u32,
}

impl RelayId {
    /// A small number, used again once the relay is closed: an index into the driver's table of sockets.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What the driver has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Bind a UDP socket for an allocation and tell the outcome to [`Server::relay_opened`].
    OpenRelay {
        /// The relay's id.
        id: RelayId,
        /// The family of its address.
        family: Family,
        /// Which port.
        port: Port,
    },
    /// Close the relay's socket. Never comes before its `relay_opened`.
    CloseRelay {
        /// The relay's id.
        id: RelayId,
    },
}

/// Which port a relay wants (RFC 8656 §7.2, EVEN-PORT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Any port.
    Any,
    /// An even one.
    Even,
    /// An even one, and the next higher port, bound too, under the id `next`: both or neither. `relay_opened` is
    /// called once, for the even one.
    EvenAndNext {
        /// The id of the odd port's relay.
        next: RelayId,
    },
}

/// Why a relay could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RelayError {
    /// No relay address of this family: the client is told 440.
    #[error("no relay address of this family")]
    Family,
    /// No port, or no socket, is left: the client is told 508.
    #[error("no port or socket left")]
    Exhausted,
}

impl Server {
    /// A server without allocations.
    pub fn new(_now: Instant, _config: Config) -> Self {
        Self {
            counters: Counters::default(),
        }
    }

    /// What was done, refused and ignored.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        0
    }

    /// Takes what came to a listening socket. What is to be relayed comes back at once, borrowed; answers come
    /// through [`poll_transmit`](Self::poll_transmit).
    pub fn handle_datagram<'a>(
        &mut self,
        _now: Instant,
        _five_tuple: FiveTuple,
        _datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        None
    }

    /// Takes what `peer` sent to a relay's socket. What goes to the client comes back at once, borrowed.
    pub fn handle_relayed<'a>(
        &mut self,
        _now: Instant,
        _relay: RelayId,
        _peer: SocketAddr,
        _datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        None
    }

    /// The driver's answer to [`Event::OpenRelay`]: the address that peers send to (where the socket is bound to a
    /// wildcard, or behind a 1:1 NAT, the public one).
    pub fn relay_opened(
        &mut self,
        _now: Instant,
        _relay: RelayId,
        _outcome: Result<SocketAddr, RelayError>,
    ) {
    }

    /// Sets the clock on the wall, in seconds since 1970 UTC at `now`. Only the expiry of credentials depends on it.
    pub fn set_unix_time(&mut self, _now: Instant, _unix_time: u64) {}

    /// Does what is due.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// What to send next; its bytes are appended to `buf`.
    pub fn poll_transmit(&mut self, _now: Instant, _buf: &mut Vec<u8>) -> Option<Transmit> {
        None
    }

    /// What the driver has to do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
