//! The machine of one connection. Its face is that of every machine of ours: `handle_*` in, methods named for what the
//! application wants, `poll_*` out.

mod candidates;
mod channels;
mod gathering;
mod input;
mod negotiate;
mod output;
mod stats;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_ice::{
    AddressMapping, Agent, Candidate, Credentials, GatheringState, Report, Role, SelectedPair,
    Timing, TransportPolicy,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::channels::Channels;
use super::dtls::{Certificate, Fingerprint};
use super::jsep::{Capabilities, Negotiator, RemoteTransport};
use super::stats::Traffic;
use super::transport::{Settings, Transport};
use super::{
    ChannelError, ChannelId, ConnectionState, Counters, DEFAULT_MAX_MESSAGE_SIZE, DataChannelState,
    DtlsVersion, IceCandidateInit, IceConnectionState, IceGatheringState, MAX_MESSAGE_SIZE,
    Observer, Occurrence, Priority, Reliability, SessionDescription, SignalingState,
};

/// What a [`Connection`] is made with.
pub struct Config {
    /// What ICE's user names, passwords, transaction ids and tie-breakers are drawn from. Must be unguessable, and serve one connection.
    /// (DTLS and SCTP draw their own randomness.)
    pub seed: [u8; 32],
    /// The certificate that the description names.
    pub certificate: Certificate,
    /// The certificates that the peer may have: [`Configuration::expected_fingerprints`](crate::Configuration::expected_fingerprints).
    pub expected_fingerprints: Option<Vec<Fingerprint>>,
    /// Which candidates may be used.
    pub transport_policy: TransportPolicy,
    /// Be the lite side of ICE, for a server that everybody reaches (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// Offer and accept renomination ([`ieum_ice::Options::renomination`]).
    pub renomination: bool,
    /// Tell the peer names in place of addresses: [`Event::RegisterName`].
    pub hide_host_addresses: bool,
    /// Addresses under which the world reaches this host, though no interface has them.
    pub address_mappings: Vec<AddressMapping>,
    /// The timers of ICE.
    pub timing: Timing,
    /// Not 0: gather at once, and not from the first local description on ([`Connection::wants_gathering`]; RFC 9429 §3.5.4).
    pub ice_candidate_pool_size: u8,
    /// The largest UDP payload that is sent, in bytes, without a relay's header; at least [`MIN_MTU`].
    pub mtu: u16,
    /// How long the DTLS handshake may go unanswered.
    pub dtls_timeout: Duration,
    /// How long [`Connection::close`] waits for the peer to take what was sent.
    pub close_timeout: Duration,
    /// The largest message that is taken from the peer, in bytes; at most [`MAX_MESSAGE_SIZE`].
    pub max_message_size: u32,
    /// Is told of everything that happens.
    pub observer: Option<Box<dyn Observer>>,
}

impl Config {
    /// The default configuration.
    #[must_use]
    pub fn new(seed: [u8; 32], certificate: Certificate) -> Self {
        Self {
            seed,
            certificate,
            expected_fingerprints: None,
            transport_policy: TransportPolicy::default(),
            ice_lite: false,
            renomination: false,
            hide_host_addresses: false,
            address_mappings: Vec::new(),
            timing: Timing::default(),
            ice_candidate_pool_size: 0,
            mtu: DEFAULT_MTU,
            dtls_timeout: DEFAULT_DTLS_TIMEOUT,
            close_timeout: DEFAULT_CLOSE_TIMEOUT,
            max_message_size: DEFAULT_MAX_MESSAGE_SIZE,
            observer: None,
        }
    }
}

/// Without seed and key.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("transport_policy", &self.transport_policy)
            .field("ice_lite", &self.ice_lite)
            .field("renomination", &self.renomination)
            .field("hide_host_addresses", &self.hide_host_addresses)
            .field("address_mappings", &self.address_mappings)
            .field("timing", &self.timing)
            .field("ice_candidate_pool_size", &self.ice_candidate_pool_size)
            .field("mtu", &self.mtu)
            .field("dtls_timeout", &self.dtls_timeout)
            .field("close_timeout", &self.close_timeout)
            .field("max_message_size", &self.max_message_size)
            .finish_non_exhaustive()
    }
}

