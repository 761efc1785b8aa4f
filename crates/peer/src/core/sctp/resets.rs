//! The peer's resets of streams (RFC 6525), on their way to the library: held back, and not handed on twice.
//!
//! One is held back while something that we sent on its stream is not acknowledged.
//! `rtc-sctp` answers such a request at once with a reset of its own, and forgets the stream; what still waits to be sent
//! then arrives after the reset, on a stream that is gone or belongs to a new channel. RFC 8831 §6.7 and the W3C let the
//! other side finish what it had queued. The request is handed on once that is done.
//!
//! It also resets a stream again when a request comes again whose answer was lost, though by then the stream may belong to
//! a new channel. Such a request gets its answer again, and nothing else (RFC 6525 §5.2.1).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::packet::{chunks, with_chunks, word};

/// Requests that wait, by their sequence number: a request that comes again is the same one.
#[derive(Debug, Default)]
pub(super) struct HeldResets {
    requests: BTreeMap<u32, Request>,
}

#[derive(Debug)]
struct Request {
    /// A packet with the request alone.
    packet: Bytes,
    streams: Vec<u16>,
}

impl HeldResets {
    /// What of the packet is handed on now: all of it, unless it resets a stream on which we are still `sending`.
    pub(super) fn hold(
        &mut self,
        packet: Bytes,
        mut is_sending: impl FnMut(u16) -> bool,
    ) -> Option<Bytes> {
        let mut waits =
            |chunk: &[u8]| reset(chunk).is_some_and(|(_, s)| s.into_iter().any(&mut is_sending));
        let Some(held) = chunks(&packet).find(|chunk| waits(chunk)) else {
            return Some(packet);
        };
        if let Some((number, streams)) = reset(held)
            && (self.requests.len() < MAX_HELD || self.requests.contains_key(&number))
            && let Some(alone) = with_chunks(&packet, std::iter::once(held))
        {
            let packet = alone.into();
            self.requests.insert(number, Request { packet, streams });
        }
        without_resets(&packet)
    }

    /// A request that has not to wait any more.
    pub(super) fn release(&mut self, mut is_sending: impl FnMut(u16) -> bool) -> Option<Bytes> {
        let mut waits =
            |request: &Request| request.streams.iter().any(|stream| is_sending(*stream));
        let (number, _) = self.requests.iter().find(|(_, request)| !waits(request))?;
        let number = *number;
        self.requests.remove(&number).map(|request| request.packet)
    }
}

/// The resets of the peer that were done, and what was answered.
#[derive(Debug, Default)]
pub(super) struct DoneResets {
    answers: VecDeque<(u32, Bytes)>,
}

impl DoneResets {
    /// A packet leaves: remembers it where it says that a reset is done.
    pub(super) fn sent(&mut self, packet: &Bytes) {
        for chunk in chunks(packet) {
            if let Some(answer) = parameter(chunk, RESPONSE)
                && word(answer, 8).is_some_and(|result| result <= PERFORMED)
                && let Some(number) = word(answer, 4)
            {
                if self.answers.len() == MAX_HELD {
                    self.answers.pop_front();
                }
                self.answers.push_back((number, packet.clone()));
            }
        }
    }

    /// What was answered to a packet whose request was done before.
    pub(super) fn answer(&self, packet: &[u8]) -> Option<Bytes> {
        let (number, _) = chunks(packet).find_map(reset)?;
        let same = self.answers.iter().find(|(done, _)| *done == number);
        same.map(|(_, answer)| answer.clone())
    }
}

/// The packet without its resets.
pub(super) fn without_resets(packet: &[u8]) -> Option<Bytes> {
    let others = chunks(packet).filter(|chunk| reset(chunk).is_none());
    with_chunks(packet, others).map(Bytes::from)
}

/// The streams that the packet resets on the peer's side.
pub(super) fn reset_streams(packet: &[u8]) -> impl Iterator<Item = u16> {
    chunks(packet)
        .filter_map(reset)
        .flat_map(|(_, streams)| streams)
}

