//! One client, for as long as it is remembered.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::op::{ConnId, News, NodeId};
use crate::protocol::{REMEMBERED_IDS, Reply};

/// A session's number; older ones are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::server) struct Key(pub(in crate::server) u64);

/// One client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) room: String,
    pub(super) socket_id: String,
    /// The places of its ids in the room's list.
    pub(super) ids: Vec<u64>,
    /// Where it is; none while it is away.
    pub(super) at: Option<(NodeId, ConnId)>,
    /// Until when it may come back.
    pub(super) deadline: Option<Duration>,
    /// What comes back; none where the session ends with its connection.
    pub(super) token: Option<String>,
    /// Whether it understands more than the old protocol.
    pub(super) modern: bool,
    /// Whether it is a peer of a broker, which sees and hears there who else is on it, and who comes and goes.
    #[serde(default)]
    pub(super) bridged: bool,
    /// Only sessions with a token have much of these; the others go without.
    pub(super) kept: Option<Box<Kept>>,
    /// Message ids that were accepted, oldest first.
    pub(super) accepted: VecDeque<(String, Reply)>,
}

/// What is kept until it is confirmed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The last number given.
    pub(super) seq: u64,
    pub(super) queue: VecDeque<Queued>,
    pub(super) bytes: usize,
}

/// One that waits to be confirmed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Queued {
    pub(super) seq: u64,
    pub(super) news: News,
    /// Whom to tell if it is never fetched: the sender, and the message's own id.
    pub(super) sender: Option<(Key, Option<String>, String)>,
}

impl Session {
    /// The answer that a message id got before.
    pub(super) fn answered(&self, id: Option<&str>) -> Option<&Reply> {
        let id = id?;
        self.accepted
            .iter()
            .rev()
            .find(|(known, _)| known == id)
            .map(|(_, reply)| reply)
    }

    pub(super) fn remember(&mut self, id: String, reply: Reply) {
        if self.accepted.len() >= REMEMBERED_IDS {
            self.accepted.pop_front();
        }
        self.accepted.push_back((id, reply));
    }
}

impl Kept {
    /// Whether one more of `bytes` fits.
    pub(super) fn has_room(&self, bytes: usize, most: usize, most_bytes: usize) -> bool {
        self.queue.is_empty()
            || (self.queue.len() < most && self.bytes.saturating_add(bytes) <= most_bytes)
    }

    pub(super) fn push(
        &mut self,
        mut news: News,
        sender: Option<(Key, Option<String>, String)>,
    ) -> (u64, News) {
        self.seq += 1;
        if let News::Undelivered(lost) = &mut news {
            lost.seq = self.seq;
        }
        self.bytes += news.len();
        self.queue.push_back(Queued {
            seq: self.seq,
            news: news.clone(),
            sender,
        });
        (self.seq, news)
    }

    /// Forgets what was read.
    pub(super) fn confirm(&mut self, seq: u64) {
        while self.queue.front().is_some_and(|first| first.seq <= seq) {
            if let Some(read) = self.queue.pop_front() {
                self.bytes -= read.news.len();
            }
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

impl News {
    /// Its share of a queue's bytes.
    pub(in crate::server) fn len(&self) -> usize {
        match self {
            Self::Message(body) => body.len(),
            Self::Undelivered(lost) => {
                128 + lost.to.len() + lost.id.as_ref().map_or(0, String::len)
            }
        }
    }
}
