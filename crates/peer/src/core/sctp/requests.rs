//! Our resets of streams as the peer must see them: numbered without a gap, one at a time (RFC 6525 §5.1.1), and after the
//! data.
//!
//! `rtc-sctp` sends each reset at once, however many wait for their answers, and of some of its numbers the peer never hears
//! ([`Echoes`](super::echoes::Echoes)). A peer that counts, as libwebrtc and usrsctp do, refuses what comes after a gap. So
//! requests get numbers of their own here, and one waits for the answer to the last. An answer that says "in progress" is no answer: the
//! library would not ask again, and the request must come again (§5.2.2). And a request waits until all that was sent on its
//! streams is acknowledged: werift and webrtcbin reset a stream at once, whatever is still on its way to them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::packet::{COMMON_HEADER, chunks, seal, with_chunks, word};
use super::resets::{OUTGOING_RESET, RECONFIG, RESPONSE, parameter, reset_streams};

/// The requests that have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The number of the next one, once there was one.
    next: Option<u32>,
    /// The one that was sent.
    sent: Option<Sent>,
    /// Those that wait, by the library's number. There are at most as many as streams.
    waiting: VecDeque<(u32, Bytes)>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    /// Its number in the library.
    inner: u32,
    /// Its number for the peer.
    outer: u32,
}

impl Requests {
    /// A packet of the library leaves: what is sent of it now. It waits while a stream of it `is_sending`.
    pub(super) fn send(
        &mut self,
        packet: Bytes,
        is_sending: impl FnMut(u16) -> bool,
    ) -> Option<Bytes> {
        // The library sends a reset in a packet of its own.
        let Some(request) = chunk(&packet).and_then(|chunk| parameter(chunk, OUTGOING_RESET))
        else {
            return Some(packet);
        };
        let inner = word(request, NUMBER)?;
        let outer = match self.sent {
            Some(sent) if sent.inner == inner => sent.outer,
            None if !reset_streams(&packet).any(is_sending) => {
                let outer = self.next.unwrap_or(inner);
                self.next = Some(outer.wrapping_add(1));
                self.sent = Some(Sent { inner, outer });
                self.waiting.retain(|(number, _)| *number != inner);
                outer
            }
            _ => {
                if self.waiting.iter().all(|(number, _)| *number != inner) {
                    self.waiting.push_back((inner, packet));
                }
                return None;
            }
        };
        Some(renumbered(&packet, request, outer))
    }

    /// A packet of the peer came: what the library is to see of it.
    pub(super) fn receive(&mut self, packet: Bytes) -> Option<Bytes> {
        let Some(answer) = chunks(&packet).find_map(|chunk| parameter(chunk, RESPONSE)) else {
            return Some(packet);
        };
        let (number, result) = (word(answer, NUMBER)?, word(answer, RESULT)?);
        match self.sent {
            Some(sent) if sent.outer == number && result != IN_PROGRESS => {
                self.sent = None;
                Some(renumbered(&packet, answer, sent.inner))
            }
            _ => without_answers(&packet),
        }
    }

    /// The next one that has not to wait any more: hand it to [`send`](Self::send).
    pub(super) fn release(&mut self, mut is_sending: impl FnMut(u16) -> bool) -> Option<Bytes> {
        if self.sent.is_some() {
            return None;
        }
        let mut waits = |packet: &Bytes| reset_streams(packet).any(&mut is_sending);
        let next = self.waiting.iter().position(|(_, packet)| !waits(packet))?;
        self.waiting.remove(next).map(|(_, packet)| packet)
    }
}

/// The first chunk, where it is a RE-CONFIG.
fn chunk(packet: &[u8]) -> Option<&[u8]> {
    let first = packet.get(COMMON_HEADER)?;
    (*first == RECONFIG)
        .then(|| chunks(packet).next())
        .flatten()
}

/// The packet with another number in this parameter, which is a part of it.
fn renumbered(packet: &Bytes, parameter: &[u8], number: u32) -> Bytes {
    let at = parameter.as_ptr() as usize - packet.as_ptr() as usize + NUMBER;
    let mut changed = packet.to_vec();
    changed[at..at + 4].copy_from_slice(&number.to_be_bytes());
    seal(&mut changed);
    changed.into()
}

