//! Owns the selected pair and the decision which pair to nominate (RFC 8445 §8.1.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_candidate::Candidate;
use ieum_pairing::PairId;
use ieum_stun::FiveTuple;

use crate::candidates::Path;
use crate::consent::Consent;
use crate::credentials::Generation;
use crate::{SelectedPair, Timing};

/// The pair that data goes over, with all that is needed to use it.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) pair: PairId,
    /// After a restart it is of the previous session, and no longer in the check list.
    pub(crate) generation: Generation,
    pub(crate) path: Path,
    pub(crate) remote: SocketAddr,
    /// Where its datagrams go: to the peer, or to the relay.
    pub(crate) way: FiveTuple,
    pub(crate) described: SelectedPair,
    pub(crate) consent: Consent,
}

impl Selected {
    pub(crate) fn is(&self, pair: PairId) -> bool {
        self.generation == Generation::Current && self.pair == pair
    }

    pub(crate) fn is_nominated(&self) -> bool {
        self.generation == Generation::Current && self.described.nominated
    }
}

#[derive(Debug, Default)]
pub(crate) struct Nomination {
    pub(crate) selected: Option<Selected>,
    /// The check with USE-CANDIDATE is on its way.
    pub(crate) nominating: Option<PairId>,
    /// Since when there is a valid pair.
    valid_since: Option<Instant>,
    /// How often we have nominated, where renomination is agreed; or the peer's highest number.
    pub(crate) count: u32,
}

impl Nomination {
    /// A pair became valid.
    pub(crate) fn valid(&mut self, now: Instant) {
        self.valid_since.get_or_insert(now);
    }

    pub(crate) fn is_nominated(&self) -> bool {
        self.selected.as_ref().is_some_and(Selected::is_nominated)
    }

    /// It is known what the selected pair's remote candidate is. Gives the pair's description, if this is its candidate.
    pub(crate) fn describe_remote(
        &mut self,
        remote: u32,
        candidate: Candidate,
    ) -> Option<SelectedPair> {
        let of_it = |selected: &&mut Selected| {
            selected.generation == Generation::Current && selected.pair.remote == remote
        };
        let selected = self.selected.as_mut().filter(of_it)?;
        selected.described.remote = candidate;
        Some(selected.described.clone())
    }

    /// Whether data goes this way.
    pub(crate) fn is_selected(&self, path: Path, remote: SocketAddr) -> bool {
        self.selected
            .as_ref()
            .is_some_and(|selected| selected.path == path && selected.remote == remote)
    }

    /// When the best valid pair has waited long enough for a better one: a cheap one not for long, a dear one longer. Dear
    /// is one over a relay of either side, because each packet on it costs a detour and somebody's money, and one over TCP,
    /// where a lost packet holds up all that follow.
    pub(crate) fn waits_until(&self, dear: bool, timing: &Timing) -> Option<Instant> {
        let grace: Duration = match dear {
            false => timing.direct_grace,
            true => timing.relay_grace,
        };
        self.valid_since.map(|since| since + grace)
    }

    /// The roles are others now. What was nominated so far may be so on one side only: whoever controls from now on
    /// nominates anew. Data goes on meanwhile.
    pub(crate) fn forget(&mut self) {
        self.nominating = None;
        if let Some(selected) = &mut self.selected {
            selected.described.nominated = false;
        }
    }

    /// Everything is tried again: what is valid then has its grace again.
    pub(crate) fn start_over(&mut self) {
        self.nominating = None;
        self.valid_since = None;
    }

    /// A new session begins. Data goes on over the old pair.
    pub(crate) fn restart(&mut self) {
        self.nominating = None;
        self.valid_since = None;
        self.count = 0;
        if let Some(selected) = &mut self.selected {
            selected.generation = Generation::Previous;
        }
    }
}
