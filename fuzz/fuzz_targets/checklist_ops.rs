//! Any operations on a check list, against an obvious model: a vector of pairs that is searched from end to end.

#![no_main]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use ieum_pairing::{Candidate, CheckList, Forming, PairId, PairState, Role, pair_priority};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Operation {
    Local(Offer),
    Remote(Offer),
    PairRemote(u8),
    Form(u8, u8),
    NextWaiting,
    NextTriggered,
    Trigger(u8, u8),
    Succeed(u8, u8),
    Fail(u8, u8),
    Nominate(u8, u8),
    RemoveLocal(u8),
    Role(bool),
    StartOver,
}

/// A candidate to be added.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Offer {
    id: u8,
    priority: u16,
    foundation: u8,
    v6: bool,
    on_demand: bool,
}

impl Offer {
    fn id(self) -> u32 {
        u32::from(self.id % 8)
    }

    /// For the list; `name` is its foundation.
    fn candidate(self, side: u8, name: &str) -> Candidate<'_> {
        Candidate {
            id: self.id(),
            address: address(side, self.id % 8, self.v6),
            priority: self.priority.into(),
            foundation: name,
            transport: ieum_candidate::Transport::Udp,
        }
    }

    /// For the model.
    fn end(self) -> End {
        End {
            v6: self.v6,
            priority: self.priority.into(),
            foundation: self.foundation % 3,
            automatic: !self.on_demand,
        }
    }
}

#[derive(Clone, Copy)]
struct End {
    v6: bool,
    priority: u32,
    foundation: u8,
    automatic: bool,
}

struct Pair {
    id: PairId,
    priority: u64,
    state: PairState,
    foundation: (u8, u8),
}

impl Pair {
    /// Better is greater; of equal priorities the older candidates are better.
    fn rank(&self) -> (u64, std::cmp::Reverse<PairId>) {
        (self.priority, std::cmp::Reverse(self.id))
    }
}

struct Model {
    role: Role,
    locals: BTreeMap<u32, End>,
    remotes: BTreeMap<u32, End>,
    pairs: Vec<Pair>,
    triggered: VecDeque<PairId>,
    /// Foundations of which a pair has ever succeeded.
    thawed: Vec<(u8, u8)>,
}

const LIMIT: usize = 12;

impl Model {
    fn state(&mut self, id: PairId) -> Option<&mut PairState> {
        let pair = self.pairs.iter_mut().find(|pair| pair.id == id)?;
        Some(&mut pair.state)
    }

    fn is_active(&self, foundation: (u8, u8)) -> bool {
        self.pairs.iter().any(|pair| {
            pair.foundation == foundation
                && matches!(pair.state, PairState::Waiting | PairState::InProgress)
        })
    }

    /// Whatever is frozen and must not be.
    fn thaw(&mut self) {
        loop {
            let due = self.pairs.iter().filter(|pair| {
                pair.state == PairState::Frozen
                    && (self.thawed.contains(&pair.foundation) || !self.is_active(pair.foundation))
            });
            let Some(id) = due.max_by_key(|pair| pair.rank()).map(|pair| pair.id) else {
                return;
            };
            self.set(id, PairState::Waiting);
        }
    }

    fn set(&mut self, id: PairId, state: PairState) {
        if let Some(own) = self.state(id) {
            *own = state;
        }
        if state == PairState::Succeeded {
            let foundation = self
                .pairs
                .iter()
                .find(|pair| pair.id == id)
                .map(|pair| pair.foundation);
            self.thawed.extend(foundation);
        }
    }

