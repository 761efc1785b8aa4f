//! The signaling server, as an axum router.

use std::time::Duration;

use crate::Connection;

/// How the server behaves. [`Config::default`] is what `ieum up` runs: no token, senders checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// What a client must send as `auth.token`. `None` accepts clients that send none.
    pub token: Option<String>,
    /// Whether a message whose `from` is another client's id is dropped. Off, anybody sends as anybody: the old behaviour.
    pub check_sender: bool,
    /// How much one client, and all of them, may take.
    pub limits: Limits,
    /// How often the server pings a client (Engine.IO `pingInterval`).
    pub ping_interval: Duration,
    /// How long it waits for the pong before the client counts as gone (Engine.IO `pingTimeout`).
    pub ping_timeout: Duration,
}

/// The bounds of what clients may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Clients connected at once; one more gets `connect_error`.
    pub clients: usize,
    /// Bytes of one message; a longer one closes the connection (Engine.IO `maxPayload`).
    pub message_bytes: usize,
    /// Messages waiting for one client; further ones for it are dropped and counted.
    pub queue: usize,
    /// Bytes of a peer id, and of a peer type.
    pub id_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            check_sender: true,
            limits: Limits::default(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            message_bytes: 1_000_000,
            queue: 256,
            id_bytes: 256,
        }
    }
}

/// The caller's side of a running server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {}

/// What the server has counted since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages relayed to one peer.
    pub relayed_to_one: u64,
}

impl Handle {
    /// The registered peers, in the order of their registration.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        Vec::new()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters::default()
    }

    /// Disconnects every client and takes no more.
    pub async fn shutdown(&self) {}
}

/// Builds the routes `/socket.io/` and `/connections`, to be merged into the caller's router.
#[must_use]
pub fn router(_config: Config) -> (axum::Router, Handle) {
    (axum::Router::new(), Handle {})
}
