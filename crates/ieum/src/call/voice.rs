//! How a call speaks to its peer: over the endpoint's signaling, which it asks for where the endpoint has left.

use std::time::Duration;

use ieum_signaling::{Signal, client};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// The endpoint's signaling, as a call has it.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    /// `None` while the endpoint has left. It closes when signaling is lost.
    sender: watch::Receiver<Option<client::Sender>>,
    wanted: mpsc::Sender<()>,
}

/// What the endpoint's task holds of it.
#[derive(Debug)]
pub(super) struct Exchange {
    sender: watch::Sender<Option<client::Sender>>,
    wanted: mpsc::Receiver<()>,
    voice: Voice,
}

impl Exchange {
    pub(super) fn new(sender: client::Sender) -> Self {
        let (sender, read) = watch::channel(Some(sender));
        let (want, wanted) = mpsc::channel(1);
        let voice = Voice {
            sender: read,
            wanted: want,
        };
        Self {
            sender,
            wanted,
            voice,
        }
    }

    pub(super) fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// There is signaling again, or none.
    pub(super) fn set(&self, sender: Option<client::Sender>) {
        self.sender.send_replace(sender);
    }

    /// A call asks for signaling. Cancel safe.
    pub(super) async fn wanted(&mut self) {
        // This holds a sender, so it does not end.
        self.wanted.recv().await;
    }
}

impl Voice {
    /// Asks the endpoint to join again, where it has left.
    pub(super) fn ask(&self) {
        if self.sender.borrow().is_none() {
            // A full queue says that somebody has asked already.
            let _ = self.wanted.try_send(());
        }
    }

    /// Says something that is worth joining for. False: there is no signaling.
    pub(super) async fn say(&mut self, peer: &str, signal: Signal) -> bool {
        let sender = timeout(JOIN, async {
            loop {
                if let Some(sender) = self.sender.borrow_and_update().clone() {
                    return Some(sender);
                }
                self.ask();
                self.sender.changed().await.ok()?;
            }
        });
        match sender.await {
            Ok(Some(sender)) => sender.send(peer, signal).await.is_ok(),
            _ => false,
        }
    }

    /// Says something where there is signaling. False: there is none.
    pub(super) async fn add(&self, peer: &str, signal: Signal) -> bool {
        let sender = self.sender.borrow().clone();
        match sender {
            Some(sender) => sender.send(peer, signal).await.is_ok(),
            None => false,
        }
    }
}

/// What joining again may take, before what was to be said is not said.
const JOIN: Duration = Duration::from_secs(15);
