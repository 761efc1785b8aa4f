//! What can be seen of a running server from outside.

use std::fmt;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::control::{Command, Mailbox};
use super::report::Report;

/// Sees what a running server did, and what there is. It keeps nothing alive: of a server that was stopped it sees
/// nothing more.
#[derive(Clone)]
pub struct Observer {
    workers: Vec<Mailbox>,
}

/// A thread of the server does not answer: it has ended, or is far behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thread of the server does not answer")]
pub struct Silent;

impl Observer {
    pub(super) fn new(workers: Vec<Mailbox>) -> Self {
        Self { workers }
    }

    /// Asks every thread. Blocks for the moment that they take to answer, some seconds at most.
    ///
    /// # Errors
    /// [`Silent`]: one of them did not.
    pub fn report(&self) -> Result<Report, Silent> {
        let (sender, receiver) = sync_channel(self.workers.len().max(1));
        for worker in &self.workers {
            worker.try_send(Command::Report(sender.clone()));
        }
        // What the workers do not hold any more ends the waiting.
        drop(sender);
        let mut report = Report::default();
        let deadline = Instant::now() + PATIENCE;
        for _ in &self.workers {
            let left = deadline.saturating_duration_since(Instant::now());
            report.add(&receiver.recv_timeout(left).map_err(|_| Silent)?);
        }
        Ok(report)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("workers", &self.workers.len())
            .finish()
    }
}

/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(5);