/// What a connection tells its owner.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// An offer is due.
    NegotiationNeeded,
    /// A candidate to send to the peer; `None`: there will be no more.
    IceCandidate(Option<IceCandidateInit>),
    /// A candidate could not be had from a server.
    IceCandidateError {
        /// The server, as its URL was given.
        url: String,
        /// The address that was asked from, where there was one.
        local: Option<SocketAddr>,
        /// The STUN error code that the server sent.
        code: Option<u16>,
        /// What went wrong, in words.
        reason: String,
    },
    /// This name stands for this address of ours in candidates: answer multicast DNS queries for it
    /// ([`Config::hide_host_addresses`]; [`mdns`](crate::core::mdns)).
    RegisterName {
        /// A UUID and `.local`.
        name: String,
        /// The address.
        ip: IpAddr,
    },
    /// A candidate of the peer has this name: ask for its address by multicast DNS, and tell it by
    /// [`name_resolved`](Connection::name_resolved). Whoever does not is still found by the peer's own checks.
    ResolveName(String),
    /// Negotiation moved on.
    SignalingStateChange(SignalingState),
    /// ICE moved on.
    IceConnectionStateChange(IceConnectionState),
    /// Gathering moved on.
    IceGatheringStateChange(IceGatheringState),
    /// The connection as a whole moved on.
    ConnectionStateChange(ConnectionState),
    /// The peer opened a channel, which is open.
    DataChannel(ChannelId),
    /// A channel of ours is open.
    ChannelOpen(ChannelId),
    /// There may be something to [read](Connection::read).
    ChannelReadable(ChannelId),
    /// A channel is being closed, by whichever side.
    ChannelClosing(ChannelId),
    /// A channel has failed; that it is closed is told next.
    ChannelError {
        /// The channel.
        channel: ChannelId,
        /// Why.
        error: ChannelError,
    },
    /// A channel is closed and forgotten.
    ChannelClosed(ChannelId),
    /// So many bytes of a channel's messages were acknowledged or given up.
    Released {
        /// The channel.
        channel: ChannelId,
        /// User bytes.
        bytes: usize,
    },
}

/// What is known of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Its label.
    pub label: String,
    /// What is spoken on it.
    pub protocol: String,
    /// Whether messages arrive in order.
    pub ordered: bool,
    /// How hard delivery is tried.
    pub reliability: Reliability,
    /// Whether both sides agreed on it without a word on the wire.
    pub negotiated: bool,
    /// Its rank.
    pub priority: Priority,
    /// Bytes of its messages that wait or are not acknowledged.
    pub buffered_amount: usize,
    /// Its stream; `None` until the DTLS roles are known.
    pub stream: Option<u16>,
    /// Where it is in its life.
    pub state: DataChannelState,
}

/// One connection: negotiation, the ICE agent, DTLS, SCTP and its channels.
///
/// Time is an argument. Call the `handle_*` methods with what came in, then poll: [`poll_transmit`](Self::poll_transmit)
/// until `None`, [`poll_event`](Self::poll_event) until `None`, and [`poll_timeout`](Self::poll_timeout). SCTP acknowledges
/// once for all datagrams that were handled between two polls.
pub struct Connection {
    agent: Agent,
    negotiation: Negotiator,
    transport: Transport,
    channels: Channels,
    /// The peer's transport as it was last agreed on.
    remote: Option<RemoteTransport>,
    /// The peer's transport as its offer has it, which waits for our answer.
    offered: Option<RemoteTransport>,
    /// Candidates of a generation that is not known, while an answer is due.
    early: Vec<IceCandidateInit>,
    /// Our credentials in an offer or answer that restarts ICE, until that is agreed on or taken back.
    next: Option<Credentials>,
    certificate: Certificate,
    fingerprint: Vec<u8>,
    max_message_size: u32,
    close_timeout: Duration,
    state: ConnectionState,
    gathering: IceGatheringState,
    /// What the agent has told of its gathering. Its own state is ahead of the candidates that wait to be told.
    agent_gathering: GatheringState,
    /// `gather` was called.
    gathers: bool,
    /// What is gathered waits for the first local description, to be told.
    pools: bool,
    /// More servers will be gathered from.
    more_servers: bool,
    /// Grows whenever a description, or the candidates in it, change.
    descriptions: u64,
    dtls_failed: bool,
    ending: Ending,
    counters: Counters,
    traffic: Traffic,
    observer: Option<Box<dyn Observer>>,
    events: VecDeque<Event>,
}

