//! One thing that happened, as a line for a terminal.

use std::fmt;
use std::time::Duration;

use ieum_candidate::{Candidate, Kind};

use crate::Step;

/// One thing that happened to a connection, and when.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the recording began.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What happened. Displays as one line whose fields are two spaces apart.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A step of the six was done.
    Step {
        /// Which.
        step: Step,
        /// What is worth knowing about it: candidate counts, the pair.
        detail: String,
    },
    /// A candidate became known.
    Candidate {
        /// Whose.
        side: Side,
        /// The candidate.
        candidate: Candidate,
    },
    /// A candidate of this side was found that adds nothing to one already there (RFC 8445 §5.1.3).
    Redundant {
        /// Its kind.
        kind: Kind,
    },
    /// The pair in use changed after the first one had been chosen.
    Pair(Pair),
    /// One of the W3C's states changed.
    State {
        /// Whose state it is.
        of: Machine,
        /// The new state, in the W3C's word.
        state: String,
    },
    /// A data channel opened.
    ChannelOpen {
        /// Its label.
        label: String,
    },
    /// A data channel closed.
    ChannelClosed {
        /// Its label.
        label: String,
    },
    /// Something went wrong; the connection may live on.
    Failure(String),
    /// What the program around the connection had to say: signaling, a TURN server.
    Note {
        /// Who said it.
        source: Source,
        /// In plain words.
        text: String,
    },
    /// The connection is closed; nothing follows.
    Ended,
}

/// Whose candidate it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Side {
    /// This side's.
    Local,
    /// The remote peer's.
    Remote,
}

/// Which of the W3C's states of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Machine {
    /// `signalingState`.
    Signaling,
    /// `iceGatheringState`.
    Gathering,
    /// `iceConnectionState`.
    Ice,
    /// `connectionState`.
    Connection,
}

/// Where a note comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The signaling channel.
    Signaling,
    /// A TURN server.
    Turn,
    /// The program itself.
    Application,
}

/// The two candidates that data goes over. Displays as `srflx 203.0.113.1:40000 -> host 203.0.113.2:40001 (udp)`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pair {
    /// This side's candidate.
    pub local: Candidate,
    /// The remote peer's candidate.
    pub remote: Candidate,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Step { step, detail } => StepLine {
                step: *step,
                at: self.at,
                detail,
            }
            .fmt(f),
            what => what.fmt(f),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { step, detail } => write!(f, "{step}  {detail}"),
            Self::Candidate { side, candidate } => {
                write!(f, "candidate  {side}  {}", Endpoint(candidate))
            }
            Self::Redundant { kind } => write!(f, "candidate  local  {kind} redundant"),
            Self::Pair(pair) => write!(f, "pair  {pair}"),
            Self::State {
                of: Machine::Connection,
                state,
            } => write!(f, "state  {state}"),
            Self::State { of, state } => write!(f, "state  {of} {state}"),
            Self::ChannelOpen { label } => write!(f, "open  channel {label:?}"),
            Self::ChannelClosed { label } => write!(f, "closed  channel {label:?}"),
            Self::Failure(text) => write!(f, "failure  {text}"),
            Self::Note { source, text } => write!(f, "note  {source}  {text}"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, remote } = self;
        write!(
            f,
            "{} -> {} ({})",
            Endpoint(local),
            Endpoint(remote),
            local.transport
        )
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Remote => "remote",
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signaling => "signaling",
            Self::Gathering => "gathering",
            Self::Ice => "ice",
            Self::Connection => "connection",
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signaling => "signaling",
            Self::Turn => "turn",
            Self::Application => "application",
        })
    }
}

/// A step with its time: `step 5  pair chosen  12.3 ms  srflx ...`.
pub(crate) struct StepLine<'a> {
    pub(crate) step: Step,
    pub(crate) at: Duration,
    pub(crate) detail: &'a str,
}

impl fmt::Display for StepLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.step, Milliseconds(self.at))?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, "  {}", self.detail)
        }
    }
}

/// `12.3 ms`.
pub(crate) struct Milliseconds(pub(crate) Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3)
    }
}

/// Kind and address of a candidate: `srflx 203.0.113.1:40000`.
struct Endpoint<'a>(&'a Candidate);

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidate = self.0;
        match candidate.socket_addr() {
            Some(address) => write!(f, "{} {address}", candidate.kind),
            None => write!(
                f,
                "{} {}:{}",
                candidate.kind, candidate.address, candidate.port
            ),
        }
    }
}

/// Text from elsewhere, fit to be kept and shown: at most 200 characters, none of which moves a terminal's cursor.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MOST_CHARACTERS).map(shown).collect()
}

const MOST_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_names_kinds_addresses_and_transport() {
        let candidate = |line: &str| line.parse::<Candidate>().unwrap();
        let pair = Pair {
            local: candidate(
                "candidate:1 1 udp 1 203.0.113.1 40000 typ srflx raddr 10.0.0.1 rport 1",
            ),
            remote: candidate(
                "candidate:1 1 udp 1 2001:db8::1 40001 typ relay raddr 0.0.0.0 rport 0",
            ),
        };
        let entry = Entry {
            at: Duration::from_micros(12_340),
            what: What::Step {
                step: Step::Chosen,
                detail: pair.to_string(),
            },
        };
        assert_eq!(
            entry.to_string(),
            "step 5  pair chosen  12.3 ms  srflx 203.0.113.1:40000 -> relay [2001:db8::1]:40001 (udp)"
        );
    }

    #[test]
    fn text_from_the_network_cannot_move_the_cursor_or_grow() {
        let hostile = "\u{1b}[2J".repeat(1000);
        let cleaned = clean(&hostile);
        assert!(cleaned.chars().count() <= MOST_CHARACTERS);
        assert!(!cleaned.contains('\u{1b}'));
    }
}
