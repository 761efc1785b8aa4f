use crate::{ParseError, Position};

/// Why a text is not a description: always the fault of who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// It is not a session.
    #[error(transparent)]
    Session(#[from] ParseError),
    /// A line that cannot be understood.
    #[error("{position}: malformed {name}: expected {expected}")]
    Malformed {
        /// The attribute, or `o=` for the origin.
        name: &'static str,
        /// Where.
        position: Position,
        /// What was expected there, in words.
        expected: &'static str,
    },
    /// There is no such line, and there must be one.
    #[error("no {0} line")]
    Missing(&'static str),
    /// An m-line has an `ice-ufrag` or an `ice-pwd`, and not the other.
    #[error("line {line}: ice-ufrag and ice-pwd go together, and one is missing")]
    HalfCredentials {
        /// The m-line.
        line: usize,
    },
    /// More candidates than [`Limits::candidates`](crate::Limits::candidates).
    #[error("more than {limit} candidates")]
    TooManyCandidates {
        /// The limit.
        limit: usize,
    },
}
