//! The client: one relayed address on one server, from one local base, kept alive by itself (RFC 8656).
//!
//! It owns the allocation, its credentials' nonce, the channels, and when each of them is refreshed. It leaves to its
//! owner the socket, and the choice of what is for it: everything that comes from [`Config::server`]'s remote address
//! to its local one.
//!
//! - Peers are only reached by channels, so that a datagram always costs [`HEADROOM`] bytes: bind one before
//!   the first datagram to a peer. What comes in is given up whichever way the server has wrapped it.
//! - The server's word counts only with MESSAGE-INTEGRITY once there is a key; errors without it are believed by
//!   their transaction id, as RFC 8489 §9.2.5 has it for 401 and 438.
//! - Over TCP and TLS a request is sent once (RFC 8489 §6.2.2). The connection, and how messages are told apart on it, is
//!   the owner's: `ieum_stun` cuts the stream.
//!
//! Not here: ALTERNATE-SERVER (300 fails), IPv6 relays, EVEN-PORT, Send indications,
//! MESSAGE-INTEGRITY-SHA256.

mod channels;
mod event;
mod requests;
mod responses;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{
    Class, FiveTuple, Key, Message, MessageBuilder, Method, Retransmission, TransactionId, Transmit,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use event::{Counters, Event, Failure, Ignored, Received, State};

use crate::{HEADROOM, channel_data};
use channels::Channels;
use requests::{Purpose, Request, Requests};

/// What a client needs to know.
#[derive(Clone)]
pub struct Config {
    /// `local` is our base, `remote` the server.
    pub server: FiveTuple,
    /// The username of the long-term credentials, under 509 bytes.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Where transaction ids come from: draw it from the operating system.
    pub seed: [u8; 32],
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({:?}, ..)", self.server)
    }
}

/// One allocation on one server, from one local base.
pub struct Client {
    config: Config,
    rng: ChaCha20Rng,
    state: State,
    auth: Option<Auth>,
    addresses: Option<Addresses>,
    /// When to refresh the allocation.
    refresh: Option<Instant>,
    /// When it is over.
    expires: Option<Instant>,
    channels: Channels,
    requests: Requests,
    events: VecDeque<Event>,
    counters: Counters,
    /// The earliest of all timers.
    wake: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Addresses {
    relayed: SocketAddr,
    reflexive: SocketAddr,
}

/// What the server has challenged us with, and the key that answers it.
struct Auth {
    realm: String,
    nonce: String,
    key: Key,
}

impl Client {
    /// Starts to allocate at once: poll for what to send.
    pub fn new(now: Instant, config: Config) -> Self {
        let mut client = Self {
            rng: ChaCha20Rng::from_seed(config.seed),
            state: State::Allocating,
            auth: None,
            addresses: None,
            refresh: None,
            expires: None,
            channels: Channels::default(),
            requests: Requests::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            wake: None,
            config,
        };
        if client.config.username.len() > MAX_USERNAME {
            client.end(Some(Event::Failed {
                code: None,
                reason: Failure::WrongCredentials,
            }));
        } else {
            client.ask(now, Purpose::Allocate, 0);
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
            self.end(Some(Event::Lost { code: None }));
        }
        if self.state == State::Allocated {
            if self.refresh.is_some_and(|at| at <= now) {
                self.refresh = None;
                self.ask(now, Purpose::Refresh, 0);
            }
            self.ask_for_channels(now);
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
        if self.state == State::Allocated {
            self.ask_for_channels(now);
        }
        self.rearm();
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

    fn data<'a>(&self, message: &Message<'a>) -> Received<'a> {
        if self.state != State::Allocated {
            return Received::Ignored(Ignored::Unexpected);
        }
        let unknown = message.unknown_comprehension_required().next().is_some();
        match (message.xor_peer_address(), message.data()) {
            (Some(peer), Some(payload)) if !unknown => Received::Data { peer, payload },
            _ => Received::Ignored(Ignored::Malformed),
        }
    }

    fn release(&mut self, now: Instant) {
        self.state = State::Closing;
        self.addresses = None;
        self.requests.clear();
        (self.refresh, self.expires) = (None, None);
        self.ask(now, Purpose::Release, 0);
    }

    fn end(&mut self, event: Option<Event>) {
        self.state = State::Closed;
        self.addresses = None;
        self.requests.clear();
        (self.refresh, self.expires) = (None, None);
        self.events.extend(event);
    }

    fn ask_for_channels(&mut self, now: Instant) {
        while let Some(number) = self.channels.next_due(now) {
            self.ask(now, Purpose::Bind(number), 0);
        }
    }

    /// Makes a request and has it sent.
    fn ask(&mut self, now: Instant, purpose: Purpose, stale: u8) {
        let mut id = TransactionId([0; 12]);
        self.rng.fill_bytes(&mut id.0);
        let mut bytes = Vec::new();
        let mut message = MessageBuilder::new(&mut bytes, Class::Request, purpose.method(), id);
        match purpose {
            Purpose::Allocate => _ = message.requested_transport(UDP),
            Purpose::Refresh => {}
            Purpose::Release => _ = message.lifetime(Duration::ZERO),
            Purpose::Bind(number) => {
                message.channel_number(number);
                if let Some(peer) = self.channels.peer(number) {
                    message.xor_peer_address(peer);
                }
            }
        }
        if let Some(auth) = &self.auth {
            message
                .username(&self.config.username)
                .realm(&auth.realm)
                .nonce(&auth.nonce)
                .integrity(&auth.key);
        }
        message.fingerprint();
        let transport = self.config.server.transport;
        let timer = match purpose {
            Purpose::Release if !transport.is_stream() => {
                Retransmission::with_requests(now, Retransmission::RTO, RELEASES)
            }
            _ => Retransmission::over(now, transport, Retransmission::RTO),
        };
        self.requests.push(Request {
            purpose,
            id,
            bytes,
            timer,
            due: true,
            signed: self.auth.is_some(),
            stale,
        });
    }

    /// Works out the earliest timer, so that asking for it costs nothing on the data path.
    fn rearm(&mut self) {
        let channels = match self.state {
            State::Allocated => self.channels.next_refresh(),
            _ => None,
        };
        let timers = [
            self.requests.poll_timeout(),
            self.refresh,
            self.expires,
            channels,
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

/// IP protocol number of UDP.
const UDP: u8 = 17;
/// RFC 8489 §14.3: USERNAME has fewer than 509 bytes.
const MAX_USERNAME: usize = 508;
/// How often a release is sent: the server forgets by itself in the end.
const RELEASES: u32 = 4;
