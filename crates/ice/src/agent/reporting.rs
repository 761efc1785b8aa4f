//! What the agent tells of its pairs.

use ieum_pairing::{Pair, PairState, Role};

use super::Agent;
use crate::checks::Facts;
use crate::nomination::Selected;
use crate::{PairReport, Report, Standing};

impl Agent {
    /// The pairs as they are now, best first, with what was tried on each and what came of it; and what was pruned.
    pub fn report(&self) -> Report {
        let pairs = self.checks.list.pairs();
        Report {
            pairs: pairs
                .iter()
                .filter_map(|pair| self.describe_pair(pair))
                .collect(),
            pruned: self.history.pairs(),
        }
    }

    fn describe_pair(&self, pair: &Pair) -> Option<PairReport> {
        let id = pair.id();
        let selected = self
            .nomination
            .selected
            .as_ref()
            .filter(|selected| selected.is(id));
        let facts = self.checks.facts(id).cloned().unwrap_or_default();
        Some(PairReport {
            local: self.locals.get(id.local)?.candidate.clone(),
            remote: self.remotes.get(id.remote)?.candidate.clone(),
            priority: pair.priority(),
            state: pair.state(),
            selected: selected.is_some(),
            nominated: selected.is_some_and(Selected::is_nominated),
            checks_sent: facts.sent,
            checks_answered: facts.answered,
            checks_received: facts.received,
            round_trip: facts.round_trip(),
            total_round_trip: facts.total_round_trip,
            consent_sent: facts.consent_sent,
            data: facts.data,
            standing: self.standing(pair, selected),
            last_error: facts.error,
            round_trips: Facts::into_round_trips(facts),
        })
    }

    fn standing(&self, pair: &Pair, selected: Option<&Selected>) -> Standing {
        let best = self.checks.list.succeeded().next();
        if selected.is_some_and(Selected::is_nominated) {
            Standing::Nominated
        } else if self.nomination.nominating == Some(pair.id()) {
            Standing::BeingNominated
        } else if pair.state() != PairState::Succeeded {
            Standing::NotValid
        } else if self.nomination.is_nominated() {
            Standing::AnotherNominated
        } else if self.role == Role::Controlled {
            Standing::LeftToPeer
        } else if best != Some(pair.id()) {
            Standing::BetterIsValid
        } else {
            Standing::Waiting
        }
    }
}
