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
}

impl Source {
    pub(super) fn token(self) -> Token {
        let (kind, index) = match self {
            Self::Commands => (0, 0),
            Self::Datagrams(index) => (1, index),
            Self::Relay(index) => (2, index),
        };
        Token(index << KIND_BITS | kind)
    }

    pub(super) fn of(token: Token) -> Option<Self> {
        let index = token.0 >> KIND_BITS;
        match token.0 & ((1 << KIND_BITS) - 1) {
            0 => Some(Self::Commands),
            1 => Some(Self::Datagrams(index)),
            2 => Some(Self::Relay(index)),
            _ => None,
        }
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
