//! Why a server did not start, in one line that says what to change.

use std::io;
use std::net::SocketAddr;

use ieum_turn::Transport;

/// What kept the server from starting. Each displays as one line that names the flag to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens on the TCP port for the page and signaling.
    #[error("port {} (TCP, for the page and signaling) is in use on {}: stop the program that holds it, or choose another with --port", .0.port(), .0.ip())]
    HttpPortInUse(SocketAddr),
    /// Another program listens on the UDP port for STUN and TURN.
    #[error("port {} (UDP, for STUN and TURN) is in use on {}: stop the program that holds it, or choose another with --stun-port", .0.port(), .0.ip())]
    StunPortInUse(SocketAddr),
    /// Another program listens on the TCP port for TURN.
    #[error("port {} (TCP, for TURN) is in use on {}: stop the program that holds it, or choose another with --stun-port", .0.port(), .0.ip())]
    TurnPortInUse(SocketAddr),
    /// Another program listens on the port for TURN over TLS, on TCP or on UDP.
    #[error("port {} (for TURN over TLS and DTLS) is in use on {}: stop the program that holds it, or choose another with --turns-port", .0.port(), .0.ip())]
    TurnsPortInUse(SocketAddr),
    /// No interface of this machine has the address.
    #[error("{} is not an address of this machine: choose one of its own with --bind (127.0.0.1 for this machine only, 0.0.0.0 for every interface)", .0.ip())]
    AddressNotOurs(SocketAddr),
    /// The port for HTTP needs rights that this process does not have.
    #[error("no permission for TCP port {}: choose one above 1023 with --port", .0.port())]
    HttpPortForbidden(SocketAddr),
    /// The port for STUN and TURN needs rights that this process does not have.
    #[error("no permission for port {}: choose one above 1023 with --stun-port", .0.port())]
    StunPortForbidden(SocketAddr),
    /// The port for TURN over TLS needs rights that this process does not have.
    #[error("no permission for port {}: choose one above 1023 with --turns-port", .0.port())]
    TurnsPortForbidden(SocketAddr),
    /// The operating system refused a socket for another reason.
    #[error("cannot listen on {at} (change --bind, --port, --stun-port or --turns-port): {source}")]
    Listen {
        /// The address that was asked for.
        at: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Signaling cannot listen on an address.
    #[error("cannot listen on {at}: {source}: choose another address or port with --listen")]
    SignalListen {
        /// The address that was asked for.
        at: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The broker's URL is none.
    #[error("{0}: change --mqtt")]
    Broker(#[from] ieum_signaling::server::NoBroker),
    /// The operating system gave no random bytes, without which no credential can be made.
    #[error("this machine's operating system gives no random numbers: {0}")]
    NoRandomness(String),
    /// The echo peer could not register with the signaling server that was just started.
    #[error("the echo peer could not register as `ieum` with signaling at {url}: {reason}")]
    EchoPeer {
        /// The signaling server's URL.
        url: String,
        /// Why it could not.
        reason: String,
    },
}

/// Which of the listening sockets could not be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listener {
    Http,
    Turn(Transport),
}

impl StartError {
    /// Puts a name to what the operating system said when `listener` was bound to `at`.
    pub(crate) fn from_bind(listener: Listener, at: SocketAddr, source: io::Error) -> Self {
        use Transport::{Dtls, Tcp, Tls, Udp};
        match (source.kind(), listener) {
            (io::ErrorKind::AddrInUse, Listener::Http) => Self::HttpPortInUse(at),
            (io::ErrorKind::AddrInUse, Listener::Turn(Udp)) => Self::StunPortInUse(at),
            (io::ErrorKind::AddrInUse, Listener::Turn(Tcp)) => Self::TurnPortInUse(at),
            (io::ErrorKind::AddrInUse, Listener::Turn(Tls | Dtls)) => Self::TurnsPortInUse(at),
            (io::ErrorKind::PermissionDenied, Listener::Http) => Self::HttpPortForbidden(at),
            (io::ErrorKind::PermissionDenied, Listener::Turn(Udp | Tcp)) => {
                Self::StunPortForbidden(at)
            }
            (io::ErrorKind::PermissionDenied, Listener::Turn(Tls | Dtls)) => {
                Self::TurnsPortForbidden(at)
            }
            (io::ErrorKind::AddrNotAvailable, _) => Self::AddressNotOurs(at),
            _ => Self::Listen { at, source },
        }
    }
}
