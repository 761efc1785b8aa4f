//! The check list: owns the candidates' numbers, the pairs and the triggered-check queue.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use hashbrown::HashMap;
use ieum_candidate::{TcpType, Transport, can_pair};

use crate::order::Order;
use crate::pair::{Foundation, Pair, PairId, Rank};
use crate::{PairState, Role, pair_priority};

/// A candidate, as far as pairing needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The caller's number for it; local and remote candidates are numbered apart.
    pub id: u32,
    /// Of a local candidate its base, where checks leave from; of a remote one its address.
    pub address: SocketAddr,
    /// Its priority (RFC 8445 §5.1.2).
    pub priority: u32,
    /// Its foundation (RFC 8445 §5.1.1.3).
    pub foundation: &'a str,
    /// UDP pairs with UDP, an active TCP candidate of ours with a passive one (RFC 6544 §6.2).
    pub transport: Transport,
}

/// When pairs with a candidate are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forming {
    /// At once, with every remote candidate that it can be paired with, now and later.
    Automatic,
    /// Only by [`CheckList::form`]: for a relayed candidate, whose way to each remote one must be opened first, and for a
    /// passive TCP candidate, which the peer must have connected to (RFC 6544 §6.2 prunes it otherwise).
    OnDemand,
}

/// The pairs of one component, and in which order to check them. See the [crate](crate).
#[derive(Debug, Clone)]
pub struct CheckList {
    role: Role,
    limit: usize,
    locals: BTreeMap<u32, (End, Forming)>,
    remotes: BTreeMap<u32, (End, Forming)>,
    foundations: BTreeMap<String, u32>,
    pairs: HashMap<PairId, Pair>,
    order: Order,
    triggered: VecDeque<PairId>,
    removed: VecDeque<(PairId, Removal)>,
}

/// Why a pair is not in the list, though its candidates can be paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Removal {
    /// The list was full, and this was the worst (RFC 8445 §6.1.2.5).
    Full,
    /// It was not checked yet when a better one was nominated (RFC 8445 §8.1.2).
    WorseThanNominated,
    /// One of its candidates was removed.
    CandidateGone,
}

#[derive(Debug, Clone, Copy)]
struct End {
    address: SocketAddr,
    transport: Transport,
    priority: u32,
    foundation: u32,
}

impl CheckList {
    /// An empty list of at most `limit` pairs (RFC 8445 §6.1.2.5 recommends 100).
    pub fn new(role: Role, limit: usize) -> Self {
        CheckList {
            role,
            limit,
            locals: BTreeMap::new(),
            remotes: BTreeMap::new(),
            foundations: BTreeMap::new(),
            pairs: HashMap::new(),
            order: Order::default(),
            triggered: VecDeque::new(),
            removed: VecDeque::new(),
        }
    }

    /// A pair of the list.
    pub fn pair(&self, id: PairId) -> Option<&Pair> {
        self.pairs.get(&id)
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All pairs, best first. Sorts: for reports, not for every packet.
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = self.pairs.values().copied().collect();
        pairs.sort_unstable_by_key(|pair| core::cmp::Reverse(pair.rank()));
        pairs
    }

