//! What both sides signal about how they do ICE.

use std::time::Duration;

/// What a side signals about how it does ICE, besides its credentials and candidates.
///
/// Ours is [`Agent::local_options`](crate::Agent::local_options); the peer's goes into
/// [`Agent::set_remote_options`](crate::Agent::set_remote_options).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `a=ice-lite` (RFC 8839 §5.3).
    pub lite: bool,
    /// `a=ice-pacing`, the shortest time between two checks that it wants (RFC 8839 §5.5). `None`: not signaled, which
    /// means 50 ms. The greater one of both sides' counts.
    pub pacing: Option<Duration>,
    /// `ice2` among `a=ice-options` (RFC 8445 §10): it follows RFC 8445 and nominates another pair only where the first
    /// one failed for it, so that its last nomination counts. Of a peer without it, the best of those that it nominates
    /// does: it may nominate with every check (RFC 5245 §8.1.1.2).
    pub ice2: bool,
    /// `renomination` among `a=ice-options` (draft-thatcher-ice-renomination): the controlling side may nominate another
    /// pair at any time, and the last one counts.
    pub renomination: bool,
}

impl Options {
    /// Between two checks that nothing triggered, as agreed by both sides.
    pub(crate) fn agreed_pacing(ours: Duration, theirs: Options) -> Duration {
        ours.max(theirs.pacing.unwrap_or(DEFAULT_PACING))
    }
}

/// RFC 8445 §14.2: Ta where nothing is signaled.
const DEFAULT_PACING: Duration = Duration::from_millis(50);
