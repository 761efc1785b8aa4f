//! How the server behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::admission::Jwt;
#[cfg(feature = "bridge")]
use super::bridge::Mqtt;
use super::cluster::Redis;
use super::state::Rules;
use crate::protocol::{IceServer, MESSAGE_BYTES, RESUME_SECONDS};

/// How the server behaves. [`Config::default`]: no token, senders checked, one node.
#[derive(Clone)]
pub struct Config {
    /// What a client must send as its token. With neither this nor [`Config::jwt`], clients that send none are accepted.
    pub token: Option<String>,
    /// Signed tokens that are accepted too.
    pub jwt: Option<Jwt>,
    /// Whether a message whose `from` is not its sender's is dropped. Off, anybody sends as anybody: the old behaviour.
    pub check_sender: bool,
    /// How much one client, and all of them, may take.
    pub limits: Limits,
    /// How long a client that asked for it may be away and keep its id.
    pub resume: Duration,
    /// How often the server pings a client (Engine.IO `pingInterval`, WebSocket ping, a comment among server-sent events).
    pub ping_interval: Duration,
    /// How long it waits for the pong before the client counts as gone (Engine.IO `pingTimeout`).
    pub ping_timeout: Duration,
    /// How long a connection may stay that has not joined.
    pub handshake: Duration,
    /// What each client is told of STUN and TURN.
    pub ice: Option<IceOffer>,
    /// Whether `GET /connections` lists the peers.
    pub connections: bool,
    /// Web sites that may connect.
    pub origins: Origins,
    /// What this node shares with others; none where it is alone. All go by the limits and switches of the one that came first.
    pub redis: Option<Redis>,
    /// The MQTT broker that this server joins: its peers and ours reach each other.
    #[cfg(feature = "bridge")]
    pub mqtt: Option<Mqtt>,
}

/// The bounds of what clients may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Clients at once; one more is told `server-full`.
    pub clients: usize,
    /// Clients in one room; one more is told `room-full`.
    pub room_clients: usize,
    /// Bytes of one message. A longer one is refused with `too-long`; more than twice as much ends the connection.
    pub message_bytes: usize,
    /// Messages waiting for one client; the senders of further ones are told `full`.
    pub queue: usize,
    /// Their bytes.
    pub queue_bytes: usize,
    /// Messages a second from one client, on average; 0 for as many as it likes. More are refused with `too-fast`.
    pub rate: u32,
    /// Messages that may come at once.
    pub burst: u32,
    /// Bytes of a peer id, of a peer type, and of a room's name.
    pub id_bytes: usize,
}

/// Web sites that may connect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origins {
    /// All of them, as with the old server.
    #[default]
    Any,
    /// These, as `https://example.org`.
    Only(Vec<String>),
}

/// Who asks for ICE servers.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct IceRequest<'a> {
    /// The peer id.
    pub peer: &'a str,
    /// The name that the client reached this server under, without a port.
    pub host: Option<&'a str>,
}

/// Makes each client's ICE servers, and says for how many seconds their credentials are good.
#[derive(Clone)]
pub struct IceOffer(Arc<MakeIce>);

type MakeIce = dyn Fn(IceRequest<'_>) -> (Vec<IceServer>, u64) + Send + Sync;

impl IceOffer {
    /// Asks `make` at every join. It must not block.
    #[must_use]
    pub fn new(
        make: impl Fn(IceRequest<'_>) -> (Vec<IceServer>, u64) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn make(&self, request: IceRequest<'_>) -> (Vec<IceServer>, u64) {
        (self.0)(request)
    }
}

impl Config {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            check_sender: self.check_sender,
            queue: self.limits.queue,
            queue_bytes: self.limits.queue_bytes,
            clients: self.limits.clients,
            room_clients: self.limits.room_clients,
            resume: self.resume,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            jwt: None,
            check_sender: true,
            limits: Limits::default(),
            resume: Duration::from_secs(RESUME_SECONDS),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            handshake: Duration::from_secs(10),
            ice: None,
            connections: true,
            origins: Origins::Any,
            redis: None,
            #[cfg(feature = "bridge")]
            mqtt: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            room_clients: 10_000,
            message_bytes: MESSAGE_BYTES,
            queue: 256,
            queue_bytes: 1 << 20,
            rate: 100,
            burst: 1000,
            id_bytes: 256,
        }
    }
}

impl fmt::Debug for Config {
    /// Without the token: it must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("jwt", &self.jwt)
            .field("check_sender", &self.check_sender)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IceOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IceOffer")
    }
}
