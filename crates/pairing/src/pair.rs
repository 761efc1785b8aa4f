use core::cmp::Reverse;

use crate::PairState;

/// A pair of a local and a remote candidate, by the numbers that the caller gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairId {
    /// The local candidate.
    pub local: u32,
    /// The remote candidate.
    pub remote: u32,
}

/// A pair in a [`CheckList`](crate::CheckList).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub(crate) id: PairId,
    pub(crate) priority: u64,
    pub(crate) state: PairState,
    pub(crate) foundation: Foundation,
}

impl Pair {
    /// Which candidates it is made of.
    pub const fn id(&self) -> PairId {
        self.id
    }

    /// Its priority: [`pair_priority`](crate::pair_priority).
    pub const fn priority(&self) -> u64 {
        self.priority
    }

    /// How far its check is.
    pub const fn state(&self) -> PairState {
        self.state
    }

    pub(crate) const fn rank(&self) -> Rank {
        (self.priority, Reverse(self.id))
    }
}

/// The foundations of the two candidates, as numbers: RFC 8445 §6.1.2.6 calls it the foundation of the pair.
pub(crate) type Foundation = (u32, u32);

/// Greater is better; of equal priorities the older candidates are.
pub(crate) type Rank = (u64, Reverse<PairId>);
