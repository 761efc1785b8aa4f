//! The task that owns the state.
//!
//! Data flows one way: carriers put [`Input`]s into one bounded mailbox; the task applies them to the [`State`], in its own memory or in
//! the order of a log that several nodes share, and hands what comes out of it to the connections' [`Outlet`]s, which are bounded
//! too and never make it wait. What does not fit is told to its sender and counted.

mod outlet;
mod perform;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::metrics::Metrics;
use super::rate::Bucket;
use super::state::{
    Applied, ConnId, Entered, Key, NodeId, Op, Outcome, ReplyTo, Rules, Speaker, State, Ticket,
};
use super::texts;
use crate::Connection;
use crate::protocol::{Code, Reply};
pub(super) use outlet::{Answers, Line, Lines, Outlet, Pass, goodbye, queue};
pub(super) use watch::Sight;
use watch::Watcher;

/// What the task is told.
pub(super) enum Input {
    /// A connection is there, and takes what is for it.
    Open(ConnId, Outlet),
    /// A client says something, and may wait for the answer.
    Step(Op, Option<(Ticket, Waiting)>),
    /// A connection is gone.
    Closed(ConnId),
    /// Who is registered in a room?
    Connections(String, oneshot::Sender<Vec<Connection>>),
    /// Say who is there, and who comes and goes.
    #[cfg_attr(
        not(feature = "bridge"),
        allow(dead_code, reason = "the bridge watches")
    )]
    Watch(mpsc::Sender<Sight>),
    /// How many rooms, sessions, and sessions that are away are there?
    Sizes(oneshot::Sender<(usize, usize, usize)>),
    /// Tell everybody to go elsewhere, and end.
    Shutdown(oneshot::Sender<()>),
}

/// What somebody waits for who asked.
#[derive(Debug)]
pub(super) enum Answer {
    Joined(Box<Entered>),
    Reply(Reply),
}

/// Somebody who waits.
pub(super) type Waiting = Box<dyn FnOnce(Answer) + Send>;

/// The log that several nodes share.
pub(super) trait Log: Send {
    /// Puts a step at the end. False: it cannot be put there now.
    fn append(&mut self, op: &Op) -> bool;
    /// The next thing that is known of the log. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Entry> + Send;
    /// This node's name in it.
    fn node(&self) -> NodeId;
    /// Stores the state for nodes that come later.
    fn keep(&mut self, at: Position, snapshot: String);
    /// Waits until what was put into it has arrived, or cannot.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}

/// A place in the log: milliseconds since the epoch, and a number among those of the same one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) ms: u64,
    pub(super) seq: u64,
}

/// What is read from the log.
pub(super) enum Entry {
    /// What is the state, and up to where?
    Ask(oneshot::Sender<(Position, String)>),
    /// Everything up to here: what this node knew before does not count.
    State(Position, Box<State>),
    /// One step.
    Step(Position, NodeId, Op),
    /// A step of this node was not taken down.
    Lost(Op),
    /// The log can be reached, or cannot.
    Reachable(bool),
}

/// No log: the state has one node.
pub(super) struct Alone;

/// What the task owns.
pub(super) struct Hub<L> {
    state: State,
    log: L,
    alone: bool,
    node: NodeId,
    origin: Instant,
    outlets: HashMap<ConnId, Outlet>,
    waiting: HashMap<Ticket, Waiting>,
    rates: HashMap<Key, Bucket>,
    pace: Pace,
    metrics: Arc<Metrics>,
    /// How far the log was read.
    at: Position,
    /// Steps since the last snapshot.
    since: usize,
    /// Connections that ended while the log could not be reached.
    owed: Vec<ConnId>,
    /// Whether clients are let in.
    reachable: Arc<AtomicBool>,
    watcher: Option<Watcher>,
}

/// Messages a second of one client; 0 for as many as it likes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) per_second: u32,
    pub(super) burst: u32,
}

impl Log for Alone {
    fn append(&mut self, _: &Op) -> bool {
        false
    }

    async fn next(&mut self) -> Entry {
        std::future::pending().await
    }

    fn node(&self) -> NodeId {
        NodeId(0)
    }

    fn keep(&mut self, _: Position, _: String) {}

    async fn finish(&mut self) {}
}

