//! Where things are said on an MQTT broker (3.1.1 or 5).
//!
//! Any broker will do: it needs no server of ours. Under one prefix ([`PREFIX`] unless configured):
//!
//! | topic | retained | payload |
//! |---|---|---|
//! | `PREFIX/ROOM/peers/PEER` | yes | [`Presence`]; empty: the peer has left. Every client's last will is the empty one |
//! | `PREFIX/ROOM/to/PEER` | no | [`Said`], for one peer; [`Lost`], from a bridge |
//! | `PREFIX/ROOM/all` | no | [`Said`], for everybody in the room |
//! | `PREFIX/bridges/BRIDGE` | yes | `{}`; empty: the bridge is gone, and with it every peer whose presence is `via` it |
//!
//! Everything at QoS 1; a receiver passes over a [`Said::id`] that it has seen from that sender. A client subscribes to `peers/+`, `all` and
//! its own `to`, waits for the retained presences (a `taken` id is one whose presence another client published),
//! publishes its own, and is in. Nobody says who is polite: whoever published presence later is not.
//!
//! Messages cross: a goodbye may come after the next owner's presence. So who is in publishes its presence again whenever another, or
//! the empty one, stands in its place. Of two that are in at once, the one with the lower `sinceMs` stays (then the lower `socketId`): the
//! other answers its presence once, and leaves when it comes again, for by then its owner is known to be there.
//!
//! A server of ours that is told of a broker joins it as a bridge: it publishes a presence for each of its own
//! peers, with `via`, subscribes to their `to`, and lists the broker's peers among its own. What one of its peers says to everybody it
//! publishes to each peer of the broker by itself. A message to one of its peers that does not arrive it answers with a [`Lost`].
//!
//! A level is a percent-encoded name ([`level`]); the common room, whose name is empty, is `-`.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Undelivered;

/// The first level, unless configured otherwise.
pub const PREFIX: &str = "ieum";

/// A peer that is there: the retained payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Its id.
    pub peer_id: String,
    /// The publishing client's own name: the MQTT client id, or whatever tells two clients apart.
    pub socket_id: String,
    /// What kind of peer it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_type: Option<Value>,
    /// Milliseconds since the Unix epoch when it joined, which orders peers.
    #[serde(default)]
    pub since_ms: u64,
    /// The bridge that speaks for it, where it is not on this broker itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// A message on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Names the message among its sender's; QoS 1 may bring it twice.
    pub id: String,
    /// `{ from, target, payload }`, byte for byte.
    pub message: Box<RawValue>,
}

/// A bridge tells a peer of the broker that what it said did not arrive, on the peer's own `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Names this among what the bridge says; QoS 1 may bring it twice.
    pub id: String,
    /// Which message, and why. Its `id` is that of [`Said`].
    pub undelivered: Undelivered,
}

/// The topics of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    base: String,
}

/// What a topic is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// The presence of a peer in a room.
    Peer {
        /// The room's name.
        room: String,
        /// The peer's id.
        peer: String,
    },
    /// Messages for one peer.
    To {
        /// The room's name.
        room: String,
        /// The peer's id.
        peer: String,
    },
    /// Messages for everybody in a room.
    All {
        /// The room's name.
        room: String,
    },
    /// A bridge's own presence.
    Bridge(String),
}

impl Topics {
    /// The topics of `room` under `prefix`.
    #[must_use]
    pub fn new(prefix: &str, room: &str) -> Self {
        Self {
            base: format!("{prefix}/{}", level(room)),
        }
    }

    /// The presence of a peer.
    #[must_use]
    pub fn peer(&self, peer: &str) -> String {
        format!("{}/peers/{}", self.base, level(peer))
    }

    /// The filter for the presence of every peer.
    #[must_use]
    pub fn peers(&self) -> String {
        format!("{}/peers/+", self.base)
    }

