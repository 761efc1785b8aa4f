//! The frames of the WebSocket and HTTP carriers: JSON objects with a `type`.
//!
//! A frame is read flat and sorted afterwards, and not as a tagged enum: serde would take the message apart for that, and
//! it must stay the bytes that came. Unknown fields are left out, so that a later version may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Code, Join, Joined, Refused};

/// What a client says.
#[derive(Debug, Clone)]
pub enum ClientFrame {
    /// `{ type: "join", peer, peerType?, room?, token?, resume? }`; the first frame on a WebSocket.
    Join(Box<Join>),
    /// `{ type: "send", id?, message }`: to the message's `target`.
    Send {
        /// Asks for a [`ServerFrame::Ack`]; on HTTP the reply comes anyway.
        id: Option<String>,
        /// `{ from, target, payload }`.
        message: Box<RawValue>,
    },
    /// `{ type: "broadcast", id?, message }`: to every other peer in the room.
    Broadcast {
        /// As in [`ClientFrame::Send`].
        id: Option<String>,
        /// `{ from, target: "all", payload }`.
        message: Box<RawValue>,
    },
    /// `{ type: "received", seq }`: everything up to `seq` has been read.
    Received {
        /// The last one.
        seq: u64,
    },
    /// `{ type: "leave" }`: the id is free at once.
    Leave,
}

/// What the server says.
#[derive(Debug, Clone)]
pub enum ServerFrame {
    /// `{ type: "joined", ... }`: the answer to a join.
    Joined(Box<Joined>),
    /// `{ type: "refused", code, error }`: the other answer.
    Refused(Refused),
    /// `{ type: "message", seq, message }`.
    Message {
        /// Counts from 1; the next one is one more, also across a resumption.
        seq: u64,
        /// As its sender wrote it.
        message: Box<RawValue>,
    },
    /// `{ type: "ack", id, ok, ... }`: what became of a message.
    Ack {
        /// The message's own id.
        id: String,
        /// What became of it.
        reply: Reply,
    },
    /// `{ type: "undelivered", seq, id?, to, code, error }`: a message that was acknowledged as delivered or queued was not fetched.
    Undelivered(Undelivered),
    /// `{ type: "error", code, error }`: something of this client was dropped, which had no id to be acknowledged by.
    Error(Refused),
    /// `{ type: "goodbye", code, error }`: the connection closes.
    Goodbye(Goodbye),
}

/// What became of a message: `{ ok: true, result }` or `{ ok: false, code, error }`. The callbacks of Socket.IO get the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether it was accepted.
    pub ok: bool,
    /// How far it came. A server of the first version does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Delivery>,
    /// Why it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Why it was not accepted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far an accepted message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// It was handed to the receiver's connection; a broadcast, to all that were reached.
    Delivered,
    /// The receiver is away; it is kept until the receiver is back, or [`Undelivered`] tells that it did not come.
    Queued,
}

/// A message was not fetched by its receiver in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// Counts with the messages: it is confirmed, and repeated after a resumption, as they are.
    #[serde(default)]
    pub seq: u64,
    /// The message's own id, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The peer that it was for.
    pub to: String,
    /// Why: [`Code::Gone`] or [`Code::Full`].
    pub code: Code,
    /// Why, for people.
    pub error: String,
}

/// The server ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goodbye {
    /// Why. After [`Code::Restart`] the client should join again with its resume token, there or elsewhere.
    pub code: Code,
    /// Why, for people.
    pub error: String,
    /// How long to wait before, so that not everybody comes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect_after_ms: Option<u64>,
}

/// A frame that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The byte of the frame where reading ended; frames are one line.
    pub offset: usize,
    /// What was expected there.
    pub expected: String,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    id: Option<String>,
    message: Box<RawValue>,
}

#[derive(Deserialize, Serialize)]
struct Numbered {
    seq: u64,
}

#[derive(Deserialize)]
struct Heard {
    seq: u64,
    message: Box<RawValue>,
}

#[derive(Deserialize)]
struct Acked {
    id: String,
    #[serde(flatten)]
    reply: Reply,
}

