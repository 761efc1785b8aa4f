//! What an agent has counted.

use crate::Reason;

/// What an agent has counted since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Checks sent, retransmissions and nominations among them; consent checks are not.
    pub checks_sent: u64,
    /// Checks and consent checks of the peer that were answered with success.
    pub checks_answered: u64,
    /// Checks of ours that the peer answered with success.
    pub checks_succeeded: u64,
    /// Consent checks sent.
    pub consent_sent: u64,
    /// Consent checks that the peer answered.
    pub consent_answered: u64,
    /// Role conflicts met, by a check of either side.
    pub role_conflicts: u64,
    /// Messages dropped because nobody polled them.
    pub unsent: u64,
    ignored: [u64; Reason::ALL.len()],
}

impl Counters {
    /// How many datagrams and candidates were ignored for this reason.
    pub fn ignored(&self, reason: Reason) -> u64 {
        self.ignored[reason as usize]
    }

    /// All reasons for which anything was ignored, and how often.
    pub fn ignored_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL
            .into_iter()
            .zip(self.ignored)
            .filter(|(_, count)| *count > 0)
    }

    pub(crate) fn ignore(&mut self, reason: Reason) {
        self.ignored[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        let mut counters = Counters::default();
        counters.ignore(Reason::Malformed);
        counters.ignore(Reason::Malformed);
        assert_eq!(
            counters.ignored_by_reason().collect::<Vec<_>>(),
            [(Reason::Malformed, 2)]
        );
    }
}
