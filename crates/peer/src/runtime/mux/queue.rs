//! What waits for one connection: bounded in batches and in bytes, so that one that is slow costs the others nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ieum_ice::FiveTuple;
use tokio::sync::mpsc;

/// Datagrams of one five-tuple, in the order in which they came.
#[derive(Debug)]
pub(in crate::runtime) struct Batch {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Each has this length; the last may be shorter.
    pub(super) stride: usize,
    pub(super) bytes: Vec<u8>,
    /// The other end is known to be the connection's peer: it came by its address.
    pub(super) is_bound: bool,
}

impl Batch {
    pub(in crate::runtime) fn from(&self) -> FiveTuple {
        FiveTuple::udp(self.local, self.remote)
    }

    pub(in crate::runtime) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::runtime) fn stride(&self) -> usize {
        self.stride
    }

    pub(in crate::runtime) fn is_bound(&self) -> bool {
        self.is_bound
    }
}

#[derive(Debug)]
pub(super) struct Sender {
    batches: mpsc::Sender<Batch>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) struct Receiver {
    batches: mpsc::Receiver<Batch>,
    waiting: Arc<AtomicUsize>,
}

pub(super) fn queue() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(MAX_BATCHES);
    let waiting = Arc::new(AtomicUsize::new(0));
    let sender = Sender {
        batches: sender,
        waiting: waiting.clone(),
    };
    let receiver = Receiver {
        batches: receiver,
        waiting,
    };
    (sender, receiver)
}

impl Sender {
    /// `false`: there is no room, or nobody who takes it any more.
    pub(super) fn send(&self, batch: impl FnOnce() -> Batch, len: usize) -> bool {
        if self.waiting.load(Ordering::Relaxed) + len > MAX_BYTES {
            return false;
        }
        let Ok(room) = self.batches.try_reserve() else {
            return false;
        };
        self.waiting.fetch_add(len, Ordering::Relaxed);
        room.send(batch());
        true
    }
}

impl Receiver {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Batch> {
        match self.batches.poll_recv(cx) {
            Poll::Ready(Some(batch)) => Poll::Ready(self.taken(batch)),
            // The port is gone, which it is not before this connection.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Batch> {
        let batch = self.batches.try_recv().ok()?;
        Some(self.taken(batch))
    }

    fn taken(&self, batch: Batch) -> Batch {
        self.waiting.fetch_sub(batch.bytes.len(), Ordering::Relaxed);
        batch
    }
}

/// Batches that wait for one connection: as many small datagrams as a socket's buffer takes.
const MAX_BATCHES: usize = 1024;
/// Bytes that wait for one connection.
const MAX_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(len: usize) -> Batch {
        Batch {
            local: ([127, 0, 0, 1], 1).into(),
            remote: ([127, 0, 0, 1], 2).into(),
            stride: 1200,
            bytes: vec![0; len],
            is_bound: true,
        }
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_in_batches_and_what_is_taken_makes_room() {
        let (sender, mut receiver) = queue();
        let send = |len| sender.send(|| batch(len), len);
        assert!(send(MAX_BYTES - 10) && send(10) && !send(1));
        assert_eq!(receiver.try_next().unwrap().bytes.len(), MAX_BYTES - 10);
        let taken = (0..2 * MAX_BATCHES).filter(|_| send(1)).count();
        assert_eq!(taken, MAX_BATCHES - 1);
        drop(receiver);
        assert!(!send(1));
    }
}
