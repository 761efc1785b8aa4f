//! The server's state: rooms, ids, sessions and what is kept for them, as a machine that does no I/O.
//!
//! [`State::apply`] takes one step of the log ([`Op`]) with its time and the node that it came from, and says what the
//! nodes have to do ([`Effect`]). The same steps give the same effects: where several nodes share one log, each of them
//! applies all of it and does what is its own, so that nothing has to be agreed on beside the order of the log.
//! `now` never goes back; it counts from an origin that all nodes share.
//!
//! Left out: sockets and how full they are (a node that cannot hand a message on says [`Op::Bounced`]), tokens, message size and rates:
//! those are checked before a step gets into the log.

mod op;
mod peers;
mod room;
mod session;
mod talk;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::Body;
use crate::Connection;
use crate::protocol::{Code, EVERYBODY, Reply};
pub(super) use op::{
    Applied, Bounce, Change, ConnId, Directed, Effect, Entered, Entrance, News, NodeId, Op,
    Outcome, Registered, ReplyTo, Said, Speaker, Ticket,
};
use room::Room;
pub(super) use session::Key;
use session::Session;
pub(super) use talk::full;

/// What the rules depend on. All nodes of a cluster go by those of the one that began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) check_sender: bool,
    /// Messages kept for one session.
    pub(super) queue: usize,
    /// Their bytes.
    pub(super) queue_bytes: usize,
    /// Sessions in all.
    pub(super) clients: usize,
    /// Sessions in one room.
    pub(super) room_clients: usize,
    /// How long a session is kept that is away.
    pub(super) resume: Duration,
}

/// The state.
#[derive(Debug)]
pub(super) struct State {
    rules: Rules,
    rooms: HashMap<String, Room>,
    sessions: HashMap<Key, Session>,
    at: HashMap<(NodeId, ConnId), Key>,
    by_token: HashMap<String, Key>,
    /// Sessions that are away, by when they end.
    away: BTreeSet<(Duration, Key)>,
    /// When each node was last heard of. Empty where there is one that needs no log.
    nodes: BTreeMap<NodeId, Duration>,
    next: u64,
    /// Who came and went since somebody looked; none where nobody does.
    changes: Option<Vec<Change>>,
}

/// The state as it is stored for nodes that come later.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    rules: Rules,
    rooms: Vec<(String, Room)>,
    sessions: Vec<(Key, Session)>,
    nodes: Vec<(NodeId, Duration)>,
    next: u64,
}

/// A step while it is taken.
struct Step {
    now: Duration,
    node: NodeId,
    effects: Vec<Directed>,
    missed: u64,
}

/// Whether a session could take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handed {
    Over,
    Kept,
    Full,
}

