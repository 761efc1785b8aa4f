//! Owns the order of the pairs in each state, and which foundation pairs are being checked (RFC 8445 §6.1.2.6).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::PairState;
use crate::pair::{Foundation, Pair, PairId, Rank};

/// The pairs by state, each set in order. Every operation is O(log p), but for thawing a whole foundation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub(crate) waiting: BTreeSet<Rank>,
    pub(crate) frozen: BTreeSet<Rank>,
    pub(crate) in_progress: BTreeSet<Rank>,
    pub(crate) succeeded: BTreeSet<Rank>,
    pub(crate) failed: BTreeSet<Rank>,
    groups: HashMap<Foundation, Group>,
}

/// The pairs of one foundation.
#[derive(Debug, Clone, Default)]
struct Group {
    #[expect(
        clippy::box_collection,
        reason = "small where nothing is frozen, as in most groups"
    )]
    frozen: Option<Box<BTreeSet<Rank>>>,
    /// Pairs that are Waiting or InProgress.
    active: u32,
    succeeded: bool,
}

impl Group {
    fn freeze(&mut self, rank: Rank) {
        self.frozen.get_or_insert_default().insert(rank);
    }
}

impl Order {
    /// Takes a new pair in, in the state that it begins with: Frozen while others of its foundation are being checked.
    pub(crate) fn admit(&mut self, pair: &mut Pair) {
        let group = self.groups.entry(pair.foundation).or_default();
        if group.active > 0 && !group.succeeded {
            pair.state = PairState::Frozen;
            group.freeze(pair.rank());
            self.frozen.insert(pair.rank());
        } else {
            pair.state = PairState::Waiting;
            group.active += 1;
            self.waiting.insert(pair.rank());
        }
    }

    pub(crate) fn insert(&mut self, pair: &Pair) {
        self.set(pair.state).insert(pair.rank());
        let group = self.groups.entry(pair.foundation).or_default();
        match pair.state {
            PairState::Waiting | PairState::InProgress => group.active += 1,
            PairState::Frozen => group.freeze(pair.rank()),
            PairState::Succeeded => group.succeeded = true,
            PairState::Failed => {}
        }
    }

    pub(crate) fn remove(&mut self, pair: &Pair) {
        self.set(pair.state).remove(&pair.rank());
        let Some(group) = self.groups.get_mut(&pair.foundation) else {
            return;
        };
        match pair.state {
            PairState::Waiting | PairState::InProgress => group.active -= 1,
            PairState::Frozen => {
                if let Some(frozen) = &mut group.frozen {
                    frozen.remove(&pair.rank());
                }
            }
            PairState::Succeeded | PairState::Failed => {}
        }
    }

    /// The pair of this foundation to be thawed, if one is due: after a success all of them are (RFC 8445
    /// §7.2.5.3.3), else the best one as soon as no other is being checked (§6.1.4.2).
    pub(crate) fn next_to_thaw(&self, foundation: Foundation) -> Option<PairId> {
        let group = self.groups.get(&foundation)?;
        let due = group.succeeded || group.active == 0;
        let best = group.frozen.as_ref()?.last()?;
        due.then_some(best.1.0)
    }

    /// Gives every pair its new priority, and puts all in order again. O(p log p).
    pub(crate) fn reorder(
        &mut self,
        pairs: &mut HashMap<PairId, Pair>,
        priority: impl Fn(PairId) -> Option<u64>,
    ) {
        // What has succeeded thaws its foundation for good, even if the pair itself is gone by now.
        let thawed: Vec<Foundation> = self
            .groups
            .iter()
            .filter(|(_, group)| group.succeeded)
            .map(|(id, _)| *id)
            .collect();
        *self = Order::default();
        for foundation in thawed {
            self.groups.entry(foundation).or_default().succeeded = true;
        }
        for pair in pairs.values_mut() {
            pair.priority = priority(pair.id).unwrap_or(pair.priority);
            self.insert(pair);
        }
    }

    fn set(&mut self, state: PairState) -> &mut BTreeSet<Rank> {
        match state {
            PairState::Frozen => &mut self.frozen,
            PairState::Waiting => &mut self.waiting,
            PairState::InProgress => &mut self.in_progress,
            PairState::Succeeded => &mut self.succeeded,
            PairState::Failed => &mut self.failed,
        }
    }
}
