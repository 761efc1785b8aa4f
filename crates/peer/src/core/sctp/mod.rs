//! SCTP over DTLS behind a trait (RFC 9260, RFC 8261, RFC 8831), so that another library fits.

mod association;
mod attempt;
mod discard;
mod echoes;
mod flight;
mod identifiers;
mod opening;
mod overrun;
mod packet;
mod path;
mod requests;
mod resets;
mod schedule;
#[cfg(test)]
mod tests;
mod unread;
mod window;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Priority;
pub(super) use association::{RtcSctp, SctpConfig};
pub(super) use opening::Opening;

/// A payload protocol identifier (RFC 8831 §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ppid {
    /// 50: channel establishment (RFC 8832).
    Dcep,
    /// 51.
    String,
    /// 53.
    Binary,
    /// 56: an empty text, as one zero byte.
    StringEmpty,
    /// 57: an empty binary message, as one zero byte.
    BinaryEmpty,
    /// Any other: not for data channels.
    Unknown,
}

/// How hard SCTP tries to deliver a message (RFC 3758).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// Until it arrives.
    #[default]
    Reliable,
    /// At most this many retransmissions.
    Retransmits(u32),
    /// For so many milliseconds.
    LifetimeMs(u32),
}

/// A part of a message. The parts of one message are written, and read, one after another, without those of another
/// message in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub ppid: Ppid,
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether the message ends with it.
    pub last: bool,
}

/// One SCTP association. It reads no clock; it may draw randomness of its own.
///
/// A malformed packet is no error: it is ignored inside. After every `handle_*` and every mutator, poll until `None`.
///
/// What a better one than `rtc-sctp` would have to do:
/// - recover from loss without a second of silence: RACK and a tail-loss probe (RFC 8985 has them for TCP), an RTO below RTO.Min where
///   the round trip is short, more than one packet of a fast retransmission for each acknowledgement, and a window for congestion that is not halved
///   by every stray loss; with those of NewReno it stays under 1 MB/s at 1 % of loss and 20 ms;
/// - interleave messages (RFC 8260), so that a large one does not hold up the others, and hand over parts of one before its end;
/// - leave out the checksum where DTLS is below (RFC 9653): two passes over every byte;
/// - number what is on its way without the 16 bits of gap blocks, and count what waits for its reader with its overhead;
/// - measure round trips finer than a millisecond, and acknowledge a batch once, at once;
/// - write packets into the buffer that DTLS seals in place: now each byte is copied three times on the way out, and three on the way in.
pub trait Sctp: Send {
    /// Takes one packet, as DTLS decrypted it.
    fn handle_packet(&mut self, now: Instant, packet: &[u8]);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// Packets go another way from now on: what was lost is sent again now, and not when a wait that has doubled is over.
    fn path_changed(&mut self, now: Instant);

    /// Prepares a stream for sending. What is unsaid is reliable, ordered and of the default priority. Where streams compete,
    /// each sends as many bytes as its priority's number says (RFC 8831 §6.4), and none starves.
    fn open(&mut self, stream: u16, ordered: bool, reliability: Reliability, priority: Priority);

    /// Queues a part of a message, whole messages or fragments as the implementation can. `false`: the stream is not
    /// open for sending, or the message is larger than the association takes.
    fn write(&mut self, now: Instant, stream: u16, part: Part) -> bool;

    /// The next part of a message that has arrived; the window opens as parts are read.
    fn read(&mut self, stream: u16) -> Option<Part>;

    /// Resets a stream after what was queued on it (RFC 6525): it is told as [`SctpEvent::Reset`] when both sides have.
    /// What was not read by then, or comes after, is thrown away.
    fn reset(&mut self, now: Instant, stream: u16);

    /// Ends the association at once; an ABORT is left to be polled.
    fn abort(&mut self, now: Instant);

    /// The next packet to send.
    fn poll_packet(&mut self, now: Instant) -> Option<Bytes>;

    /// The next thing that happened.
    fn poll_event(&mut self) -> Option<SctpEvent>;

    /// Lets no more users' bytes than these be on their way, whatever the window of the peer; without a limit before.
    fn limit_flight(&mut self, bytes: usize);

    /// What the packets that are on their way take up in a receive buffer, in bytes: a small one costs as much as its system
    /// counts for it.
    fn flight(&self) -> usize;

    /// The round-trip time as it is measured, smoothed; zero where it is too short to be, or nothing was measured.
    fn round_trip(&self) -> Duration;

    /// How many streams both sides allow each way, once it is up.
    fn max_streams(&self) -> u16;

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when there is nothing to wait for.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// What an association tells its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SctpEvent {
    /// It is up.
    Connected,
    /// There is something to read; the stream may be new.
    Readable(u16),
    /// So many bytes of a stream were acknowledged or given up.
    Released {
        /// The stream.
        stream: u16,
        /// User bytes.
        bytes: usize,
    },
    /// The peer sends nothing more on a stream; once what was sent on it from here has arrived, it is gone.
    Closing(u16),
    /// A stream is gone: reset by the peer, or by both.
    Reset(u16),
    /// The association is gone.
    Lost,
}