    /// The pairs whose check has succeeded, best first.
    pub fn succeeded(&self) -> impl Iterator<Item = PairId> + '_ {
        self.order.succeeded.iter().rev().map(|(_, id)| id.0)
    }

    /// Whether no pair is Frozen, Waiting or InProgress.
    pub fn is_done(&self) -> bool {
        self.order.waiting.is_empty()
            && self.order.frozen.is_empty()
            && self.order.in_progress.is_empty()
    }

    /// Whether a pair better than this one is Frozen, Waiting or InProgress. Also true of a pair that is not in the list,
    /// if any is.
    pub fn is_better_pending(&self, than: PairId) -> bool {
        let rank = self.pairs.get(&than).map(Pair::rank);
        [
            &self.order.waiting,
            &self.order.frozen,
            &self.order.in_progress,
        ]
        .into_iter()
        .any(|set| set.last().copied() > rank)
    }

    /// Whether a pair better than this one (or any, if this one is not in the list) is Frozen or Waiting.
    pub fn is_better_unchecked(&self, than: PairId) -> bool {
        let rank = self.pairs.get(&than).map(Pair::rank);
        let sets = [&self.order.waiting, &self.order.frozen];
        sets.into_iter().any(|set| set.last().copied() > rank)
    }

    /// The pair that [`next_waiting`](Self::next_waiting) would take.
    pub fn best_waiting(&self) -> Option<PairId> {
        self.order.waiting.last().map(|(_, id)| id.0)
    }

    /// How many pairs are Frozen, Waiting or InProgress.
    pub fn pending(&self) -> usize {
        self.order.waiting.len() + self.order.frozen.len() + self.order.in_progress.len()
    }

    /// Whether a triggered check is queued.
    pub fn has_triggered(&self) -> bool {
        self.triggered.iter().any(|id| self.is_queued(*id))
    }

    /// Whether a pair is Waiting.
    pub fn has_waiting(&self) -> bool {
        !self.order.waiting.is_empty()
    }

    /// Adds a local candidate. Says `false` where it is redundant: another one has the same base, so that checks from
    /// both would be the same (RFC 8445 §6.1.2.4). Of the two, add the better one first.
    pub fn add_local(&mut self, candidate: Candidate<'_>, forming: Forming) -> bool {
        let redundant = self.locals.values().any(|(end, _)| end.is_at(&candidate));
        if redundant || self.locals.contains_key(&candidate.id) {
            return false;
        }
        let end = self.end(candidate);
        self.locals.insert(candidate.id, (end, forming));
        if forming == Forming::Automatic {
            let local = candidate.id;
            for (remote, its) in automatic(&self.remotes) {
                self.form_checked(PairId { local, remote }, end, its);
            }
        }
        true
    }

    /// Adds a remote candidate. Says `false` where its number or its address is already taken.
    pub fn add_remote(&mut self, candidate: Candidate<'_>) -> bool {
        let added = self.learn_remote(candidate);
        if added {
            self.pair_remote(candidate.id);
        }
        added
    }

    /// Adds a remote candidate that is paired only by [`form`](Self::form): a peer reflexive one, whose one pair is with
    /// the candidate that its check arrived at (RFC 8445 §7.3.1.4). Says `false` as [`add_remote`](Self::add_remote).
    pub fn learn_remote(&mut self, candidate: Candidate<'_>) -> bool {
        let taken = |(end, _): &(End, Forming)| end.is_at(&candidate);
        if self.remotes.values().any(taken) || self.remotes.contains_key(&candidate.id) {
            return false;
        }
        let end = self.end(candidate);
        self.remotes.insert(candidate.id, (end, Forming::OnDemand));
        true
    }

    /// Pairs a remote candidate with all local ones, as if it had been added only now.
    pub fn pair_remote(&mut self, remote: u32) {
        let Some((end, forming)) = self.remotes.get_mut(&remote) else {
            return;
        };
        *forming = Forming::Automatic;
        let end = *end;
        for (local, its) in automatic(&self.locals) {
            self.form_checked(PairId { local, remote }, its, end);
        }
    }

    /// Forms a pair, if its candidates are known and can be paired. Says whether it is in the list now.
    ///
    /// In a full list the worst pair that has failed or was not checked yet gives way, if it is worse than this one.
    pub fn form(&mut self, id: PairId) -> bool {
        match (self.locals.get(&id.local), self.remotes.get(&id.remote)) {
            (Some((local, _)), Some((remote, _))) => self.form_of(id, *local, *remote),
            _ => false,
        }
    }

    /// Forms a pair unless only the peer can begin to check it.
    fn form_checked(&mut self, id: PairId, local: End, remote: End) {
        if local.transport != Transport::Tcp(TcpType::Passive) {
            self.form_of(id, local, remote);
        }
    }

    fn form_of(&mut self, id: PairId, local: End, remote: End) -> bool {
        if self.pairs.contains_key(&id) {
            return true;
        }
        if !fit(local.transport, remote.transport) || !can_pair(local.address, remote.address) {
            return false;
        }
        let mut pair = Pair {
            id,
            priority: pair_priority(self.role, local.priority, remote.priority),
            state: PairState::Frozen,
            foundation: (local.foundation, remote.foundation),
        };
        let full = self.pairs.len() >= self.limit;
        if full && !self.evict_for(pair.rank()) {
            self.note(id, Removal::Full);
            return false;
        }
        // Making room has thawed what was due, so the state that it begins in is the one it has.
        self.order.admit(&mut pair);
        self.pairs.insert(id, pair);
        true
    }

    /// Removes a local candidate and its pairs.
    pub fn remove_local(&mut self, id: u32) {
        self.locals.remove(&id);
        self.remove_pairs(|pair| pair.local == id);
    }

    /// Removes a remote candidate and its pairs: its TCP connection is closed, and it cannot be connected to.
    pub fn remove_remote(&mut self, id: u32) {
        self.remotes.remove(&id);
        self.remove_pairs(|pair| pair.remote == id);
    }

    /// Begins anew with the same candidates: pairs that were removed are formed again, and whatever is not being
    /// checked is Waiting. For a connection whose pair has died.
    pub fn start_over(&mut self) {
        let remotes = automatic(&self.remotes);
        for (local, ours) in automatic(&self.locals) {
            for (remote, theirs) in &remotes {
                let remote = *remote;
                self.form_checked(PairId { local, remote }, ours, *theirs);
            }
        }
        let all: Vec<PairId> = self.pairs.keys().copied().collect();
        for id in all {
            if self.pairs[&id].state != PairState::InProgress {
                self.put_state(id, PairState::Waiting);
            }
        }
    }

    /// Takes what was removed, or found no place, since this was asked last: the newest, as many as pairs may be in
    /// the list.
    pub fn take_removed(&mut self) -> impl Iterator<Item = (PairId, Removal)> + use<> {
        core::mem::take(&mut self.removed).into_iter()
    }

    /// Queues a triggered check (RFC 8445 §7.3.1.4): the pair is Waiting again, and next in line. A pair that has
    /// succeeded is left alone. Says whether it was queued.
    pub fn trigger(&mut self, id: PairId) -> bool {
        match self.pairs.get(&id).map(Pair::state) {
            None | Some(PairState::Succeeded) => return false,
            Some(_) => self.set_state(id, PairState::Waiting),
        }
        if !self.triggered.contains(&id) {
            self.triggered.push_back(id);
        }
        true
    }

    /// Takes the next triggered check: its pair is InProgress now.
    pub fn next_triggered(&mut self) -> Option<PairId> {
        while let Some(id) = self.triggered.pop_front() {
            if self.is_queued(id) {
                self.set_state(id, PairState::InProgress);
                return Some(id);
            }
        }
        None
    }

    /// Takes the best pair that is Waiting (RFC 8445 §6.1.4.2): it is InProgress now.
    pub fn next_waiting(&mut self) -> Option<PairId> {
        let rank = self.order.waiting.pop_last()?;
        // It counts as one that is being checked before and after: nothing is thawed by it.
        self.order.in_progress.insert(rank);
        let id = rank.1.0;
        if let Some(pair) = self.pairs.get_mut(&id) {
            pair.state = PairState::InProgress;
        }
        Some(id)
    }

    /// The check of a pair was answered: the pair is valid, and all pairs of its foundation are thawed.
    pub fn succeed(&mut self, id: PairId) {
        self.set_state(id, PairState::Succeeded);
    }

    /// The check of a pair was refused, or never answered.
    pub fn fail(&mut self, id: PairId) {
        self.set_state(id, PairState::Failed);
    }

    /// Removes the pairs that are Frozen or Waiting and worse than this one: it is nominated (RFC 8445 §8.1.2).
    pub fn discard_unchecked_below(&mut self, id: PairId) {
        let Some(rank) = self.pairs.get(&id).map(Pair::rank) else {
            return;
        };
        while let Some((_, worst)) = self.worst_unchecked().filter(|worst| *worst < rank) {
            self.remove(worst.0, Removal::WorseThanNominated);
        }
    }

    /// Changes the role, and with it the order.
    pub fn set_role(&mut self, role: Role) {
        self.role = role;
        let mut pairs = core::mem::take(&mut self.pairs);
        self.order.reorder(&mut pairs, |id| {
            let (local, remote) = (self.locals.get(&id.local)?, self.remotes.get(&id.remote)?);
            Some(pair_priority(role, local.0.priority, remote.0.priority))
        });
        self.pairs = pairs;
    }

    /// Forgets the remote candidates and all pairs: for a restart.
    pub fn clear_remote(&mut self) {
        self.remotes.clear();
        self.pairs.clear();
        self.triggered.clear();
        self.removed.clear();
        self.order = Order::default();
    }

    fn end(&mut self, candidate: Candidate<'_>) -> End {
        let next = u32::try_from(self.foundations.len()).unwrap_or(u32::MAX);
        let foundation = match self.foundations.get(candidate.foundation) {
            Some(number) => *number,
            None => *self
                .foundations
                .entry(candidate.foundation.into())
                .or_insert(next),
        };
        End {
            address: candidate.address,
            transport: candidate.transport,
            priority: candidate.priority,
            foundation,
        }
    }

    fn is_queued(&self, id: PairId) -> bool {
        self.pairs
            .get(&id)
            .is_some_and(|pair| pair.state == PairState::Waiting)
    }

    fn set_state(&mut self, id: PairId, state: PairState) {
        if let Some(foundation) = self.put_state(id, state) {
            self.thaw(foundation);
        }
    }

    fn thaw(&mut self, foundation: Foundation) {
        while let Some(id) = self.order.next_to_thaw(foundation) {
            self.put_state(id, PairState::Waiting);
        }
    }

    fn put_state(&mut self, id: PairId, state: PairState) -> Option<Foundation> {
        let pair = self.pairs.get_mut(&id)?;
        self.order.remove(pair);
        pair.state = state;
        self.order.insert(pair);
        Some(pair.foundation)
    }

    fn worst_unchecked(&self) -> Option<Rank> {
        let (frozen, waiting) = (self.order.frozen.first(), self.order.waiting.first());
        frozen.into_iter().chain(waiting).min().copied()
    }

    /// Makes room in a full list.
    fn evict_for(&mut self, rank: Rank) -> bool {
        let failed = self.order.failed.first().copied();
        let victim = failed.or_else(|| self.worst_unchecked().filter(|worst| *worst < rank));
        match victim {
            Some((_, id)) => self.remove(id.0, Removal::Full),
            None => return false,
        }
        true
    }

    fn note(&mut self, id: PairId, why: Removal) {
        if self.removed.len() >= self.limit {
            self.removed.pop_front();
        }
        self.removed.push_back((id, why));
    }

    fn remove_pairs(&mut self, of: impl Fn(&PairId) -> bool) {
        let pairs: Vec<PairId> = self.pairs.keys().copied().filter(of).collect();
        for pair in pairs {
            self.remove(pair, Removal::CandidateGone);
        }
    }

    fn remove(&mut self, id: PairId, why: Removal) {
        if let Some(pair) = self.pairs.remove(&id) {
            self.note(id, why);
            self.order.remove(&pair);
            self.thaw(pair.foundation);
        }
    }
}

impl End {
    /// The same address and transport; all active TCP candidates of a base are one.
    fn is_at(&self, candidate: &Candidate<'_>) -> bool {
        (self.address, self.transport) == (candidate.address, candidate.transport)
    }
}

/// RFC 6544 §6.2, without simultaneous open. A passive candidate of ours fits an active one once that has connected.
fn fit(local: Transport, remote: Transport) -> bool {
    use TcpType::{Active, Passive};
    matches!(
        (local, remote),
        (Transport::Udp, Transport::Udp)
            | (Transport::Tcp(Active), Transport::Tcp(Passive))
            | (Transport::Tcp(Passive), Transport::Tcp(Active))
    )
}

/// The candidates that are paired with whatever comes.
fn automatic(ends: &BTreeMap<u32, (End, Forming)>) -> Vec<(u32, End)> {
    let is_it = |(_, (_, forming)): &(&u32, &(End, Forming))| *forming == Forming::Automatic;
    let all = ends.iter().filter(is_it);
    all.map(|(id, (end, _))| (*id, *end)).collect()
}
