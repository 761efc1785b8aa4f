//! What has happened so far, put in order: the six steps, the candidates, the pair, the failures.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use ieum_candidate::{Candidate, Kind, OwnedAddress, Transport};

use crate::entry::{StepLine, clean};
use crate::{Counts, Entry, Machine, Pair, Side, Source, Step, What};

/// Everything that is known of one connection's set-up at one moment.
///
/// Of the entries and failures the newest are kept, up to a bound; steps and counts are complete. Displays as several
/// lines for a terminal.
#[derive(Clone, Debug)]
pub struct Timeline {
    started: Instant,
    steps: [Option<Done>; 6],
    local: Counts,
    remote: Counts,
    redundant: Counts,
    remote_gathered: bool,
    told: HashSet<Told>,
    chosen: Option<Pair>,
    dtls: Option<String>,
    connection_state: Option<String>,
    failures: VecDeque<String>,
    failures_dropped: u64,
    entries: VecDeque<Entry>,
    entries_dropped: u64,
    ended: bool,
}

/// What makes a remote candidate the same as one told before.
type Told = (Kind, Transport, OwnedAddress, u16);

/// A step that is done: when, and what is worth knowing about it.
#[derive(Clone, Debug)]
struct Done {
    at: Duration,
    detail: String,
}

impl Timeline {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            steps: [const { None }; 6],
            local: Counts::default(),
            remote: Counts::default(),
            redundant: Counts::default(),
            remote_gathered: false,
            told: HashSet::new(),
            chosen: None,
            dtls: None,
            connection_state: None,
            failures: VecDeque::new(),
            failures_dropped: 0,
            entries: VecDeque::new(),
            entries_dropped: 0,
            ended: false,
        }
    }

    /// When the step was first done, since the recording began; `None` while it is not.
    #[must_use]
    pub fn step(&self, step: Step) -> Option<Duration> {
        self.steps[step as usize].as_ref().map(|done| done.at)
    }

    /// The first step that is missing on the way to an open channel; `None` when the channel has opened.
    ///
    /// One local candidate is enough to go on: gathering may end after everything else.
    #[must_use]
    pub fn missing(&self) -> Option<Step> {
        if self.step(Step::Open).is_some() {
            return None;
        }
        let done = |step| match step {
            Step::Gathered => self.local.total() > 0 || self.step(Step::Gathered).is_some(),
            step => self.step(step).is_some(),
        };
        Step::ALL.into_iter().find(|step| !done(*step))
    }

    /// This side's candidates, without the redundant ones.
    #[must_use]
    pub fn local(&self) -> Counts {
        self.local
    }

    /// The remote peer's candidates: those that it sent, and those that its checks revealed. One that came both in a
    /// description and by itself counts once.
    #[must_use]
    pub fn remote(&self) -> Counts {
        self.remote
    }

    /// This side's candidates that added nothing to one already there (RFC 8445 §5.1.3): a reflexive one equals
    /// its base where no NAT is between.
    #[must_use]
    pub fn redundant(&self) -> Counts {
        self.redundant
    }

    /// Whether the remote peer has told that it has no more candidates.
    #[must_use]
    pub fn is_remote_gathered(&self) -> bool {
        self.remote_gathered
    }

    /// The pair that data goes over: the last one chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Pair> {
        self.chosen.as_ref()
    }

    /// The connection state, in the W3C's word, where it has changed at least once.
    #[must_use]
    pub fn connection_state(&self) -> Option<&str> {
        self.connection_state.as_deref()
    }

    /// What went wrong, oldest first; the newest 32 are kept.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(String::as_str)
    }

    /// How many older failures were dropped to keep memory bounded.
    #[must_use]
    pub fn failures_dropped(&self) -> u64 {
        self.failures_dropped
    }

    /// The entries from number `from` on, each with its number; numbers begin at 0 and never repeat. The newest 256
    /// entries are kept, so a reader that comes late misses the oldest.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let skip = from.saturating_sub(self.entries_dropped);
        let first = self.entries_dropped.max(from);
        (first..).zip(
            self.entries
                .iter()
                .skip(usize::try_from(skip).unwrap_or(usize::MAX)),
        )
    }

    /// Whether the connection is closed and nothing more will be recorded.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The candidates of both sides, as two lines for a terminal.
    #[must_use]
    pub fn candidates(&self) -> String {
        let local = WithRedundant(self.local, self.redundant);
        format!(
            "candidates  local  {local}\ncandidates  remote  {}",
            self.remote
        )
    }

    pub(crate) fn candidate(&mut self, now: Instant, side: Side, candidate: &Candidate) {
        match side {
            Side::Local => self.local.add(candidate.kind),
            Side::Remote if self.told_before(candidate) => return,
            Side::Remote => self.remote.add(candidate.kind),
        }
        self.push(
            now,
            What::Candidate {
                side,
                candidate: candidate.clone(),
            },
        );
        if self.local.total() > 0 && self.remote.total() > 0 {
            self.finish(now, Step::Exchanged, String::new());
        }
    }

    pub(crate) fn redundant_candidate(&mut self, now: Instant, kind: Kind) {
        self.redundant.add(kind);
        self.push(now, What::Redundant { kind });
    }

    pub(crate) fn gathered(&mut self, now: Instant) {
        let detail = WithRedundant(self.local, self.redundant).to_string();
        self.finish(now, Step::Gathered, detail);
    }

    pub(crate) fn remote_gathered(&mut self) {
        self.remote_gathered = true;
    }

    pub(crate) fn pair(&mut self, now: Instant, pair: Pair) {
        // A peer whose candidates never came by signaling is known by its checks alone.
        self.finish(now, Step::Exchanged, String::new());
        if self.chosen.as_ref() == Some(&pair) {
            return;
        }
        if self.step(Step::Chosen).is_some() {
            self.push(now, What::Pair(pair.clone()));
        } else {
            self.finish(now, Step::Chosen, pair.to_string());
        }
        self.chosen = Some(pair);
    }

    pub(crate) fn dtls(&mut self, version: &str) {
        self.dtls = Some(clean(version));
    }

    pub(crate) fn channel_open(&mut self, now: Instant, label: &str) {
        let label = clean(label);
        let detail = self.dtls.clone().unwrap_or_default();
        self.finish(now, Step::Open, detail);
        self.push(now, What::ChannelOpen { label });
    }

    pub(crate) fn channel_closed(&mut self, now: Instant, label: &str) {
        self.push(
            now,
            What::ChannelClosed {
                label: clean(label),
            },
        );
    }

    pub(crate) fn state(&mut self, now: Instant, of: Machine, state: &str) {
        if of == Machine::Connection {
            self.connection_state = Some(state.to_owned());
        }
        self.push(
            now,
            What::State {
                of,
                state: state.to_owned(),
            },
        );
    }

    pub(crate) fn failure(&mut self, now: Instant, text: &str) {
        let text = clean(text);
        if self.failures.len() == MOST_FAILURES {
            self.failures.pop_front();
            self.failures_dropped += 1;
        }
        self.failures.push_back(text.clone());
        self.push(now, What::Failure(text));
    }

    /// Before a pair was chosen no check went through; after, the pair died.
    pub(crate) fn ice_failed(&mut self, now: Instant) {
        let text = match &self.chosen {
            Some(pair) => format!("ICE failed: no sign of life on the chosen pair, {pair}"),
            None if self.remote.total() == 0 => {
                "ICE failed: no candidate of the remote peer is known".to_owned()
            }
            None => format!(
                "ICE failed: no pair works (candidates: {} here, {} there)",
                self.local, self.remote
            ),
        };
        self.failure(now, &text);
    }

    pub(crate) fn note(&mut self, now: Instant, source: Source, text: &str) {
        self.push(
            now,
            What::Note {
                source,
                text: clean(text),
            },
        );
    }

    pub(crate) fn end(&mut self, now: Instant) {
        if !self.ended {
            self.push(now, What::Ended);
            self.ended = true;
        }
    }

    /// The first time counts: a renegotiation does the steps again, and is not set-up.
    pub(crate) fn finish(&mut self, now: Instant, step: Step, detail: String) {
        if self.step(step).is_none() {
            let at = self.since(now);
            self.steps[step as usize] = Some(Done {
                at,
                detail: detail.clone(),
            });
            self.push(now, What::Step { step, detail });
        }
    }

    /// Beyond a bound nothing more is remembered, and what comes twice counts twice.
    fn told_before(&mut self, candidate: &Candidate) -> bool {
        let Candidate {
            kind,
            transport,
            address,
            port,
            ..
        } = candidate;
        let told = (*kind, *transport, address.clone(), *port);
        if self.told.len() < MOST_TOLD {
            !self.told.insert(told)
        } else {
            self.told.contains(&told)
        }
    }

    fn push(&mut self, now: Instant, what: What) {
        if self.entries.len() == MOST_ENTRIES {
            self.entries.pop_front();
            self.entries_dropped += 1;
        }
        let at = self.since(now);
        self.entries.push_back(Entry { at, what });
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

/// The six steps with their times, the candidates of both sides, the chosen pair, the failures.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in Step::ALL {
            match &self.steps[step as usize] {
                Some(Done { at, detail }) => writeln!(
                    f,
                    "{}",
                    StepLine {
                        step,
                        at: *at,
                        // The pair has a line of its own: a better one may have been chosen since.
                        detail: if step == Step::Chosen { "" } else { detail },
                    }
                )?,
                None => writeln!(f, "{step}  not done")?,
            }
        }
        f.write_str(&self.candidates())?;
        if let Some(pair) = &self.chosen {
            write!(f, "\npair  {pair}")?;
        }
        if self.failures_dropped > 0 {
            write!(
                f,
                "\nfailure  ({} older ones dropped)",
                self.failures_dropped
            )?;
        }
        self.failures
            .iter()
            .try_for_each(|failure| write!(f, "\nfailure  {failure}"))
    }
}

/// `2 host, 1 relay (redundant: 1 srflx)`.
struct WithRedundant(Counts, Counts);

impl fmt::Display for WithRedundant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.total() {
            0 => write!(f, "{}", self.0),
            _ => write!(f, "{} (redundant: {})", self.0, self.1),
        }
    }
}

/// Set-up makes about a hundred entries with twenty candidates on each side.
const MOST_ENTRIES: usize = 256;

/// More than an agent takes from its peer.
const MOST_TOLD: usize = 256;

/// One line for each server and each local address is already more than a person reads.
const MOST_FAILURES: usize = 32;
