//! What waits to be taken by the driver: bounded by its bytes, and for small messages by their number, so that many of them
//! share the driver's turn and its datagrams. Each priority has room of its own, and channels take turns by it: what is urgent
//! waits neither for the room nor for the turn of a long transfer.

use std::sync::Arc;

use tokio::sync::{Semaphore, TryAcquireError, mpsc};

use super::Error;
use super::command::Outgoing;
use crate::core::fair::Fair;
use crate::core::{ChannelId, Priority};

/// A queue for one connection.
pub(super) fn outbox() -> (Outbox, Inbox) {
    let room = Arc::new([(); RANKS].map(|()| Semaphore::new(ROOM)));
    let (sender, receiver) = mpsc::unbounded_channel();
    let outbox = Outbox {
        sender,
        room: room.clone(),
    };
    let inbox = Inbox {
        receiver,
        room,
        taken: [0; RANKS],
        waiting: Fair::default(),
    };
    (outbox, inbox)
}

/// The end of the handles.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    sender: mpsc::UnboundedSender<Ranked>,
    room: Arc<Room>,
}

/// In units, of each priority: what is gone waits in the queue.
type Room = [Semaphore; RANKS];

/// What goes out, with the priority of its channel.
type Ranked = (Priority, Outgoing);

/// Room for one message.
#[derive(Debug)]
pub(super) struct Slot<'o> {
    outbox: &'o Outbox,
    priority: Priority,
    permit: tokio::sync::SemaphorePermit<'o>,
}

impl Outbox {
    /// Waits for room for so many bytes on a channel of this priority. Cancel safe.
    pub(super) async fn reserve(&self, priority: Priority, len: usize) -> Result<Slot<'_>, Error> {
        let room = &self.room[priority as usize];
        let permit = room.acquire_many(units(len)).await;
        let permit = permit.map_err(|_| Error::Closed)?;
        Ok(Slot {
            outbox: self,
            priority,
            permit,
        })
    }

    /// The same at once, or not at all.
    pub(super) fn try_reserve(&self, priority: Priority, len: usize) -> Result<Slot<'_>, Error> {
        let room = &self.room[priority as usize];
        let permit = room.try_acquire_many(units(len));
        let permit = permit.map_err(|refused| match refused {
            TryAcquireError::NoPermits => Error::Full,
            TryAcquireError::Closed => Error::Closed,
        })?;
        Ok(Slot {
            outbox: self,
            priority,
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
        let _ = self.outbox.sender.send((self.priority, outgoing));
    }
}

/// The driver's end. Whoever waits for room is told when it is dropped.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: mpsc::UnboundedReceiver<Ranked>,
    /// What was received and not taken.
    waiting: Fair<ChannelId, Ranked>,
    room: Arc<Room>,
    /// Units that were taken and not given back.
    taken: [usize; RANKS],
}

impl Inbox {
    /// Waits for the next. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Outgoing> {
        if self.waiting.is_empty() {
            let first = self.receiver.recv().await?;
            self.queue(first);
        }
        self.try_next()
    }

    /// The next that waits.
    pub(super) fn try_next(&mut self) -> Option<Outgoing> {
        while let Ok(ranked) = self.receiver.try_recv() {
            self.queue(ranked);
        }
        let (_, (priority, outgoing)) = self.waiting.pop()?;
        let (_, len) = outgoing.channel_and_len();
        self.taken[priority as usize] += units(len) as usize;
        Some(outgoing)
    }

    fn queue(&mut self, (priority, outgoing): Ranked) {
        let (channel, len) = outgoing.channel_and_len();
        let weight = priority.to_wire();
        self.waiting
            .push(channel, weight, len, (priority, outgoing));
    }

    /// Gives back the room of what was taken, at once: a sender that is woken for every message sends one at a time.
    pub(super) fn release(&mut self) {
        for (room, taken) in self.room.iter().zip(&mut self.taken) {
            let taken = std::mem::take(taken);
            if taken > 0 {
                room.add_permits(taken);
            }
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.room.iter().for_each(Semaphore::close);
    }
}

impl Outgoing {
    fn channel_and_len(&self) -> (ChannelId, usize) {
        match self {
            Self::Message(channel, message) => (*channel, message.len()),
            Self::Close(channel) => (*channel, 0),
        }
    }
}

/// What a message takes up. One that is larger than everything takes everything.
fn units(len: usize) -> u32 {
    let units = 1 + len / UNIT;
    units.min(ROOM) as u32
}

/// How many priorities there are.
const RANKS: usize = 4;
/// Messages of a priority that wait at most; 4 MiB of large ones.
const ROOM: usize = 1024;
/// Bytes of a unit.
const UNIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Message;
    use Priority::{High, Low};

    fn fill(outbox: &Outbox, priority: Priority, len: usize) -> usize {
        let channel = ChannelId(priority as u64);
        let message = || Outgoing::Message(channel, Message::Binary(vec![0; len].into()));
        std::iter::from_fn(|| outbox.try_reserve(priority, len).ok())
            .map(|slot| slot.send(message()))
            .count()
    }

    #[test]
    fn what_waits_is_bounded_by_number_and_by_bytes_and_one_message_always_fits() {
        for (len, expected) in [(1, 1024), (65_536, 60), (64 * 1024 * 1024, 1)] {
            let (outbox, mut inbox) = outbox();
            assert_eq!(fill(&outbox, Low, len), expected);
            while inbox.try_next().is_some() {}
            assert_eq!(
                fill(&outbox, Low, len),
                0,
                "the room comes back when it is released"
            );
            inbox.release();
            assert_eq!(fill(&outbox, Low, len), expected);
        }
    }

    #[test]
    fn what_is_urgent_waits_neither_for_the_room_nor_for_the_turn_of_others() {
        let (outbox, mut inbox) = outbox();
        assert_eq!(fill(&outbox, Low, 65_536), 60);
        inbox.try_next();
        let slot = outbox.try_reserve(High, 1).expect("room of its own");
        slot.send(Outgoing::Message(ChannelId(7), Message::Text("x".into())));
        let next = inbox.try_next();
        assert!(matches!(next, Some(Outgoing::Message(ChannelId(7), _))));
    }

    #[tokio::test]
    async fn who_waits_for_room_is_told_that_the_driver_is_gone() {
        let (outbox, inbox) = outbox();
        fill(&outbox, Low, 1);
        let waiting = outbox.reserve(Low, 1);
        let (waited, ()) = tokio::join!(waiting, async { drop(inbox) });
        assert!(matches!(waited, Err(Error::Closed)));
    }
}
