//! Takes the library's needless resets out of what leaves.
//!
//! `rtc-sctp` answers each reset of the peer with one of its own, also where this side has reset the stream before. The
//! second one may reach the peer when the stream belongs to a new channel already, and would close that; and libwebrtc stops
//! reading a request at the first stream that it knows no more. So such streams are taken out; where none is left, nothing is sent, and
//! the library is told that it was done.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::packet::{COMMON_HEADER, chunks, seal, word};
use super::resets::{
    OUTGOING_RESET, PERFORMED, RECONFIG, RESET_HEADER, RESPONSE, parameter, reset,
};

/// The resets of the peer for streams that were reset here before.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    /// Those streams, by the number of the peer's request.
    requests: BTreeMap<u32, Vec<u16>>,
    /// How a packet of the peer begins.
    header: Vec<u8>,
}

/// What becomes of a packet.
#[derive(Debug, PartialEq)]
pub(super) enum Echo {
    /// It is sent, perhaps with fewer streams in it.
    Send(Bytes),
    /// It is not: nothing but needless resets is in it.
    Swallow {
        /// What the peer would answer.
        answer: Bytes,
    },
}

impl Echoes {
    /// A packet of the peer is handed on, and `resetting` are the streams that this side has reset.
    pub(super) fn expect(&mut self, packet: &[u8], resetting: &BTreeSet<u16>) {
        for (number, mut streams) in chunks(packet).filter_map(reset) {
            streams.retain(|stream| resetting.contains(stream));
            if !streams.is_empty() {
                if self.requests.len() == MAX {
                    self.requests.pop_first();
                }
                self.requests.insert(number, streams);
                self.header = packet[..COMMON_HEADER].to_vec();
            }
        }
    }

    /// A packet of the library leaves.
    pub(super) fn trim(&mut self, packet: Bytes) -> Echo {
        self.trimmed(&packet).unwrap_or(Echo::Send(packet))
    }

    /// `None`: it is sent as it is.
    fn trimmed(&mut self, packet: &[u8]) -> Option<Echo> {
        if self.requests.is_empty() {
            return None;
        }
        let request = chunks(packet).find_map(|chunk| parameter(chunk, OUTGOING_RESET))?;
        let (number, answers) = (word(request, 4)?, word(request, 8)?);
        let needless = self.requests.get(&answers)?;
        let streams = request.get(RESET_HEADER..)?.chunks_exact(2);
        let mut streams: Vec<_> = streams
            .map(|id| u16::from_be_bytes([id[0], id[1]]))
            .collect();
        streams.retain(|stream| !needless.contains(stream));
        if streams.is_empty() {
            self.requests.remove(&answers);
            let answer = self.answer(number);
            return Some(Echo::Swallow { answer });
        }
        // The entry stays: the library sends the request again until it is answered.
        Some(Echo::Send(with_streams(packet, request, &streams)))
    }

    fn answer(&self, number: u32) -> Bytes {
        let mut answer = self.header.clone();
        answer.extend_from_slice(&[RECONFIG, 0, 0, 16]);
        answer.extend_from_slice(&RESPONSE.to_be_bytes());
        answer.extend_from_slice(&12u16.to_be_bytes());
        answer.extend_from_slice(&number.to_be_bytes());
        answer.extend_from_slice(&PERFORMED.to_be_bytes());
        seal(&mut answer);
        answer.into()
    }
}

/// A packet with this request alone, for these streams.
fn with_streams(packet: &[u8], request: &[u8], streams: &[u16]) -> Bytes {
    let len = (RESET_HEADER + 2 * streams.len()) as u16;
    let mut changed = packet[..COMMON_HEADER].to_vec();
    changed.extend_from_slice(&[RECONFIG, 0]);
    changed.extend_from_slice(&(len + 4).to_be_bytes());
    changed.extend_from_slice(&OUTGOING_RESET.to_be_bytes());
    changed.extend_from_slice(&len.to_be_bytes());
    changed.extend_from_slice(&request[4..RESET_HEADER]);
    for stream in streams {
        changed.extend_from_slice(&stream.to_be_bytes());
    }
    changed.resize(changed.len().next_multiple_of(4), 0);
    seal(&mut changed);
    changed.into()
}

/// A peer waits for one answer before its next request.
const MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sctp::resets::reset_streams;

    /// A reset with this number of its own, in answer to another.
    fn request(number: u8, answers: u8, streams: &[u16]) -> Bytes {
        let mut parameter = [0; RESET_HEADER];
        (parameter[7], parameter[11]) = (number, answers);
        with_streams(&[0; COMMON_HEADER], &parameter, streams)
    }

    #[test]
    fn streams_that_were_reset_before_are_not_reset_again() {
        let mut echoes = Echoes::default();
        let before = BTreeSet::from([2, 3]);
        for (number, streams) in [(7, &[1, 2][..]), (8, &[2, 3]), (9, &[4])] {
            echoes.expect(&request(number, 0, streams), &before);
        }
        for _ in 0..2 {
            let Echo::Send(packet) = echoes.trim(request(20, 7, &[1, 2])) else {
                panic!("one is left");
            };
            assert_eq!(reset_streams(&packet).collect::<Vec<_>>(), [1]);
        }
        let Echo::Swallow { answer } = echoes.trim(request(21, 8, &[2, 3])) else {
            panic!("none is left");
        };
        let told = chunks(&answer).find_map(|chunk| parameter(chunk, RESPONSE));
        assert_eq!(told.and_then(|told| word(told, 4)), Some(21));
        let whole = request(22, 9, &[4]);
        assert_eq!(echoes.trim(whole.clone()), Echo::Send(whole));
    }
}
