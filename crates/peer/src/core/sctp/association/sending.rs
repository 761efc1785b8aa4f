//! The way of a message to the library: at once, or when its turn comes.

use std::time::Instant;

use rtc_sctp::Stream;

use super::RtcSctp;
use crate::core::sctp::SctpEvent;
use crate::core::sctp::attempt::Attempt;
use crate::core::sctp::schedule::{Schedule, Waiting};

impl RtcSctp {
    /// Takes a message; `false`: the stream is not open for sending.
    pub(super) fn write_whole(&mut self, now: Instant, stream: u16, message: Waiting) -> bool {
        let Some(active) = &mut self.active else {
            return false;
        };
        let Ok(mut handle) = active.association.stream(stream) else {
            return false;
        };
        if !self.schedule.passes(stream, message.ppid) {
            self.schedule.push(stream, message);
            return true;
        }
        give(&mut handle, &mut self.schedule, now, &message)
    }

    /// Gives the library what it has room for.
    pub(super) fn feed(&mut self, now: Instant) {
        while let Some((stream, message)) = self.schedule.pop() {
            self.give_waiting(now, stream, &message);
        }
    }

    pub(super) fn give_waiting(&mut self, now: Instant, stream: u16, message: &Waiting) {
        let is_too_old = self.schedule.is_too_old(now, stream, message);
        let association = self.active.as_mut().map(|active| &mut active.association);
        let handle = association.and_then(|association| association.stream(stream).ok());
        let given = match handle {
            Some(mut handle) if !is_too_old => {
                give(&mut handle, &mut self.schedule, message.since, message)
            }
            _ => false,
        };
        if !given {
            let bytes = message.bytes.len();
            self.events.push_back(SctpEvent::Released { stream, bytes });
        }
    }
}

/// Hands a message to the library, whose lifetime counts from `since`.
fn give(
    stream: &mut Stream<'_>,
    schedule: &mut Schedule,
    since: Instant,
    message: &Waiting,
) -> bool {
    let written = stream.write_chunk_with_ppi(since, &message.bytes, message.ppid.into());
    if written.is_ok() {
        schedule.given(message.bytes.len());
    }
    written.is_ok()
}

/// Whether something that was written on a stream waits or is not acknowledged.
pub(super) fn is_sending(
    active: &mut Option<Box<Attempt>>,
    schedule: &Schedule,
) -> impl FnMut(u16) -> bool {
    |stream| {
        if schedule.has(stream) {
            return true;
        }
        let Some(active) = active else { return false };
        let stream = active.association.stream(stream);
        stream.is_ok_and(|stream| stream.buffered_amount().is_ok_and(|bytes| bytes > 0))
    }
}
