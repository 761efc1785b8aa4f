//! What waits to be taken by the driver: bounded by its bytes, and for small messages by their number, so that many of them
//! share the driver's turn and its datagrams.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Semaphore, TryAcquireError, mpsc};

use super::Error;
use super::command::Outgoing;

/// A queue for one connection.
pub(super) fn outbox() -> (Outbox, Inbox) {
    let room = Arc::new(Semaphore::new(ROOM));
    let (sender, receiver) = mpsc::unbounded_channel();
    let outbox = Outbox {
        sender,
        room: room.clone(),
    };
    let inbox = Inbox {
        receiver,
        room,
        taken: 0,
    };
    (outbox, inbox)
}

/// The end of the handles.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    sender: mpsc::UnboundedSender<Outgoing>,
    /// In units: what is gone waits in the queue.
    room: Arc<Semaphore>,
}

/// Room for one message.
#[derive(Debug)]
pub(super) struct Slot<'o> {
    outbox: &'o Outbox,
    permit: tokio::sync::SemaphorePermit<'o>,
}

impl Outbox {
    /// Waits for room for so many bytes. Cancel safe.
    pub(super) async fn reserve(&self, len: usize) -> Result<Slot<'_>, Error> {
        let permit = self.room.acquire_many(units(len)).await;
        let permit = permit.map_err(|_| Error::Closed)?;
        Ok(Slot {
            outbox: self,
            permit,
        })
    }

    /// The same at once, or not at all.
    pub(super) fn try_reserve(&self, len: usize) -> Result<Slot<'_>, Error> {
        let permit = self.room.try_acquire_many(units(len));
        let permit = permit.map_err(|refused| match refused {
            TryAcquireError::NoPermits => Error::Full,
            TryAcquireError::Closed => Error::Closed,
        })?;
        Ok(Slot {
            outbox: self,
            permit,
        })
    }
}

impl Slot<'_> {
    /// Queues what the room is for.
    pub(super) fn send(self, outgoing: Outgoing) {
        // The driver gives the room back.
        self.permit.forget();
        // A driver that is gone throws it away.
        let _ = self.outbox.sender.send(outgoing);
    }
}

/// The driver's end. Whoever waits for room is told when it is dropped.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: mpsc::UnboundedReceiver<Outgoing>,
    room: Arc<Semaphore>,
    /// Units that were taken and not given back.
    taken: usize,
}

impl Inbox {
    /// Waits for the next. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = self.receiver.recv().await?;
        self.count(&outgoing);
        Some(outgoing)
    }

    /// The next that waits.
    pub(super) fn try_next(&mut self) -> Result<Outgoing, TryRecvError> {
        let outgoing = self.receiver.try_recv()?;
        self.count(&outgoing);
        Ok(outgoing)
    }

    /// Gives back the room of what was taken, at once: a sender that is woken for every message sends one at a time.
    pub(super) fn release(&mut self) {
        self.room.add_permits(std::mem::take(&mut self.taken));
    }

    fn count(&mut self, outgoing: &Outgoing) {
        let len = match outgoing {
            Outgoing::Message(_, message) => message.len(),
            Outgoing::Close(_) => 0,
        };
        self.taken += units(len) as usize;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// What a message takes up. One that is larger than everything takes everything.
fn units(len: usize) -> u32 {
    let units = 1 + len / UNIT;
    units.min(ROOM) as u32
}

/// Messages that wait at most; 4 MiB of large ones.
const ROOM: usize = 1024;
/// Bytes of a unit.
const UNIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{ChannelId, Message};

    fn fill(outbox: &Outbox, len: usize) -> usize {
        let message = || Outgoing::Message(ChannelId(0), Message::Binary(vec![0; len].into()));
        std::iter::from_fn(|| outbox.try_reserve(len).ok())
            .map(|slot| slot.send(message()))
            .count()
    }

    #[test]
    fn what_waits_is_bounded_by_number_and_by_bytes_and_one_message_always_fits() {
        for (len, expected) in [(1, 1024), (65_536, 60), (64 * 1024 * 1024, 1)] {
            let (outbox, mut inbox) = outbox();
            assert_eq!(fill(&outbox, len), expected);
            while inbox.try_next().is_ok() {}
            assert_eq!(
                fill(&outbox, len),
                0,
                "the room comes back when it is released"
            );
            inbox.release();
            assert_eq!(fill(&outbox, len), expected);
        }
    }

    #[tokio::test]
    async fn who_waits_for_room_is_told_that_the_driver_is_gone() {
        let (outbox, inbox) = outbox();
        fill(&outbox, 1);
        let waiting = outbox.reserve(1);
        let (waited, ()) = tokio::join!(waiting, async { drop(inbox) });
        assert!(matches!(waited, Err(Error::Closed)));
    }
}
