//! Owns what became of pairs that are not in the check list any more.

use std::collections::VecDeque;

use ieum_pairing::Removal;

use crate::PrunedPair;
use crate::candidates::{Locals, Remotes};
use crate::checks::Checks;

#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<PrunedPair>);

impl History {
    /// Notes what the check list has removed. The candidates must still be known.
    pub(crate) fn note(&mut self, checks: &mut Checks, locals: &Locals, remotes: &Remotes) {
        for (id, why) in checks.list.take_removed() {
            let (Some(local), Some(remote)) = (locals.get(id.local), remotes.get(id.remote)) else {
                continue;
            };
            let back = checks.list.pair(id).is_some();
            let (local, remote) = (&local.candidate, &remote.candidate);
            self.0
                .retain(|pair| pair.local != *local || pair.remote != *remote);
            if back {
                continue;
            }
            if self.0.len() == REMEMBERED {
                self.0.pop_front();
            }
            self.0.push_back(PrunedPair {
                local: local.clone(),
                remote: remote.clone(),
                why,
                checks_sent: checks.facts(id).map_or(0, |facts| facts.sent),
            });
        }
    }

    pub(crate) fn pairs(&self) -> Vec<PrunedPair> {
        self.0.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Pairs remembered; the oldest are forgotten.
const REMEMBERED: usize = 100;

/// Why a pair is not in the check list: see [`Removal`].
pub type PruneReason = Removal;
