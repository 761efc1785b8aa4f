//! The agent: the facade over its parts, and the only writer of what goes out.

mod answer;
mod failover;
mod gather;
mod learn;
mod lite;
mod progress;
mod receive;
mod relays;
mod reporting;
mod restart;
mod streams;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_candidate::{Candidate, TcpType, Transport};
use ieum_pairing::Role;
use ieum_stun::{FiveTuple, Transmit};

use crate::answering::Answering;
use crate::candidates::{COMPONENT, Locals, Path, Remotes};
use crate::checks::Checks;
use crate::credentials::{Generation, Sessions};
use crate::disguise::Disguise;
use crate::gathering::Gathering;
use crate::history::History;
use crate::nomination::Nomination;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::relays::Relays;
use crate::streams::Streams;
use crate::timers::Timers;
use crate::{
    Base, Config, Counters, Credentials, Event, GatheringState, Options, Reason, SelectedPair,
    State,
};

/// An ICE agent for one component. See the [crate](crate) for its contracts.
pub struct Agent {
    config: Config,
    role: Role,
    tie_breaker: u64,
    state: State,
    /// Since when there are the peer's credentials and no valid pair.
    checking_since: Option<Instant>,
    random: Random,
    sessions: Sessions,
    locals: Locals,
    /// Candidates from this id on were found while a restart was prepared.
    told_before: u32,
    remotes: Remotes,
    gathering: Gathering,
    relays: Relays,
    streams: Streams,
    checks: Checks,
    answering: Answering,
    nomination: Nomination,
    timers: Timers,
    outbox: Outbox,
    counters: Counters,
    history: History,
    disguise: Disguise,
    remote_options: Options,
    /// Where a message is built before it is queued.
    scratch: Vec<u8>,
}

impl Agent {
    /// An agent that has its credentials and does nothing yet.
    pub fn new(config: Config) -> Self {
        let mut random = Random::new(config.seed);
        let ta = Options::agreed_pacing(config.timing.ta, Options::default());
        Agent {
            role: config.role,
            tie_breaker: random.tie_breaker(),
            state: State::New,
            checking_since: None,
            sessions: Sessions::new(random.credentials()),
            random,
            locals: Locals::default(),
            told_before: 0,
            remotes: Remotes::default(),
            gathering: Gathering::new(),
            relays: Relays::default(),
            streams: Streams::default(),
            checks: Checks::new(config.role, config.limits.pairs, ta),
            answering: Answering::default(),
            nomination: Nomination::default(),
            timers: Timers::default(),
            outbox: Outbox::new(config.limits.queued_messages),
            counters: Counters::default(),
            history: History::default(),
            disguise: Disguise::default(),
            remote_options: Options::default(),
            scratch: Vec::new(),
            config,
        }
    }

    /// What the peer needs to check us: goes into the description. Of the session in force, also while a
    /// [restart is prepared](Self::prepare_restart).
    pub fn local_credentials(&self) -> &Credentials {
        &self.sessions.current().local
    }

