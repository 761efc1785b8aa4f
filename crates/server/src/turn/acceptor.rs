//! The TCP sockets that clients connect to.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

/// A TCP socket that clients, or a relay's peers, connect to.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) socket: TcpListener,
    pub(super) local: SocketAddr,
    /// Whether TLS is spoken on it.
    pub(super) tls: bool,
    /// Whether it waits to be read.
    pub(super) queued: bool,
}

impl Acceptor {
    /// Listens at `at`; with `shared`, beside other sockets of ours on the same port.
    pub(super) fn bind(at: SocketAddr, shared: bool, tls: bool) -> io::Result<Self> {
        let socket = bound(at, shared)?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from_std(socket.into());
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            tls,
            queued: false,
        })
    }
}

/// A TCP socket with an address, which neither listens nor connects yet.
pub(super) fn bound(at: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose last connections are in TIME_WAIT is free.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(shared)?;
    let _ = shared;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    Ok(socket)
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
