//! What outlives a connection: which messages were not acknowledged yet, how far this side has read, and what names the
//! session to the server. No I/O and no clock.

use std::collections::{BTreeMap, HashSet, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::event::Outcome;
use super::link::Outgoing;
use crate::protocol::{Claim, Joined};

/// One session of a peer.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Names it to the server; `None` where the server keeps none.
    token: Option<String>,
    /// The last number that was read.
    read: u64,
    /// The last number that the server was told of.
    confirmed: u64,
    /// How many messages may be unconfirmed.
    confirm_every: u64,
    last_id: u64,
    unacknowledged: BTreeMap<u64, Sent>,
    /// Messages of a broker that were read, newest last.
    seen: VecDeque<(String, String)>,
    seen_set: HashSet<(String, String)>,
}

/// A message that was sent, until the server answers.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) said: Outgoing,
    pub(super) at: Instant,
    /// Who waits for the answer.
    pub(super) waiter: Option<oneshot::Sender<Outcome>>,
}

/// Whether something that counts is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    New,
    Repeated,
    /// Something between is missing: what the server says is not what it promises.
    Gap,
}

impl Session {
    /// Begins, or goes on after a reconnection. What is returned was sent in a session that is over.
    pub(super) fn joined(&mut self, joined: &Joined) -> Vec<Sent> {
        self.token.clone_from(&joined.resume);
        let queue = u64::try_from(joined.queue).unwrap_or(u64::MAX);
        self.confirm_every = match queue {
            0 => CONFIRM_EVERY,
            queue => (queue / 4).clamp(1, CONFIRM_EVERY),
        };
        if joined.resumed {
            return Vec::new();
        }
        (self.read, self.confirmed) = (0, 0);
        std::mem::take(&mut self.unacknowledged)
            .into_values()
            .collect()
    }

    /// What a reconnection claims; `None` where the server keeps no session.
    pub(super) fn claim(&self) -> Option<Claim> {
        let token = self.token.clone()?;
        Some(Claim {
            token,
            seq: self.read,
        })
    }

    /// The name of the next message.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether one more message may be sent: a server that keeps sessions remembers only so many names.
    pub(super) fn has_room(&self) -> bool {
        self.token.is_none() || self.unacknowledged.len() < WINDOW
    }

    /// Remembers a message. What is returned had to be forgotten for it: an old server never answers.
    pub(super) fn sent(&mut self, sent: Sent) -> Option<Sent> {
        self.unacknowledged.insert(sent.said.id, sent);
        if self.unacknowledged.len() <= UNACKNOWLEDGED {
            return None;
        }
        self.unacknowledged.pop_first().map(|(_, sent)| sent)
    }

    pub(super) fn acknowledged(&mut self, id: u64) -> Option<Sent> {
        self.unacknowledged.remove(&id)
    }

    /// Since when the oldest message waits for its answer, where the server promises one.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.token.as_ref()?;
        self.unacknowledged.values().map(|sent| sent.at).min()
    }

    /// What is to be sent again, in order.
    pub(super) fn repeat(&mut self, now: Instant) -> Vec<Outgoing> {
        let again = self.unacknowledged.values_mut().map(|sent| {
            sent.at = now;
            sent.said.clone()
        });
        again.collect()
    }

    /// Takes the number of something that came.
    pub(super) fn count(&mut self, seq: u64) -> Order {
        if self.token.is_none() {
            return Order::New;
        }
        match seq {
            seq if seq <= self.read => Order::Repeated,
            seq if seq == self.read + 1 => {
                self.read = seq;
                Order::New
            }
            _ => Order::Gap,
        }
    }

    /// The number to confirm, when it is time to.
    pub(super) fn confirm(&mut self) -> Option<u64> {
        if self.read - self.confirmed < self.confirm_every {
            return None;
        }
        self.confirmed = self.read;
        Some(self.read)
    }

    /// The number to confirm before leaving: what was read must not come back to its senders.
    pub(super) fn confirm_last(&mut self) -> Option<u64> {
        let unconfirmed = self.read > self.confirmed;
        self.confirmed = self.read;
        unconfirmed.then_some(self.read)
    }

    /// Whether a message of a broker is new. The last 1,024 are remembered.
    pub(super) fn is_new(&mut self, from: &str, id: String) -> bool {
        let name = (from.to_owned(), id);
        if !self.seen_set.insert(name.clone()) {
            return false;
        }
        self.seen.push_back(name);
        if self.seen.len() > SEEN
            && let Some(oldest) = self.seen.pop_front()
        {
            self.seen_set.remove(&oldest);
        }
        true
    }
}

