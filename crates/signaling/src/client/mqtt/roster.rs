//! Who is there: the retained presences of a room, and the bridges that speak for some of them.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::Connection;
use crate::protocol::EVERYBODY;
use crate::protocol::mqtt::Presence;

/// The presences of all peers but this one.
#[derive(Debug, Default)]
pub(super) struct Roster {
    peers: HashMap<String, Presence>,
    bridges: HashSet<String>,
}

impl Roster {
    /// Takes a presence; the message that tells of it, where it is news. `own` is this peer's presence, once it is published.
    pub(super) fn come(&mut self, presence: Presence, own: &Presence) -> Option<Value> {
        let id = presence.peer_id.clone();
        if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&id) {
            return None;
        }
        let later = (presence.since_ms, &presence.socket_id) > (own.since_ms, &own.socket_id);
        let connection = connection(&presence);
        let known = self.peers.insert(id.clone(), presence);
        if known.is_some_and(|known| known.socket_id == connection.socket_id) {
            return None;
        }
        let payload = json!({ "action": "open", "connections": [connection], "bePolite": later });
        Some(json!({ "from": id, "target": EVERYBODY, "payload": payload }))
    }

    /// A peer is gone.
    pub(super) fn go(&mut self, peer: &str) -> Option<Value> {
        self.peers.remove(peer)?;
        let payload = json!({ "action": "close" });
        Some(json!({ "from": peer, "target": EVERYBODY, "payload": payload }))
    }

    pub(super) fn bridge_came(&mut self, bridge: String) {
        if self.bridges.len() < MOST_BRIDGES {
            self.bridges.insert(bridge);
        }
    }

    /// A bridge is gone, and with it the peers that it spoke for.
    pub(super) fn bridge_gone(&mut self, bridge: &str) -> Vec<Value> {
        self.bridges.remove(bridge);
        let via = |presence: &Presence| presence.via.as_deref() == Some(bridge);
        let gone: Vec<String> = self
            .peers
            .values()
            .filter(|presence| via(presence))
            .map(|presence| presence.peer_id.clone())
            .collect();
        gone.iter().filter_map(|peer| self.go(peer)).collect()
    }

    /// Forgets the peers of bridges that are not there: called once, when all that is retained has come.
    pub(super) fn settle(&mut self) {
        let bridges = &self.bridges;
        let alive = |via: &String| bridges.contains(via);
        self.peers
            .retain(|_, presence| presence.via.as_ref().is_none_or(alive));
    }

    pub(super) fn is_here(&self, peer: &str) -> bool {
        self.peers.contains_key(peer)
    }

    /// Oldest first.
    pub(super) fn connections(&self) -> Vec<Connection> {
        let mut all: Vec<&Presence> = self.peers.values().collect();
        all.sort_unstable_by_key(|presence| (presence.since_ms, &presence.socket_id));
        all.into_iter().map(connection).collect()
    }
}

fn connection(presence: &Presence) -> Connection {
    Connection {
        socket_id: presence.socket_id.clone(),
        peer_id: presence.peer_id.clone(),
        peer_type: presence.peer_type.clone(),
    }
}

/// Anybody may publish presences: beyond this many, new ones are not kept.
const MOST_PEERS: usize = 16_384;

const MOST_BRIDGES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(id: &str, since_ms: u64, via: Option<&str>) -> Presence {
        Presence {
            peer_id: id.into(),
            socket_id: format!("socket of {id}"),
            peer_type: None,
            since_ms,
            via: via.map(Into::into),
        }
    }

    #[test]
    fn who_came_later_is_announced_as_the_one_to_be_polite_to() {
        let own = presence("me", 5, None);
        let mut roster = Roster::default();
        let polite = |news: Option<Value>| news.map(|news| news["payload"]["bePolite"].clone());
        let early = roster.come(presence("early", 4, None), &own);
        assert_eq!(polite(early), Some(false.into()));
        let late = roster.come(presence("late", 6, None), &own);
        assert_eq!(polite(late), Some(true.into()));
        assert_eq!(
            roster.come(presence("late", 6, None), &own),
            None,
            "told once"
        );
        let order = roster.connections();
        assert_eq!(order[0].peer_id, "early");
    }

    #[test]
    fn the_peers_of_a_bridge_go_with_it() {
        let own = presence("me", 5, None);
        let mut roster = Roster::default();
        roster.bridge_came("n1".into());
        for (id, via) in [("a", Some("n1")), ("b", Some("n2")), ("c", None)] {
            roster.come(presence(id, 1, via), &own);
        }
        roster.settle();
        assert!(roster.is_here("a") && !roster.is_here("b") && roster.is_here("c"));
        let gone = roster.bridge_gone("n1");
        assert_eq!((gone.len(), &gone[0]["from"]), (1, &json!("a")));
        assert!(roster.is_here("c"));
    }
}