/// The packet without answers; a request that stands beside one stays.
fn without_answers(packet: &[u8]) -> Option<Bytes> {
    let kept: Vec<Vec<u8>> = chunks(packet)
        .filter_map(|chunk| match parameter(chunk, RESPONSE) {
            None => Some(chunk.to_vec()),
            Some(_) => {
                let request = parameter(chunk, OUTGOING_RESET)?;
                let mut alone = vec![RECONFIG, 0];
                alone.extend_from_slice(&(request.len() as u16 + 4).to_be_bytes());
                alone.extend_from_slice(request);
                Some(alone)
            }
        })
        .collect();
    with_chunks(packet, kept.iter().map(Vec::as_slice)).map(Bytes::from)
}

/// Where a parameter's number stands (RFC 6525 §4.1, §4.4), and what was made of a request.
const NUMBER: usize = 4;
const RESULT: usize = 8;
const IN_PROGRESS: u32 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(parameters: &[&[u8]]) -> Bytes {
        let parameters = parameters.concat();
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend_from_slice(&[RECONFIG, 0, 0, parameters.len() as u8 + 4]);
        packet.extend_from_slice(&parameters);
        seal(&mut packet);
        packet.into()
    }

    fn request(number: u8, stream: u8) -> [u8; 20] {
        let mut parameter = [0; 20];
        (parameter[1], parameter[3]) = (13, 18);
        (parameter[7], parameter[17]) = (number, stream);
        parameter
    }

    fn answer(number: u8, result: u8) -> [u8; 12] {
        [0, 16, 0, 12, 0, 0, 0, number, 0, 0, 0, result]
    }

    #[test]
    fn numbers_have_no_gap_and_one_request_waits_for_the_answer_to_the_last() {
        let mut requests = Requests::default();
        let first = requests.send(packet(&[&request(10, 1)]), |_| false);
        assert_eq!(first, Some(packet(&[&request(10, 1)])));
        // The library's next number is 12: the peer never hears of 11.
        assert_eq!(requests.send(packet(&[&request(12, 3)]), |_| false), None);
        assert_eq!(requests.send(packet(&[&request(12, 3)]), |_| false), None);
        assert_eq!(requests.release(|_| false), None);
        let again = requests.send(packet(&[&request(10, 1)]), |_| false);
        assert_eq!(again, first, "it comes again as it was");

        let told = requests.receive(packet(&[&answer(10, 1)]));
        assert_eq!(told, Some(packet(&[&answer(10, 1)])));
        let next = requests.release(|_| false).expect("the other one");
        let next = requests.send(next, |_| false);
        assert_eq!(next, Some(packet(&[&request(11, 3)])));
        let told = requests.receive(packet(&[&answer(11, 1)]));
        assert_eq!(told, Some(packet(&[&answer(12, 1)])));
        assert_eq!(requests.release(|_| false), None);
    }

    #[test]
    fn in_progress_is_no_answer_and_one_that_nobody_waits_for_is_not_told() {
        let mut requests = Requests::default();
        requests.send(packet(&[&request(10, 1)]), |_| false);
        assert_eq!(requests.receive(packet(&[&answer(10, 6)])), None);
        assert_eq!(requests.receive(packet(&[&answer(9, 1)])), None);
        let both = requests.receive(packet(&[&answer(9, 1), &request(7, 5)]));
        let both = both.expect("the request");
        assert_eq!(reset_streams(&both).collect::<Vec<_>>(), [5]);
        let told = chunks(&both).find_map(|chunk| parameter(chunk, RESPONSE));
        assert_eq!(told, None);
        let both = packet(&[&answer(10, 1), &request(7, 5)]);
        assert_eq!(requests.receive(both.clone()), Some(both));
    }

    #[test]
    fn a_request_waits_for_what_is_on_its_way() {
        let mut requests = Requests::default();
        let first = packet(&[&request(10, 1)]);
        assert_eq!(requests.send(first.clone(), |stream| stream == 1), None);
        assert_eq!(requests.release(|stream| stream == 1), None);
        let other = packet(&[&request(11, 3)]);
        let sent = requests.send(other, |stream| stream == 1);
        assert_eq!(
            sent.map(|it| reset_streams(&it).collect::<Vec<_>>()),
            Some(vec![3])
        );
        let _ = requests.receive(packet(&[&answer(11, 1)]));
        assert_eq!(requests.release(|_| false), Some(first));
    }

    proptest! {
        #[test]
        fn no_packet_panics(mut packet in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(kind) = packet.get_mut(COMMON_HEADER) {
                *kind = RECONFIG;
            }
            let mut requests = Requests::default();
            let _ = requests.send(packet.clone().into(), |_| false);
            let _ = requests.receive(packet.into());
        }
    }
}
