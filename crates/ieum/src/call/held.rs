//! Candidates that came ahead of their description.

use ieum_peer::IceCandidateInit;

/// Candidates of one peer, in the order in which they came: the first 64.
#[derive(Debug, Default)]
pub(super) struct Held {
    candidates: Vec<IceCandidateInit>,
    dropped: u64,
}

impl Held {
    /// Keeps a candidate, or counts it where there is no room.
    pub(super) fn push(&mut self, candidate: IceCandidateInit) {
        if self.candidates.len() < MOST {
            self.candidates.push(candidate);
        } else {
            self.dropped += 1;
        }
    }

    /// All that are held. The count of dropped ones starts again, and is given too.
    pub(super) fn take(&mut self) -> (Vec<IceCandidateInit>, u64) {
        (
            std::mem::take(&mut self.candidates),
            std::mem::take(&mut self.dropped),
        )
    }
}

/// How many are held for one peer.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_64_are_kept_and_the_rest_is_counted() {
        let mut held = Held::default();
        for port in 0..100 {
            held.push(IceCandidateInit {
                candidate: format!("candidate:{port}"),
                ..IceCandidateInit::default()
            });
        }
        let (candidates, dropped) = held.take();
        assert_eq!((candidates.len(), dropped), (64, 36));
        assert_eq!(candidates[0].candidate, "candidate:0");
        assert_eq!(held.take(), (vec![], 0));
    }
}
