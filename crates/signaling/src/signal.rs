//! What two peers say to each other, and how it looks as JSON.
//!
//! Owns the body of a message, which stands under `payload` or `message`. It is read leniently, because several
//! families of clients are out there, and written in one way. The SDP and the candidate lines inside are text here:
//! reading them is not signaling's task.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One thing that a peer says to another through signaling.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A session description: `{ type, sdp }`.
    Description {
        /// Which step of offer and answer it is.
        kind: DescriptionKind,
        /// The SDP text; empty for a rollback that carries none.
        sdp: String,
        /// The other fields of the body, as they came.
        extra: Map<String, Value>,
    },
    /// One trickled candidate: `{ candidate, sdpMid, sdpMLineIndex, usernameFragment }`, flat or nested under `candidate`.
    Candidate {
        /// The `candidate:` line; never empty.
        candidate: String,
        /// The identification tag of its media section.
        sdp_mid: Option<String>,
        /// The index of its media section, from 0.
        sdp_m_line_index: Option<u16>,
        /// The ICE username fragment, which names the generation.
        username_fragment: Option<String>,
        /// The other fields of the body, as they came.
        extra: Map<String, Value>,
    },
    /// No more candidates follow: an empty or null `candidate`.
    EndOfCandidates {
        /// The other fields of the body, as they came: `sdpMid` or `usernameFragment` of who ends each section or generation
        /// by itself, and what is unknown.
        extra: Map<String, Value>,
    },
    /// The server (or a peer) announces peers: `{ action: "open", connections, bePolite }`.
    Open {
        /// The peers that are announced.
        connections: Vec<Connection>,
        /// Whether the reader yields when both sides offer at once.
        be_polite: bool,
    },
    /// The peer has left: `{ action: "close" }`.
    Bye {
        /// The other fields of the body, as they came.
        extra: Map<String, Value>,
    },
    /// Anything else, as it came: what applications say to each other beside the call.
    Other(Value),
}

/// The four session description types of the W3C's `RTCSdpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DescriptionKind {
    /// `offer`
    Offer,
    /// `answer`
    Answer,
    /// `pranswer`
    PrAnswer,
    /// `rollback`
    Rollback,
}

/// A registered peer, as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The server's own name for the client's socket.
    #[serde(default)]
    pub socket_id: String,
    /// The id under which the peer registered.
    pub peer_id: String,
    /// What kind of peer it says it is, where it said so; any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_type: Option<Value>,
}

/// A signal, and the peer that sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The peer id that the message names as its sender; `all` where the server itself speaks.
    pub from: String,
    /// What it said.
    pub signal: Signal,
}

impl Signal {
    /// A description with nothing beside it.
    #[must_use]
    pub fn description(kind: DescriptionKind, sdp: impl Into<String>) -> Self {
        Self::Description {
            kind,
            sdp: sdp.into(),
            extra: Map::new(),
        }
    }

    /// An offer.
    #[must_use]
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self::description(DescriptionKind::Offer, sdp)
    }

    /// An answer.
    #[must_use]
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self::description(DescriptionKind::Answer, sdp)
    }

    /// No more candidates follow, of any section.
    #[must_use]
    pub fn end_of_candidates() -> Self {
        Self::EndOfCandidates { extra: Map::new() }
    }

    /// The peer has left.
    #[must_use]
    pub fn bye() -> Self {
        Self::Bye { extra: Map::new() }
    }

    /// Reads a body. Whatever is none of the known forms comes back whole as [`Signal::Other`]: this never fails.
    #[must_use]
    pub fn from_body(body: Value) -> Self {
        let known = body.as_object().and_then(|fields| {
            description(fields)
                .or_else(|| candidate(fields))
                .or_else(|| action(fields))
        });
        known.unwrap_or(Self::Other(body))
    }

    /// Writes the body. A candidate is written flat, with the four fields of the W3C's `RTCIceCandidateInit`, so that a
    /// browser can give it to `addIceCandidate` as it is.
    #[must_use]
    pub fn into_body(self) -> Value {
        match self {
            Self::Description { kind, sdp, extra } => {
                with(extra, json!({ "type": kind.as_str(), "sdp": sdp }))
            }
            Self::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
                username_fragment,
                extra,
            } => {
                let known = json!({
                    "candidate": candidate,
                    "sdpMid": sdp_mid,
                    "sdpMLineIndex": sdp_m_line_index,
                    "usernameFragment": username_fragment,
                });
                with(extra, known)
            }
            Self::EndOfCandidates { mut extra } => {
                // RTCIceCandidateInit has them, null where nothing is said.
                for name in ["sdpMid", "sdpMLineIndex"] {
                    extra.entry(name).or_insert(Value::Null);
                }
                with(extra, json!({ "candidate": "" }))
            }
            Self::Open {
                connections,
                be_polite,
            } => {
                json!({ "action": "open", "connections": connections, "bePolite": be_polite })
            }
            Self::Bye { extra } => with(extra, json!({ "action": "close" })),
            Self::Other(value) => value,
        }
    }
}

