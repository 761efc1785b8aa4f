//! The client: one allocation on one server, from one local base, kept alive by itself (RFC 8656).
//!
//! It owns the allocation, its credentials' nonce, the channels and permissions, and when each of them is refreshed.
//! It leaves to its owner the socket or connection, and the choice of what is for it: everything that comes from
//! [`Client::server`]'s remote address to its local one; of a stream, one message at a time.
//!
//! - Peers are best reached by channels, so that a datagram always costs [`HEADROOM`] bytes: bind one before
//!   the first datagram to a peer. [`Client::indicate`] sends without one, where the peer is permitted. What comes in
//!   is given up whichever way the server has wrapped it.
//! - The server's word counts only when it is signed, once there is a key; errors that are not signed are believed by
//!   their transaction id, as RFC 8489 §9.2.5 has it for 401 and 438, but for a redirection. Where the server offers
//!   SHA-256 it is taken, and nobody can hide the offer.
//! - What goes wrong is mended as far as the RFCs have it: stale nonces, an allocation that is left from before (437),
//!   a family that the server has not (440), another server (300, once). A server that has forgotten us is
//!   [`Event::Lost`], and asked anew with [`Config::reallocate`].
//! - Over TCP, TLS and DTLS the owner connects, says so ([`Client::connected`], [`Client::disconnected`]), and on TCP
//!   and TLS adds the padding behind ChannelData (`ieum_stun::ChannelData::padding`). Requests are not sent again on
//!   TCP and TLS.
//!
//! Not here: DONT-FRAGMENT; TCP relays (RFC 6062), which only the server has.

mod ask;
mod auth;
mod channels;
mod config;
mod event;
mod permissions;
mod recovery;
mod requests;
mod responses;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ieum_stun::{Class, FiveTuple, Message, MessageBuilder, Method, Transmit};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub use config::{Config, Families};
pub use event::{Counters, Event, Failure, Ignored, Received, State};

use crate::{HEADROOM, channel_data};
use auth::{Auth, Credentials};
use channels::Channels;
use permissions::Permissions;
use requests::{Purpose, Requests};

/// One allocation on one server, from one local base.
pub struct Client {
    config: Config,
    credentials: Credentials,
    rng: ChaCha20Rng,
    state: State,
    /// The owner's connection is there; always over UDP.
    connected: bool,
    auth: Option<Auth>,
    addresses: Option<Addresses>,
    token: Option<[u8; 8]>,
    ticket: Option<Vec<u8>>,
    /// When the allocation was made.
    since: Instant,
    /// When to refresh it.
    refresh: Option<Instant>,
    /// When it is over.
    expires: Option<Instant>,
    /// When to ask for the next one.
    restart: Option<Instant>,
    /// A server has sent us on.
    redirected: bool,
    alternate_domain: Option<String>,
    /// The server does not know our new base yet.
    migrating: bool,
    /// What was there before us was given back.
    cleared: bool,
    /// The base's own family is not to be had.
    other_family: bool,
    channels: Channels,
    permissions: Permissions,
    requests: Requests,
    events: VecDeque<Event>,
    counters: Counters,
    /// The earliest of all timers.
    wake: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Addresses {
    relayed: SocketAddr,
    /// Of the other family.
    second: Option<SocketAddr>,
    reflexive: SocketAddr,
}

impl Client {
    /// Starts to allocate at once: poll for what to send. Over TCP, TLS and DTLS it starts with
    /// [`connected`](Self::connected).
    pub fn new(now: Instant, config: Config) -> Self {
        let mut client = Self {
            rng: ChaCha20Rng::from_seed(config.seed),
            credentials: Credentials::new(&config.username, &config.password),
            state: State::Allocating,
            connected: false,
            auth: None,
            addresses: None,
            token: None,
            ticket: None,
            since: now,
            refresh: None,
            expires: None,
            restart: None,
            redirected: false,
            alternate_domain: None,
            migrating: false,
            cleared: false,
            other_family: false,
            channels: Channels::default(),
            permissions: Permissions::default(),
            requests: Requests::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            wake: None,
            config,
        };
        if !client.credentials.are_usable() {
            client.fail_allocate(None, Failure::WrongCredentials);
        } else if !client.needs_connection() {
            client.connected(now);
        }
        client.rearm();
        client
    }

    /// Our base and the server.
    pub fn server(&self) -> FiveTuple {
        self.config.server
    }

    /// Where the client is in its life.
    pub fn state(&self) -> State {
        self.state
    }

    /// Where peers reach us; `None` before it is allocated and after it is gone.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.addresses.map(|addresses| addresses.relayed)
    }

