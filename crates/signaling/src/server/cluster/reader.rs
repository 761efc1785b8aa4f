//! Reading the log, and beginning to.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script, Value, cmd};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::super::edge::secret;
use super::super::hub::{Entry, Position};
use super::super::state::{NodeId, Op, State};
use super::Redis;

pub(super) struct Reader {
    redis: Redis,
    entries: mpsc::Sender<Entry>,
    reachable: watch::Sender<bool>,
    epoch: String,
    at: Position,
}

/// What ends a connection.
enum Ended {
    /// Redis cannot be reached, or says what it should not.
    Broken,
    /// The hub has ended.
    Over,
}

impl Reader {
    pub(super) fn new(
        redis: Redis,
        entries: mpsc::Sender<Entry>,
        reachable: watch::Sender<bool>,
    ) -> Self {
        Self {
            redis,
            entries,
            reachable,
            epoch: String::new(),
            at: Position::default(),
        }
    }

    /// Runs until the hub is gone.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(Ended::Over) = self.session().await {
                return;
            }
            let told = self.reachable.send_replace(false);
            if told && self.entries.send(Entry::Reachable(false)).await.is_err() {
                return;
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = self.entries.closed() => return,
            }
        }
    }

    async fn session(&mut self) -> Result<(), Ended> {
        let mut connection = self.redis.connect().await.map_err(broken)?;
        self.enter(&mut connection).await?;
        self.reachable.send_replace(true);
        self.tell(Entry::Reachable(true)).await?;
        loop {
            let read = cmd("XREAD")
                .arg("COUNT")
                .arg(COUNT)
                .arg("BLOCK")
                .arg(BLOCK_MS)
                .arg("STREAMS")
                .arg(self.redis.key("log"))
                .arg(self.at.to_string())
                .query_async::<Value>(&mut connection)
                .await
                .map_err(broken)?;
            for (at, node, op) in steps(read).ok_or(Ended::Broken)? {
                self.at = at;
                self.tell(Entry::Step(at, node, op)).await?;
            }
            if self.entries.is_closed() {
                return Err(Ended::Over);
            }
        }
    }

    /// Finds out whether the log is the one that this node knows. Where it is not, either this node's state becomes that of
    /// all, or it takes the one that is there.
    async fn enter(&mut self, connection: &mut MultiplexedConnection) -> Result<(), Ended> {
        let (to, state) = oneshot::channel();
        self.tell(Entry::Ask(to)).await?;
        let (at, snapshot) = state.await.map_err(|_| Ended::Over)?;
        let fresh = secret().ok_or(Ended::Broken)?;
        let found: RedisResult<(String, String)> = Script::new(ENTER)
            .key(self.redis.key("epoch"))
            .key(self.redis.key("snapshot"))
            .key(self.redis.key("log"))
            .arg(&self.epoch)
            .arg(fresh)
            .arg(at.to_string())
            .arg(at.ms)
            .arg(snapshot)
            .invoke_async(connection)
            .await;
        let (epoch, stored) = found.map_err(broken)?;
        let known = epoch == self.epoch;
        self.epoch = epoch;
        if known {
            self.at = at;
            return Ok(());
        }
        let (at, text) = stored.split_once('\n').ok_or(Ended::Broken)?;
        self.at = at.parse().map_err(|()| Ended::Broken)?;
        let state = State::restore(text).ok_or(Ended::Broken)?;
        self.tell(Entry::State(self.at, Box::new(state))).await
    }

    async fn tell(&self, entry: Entry) -> Result<(), Ended> {
        self.entries.send(entry).await.map_err(|_| Ended::Over)
    }
}

fn broken(error: redis::RedisError) -> Ended {
    tracing::debug!(%error, "Redis");
    Ended::Broken
}

/// `[[key, [[id, [name, value, ...]], ...]]]`, or nil where nothing came in time. A step that cannot be read is passed over:
/// every node passes over the same.
fn steps(value: Value) -> Option<Vec<(Position, NodeId, Op)>> {
    let Value::Array(streams) = value else {
        return matches!(value, Value::Nil).then(Vec::new);
    };
    let Some(Value::Array(stream)) = streams.into_iter().next() else {
        return None;
    };
    let Some(Value::Array(entries)) = stream.into_iter().nth(1) else {
        return None;
    };
    let mut steps = Vec::with_capacity(entries.len());
    for entry in entries {
        let (id, fields): (String, Vec<String>) = redis::from_redis_value(entry).ok()?;
        let at = id.parse().ok()?;
        let field = |name: &str| {
            let place = fields.iter().step_by(2).position(|field| field == name)?;
            fields.get(2 * place + 1)
        };
        let node = field("n").and_then(|node| node.parse().ok());
        let op = field("o").and_then(|op| serde_json::from_str(op).ok());
        match (node, op) {
            (Some(node), Some(op)) => steps.push((at, NodeId(node), op)),
            _ => tracing::error!(%id, "a step of the log cannot be read"),
        }
    }
    Some(steps)
}

/// Arguments: the epoch that is known, a new one, where the node is in the log, the milliseconds of that, its state. The log is another
/// one than the node knows where its epoch is, or where it ends before what the node has read.
const ENTER: &str = "
local epoch = redis.call('GET', KEYS[1])
local last = 0
if redis.call('EXISTS', KEYS[3]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[3])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = tonumber(string.match(info[i + 1], '^%d+')) end
  end
end
if not epoch or (epoch == ARGV[1] and last < tonumber(ARGV[4])) then
  epoch = ARGV[2]
  redis.call('SET', KEYS[1], epoch)
  redis.call('SET', KEYS[2], ARGV[3] .. '\\n' .. ARGV[5])
  redis.call('DEL', KEYS[3])
end
if epoch == ARGV[1] then return {epoch, ''} end
return {epoch, redis.call('GET', KEYS[2])}
";

const RETRY: Duration = Duration::from_millis(500);

/// Below what Redis has to answer in.
const BLOCK_MS: u64 = 1000;

const COUNT: usize = 512;
