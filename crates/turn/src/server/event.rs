//! What a server asks of its driver, and what the driver tells it.

use std::net::SocketAddr;
use std::sync::Arc;

use ieum_stun::{Family, FiveTuple};

/// One relay socket of the driver's. No two relays ever have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl RelayId {
    /// A small number, used again once the relay is closed: an index into the driver's table of sockets. Events come
    /// in an order in which no two open relays share one.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// One TCP connection between a relay and a peer (RFC 6062): what CONNECTION-ID carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(super) u32);

impl ConnectionId {
    /// The number that the client is told.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// What the driver has to do. Do it in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Bind a UDP socket for an allocation and tell the outcome to [`Server::relay_opened`](super::Server::relay_opened).
    OpenRelay {
        /// The relay's id.
        id: RelayId,
        /// The family of its address.
        family: Family,
        /// Which port.
        port: Port,
    },
    /// Close the relay's socket, or its listener. Only comes for relays that were opened.
    CloseRelay {
        /// The relay's id.
        id: RelayId,
    },
    /// Bind a TCP socket and listen (RFC 6062); tell the outcome to
    /// [`Server::relay_opened`](super::Server::relay_opened), and whoever connects to
    /// [`Server::peer_accepted`](super::Server::peer_accepted). Only with
    /// [`Abilities::tcp_relays`](super::Abilities::tcp_relays).
    OpenListener {
        /// The relay's id.
        id: RelayId,
        /// The family of its address.
        family: Family,
    },
    /// Connect to a peer from the address of the relay's listener; tell the outcome to
    /// [`Server::peer_connected`](super::Server::peer_connected). Leave in the socket what the peer sends meanwhile.
    Connect {
        /// The connection's id.
        id: ConnectionId,
        /// Whose address it comes from.
        relay: RelayId,
        /// Where it goes.
        peer: SocketAddr,
    },
    /// Join a client's stream and a peer's connection: first send everything that
    /// [`Server::poll_transmit`](super::Server::poll_transmit) has for `client`, then pass bytes on as they come, both
    /// ways, until one side closes. The stream carries no STUN any more: do not hand it to the server.
    Splice {
        /// The peer's connection.
        id: ConnectionId,
        /// The client's stream.
        client: FiveTuple,
    },
    /// Close a peer's connection, or stop making it, and the client's stream that it is spliced to.
    CloseConnection {
        /// The connection's id.
        id: ConnectionId,
    },
    /// Ask the [`Registry`](super::Registry) whether `user` may have so many relays more, and tell the outcome to
    /// [`Server::admitted`](super::Server::admitted). Only with [`Quotas::Registry`](super::Quotas::Registry).
    Admit {
        /// What waits for it.
        id: RelayId,
        /// Whose relays.
        user: Arc<str>,
        /// How many.
        relays: usize,
    },
    /// Tell the [`Registry`](super::Registry) that `user` has so many relays less.
    Released {
        /// Whose relays.
        user: Arc<str>,
        /// How many.
        relays: usize,
    },
    /// Hand this datagram, and all that `five_tuple` sends from now on, to another worker's
    /// [`Server::handle_datagram`](super::Server::handle_datagram): what it asks for lives there. Its sender is proven.
    Steer {
        /// Which worker.
        worker: u8,
        /// Where it came from.
        five_tuple: FiveTuple,
        /// What came.
        datagram: Vec<u8>,
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

/// Why there is no connection to a peer: the client is told 447.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the peer did not accept the connection")]
pub struct ConnectError;

/// Which quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum QuotaReached {
    /// The user's: the client is told 486.
    #[error("the user has as many relays as are allowed")]
    User,
    /// That of all together: the client is told 508.
    #[error("there are as many relays as are allowed")]
    Total,
}
