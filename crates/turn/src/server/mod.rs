//! The server: allocations, permissions, channels, and the data between (RFC 8656), Binding (RFC 8489) with NAT
//! behaviour discovery (RFC 5780), TCP relays (RFC 6062) and mobility (RFC 8016).
//!
//! It owns who may relay what to whom. It leaves sockets to its driver: listening ones, whose datagrams (of TCP and
//! TLS: whose framed messages) go to [`Server::handle_datagram`], and one UDP socket per relayed address, opened and
//! closed on [`Event`]s, whose datagrams go to [`Server::handle_relayed`].
//!
//! - Credentials are those of the REST scheme ([`crate::credentials`]) and of static [`User`]s. Their expiry is checked
//!   when an allocation is made; one that exists may be refreshed after it, or every call would end with its
//!   credentials.
//! - Before a request has proven who sends it, nothing is remembered but how many answers its source has had, in a
//!   table of fixed size: nonces are an HMAC over an expiry and the five-tuple. Over UDP an answer to such a request
//!   has at most three times its bytes, IP headers included.
//! - Relayed data comes back at once as a [`Forward`] that borrows it: send it before anything else. It never
//!   allocates; answers are written into an arena that is used again and again.
//! - Several workers: an allocation lives on one [`Server`]. What must be counted over all of them goes through one
//!   [`Registry`], asked by [`Event::Admit`]; what finds an allocation on another worker (RESERVATION-TOKEN,
//!   MOBILITY-TICKET, CONNECTION-ID) names the worker, and [`Event::Steer`] hands the sender over.
//!
//! - What TCP relays carry does not pass through here: the driver tells how much it was ([`Server::passed_to_peer`],
//!   [`Server::passed_to_client`]), and rests a connection that is over the bandwidth.
//!
//! Not here: the sockets, TCP and TLS framing ([`ieum_stun`] has it), Origin and third-party authorization (RFC 7635),
//! the bandwidth of one user over several workers (each has its own).

mod allocate;
mod allocation;
mod answers;
mod auth;
mod binding;
mod config;
mod connections;
mod counters;
mod data;
mod event;
mod forward;
mod ip_range;
mod mobility;
mod nonce;
mod outbox;
mod policy;
mod rates;
mod registry;
mod relays;
mod requests;
mod settings;
mod table;
mod tcp_relay;
mod users;
mod wanted;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{Class, FiveTuple, Icmp, Message, Method, Transmit, Transport};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use config::{Abilities, Config, Discovery, Limits, Quotas, SourceRate, User};
pub use counters::{Counters, Gauges, Ignored, Refused, Traffic};
pub use event::{ConnectError, ConnectionId, Event, Port, QuotaReached, RelayError, RelayId};
pub use forward::{Forward, Side};
pub use ieum_stun::Family;
pub use ip_range::{IpRange, IpRangeError};
pub use policy::PeerPolicy;
pub use registry::Registry;

use auth::Authenticator;
use connections::Connections;
use nonce::Nonces;
use outbox::Outbox;
use rates::{Bucket, Sources};
use settings::Settings;
use table::{Keyed, Table};

