//! The message around a body: `{ from, target, payload }`, or `message` in place of `payload`.
//!
//! Owns which of the two spellings each peer reads. A peer is answered in the one that it used last.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::protocol::EVERYBODY;
use crate::{Incoming, Signal};

/// The peers that spell the body `message`. All others get `payload`.
#[derive(Debug, Default)]
pub(super) struct Spellings {
    message: HashSet<String>,
}

/// Why a message is not for the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// It names another peer as its target, though everybody got it.
    OtherTarget,
    /// It is no object.
    Malformed,
}

impl Spellings {
    /// Takes a received message apart, and remembers its spelling for the answer.
    pub(super) fn open(&mut self, message: Value, own_id: &str) -> Result<Incoming, NotOurs> {
        let Value::Object(mut fields) = message else {
            return Err(NotOurs::Malformed);
        };
        let target = fields.get("target").and_then(Value::as_str);
        if target.is_some_and(|target| target != own_id && target != EVERYBODY) {
            return Err(NotOurs::OtherTarget);
        }
        let from = fields
            .get("from")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let signal = match take_body(&mut fields) {
            Some((spelling, body)) => {
                let signal = Signal::from_body(body);
                self.remember(&from, spelling, &signal);
                signal
            }
            None => Signal::Other(Value::Object(fields)),
        };
        Ok(Incoming { from, signal })
    }

    /// Puts a message together.
    pub(super) fn seal(&self, from: &str, to: &str, signal: Signal) -> Value {
        let spelling = if self.message.contains(to) {
            MESSAGE
        } else {
            PAYLOAD
        };
        let mut fields = Map::new();
        fields.insert("from".into(), from.into());
        fields.insert("target".into(), to.into());
        fields.insert(spelling.into(), signal.into_body());
        Value::Object(fields)
    }

    fn remember(&mut self, peer: &str, spelling: &str, signal: &Signal) {
        match signal {
            // The server writes these in the peer's name.
            Signal::Open { .. } => {}
            Signal::Bye { .. } => self.forget(peer),
            _ if spelling == PAYLOAD => self.forget(peer),
            _ if self.message.len() >= PEERS_REMEMBERED => {}
            _ => {
                self.message.insert(peer.to_owned());
            }
        }
    }

    fn forget(&mut self, peer: &str) {
        self.message.remove(peer);
    }
}

/// The body and how it is spelt; `payload` first where both are there.
fn take_body(fields: &mut Map<String, Value>) -> Option<(&'static str, Value)> {
    [PAYLOAD, MESSAGE]
        .into_iter()
        .find_map(|name| match fields.get_mut(name) {
            None | Some(Value::Null) => None,
            Some(body) => Some((name, body.take())),
        })
}

const PAYLOAD: &str = "payload";
const MESSAGE: &str = "message";

/// More than that many at once get `payload`, which is the common spelling.
const PEERS_REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer() -> Value {
        json!({ "type": "offer", "sdp": "v=0" })
    }

    fn keys(message: &Value) -> Vec<&str> {
        message
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn a_peer_is_answered_in_the_spelling_that_it_used_last() {
        let mut spellings = Spellings::default();
        assert_eq!(
            keys(&spellings.seal("me", "bob", Signal::bye())),
            ["from", "payload", "target"]
        );
        spellings
            .open(
                json!({ "from": "bob", "target": "me", "message": offer() }),
                "me",
            )
            .unwrap();
        assert_eq!(
            keys(&spellings.seal("me", "bob", Signal::bye())),
            ["from", "message", "target"]
        );
        assert_eq!(
            keys(&spellings.seal("me", "eve", Signal::bye())),
            ["from", "payload", "target"]
        );
        spellings
            .open(
                json!({ "from": "bob", "target": "me", "payload": offer() }),
                "me",
            )
            .unwrap();
        assert_eq!(
            keys(&spellings.seal("me", "bob", Signal::bye())),
            ["from", "payload", "target"]
        );
    }

    #[test]
    fn what_the_server_writes_in_a_peers_name_does_not_change_its_spelling() {
        let mut spellings = Spellings::default();
        spellings
            .open(json!({ "from": "bob", "message": offer() }), "me")
            .unwrap();
        spellings
            .open(
                json!({ "from": "bob", "payload": { "action": "open" } }),
                "me",
            )
            .unwrap();
        assert_eq!(
            keys(&spellings.seal("me", "bob", Signal::bye())),
            ["from", "message", "target"]
        );
    }

    #[test]
    fn a_peer_that_left_is_forgotten() {
        let mut spellings = Spellings::default();
        spellings
            .open(json!({ "from": "bob", "message": offer() }), "me")
            .unwrap();
        spellings
            .open(
                json!({ "from": "bob", "payload": { "action": "close" } }),
                "me",
            )
            .unwrap();
        assert!(spellings.message.is_empty());
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut spellings = Spellings::default();
        for n in 0..=PEERS_REMEMBERED {
            spellings
                .open(json!({ "from": n.to_string(), "message": offer() }), "me")
                .unwrap();
        }
        assert_eq!(spellings.message.len(), PEERS_REMEMBERED);
    }

    #[test]
    fn what_is_for_another_peer_is_not_ours() {
        let mut spellings = Spellings::default();
        let read = |target: Value| {
            spellings.open(
                json!({ "from": "bob", "target": target, "payload": offer() }),
                "me",
            )
        };
        let results = [json!("me"), json!("all"), json!(null), json!("eve")]
            .map(read)
            .map(|result| result.err());
        assert_eq!(results, [None, None, None, Some(NotOurs::OtherTarget)]);
    }

    #[test]
    fn a_message_without_a_body_comes_whole() {
        let message = json!({ "from": "bob", "text": "hi" });
        let read = Spellings::default().open(message.clone(), "me").unwrap();
        assert_eq!(
            read,
            Incoming {
                from: "bob".into(),
                signal: Signal::Other(message)
            }
        );
    }
}