/// How far closing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Not,
    /// Channels are being closed; it ends at the latest then.
    Flushing(Instant),
    /// The last words are being sent.
    Leaving,
    Closed,
}

impl Connection {
    /// A connection that does nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let max_message_size = config.max_message_size.min(MAX_MESSAGE_SIZE);
        let mut random = ChaCha20Rng::from_seed(config.seed);
        let session_id = random.next_u64();
        let mut agent_seed = [0; 32];
        random.fill_bytes(&mut agent_seed);
        let mut agent = ieum_ice::Config::new(Role::Controlled, agent_seed);
        agent.transport_policy = config.transport_policy;
        agent.lite = config.ice_lite;
        agent.renomination = config.renomination;
        agent.hide_host_addresses = config.hide_host_addresses;
        agent.address_mappings = config.address_mappings;
        agent.timing = config.timing;
        let settings = Settings {
            max_message_size,
            mtu: config.mtu.max(MIN_MTU),
            dtls_timeout: config.dtls_timeout,
        };
        Self {
            agent: Agent::new(agent),
            negotiation: Negotiator::new(session_id, Capabilities::default()),
            transport: Transport::new(settings, config.expected_fingerprints),
            channels: Channels::default(),
            remote: None,
            offered: None,
            early: Vec::new(),
            next: None,
            fingerprint: config.certificate.fingerprint(),
            certificate: config.certificate,
            max_message_size,
            close_timeout: config.close_timeout,
            state: ConnectionState::New,
            gathering: IceGatheringState::New,
            agent_gathering: GatheringState::New,
            gathers: false,
            pools: config.ice_candidate_pool_size > 0,
            more_servers: false,
            descriptions: 0,
            dtls_failed: false,
            ending: Ending::Not,
            counters: Counters::default(),
            traffic: Traffic::default(),
            observer: config.observer,
            events: VecDeque::new(),
        }
    }

    /// Where negotiation stands.
    #[must_use]
    pub fn signaling_state(&self) -> SignalingState {
        self.negotiation.signaling_state()
    }

    /// Where ICE stands.
    #[must_use]
    pub fn ice_connection_state(&self) -> IceConnectionState {
        ice_state(self.agent.state())
    }

    /// Where gathering stands.
    #[must_use]
    pub fn ice_gathering_state(&self) -> IceGatheringState {
        self.gathering
    }

    /// Where the connection as a whole stands.
    #[must_use]
    pub fn connection_state(&self) -> ConnectionState {
        self.state
    }

    /// The local description, with the candidates found so far.
    #[must_use]
    pub fn local_description(&self) -> Option<SessionDescription> {
        let applied = self.negotiation.local()?;
        let mut description = applied.description.clone();
        if let Some((index, _)) = self.negotiation.data_section() {
            let data = &mut description.media[index];
            data.candidates = self
                .agent
                .local_candidates()
                .cloned()
                .map(Into::into)
                .collect();
            data.end_of_candidates = self.ice_gathering_state() == IceGatheringState::Complete;
        }
        Some(SessionDescription {
            kind: applied.kind,
            sdp: description.to_string(),
        })
    }

    /// Grows whenever [`local_description`](Self::local_description) or
    /// [`remote_description`](Self::remote_description) would say something else.
    #[must_use]
    pub fn descriptions_version(&self) -> u64 {
        self.descriptions
    }

    /// The remote description, as it was given.
    #[must_use]
    pub fn remote_description(&self) -> Option<SessionDescription> {
        self.negotiation.remote_description()
    }

    /// Whether the peer takes candidates one by one (W3C canTrickleIceCandidates): `None` before its description is set.
    #[must_use]
    pub fn can_trickle_ice_candidates(&self) -> Option<bool> {
        self.negotiation.can_trickle_ice_candidates()
    }

    /// The candidates of this side.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.agent.local_candidates()
    }

    /// The candidates of the peer.
    pub fn remote_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.agent.remote_candidates()
    }

    /// The pair that data goes over.
    #[must_use]
    pub fn selected_pair(&self) -> Option<&SelectedPair> {
        self.agent.selected_pair()
    }

    /// The candidate pairs.
    #[must_use]
    pub fn ice_report(&self) -> Report {
        self.agent.report()
    }

    /// What DTLS agreed on, once it is up.
    #[must_use]
    pub fn dtls_version(&self) -> Option<DtlsVersion> {
        self.transport.version()
    }

    /// What was ignored, and why.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the ICE agent counted.
    #[must_use]
    pub fn ice_counters(&self) -> &ieum_ice::Counters {
        self.agent.counters()
    }

    /// Whether it is over: nothing more will be sent or told once what is left was polled.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ending == Ending::Closed
    }

    /// Closes gracefully: every channel is closed once what was sent on it has arrived, then the peer is told. It ends at
    /// the latest [`Config::close_timeout`] from now, and at once where there is no way to the peer.
    pub fn close(&mut self, now: Instant) {
        if self.ending != Ending::Not {
            return;
        }
        self.ending = Ending::Flushing(now + self.close_timeout);
        for channel in self.channels.ids() {
            self.close_channel(now, channel);
        }
        self.pump(now);
    }

    /// Closes at once: the peer is told, nothing is waited for.
    pub fn close_now(&mut self, now: Instant) {
        if matches!(self.ending, Ending::Not | Ending::Flushing(_)) {
            self.leave(now);
        }
    }

    fn leave(&mut self, now: Instant) {
        self.ending = Ending::Leaving;
        self.transport.close(now);
        self.channels_lost(now, None);
        self.negotiation.close();
        self.event(Event::SignalingStateChange(SignalingState::Closed));
        self.observe(now, &Occurrence::SignalingState(SignalingState::Closed));
    }

    fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The one place where the observer is fed.
    fn observe(&mut self, now: Instant, occurrence: &Occurrence) {
        if let Some(observer) = &mut self.observer {
            observer.observe(now, occurrence);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("signaling", &self.signaling_state())
            .field("ice", &self.ice_connection_state())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn ice_state(state: ieum_ice::State) -> IceConnectionState {
    match state {
        ieum_ice::State::New => IceConnectionState::New,
        ieum_ice::State::Checking => IceConnectionState::Checking,
        ieum_ice::State::Connected => IceConnectionState::Connected,
        ieum_ice::State::Completed => IceConnectionState::Completed,
        ieum_ice::State::Disconnected => IceConnectionState::Disconnected,
        ieum_ice::State::Failed => IceConnectionState::Failed,
        ieum_ice::State::Closed => IceConnectionState::Closed,
    }
}

/// The least that IPv6 guarantees (1,280, RFC 8200 §5) less its header, that of UDP and a relay's four bytes.
pub const DEFAULT_MTU: u16 = 1228;
/// What IPv4 hosts must be able to take (RFC 791 §3.1); with less, messages would be mostly headers.
pub const MIN_MTU: u16 = 576;
/// Seven flights: the first, and one after 250 ms, after twice that, and so on.
pub const DEFAULT_DTLS_TIMEOUT: Duration = Duration::from_secs(16);
/// A slow peer has had most of what was sent before.
pub const DEFAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
