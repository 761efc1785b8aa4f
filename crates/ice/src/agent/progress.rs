//! What the agent does by itself: checks, nomination, consent, state, timers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_pairing::{PairId, Role};
use ieum_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId, code};

use super::Agent;
use crate::candidates::{Path, check_priority};
use crate::checks::{Check, Due};
use crate::consent::Consent;
use crate::credentials::Generation;
use crate::nomination::Selected;
use crate::timers::Timer;
use crate::{Event, GatheringState, Kind, PairError, SelectedPair, State};

impl Agent {
    /// Does all that can be done now. Called after every input.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        self.start_checks(now);
        self.select(now);
        self.nominate(now);
        self.judge(now);
        self.history
            .note(&mut self.checks, &self.locals, &self.remotes);
        self.tidy_streams();
        self.arm(now);
    }

    pub(super) fn start_checks(&mut self, now: Instant) {
        if self.remote_credentials().is_none() || self.config.lite {
            return;
        }
        while let Some(pair) = self.checks.next(now, self.is_searching()) {
            self.begin_check(now, pair, false);
        }
    }

    /// Once a pair is nominated, only what the peer asks for is checked; unless that pair is silent, or another one
    /// may be nominated.
    fn is_searching(&self) -> bool {
        !self.nomination.is_nominated() || self.state == State::Disconnected || self.renominates()
    }

    fn begin_check(&mut self, now: Instant, pair: PairId, nominates: bool) {
        let id = self.random.transaction_id();
        let (role, timing) = (self.role, &self.config.timing);
        let check = self.checks.begin(now, id, pair, role, nominates, timing);
        let local = self.locals.get(pair.local);
        match local.is_some_and(|local| local.path.is_stream()) {
            true => self.check_on_stream(now, pair),
            false => self.send_check(&check),
        }
    }

    /// Sends a check, or sends it again: RFC 8445 §7.2.2.
    pub(super) fn send_check(&mut self, check: &Check) {
        let (Some(local), Some(remote)) = (
            self.locals.get(check.pair.local),
            self.remotes.get(check.pair.remote),
        ) else {
            return;
        };
        let Some(address) = remote.address else {
            return;
        };
        self.counters.checks_sent += 1;
        let request = Request {
            id: check.id,
            role: check.role,
            nominates: check.nominates,
            number: self.renominates().then_some(self.nomination.count),
        };
        self.send_request(Generation::Current, local.path, address, request);
    }

    fn send_request(
        &mut self,
        generation: Generation,
        path: Path,
        address: SocketAddr,
        request: Request,
    ) {
        let Some(peer) = self
            .sessions
            .get(generation)
            .and_then(|session| session.remote())
            .cloned()
        else {
            return;
        };
        let Some(local) = self.locals.on_path(path) else {
            return;
        };
        let (priority, tie_breaker) = (check_priority(&local.candidate), self.tie_breaker);
        self.send_to_peer(path, address, |buf| {
            let mut message = MessageBuilder::new(buf, Class::Request, Method::BINDING, request.id);
            message.username(&peer.username).priority(priority);
            match request.role {
                Role::Controlling => message.ice_controlling(tie_breaker),
                Role::Controlled => message.ice_controlled(tie_breaker),
            };
            if request.nominates {
                message.use_candidate();
                if let Some(number) = request.number {
                    message.raw(NOMINATION, &number.to_be_bytes());
                }
            }
            message.integrity(&peer.key).fingerprint();
        });
    }

    pub(super) fn repeat_checks(&mut self, now: Instant) {
        while let Some(due) = self.checks.next_due(now, &self.config.timing) {
            match due {
                Due::Resend(check) => self.send_check(&check),
                Due::GaveUp(check) => self.fail_pair(now, check.pair, PairError::NoAnswer),
            }
        }
    }

    /// RFC 8445 §7.2.5.3.
    pub(super) fn check_succeeded(&mut self, now: Instant, check: &Check, answer: &Message<'_>) {
        self.counters.checks_succeeded += 1;
        self.checks.succeed(now, check, answer.xor_mapped_address());
        self.nomination.valid(now);
        self.come_back(now, check.pair);
        let wanted = self
            .checks
            .facts(check.pair)
            .is_some_and(|facts| facts.wanted);
        let ours = check.nominates && self.role == Role::Controlling;
        if ours || (wanted && self.role == Role::Controlled) {
            self.nominated(now, check.pair);
        }
    }

    /// RFC 8445 §7.2.5.1 and §7.2.5.2.4.
    pub(super) fn check_refused(&mut self, now: Instant, check: &Check, answer: &Message<'_>) {
        self.checks.remove(check.id);
        let refused = answer.error_code().map_or(0, |error| error.code);
        if refused != code::ROLE_CONFLICT {
            return self.fail_pair(now, check.pair, PairError::Refused(refused));
        }
        self.counters.role_conflicts += 1;
        // Another answer may have changed it already.
        if self.role == check.role {
            self.change_role(self.role.other());
            self.outbox.tell(Event::RoleChanged(self.role));
            // "The agent MUST change the tie-breaker value."
            self.tie_breaker = self.random.tie_breaker();
        }
        self.checks.list.trigger(check.pair);
    }

    pub(super) fn change_role(&mut self, role: Role) {
        self.role = role;
        self.checks.list.set_role(role);
        self.nomination.forget();
    }

    pub(super) fn fail_pair(&mut self, now: Instant, pair: PairId, error: PairError) {
        self.checks.list.fail(pair);
        self.checks.facts_mut(pair).error = Some(error);
        if self.nomination.nominating == Some(pair) {
            self.nomination.nominating = None;
        }
        if self
            .nomination
            .selected
            .as_ref()
            .is_some_and(|selected| selected.is(pair) && self.state != State::Disconnected)
        {
            self.nomination.selected = None;
        }
        self.select(now);
    }

    /// Data goes over the best valid pair until one is nominated (RFC 8445 §12.1).
    fn select(&mut self, now: Instant) {
        if self.nomination.is_nominated() {
            return;
        }
        let best = self.checks.list.succeeded().next();
        let current = self.nomination.selected.as_ref();
        if let Some(best) = best.filter(|best| !current.is_some_and(|selected| selected.is(*best)))
        {
            self.use_pair(now, best, false);
        }
    }

    /// The pair is nominated, by us or by the peer: RFC 8445 §8.1.
    pub(super) fn nominated(&mut self, now: Instant, pair: PairId) {
        self.nomination.nominating = None;
        if self.is_held(pair) {
            return;
        }
        self.use_pair(now, pair, true);
        self.checks.settle_on(pair);
        self.sessions.forget_previous();
    }

    /// Whether a pair that was nominated before stays: a peer that nominates several means the best of them, as long
    /// as it works.
    fn is_held(&self, newer: PairId) -> bool {
        let Some(selected) = self
            .nomination
            .selected
            .as_ref()
            .filter(|selected| selected.is_nominated())
        else {
            return false;
        };
        let rank = |pair: PairId| self.checks.list.pair(pair).map(|pair| pair.priority());
        selected.is(newer)
            || (!self.renominates()
                && !self.remote_options.ice2
                && self.state != State::Disconnected
                && rank(selected.pair) > rank(newer))
    }

    pub(super) fn use_pair(&mut self, now: Instant, pair: PairId, nominated: bool) {
        let Some(selected) = self.describe(now, pair, nominated) else {
            return;
        };
        self.outbox
            .tell(Event::SelectedPair(selected.described.clone()));
        self.nomination.selected = Some(selected);
    }

    fn describe(&mut self, now: Instant, pair: PairId, nominated: bool) -> Option<Selected> {
        let (local, remote) = (self.locals.get(pair.local)?, self.remotes.get(pair.remote)?);
        let (path, address) = (local.path, remote.address?);
        let facts = self.checks.facts(pair);
        let described = SelectedPair {
            local: self
                .locals
                .seen_as(pair.local, facts.and_then(|facts| facts.mapped))?,
            remote: remote.candidate.clone(),
            nominated,
        };
        let answered_at = facts.and_then(|facts| facts.answered_at).unwrap_or(now);
        let way = self.way(path, address)?;
        let mut consent = match self.nomination.selected.take() {
            Some(old) if old.is(pair) => old.consent,
            _ => Consent::new(
                answered_at,
                now + self.random.around(self.config.timing.consent_interval),
            ),
        };
        if nominated {
            // By a check of the peer, or the answer to one of ours, which has just come.
            consent.heard(now);
        }
        Some(Selected {
            pair,
            generation: Generation::Current,
            path,
            remote: address,
            way,
            described,
            consent,
        })
    }

    /// Nominates a pair when it is ours to do and time for it: RFC 8445 §8.1.1.
    fn nominate(&mut self, now: Instant) {
        if let Some(pair) = self
            .to_nominate()
            .filter(|_| self.nomination_due().is_some_and(|at| at <= now))
        {
            self.nomination.nominating = Some(pair);
            self.nomination.count += 1;
            self.begin_check(now, pair, true);
        }
    }

    /// The best valid pair, if we are to nominate one.
    fn to_nominate(&self) -> Option<PairId> {
        let ours = self.role == Role::Controlling
            && self.nomination.nominating.is_none()
            && !self.config.lite;
        let best = self.checks.list.succeeded().next()?;
        let rank = |pair: PairId| self.checks.list.pair(pair).map(|pair| pair.priority());
        let due = match &self.nomination.selected {
            Some(selected) if selected.is_nominated() => {
                self.renominates() && rank(best) > rank(selected.pair)
            }
            _ => true,
        };
        (ours && due).then_some(best)
    }

    /// When the best valid pair is nominated: at once if nothing better is being tried, else after a grace. A dear pair,
    /// over a relay or TCP, waits for all of its grace: the first direct checks may be lost at a NAT that only later ones
    /// find open, however fast this one has answered.
    fn nomination_due(&self) -> Option<Instant> {
        let best = self.to_nominate()?;
        let dear = self.is_dear(best);
        let until = self.nomination.waits_until(dear, &self.config.timing)?;
        let facts = self.checks.facts(best)?;
        if !self.checks.list.is_better_pending(best) {
            return facts.answered_at;
        }
        // Better pairs that have had twice the time that this one took are as good as dead.
        let enough = facts.round_trip().map(|time| (2 * time).max(ENOUGH));
        let given_up = enough
            .filter(|_| !dear)
            .and_then(|time| self.checks.better_have_had(best, time));
        Some(given_up.map_or(until, |at| at.min(until)))
    }

    /// Whether datagrams of this pair go through a relay, ours or the peer's, or over TCP.
    fn is_dear(&self, pair: PairId) -> bool {
        let ours = self.locals.get(pair.local);
        let theirs = self.remotes.get(pair.remote);
        ours.is_some_and(|local| !matches!(local.path, Path::Direct(_)))
            || theirs.is_some_and(|remote| remote.candidate.kind == Kind::Relayed)
    }

    /// Whether there is nothing left to find or to check, on either side.
    fn is_all_tried(&self) -> bool {
        let complete = self.gathering.state == GatheringState::Complete && self.remotes.ended;
        complete
            && !self.remotes.has_names()
            && !self.relays.is_opening()
            && self.checks.list.is_done()
    }

    /// Sends consent checks when they are due: RFC 7675 §5.1. The agent never sends them late because of the
    /// application, and never sends the same one twice.
    pub(super) fn keep_consent(&mut self, now: Instant) {
        let Some(selected) = self
            .nomination
            .selected
            .as_ref()
            .filter(|selected| selected.consent.is_check_due(now) && !self.config.lite)
        else {
            return;
        };
        let (path, address, generation) = (selected.path, selected.remote, selected.generation);
        // It says once more which pair is nominated: the peer may have gone on over another one while this was silent.
        let nominates = self.role == Role::Controlling && selected.is_nominated();
        let id = self.random.transaction_id();
        let next = now + self.random.around(self.config.timing.consent_interval);
        if let Some(selected) = &mut self.nomination.selected {
            selected.consent.sent(id, next);
            if selected.generation == Generation::Current {
                self.checks.facts_mut(selected.pair).consent_sent += 1;
            }
        }
        self.counters.consent_sent += 1;
        self.send_request(
            generation,
            path,
            address,
            Request {
                id,
                role: self.role,
                nominates,
                number: self.renominates().then_some(self.nomination.count),
            },
        );
    }

    pub(super) fn consent_answered(&mut self, now: Instant, id: TransactionId) {
        self.counters.consent_answered += 1;
        if let Some(selected) = &mut self.nomination.selected {
            selected.consent.answered(now, id);
        }
    }

    /// Works out the state.
    fn judge(&mut self, now: Instant) {
        let timing = &self.config.timing;
        let state = match &self.nomination.selected {
            Some(selected) if now >= selected.consent.expires(timing) => {
                return self.lose_consent();
            }
            Some(selected) if now >= selected.consent.silent_at(timing) => State::Disconnected,
            Some(selected) if selected.is_nominated() && self.is_complete() => State::Completed,
            Some(_) => State::Connected,
            None => match self.checking_since {
                None => State::New,
                Some(since) if now >= self.gives_up_at(since) => State::Failed,
                Some(_) => State::Checking,
            },
        };
        let before = self.state;
        self.set_state(state);
        if state == State::Disconnected && before != state {
            self.fail_over(now);
        }
        match state {
            State::Failed => self.stop(),
            State::Connected | State::Completed if !self.is_restarting() => {
                self.checking_since = Some(now)
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.gathering.state == GatheringState::Complete && self.remotes.ended
    }

    fn is_restarting(&self) -> bool {
        self.nomination
            .selected
            .as_ref()
            .is_some_and(|selected| selected.generation == Generation::Previous)
    }

    /// When checking ends in failure: sooner if nothing works and nothing else is to be expected.
    fn gives_up_at(&self, since: Instant) -> Instant {
        let timing = &self.config.timing;
        match self.is_all_tried() && self.checks.is_exhausted() {
            true => since + timing.patience.min(timing.checking_timeout),
            false => since + timing.checking_timeout,
        }
    }

    fn lose_consent(&mut self) {
        self.outbox.tell(Event::ConsentLost);
        self.set_state(State::Failed);
        self.stop();
    }

    pub(super) fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.outbox.tell(Event::StateChange(state));
        }
    }

    /// Notes when something is due next.
    fn arm(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        let timing = &self.config.timing;
        let active = self.remote_credentials().is_some();
        let consent = self
            .nomination
            .selected
            .as_ref()
            .map(|selected| &selected.consent);
        // RFC 7675 §5.1: a lite side only answers.
        let asks = consent.filter(|_| !self.config.lite);
        let (next_check, expires) = (
            asks.map(Consent::next_check),
            consent.map(|consent| consent.expires(timing)),
        );
        let silent = consent
            .map(|consent| consent.silent_at(timing))
            .filter(|_| self.state != State::Disconnected);
        let checking = self
            .checking_since
            .filter(|_| self.state == State::Checking);
        let checking = checking.map(|since| self.gives_up_at(since));
        let searching = active && self.is_searching() && !self.config.lite;
        self.timers.set(
            Timer::Pacing,
            self.checks.next_paced(now).filter(|_| searching),
        );
        self.timers
            .set(Timer::Retransmit, self.checks.retransmits_at());
        self.timers.set(Timer::Nominate, self.nomination_due());
        self.timers.set(Timer::Checking, checking);
        self.timers.set(Timer::Consent, next_check);
        self.timers.set(Timer::Expiry, expires);
        self.timers.set(Timer::Silence, silent);
        self.timers
            .set(Timer::Gathering, self.gathering.poll_timeout());
    }
}

/// A better pair gets at least this to answer.
const ENOUGH: Duration = Duration::from_millis(20);

/// A Binding request of ours to the peer.
struct Request {
    id: TransactionId,
    role: Role,
    nominates: bool,
    /// Which of our nominations it is, where there may be several.
    number: Option<u32>,
}

/// draft-thatcher-ice-renomination §4; the number is what libwebrtc uses.
pub(super) const NOMINATION: AttributeType = AttributeType(0xc001);
