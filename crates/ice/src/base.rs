//! What candidates are gathered on.

use std::net::{IpAddr, SocketAddr};

use ieum_candidate::{TcpType, Transport};

/// What candidates are gathered on: a socket of the caller, or an address that connections can be opened from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base {
    /// A UDP socket that is bound to this address.
    Udp(SocketAddr),
    /// A UDP socket that other agents use too. As [`Udp`](Self::Udp), but TURN servers are not asked over UDP from it: an
    /// allocation belongs to a five-tuple (RFC 8656 §3.2), and this one is of all of them.
    UdpShared(SocketAddr),
    /// A UDP socket from which TURN servers are asked and nothing else: it is no candidate, and asks no STUN server. It
    /// goes with a [shared](Self::UdpShared) one.
    UdpToRelays(SocketAddr),
    /// TCP connections can be opened from this address: an active candidate (RFC 6544 §4.1).
    TcpActive(IpAddr),
    /// A TCP socket listens on this address: a passive candidate. What it accepts goes to
    /// [`stream_accepted`](crate::Agent::stream_accepted).
    TcpPassive(SocketAddr),
}

impl Base {
    pub(crate) fn transport(self) -> Transport {
        match self {
            Base::Udp(_) | Base::UdpShared(_) | Base::UdpToRelays(_) => Transport::Udp,
            Base::TcpActive(_) => Transport::Tcp(TcpType::Active),
            Base::TcpPassive(_) => Transport::Tcp(TcpType::Passive),
        }
    }

    /// Whether it is a candidate, and STUN servers are asked from it.
    pub(crate) fn is_candidate(self) -> bool {
        !matches!(self, Base::UdpToRelays(_))
    }

    /// Whether TURN servers are asked from it over UDP.
    pub(crate) fn allocates(self) -> bool {
        matches!(self, Base::Udp(_) | Base::UdpToRelays(_))
    }

    pub(crate) fn connects(self) -> bool {
        matches!(self, Base::TcpActive(_))
    }

    /// The address and port that candidates say. RFC 6544 §4.5: port 9, the discard port, stands for one that is not known before it is connected.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        match self {
            Base::Udp(address)
            | Base::UdpShared(address)
            | Base::UdpToRelays(address)
            | Base::TcpPassive(address) => address,
            Base::TcpActive(ip) => SocketAddr::new(ip, DISCARD),
        }
    }
}

impl From<SocketAddr> for Base {
    fn from(address: SocketAddr) -> Self {
        Base::Udp(address)
    }
}

const DISCARD: u16 = 9;
