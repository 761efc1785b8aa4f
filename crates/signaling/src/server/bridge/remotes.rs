//! The broker's peers, and their sessions here.

use std::collections::{HashMap, VecDeque};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::edge::Place;
use super::super::hub::{Answer, Line, Lines, Pass};
use super::super::state::ConnId;
use super::locals::Id;
use crate::protocol::Code;
use crate::protocol::mqtt::Presence;

/// The peers, by id and by their connection to the state.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    peers: HashMap<Id, Remote>,
    by_conn: HashMap<ConnId, Id>,
}

/// A peer of the broker.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) presence: Presence,
    /// Its session; none where it is not let in.
    pub(super) seat: Option<Seat>,
    /// Whether it is worth asking once more.
    pub(super) again: bool,
}

/// Its session here.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) conn: ConnId,
    pub(super) token: String,
    /// Whether the state has said that it is registered, among all that come and go.
    pub(super) seen: bool,
    /// What it has said and was not answered: the message's id, and whom it was for.
    pub(super) asked: VecDeque<(String, String)>,
    pub(super) place: Place,
    pub(super) task: Forwarder,
}

/// The task that brings what the state says to one session; it ends with this.
#[derive(Debug)]
pub(super) struct Forwarder(JoinHandle<()>);

/// What the state says to one session.
#[derive(Debug)]
pub(super) enum FromHub {
    Answer(Answer),
    Line(Line),
    Part(Option<Code>),
}

impl Remotes {
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn ids(&self) -> Vec<Id> {
        self.peers.keys().cloned().collect()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Remote> {
        self.peers.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &Id) -> Option<&mut Remote> {
        self.peers.get_mut(id)
    }

    pub(super) fn by_conn(&self, conn: ConnId) -> Option<&Id> {
        self.by_conn.get(&conn)
    }

    /// The session that a peer of the broker speaks by.
    pub(super) fn seat(&mut self, id: &Id) -> Option<&mut Seat> {
        self.peers.get_mut(id)?.seat.as_mut()
    }

    pub(super) fn insert(&mut self, id: Id, remote: Remote) {
        if let Some(seat) = &remote.seat {
            self.by_conn.insert(seat.conn, id.clone());
        }
        self.peers.insert(id, remote);
    }

    /// Takes a peer out.
    pub(super) fn remove(&mut self, id: &Id) -> Option<Remote> {
        let remote = self.peers.remove(id)?;
        if let Some(seat) = &remote.seat {
            self.by_conn.remove(&seat.conn);
        }
        Some(remote)
    }

    /// Takes a peer's session from it.
    pub(super) fn unseat(&mut self, conn: ConnId) -> Option<Seat> {
        let id = self.by_conn.remove(&conn)?;
        self.peers.get_mut(&id)?.seat.take()
    }

    /// Those that are worth asking once more.
    pub(super) fn waiting(&self) -> Vec<Id> {
        let waiting = |remote: &Remote| remote.seat.is_none() && remote.again;
        let waiting = self.peers.iter().filter(|(_, remote)| waiting(remote));
        waiting.map(|(id, _)| id.clone()).collect()
    }

    /// When a peer of ours came that has come just now: after everybody in its room who was seen to come, and before those
    /// whose turn is later. Who came later is not polite.
    pub(super) fn since(&self, room: &str, now_ms: u64) -> u64 {
        let here = self.peers.iter().filter(|((at, _), _)| at == room);
        let mut since = now_ms;
        let mut before = u64::MAX;
        for (_, remote) in here {
            match &remote.seat {
                Some(seat) if seat.seen => {
                    since = since.max(remote.presence.since_ms.saturating_add(1))
                }
                _ => before = before.min(remote.presence.since_ms),
            }
        }
        since.min(before.saturating_sub(1))
    }
}

impl Forwarder {
    /// Brings the answer to a join, and then what the session gets. While `to` has no place, the session's own queue fills.
    pub(super) fn start(
        conn: ConnId,
        answer: oneshot::Receiver<Answer>,
        mut lines: Lines,
        to: mpsc::Sender<(ConnId, FromHub)>,
    ) -> Self {
        Self(tokio::spawn(async move {
            let Ok(answer) = answer.await else { return };
            let mut next = FromHub::Answer(answer);
            loop {
                let over = matches!(next, FromHub::Part(_));
                if to.send((conn, next)).await.is_err() || over {
                    return;
                }
                next = match lines.next().await {
                    Pass::Line(line) => FromHub::Line(line),
                    Pass::Part(code) => FromHub::Part(code),
                };
            }
        }))
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.0.abort();
    }
}
