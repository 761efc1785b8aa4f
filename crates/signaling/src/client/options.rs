//! Where to connect, as whom, and how.

use std::fmt;
use std::time::Duration;

use super::tls::TlsRoots;
use super::url::without_login;

/// Where to connect, and as whom.
#[derive(Clone)]
pub struct Options {
    /// The server or the broker. Its scheme picks the carrier: `http://host:port` is Socket.IO, `ws://host:port` WebSocket,
    /// `http+sse://host:port` HTTP, `mqtt://user:password@host:port/prefix?version=3.1.1` MQTT, of which all but the host may be left out;
    /// `https`, `wss`, `https+sse` and `mqtts` are the same over TLS.
    pub url: String,
    /// The id to register.
    pub peer_id: String,
    /// What kind of peer this is; shown to the others.
    pub peer_type: Option<String>,
    /// The server's token, where it wants one. A broker is told user name and password in the URL.
    pub token: Option<String>,
    /// The room; empty for the common one. A server of the old kind has no other.
    pub room: String,
    /// How long connecting and registering may take together, the first time and each time after.
    pub timeout: Duration,
    /// Whether to come back when the connection breaks, where the server or the broker keeps the session: with the same id, and with
    /// what was said meanwhile. [`Event::Away`](super::Event::Away) and [`Event::Back`](super::Event::Back) tell of it.
    pub resume: bool,
    /// Which certificates to trust, with TLS.
    pub roots: TlsRoots,
    /// How Socket.IO's packets travel.
    pub transport: Transport,
    /// The version of MQTT; `version=` in the URL goes before it.
    pub mqtt: MqttVersion,
}

/// What Engine.IO packets travel on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// WebSocket; where the server or something before it has none, long-polling.
    #[default]
    Auto,
    /// WebSocket alone.
    WebSocket,
    /// HTTP long-polling alone.
    Polling,
}

/// The versions of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MqttVersion {
    /// MQTT 3.1.1: a peer whose connection breaks is gone to the others until it is back.
    V3,
    /// MQTT 5: a peer whose connection breaks stays for 30 s to the others.
    #[default]
    V5,
}

impl Options {
    /// Options with no token, no type, the common room, and 10 s to connect; a broken connection is resumed.
    #[must_use]
    pub fn new(url: impl Into<String>, peer_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            peer_id: peer_id.into(),
            peer_type: None,
            token: None,
            room: String::new(),
            timeout: Duration::from_secs(10),
            resume: true,
            roots: TlsRoots::System,
            transport: Transport::Auto,
            mqtt: MqttVersion::V5,
        }
    }
}

impl fmt::Debug for Options {
    /// Without token and password: they must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &without_login(&self.url))
            .field("peer_id", &self.peer_id)
            .field("room", &self.room)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .finish_non_exhaustive()
    }
}
