//! Owns the outgoing checks: the check list, what is in flight, pacing and retransmission (RFC 8445 §6.1.4, §7.2).

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_pairing::{CheckList, PairId, PairState, Role};
use ieum_stun::TransactionId;

use crate::{DataCounts, PairError, Timing};

/// A check that was not answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) id: TransactionId,
    pub(crate) pair: PairId,
    /// It carries USE-CANDIDATE.
    pub(crate) nominates: bool,
    /// The role that it claims.
    pub(crate) role: Role,
    /// It is sent once, over a TCP connection (RFC 8489 §6.2.2).
    once: bool,
    attempts: u32,
    hurried: bool,
    begun_at: Instant,
    sent_at: Instant,
    interval: Duration,
    due: Instant,
}

/// What is known of a pair beyond its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) answered: u32,
    /// The last ones, the latest last.
    pub(crate) round_trips: VecDeque<Duration>,
    /// Of all of them, however many.
    pub(crate) total_round_trip: Duration,
    pub(crate) consent_sent: u64,
    pub(crate) data: DataCounts,
    pub(crate) error: Option<PairError>,
    /// Where the peer saw us.
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) answered_at: Option<Instant>,
    /// The controlling peer wants it: it is nominated as soon as it is valid (RFC 8445 §7.3.1.5).
    pub(crate) wanted: bool,
}

impl Facts {
    /// The last one that was measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trips.back().copied()
    }

    pub(crate) fn into_round_trips(self) -> Vec<Duration> {
        self.round_trips.into()
    }
}

/// What became of a check whose time was up.
#[derive(Debug)]
pub(crate) enum Due {
    Resend(Check),
    GaveUp(Check),
}

#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) list: CheckList,
    in_flight: Vec<Check>,
    /// The last ones that were answered: a second answer to a check that was sent twice is no surprise.
    answered: VecDeque<TransactionId>,
    facts: BTreeMap<PairId, Facts>,
    /// When the last check left that nothing triggered.
    last_paced: Option<Instant>,
    /// Between two checks that nothing triggered.
    pub(crate) ta: Duration,
}

impl Checks {
    pub(crate) fn new(role: Role, pairs: usize, ta: Duration) -> Self {
        Checks {
            list: CheckList::new(role, pairs),
            in_flight: Vec::new(),
            answered: VecDeque::new(),
            facts: BTreeMap::new(),
            last_paced: None,
            ta,
        }
    }

    pub(crate) fn facts(&self, pair: PairId) -> Option<&Facts> {
        self.facts.get(&pair)
    }

    pub(crate) fn facts_mut(&mut self, pair: PairId) -> &mut Facts {
        self.facts.entry(pair).or_default()
    }

    pub(crate) fn state(&self, pair: PairId) -> Option<PairState> {
        self.list.pair(pair).map(|pair| pair.state())
    }

    /// The next pair to be checked now: what was triggered at once, all else paced by Ta (RFC 8445 §6.1.4.2).
    pub(crate) fn next(&mut self, now: Instant, searching: bool) -> Option<PairId> {
        if let Some(pair) = self.list.next_triggered() {
            return Some(pair);
        }
        if !searching || !self.has_worthy() || self.last_paced.is_some_and(|at| now < at + self.ta)
        {
            return None;
        }
        let pair = self.list.next_waiting()?;
        self.last_paced = Some(now);
        Some(pair)
    }

    /// When [`next`](Self::next) has something to give without being triggered.
    pub(crate) fn next_paced(&self, now: Instant) -> Option<Instant> {
        let next = self.last_paced.map_or(now, |at| at + self.ta);
        self.has_worthy().then_some(next)
    }

    /// Whether a pair is Waiting that is worth a check: once one is valid, only better ones are.
    fn has_worthy(&self) -> bool {
        let valid = self.list.succeeded().next();
        let rank = |pair: Option<PairId>| self.list.pair(pair?).map(|pair| pair.priority());
        rank(self.list.best_waiting()) > rank(valid)
    }

