//! How a handle that made room, or went away, gets the driver's attention without a lock or a message.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Shared by the driver and all handles of one connection.
#[derive(Debug, Default)]
pub(super) struct Wake {
    notify: Notify,
    blocked: AtomicBool,
}

impl Wake {
    /// A reader took something: the driver is woken only if it waits for room.
    pub(super) fn reader_moved(&self) {
        if self.blocked.load(Ordering::SeqCst) && self.blocked.swap(false, Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }

    /// Wakes the driver.
    pub(super) fn poke(&self) {
        self.notify.notify_one();
    }

    /// The driver found no room somewhere. It looks once more after this call, since a reader may have moved before it.
    pub(super) fn block(&self) {
        self.blocked.store(true, Ordering::SeqCst);
    }

    /// Waits until a handle wants attention.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}
