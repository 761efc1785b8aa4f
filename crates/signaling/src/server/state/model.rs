//! Random clients on up to three nodes that share one log, checked against what the protocol promises: every message that
//! was accepted arrives once and in order at its receiver, or its sender was told.
//!
//! Each node applies the log at its own pace, may be killed, and may begin from another's snapshot. A connection has a wire that
//! can break with messages on it; clients come back with their token, or do not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::tests::{entrance, rules, say};
use super::*;
use crate::protocol::Claim;

#[derive(Debug, Clone)]
enum Act {
    /// The client joins, or comes back, on a node.
    Join {
        client: usize,
        node: usize,
    },
    /// The client's network vanishes. What is on the wire is lost; the node hears of it now or never.
    Vanish {
        client: usize,
        heard: bool,
    },
    Leave {
        client: usize,
    },
    Send {
        from: usize,
        to: usize,
    },
    /// The client reads what is on its wire, and may say so.
    Read {
        client: usize,
        confirm: bool,
    },
    /// A node applies some of the log.
    Apply {
        node: usize,
        steps: usize,
    },
    /// A node is killed, and a new one begins from a snapshot of another.
    Kill {
        node: usize,
    },
    Wait {
        seconds: u64,
    },
}

const CLIENTS: usize = 4;

fn act() -> impl Strategy<Value = Act> {
    let client = 0..CLIENTS;
    let node = 0..3_usize;
    prop_oneof![
        4 => (client.clone(), node.clone()).prop_map(|(client, node)| Act::Join { client, node }),
        2 => (client.clone(), any::<bool>()).prop_map(|(client, heard)| Act::Vanish { client, heard }),
        1 => client.clone().prop_map(|client| Act::Leave { client }),
        12 => (client.clone(), client.clone()).prop_map(|(from, to)| Act::Send { from, to }),
        6 => (client, any::<bool>()).prop_map(|(client, confirm)| Act::Read { client, confirm }),
        8 => (node.clone(), 1..8_usize).prop_map(|(node, steps)| Act::Apply { node, steps }),
        1 => node.prop_map(|node| Act::Kill { node }),
        2 => (1..40_u64).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

/// One node: its copy of the state, and how far it has read.
struct Node {
    id: NodeId,
    state: State,
    read: usize,
}

/// What a client knows.
#[derive(Default)]
struct Client {
    /// The connection, and what is on its way to the client.
    conn: Option<(NodeId, u64)>,
    joining: bool,
    wire: VecDeque<(u64, News)>,
    token: Option<String>,
    read: u64,
    /// What it was given to read, by sender, in this session.
    heard: Vec<(String, u64)>,
}

struct World {
    now: Duration,
    log: Vec<(Duration, NodeId, Op)>,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    numbers: u64,
    /// Messages by id: who sent it, in which of its sessions, to whom.
    asked: BTreeMap<u64, (usize, u32, usize)>,
    accepted: BTreeSet<u64>,
    arrived: BTreeSet<u64>,
    told: BTreeSet<u64>,
    /// How many sessions each client has begun. Nobody can tell one that is over.
    begun: [u32; CLIENTS],
}

impl World {
    fn new(nodes: usize) -> Self {
        let nodes = (0..nodes)
            .map(|n| Node {
                id: NodeId(n as u64 + 1),
                state: State::new(rules()),
                read: 0,
            })
            .collect();
        let mut world = Self {
            now: Duration::ZERO,
            log: Vec::new(),
            nodes,
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            numbers: 100,
            asked: BTreeMap::new(),
            accepted: BTreeSet::new(),
            arrived: BTreeSet::new(),
            told: BTreeSet::new(),
            begun: [0; CLIENTS],
        };
        world.beat();
        world
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn append(&mut self, node: NodeId, op: Op) {
        // As it would be written and read.
        let text = serde_json::to_string(&op).unwrap();
        self.log
            .push((self.now, node, serde_json::from_str(&text).unwrap()));
    }

    fn beat(&mut self) {
        for id in self.nodes.iter().map(|node| node.id).collect::<Vec<_>>() {
            self.append(id, Op::Beat);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Join { client, node } => self.join(client, node),
            Act::Vanish { client, heard } => self.vanish(client, heard),
            Act::Leave { client } => {
                if let Some((node, conn)) = self.connected(client) {
                    let (by, to) = (Speaker::Conn(ConnId(conn)), ReplyTo::Nobody);
                    self.append(node, Op::Leave { by, to });
                    self.forget(client);
                }
            }
            Act::Send { from, to } => self.send(from, to),
            Act::Read { client, confirm } => self.read(client, confirm),
            Act::Apply { node, steps } => {
                for _ in 0..steps {
                    self.step(node % self.nodes.len());
                }
            }
            Act::Kill { node } => self.kill(node % self.nodes.len()),
            Act::Wait { seconds } => {
                for _ in 0..seconds {
                    self.now += Duration::from_secs(1);
                    self.beat();
                }
            }
        }
    }

    fn connected(&self, client: usize) -> Option<(NodeId, u64)> {
        self.clients[client]
            .conn
            .filter(|_| !self.clients[client].joining)
    }

    fn join(&mut self, client: usize, node: usize) {
        if self.clients[client].conn.is_some() {
            return;
        }
        let conn = self.number();
        let node = self.nodes[node % self.nodes.len()].id;
        let own = &mut self.clients[client];
        let claim = own.token.clone().map(|token| Claim {
            token,
            seq: own.read,
        });
        own.conn = Some((node, conn));
        own.joining = true;
        own.wire.clear();
        let token = format!("token-{conn}");
        self.append(
            node,
            entrance(conn, &client.to_string(), Some(&token), claim),
        );
    }

    fn vanish(&mut self, client: usize, heard: bool) {
        let own = &mut self.clients[client];
        own.wire.clear();
        own.joining = false;
        if let Some((node, conn)) = own.conn.take()
            && heard
        {
            self.append(node, Op::Lost { conn: ConnId(conn) });
        }
    }

    /// The client's session is over: it begins anew.
    fn forget(&mut self, client: usize) {
        self.begun[client] += 1;
        self.clients[client] = Client::default();
    }

    fn send(&mut self, from: usize, to: usize) {
        let Some((node, conn)) = self.connected(from) else {
            return;
        };
        let id = self.number();
        self.asked.insert(id, (from, self.begun[from], to));
        let text = id.to_string();
        self.append(
            node,
            say(conn, &text, &from.to_string(), &to.to_string(), &text),
        );
    }

    fn read(&mut self, client: usize, confirm: bool) {
        let own = &mut self.clients[client];
        while let Some((seq, news)) = own.wire.pop_front() {
            assert_eq!(seq, own.read + 1, "no gap and no repetition");
            own.read = seq;
            match news {
                News::Message(body) => {
                    if let Ok(id) = body.json().parse::<u64>() {
                        assert!(self.arrived.insert(id), "{id} arrived twice");
                        let from = self.asked[&id].0;
                        own.heard.push((from.to_string(), id));
                    }
                }
                News::Undelivered(lost) => {
                    self.told.insert(lost.id.unwrap().parse().unwrap());
                }
            }
        }
        let seq = own.read;
        if let Some((node, conn)) = self.connected(client)
            && confirm
        {
            let by = Speaker::Conn(ConnId(conn));
            self.append(node, Op::Received { by, seq });
        }
    }

    fn step(&mut self, node: usize) {
        let Some((now, from, op)) = self.log.get(self.nodes[node].read).cloned() else {
            return;
        };
        let asked = match &op {
            Op::Say { said, .. } => said.id.as_ref().and_then(|id| id.parse::<u64>().ok()),
            _ => None,
        };
        let own = &mut self.nodes[node];
        own.read += 1;
        let applied = own.state.apply(now, from, op);
        let id = own.id;
        for Directed { node, effect } in applied.effects {
            if node == id {
                self.perform(id, effect, asked);
            }
        }
    }

    fn perform(&mut self, node: NodeId, effect: Effect, asked: Option<u64>) {
        let at = |clients: &[Client], conn: ConnId| {
            clients
                .iter()
                .position(|client| client.conn == Some((node, conn.0)))
        };
        match effect {
            Effect::Joined(ReplyTo::Ticket(Ticket(conn)), entered) => {
                let Some(client) = at(&self.clients, ConnId(conn)) else {
                    return;
                };
                if !entered.resumed {
                    let conn = self.clients[client].conn;
                    self.forget(client);
                    self.clients[client].conn = conn;
                }
                self.clients[client].token = entered.token;
                self.clients[client].joining = false;
            }
            Effect::Deliver {
                conn, seq, news, ..
            } => {
                if let Some(client) = at(&self.clients, conn) {
                    self.clients[client].wire.push_back((seq.unwrap(), news));
                }
            }
            Effect::Answer(ReplyTo::Ticket(Ticket(0)), reply) => {
                let id = asked.unwrap();
                if reply.ok {
                    self.accepted.insert(id);
                }
            }
            Effect::Answer(ReplyTo::Ticket(Ticket(conn)), _) => {
                // The join was refused; it may be tried again.
                if let Some(client) = at(&self.clients, ConnId(conn)) {
                    self.vanish(client, false);
                }
            }
            Effect::Part(conn, _) => {
                if let Some(client) = at(&self.clients, conn) {
                    self.vanish(client, true);
                }
            }
            _ => {}
        }
    }

    fn kill(&mut self, node: usize) {
        if self.nodes.len() == 1 {
            return;
        }
        let dead = self.nodes[node].id;
        let snapshot = self.nodes[(node + 1) % self.nodes.len()].state.snapshot();
        let read = self.nodes[(node + 1) % self.nodes.len()].read;
        let id = NodeId(self.number());
        self.nodes[node] = Node {
            id,
            state: State::restore(&snapshot).unwrap(),
            read,
        };
        self.append(id, Op::Beat);
        for client in 0..CLIENTS {
            if self.clients[client]
                .conn
                .is_some_and(|(node, _)| node == dead)
            {
                self.vanish(client, false);
            }
        }
    }

    /// Everybody who has a session comes back to it and reads everything; the rest ends by time.
    fn settle(&mut self) {
        for _ in 0..12 {
            self.catch_up();
            self.find_ghosts();
            self.catch_up();
            for client in 0..CLIENTS {
                if self.clients[client].conn.is_none() && self.clients[client].token.is_some() {
                    self.join(client, 0);
                }
                self.catch_up();
                self.read(client, true);
            }
            self.now += Duration::from_secs(4);
            self.beat();
        }
        self.catch_up();
        for client in 0..CLIENTS {
            self.read(client, true);
        }
    }

    /// Nodes find by their pings that nobody is at the other end.
    fn find_ghosts(&mut self) {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        for node in nodes {
            for conn in self.nodes[0].state.conns_at(node) {
                let known = |client: &Client| client.conn == Some((node, conn.0));
                if !self.clients.iter().any(known) {
                    self.append(node, Op::Lost { conn });
                }
            }
        }
    }

    fn catch_up(&mut self) {
        for node in 0..self.nodes.len() {
            while self.nodes[node].read < self.log.len() {
                self.step(node);
            }
        }
    }

    fn check(&self) {
        for id in &self.accepted {
            let (from, session, to) = self.asked[id];
            assert!(
                self.arrived.contains(id) || self.told.contains(id) || self.begun[from] != session,
                "{id} from {from} to {to} is lost, and its sender was not told"
            );
        }
        for client in &self.clients {
            let mut last: BTreeMap<&str, u64> = BTreeMap::new();
            for (from, id) in &client.heard {
                let before = last.insert(from, *id);
                assert!(before.is_none_or(|before| before < *id), "out of order");
            }
        }
        let first = self.nodes[0].state.snapshot();
        for node in &self.nodes {
            assert_eq!(node.state.snapshot(), first, "the nodes agree");
        }
    }
}

fn run(nodes: usize, acts: Vec<Act>) -> World {
    let mut world = World::new(nodes);
    for act in acts {
        world.act(act);
    }
    world.settle();
    world.check();
    world
}

#[test]
fn the_model_is_not_empty() {
    let mut acts = vec![
        Act::Join { client: 0, node: 0 },
        Act::Join { client: 1, node: 1 },
        Act::Apply { node: 0, steps: 9 },
        Act::Apply { node: 1, steps: 9 },
    ];
    acts.extend([
        Act::Send { from: 0, to: 1 },
        Act::Vanish {
            client: 1,
            heard: true,
        },
    ]);
    acts.push(Act::Send { from: 0, to: 1 });
    let world = run(2, acts);
    assert_eq!((world.accepted.len(), world.arrived.len()), (2, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn every_accepted_message_arrives_once_and_in_order_or_its_sender_was_told(
        nodes in 1..=3_usize,
        acts in prop::collection::vec(act(), 0..120),
    ) {
        run(nodes, acts);
    }
}