    /// When all pairs that are better than this one have had so much time to answer. `None`: some are not checked yet.
    pub(crate) fn better_have_had(&self, pair: PairId, time: Duration) -> Option<Instant> {
        let rank = self.list.pair(pair)?.priority();
        let is_better = |check: &&Check| {
            let pair = self.list.pair(check.pair);
            pair.is_some_and(|pair| pair.priority() > rank)
        };
        let begun = self.in_flight.iter().filter(is_better);
        let last = begun.map(|check| check.begun_at).max()?;
        (!self.list.is_better_unchecked(pair)).then_some(last + time)
    }

    /// A check leaves for the first time.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        id: TransactionId,
        pair: PairId,
        role: Role,
        nominates: bool,
        timing: &Timing,
    ) -> Check {
        // RFC 8489 §6.2.1: the RTO follows the round trip where that is known, as it is when a pair is nominated.
        // RFC 8445 §14.3: it grows with the number of pairs, so that what is sent again does not come on top of what is
        // sent for the first time.
        let round_trip = self.facts(pair).and_then(Facts::round_trip);
        let shortest = SHORTEST_RTO.min(timing.rto);
        let pending = u32::try_from(self.list.pending()).unwrap_or(CROWD);
        let crowd = self.ta * 2 * pending.min(CROWD);
        let unknown = crowd.clamp(timing.rto, timing.rto.max(CROWDED_RTO));
        let interval = round_trip.map_or(unknown, |time| (time * 2).clamp(shortest, timing.rto));
        let check = Check {
            id,
            pair,
            nominates,
            role,
            once: false,
            attempts: 1,
            hurried: false,
            begun_at: now,
            sent_at: now,
            interval,
            due: now + interval,
        };
        self.in_flight.push(check.clone());
        self.facts_mut(pair).sent += 1;
        check
    }

    /// The checks of this pair leave over TCP, now that there is a connection, and are not sent again.
    pub(crate) fn depart(&mut self, now: Instant, pair: PairId, timing: &Timing) -> Vec<Check> {
        let of_pair = self.in_flight.iter_mut().filter(|check| check.pair == pair);
        let departing = of_pair.map(|check| {
            (check.once, check.sent_at, check.due) = (true, now, now + timing.tcp_timeout);
            check.clone()
        });
        departing.collect()
    }

    /// The checks of this pair are not to be answered any more.
    pub(crate) fn cancel(&mut self, pair: PairId) {
        self.in_flight.retain(|check| check.pair != pair);
    }

    /// The check of this pair, if it is to be sent again at once: a NAT on the peer's side may have dropped it, and
    /// the peer's own check has just opened that NAT. RFC 8445 §7.3.1.4 begins another transaction; the same one does
    /// it too. Once between two retransmissions, or a busy peer would make us as busy; and not so soon after it left
    /// that both may have crossed on the way, when the answer is coming.
    pub(crate) fn hurry(&mut self, now: Instant, pair: PairId) -> Option<Check> {
        let check = self
            .in_flight
            .iter_mut()
            .find(|check| check.pair == pair && !check.hurried && !check.once)?;
        let soonest = check.sent_at + CROSSING;
        if now < soonest {
            check.due = check.due.min(soonest);
            return None;
        }
        check.hurried = true;
        let check = check.clone();
        self.facts_mut(pair).sent += 1;
        Some(check)
    }

    /// The next check whose time is up.
    pub(crate) fn next_due(&mut self, now: Instant, timing: &Timing) -> Option<Due> {
        let index = self.in_flight.iter().position(|check| check.due <= now)?;
        let check = &mut self.in_flight[index];
        if check.once || check.attempts >= timing.check_attempts {
            return Some(Due::GaveUp(self.in_flight.swap_remove(index)));
        }
        check.attempts += 1;
        check.hurried = false;
        check.sent_at = now;
        check.interval = (check.interval * 2).min(timing.rto_max);
        check.due = now + check.interval;
        let check = check.clone();
        self.facts_mut(check.pair).sent += 1;
        Some(Due::Resend(check))
    }

    pub(crate) fn retransmits_at(&self) -> Option<Instant> {
        self.in_flight.iter().map(|check| check.due).min()
    }

    pub(crate) fn find(&self, id: TransactionId) -> Option<&Check> {
        self.in_flight.iter().find(|check| check.id == id)
    }

    pub(crate) fn was_answered(&self, id: TransactionId) -> bool {
        self.answered.contains(&id)
    }

    pub(crate) fn remove(&mut self, id: TransactionId) {
        self.in_flight.retain(|check| check.id != id);
    }

    /// The check was answered with success.
    pub(crate) fn succeed(&mut self, now: Instant, check: &Check, mapped: Option<SocketAddr>) {
        self.remove(check.id);
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(check.id);
        self.list.succeed(check.pair);
        let facts = self.facts_mut(check.pair);
        facts.answered_at = Some(now);
        facts.answered += 1;
        facts.error = None;
        facts.mapped = mapped.or(facts.mapped);
        if check.attempts == 1 && !check.hurried {
            if facts.round_trips.len() == ROUND_TRIPS {
                facts.round_trips.pop_front();
            }
            facts.round_trips.push_back(now - check.sent_at);
            facts.total_round_trip += now - check.sent_at;
        }
    }

    /// A pair is nominated: what is worse is not checked any more (RFC 8445 §8.1.2).
    pub(crate) fn settle_on(&mut self, nominated: PairId) {
        let Some(rank) = self.list.pair(nominated).map(|pair| pair.priority()) else {
            return;
        };
        self.list.discard_unchecked_below(nominated);
        let (list, facts) = (&mut self.list, &mut self.facts);
        self.in_flight.retain(|check| {
            let worse = list
                .pair(check.pair)
                .is_none_or(|pair| pair.priority() < rank);
            if worse && check.pair != nominated {
                list.fail(check.pair);
                facts.entry(check.pair).or_default().error = Some(PairError::Abandoned);
            }
            !worse || check.pair == nominated
        });
    }

    /// This pair was used, and has fallen silent: all are tried again, it first. What the peer wanted before is
    /// forgotten, but for this one: should it come back, it is what the peer means.
    pub(crate) fn start_over(&mut self, silent: PairId) {
        self.list.start_over();
        self.list.trigger(silent);
        for (pair, facts) in &mut self.facts {
            facts.wanted &= *pair == silent;
        }
        if let Some(facts) = self.facts.get_mut(&silent) {
            facts.error.get_or_insert(PairError::Silent);
        }
    }

    /// Whether everything was tried and nothing is valid.
    pub(crate) fn is_exhausted(&self) -> bool {
        !self.list.is_empty()
            && self.list.is_done()
            && self.list.succeeded().next().is_none()
            && self.in_flight.is_empty()
    }

    /// Removes a local candidate with all that hangs on it.
    pub(crate) fn remove_local(&mut self, id: u32) {
        self.list.remove_local(id);
        self.in_flight.retain(|check| check.pair.local != id);
        self.facts.retain(|pair, _| pair.local != id);
    }

    /// Removes a remote candidate with all that hangs on it.
    pub(crate) fn remove_remote(&mut self, id: u32) {
        self.list.remove_remote(id);
        self.in_flight.retain(|check| check.pair.remote != id);
        self.facts.retain(|pair, _| pair.remote != id);
    }

    /// Forgets the pairs: for a restart. What is answered later is an answer to nothing.
    pub(crate) fn clear(&mut self) {
        self.list.clear_remote();
        self.in_flight.clear();
        self.answered.clear();
        self.facts.clear();
        self.last_paced = None;
    }
}

/// A pair that has answered quickly is asked again no sooner than this.
const SHORTEST_RTO: Duration = Duration::from_millis(50);
/// Where many pairs are to be checked, a first check is repeated after this at the latest.
const CROWDED_RTO: Duration = Duration::from_millis(500);
/// More pairs than this make no difference to it.
const CROWD: u32 = 1000;
/// Checks of both sides that left within this time of each other may just have crossed.
const CROSSING: Duration = Duration::from_millis(50);
/// Round-trip times kept for each pair.
const ROUND_TRIPS: usize = 8;
/// Answered checks that are remembered.
const REMEMBERED: usize = 32;
