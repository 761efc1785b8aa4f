//! Takes the library's needless resets out of what leaves.
//!
//! `rtc-sctp` answers each reset of the peer with one of its own, also where this side has reset the stream before. The
//! second one may reach the peer when the stream belongs to a new channel already, and would close that. It is not sent, and
//! the library is told that it was done.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::packet::{COMMON_HEADER, chunks, seal, word};
use super::resets::{OUTGOING_RESET, PERFORMED, RECONFIG, RESPONSE, parameter, reset};

/// The resets of the peer for streams that were all reset here before.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    requests: BTreeSet<u32>,
    /// How a packet of the peer begins.
    header: Vec<u8>,
}

impl Echoes {
    /// A packet of the peer is handed on, and `resetting` are the streams that this side has reset.
    pub(super) fn expect(&mut self, packet: &[u8], resetting: &BTreeSet<u16>) {
        for (number, streams) in chunks(packet).filter_map(reset) {
            if !streams.is_empty() && streams.iter().all(|stream| resetting.contains(stream)) {
                if self.requests.len() == MAX {
                    self.requests.pop_first();
                }
                self.requests.insert(number);
                self.header = packet[..COMMON_HEADER].to_vec();
            }
        }
    }

    /// Where the packet is a needless reset: what the peer would answer to it.
    pub(super) fn swallow(&mut self, packet: &[u8]) -> Option<Bytes> {
        if self.requests.is_empty() {
            return None;
        }
        let request = chunks(packet).find_map(|chunk| parameter(chunk, OUTGOING_RESET))?;
        let (number, answers) = (word(request, 4)?, word(request, 8)?);
        if !self.requests.remove(&answers) {
            return None;
        }
        let mut answer = self.header.clone();
        answer.extend_from_slice(&[RECONFIG, 0, 0, 16]);
        answer.extend_from_slice(&RESPONSE.to_be_bytes());
        answer.extend_from_slice(&12u16.to_be_bytes());
        answer.extend_from_slice(&number.to_be_bytes());
        answer.extend_from_slice(&PERFORMED.to_be_bytes());
        seal(&mut answer);
        Some(answer.into())
    }
}

/// A peer waits for one answer before its next request.
const MAX: usize = 16;
