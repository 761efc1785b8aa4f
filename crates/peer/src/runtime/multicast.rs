//! The sockets of multicast DNS: one for each family, on the links that the connection uses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use crate::core::mdns::{GROUP_V4, GROUP_V6, Link, PORT, Packet};

/// Sockets on port 5353, which they share with the system's own responder, with browsers, and with other connections.
#[derive(Debug)]
pub(super) struct Multicast {
    links: Vec<Link>,
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Multicast {
    /// Joins the groups on these links.
    ///
    /// # Errors
    /// Of the first family that there is no socket for, where there is none for the other one, either.
    pub(super) fn open(links: &[Link]) -> io::Result<Self> {
        let has = |is_v4| links.iter().any(|link| link.ip.is_ipv4() == is_v4);
        let v4 = has(true).then(|| open_v4(links)).transpose();
        let v6 = has(false).then(|| open_v6(links)).transpose();
        let (v4, v6) = match (v4, v6) {
            (Err(error), Ok(None) | Err(_)) | (Ok(None), Err(error)) => return Err(error),
            (v4, v6) => (v4.ok().flatten(), v6.ok().flatten()),
        };
        Ok(Self {
            links: links.to_vec(),
            v4,
            v6,
        })
    }

    /// Becomes ready when there is something to receive.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sockets = self.v4.iter().chain(&self.v6);
        // An error is found again, and dropped, when it is read. Each is polled, so that each wakes the task.
        match sockets.any(|socket| socket.poll_recv_ready(cx).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Receives what there is, up to a bound.
    pub(super) fn receive(&self, mut take: impl FnMut(SocketAddr, &[u8])) {
        let mut buffer = [0; LARGEST];
        for socket in self.v4.iter().chain(&self.v6) {
            for _ in 0..BURST {
                let Ok((len, from)) = socket.try_recv_from(&mut buffer) else {
                    break;
                };
                take(from, &buffer[..len]);
            }
        }
    }

    /// Sends at once; what a full socket does not take is lost, as on any link.
    pub(super) fn send(&self, packet: &Packet) {
        let Some(link) = self.links.get(packet.link) else {
            return;
        };
        let socket = if link.ip.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        let Some(socket) = socket else { return };
        // Past tokio, which does not know yet that a new socket can be written to.
        let socket = SockRef::from(socket);
        let through = match link.ip {
            IpAddr::V4(ip) => socket.set_multicast_if_v4(&ip),
            IpAddr::V6(_) => socket.set_multicast_if_v6(link.index),
        };
        let sent = through.and_then(|()| socket.send_to(&packet.payload, &packet.to.into()));
        if let Err(error) = sent {
            tracing::debug!(%error, to = %packet.to, "a multicast DNS message could not be sent");
        }
    }
}

fn open_v4(links: &[Link]) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // RFC 6762 §11: 255.
    socket.set_multicast_ttl_v4(HOPS)?;
    socket.set_multicast_loop_v4(true)?;
    let socket = bind(socket, (Ipv4Addr::UNSPECIFIED, PORT).into())?;
    for link in links {
        if let IpAddr::V4(ip) = link.ip {
            tell(socket.join_multicast_v4(GROUP_V4, ip), link);
        }
    }
    Ok(socket)
}

fn open_v6(links: &[Link]) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(HOPS)?;
    socket.set_multicast_loop_v6(true)?;
    let socket = bind(socket, (Ipv6Addr::UNSPECIFIED, PORT).into())?;
    for link in links.iter().filter(|link| link.ip.is_ipv6()) {
        tell(socket.join_multicast_v6(&GROUP_V6, link.index), link);
    }
    Ok(socket)
}

/// RFC 6762 §15.1: with other responders on the same host.
fn bind(socket: Socket, at: SocketAddr) -> io::Result<UdpSocket> {
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&at.into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

/// A group that another address of the same interface has joined already is no loss.
fn tell(joined: io::Result<()>, link: &Link) {
    match joined {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            tracing::debug!(%error, ip = %link.ip, "no multicast DNS on a link");
        }
        _ => {}
    }
}

const HOPS: u32 = 255;
/// RFC 6762 §17.
const LARGEST: usize = 9000;
/// Messages of a socket before something else has its turn.
const BURST: usize = 32;
