//! The sockets of a shared port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Type};

use crate::runtime::socket::{SOCKET_BUFFER, Socket};

/// One socket; two of the same port for `[::]`.
pub(super) fn bind(at: SocketAddr) -> io::Result<Vec<Arc<Socket>>> {
    if at.ip() != Ipv6Addr::UNSPECIFIED {
        return Ok(vec![Arc::new(one(at)?)]);
    }
    let mut tries = if at.port() == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        let v4 = one((Ipv4Addr::UNSPECIFIED, at.port()).into())?;
        match one((at.ip(), v4.local().port()).into()) {
            Ok(v6) => return Ok(vec![Arc::new(v4), Arc::new(v6)]),
            // Somebody has this port in the other family.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "no IPv6");
                return Ok(vec![Arc::new(v4)]);
            }
        }
    }
}

fn one(at: SocketAddr) -> io::Result<Socket> {
    let socket = socket2::Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&at.into())?;
    Socket::new(socket.into(), Some(SOCKET_BUFFER))
}

/// Ports of the system's choice that are tried, until one is free in both families.
const TRIES: usize = 16;