    fn form(&mut self, id: PairId) -> bool {
        if self.state(id).is_some() {
            return true;
        }
        let (Some(local), Some(remote)) =
            (self.locals.get(&id.local), self.remotes.get(&id.remote))
        else {
            return false;
        };
        if local.v6 != remote.v6 {
            return false;
        }
        let foundation = (local.foundation, remote.foundation);
        let priority = pair_priority(self.role, local.priority, remote.priority);
        let mut pair = Pair {
            id,
            priority,
            state: PairState::Waiting,
            foundation,
        };
        if self.pairs.len() >= LIMIT && !self.make_room(&pair) {
            return false;
        }
        if self.is_active(foundation) && !self.thawed.contains(&foundation) {
            pair.state = PairState::Frozen;
        }
        self.pairs.push(pair);
        true
    }

    fn make_room(&mut self, newer: &Pair) -> bool {
        let worst = |states: &[PairState]| {
            let of = self
                .pairs
                .iter()
                .filter(|pair| states.contains(&pair.state));
            of.min_by_key(|pair| pair.rank())
                .map(|pair| (pair.id, pair.rank()))
        };
        let failed = worst(&[PairState::Failed]);
        let unchecked = worst(&[PairState::Frozen, PairState::Waiting]);
        let victim = failed.or(unchecked.filter(|(_, rank)| *rank < newer.rank()));
        let Some((id, _)) = victim else {
            return false;
        };
        self.pairs.retain(|pair| pair.id != id);
        self.thaw();
        true
    }

    fn pair_local(&mut self, local: u32) {
        for remote in Model::automatic(&self.remotes) {
            self.form(PairId { local, remote });
        }
    }

    fn pair_remote(&mut self, remote: u32) {
        for local in Model::automatic(&self.locals) {
            self.form(PairId { local, remote });
        }
    }

    fn automatic(ends: &BTreeMap<u32, End>) -> Vec<u32> {
        ends.iter()
            .filter(|(_, end)| end.automatic)
            .map(|(id, _)| *id)
            .collect()
    }

    fn next_waiting(&mut self) -> Option<PairId> {
        let waiting = self
            .pairs
            .iter()
            .filter(|pair| pair.state == PairState::Waiting);
        let id = waiting.max_by_key(|pair| pair.rank())?.id;
        self.set(id, PairState::InProgress);
        Some(id)
    }
}

fn address(side: u8, id: u8, v6: bool) -> SocketAddr {
    match v6 {
        true => format!("[2001:db8::{side}]:{}", 1000 + u16::from(id))
            .parse()
            .unwrap(),
        false => format!("10.0.0.{side}:{}", 1000 + u16::from(id))
            .parse()
            .unwrap(),
    }
}

fn pair(local: u8, remote: u8) -> PairId {
    PairId {
        local: u32::from(local % 8),
        remote: u32::from(remote % 8),
    }
}

