//! What a channel reports.

use super::Closed;
use crate::protocol::{Code, Delivery, Reply};
use crate::{Connection, Incoming};

/// What a [`Channel`](super::Channel) reports.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A peer, or the server, says something. Peers coming and going are [`Signal::Open`](crate::Signal::Open) and
    /// [`Signal::Bye`](crate::Signal::Bye), on every carrier.
    Message(Incoming),
    /// A message that was sent did not reach its peer. Only a server that acknowledges tells.
    Undelivered {
        /// The peer it was for; `all` for a broadcast.
        to: String,
        /// The reason in one word, where the server gave one.
        code: Option<Code>,
        /// The reason in the server's own text.
        reason: String,
    },
    /// The connection broke, and is being made again. Nothing is lost so far; what is sent now waits.
    Away(Closed),
    /// The connection is there again.
    Back {
        /// Whether it is the same session: then the others noticed nothing, and what was said meanwhile follows, in order and once.
        /// If not, the others were told that this peer left and came, and [`Event::Undelivered`] names each message of
        /// which is not known whether it arrived.
        resumed: bool,
        /// The peers that are there now.
        peers: Vec<Connection>,
    },
    /// The channel is closed; the last event.
    Closed(Closed),
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was handed to the receiver's connection; a broadcast, to all that were reached.
    Delivered,
    /// The receiver is away; it is kept until the receiver is back, or [`Event::Undelivered`] tells that it did not come.
    Queued,
    /// The server, or the broker, has taken it, and does not say how far it came. Servers of the old kind say not even that:
    /// theirs is this outcome as soon as it was written.
    Accepted,
    /// Nobody has the target's id.
    NoSuchPeer,
    /// The receiver's queue is full: it does not read, or is away.
    Full,
    /// It was not taken for another reason.
    Refused {
        /// The reason in one word.
        code: Code,
        /// The reason in the server's own text.
        error: String,
    },
    /// The session ended before the answer came: it may have arrived or not.
    Unknown,
}

impl Outcome {
    pub(super) fn of(reply: &Reply) -> Self {
        match (reply.ok, reply.result, reply.code) {
            (true, Some(Delivery::Delivered), _) => Self::Delivered,
            (true, Some(Delivery::Queued), _) => Self::Queued,
            (true, None, _) => Self::Accepted,
            (false, _, Some(Code::NoSuchPeer)) => Self::NoSuchPeer,
            (false, _, Some(Code::Full)) => Self::Full,
            (false, _, code) => Self::Refused {
                code: code.unwrap_or(Code::Unknown),
                error: reply.error.clone().unwrap_or_default(),
            },
        }
    }
}

/// What the server sent that was ignored, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Packets and messages that cannot be read.
    pub malformed: u64,
    /// Binary packets.
    pub binary: u64,
    /// Messages to everybody that name another peer as their target.
    pub other_target: u64,
    /// Packets that have no place where they came: unknown events, other namespaces, late acknowledgements.
    pub unexpected: u64,
    /// Messages that were there already: a server or a broker repeated them.
    pub repeated: u64,
}
