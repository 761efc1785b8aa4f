//! What the system can do for many datagrams at once. Linux has GRO, GSO and `sendmmsg`; elsewhere they go one by one.

use std::io;
use std::net::UdpSocket;

use quinn_udp::UdpSocketState;

/// A state for all sockets of a worker: what it knows is the system's, not a socket's. It is made of a socket that is
/// thrown away, for it sets options (DF, time stamps, TOS) that a relay must not have, and that cost time.
pub(super) fn state() -> io::Result<UdpSocketState> {
    let scratch = UdpSocket::bind("127.0.0.1:0").or_else(|_| UdpSocket::bind("[::1]:0"))?;
    UdpSocketState::new((&scratch).into())
}

/// Batches on the way in; behind a wildcard, the address that a datagram was sent to.
#[cfg(target_os = "linux")]
pub(super) fn prepare(socket: &UdpSocket, wildcard: bool) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    // An old kernel has no GRO, and gives datagrams one by one.
    let _ = setsockopt(socket, sockopt::UdpGroSegment, &true);
    if wildcard {
        if socket.local_addr()?.is_ipv6() {
            setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
        }
    }
    Ok(())
}

/// Behind a wildcard, the address that a datagram was sent to.
#[cfg(not(target_os = "linux"))]
pub(super) fn prepare(socket: &UdpSocket, wildcard: bool) -> io::Result<()> {
    if wildcard {
        UdpSocketState::new(socket.into())?;
    }
    Ok(())
}
