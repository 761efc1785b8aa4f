//! What goes into the state, and what comes out of it.
//!
//! Everything here can be written as JSON, because several nodes share one log of it ([`crate::server::cluster`]).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::body::{Body, Name, log};
use super::session::Key;
use crate::Connection;
use crate::protocol::{Claim, Code, Delivery, Reply, Undelivered};

/// A server process, since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::server) struct NodeId(pub(in crate::server) u64);

/// A client's connection, among those of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::server) struct ConnId(pub(in crate::server) u64);

/// Somebody at the node waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::server) struct Ticket(pub(in crate::server) u64);

/// Who says something: a connection, or who knows a session's token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) enum Speaker {
    Conn(ConnId),
    Token(String),
}

/// Where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) enum ReplyTo {
    Nobody,
    Ticket(Ticket),
    /// A frame on the connection; without an id only a refusal is told.
    Frame(ConnId, Option<String>),
}

/// One step of the state. Those of clients come in the order in which the client sent them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) enum Op {
    /// An old client has connected; it has no id yet.
    Enter {
        conn: ConnId,
        socket_id: String,
        room: String,
    },
    /// An old client registers an id.
    Register {
        conn: ConnId,
        to: ReplyTo,
        peer: String,
        kind: Option<Value>,
    },
    /// A client comes in under an id, or comes back.
    Join(Box<Entrance>),
    /// A peer of a broker comes in, through the bridge to it.
    Bridge(Box<Entrance>),
    /// A session's token was shown on a new connection.
    Attach {
        conn: ConnId,
        to: ReplyTo,
        claim: Claim,
    },
    Say {
        by: Speaker,
        to: ReplyTo,
        said: Said,
    },
    Received {
        by: Speaker,
        seq: u64,
    },
    /// The connection is gone.
    Lost {
        conn: ConnId,
    },
    Leave {
        by: Speaker,
        to: ReplyTo,
    },
    /// A message did not find a place in the queue of a connection on another node than its sender's.
    Bounced(Bounce),
    /// The node is alive.
    Beat,
    /// The node ends: its clients come back elsewhere.
    NodeLeaves,
}

/// What a join needs, once its token was found good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) struct Entrance {
    /// `None`: away, until it attaches.
    pub(in crate::server) conn: Option<ConnId>,
    pub(in crate::server) to: ReplyTo,
    pub(in crate::server) socket_id: String,
    pub(in crate::server) room: String,
    pub(in crate::server) peer: String,
    pub(in crate::server) kind: Option<Value>,
    /// The new session's own token; none where it ends with its connection.
    pub(in crate::server) token: Option<String>,
    pub(in crate::server) claim: Option<Claim>,
    /// Whether those who are there are told as a message, as old clients are.
    pub(in crate::server) hello: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) struct Said {
    pub(in crate::server) id: Option<String>,
    /// For everybody in the room.
    pub(in crate::server) all: bool,
    pub(in crate::server) from: Name,
    pub(in crate::server) target: Name,
    #[serde(with = "log")]
    pub(in crate::server) body: Arc<Body>,
}

/// Whom to tell when a message is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Bounce {
    pub(in crate::server) sender: Key,
    pub(in crate::server) id: Option<String>,
    pub(in crate::server) peer: String,
    /// The node that the sender is on; it may tell in its own answer.
    pub(in crate::server) node: NodeId,
}

/// What a node has to do. Every node gets every one, and does its own.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) struct Directed {
    pub(in crate::server) node: NodeId,
    pub(in crate::server) effect: Effect,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) enum Effect {
    /// The client is in.
    Joined(ReplyTo, Box<Entered>),
    /// What became of something that was asked.
    Answer(ReplyTo, Reply),
    /// Hand this to a connection.
    Deliver {
        conn: ConnId,
        /// Where the session counts; others are counted by their connection.
        seq: Option<u64>,
        news: News,
        bounce: Option<Bounce>,
    },
    /// Close a connection.
    Part(ConnId, Code),
}

/// A peer that came or went, for who watches.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) enum Change {
    Came(Registered),
    Went { room: String, peer: String },
}

/// A peer in a room.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) struct Registered {
    pub(in crate::server) room: String,
    pub(in crate::server) peer: Connection,
    /// Whether it came through the bridge to a broker.
    pub(in crate::server) bridged: bool,
}

/// What a session gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) enum News {
    Message(#[serde(with = "log")] Arc<Body>),
    Undelivered(Undelivered),
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::server) struct Entered {
    pub(in crate::server) peer: String,
    pub(in crate::server) room: String,
    pub(in crate::server) socket_id: String,
    pub(in crate::server) token: Option<String>,
    pub(in crate::server) resumed: bool,
    pub(in crate::server) peers: Vec<Connection>,
}

/// What a step came to, for the counters of the node that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    Nothing,
    Registered,
    Resumed,
    ToOne(Delivery),
    ToAll,
    Repeated,
    Refused(Code),
}

/// The outcome of a step.
#[derive(Debug)]
pub(in crate::server) struct Applied {
    pub(in crate::server) effects: Vec<Directed>,
    pub(in crate::server) outcome: Outcome,
    /// Receivers whose queue was full.
    pub(in crate::server) missed: u64,
}

impl PartialEq for News {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(a), Self::Message(b)) => a.json() == b.json(),
            (Self::Undelivered(a), Self::Undelivered(b)) => a == b,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Speaker {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conn(conn) => conn.fmt(f),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}
