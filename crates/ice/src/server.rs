//! The STUN and TURN servers that candidates are gathered from.

use std::fmt;
use std::net::SocketAddr;

use ieum_stun::Transport;

/// A STUN or TURN server whose name is already resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What errors call it: the URL that the application wrote.
    pub url: String,
    /// Its address.
    pub addr: SocketAddr,
    /// How to reach it. A TURN server may be reached over any; the relayed candidate is one of UDP in any case, and the
    /// better the fewer detours it takes: UDP, TCP, TLS. A STUN server over TCP or TLS could not tell an address for UDP: for
    /// it there is a [`CandidateError`](crate::Event::CandidateError) that says so.
    pub transport: Transport,
    /// For TLS: whom the server's certificate must name, which is the host of its URL. `None`: `addr`'s address.
    pub server_name: Option<String>,
    /// What it is, and how to log in.
    pub kind: ServerKind,
}

/// What a [`Server`] is, and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerKind {
    /// It tells reflexive addresses.
    Stun,
    /// It relays, and tells reflexive addresses. Long-term credentials (RFC 8489 §9.2).
    Turn {
        /// Not secret.
        username: String,
        /// Secret: `Debug` does not show it.
        password: String,
    },
}

impl fmt::Debug for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerKind::Stun => f.write_str("Stun"),
            ServerKind::Turn { username, .. } => f
                .debug_struct("Turn")
                .field("username", username)
                .finish_non_exhaustive(),
        }
    }
}