    /// Where the server sees us; `None` before the relayed address is allocated and after it is gone.
    pub fn reflexive(&self) -> Option<SocketAddr> {
        self.addresses.map(|addresses| addresses.reflexive)
    }

    /// The second relayed address, where both families were asked for and are there.
    pub fn second_relayed(&self) -> Option<SocketAddr> {
        self.addresses.and_then(|addresses| addresses.second)
    }

    /// What another client needs to get the port above ours ([`Config::reservation`]); the server keeps it for 30 s.
    pub fn reservation_token(&self) -> Option<[u8; 8]> {
        self.token
    }

    /// The name of the server that we were sent to: what its TLS certificate is for (RFC 8489 §14.16,
    /// ALTERNATE-DOMAIN). `None` where we were not, or the name stays the same.
    pub fn alternate_domain(&self) -> Option<&str> {
        self.alternate_domain.as_deref()
    }

    /// Whether the allocation can be taken to another base ([`migrate`](Self::migrate)).
    pub fn can_migrate(&self) -> bool {
        self.state == State::Allocated && self.ticket.is_some()
    }

    /// The number of the peer's channel, once the server has confirmed it.
    pub fn channel(&self, peer: SocketAddr) -> Option<u16> {
        match self.state {
            State::Allocated => self.channels.bound(peer),
            _ => None,
        }
    }

