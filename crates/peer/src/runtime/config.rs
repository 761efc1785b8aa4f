//! What a connection is made with.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use ieum_ice::AddressMapping;

use super::{
    BundlePolicy, IceTcp, IceTransportPolicy, Interfaces, RtcpMuxPolicy, TlsRoots, UdpMux,
};
use crate::core::{Certificate, Fingerprint, Observer};

/// RTCConfiguration, and what a native program needs beyond it. `Default` is a peer that gathers host candidates only.
pub struct Configuration {
    /// STUN and TURN servers.
    pub ice_servers: Vec<IceServer>,
    /// Which candidates may be used.
    pub ice_transport_policy: IceTransportPolicy,
    /// How sections share transports: always by one. See there.
    pub bundle_policy: BundlePolicy,
    /// Whether RTCP shares RTP's port: always. See there.
    pub rtcp_mux_policy: RtcpMuxPolicy,
    /// With anything but 0, candidates are gathered at once, in place of from the first local description on, which then has those that were found; the
    /// others are told after it, as are those, and until then the gathering state is `New` (RFC 9429 §3.5.4). There is one
    /// transport, so more than 1 is no more. Default 0. A NAT may forget a server reflexive address that nobody uses, in as
    /// little as thirty seconds: for a description that soon follows.
    pub ice_candidate_pool_size: u8,
    /// Whether TCP candidates are offered, for networks that block UDP.
    pub ice_tcp: IceTcp,
    /// Whom `turns:` servers are trusted by.
    pub tls_roots: TlsRoots,
    /// Which addresses of this machine are used. When gathering begins, what is known of them may be a quarter of a second old.
    pub interfaces: Interfaces,
    /// Follow this machine's interfaces as they come and go: they are looked at when ICE is in trouble, and about every five seconds
    /// while it is connected, with its own timers, so that nothing wakes up for it. Default `true`. Without it, whoever knows of a change says so:
    /// [`PeerConnection::network_changed`](super::PeerConnection::network_changed), which tells what is done then.
    pub watch_interfaces: bool,
    /// The ports that sockets are bound to, one for each address (and one of TCP, where it listens): for firewalls and containers that open only these.
    /// Every connection takes its own; with none left there is one candidate error that says so. `None`, the default: of
    /// the system's choice.
    pub ports: Option<RangeInclusive<u16>>,
    /// One UDP port for many connections, which this one shares, in place of a socket of its own for each address: see [`UdpMux`], whose
    /// sockets then stand for those of [`ports`](Self::ports). Default: none.
    pub udp_mux: Option<UdpMux>,
    /// Addresses under which the world reaches this machine, though no interface has them: a cloud's 1:1 NAT, a published
    /// container. Default: none. The ports are the same on both sides: open [`ports`](Self::ports) there.
    pub address_mappings: Vec<AddressMapping>,
    /// Tell the peer random names (`<uuid>.local`) in place of this machine's addresses in host candidates, and answer
    /// multicast DNS queries for them (draft-ietf-mmusic-mdns-ice-candidates). Default `false`: browsers hide addresses
    /// from the pages that they open, but a native program chooses its peers, and only peers on the same link resolve the
    /// names. The names of a peer are resolved in any case.
    pub hide_host_addresses: bool,
    /// Be the lite side of ICE (`a=ice-lite`, RFC 8445 §2.5): host candidates only, no checks of our own; the peer checks,
    /// controls and nominates. Default `false`. For a server with a public address; two lite sides do not connect.
    pub ice_lite: bool,
    /// Offer and accept renomination (`renomination` among `a=ice-options`, draft-thatcher-ice-renomination): a better pair
    /// found after the nomination takes its place. Default `false`: RFC 8445 §8.1.1 forbids it unless both sides agree.
    pub renomination: bool,
    /// The timers of ICE: pacing, retransmission, consent.
    pub timing: ieum_ice::Timing,
    /// The largest UDP payload that is sent, in bytes. Default 1,228: with the headers of IPv6, UDP and a relay, the 1,280 that IPv6
    /// guarantees. More where the way is known, less for a tunnel in a tunnel; what is less than 576 is taken for that. What the peer sends is for it
    /// to say.
    pub mtu: u16,
    /// What is asked of the system as the receive and the send buffer of each UDP socket, in bytes; less is granted where its
    /// limit is lower (`net.core.rmem_max`). `None`: nothing is asked for. Default 4 MiB. A connection sends no more at once
    /// than what a receive buffer like its own takes. A [shared port](super::UdpMux) asks for the default.
    pub socket_buffers: Option<usize>,
    /// How long the DTLS handshake may go unanswered, from the first pair on. It is repeated after 250 ms, then after twice that, and so on, so that the time is
    /// rounded to a power of two of it. Default 16 s.
    pub dtls_timeout: Duration,
    /// How long [`close`](super::PeerConnection::close) waits for the peer to take what was sent. Default 10 s.
    pub close_timeout: Duration,
    /// The largest message that this side takes, in bytes, told to the peer as `a=max-message-size` (RFC 8841 §6.1).
    /// At most 64 MiB.
    /// Default 262,144, as browsers have it. A larger value makes SCTP's receive buffer larger too.
    pub max_message_size: u32,
    /// What user names, passwords, transaction ids and tie-breakers are drawn from; they must be unguessable.
    /// `None`, the default: 32 bytes of the operating system's randomness.
    pub seed: Option<[u8; 32]>,
    /// Whom the peer meets in DTLS (`certificates` of the W3C). `None`, the default: a new one for this connection, so that
    /// no two of its connections can be told to be the same peer's. A server makes one and shares it: the first that a
    /// process makes waits for the cryptography library to wake up, some tens of milliseconds.
    pub certificate: Option<Certificate>,
    /// The certificates that the peer may have. `None`, the default: the one that its description names, which is as
    /// trustworthy as signaling. With `Some`, a peer must besides have one of these, of which both sides knew before; so that
    /// who holds signaling cannot stand in for it.
    pub expected_fingerprints: Option<Vec<Fingerprint>>,
    /// Is told of everything that happens.
    pub observer: Option<Box<dyn Observer>>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            ice_transport_policy: IceTransportPolicy::All,
            bundle_policy: BundlePolicy::default(),
            rtcp_mux_policy: RtcpMuxPolicy::default(),
            ice_candidate_pool_size: 0,
            ice_tcp: IceTcp::default(),
            tls_roots: TlsRoots::default(),
            interfaces: Interfaces::default(),
            watch_interfaces: true,
            ports: None,
            udp_mux: None,
            address_mappings: Vec::new(),
            hide_host_addresses: false,
            ice_lite: false,
            renomination: false,
            timing: ieum_ice::Timing::default(),
            mtu: crate::core::DEFAULT_MTU,
            socket_buffers: Some(super::socket::SOCKET_BUFFER),
            dtls_timeout: crate::core::DEFAULT_DTLS_TIMEOUT,
            close_timeout: crate::core::DEFAULT_CLOSE_TIMEOUT,
            max_message_size: crate::core::DEFAULT_MAX_MESSAGE_SIZE,
            seed: None,
            certificate: None,
            expected_fingerprints: None,
            observer: None,
        }
    }
}