/// The sequence number and the streams of an Outgoing SSN Reset Request (RFC 6525 §4.1), where the chunk has one.
pub(super) fn reset(chunk: &[u8]) -> Option<(u32, Vec<u16>)> {
    let request = parameter(chunk, OUTGOING_RESET)?;
    let streams = request.get(RESET_HEADER..)?.chunks_exact(2);
    let streams = streams.map(|id| u16::from_be_bytes([id[0], id[1]]));
    Some((word(request, 4)?, streams.collect()))
}

/// A parameter of a RE-CONFIG chunk (RFC 6525 §3.1).
pub(super) fn parameter(chunk: &[u8], wanted: u16) -> Option<&[u8]> {
    let (&RECONFIG, mut rest) = (chunk.first()?, chunk.get(4..)?) else {
        return None;
    };
    loop {
        let &[a, b, c, d, ..] = rest else { return None };
        let (kind, len) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let parameter = rest.get(..len.into())?;
        if kind == wanted {
            return Some(parameter);
        }
        rest = rest.get(usize::from(len).max(4).next_multiple_of(4)..)?;
    }
}

/// RFC 6525 §3.1, §4.1.
pub(super) const RECONFIG: u8 = 130;
pub(super) const OUTGOING_RESET: u16 = 13;
pub(super) const RESPONSE: u16 = 16;
/// RFC 6525 §4.4: 0 is "nothing to do".
pub(super) const PERFORMED: u32 = 1;
pub(super) const RESET_HEADER: usize = 16;
/// A peer waits for one answer before its next request (RFC 6525 §5.1.1); what is over the bound comes again.
const MAX_HELD: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::sctp::packet::COMMON_HEADER;

    fn request(number: u8, stream: u8) -> Vec<u8> {
        let mut chunk = vec![RECONFIG, 0, 0, 22, 0, 13, 0, 18, 0, 0, 0, number];
        chunk.extend_from_slice(&[0; 8]);
        chunk.extend_from_slice(&[0, stream]);
        chunk.extend_from_slice(&[0, 0]);
        chunk
    }

    #[test]
    fn a_reset_waits_for_what_is_being_sent_and_the_rest_of_the_packet_does_not() {
        let sack = [3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let packet = Bytes::from([&[0; COMMON_HEADER][..], &request(1, 5), &sack].concat());
        assert_eq!(reset_streams(&packet).collect::<Vec<_>>(), [5]);
        let mut held = HeldResets::default();
        assert_eq!(held.hold(packet.clone(), |_| false), Some(packet.clone()));
        for _ in 0..3 {
            let now = held.hold(packet.clone(), |stream| stream == 5).unwrap();
            assert_eq!(chunks(&now).collect::<Vec<_>>(), [&sack[..]]);
        }
        assert_eq!(held.release(|_| true), None);
        let released = held.release(|_| false).unwrap();
        assert_eq!(reset_streams(&released).collect::<Vec<_>>(), [5]);
        assert_eq!(held.release(|_| false), None);
    }

    #[test]
    fn of_requests_without_end_a_handful_waits() {
        let mut held = HeldResets::default();
        for number in 0..200 {
            let packet = [&[0; COMMON_HEADER][..], &request(number, 5)].concat();
            assert_eq!(held.hold(packet.into(), |_| true), None);
        }
        let released = std::iter::from_fn(|| held.release(|_| false));
        assert_eq!(released.count(), MAX_HELD);
    }

    proptest! {
        #[test]
        fn no_packet_panics(mut packet in prop::collection::vec(any::<u8>(), 0..80), cut in 0usize..80) {
            if let Some(kind) = packet.get_mut(COMMON_HEADER) {
                *kind = RECONFIG;
            }
            let mut held = HeldResets::default();
            let _ = held.hold(packet.clone().into(), |_| true);
            packet.truncate(cut);
            let _ = held.hold(packet.into(), |_| true);
        }
    }
}
