//! Coming in: what a client says of itself, and what it is told.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Code;
use crate::Connection;

/// A client wants to be a peer in a room.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// The peer id.
    pub peer: String,
    /// What kind of peer it is; any JSON, shown to the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_type: Option<Value>,
    /// The room; empty for the common one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// The shared token, or a JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether it wants to be able to come back, or comes back.
    #[serde(default, skip_serializing_if = "Resume::is_no")]
    pub resume: Resume,
}

/// `false`, `true`, or `{ token, seq }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resume {
    /// Whether the client wants to be able to come back.
    Ask(bool),
    /// It comes back.
    Claim(Claim),
}

/// A session, and how far it was read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The token of the last [`Joined`].
    pub token: String,
    /// The last `seq` that the client has read; 0 for none.
    #[serde(default)]
    pub seq: u64,
}

/// The client is in.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Joined {
    /// The peer id.
    pub peer: String,
    /// The room; empty for the common one.
    pub room: String,
    /// The server's own name for the connection, as [`Connection::socket_id`].
    pub socket_id: String,
    /// Whether this is the session that was claimed: its `seq` goes on, and so do its remembered message ids.
    pub resumed: bool,
    /// What comes back within [`Joined::resume_for`]; none where the client did not ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Seconds for which the id is kept once the connection broke; 0 where the client did not ask.
    pub resume_for: u64,
    /// The other peers in the room, oldest first. Who was told of one another is the polite one: not this client.
    pub peers: Vec<Connection>,
    /// STUN and TURN, with credentials of this client's own; empty where the server has none.
    pub ice_servers: Vec<IceServer>,
    /// Seconds for which the credentials are good; 0 where there are none.
    pub ice_ttl: u64,
    /// The longest message, in bytes of JSON.
    pub message_bytes: usize,
    /// How many unconfirmed messages are kept for this client.
    pub queue: usize,
    /// Seconds between the signs of life that the server gives on an idle connection; 0 where it does not say.
    pub ping_interval: u64,
}

/// One entry of RTCConfiguration's `iceServers`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// TURN's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// The client is not let in. The connection closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub code: Code,
    /// Why, for people.
    pub error: String,
}

impl Resume {
    fn is_no(&self) -> bool {
        *self == Self::Ask(false)
    }

    /// Whether the session outlives its connection.
    #[must_use]
    pub fn wanted(&self) -> bool {
        !self.is_no()
    }

    /// The session that is claimed.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Claim(claim) => Some(claim),
            Self::Ask(_) => None,
        }
    }
}

impl Default for Resume {
    fn default() -> Self {
        Self::Ask(false)
    }
}

impl fmt::Debug for Join {
    /// Without the tokens: they must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("peer", &self.peer)
            .field("room", &self.room)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("peer", &self.peer)
            .field("room", &self.room)
            .field("resumed", &self.resumed)
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}
