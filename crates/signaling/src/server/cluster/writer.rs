//! Appending to the log.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Script, pipe};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::super::hub::{Entry, Position};
use super::super::state::{NodeId, Op};
use super::Redis;

/// What is to be written.
pub(super) enum Order {
    Append(Box<Op>),
    /// A snapshot of the state at that place in the log.
    Keep(Position, String),
    Finish(oneshot::Sender<()>),
}

pub(super) struct Writer {
    redis: Redis,
    node: NodeId,
    lost: mpsc::Sender<Entry>,
    reachable: watch::Receiver<bool>,
    connection: Option<MultiplexedConnection>,
}

impl Writer {
    pub(super) fn new(
        redis: Redis,
        node: NodeId,
        lost: mpsc::Sender<Entry>,
        reachable: watch::Receiver<bool>,
    ) -> Self {
        Self {
            redis,
            node,
            lost,
            reachable,
            connection: None,
        }
    }

    /// Runs until the hub is gone.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                taken = orders.recv_many(&mut waiting, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    self.obey(&mut waiting).await;
                }
                _ = beat.tick() => self.append(vec![Op::Beat]).await,
                changed = self.reachable.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Others must know of this node before its clients do anything.
                    self.append(vec![Op::Beat]).await;
                }
            }
        }
    }

    async fn obey(&mut self, orders: &mut Vec<Order>) {
        let mut ops = Vec::with_capacity(orders.len());
        let mut rest = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Append(op) => ops.push(*op),
                other => rest.push(other),
            }
        }
        self.append(ops).await;
        for order in rest {
            match order {
                Order::Keep(at, snapshot) => self.keep(at, snapshot).await,
                // Who waited may have gone.
                Order::Finish(done) => drop(done.send(())),
                Order::Append(_) => {}
            }
        }
    }

    /// Writes some steps, or gives them back.
    async fn append(&mut self, ops: Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        let mut pipeline = pipe();
        for op in &ops {
            // Steps are strings and numbers, and can be written.
            let text = serde_json::to_string(op).unwrap_or_default();
            pipeline
                .cmd("XADD")
                .arg(self.redis.key("log"))
                .arg("*")
                .arg("n")
                .arg(self.node.0)
                .arg("o")
                .arg(text)
                .ignore();
        }
        let written = match self.connection().await {
            Some(mut connection) => pipeline.exec_async(&mut connection).await.is_ok(),
            None => false,
        };
        if written {
            return;
        }
        self.connection = None;
        for op in ops.into_iter().filter(|op| !matches!(op, Op::Beat)) {
            // The hub has ended where nobody takes it.
            if self.lost.send(Entry::Lost(op)).await.is_err() {
                return;
            }
        }
    }

    /// Stores a snapshot, where it is newer than what is there, and takes from the log what it covers.
    async fn keep(&mut self, at: Position, snapshot: String) {
        let Some(mut connection) = self.connection().await else {
            return;
        };
        let kept: Result<(), _> = Script::new(KEEP)
            .key(self.redis.key("snapshot"))
            .key(self.redis.key("log"))
            .arg(at.ms)
            .arg(at.to_string())
            .arg(snapshot)
            .invoke_async(&mut connection)
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "a snapshot was not stored");
        }
    }

    /// The connection, while the reader finds that Redis can be reached.
    async fn connection(&mut self) -> Option<MultiplexedConnection> {
        if !*self.reachable.borrow() {
            return None;
        }
        if self.connection.is_none() {
            self.connection = self.redis.connect().await.ok();
        }
        self.connection.clone()
    }
}

/// `snapshot` is `MS-SEQ`, a line feed, and the state.
const KEEP: &str = "
local old = redis.call('GET', KEYS[1])
if old and tonumber(string.match(old, '^%d+')) > tonumber(ARGV[1]) then return end
redis.call('SET', KEYS[1], ARGV[2] .. '\\n' .. ARGV[3])
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
";

/// So that three of four may be missed before a node counts as dead.
const BEAT: Duration = Duration::from_secs(2);

/// Steps that are written at once.
const BATCH: usize = 256;