/// Without the seed.
impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("ice_servers", &self.ice_servers)
            .field("ice_transport_policy", &self.ice_transport_policy)
            .field("bundle_policy", &self.bundle_policy)
            .field("rtcp_mux_policy", &self.rtcp_mux_policy)
            .field("ice_candidate_pool_size", &self.ice_candidate_pool_size)
            .field("ice_tcp", &self.ice_tcp)
            .field("interfaces", &self.interfaces)
            .field("watch_interfaces", &self.watch_interfaces)
            .field("ports", &self.ports)
            .field("udp_mux", &self.udp_mux)
            .field("address_mappings", &self.address_mappings)
            .field("hide_host_addresses", &self.hide_host_addresses)
            .field("ice_lite", &self.ice_lite)
            .field("renomination", &self.renomination)
            .field("timing", &self.timing)
            .field("mtu", &self.mtu)
            .field("socket_buffers", &self.socket_buffers)
            .field("dtls_timeout", &self.dtls_timeout)
            .field("close_timeout", &self.close_timeout)
            .field("max_message_size", &self.max_message_size)
            .finish_non_exhaustive()
    }
}

/// RTCIceServer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]` or `turns:host[:port]`, which is TURN over TLS
    /// (RFC 7064, RFC 7065). What is not supported (`stuns:`, DTLS to a server) is told as a candidate error that names it.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN: the password.
    pub credential: Option<String>,
}

impl IceServer {
    /// A STUN server.
    #[must_use]
    pub fn stun(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            ..Self::default()
        }
    }

    /// A TURN server.
    #[must_use]
    pub fn turn(
        url: impl Into<String>,
        username: impl Into<String>,
        credential: impl Into<String>,
    ) -> Self {
        Self {
            urls: vec![url.into()],
            username: Some(username.into()),
            credential: Some(credential.into()),
        }
    }
}

/// Without the credential.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
