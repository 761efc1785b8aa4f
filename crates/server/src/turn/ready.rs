//! What a worker's sockets are called in its poll, and which of them still have something to be read.

use std::collections::VecDeque;

use mio::Token;

/// A source of events. The poll knows it by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// Another thread has something to say.
    Commands,
    /// A UDP socket that clients send to.
    Datagrams(usize),
    /// The UDP socket of a relay.
    Relay(usize),
    /// A TCP socket that clients connect to.
    Accept(usize),
    /// A client's connection.
    Stream(usize),
    /// The TCP socket of a relay, that peers connect to (RFC 6062).
    PeerAccept(usize),
    /// A connection with a peer (RFC 6062).
    Peer(usize),
}

impl Source {
    pub(super) fn token(self) -> Token {
        let (kind, index) = match self {
            Self::Commands => (0, 0),
            Self::Datagrams(index) => (1, index),
            Self::Relay(index) => (2, index),
            Self::Accept(index) => (3, index),
            Self::Stream(index) => (4, index),
            Self::PeerAccept(index) => (5, index),
            Self::Peer(index) => (6, index),
        };
        Token(index << KIND_BITS | kind)
    }

    pub(super) fn of(token: Token) -> Option<Self> {
        let index = token.0 >> KIND_BITS;
        Some(match token.0 & ((1 << KIND_BITS) - 1) {
            0 => Self::Commands,
            1 => Self::Datagrams(index),
            2 => Self::Relay(index),
            3 => Self::Accept(index),
            4 => Self::Stream(index),
            5 => Self::PeerAccept(index),
            6 => Self::Peer(index),
            _ => return None,
        })
    }
}

/// The poll tells of a source once, when something has come to it: what was not read then is remembered here.
#[derive(Debug, Default)]
pub(super) struct Ready {
    queue: VecDeque<Source>,
}

impl Ready {
    /// `queued` is the source's own mark, so that it waits in one place only.
    pub(super) fn push(&mut self, source: Source, queued: &mut bool) {
        if !std::mem::replace(queued, true) {
            self.queue.push_back(source);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Source> {
        self.queue.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}

const KIND_BITS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_again_by_its_token() {
        for index in [0, 1, 70_000] {
            for source in [
                Source::Datagrams(index),
                Source::Relay(index),
                Source::Accept(index),
                Source::Stream(index),
                Source::PeerAccept(index),
                Source::Peer(index),
            ] {
                assert_eq!(Source::of(source.token()), Some(source));
            }
        }
        assert_eq!(Source::of(Source::Commands.token()), Some(Source::Commands));
    }

    #[test]
    fn a_source_waits_in_one_place_only() {
        let mut ready = Ready::default();
        let mut queued = false;
        ready.push(Source::Relay(1), &mut queued);
        ready.push(Source::Relay(1), &mut queued);
        assert_eq!(ready.len(), 1);
    }
}
