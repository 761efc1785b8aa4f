//! Which addresses relays get, and which ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use ieum_turn::server::{Family, Port, RelayError};

use super::RelayAddress;
use super::acceptor::Acceptor;
use super::socket::{Purpose, Udp};

/// The addresses and the ports that relays are opened on.
#[derive(Clone, Debug)]
pub(super) struct RelayAddresses {
    addresses: Vec<RelayAddress>,
    ports: Option<RangeInclusive<u16>>,
    /// Where the last relay was opened: addresses of one family take turns.
    turn: usize,
}

impl RelayAddresses {
    /// `addresses`, or what goes with the listening addresses where there are none.
    pub(super) fn new(
        addresses: &[RelayAddress],
        ports: Option<RangeInclusive<u16>>,
        listening: &[SocketAddr],
    ) -> Self {
        Self {
            addresses: match addresses.is_empty() {
                true => default_relays(listening),
                false => addresses.to_vec(),
            },
            ports,
            turn: 0,
        }
    }

    /// Binds a relay's socket, and for [`Port::EvenAndNext`] the one of the port above it.
    pub(super) fn open(&mut self, family: Family, port: Port) -> Result<Opened, RelayError> {
        let address = self.next(family).ok_or(RelayError::Family)?;
        let opened = match port {
            Port::Any => self.any(address.ip).map(|socket| (socket, None)),
            Port::Even => self.even(address.ip, |_| Ok(None)),
            Port::EvenAndNext { .. } => {
                self.even(address.ip, |next| bind(address.ip, next).map(Some))
            }
        };
        let (socket, next) = opened.map_err(|_| RelayError::Exhausted)?;
        let bound = socket.local_addr().map_err(|_| RelayError::Exhausted)?;
        Ok(Opened {
            address: SocketAddr::new(address.external.unwrap_or(bound.ip()), bound.port()),
            socket,
            next,
        })
    }

    /// Listens for TCP on a relay's address (RFC 6062); gives the address as peers reach it.
    pub(super) fn listen(&mut self, family: Family) -> Result<(Acceptor, SocketAddr), RelayError> {
        let address = self.next(family).ok_or(RelayError::Family)?;
        let listen = |port| Acceptor::bind((address.ip, port).into(), true, false);
        let acceptor = match &self.ports {
            None => listen(0),
            Some(ports) => search(ports, 1, listen),
        };
        let acceptor = acceptor.map_err(|_| RelayError::Exhausted)?;
        let (ip, port) = (
            address.external.unwrap_or(address.ip),
            acceptor.local.port(),
        );
        Ok((acceptor, SocketAddr::new(ip, port)))
    }

    fn next(&mut self, family: Family) -> Option<RelayAddress> {
        let count = self.addresses.len();
        let of_family = |at: &usize| Family::of(self.addresses[*at].ip) == family;
        let at = (1..=count)
            .map(|step| (self.turn + step) % count)
            .find(of_family)?;
        self.turn = at;
        Some(self.addresses[at])
    }

    fn any(&self, ip: IpAddr) -> io::Result<Udp> {
        match &self.ports {
            None => bind(ip, 0),
            Some(ports) => search(ports, 1, |port| bind(ip, port)),
        }
    }

