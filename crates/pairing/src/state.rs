use core::fmt;

/// How far the check of a pair is: RFC 8445 §6.1.2.6.
///
/// ```text
/// Frozen -> Waiting -> InProgress -> Succeeded
///              ^           |
///              |           v
///              +-------- Failed      (back only by a triggered check)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairState {
    /// A pair of the same foundation is checked first.
    Frozen,
    /// To be checked when its turn comes.
    Waiting,
    /// A check was sent and not answered yet.
    InProgress,
    /// The check was answered.
    Succeeded,
    /// The check was refused, or never answered.
    Failed,
}

impl PairState {
    /// The word that RFC 8445 has for it, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            PairState::Frozen => "frozen",
            PairState::Waiting => "waiting",
            PairState::InProgress => "in-progress",
            PairState::Succeeded => "succeeded",
            PairState::Failed => "failed",
        }
    }
}

impl fmt::Display for PairState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