impl DescriptionKind {
    /// The spelling on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::PrAnswer => "pranswer",
            Self::Rollback => "rollback",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Offer, Self::Answer, Self::PrAnswer, Self::Rollback]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for DescriptionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn description(fields: &Map<String, Value>) -> Option<Signal> {
    let kind = DescriptionKind::parse(fields.get("type")?.as_str()?)?;
    let sdp = match fields.get("sdp") {
        Some(Value::String(sdp)) => sdp.clone(),
        // A rollback needs no SDP (RFC 9429 section 4.1.10.2).
        None | Some(Value::Null) if kind == DescriptionKind::Rollback => String::new(),
        _ => return None,
    };
    let extra = without(fields, &["type", "sdp"]);
    Some(Signal::Description { kind, sdp, extra })
}

fn candidate(fields: &Map<String, Value>) -> Option<Signal> {
    match fields.get("candidate")? {
        Value::Object(nested) => {
            let mut signal = flat_candidate(nested)?;
            if let Signal::Candidate { extra, .. } | Signal::EndOfCandidates { extra } = &mut signal
            {
                extra.extend(without(fields, &CANDIDATE_FIELDS));
                // It says what stands under `candidate`; beside the candidate it would say something else.
                extra.remove("type");
            }
            Some(signal)
        }
        _ => flat_candidate(fields),
    }
}

fn flat_candidate(fields: &Map<String, Value>) -> Option<Signal> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    match fields.get("candidate")? {
        Value::Null => Some(end_of_candidates(fields)),
        Value::String(line) if line.is_empty() => Some(end_of_candidates(fields)),
        Value::String(line) => Some(Signal::Candidate {
            candidate: line.clone(),
            sdp_mid: text("sdpMid"),
            sdp_m_line_index: fields
                .get("sdpMLineIndex")
                .and_then(Value::as_u64)
                .and_then(|index| index.try_into().ok()),
            username_fragment: text("usernameFragment"),
            extra: without(fields, &CANDIDATE_FIELDS),
        }),
        _ => None,
    }
}

fn end_of_candidates(fields: &Map<String, Value>) -> Signal {
    let mut extra = without(fields, &["candidate"]);
    extra.retain(|name, value| !(value.is_null() && CANDIDATE_FIELDS.contains(&name.as_str())));
    Signal::EndOfCandidates { extra }
}

/// W3C `RTCIceCandidateInit`.
const CANDIDATE_FIELDS: [&str; 4] = ["candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"];

fn without(fields: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What is known goes before an extra field of the same name.
fn with(mut extra: Map<String, Value>, known: Value) -> Value {
    if let Value::Object(known) = known {
        extra.extend(known);
    }
    Value::Object(extra)
}

fn action(fields: &Map<String, Value>) -> Option<Signal> {
    match fields.get("action")?.as_str()? {
        "open" => Some(Signal::Open {
            connections: fields
                .get("connections")
                .and_then(Value::as_array)
                .map_or_else(Vec::new, |all| {
                    all.iter()
                        .filter_map(|one| Connection::deserialize(one).ok())
                        .collect()
                }),
            be_polite: fields
                .get("bePolite")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        }),
        "close" => Some(Signal::Bye {
            extra: without(fields, &["action"]),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