    /// The user name fragments of the checks that this agent answers: of the session in force, of a restart that is
    /// [prepared](Self::prepare_restart), and of the session before, as long as it is in use.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> + Clone {
        self.sessions.local_ufrags()
    }

    /// What the peer gave us; `None` before it has, and after a [`restart`](Self::restart).
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        self.sessions
            .current()
            .remote()
            .map(|remote| &remote.credentials)
    }

    /// Who nominates.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The state of the connection.
    pub fn state(&self) -> State {
        self.state
    }

    /// How far gathering is.
    pub fn gathering_state(&self) -> GatheringState {
        self.gathering.state
    }

    /// The pair that application data goes over, if there is one.
    pub fn selected_pair(&self) -> Option<&SelectedPair> {
        self.nomination
            .selected
            .as_ref()
            .map(|selected| &selected.described)
    }

    /// The shortest of the last round trips that were measured on the selected pair, by its checks; `None` where none was.
    pub fn least_round_trip(&self) -> Option<Duration> {
        let selected = self.nomination.selected.as_ref()?;
        let is_current = selected.is(selected.pair);
        let facts = self.checks.facts(selected.pair).filter(|_| is_current)?;
        facts.round_trips.iter().min().copied()
    }

    /// The candidates found so far that the peer was (or is to be) told.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.locals.iter().map(|local| &local.candidate)
    }

    /// The peer's candidates: those we were told (names too) and those that its checks came from.
    pub fn remote_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.remotes.iter()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Does what is due at `now`. Calling it too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.relays.handle_timeout(now);
        self.take_relay_events(now);
        self.reconnect_relays(now);
        self.expire_streams(now);
        if self.is_over() {
            return;
        }
        self.repeat_questions(now);
        self.repeat_checks(now);
        self.keep_consent(now);
        self.advance(now);
    }

    /// Sets the role. The application knows it from the descriptions: the offerer controls, and so does whoever talks
    /// to an ICE-lite peer (RFC 8445 §6.1.1).
    pub fn set_role(&mut self, now: Instant, role: Role) {
        if role != self.role {
            self.change_role(role);
            self.advance(now);
        }
    }

    /// Tells that nothing can be sent from this base any more (its interface is gone).
    pub fn fail_base(&mut self, now: Instant, base: impl Into<Base>) {
        let base = base.into();
        self.gathering.remove_base(base);
        let path = match base {
            Base::Udp(local) | Base::UdpShared(local) | Base::UdpToRelays(local) => {
                self.remove_relays_of(local);
                Path::Direct(local)
            }
            Base::TcpActive(_) | Base::TcpPassive(_) => Path::Stream(base.address()),
        };
        self.remove_path(path);
        self.advance(now);
    }

    /// Tells the peer's credentials, from its description. Other ones than before begin a new session; where the
    /// peer's restart makes us restart too, call [`restart`](Self::restart) before this.
    pub fn set_remote_credentials(&mut self, now: Instant, credentials: Credentials) {
        if self.state == State::Closed || self.remote_credentials() == Some(&credentials) {
            return;
        }
        if self.sessions.is_restart(&credentials) {
            self.sessions.remote_restarts(self.is_session_in_use());
            self.begin_session();
        }
        let ufrag = credentials.ufrag.clone();
        self.sessions.set_remote(credentials);
        self.checking_since = Some(now);
        for candidate in self.remotes.take_held() {
            self.learn_signaled(now, candidate);
        }
        for heard in self.answering.take_early(&ufrag) {
            self.act_on(now, heard);
        }
        self.advance(now);
    }

    /// Tells a candidate of the peer; may come before its credentials. What cannot be used is counted in
    /// [`counters`](Self::counters): [`Reason::UnusableCandidate`], [`Reason::StaleCandidate`], [`Reason::Limit`].
    /// A candidate with a name waits for its address: [`Event::ResolveName`]. An active TCP candidate is kept for the
    /// record, and checks us. Simultaneous open (RFC 6544 §4.5, `so`) is not supported.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: Candidate) {
        if self.state == State::Closed {
            return self.counters.ignore(Reason::Closed);
        }
        if candidate.component != COMPONENT || candidate.transport == SIMULTANEOUS_OPEN {
            return self.counters.ignore(Reason::UnusableCandidate);
        }
        if self.remote_credentials().is_some() {
            self.learn_signaled(now, candidate);
            self.advance(now);
        } else if let Err(reason) = self.remotes.hold(candidate, &self.config.limits) {
            self.counters.ignore(reason);
        }
    }

    /// Tells that the peer has no more candidates (RFC 8838 §14).
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        self.remotes.ended = true;
        self.advance(now);
    }

    /// Closes: nothing is sent to the peer any more, and relays are given back. Go on polling until
    /// [`poll_timeout`](Self::poll_timeout) is `None` to have that done reliably.
    pub fn close(&mut self, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        self.outbox.forget_messages();
        self.gathering.give_up();
        self.stop();
        self.sessions.cancel();
        self.set_state(State::Closed);
        self.tidy_streams();
        for relay in self.relays.ids() {
            self.relays.close(now, relay);
        }
        self.take_relay_events(now);
    }

    /// How many bytes to leave free before each datagram given to [`send`](Self::send): 0 on a direct pair, 4 on a
    /// relayed one. (What goes before a message on a TCP connection is up to whoever writes it there, by the
    /// [`Framing`](crate::framing::Framing) of that connection.) `None` where there is no pair to send on.
    pub fn headroom(&self) -> Option<usize> {
        self.nomination
            .selected
            .as_ref()
            .map(|selected| match selected.path {
                Path::Direct(_) | Path::Stream(_) => 0,
                Path::Relay(_) => ieum_turn::HEADROOM,
            })
    }

    /// Addresses application data to the selected pair.
    ///
    /// `batch` is one datagram, or with `segment_size: Some(n)` several of `n` bytes each (the last may be shorter).
    /// Each begins with [`headroom`](Self::headroom) free bytes, which count in `n`: the relay's header is written
    /// there in place. The caller then sends `batch` as the transmit says. `None`: there is no pair, or the batch has no headroom.
    pub fn send(&mut self, batch: &mut [u8], segment_size: Option<usize>) -> Option<Transmit> {
        let selected = self.nomination.selected.as_ref()?;
        if let Path::Relay(id) = selected.path {
            let segment = segment_size.unwrap_or(batch.len());
            if !self.relays.wrap(id, selected.remote, batch, segment) {
                return None;
            }
        }
        if selected.generation == Generation::Current {
            let segment = segment_size.unwrap_or(batch.len()).max(1);
            let packets = batch.len().div_ceil(segment);
            let headroom = packets * self.headroom().unwrap_or_default();
            let data = &mut self.checks.facts_mut(selected.pair).data;
            data.packets_sent += packets as u64;
            data.bytes_sent += batch.len().saturating_sub(headroom) as u64;
        }
        Some(Transmit {
            five_tuple: selected.way,
            len: batch.len(),
            segment_size,
        })
    }

    /// The next message to send: appended to `buf`, and described by what is returned. `None`: nothing to send now.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.outbox
            .pop(buf)
            .or_else(|| self.relays.poll_transmit(now, buf))
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.next_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers
            .next()
            .into_iter()
            .chain(self.relays.poll_timeout())
            .chain(self.streams.poll_timeout())
            .min()
    }

    /// Closed, or failed: the peer is not listened to any more.
    fn is_over(&self) -> bool {
        matches!(self.state, State::Closed | State::Failed)
    }

    fn is_session_in_use(&self) -> bool {
        self.nomination
            .selected
            .as_ref()
            .is_some_and(|selected| selected.generation == Generation::Current)
    }

    /// Stops everything but the relays.
    fn stop(&mut self) {
        self.checks.clear();
        self.answering.forget_early();
        self.nomination = Nomination::default();
        self.timers = Timers::default();
        self.checking_since = None;
        self.tidy_streams();
    }

    /// Where a datagram on this path goes: to the peer, or to the relay.
    fn way(&self, path: Path, remote: SocketAddr) -> Option<FiveTuple> {
        match path {
            Path::Direct(base) => Some(FiveTuple::udp(base, remote)),
            Path::Stream(_) => self.streams.between(path, remote)?.way,
            Path::Relay(id) => self.relays.get(id).map(|relay| relay.client.server()),
        }
    }

    /// Queues a message of ours to the peer.
    fn send_to_peer(&mut self, path: Path, remote: SocketAddr, build: impl FnOnce(&mut Vec<u8>)) {
        let Some(way) = self.way(path, remote) else {
            return;
        };
        self.scratch.clear();
        if let Path::Relay(id) = path {
            self.scratch.resize(ieum_turn::HEADROOM, 0);
            build(&mut self.scratch);
            let len = self.scratch.len();
            if !self.relays.wrap(id, remote, &mut self.scratch, len) {
                self.counters.unsent += 1;
                return;
            }
        } else {
            build(&mut self.scratch);
        }
        if !self.outbox.push(way, &self.scratch) {
            self.counters.unsent += 1;
        }
    }
}

const SIMULTANEOUS_OPEN: Transport = Transport::Tcp(TcpType::SimultaneousOpen);

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("gathering", &self.gathering.state)
            .field("ufrag", &self.local_credentials().ufrag)
            .field("selected", &self.selected_pair())
            .finish_non_exhaustive()
    }
}
