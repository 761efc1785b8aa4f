//! Which addresses relays get, which ports, and which peers may be relayed to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ieum_turn::server::{Family, IpRange, PeerPolicy, Port, RelayError};
use tokio::net::UdpSocket;

/// The addresses that relayed ports are opened on: one per family at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelayAddresses {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl RelayAddresses {
    /// The listening address itself; behind a wildcard, the addresses that packets to the internet leave from.
    pub(crate) fn for_bind(bind: IpAddr) -> Self {
        match bind {
            IpAddr::V4(ip) if ip.is_unspecified() => Self {
                v4: outgoing_v4(),
                v6: None,
            },
            IpAddr::V6(ip) if ip.is_unspecified() => Self {
                v4: outgoing_v4(),
                v6: outgoing_v6(),
            },
            IpAddr::V4(ip) => Self {
                v4: Some(ip),
                v6: None,
            },
            IpAddr::V6(ip) => Self {
                v4: None,
                v6: Some(ip),
            },
        }
    }

    fn of(self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.map(IpAddr::V4),
            Family::V6 => self.v6.map(IpAddr::V6),
        }
    }

    /// Binds a relay's socket, and for [`Port::EvenAndNext`] the one of the port above it.
    pub(crate) fn open(self, family: Family, port: Port) -> Result<Opened, RelayError> {
        let ip = self.of(family).ok_or(RelayError::Family)?;
        let opened = match port {
            Port::Any => bind(ip, 0).map(|socket| (socket, None)),
            Port::Even => even(ip, |_| Ok(None)),
            Port::EvenAndNext { .. } => even(ip, |next| bind(ip, next).map(Some)),
        };
        let (socket, next) = opened.map_err(|_| RelayError::Exhausted)?;
        let address = socket.local_addr().map_err(|_| RelayError::Exhausted)?;
        Ok(Opened {
            address,
            socket,
            next,
        })
    }
}

/// A relay's socket, and the one of the next higher port where it was asked for.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) address: SocketAddr,
    pub(crate) socket: UdpSocket,
    pub(crate) next: Option<UdpSocket>,
}

/// Everything public and this machine's own addresses. Loopback only where the server itself is on loopback: a server
/// that others can reach must not carry their packets to what trusts only this machine.
pub(crate) fn peer_policy(bind: IpAddr) -> PeerPolicy {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let own = interfaces.iter().map(if_addrs::Interface::ip);
    PeerPolicy {
        loopback: bind.is_loopback(),
        allowed: own
            .filter(|ip| !ip.is_loopback() && !is_link_local(*ip))
            .map(IpRange::from)
            .collect(),
        ..PeerPolicy::default()
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn bind(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((ip, port))?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// An even port and what `companion` makes of the port above it. The system hands out ports of both kinds, so a few
/// tries are enough unless ports run out.
fn even<T>(ip: IpAddr, companion: impl Fn(u16) -> io::Result<T>) -> io::Result<(UdpSocket, T)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..EVEN_TRIES {
        // A socket on an odd port leads to its even neighbour below.
        let hint = bind(ip, 0)?.local_addr()?.port() & !1;
        match bind(ip, hint).and_then(|socket| Ok((socket, companion(hint + 1)?))) {
            Ok(both) => return Ok(both),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The address that packets to the internet leave from. Connecting a UDP socket sends nothing.
fn outgoing(from: SocketAddr, to: SocketAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn outgoing_v4() -> Option<Ipv4Addr> {
    let to = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    match outgoing((Ipv4Addr::UNSPECIFIED, 0).into(), to) {
        Some(IpAddr::V4(ip)) => Some(ip),
        // No route out: relaying within this machine is all that is left.
        _ => Some(Ipv4Addr::LOCALHOST),
    }
}

fn outgoing_v6() -> Option<Ipv6Addr> {
    let to = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9));
    match outgoing((Ipv6Addr::UNSPECIFIED, 0).into(), to) {
        Some(IpAddr::V6(ip)) => Some(ip),
        _ => None,
    }
}

const EVEN_TRIES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_even_port_is_even() -> Result<(), RelayError> {
        let relays = RelayAddresses::for_bind(Ipv4Addr::LOCALHOST.into());
        for _ in 0..8 {
            assert_eq!(relays.open(Family::V4, Port::Even)?.address.port() % 2, 0);
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_family_without_an_address_is_refused() {
        let relays = RelayAddresses::for_bind(Ipv4Addr::LOCALHOST.into());
        let refused = relays.open(Family::V6, Port::Any).map(|_| ());
        assert_eq!(refused, Err(RelayError::Family));
    }

    #[test]
    fn loopback_peers_are_for_a_server_on_loopback() {
        assert!(peer_policy(Ipv4Addr::LOCALHOST.into()).loopback);
        for bind in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(203, 0, 113, 10)] {
            let policy = peer_policy(bind.into());
            let loopback = |range: &IpRange| range.contains(Ipv4Addr::LOCALHOST.into());
            assert!(!policy.loopback && !policy.allowed.iter().any(loopback));
        }
    }
}