impl State {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            rooms: HashMap::new(),
            sessions: HashMap::new(),
            at: HashMap::new(),
            by_token: HashMap::new(),
            away: BTreeSet::new(),
            nodes: BTreeMap::new(),
            next: 0,
            changes: None,
        }
    }

    /// The registered peers of a room, oldest first.
    pub(super) fn connections(&self, room: &str) -> Vec<Connection> {
        self.rooms
            .get(room)
            .map(|room| room.connections().cloned().collect())
            .unwrap_or_default()
    }

    /// Rooms, sessions, and those of them that are away.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.rooms.len(), self.sessions.len(), self.away.len())
    }

    /// The session that speaks; it may change with every step.
    pub(super) fn speaker(&self, node: NodeId, by: &Speaker) -> Option<Key> {
        match by {
            Speaker::Conn(conn) => self.at.get(&(node, *conn)).copied(),
            Speaker::Token(token) => self.by_token.get(token).copied(),
        }
    }

    /// The connections of a node that have a session.
    pub(super) fn conns_at(&self, node: NodeId) -> Vec<ConnId> {
        let here = self.at.keys().filter(|(at, _)| *at == node);
        here.map(|(_, conn)| *conn).collect()
    }

    /// The node that stores snapshots: the oldest name that is there.
    pub(super) fn first_node(&self) -> Option<NodeId> {
        self.nodes.keys().next().copied()
    }

    /// Takes one step.
    pub(super) fn apply(&mut self, now: Duration, node: NodeId, op: Op) -> Applied {
        let mut step = Step {
            now,
            node,
            effects: Vec::new(),
            missed: 0,
        };
        self.pass_time(&mut step);
        if let Some(heard) = self.nodes.get_mut(&node) {
            *heard = now;
        }
        let outcome = match op {
            Op::Say { by, to, said } => self.say(&mut step, &by, to, said),
            Op::Received { by, seq } => {
                self.received(node, &by, seq);
                Outcome::Nothing
            }
            Op::Enter {
                conn,
                socket_id,
                room,
            } => self.enter(&mut step, conn, socket_id, room),
            Op::Register {
                conn,
                to,
                peer,
                kind,
            } => self.register(&mut step, conn, to, peer, kind),
            Op::Join(entrance) => self.join(&mut step, *entrance, false),
            Op::Bridge(entrance) => self.join(&mut step, *entrance, true),
            Op::Attach { conn, to, claim } => self.attach(&mut step, conn, to, &claim),
            Op::Lost { conn } => {
                if let Some(key) = self.at.get(&(node, conn)).copied() {
                    self.lose(&mut step, key);
                }
                Outcome::Nothing
            }
            Op::Leave { by, to } => self.leave(&mut step, &by, to),
            Op::Bounced(bounce) => {
                self.undelivered(&mut step, bounce.sender, bounce.id, bounce.peer, Code::Full);
                Outcome::Nothing
            }
            Op::Beat => {
                self.nodes.insert(node, now);
                Outcome::Nothing
            }
            Op::NodeLeaves => {
                self.lose_node(&mut step, node);
                Outcome::Nothing
            }
        };
        Applied {
            effects: step.effects,
            outcome,
            missed: step.missed,
        }
    }

    /// A message that was accepted found no place after all, and its sender is told so instead. For a node by itself: where there
    /// are several, only the log changes the state.
    pub(super) fn forget(&mut self, bounce: &Bounce) {
        if let Some(session) = self.sessions.get_mut(&bounce.sender) {
            let id = bounce.id.as_deref();
            session
                .accepted
                .retain(|(known, _)| Some(known.as_str()) != id);
        }
    }

    /// Ends what is over by now.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Vec<Directed> {
        let mut step = Step {
            now,
            node: NodeId(0),
            effects: Vec::new(),
            missed: 0,
        };
        self.pass_time(&mut step);
        step.effects
    }

    /// When something is over next; `None` where nothing waits.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let away = self.away.first().map(|(deadline, _)| *deadline);
        let silent = self.nodes.values().min().map(|heard| *heard + NODE_SILENCE);
        [away, silent].into_iter().flatten().min()
    }

    /// The state as text, for a node that comes later.
    pub(super) fn snapshot(&self) -> String {
        let rooms: BTreeMap<&String, &Room> = self.rooms.iter().collect();
        let sessions: BTreeMap<&Key, &Session> = self.sessions.iter().collect();
        let snapshot = Snapshot {
            rules: self.rules.clone(),
            rooms: rooms
                .into_iter()
                .map(|(name, room)| (name.clone(), room.clone()))
                .collect(),
            sessions: sessions
                .into_iter()
                .map(|(key, session)| (*key, session.clone()))
                .collect(),
            nodes: self.nodes.iter().map(|(id, heard)| (*id, *heard)).collect(),
            next: self.next,
        };
        // Strings, numbers and lists: there is nothing in it that cannot be written.
        serde_json::to_string(&snapshot).unwrap_or_default()
    }

    /// The state of a snapshot. `None`: it is not one.
    pub(super) fn restore(text: &str) -> Option<Self> {
        let snapshot: Snapshot = serde_json::from_str(text).ok()?;
        let mut state = Self::new(snapshot.rules);
        for (name, mut room) in snapshot.rooms {
            room.complete();
            state.rooms.insert(name, room);
        }
        state.nodes = snapshot.nodes.into_iter().collect();
        state.next = snapshot.next;
        for (key, session) in snapshot.sessions {
            if let Some(at) = session.at {
                state.at.insert(at, key);
            }
            if let Some(token) = &session.token {
                state.by_token.insert(token.clone(), key);
            }
            if let Some(deadline) = session.deadline {
                state.away.insert((deadline, key));
            }
            state.sessions.insert(key, session);
        }
        Some(state)
    }

    fn pass_time(&mut self, step: &mut Step) {
        while let Some((&node, _)) = self
            .nodes
            .iter()
            .find(|(_, heard)| **heard + NODE_SILENCE <= step.now)
        {
            self.lose_node(step, node);
        }
        while let Some((deadline, key)) = self.away.first().copied() {
            if deadline > step.now {
                break;
            }
            self.end(step, key);
        }
    }

    /// A node's sessions lose their connections.
    fn lose_node(&mut self, step: &mut Step, node: NodeId) {
        self.nodes.remove(&node);
        let mut lost: Vec<(Key, ConnId)> = self
            .at
            .iter()
            .filter(|((at, _), _)| *at == node)
            .map(|((_, conn), key)| (*key, *conn))
            .collect();
        lost.sort_unstable();
        for (key, conn) in lost {
            self.lose(step, key);
            // Where the node was only thought dead, its connections have lost their sessions.
            step.part(node, conn, Code::Restart);
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Step {
    fn to(&mut self, effect: Effect) {
        let node = self.node;
        self.effects.push(Directed { node, effect });
    }

    fn answer(&mut self, to: ReplyTo, reply: Reply) {
        let wanted = match &to {
            ReplyTo::Nobody => false,
            ReplyTo::Ticket(_) => true,
            ReplyTo::Frame(_, id) => id.is_some() || !reply.ok,
        };
        if wanted {
            self.to(Effect::Answer(to, reply));
        }
    }

    fn refuse(&mut self, to: ReplyTo, code: Code, error: impl Into<String>) -> Outcome {
        self.answer(to, Reply::refused(code, error));
        Outcome::Refused(code)
    }

    fn part(&mut self, node: NodeId, conn: ConnId, code: Code) {
        self.effects.push(Directed {
            node,
            effect: Effect::Part(conn, code),
        });
    }
}

/// What the server says in its own name, or in a peer's.
fn from_server(from: &str, target: &str, payload: Value) -> Arc<Body> {
    Arc::new(Body::of(
        &json!({ "from": from, "target": target, "payload": payload }),
    ))
}

/// A node that was not heard of for so long is gone: with a beat every 2 s it may miss three.
const NODE_SILENCE: Duration = Duration::from_secs(8);

/// Enough for any honest client, and what keeps one hostile client from filling the table.
const IDS_PER_CLIENT: usize = 8;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