/// A STUN and TURN server without its sockets.
pub struct Server {
    settings: Settings,
    auth: Authenticator,
    clock: (Instant, u64),
    rng: ChaCha20Rng,
    table: Table,
    connections: Connections,
    sources: Sources,
    /// Of all relayed data.
    bandwidth: Bucket,
    outbox: Outbox,
    /// Where the header of a Data indication is written.
    scratch: Vec<u8>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Server {
    /// A server without allocations.
    pub fn new(now: Instant, mut config: Config) -> Self {
        let mut rng = ChaCha20Rng::from_seed(config.seed);
        let mut nonce_key = [0; 32];
        rng.fill_bytes(&mut nonce_key);
        // Workers share what nonces are made with, and nothing else.
        rng.set_stream(config.worker.into());
        let keyed = Keyed(rng.next_u64(), rng.next_u64());
        let settings = Settings::of(&mut config);
        let nonces = Nonces::new(now, nonce_key, settings.limits.nonce_lifetime);
        let Config {
            realm,
            secrets,
            users,
            ..
        } = &mut config;
        let (realm, secrets) = (std::mem::take(realm), std::mem::take(secrets));
        Self {
            settings,
            auth: Authenticator::new(realm, secrets, users, keyed, nonces),
            clock: (now, config.unix_time),
            rng,
            table: Table::new(keyed),
            connections: Connections::new(keyed),
            sources: Sources::new(now, keyed),
            bandwidth: Bucket::full(now),
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

    /// What there is now. It takes a walk over all allocations.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            relays: self.table.relays(),
            users: self.table.users.len(),
            connections: self.connections.len(),
            ..Gauges::default()
        };
        for five_tuple in self.table.five_tuples() {
            *match five_tuple.transport {
                Transport::Udp => &mut gauges.udp,
                Transport::Tcp => &mut gauges.tcp,
                Transport::Tls => &mut gauges.tls,
                Transport::Dtls => &mut gauges.dtls,
            } += 1;
        }
        gauges
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.table.allocations()
    }

    /// Takes what came to a listening socket: `five_tuple.local` is its address, `remote` the sender's. Of a stream
    /// (TCP, TLS) it takes one message, with or without the padding behind ChannelData.
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

    /// Takes an ICMP error about a datagram that a relay's socket has sent to `peer`: the client is told
    /// (RFC 8656 §11.5) where it has a permission for the peer.
    pub fn handle_icmp(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, icmp: Icmp) {
        self.handle_timeout(now);
        self.tell_icmp(now, relay, peer, icmp);
    }

    /// The driver's answer to [`Event::OpenRelay`] and [`Event::OpenListener`]: the address that peers send to (where
    /// the socket is bound to a wildcard, or behind a 1:1 NAT, the public one).
    pub fn relay_opened(
        &mut self,
        now: Instant,
        relay: RelayId,
        outcome: Result<SocketAddr, RelayError>,
    ) {
        self.relay_outcome(now, relay, outcome);
    }

    /// The registry's answer to [`Event::Admit`].
    pub fn admitted(&mut self, now: Instant, id: RelayId, outcome: Result<(), QuotaReached>) {
        self.admission_outcome(now, id, outcome);
    }

    /// A client's connection (TCP, TLS, DTLS) is gone: its allocation is released, or, where the client may come back
    /// with a ticket (RFC 8016), kept until it expires. A spliced stream ends its peer's connection.
    pub fn connection_closed(&mut self, now: Instant, five_tuple: FiveTuple) {
        self.handle_timeout(now);
        self.client_gone(now, five_tuple);
    }

    /// The driver's answer to [`Event::Connect`].
    pub fn peer_connected(
        &mut self,
        now: Instant,
        id: ConnectionId,
        outcome: Result<(), ConnectError>,
    ) {
        self.handle_timeout(now);
        self.connect_outcome(now, id, outcome);
    }

    /// A peer has connected to a relay's listener. The client is told, and has 30 s to bind it; leave in the socket
    /// what the peer sends meanwhile. `None`: it may not, close it.
    pub fn peer_accepted(
        &mut self,
        now: Instant,
        relay: RelayId,
        peer: SocketAddr,
    ) -> Option<ConnectionId> {
        self.handle_timeout(now);
        self.accept_peer(now, relay, peer)
    }

    /// A peer's connection has ended, spliced or not. There is no [`Event::CloseConnection`] for it: close what it was
    /// spliced to.
    pub fn peer_closed(&mut self, now: Instant, id: ConnectionId) {
        self.handle_timeout(now);
        self.peer_gone(id);
    }

    /// `len` bytes of a spliced connection have gone from the client to the peer: they are counted, and taken off the
    /// bandwidth of the user and of all. `Some`: it is used up, also for datagrams. Read neither side of this connection
    /// before then, so that TCP slows the senders down; there is some for datagrams meanwhile.
    pub fn passed_to_peer(
        &mut self,
        now: Instant,
        id: ConnectionId,
        len: usize,
    ) -> Option<Instant> {
        self.counters.to_peers.bytes += len as u64;
        self.charge(now, id, len)
    }

    /// The same from the peer to the client.
    pub fn passed_to_client(
        &mut self,
        now: Instant,
        id: ConnectionId,
        len: usize,
    ) -> Option<Instant> {
        self.counters.to_clients.bytes += len as u64;
        self.charge(now, id, len)
    }

    /// Sets the clock on the wall, in seconds since 1970 UTC at `now`. Only the expiry of credentials depends on it.
    pub fn set_unix_time(&mut self, now: Instant, unix_time: u64) {
        self.clock = (now, unix_time);
    }

    /// Ends what has run out.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((id, is_allocation)) = self.table.expired(now) {
            self.release(now, id);
            self.counters.expired += u64::from(is_allocation);
        }
        while let Some(id) = self.connections.expired(now) {
            self.connection_expired(now, id);
        }
        self.end_drain(now);
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
        let drain = self.settings.drain.filter(|_| self.table.allocations() > 0);
        let deadlines = [
            self.table.next_deadline(),
            self.connections.next_deadline(),
            drain,
        ];
        deadlines.into_iter().flatten().min()
    }

    fn handle_stun<'a>(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        let Ok(message) = Message::parse(datagram) else {
            self.handle_classic(now, five_tuple, datagram);
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
            (Class::Request, Method::BINDING) => self.answer_binding(now, five_tuple, &message),
            (
                Class::Request,
                Method::ALLOCATE
                | Method::REFRESH
                | Method::CREATE_PERMISSION
                | Method::CHANNEL_BIND
                | Method::CONNECT
                | Method::CONNECTION_BIND,
            ) => self.handle_request(now, five_tuple, message),
            _ => self.counters.ignored.unexpected += 1,
        }
        None
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