    /// Messages for one peer.
    #[must_use]
    pub fn to(&self, peer: &str) -> String {
        format!("{}/to/{}", self.base, level(peer))
    }

    /// Messages for everybody.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}/all", self.base)
    }
}

/// A bridge's own presence.
#[must_use]
pub fn bridge(prefix: &str, bridge: &str) -> String {
    format!("{prefix}/bridges/{}", level(bridge))
}

/// The filter for every bridge's presence.
#[must_use]
pub fn bridges(prefix: &str) -> String {
    format!("{prefix}/bridges/+")
}

/// The filter for every peer's presence, in all rooms.
#[must_use]
pub fn all_peers(prefix: &str) -> String {
    format!("{prefix}/+/peers/+")
}

/// The filter for what is said to everybody, in all rooms.
#[must_use]
pub fn everybody(prefix: &str) -> String {
    format!("{prefix}/+/all")
}

/// What `topic` is for; `None` where it is none of ours.
#[must_use]
pub fn read(prefix: &str, topic: &str) -> Option<Topic> {
    let rest = topic.strip_prefix(prefix)?.strip_prefix('/')?;
    let levels: Vec<&str> = rest.split('/').collect();
    match levels[..] {
        ["bridges", bridge] => name(bridge).map(Topic::Bridge),
        [room, "all"] => Some(Topic::All { room: name(room)? }),
        [room, "peers", peer] => Some(Topic::Peer {
            room: name(room)?,
            peer: name(peer)?,
        }),
        [room, "to", peer] => Some(Topic::To {
            room: name(room)?,
            peer: name(peer)?,
        }),
        _ => None,
    }
}

/// A name as one topic level: everything but ASCII letters, digits, `_`, `.` and `-` is percent-encoded; the empty name is `-`,
/// and the name `-` is `%2D`. The room `bridges` is `%62ridges`.
#[must_use]
pub fn level(name: &str) -> String {
    match name {
        "" => return "-".into(),
        "-" => return "%2D".into(),
        "bridges" => return "%62ridges".into(),
        _ => {}
    }
    let mut level = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') {
            level.push(byte.into());
        } else {
            // Writing to a string does not fail.
            let _ = write!(level, "%{byte:02X}");
        }
    }
    level
}

/// The name of a level; `None` where it is no level of ours.
#[must_use]
pub fn name(level: &str) -> Option<String> {
    if level == "-" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(level.len());
    let mut rest = level.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => 16 * digit(rest.next()?)? + digit(rest.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|name| !name.is_empty())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn topics_are_read_as_they_are_written() {
        let topics = Topics::new("a/b", "");
        assert_eq!(topics.peer("x/y"), "a/b/-/peers/x%2Fy");
        let (room, peer) = (String::new(), "x/y".to_owned());
        assert_eq!(
            read("a/b", &topics.peer("x/y")),
            Some(Topic::Peer {
                room: room.clone(),
                peer: peer.clone()
            })
        );
        assert_eq!(
            read("a/b", &topics.to("x/y")),
            Some(Topic::To {
                room: room.clone(),
                peer
            })
        );
        assert_eq!(read("a/b", &topics.all()), Some(Topic::All { room }));
        assert_eq!(
            read("p", &bridge("p", "n1")),
            Some(Topic::Bridge("n1".into()))
        );
        let odd = Topics::new("p", "bridges");
        assert_eq!(
            read("p", &odd.all()),
            Some(Topic::All {
                room: "bridges".into()
            })
        );
        for none in [
            "p",
            "p/",
            "p/a",
            "q/a/all",
            "p/a/all/b",
            "p/%/all",
            "p//all",
            "p/%ff/all",
        ] {
            assert_eq!(read("p", none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_level_and_its_own(text in any::<String>()) {
            let one = level(&text);
            prop_assert!(one.bytes().all(|byte| !b"/+#$\0".contains(&byte)) && !one.is_empty());
            prop_assert_eq!(name(&one), Some(text));
        }
    }
}