fn apply(list: &mut CheckList, model: &mut Model, operation: Operation) {
    match operation {
        Operation::Local(offer) => {
            let (id, end) = (offer.id(), offer.end());
            let forming = match offer.on_demand {
                true => Forming::OnDemand,
                false => Forming::Automatic,
            };
            let name = end.foundation.to_string();
            let added = list.add_local(offer.candidate(1, &name), forming);
            assert_eq!(added, !model.locals.contains_key(&id));
            if added {
                model.locals.insert(id, end);
                if end.automatic {
                    model.pair_local(id);
                }
            }
        }
        Operation::Remote(offer) => {
            let (id, end) = (offer.id(), offer.end());
            let name = end.foundation.to_string();
            let candidate = offer.candidate(2, &name);
            let added = match offer.on_demand {
                true => list.learn_remote(candidate),
                false => list.add_remote(candidate),
            };
            assert_eq!(added, !model.remotes.contains_key(&id));
            if added {
                model.remotes.insert(id, end);
                if end.automatic {
                    model.pair_remote(id);
                }
            }
        }
        Operation::PairRemote(id) => {
            let id = u32::from(id % 8);
            list.pair_remote(id);
            if let Some(end) = model.remotes.get_mut(&id) {
                end.automatic = true;
                model.pair_remote(id);
            }
        }
        Operation::Form(local, remote) => {
            let id = pair(local, remote);
            assert_eq!(list.form(id), model.form(id));
        }
        Operation::NextWaiting => {
            let best = list.best_waiting();
            let next = list.next_waiting();
            assert_eq!(best, next);
            assert_eq!(next, model.next_waiting());
        }
        Operation::NextTriggered => {
            let mut expected = None;
            while expected.is_none() {
                let Some(id) = model.triggered.pop_front() else {
                    break;
                };
                if model.state(id).copied() == Some(PairState::Waiting) {
                    model.set(id, PairState::InProgress);
                    expected = Some(id);
                }
            }
            assert_eq!(list.next_triggered(), expected);
        }
        Operation::Trigger(local, remote) => {
            let id = pair(local, remote);
            let state = model.state(id).copied();
            let queued = state.is_some_and(|state| state != PairState::Succeeded);
            assert_eq!(list.trigger(id), queued);
            if queued {
                model.set(id, PairState::Waiting);
                if !model.triggered.contains(&id) {
                    model.triggered.push_back(id);
                }
            }
        }
        Operation::Succeed(local, remote) => {
            list.succeed(pair(local, remote));
            model.set(pair(local, remote), PairState::Succeeded);
        }
        Operation::Fail(local, remote) => {
            list.fail(pair(local, remote));
            model.set(pair(local, remote), PairState::Failed);
        }
        Operation::Nominate(local, remote) => {
            let id = pair(local, remote);
            list.discard_unchecked_below(id);
            let Some(rank) = model
                .pairs
                .iter()
                .find(|pair| pair.id == id)
                .map(Pair::rank)
            else {
                return;
            };
            // One by one, the worst first: what is thawed meanwhile is no better off.
            loop {
                let unchecked = model.pairs.iter().filter(|pair| {
                    matches!(pair.state, PairState::Frozen | PairState::Waiting)
                        && pair.rank() < rank
                });
                let Some(worst) = unchecked.min_by_key(|pair| pair.rank()).map(|pair| pair.id)
                else {
                    break;
                };
                model.pairs.retain(|pair| pair.id != worst);
                model.thaw();
            }
        }
        Operation::RemoveLocal(id) => {
            let id = u32::from(id % 8);
            list.remove_local(id);
            model.locals.remove(&id);
            model.pairs.retain(|pair| pair.id.local != id);
        }
        Operation::Role(controlling) => {
            model.role = if controlling {
                Role::Controlling
            } else {
                Role::Controlled
            };
            list.set_role(model.role);
            for pair in &mut model.pairs {
                let local = model.locals[&pair.id.local].priority;
                let remote = model.remotes[&pair.id.remote].priority;
                pair.priority = pair_priority(model.role, local, remote);
            }
        }
        Operation::StartOver => {
            list.start_over();
            for local in Model::automatic(&model.locals) {
                for remote in Model::automatic(&model.remotes) {
                    model.form(PairId { local, remote });
                }
            }
            for pair in &mut model.pairs {
                if pair.state != PairState::InProgress {
                    pair.state = PairState::Waiting;
                }
            }
        }
    }
    model.thaw();
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut list = CheckList::new(Role::Controlling, LIMIT);
    let mut model = Model {
        role: Role::Controlling,
        locals: BTreeMap::new(),
        remotes: BTreeMap::new(),
        pairs: Vec::new(),
        triggered: VecDeque::new(),
        thawed: Vec::new(),
    };
    for operation in operations {
        apply(&mut list, &mut model, operation);
        model
            .pairs
            .sort_by_key(|pair| std::cmp::Reverse(pair.rank()));
        let expected: Vec<_> = model
            .pairs
            .iter()
            .map(|pair| (pair.id, pair.priority, pair.state))
            .collect();
        let pairs = list.pairs();
        let got: Vec<_> = pairs
            .iter()
            .map(|pair| (pair.id(), pair.priority(), pair.state()))
            .collect();
        assert_eq!(got, expected);
        assert!(list.take_removed().count() <= LIMIT);
    }
});
