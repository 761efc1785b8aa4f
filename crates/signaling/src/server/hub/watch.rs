//! Telling who comes and goes. The hub does not wait for who watches: where it reads too slowly, it gets the whole list once more.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::super::state::{Change, Registered};
use super::{Hub, Log};

/// What somebody sees who watches.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "bridge"),
    allow(dead_code, reason = "the bridge watches")
)]
pub(in crate::server) enum Sight {
    /// Everybody who is there, each room's oldest first; whoever is not in it has gone.
    All(Vec<Registered>),
    Change(Change),
}

/// Somebody who watches.
pub(super) struct Watcher {
    to: mpsc::Sender<Sight>,
    /// Whether the whole list is due.
    behind: bool,
}

impl Watcher {
    pub(super) fn new(to: mpsc::Sender<Sight>) -> Self {
        Self { to, behind: true }
    }

    /// The state was replaced: what was seen of the old one does not count.
    pub(super) fn begin(&mut self) {
        self.behind = true;
    }
}

impl<L: Log> Hub<L> {
    /// Tells who watches what the last step has changed.
    pub(super) fn report(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let changes = self.state.take_changes();
        let sights = if watcher.behind {
            if watcher.to.capacity() == 0 && !watcher.to.is_closed() {
                return;
            }
            vec![Sight::All(self.state.watch())]
        } else {
            changes.into_iter().map(Sight::Change).collect()
        };
        watcher.behind = false;
        for sight in sights {
            match watcher.to.try_send(sight) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    watcher.behind = true;
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.watcher = None;
                    return;
                }
            }
        }
    }
}
