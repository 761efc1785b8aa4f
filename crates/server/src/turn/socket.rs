//! One UDP socket: bound, not blocking, with the offloads that the system has.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::{icmp, offload};

/// A bound UDP socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
}

/// What a socket is bound for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Clients send to it: large buffers.
    Listener {
        /// Other workers have sockets on the same port.
        shared: bool,
    },
    /// Peers send to it.
    Relay,
}

impl Udp {
    /// Binds `at`.
    pub(super) fn bind(at: SocketAddr, purpose: Purpose) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
        if let Purpose::Listener { shared } = purpose {
            #[cfg(unix)]
            socket.set_reuse_port(shared)?;
            // The system grants what it likes; too small a buffer only drops more under load.
            let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
            let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
            let _ = shared;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        let socket = std::net::UdpSocket::from(socket);
        offload::prepare(&socket, at.ip().is_unspecified())?;
        if purpose == Purpose::Relay {
            icmp::prepare(&socket)?;
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket),
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// For a poll's registry.
    pub(super) fn source(&mut self) -> &mut impl mio::event::Source {
        &mut self.socket
    }

    /// Receives into `slices` what is there, one datagram or GRO batch in each.
    pub(super) fn receive(
        &self,
        state: &UdpSocketState,
        slices: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<usize> {
        self.socket
            .try_io(|| state.recv((&self.socket).into(), slices, metas))
    }

    /// Sends one datagram.
    pub(super) fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, to).map(|_| ())
    }

    /// Sends equal segments of one destination, or one datagram from one of a wildcard's addresses.
    pub(super) fn send_with(
        &self,
        state: &UdpSocketState,
        transmit: &Transmit<'_>,
    ) -> io::Result<()> {
        self.socket
            .try_io(|| state.try_send((&self.socket).into(), transmit))
    }

    /// The socket itself, for system calls on several messages.
    #[cfg(target_os = "linux")]
    pub(super) fn as_raw(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.socket)
    }
}

/// On a dual-stack socket an IPv4 peer has a mapped address, which the rest of the server never sees.
pub(super) fn to_family_of(socket: IpAddr, remote: SocketAddr) -> SocketAddr {
    match (socket, remote.ip()) {
        (IpAddr::V6(_), IpAddr::V4(ip)) => (ip.to_ipv6_mapped(), remote.port()).into(),
        _ => remote,
    }
}

/// Asked for; the default of 212 kB overflows within one burst.
const SOCKET_BUFFER: usize = 4 << 20;