    /// What was ignored.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a datagram that came from the server to our base.
    pub fn handle_datagram<'a>(&mut self, now: Instant, datagram: &'a [u8]) -> Received<'a> {
        let received = match datagram.first() {
            Some(0..=3) => self.handle_stun(now, datagram),
            // RFC 8656 §12: channel numbers begin with 0x40 to 0x4F.
            Some(0x40..=0x4F) => self.unwrap(datagram),
            _ => Received::Ignored(Ignored::Malformed),
        };
        if let Received::Ignored(reason) = received {
            self.counters.add(reason);
        }
        received
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(request) = self.requests.handle_timeout(now) {
            self.fail(now, request.purpose, None);
        }
        if self.expires.is_some_and(|at| at <= now) {
            self.lose(now, None);
        }
        self.restart_if_due(now);
        if self.state == State::Allocated && self.connected {
            if self.refresh.is_some_and(|at| at <= now) {
                self.refresh = None;
                let purpose = match self.migrating {
                    true => Purpose::Migrate,
                    false => Purpose::Refresh,
                };
                self.ask(now, purpose, 0);
            }
            self.ask_for_peers(now);
        }
        self.rearm();
    }

    /// Binds a channel to `peer` and keeps it bound; this also lets in what `peer`'s address sends.
    ///
    /// May be called before the allocation is there, and again: it is idempotent. A channel that failed is tried
    /// anew. At most 4096 peers; one more fails at once.
    pub fn bind_channel(&mut self, now: Instant, peer: SocketAddr) {
        match self.state {
            State::Closing | State::Closed => return,
            State::Allocating | State::Allocated => {}
        }
        if self.channels.want(peer).is_err() {
            self.events
                .push_back(Event::ChannelFailed { peer, code: None });
        }
        self.ask_for_peers(now);
        self.rearm();
    }

    /// Lets in what comes from any port of `ip`, and keeps it let in: for [`indicate`](Self::indicate), and for what
    /// comes before a channel is bound. A bound channel permits its peer too.
    ///
    /// May be called before the allocation is there, and again: it is idempotent. One that failed is tried anew. At
    /// most 4096 addresses; one more fails at once.
    pub fn permit(&mut self, now: Instant, ip: IpAddr) {
        match self.state {
            State::Closing | State::Closed => return,
            State::Allocating | State::Allocated => {}
        }
        if self.permissions.want(ip).is_err() {
            self.events
                .push_back(Event::PermissionFailed { ip, code: None });
        }
        self.ask_for_peers(now);
        self.rearm();
    }

    /// Appends a Send indication with `payload` for `peer` to `buf` (RFC 8656 §11.1): 36 bytes and padding around an
    /// IPv4 peer's. `None`, and nothing written, where the peer is not permitted (yet), or the payload is too long.
    pub fn indicate(
        &mut self,
        peer: SocketAddr,
        payload: &[u8],
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let permitted = self.permissions.has(peer.ip()) || self.channels.bound(peer).is_some();
        if self.state != State::Allocated || !self.connected || !permitted {
            return None;
        }
        let id = self.transaction_id();
        let len = MessageBuilder::new(buf, Class::Indication, Method::SEND, id)
            .xor_peer_address(peer)
            .data(payload)
            .finish();
        (len > 0).then_some(Transmit {
            five_tuple: self.config.server,
            len,
            segment_size: None,
        })
    }

    /// Writes the ChannelData header into the first [`HEADROOM`] bytes of `datagram`; the rest is the payload.
    ///
    /// `false`, and nothing written, where there is no channel (yet), or no room for the header.
    pub fn wrap(&self, peer: SocketAddr, datagram: &mut [u8]) -> bool {
        let Some((room, payload)) = datagram.split_first_chunk_mut::<HEADROOM>() else {
            return false;
        };
        let header = self
            .channel(peer)
            .and_then(|number| channel_data::header(number, payload.len()));
        match header {
            Some(header) => {
                *room = header;
                true
            }
            None => false,
        }
    }

    /// Gives the relayed address back (Refresh with lifetime 0). Keep polling until [`State::Closed`], which comes
    /// with the server's answer, or without one after some seconds.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Allocating if self.requests.is_empty() => self.end(None),
            State::Allocating => self.state = State::Closing,
            State::Allocated => self.release(now),
            State::Closing | State::Closed => {}
        }
        self.rearm();
    }

    /// What to send next; its bytes are appended to `buf`.
    pub fn poll_transmit(&mut self, _now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        let request = self.requests.next_due()?;
        buf.extend_from_slice(&request.bytes);
        Some(Transmit {
            five_tuple: self.config.server,
            len: request.bytes.len(),
            segment_size: None,
        })
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` once closed.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    fn unwrap<'a>(&self, datagram: &'a [u8]) -> Received<'a> {
        let Some((number, payload)) = channel_data::parse(datagram) else {
            return Received::Ignored(Ignored::Malformed);
        };
        match self.channels.peer(number) {
            Some(peer) if self.state == State::Allocated => Received::Data { peer, payload },
            Some(_) => Received::Ignored(Ignored::Unexpected),
            None => Received::Ignored(Ignored::UnknownChannel),
        }
    }

    fn handle_stun<'a>(&mut self, now: Instant, datagram: &'a [u8]) -> Received<'a> {
        let Ok(message) = Message::parse(datagram) else {
            return Received::Ignored(Ignored::Malformed);
        };
        if message.has_valid_fingerprint() == Some(false) {
            return Received::Ignored(Ignored::Fingerprint);
        }
        match message.class() {
            Class::Success | Class::Error => match self.handle_response(now, &message) {
                Ok(()) => Received::Handled,
                Err(ignored) => Received::Ignored(ignored),
            },
            Class::Indication if message.method() == Method::DATA => self.data(&message),
            Class::Indication | Class::Request => Received::Ignored(Ignored::Unexpected),
        }
    }

    fn data<'a>(&mut self, message: &Message<'a>) -> Received<'a> {
        if self.state != State::Allocated {
            return Received::Ignored(Ignored::Unexpected);
        }
        let unknown = message.unknown_comprehension_required().next().is_some();
        match (message.xor_peer_address(), message.data(), message.icmp()) {
            (Some(peer), Some(payload), _) if !unknown => Received::Data { peer, payload },
            // RFC 8656 §11.6.
            (Some(peer), None, Some(icmp)) if !unknown => {
                if self.events.len() < MAX_UNREACHABLE {
                    self.events.push_back(Event::Unreachable { peer, icmp });
                }
                Received::Handled
            }
            _ => Received::Ignored(Ignored::Malformed),
        }
    }

    fn release(&mut self, now: Instant) {
        self.state = State::Closing;
        self.addresses = None;
        self.requests.clear();
        (self.refresh, self.expires) = (None, None);
        match self.connected {
            true => self.ask(now, Purpose::Release, 0),
            false => self.end(None),
        }
    }

    fn end(&mut self, event: Option<Event>) {
        self.state = State::Closed;
        self.addresses = None;
        (self.token, self.ticket) = (None, None);
        self.requests.clear();
        (self.refresh, self.expires, self.restart) = (None, None, None);
        self.events.extend(event);
    }

    /// Works out the earliest timer, so that asking for it costs nothing on the data path.
    fn rearm(&mut self) {
        let alive = self.state == State::Allocated && self.connected;
        // What is due on the way to another base waits until the server knows it.
        let settled = alive && !self.migrating;
        let channels = self.channels.next_refresh().filter(|_| settled);
        let permissions = self.permissions.next_refresh().filter(|_| settled);
        let timers = [
            self.requests.poll_timeout(),
            self.refresh.filter(|_| alive),
            self.expires,
            self.restart,
            channels,
            permissions,
        ];
        self.wake = timers.into_iter().flatten().min();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.config.server)
            .field("state", &self.state)
            .field("relayed", &self.relayed())
            .finish_non_exhaustive()
    }
}

/// Events that are kept for an owner that does not poll.
const MAX_UNREACHABLE: usize = 256;