/// Half of what the protocol asks for.
const CONFIRM_EVERY: u64 = 32;

/// A quarter of the names that a server remembers.
const WINDOW: usize = 64;

/// How many messages are remembered for the answer of a server that may never give one.
const UNACKNOWLEDGED: usize = 256;

const SEEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(resumed: bool) -> Joined {
        Joined {
            resume: Some("t".into()),
            resumed,
            queue: 256,
            ..Joined::default()
        }
    }

    fn sent(session: &mut Session) -> u64 {
        let id = session.next_id();
        let message = serde_json::value::RawValue::NULL.to_owned();
        let said = Outgoing {
            id,
            to: None,
            message,
        };
        session.sent(Sent {
            said,
            at: Instant::now(),
            waiter: None,
        });
        id
    }

    #[test]
    fn what_comes_twice_is_repeated_and_what_is_missing_is_a_gap() {
        let mut session = Session::default();
        session.joined(&joined(false));
        assert_eq!(session.count(1), Order::New);
        assert_eq!(session.count(1), Order::Repeated);
        assert_eq!(session.count(3), Order::Gap);
        assert_eq!(session.claim().map(|claim| claim.seq), Some(1));
        session.joined(&joined(true));
        assert_eq!(session.count(2), Order::New, "it goes on");
        session.joined(&joined(false));
        assert_eq!(session.count(1), Order::New, "it begins anew");
    }

    #[test]
    fn a_resumed_session_repeats_what_was_not_acknowledged_and_a_new_one_gives_it_back() {
        let mut session = Session::default();
        session.joined(&joined(false));
        let (first, second) = (sent(&mut session), sent(&mut session));
        assert!(session.acknowledged(first).is_some());
        assert!(session.joined(&joined(true)).is_empty());
        let again = session.repeat(Instant::now());
        assert_eq!(
            again.iter().map(|said| said.id).collect::<Vec<_>>(),
            [second]
        );
        let lost = session.joined(&joined(false));
        assert_eq!(lost.len(), 1);
        assert!(session.repeat(Instant::now()).is_empty());
    }

    #[test]
    fn everything_is_bounded() {
        let mut session = Session::default();
        session.joined(&joined(false));
        for _ in 0..WINDOW {
            assert!(session.has_room());
            sent(&mut session);
        }
        assert!(!session.has_room());
        let mut old = Session::default();
        for _ in 0..1000 {
            assert!(old.has_room());
            sent(&mut old);
        }
        assert_eq!(old.unacknowledged.len(), UNACKNOWLEDGED);
        for n in 0..5000 {
            assert!(old.is_new("a", n.to_string()));
            assert!(!old.is_new("a", n.to_string()));
        }
        assert_eq!((old.seen.len(), old.seen_set.len()), (SEEN, SEEN));
    }

    #[test]
    fn confirmations_come_in_time() {
        let mut session = Session::default();
        session.joined(&joined(false));
        let confirmed: Vec<_> = (1..=100)
            .filter_map(|seq| {
                session.count(seq);
                session.confirm()
            })
            .collect();
        assert_eq!(confirmed, [32, 64, 96]);
        assert_eq!(session.confirm_last(), Some(100));
        assert_eq!(session.confirm_last(), None);
    }
}
