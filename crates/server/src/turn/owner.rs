//! The one owner of what all workers share: how many relays each user has, over all of them.
//!
//! It is a thread of its own, outside the data path. A worker asks when an allocation is made, goes on with its other
//! clients, and is told.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use ieum_turn::server::{Limits, Registry, RelayId};

use super::control::{Command, Mailbox};

/// The owner's thread.
pub(super) struct Owner {
    questions: SyncSender<Question>,
    thread: Option<JoinHandle<()>>,
}

/// What it is asked.
enum Question {
    Admit {
        worker: u8,
        id: RelayId,
        user: Arc<str>,
        relays: usize,
    },
    Released {
        user: Arc<str>,
        relays: usize,
    },
    Reconfigure(Limits),
    Stop,
}

/// A worker's way to ask.
pub(super) struct Asking {
    worker: u8,
    questions: SyncSender<Question>,
    /// What there was no room for: none of it may be lost, or relays stay counted for ever.
    behind: VecDeque<Question>,
}

impl Owner {
    pub(super) fn start(limits: &Limits, workers: Vec<Mailbox>) -> io::Result<Self> {
        let (questions, receiver) = sync_channel(QUESTIONS);
        let registry = Registry::new(limits);
        let thread = thread::Builder::new()
            .name("turn-quotas".to_owned())
            .spawn(move || run(registry, &receiver, &workers))?;
        Ok(Self {
            questions,
            thread: Some(thread),
        })
    }

    pub(super) fn asking(&self, worker: u8) -> Asking {
        Asking {
            worker,
            questions: self.questions.clone(),
            behind: VecDeque::new(),
        }
    }

    pub(super) fn reconfigure(&self, limits: Limits) {
        // It ends only with us.
        let _ = self.questions.send(Question::Reconfigure(limits));
    }

    /// Ends the thread. The workers have ended before.
    pub(super) fn stop(&mut self) {
        let _ = self.questions.send(Question::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the owner of the TURN quotas panicked");
        }
    }
}

impl Asking {
    /// Whether the question was asked; else the owner has too many already.
    pub(super) fn admit(&mut self, id: RelayId, user: Arc<str>, relays: usize) -> bool {
        let worker = self.worker;
        let question = Question::Admit {
            worker,
            id,
            user,
            relays,
        };
        self.behind.is_empty() && self.questions.try_send(question).is_ok()
    }

    pub(super) fn release(&mut self, user: Arc<str>, relays: usize) {
        self.behind.push_back(Question::Released { user, relays });
        self.catch_up();
    }

    /// Says what there was no room for.
    pub(super) fn catch_up(&mut self) {
        while let Some(question) = self.behind.pop_front() {
            if let Err(TrySendError::Full(question)) = self.questions.try_send(question) {
                self.behind.push_front(question);
                return;
            }
        }
    }

    /// Whether something waits to be said.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }
}

fn run(mut registry: Registry, questions: &Receiver<Question>, workers: &[Mailbox]) {
    while let Ok(question) = questions.recv() {
        match question {
            Question::Admit {
                worker,
                id,
                user,
                relays,
            } => {
                let outcome = registry.admit(&user, relays);
                if let Some(worker) = workers.get(usize::from(worker)) {
                    worker.send(Command::Admitted(id, outcome));
                }
            }
            Question::Released { user, relays } => registry.release(&user, relays),
            Question::Reconfigure(limits) => registry.reconfigure(&limits),
            Question::Stop => return,
        }
    }
}

/// Questions that wait for an answer.
const QUESTIONS: usize = 4096;
