//! The names of what goes wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as one word for programs. On the wire it is in kebab case; a text for people stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// The frame, the event or its message cannot be read.
    Malformed,
    /// The message names a sender that is not its own.
    Forged,
    /// A message for one peer names no target.
    NoTarget,
    /// Nobody has the target's id in this room.
    NoSuchPeer,
    /// The receiver's queue is full: it does not read, or is away.
    Full,
    /// The message is over the server's limit.
    TooLong,
    /// The client sends more messages a second than it may. The message was not relayed.
    TooFast,
    /// Another client has the peer id.
    Taken,
    /// The peer id is reserved for the server.
    Reserved,
    /// This client has as many peer ids as one may have; or its address as many connections.
    TooMany,
    /// The token is missing or wrong.
    Unauthorized,
    /// The token was good once.
    Expired,
    /// The token is good, for another peer id or another room.
    Forbidden,
    /// Something else than a join came first.
    NotJoined,
    /// The join, or what must come before it, did not come in time.
    TooSlow,
    /// The room has as many clients as it may have.
    RoomFull,
    /// The server has as many clients as it may have.
    ServerFull,
    /// The server has more to do than it can; try again.
    Busy,
    /// The peer did not come back for the message.
    Gone,
    /// Another connection has taken the session over with its token.
    Replaced,
    /// The server shuts down: join again, there or elsewhere, with the resume token.
    Restart,
    /// The client asked to leave.
    Left,
    /// The session is not there: it never was, or its time is over.
    NoSession,
    /// A name that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// The spelling on the wire; a label for counters too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::NoTarget => "no-target",
            Self::NoSuchPeer => "no-such-peer",
            Self::Full => "full",
            Self::TooLong => "too-long",
            Self::TooFast => "too-fast",
            Self::Taken => "taken",
            Self::Reserved => "reserved",
            Self::TooMany => "too-many",
            Self::Unauthorized => "unauthorized",
            Self::Expired => "expired",
            Self::Forbidden => "forbidden",
            Self::NotJoined => "not-joined",
            Self::TooSlow => "too-slow",
            Self::RoomFull => "room-full",
            Self::ServerFull => "server-full",
            Self::Busy => "busy",
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::Restart => "restart",
            Self::Left => "left",
            Self::NoSession => "no-session",
            Self::Unknown => "unknown",
        }
    }

    /// Every code, in the order of their definition.
    pub const ALL: [Self; 24] = [
        Self::Malformed,
        Self::Forged,
        Self::NoTarget,
        Self::NoSuchPeer,
        Self::Full,
        Self::TooLong,
        Self::TooFast,
        Self::Taken,
        Self::Reserved,
        Self::TooMany,
        Self::Unauthorized,
        Self::Expired,
        Self::Forbidden,
        Self::NotJoined,
        Self::TooSlow,
        Self::RoomFull,
        Self::ServerFull,
        Self::Busy,
        Self::Gone,
        Self::Replaced,
        Self::Restart,
        Self::Left,
        Self::NoSession,
        Self::Unknown,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_spelt_alike_in_json_and_in_labels_and_stands_at_its_place() {
        for (place, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, place);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert_eq!(
            serde_json::from_str::<Code>(r#""of-tomorrow""#).unwrap(),
            Code::Unknown
        );
    }
}