    /// An even port and what `companion` makes of the port above it.
    fn even<T>(
        &self,
        ip: IpAddr,
        companion: impl Fn(u16) -> io::Result<T>,
    ) -> io::Result<(Udp, T)> {
        let both = |port: u16| bind(ip, port).and_then(|socket| Ok((socket, companion(port + 1)?)));
        if let Some(ports) = &self.ports {
            return search(ports, 2, both);
        }
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..EVEN_TRIES {
            // A socket on an odd port leads to its even neighbour below. The system hands out ports of both kinds, so
            // a few tries are enough unless ports run out.
            let hint = bind(ip, 0)?.local_addr()?.port() & !1;
            match both(hint) {
                Ok(both) => return Ok(both),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A relay's socket, and the one of the next higher port where it was asked for.
#[derive(Debug)]
pub(super) struct Opened {
    /// As peers reach it.
    pub(super) address: SocketAddr,
    pub(super) socket: Udp,
    pub(super) next: Option<Udp>,
}

fn bind(ip: IpAddr, port: u16) -> io::Result<Udp> {
    Udp::bind((ip, port).into(), Purpose::Relay)
}

/// Tries ports of a range from an unguessable one on (RFC 6056 §3.3.1), each that is a multiple of `step`. What is not
/// free is passed over; another error would be the same for all.
fn search<T>(
    ports: &RangeInclusive<u16>,
    step: u32,
    open: impl Fn(u16) -> io::Result<T>,
) -> io::Result<T> {
    let first = u32::from(*ports.start()).next_multiple_of(step);
    let end = u32::from(*ports.end()) + 2 - step;
    let count = end.saturating_sub(first).div_ceil(step);
    let from = getrandom::u32().map_err(io::Error::other)?;
    for at in 0..count {
        let port = first + (from.wrapping_add(at) % count) * step;
        match open(u16::try_from(port).map_err(io::Error::other)?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// What goes with the listening addresses.
pub(super) fn default_relays(listening: &[SocketAddr]) -> Vec<RelayAddress> {
    let mut addresses = Vec::new();
    let own = listening.iter().flat_map(|at| for_listening(at.ip()));
    for ip in own.flatten() {
        let address = RelayAddress::from(ip);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The listening address itself; behind a wildcard, the addresses that packets to the internet leave from.
pub(crate) fn for_listening(bind: IpAddr) -> [Option<IpAddr>; 2] {
    match bind {
        IpAddr::V4(ip) if ip.is_unspecified() => [outgoing_v4(), None],
        IpAddr::V6(ip) if ip.is_unspecified() => [outgoing_v4(), outgoing_v6()],
        ip => [Some(ip), None],
    }
}

/// The address that packets to the internet leave from. Connecting a UDP socket sends nothing.
fn outgoing(from: IpAddr, to: SocketAddr) -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((from, 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn outgoing_v4() -> Option<IpAddr> {
    let to = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    // No route out: relaying within this machine is all that is left.
    outgoing(Ipv4Addr::UNSPECIFIED.into(), to).or(Some(Ipv4Addr::LOCALHOST.into()))
}

fn outgoing_v6() -> Option<IpAddr> {
    let to = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9));
    outgoing(Ipv6Addr::UNSPECIFIED.into(), to)
}

const EVEN_TRIES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn on_loopback(ports: Option<RangeInclusive<u16>>) -> RelayAddresses {
        RelayAddresses::new(&[], ports, &[SocketAddr::from(([127, 0, 0, 1], 1))])
    }

    #[test]
    fn an_even_port_is_even() -> Result<(), RelayError> {
        let mut relays = on_loopback(None);
        for _ in 0..8 {
            assert_eq!(relays.open(Family::V4, Port::Even)?.address.port() % 2, 0);
        }
        Ok(())
    }

    #[test]
    fn a_family_without_an_address_is_refused() {
        let refused = on_loopback(None).open(Family::V6, Port::Any).map(|_| ());
        assert_eq!(refused, Err(RelayError::Family));
    }

    #[test]
    fn ports_stay_within_their_range_until_it_is_used_up() -> Result<(), RelayError> {
        // Some port that is free together with the ones above it.
        let range = (0..64)
            .find_map(|_| {
                let low = bind(Ipv4Addr::LOCALHOST.into(), 0).ok()?;
                let low = low.local_addr().ok()?.port().checked_add(1)?;
                let high = low.checked_add(2)?;
                let free = (low..=high).all(|port| bind(Ipv4Addr::LOCALHOST.into(), port).is_ok());
                free.then_some(low..=high)
            })
            .expect("three free ports in a row");
        let mut relays = on_loopback(Some(range.clone()));
        let open: Vec<_> = (0..3)
            .map_while(|_| relays.open(Family::V4, Port::Any).ok())
            .collect();
        assert_eq!(open.len(), 3);
        assert!(
            open.iter()
                .all(|opened| range.contains(&opened.address.port()))
        );
        let refused = relays.open(Family::V4, Port::Any).map(|_| ());
        assert_eq!(refused, Err(RelayError::Exhausted));
        Ok(())
    }

    #[test]
    fn a_pair_of_ports_begins_with_an_even_one_and_stays_in_the_range() {
        for (range, found) in [
            (4000..=4001, Some(4000)),
            (4001..=4002, None),
            (4001..=4003, Some(4002)),
        ] {
            let even = search(&range, 2, Ok).ok();
            assert_eq!(even, found, "{range:?}");
        }
        assert_eq!(search(&(65534..=65535), 2, Ok).ok(), Some(65534));
        assert_eq!(search(&(65535..=65535), 1, Ok).ok(), Some(65535));
    }

    #[test]
    fn behind_a_mapping_the_public_address_is_told() -> Result<(), RelayError> {
        let external = IpAddr::from([203, 0, 113, 1]);
        let address = RelayAddress {
            ip: Ipv4Addr::LOCALHOST.into(),
            external: Some(external),
        };
        let opened = RelayAddresses::new(&[address], None, &[]).open(Family::V4, Port::Any)?;
        let bound = opened
            .socket
            .local_addr()
            .map_err(|_| RelayError::Exhausted)?;
        assert_eq!(opened.address, SocketAddr::new(external, bound.port()));
        Ok(())
    }
}
