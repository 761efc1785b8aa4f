//! What candidates are gathered on.

use std::net::{IpAddr, SocketAddr};

use ieum_candidate::{TcpType, Transport};

/// What candidates are gathered on: a socket of the caller, or an address that connections can be opened from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base {
    /// A UDP socket that is bound to this address.
    Udp(SocketAddr),
    /// TCP connections can be opened from this address: an active candidate (RFC 6544 §4.1).
    TcpActive(IpAddr),
    /// A TCP socket listens on this address: a passive candidate. What it accepts goes to
    /// [`stream_accepted`](crate::Agent::stream_accepted).
    TcpPassive(SocketAddr),
}

impl Base {
    pub(crate) fn transport(self) -> Transport {
        match self {
            Base::Udp(_) => Transport::Udp,
            Base::TcpActive(_) => Transport::Tcp(TcpType::Active),
            Base::TcpPassive(_) => Transport::Tcp(TcpType::Passive),
        }
    }

    pub(crate) fn connects(self) -> bool {
        matches!(self, Base::TcpActive(_))
    }

    /// The address and port that candidates say. RFC 6544 §4.5: port 9, the discard port, stands for one that is not known before it is connected.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        match self {
            Base::Udp(address) | Base::TcpPassive(address) => address,
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
