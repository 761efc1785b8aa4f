//! What ICMP tells of datagrams that relays have sent: clients are told of it (RFC 8656 §11.5).
//!
//! Linux keeps such errors in a queue of the socket, with the peer and the ICMP type in them. Elsewhere nobody is told.

use std::time::Instant;

use super::worker::Worker;

pub(super) use system::prepare;

impl Worker {
    /// Takes what ICMP has told of a relay. The queue has an end: it counts as received bytes of the socket.
    pub(super) fn take_icmp(&mut self, now: Instant, index: usize) {
        let Some(relay) = self.exits.udp.relays.at(index) else {
            return;
        };
        let id = relay.id;
        while let Some(told) = system::next(&relay.socket) {
            if let Some((peer, icmp)) = told {
                self.machine.handle_icmp(now, id, peer, icmp);
            }
        }
        self.settle(now);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::{self, IoSliceMut};
    use std::net::{IpAddr, SocketAddr, UdpSocket};

    use ieum_stun::Icmp;
    use nix::libc::{SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, sock_extended_err, sockaddr_in6};
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };

    use super::super::socket::Udp;

    /// From now on the system keeps what ICMP tells of this socket.
    pub(in super::super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
        if socket.local_addr()?.is_ipv6() {
            setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
        } else {
            setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
        }
        Ok(())
    }

    /// The next error of the queue, and of which peer, where ICMP has told it; `None` where the queue is empty.
    pub(super) fn next(socket: &Udp) -> Option<Option<(SocketAddr, Icmp)>> {
        let mut control = nix::cmsg_space!(sock_extended_err, sockaddr_in6);
        // What was sent is of no account.
        let mut byte = [0];
        let mut slices = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let room = Some(&mut control[..]);
        let message = recvmsg::<SockaddrStorage>(socket.as_raw(), &mut slices, room, flags).ok()?;
        let peer = message.address.as_ref().and_then(address);
        let told = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, _) => icmp_v4(&error),
            ControlMessageOwned::Ipv6RecvErr(error, _) => icmp_v6(&error),
            _ => None,
        });
        Some(peer.zip(told))
    }

    fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = from.as_sockaddr_in();
        let v4 = v4.map(|at| SocketAddr::new(IpAddr::V4(at.ip()), at.port()));
        let v6 = from.as_sockaddr_in6();
        v4.or_else(|| v6.map(|at| SocketAddr::new(IpAddr::V6(at.ip()), at.port())))
    }

    /// RFC 8656 §11.5: destination unreachable and time exceeded.
    fn icmp_v4(error: &sock_extended_err) -> Option<Icmp> {
        let is_told = error.ee_origin == SO_EE_ORIGIN_ICMP && matches!(error.ee_type, 3 | 11);
        let too_big = (error.ee_type, error.ee_code) == (3, 4);
        is_told.then(|| icmp(error, too_big))
    }

    /// RFC 8656 §11.5: destination unreachable, packet too big and time exceeded.
    fn icmp_v6(error: &sock_extended_err) -> Option<Icmp> {
        let is_told = error.ee_origin == SO_EE_ORIGIN_ICMP6 && matches!(error.ee_type, 1..=3);
        is_told.then(|| icmp(error, error.ee_type == 2))
    }

    /// RFC 8656 §18.13: the MTU where the packet was too big for it.
    fn icmp(error: &sock_extended_err, too_big: bool) -> Icmp {
        Icmp {
            kind: error.ee_type,
            code: error.ee_code.into(),
            data: if too_big { error.ee_info } else { 0 },
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::net::{SocketAddr, UdpSocket};

    use ieum_stun::Icmp;

    use super::super::socket::Udp;

    pub(in super::super) fn prepare(_: &UdpSocket) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn next(_: &Udp) -> Option<Option<(SocketAddr, Icmp)>> {
        None
    }
}
