//! Owns what the peer's checks have told: who has proven that it is the peer, and checks that came too early (RFC 8445 §7.3).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

use crate::candidates::Path;

/// How somebody has proven to be the peer ([`Agent::proof`](crate::Agent::proof)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// A check came from there, and was accepted: who sent it knows our password, and may have written any address on it.
    Asked,
    /// A check of ours was answered from there: who is there knows the password.
    Answered,
}

/// A check of the peer that was answered, and what there is to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) path: Path,
    pub(crate) remote: SocketAddr,
    /// `None`: without it no candidate can be learned.
    pub(crate) priority: Option<u32>,
    /// USE-CANDIDATE was there.
    pub(crate) nominates: bool,
}

/// A check that came before the peer's credentials: it is acted on when they come (RFC 8445 §7.3).
#[derive(Debug)]
struct Early {
    heard: Heard,
    ufrag: String,
}

#[derive(Debug, Default)]
pub(crate) struct Answering {
    early: Vec<Early>,
    trusted: BTreeMap<(Path, SocketAddr), Proof>,
}

impl Answering {
    /// Keeps an early check. `false`: there are too many.
    pub(crate) fn keep(&mut self, heard: Heard, ufrag: &str, limit: usize) -> bool {
        let same = |early: &&mut Early| {
            let known = &early.heard;
            known.path == heard.path && known.remote == heard.remote && early.ufrag == ufrag
        };
        if let Some(early) = self.early.iter_mut().find(same) {
            early.heard.nominates |= heard.nominates;
            return true;
        }
        // A ufrag has at most 256 characters (RFC 8839 §5.4); what is longer belongs to nobody.
        if self.early.len() >= limit || ufrag.len() > 256 {
            return false;
        }
        self.early.push(Early {
            heard,
            ufrag: ufrag.to_owned(),
        });
        true
    }

    /// Takes the early checks of the peer, now that its ufrag is known. The others may be of a restart whose
    /// description is still to come.
    pub(crate) fn take_early(&mut self, ufrag: &str) -> Vec<Heard> {
        let early = std::mem::take(&mut self.early);
        let (ours, others) = early.into_iter().partition(|early| early.ufrag == ufrag);
        self.early = others;
        let ours: Vec<Early> = ours;
        ours.into_iter().map(|early| early.heard).collect()
    }

    pub(crate) fn forget_early(&mut self) {
        self.early.clear();
    }

    /// Who sends from there knows a password: its application data is taken. It may come before our own check is
    /// answered (RFC 8445 §12.2).
    pub(crate) fn trust(&mut self, path: Path, remote: SocketAddr, proof: Proof, limit: usize) {
        let is_full = self.trusted.len() >= limit;
        match self.trusted.entry((path, remote)) {
            Entry::Occupied(mut known) => *known.get_mut() = proof.max(*known.get()),
            Entry::Vacant(new) if !is_full => drop(new.insert(proof)),
            Entry::Vacant(_) => {}
        }
    }

    /// The connection is over; the next one from there may be somebody else's.
    pub(crate) fn distrust(&mut self, path: Path, remote: SocketAddr) {
        self.trusted.remove(&(path, remote));
        self.early
            .retain(|early| (early.heard.path, early.heard.remote) != (path, remote));
    }

    pub(crate) fn is_trusted(&self, path: Path, remote: SocketAddr) -> bool {
        self.proof(path, remote).is_some()
    }

    pub(crate) fn proof(&self, path: Path, remote: SocketAddr) -> Option<Proof> {
        self.trusted.get(&(path, remote)).copied()
    }
}
