//! The server: allocations, permissions, channels, and the data between (RFC 8656), and Binding (RFC 8489).
//!
//! It owns who may relay what to whom. It leaves sockets to its driver: listening ones, whose datagrams go to
//! [`Server::handle_datagram`], and one UDP socket per relayed address, opened and closed on [`Event`]s, whose
//! datagrams go to [`Server::handle_relayed`].
//!
//! - Credentials are those of the REST scheme ([`crate::credentials`]). Their expiry is checked when an allocation is
//!   made; one that exists may be refreshed after it, or every call would end with its credentials.
//! - Before a request has proven who sends it, nothing is remembered: nonces are an HMAC over an expiry and the
//!   five-tuple.
//! - Relayed data comes back at once as a [`Forward`] that borrows it: send it before anything else. It never
//!   allocates; answers are written into an arena that is used again and again.
//!
//! Not here: TCP and TLS framing, RFC 6062, RFC 5780, a second relayed address (ADDITIONAL-ADDRESS-FAMILY is answered
//! with ADDRESS-ERROR-CODE 440), DONT-FRAGMENT (420), ICMP, mobility, static users.

mod allocation;
mod answers;
mod auth;
mod config;
mod counters;
mod data;
mod forward;
mod nonce;
mod outbox;
mod policy;
mod requests;
mod table;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ieum_stun::{Class, FiveTuple, Message, Method, Transmit};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use config::{Config, Limits};
pub use counters::{Counters, Ignored, Refused, Traffic};
pub use forward::{Forward, Side};
pub use ieum_stun::Family;
pub use policy::PeerPolicy;

use auth::Authenticator;
use nonce::Nonces;
use outbox::Outbox;
use table::{Keyed, Table};

/// A STUN and TURN server without its sockets.
pub struct Server {
    auth: Authenticator,
    peers: PeerPolicy,
    limits: Limits,
    software: Option<Arc<str>>,
    clock: (Instant, u64),
    rng: ChaCha20Rng,
    table: Table,
    outbox: Outbox,
    /// Where the header of a Data indication is written.
    scratch: Vec<u8>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Server {
    /// A server without allocations.
    pub fn new(now: Instant, config: Config) -> Self {
        let mut rng = ChaCha20Rng::from_seed(config.seed);
        let mut nonce_key = [0; 32];
        rng.fill_bytes(&mut nonce_key);
        let keyed = Keyed(rng.next_u64(), rng.next_u64());
        let nonces = Nonces::new(now, nonce_key, config.limits.nonce_lifetime);
        Self {
            auth: Authenticator::new(config.realm, config.secret, nonces),
            peers: config.peers,
            limits: config.limits,
            software: config.software.map(Into::into),
            clock: (now, config.unix_time),
            rng,
            table: Table::new(keyed),
            outbox: Outbox::default(),
            scratch: Vec::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// What was done, refused and ignored.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.table.allocations()
    }

    /// Takes what came to a listening socket: `five_tuple.local` is its address, `remote` the sender's.
    ///
    /// What is to be relayed comes back at once, borrowed; answers come through
    /// [`poll_transmit`](Self::poll_transmit).
    pub fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        self.handle_timeout(now);
        match datagram.first() {
            Some(0..=3) => self.handle_stun(now, five_tuple, datagram),
            // RFC 5766 §11: 0x4000 to 0x7FFF.
            Some(0x40..=0x7F) => self.channel_to_peer(now, five_tuple, datagram),
            _ => {
                self.counters.ignored.malformed += 1;
                None
            }
        }
    }

    /// Takes what `peer` sent to a relay's socket. What goes to the client comes back at once, borrowed.
    pub fn handle_relayed<'a>(
        &mut self,
        now: Instant,
        relay: RelayId,
        peer: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        self.handle_timeout(now);
        self.peer_to_client(now, relay, peer, datagram)
    }

    /// The driver's answer to [`Event::OpenRelay`]: the address that peers send to (where the socket is bound to a
    /// wildcard, or behind a 1:1 NAT, the public one).
    pub fn relay_opened(
        &mut self,
        now: Instant,
        relay: RelayId,
        outcome: Result<SocketAddr, RelayError>,
    ) {
        self.relay_outcome(now, relay, outcome);
    }

    /// Sets the clock on the wall, in seconds since 1970 UTC at `now`. Only the expiry of credentials depends on it.
    pub fn set_unix_time(&mut self, now: Instant, unix_time: u64) {
        self.clock = (now, unix_time);
    }

    /// Ends what has run out.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((id, is_allocation)) = self.table.expired(now) {
            self.release(id);
            self.counters.expired += u64::from(is_allocation);
        }
    }

    /// What to send next; its bytes are appended to `buf`.
    pub fn poll_transmit(&mut self, _now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.outbox.pop(buf)
    }

    /// What the driver has to do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` without allocations.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_deadline()
    }

    fn handle_stun<'a>(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        let Ok(message) = Message::parse(datagram) else {
            self.counters.ignored.malformed += 1;
            return None;
        };
        if message.has_valid_fingerprint() == Some(false) {
            self.counters.ignored.fingerprint += 1;
            return None;
        }
        match (message.class(), message.method()) {
            (Class::Indication, Method::SEND) => {
                return self.send_to_peer(now, five_tuple, &message);
            }
            (Class::Request, Method::BINDING) => self.answer_binding(five_tuple, &message),
            (
                Class::Request,
                Method::ALLOCATE
                | Method::REFRESH
                | Method::CREATE_PERMISSION
                | Method::CHANNEL_BIND,
            ) => self.handle_request(now, five_tuple, message),
            _ => self.counters.ignored.unexpected += 1,
        }
        None
    }

    /// Forgets a relay and has its socket closed.
    fn release(&mut self, id: RelayId) {
        if self.table.remove(id) {
            self.events.push_back(Event::CloseRelay { id });
        }
    }

    fn unix_time(&self, now: Instant) -> u64 {
        let (at, unix_time) = self.clock;
        unix_time.saturating_add(now.saturating_duration_since(at).as_secs())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("allocations", &self.allocations())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// One relay socket of the driver's. No two relays ever have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId {
    index: u32,
    generation: u32,
}

impl RelayId {
    /// A small number, used again once the relay is closed: an index into the driver's table of sockets. Events come
    /// in an order in which no two open relays share one.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What the driver has to do. Do it in order.
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
    /// Close the relay's socket. Only comes for relays that were opened.
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
