//! The six steps of connection set-up.

use std::fmt;

/// A step of the flow from nothing to an open channel, in the order in which they are told.
///
/// Only 2 before 3 and 4 before 5 are fixed; all else may overlap, and with trickle ICE it does.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// 1: this side has found all its candidates (host, server reflexive, relayed).
    Gathered,
    /// 2: the offer has been applied, on whichever side it was made.
    Offer,
    /// 3: the answer has been applied.
    Answer,
    /// 4: candidates of both sides are known here; more may follow.
    Exchanged,
    /// 5: a candidate pair has been chosen.
    Chosen,
    /// 6: DTLS is done and a data channel is open.
    Open,
}

impl Step {
    /// All six, in order.
    pub const ALL: [Self; 6] = [
        Self::Gathered,
        Self::Offer,
        Self::Answer,
        Self::Exchanged,
        Self::Chosen,
        Self::Open,
    ];

    /// 1 to 6.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What is true once the step is done, in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gathered => "candidates gathered",
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Exchanged => "candidates exchanged",
            Self::Chosen => "pair chosen",
            Self::Open => "channel open",
        }
    }
}

/// `step 5  pair chosen`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}  {}", self.number(), self.name())
    }
}