impl<L: Log> Hub<L> {
    /// One node of several. `reachable` says whether the log can be reached.
    pub(super) fn new(
        rules: Rules,
        pace: Pace,
        metrics: Arc<Metrics>,
        log: L,
        reachable: Arc<AtomicBool>,
    ) -> Self {
        Self {
            state: State::new(rules),
            node: log.node(),
            alone: log.node() == NodeId(0),
            log,
            origin: Instant::now(),
            outlets: HashMap::new(),
            waiting: HashMap::new(),
            rates: HashMap::new(),
            pace,
            metrics,
            at: Position::default(),
            since: 0,
            owed: Vec::new(),
            reachable,
            watcher: None,
        }
    }

    /// Runs until it is told to shut down, or nobody can reach it any more.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Input>) {
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let timeout = self.timeout();
            tokio::select! {
                input = mailbox.recv() => match input {
                    Some(input) => if let Some(done) = self.handle_all(input, &mut mailbox) {
                        return self.shut_down(mailbox, done).await;
                    },
                    None => return,
                },
                entry = self.log.next() => self.read(entry),
                () = sleep_until(timeout.unwrap_or_else(Instant::now).into()), if timeout.is_some() => {
                    let now = self.origin.elapsed();
                    let effects = self.state.handle_timeout(now);
                    self.perform(effects, None);
                }
                _ = sweep.tick() => self.sweep(),
            }
            self.report();
        }
    }

    /// Takes what is there, up to a shutdown.
    fn handle_all(
        &mut self,
        first: Input,
        mailbox: &mut mpsc::Receiver<Input>,
    ) -> Option<oneshot::Sender<()>> {
        let mut next = Some(first);
        let mut handled = 0;
        while let Some(input) = next {
            if let Input::Shutdown(done) = input {
                return Some(done);
            }
            self.handle(input);
            handled += 1;
            next = if handled < BATCH {
                mailbox.try_recv().ok()
            } else {
                None
            };
        }
        None
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Step(op, waiting) => self.step(op, waiting),
            Input::Open(conn, outlet) => drop(self.outlets.insert(conn, outlet)),
            Input::Closed(conn) => {
                self.outlets.remove(&conn);
                self.step(Op::Lost { conn }, None);
            }
            Input::Watch(to) => self.watcher = Some(Watcher::new(to)),
            // Who asked may have gone.
            Input::Connections(room, to) => drop(to.send(self.state.connections(&room))),
            Input::Sizes(to) => drop(to.send(self.state.sizes())),
            Input::Shutdown(_) => {}
        }
    }

    fn step(&mut self, op: Op, waiting: Option<(Ticket, Waiting)>) {
        if let Some((ticket, waiting)) = waiting {
            self.waiting.insert(ticket, waiting);
        }
        if let Op::Say { by, to, .. } = &op
            && !self.in_pace(by)
        {
            let to = to.clone();
            return self.refuse(to, Code::TooFast);
        }
        if self.alone {
            let applied = self.state.apply(self.origin.elapsed(), self.node, op);
            self.applied(applied, true);
        } else if !self.log.append(&op) {
            self.lost(op);
        }
    }

    fn read(&mut self, entry: Entry) {
        match entry {
            Entry::Step(at, node, op) => {
                self.at = at;
                let applied = self.state.apply(Duration::from_millis(at.ms), node, op);
                self.applied(applied, node == self.node);
                self.keep();
            }
            Entry::Lost(op) => self.lost(op),
            Entry::Reachable(reachable) => self.reachable(reachable),
            // Who asked may have gone.
            Entry::Ask(to) => drop(to.send((self.at, self.state.snapshot()))),
            Entry::State(at, state) => self.begin(at, *state),
        }
    }

    /// Goes on from another node's state. Connections that it does not know must join again.
    fn begin(&mut self, at: Position, state: State) {
        self.state = state;
        self.at = at;
        if let Some(watcher) = &mut self.watcher {
            watcher.begin();
        }
        let unknown: Vec<ConnId> = self
            .outlets
            .keys()
            .filter(|conn| {
                self.state
                    .speaker(self.node, &Speaker::Conn(**conn))
                    .is_none()
            })
            .copied()
            .collect();
        for conn in unknown {
            self.part(conn, Code::Restart);
        }
        // And those that ended in the meantime must be told of.
        let here = self.state.conns_at(self.node);
        let gone = here
            .into_iter()
            .filter(|conn| !self.outlets.contains_key(conn));
        self.owed.extend(gone);
        for (_, waiting) in self.waiting.drain() {
            waiting(Answer::Reply(Reply::refused(
                Code::Busy,
                texts::of(Code::Busy),
            )));
        }
    }

    /// The first node stores a snapshot every so many steps.
    fn keep(&mut self) {
        self.since += 1;
        if self.since >= SNAPSHOT && self.state.first_node() == Some(self.node) {
            self.log.keep(self.at, self.state.snapshot());
        }
        if self.since >= SNAPSHOT {
            self.since = 0;
        }
    }

    fn applied(&mut self, applied: Applied, ours: bool) {
        if ours {
            self.metrics.count(applied.outcome, applied.missed);
        }
        let to_one = matches!(applied.outcome, Outcome::ToOne(_)) && ours;
        self.perform(applied.effects, to_one.then_some(self.node));
    }

    /// A step could not be put into the log: its client may try again.
    fn lost(&mut self, op: Op) {
        let to = match op {
            Op::Say { to, .. } | Op::Leave { to, .. } | Op::Register { to, .. } => to,
            Op::Attach { to, .. } => to,
            Op::Join(entrance) | Op::Bridge(entrance) => entrance.to,
            Op::Lost { conn } => return self.owed.push(conn),
            _ => return,
        };
        self.refuse(to, Code::Busy);
    }

    fn refuse(&mut self, to: ReplyTo, code: Code) {
        self.metrics.refused(code);
        self.answer(to, Reply::refused(code, texts::of(code)));
    }

    fn in_pace(&mut self, by: &Speaker) -> bool {
        let Pace { per_second, burst } = self.pace;
        if per_second == 0 {
            return true;
        }
        // Who has no session is told so by the state.
        let Some(key) = self.state.speaker(self.node, by) else {
            return true;
        };
        let now = Instant::now();
        let bucket = self
            .rates
            .entry(key)
            .or_insert_with(|| Bucket::new(now, burst));
        bucket.take(now, per_second, burst)
    }

    /// Forgets the rates of those who have been silent for long enough to begin anew.
    fn sweep(&mut self) {
        let Pace { per_second, burst } = self.pace;
        let now = Instant::now();
        self.rates
            .retain(|_, bucket| !bucket.is_full(now, per_second, burst));
        if self.rates.capacity() > 4 * self.rates.len() + 64 {
            self.rates.shrink_to_fit();
        }
    }

    /// When the state has to be woken; with a log, the log's own time does that.
    fn timeout(&self) -> Option<Instant> {
        let deadline = self.alone.then(|| self.state.poll_timeout()).flatten()?;
        Some(self.origin + deadline)
    }

    /// While the log cannot be reached, connections stay open: who is in a call needs nothing.
    fn reachable(&mut self, reachable: bool) {
        tracing::info!(reachable, "the log that the nodes share");
        self.reachable.store(reachable, Ordering::Relaxed);
        if reachable {
            for conn in std::mem::take(&mut self.owed) {
                self.step(Op::Lost { conn }, None);
            }
        }
    }

    async fn shut_down(mut self, mut mailbox: mpsc::Receiver<Input>, done: oneshot::Sender<()>) {
        mailbox.close();
        if !self.alone {
            self.log.append(&Op::NodeLeaves);
        }
        let outlets = std::mem::take(&mut self.outlets);
        for (_, outlet) in outlets {
            outlet.part(Code::Restart);
            self.metrics.refused(Code::Restart);
        }
        self.log.finish().await;
        // Who asked may have gone.
        let _ = done.send(());
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ms, seq) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self {
            ms: number(ms)?,
            seq: number(seq)?,
        })
    }
}

/// Inputs that are taken before the log and the time are looked at again.
const BATCH: usize = 64;

/// Steps between two snapshots. A node that comes later reads no more of the log than some of these.
const SNAPSHOT: usize = 1000;

/// How often rates are looked through.
const SWEEP: Duration = Duration::from_secs(10);