impl ClientFrame {
    /// Reads one frame.
    ///
    /// # Errors
    /// [`Malformed`] where it is no JSON object of a known type with what that type needs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match read::<Kind<'_>>(text)?.kind.as_ref() {
            "send" => read::<Said>(text).map(|Said { id, message }| Self::Send { id, message }),
            "broadcast" => {
                read::<Said>(text).map(|Said { id, message }| Self::Broadcast { id, message })
            }
            "received" => read::<Numbered>(text).map(|Numbered { seq }| Self::Received { seq }),
            "join" => read(text).map(Self::Join),
            "leave" => Ok(Self::Leave),
            _ => Err(unknown_type()),
        }
    }

    /// Writes it, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Join(join) => write("join", join),
            Self::Send { id, message } => said("send", id.as_deref(), message),
            Self::Broadcast { id, message } => said("broadcast", id.as_deref(), message),
            Self::Received { seq } => write("received", &Numbered { seq: *seq }),
            Self::Leave => r#"{"type":"leave"}"#.to_owned(),
        }
    }
}

impl ServerFrame {
    /// Reads one frame.
    ///
    /// # Errors
    /// [`Malformed`] where it is no JSON object of a known type with what that type needs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match read::<Kind<'_>>(text)?.kind.as_ref() {
            "message" => {
                read::<Heard>(text).map(|Heard { seq, message }| Self::Message { seq, message })
            }
            "ack" => read::<Acked>(text).map(|Acked { id, reply }| Self::Ack { id, reply }),
            "joined" => read(text).map(Self::Joined),
            "refused" => read(text).map(Self::Refused),
            "undelivered" => read(text).map(Self::Undelivered),
            "error" => read(text).map(Self::Error),
            "goodbye" => read(text).map(Self::Goodbye),
            _ => Err(unknown_type()),
        }
    }

    /// Writes it, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Joined(joined) => write("joined", joined),
            Self::Refused(refused) => write("refused", refused),
            Self::Message { seq, message } => message_frame(*seq, message.get()),
            Self::Ack { id, reply } => {
                #[derive(Serialize)]
                struct Ack<'a> {
                    id: &'a str,
                    #[serde(flatten)]
                    reply: &'a Reply,
                }
                write("ack", &Ack { id, reply })
            }
            Self::Undelivered(lost) => write("undelivered", lost),
            Self::Error(error) => write("error", error),
            Self::Goodbye(goodbye) => write("goodbye", goodbye),
        }
    }
}

impl Reply {
    /// It was accepted.
    #[must_use]
    pub fn accepted(result: Delivery) -> Self {
        Self {
            ok: true,
            result: Some(result),
            code: None,
            error: None,
        }
    }

    /// It was not.
    #[must_use]
    pub fn refused(code: Code, error: impl Into<String>) -> Self {
        Self {
            ok: false,
            result: None,
            code: Some(code),
            error: Some(error.into()),
        }
    }
}

/// [`ServerFrame::Message`] of a message that is JSON already.
pub(crate) fn message_frame(seq: u64, message: &str) -> String {
    format!(r#"{{"type":"message","seq":{seq},"message":{message}}}"#)
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (byte {})", self.expected, self.offset)
    }
}

impl std::error::Error for Malformed {}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    // serde would read a list as the fields in their order.
    let blank = text.len() - text.trim_ascii_start().len();
    if !text[blank..].starts_with('{') {
        return Err(Malformed {
            offset: blank,
            expected: "an object".into(),
        });
    }
    serde_json::from_str(text).map_err(|error| {
        let mut expected = error.to_string();
        // The position is a field of its own.
        expected.truncate(expected.find(" at line ").unwrap_or(expected.len()));
        let before: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        Malformed {
            offset: before + error.column().saturating_sub(1),
            expected,
        }
    })
}

fn unknown_type() -> Malformed {
    Malformed {
        offset: 0,
        expected: "a known type".into(),
    }
}

fn write<T: Serialize>(kind: &str, body: &T) -> String {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        r#type: &'a str,
        #[serde(flatten)]
        body: &'a T,
    }
    // Frames are strings, numbers and lists: nothing in them fails to be written.
    serde_json::to_string(&Tagged { r#type: kind, body }).unwrap_or_default()
}

/// By hand, as `flatten` would take the raw message apart.
fn said(kind: &str, id: Option<&str>, message: &RawValue) -> String {
    match id {
        Some(id) => format!(
            r#"{{"type":"{kind}","id":{},"message":{message}}}"#,
            serde_json::Value::from(id)
        ),
        None => format!(r#"{{"type":"{kind}","message":{message}}}"#),
    }
}

#[cfg(test)]
mod tests;
