use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use crate::{CandidateLine, Kind, OwnedAddress, ParseError, Transport, foundation, priority};

/// A candidate as a value: RFC 8839 §5.1.
///
/// `Display` writes it as `candidate:...`, without `a=`; `FromStr` reads what [`CandidateLine::parse`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Equal for candidates that are likely to behave alike: 1 to 32 characters.
    pub foundation: String,
    /// 1 for RTP (and for everything where RTCP is multiplexed), 2 for RTCP; at most 256.
    pub component: u16,
    /// UDP or TCP.
    pub transport: Transport,
    /// Higher is better; see [`priority`].
    pub priority: u32,
    /// Where to send to.
    pub address: OwnedAddress,
    /// Where to send to; 9 stands for no port in a TCP candidate that is active.
    pub port: u16,
    /// How it was found.
    pub kind: Kind,
    /// `raddr` and `rport`: the base of a reflexive candidate, the mapped address of a relayed one. For diagnosis only.
    pub related: Option<SocketAddr>,
    /// What follows, in order, as names and values: `ufrag`, `generation`, `network-cost`... `tcptype` is not here but
    /// in `transport`.
    pub extensions: Vec<(String, String)>,
}

impl Candidate {
    /// A host candidate: an address of this host, which is its own base (RFC 8445 §5.1.1.1).
    ///
    /// `base_preference` and `component` as in [`priority`], here and below.
    pub fn host(
        address: SocketAddr,
        transport: Transport,
        component: u16,
        base_preference: u16,
    ) -> Self {
        let foundation = foundation(Kind::Host, address.ip(), None, transport);
        Self::new(
            Kind::Host,
            address,
            None,
            foundation,
            transport,
            component,
            base_preference,
        )
    }

    /// A server reflexive candidate: the `address` that the STUN server at `server` saw when `base` asked (RFC 8445 §5.1.1.2).
    pub fn server_reflexive(
        address: SocketAddr,
        base: SocketAddr,
        server: IpAddr,
        transport: Transport,
        component: u16,
        base_preference: u16,
    ) -> Self {
        let kind = Kind::ServerReflexive;
        let foundation = foundation(kind, base.ip(), Some(server), transport);
        Self::new(
            kind,
            address,
            Some(base),
            foundation,
            transport,
            component,
            base_preference,
        )
    }

    /// A peer reflexive candidate of our own: the `address` that a peer saw when `base` sent a check (RFC 8445 §7.2.5.3.1).
    ///
    /// For one of the remote peer, set `priority` to what its check said and `foundation` to a value of your own
    /// (RFC 8445 §7.3.1.3).
    pub fn peer_reflexive(
        address: SocketAddr,
        base: SocketAddr,
        transport: Transport,
        component: u16,
        base_preference: u16,
    ) -> Self {
        let kind = Kind::PeerReflexive;
        let foundation = foundation(kind, base.ip(), None, transport);
        Self::new(
            kind,
            address,
            Some(base),
            foundation,
            transport,
            component,
            base_preference,
        )
    }

    /// A relayed candidate: the `address` that the TURN server at `server` allocated for the client that it saw at
    /// `mapped` (RFC 8445 §5.1.1.2). It is its own base.
    pub fn relayed(
        address: SocketAddr,
        mapped: SocketAddr,
        server: IpAddr,
        transport: Transport,
        component: u16,
        base_preference: u16,
    ) -> Self {
        let kind = Kind::Relayed;
        let foundation = foundation(kind, address.ip(), Some(server), transport);
        Self::new(
            kind,
            address,
            Some(mapped),
            foundation,
            transport,
            component,
            base_preference,
        )
    }

    /// Where to send to; `None` while its name is not resolved.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.address.ip().map(|ip| SocketAddr::new(ip, self.port))
    }

    /// The address that checks leave from, RFC 8445 §4: of a host or relayed candidate it is its own, of a reflexive one
    /// it is the related address, as far as that is told.
    pub fn base(&self) -> Option<SocketAddr> {
        match self.kind {
            Kind::Host | Kind::Relayed => self.socket_addr(),
            Kind::ServerReflexive | Kind::PeerReflexive => self.related,
        }
    }

    /// Whether it adds nothing to `other`, RFC 8445 §5.1.3: the same component, transport, address and base. Of the two the
    /// one with the lower priority is dropped. What has no base to be compared is never redundant.
    pub fn is_redundant_to(&self, other: &Candidate) -> bool {
        (self.component, self.transport, self.port)
            == (other.component, other.transport, other.port)
            && self.address == other.address
            && self.base().is_some()
            && self.base() == other.base()
    }

    /// The ICE username fragment that it belongs to, where the line says so (RFC 8839 §5.4 and browsers).
    pub fn ufrag(&self) -> Option<&str> {
        self.extension("ufrag")
    }

    /// The value of the first extension of this name.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn new(
        kind: Kind,
        address: SocketAddr,
        related: Option<SocketAddr>,
        foundation: String,
        transport: Transport,
        component: u16,
        base_preference: u16,
    ) -> Self {
        Candidate {
            foundation,
            component,
            transport,
            priority: priority(kind, transport, base_preference, component),
            address: address.ip().into(),
            port: address.port(),
            kind,
            related,
            extensions: Vec::new(),
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            ..
        } = self;
        write!(
            f,
            "candidate:{foundation} {component} {transport} {priority} {address} {port} typ {kind}"
        )?;
        if let Some(related) = self.related {
            write!(f, " raddr {} rport {}", related.ip(), related.port())?;
        }
        if let Some(tcp_type) = transport.tcp_type() {
            write!(f, " tcptype {tcp_type}")?;
        }
        self.extensions
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

impl FromStr for Candidate {
    type Err = ParseError;

    fn from_str(line: &str) -> Result<Self, ParseError> {
        CandidateLine::parse(line).map(|line| line.to_owned())
    }
}
