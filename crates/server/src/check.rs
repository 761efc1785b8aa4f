//! The self-check: a second native peer calls the echo peer over the real sockets, and the six steps are timed.

use std::fmt;
use std::time::Duration;

/// What a completed self-check found. Displays as lines for a terminal: the six steps, the candidates on both
/// sides, the chosen pair, the echo.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// How many messages came back equal.
    pub echoed: u32,
    /// From the first message sent to the last one back.
    pub echo_time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.echo_time.as_secs_f64() * 1e3;
        write!(f, "{} messages echoed in {milliseconds:.1} ms", self.echoed)
    }
}

/// Where the self-check stopped, and why. Displays as one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the self-check failed at {step}: {reason}")]
#[non_exhaustive]
pub struct CheckError {
    /// The step that did not happen.
    pub step: Step,
    /// What is known of the reason, in plain words.
    pub reason: String,
}

/// A step of the self-check: the six of the flow, one before them and one after.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
#[non_exhaustive]
pub enum Step {
    /// Before the flow: reaching signaling and fetching the list of STUN and TURN servers.
    Signaling,
    /// Step 1: candidates gathered.
    Candidates,
    /// Step 2: the offer sent.
    Offer,
    /// Step 3: the answer received.
    Answer,
    /// Step 4: candidates exchanged.
    Exchange,
    /// Step 5: a pair chosen.
    Pair,
    /// Step 6: DTLS done and the data channel open.
    Channel,
    /// After the flow: messages sent and echoed.
    Echo,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signaling => "signaling (before step 1)",
            Self::Candidates => "step 1, candidates gathered",
            Self::Offer => "step 2, offer",
            Self::Answer => "step 3, answer",
            Self::Exchange => "step 4, candidates exchanged",
            Self::Pair => "step 5, pair chosen",
            Self::Channel => "step 6, channel open",
            Self::Echo => "the echo of messages (after step 6)",
        })
    }
}
