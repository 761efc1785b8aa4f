//! The sessions that requests find by their id, and how many wait outside the namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Engine;
use crate::server::rfc6455::Stream;

/// What a request has for its session.
pub(super) enum Command {
    /// Wants the next payload.
    Poll(oneshot::Sender<Vec<u8>>),
    /// Brings one; the answer says whether it could be read.
    Post(String, oneshot::Sender<bool>),
    /// A WebSocket is there: polls should end soon.
    Probe,
    /// The WebSocket is gone again.
    ProbeOver,
    /// The client goes on there.
    Upgrade(Box<Stream>),
}

pub(super) struct Sessions {
    by_id: Mutex<HashMap<String, mpsc::Sender<Command>>>,
    awaiting: Arc<Semaphore>,
}

/// A session is outside the namespace.
pub(super) type Awaiting = OwnedSemaphorePermit;

/// The session's place in the table, which is free again when this is dropped.
pub(super) struct Entry {
    engine: Arc<Engine>,
    id: String,
}

impl Sessions {
    /// As many may wait outside as can be in.
    pub(super) fn new(clients: usize) -> Self {
        Self {
            by_id: Mutex::default(),
            awaiting: Arc::new(Semaphore::new(clients.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A place outside the namespace; `None` where all are taken.
    pub(super) fn awaiting(&self) -> Option<Awaiting> {
        Arc::clone(&self.awaiting).try_acquire_owned().ok()
    }

    pub(super) fn find(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Command>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    pub(super) fn new(engine: &Arc<Engine>, id: String) -> (Self, mpsc::Receiver<Command>) {
        let (to, commands) = mpsc::channel(COMMANDS);
        engine.sessions.lock().insert(id.clone(), to);
        let engine = Arc::clone(engine);
        (Self { engine, id }, commands)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut by_id = self.engine.sessions.lock();
        by_id.remove(&self.id);
        if by_id.capacity() > 4 * by_id.len() + 64 {
            by_id.shrink_to_fit();
        }
    }
}

/// A client has a poll and a POST on their way, and perhaps a WebSocket.
const COMMANDS: usize = 4;
