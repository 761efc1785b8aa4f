//! RTCDataChannel: a receiving half and a sending half that can be cloned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc, watch};

use super::command::Outgoing;
use super::outbox::{Outbox, Slot};
use super::wake::Wake;
use super::{ChannelEvent, DataReceiver, Error};
use crate::core::{
    ChannelError, ChannelId, ChannelInfo, DataChannelState, Message, Priority, Reliability,
    UsageError,
};

/// A data channel. Dropping it and every [`DataSender`] of it closes the channel.
#[derive(Debug)]
pub struct DataChannel {
    sender: DataSender,
    receiver: DataReceiver,
}

/// The sending half of a [`DataChannel`]; all clones send on the same channel.
#[derive(Debug, Clone)]
pub struct DataSender {
    shared: Arc<Shared>,
    state: watch::Receiver<Status>,
    outgoing: Outbox,
}

impl DataChannel {
    pub(super) fn new(
        shared: Arc<Shared>,
        state: watch::Receiver<Status>,
        outgoing: Outbox,
        messages: mpsc::UnboundedReceiver<Message>,
    ) -> Self {
        let receiver = DataReceiver::new(&shared, state.clone(), messages);
        Self {
            sender: DataSender {
                shared,
                state,
                outgoing,
            },
            receiver,
        }
    }

    /// The next message; `None` when the channel is closed and all have been read. Cancel safe.
    pub async fn recv(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }

    /// The next event, messages among them; `None` after [`ChannelEvent::Closed`]. Cancel safe.
    pub async fn next(&mut self) -> Option<ChannelEvent> {
        self.receiver.next().await
    }

    /// Another handle that sends on this channel.
    #[must_use]
    pub fn sender(&self) -> DataSender {
        self.sender.clone()
    }

    /// The two halves, for two tasks.
    #[must_use]
    pub fn split(self) -> (DataSender, DataReceiver) {
        (self.sender, self.receiver)
    }
}

/// Everything that needs no receiver.
impl std::ops::Deref for DataChannel {
    type Target = DataSender;

    fn deref(&self) -> &DataSender {
        &self.sender
    }
}

impl DataSender {
    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.shared.info.label
    }

    /// What is spoken on it, empty where nobody said.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.shared.info.protocol
    }

    /// Whether messages arrive in order.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.shared.info.ordered
    }

    /// How long a message is sent again, in milliseconds; `None`: no bound.
    #[must_use]
    pub fn max_packet_life_time_ms(&self) -> Option<u32> {
        match self.shared.info.reliability {
            Reliability::LifetimeMs(ms) => Some(ms),
            _ => None,
        }
    }

    /// How often a message is sent again; `None`: no bound.
    #[must_use]
    pub fn max_retransmits(&self) -> Option<u32> {
        match self.shared.info.reliability {
            Reliability::Retransmits(count) => Some(count),
            _ => None,
        }
    }

    /// Whether both sides agreed on it without a word on the wire.
    #[must_use]
    pub fn negotiated(&self) -> bool {
        self.shared.info.negotiated
    }

    /// Its rank among the channels of its connection.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.shared.info.priority
    }

    /// Its stream; `None` until the DTLS roles are known (RFC 8832 §6).
    #[must_use]
    pub fn id(&self) -> Option<u16> {
        self.state.borrow().id
    }

    /// Where it is in its life.
    #[must_use]
    pub fn ready_state(&self) -> DataChannelState {
        self.state.borrow().state
    }

    /// How many bytes were given to `send` and have not been acknowledged by the peer or given up.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.shared.amounts.buffered.load(Ordering::Relaxed)
    }

    /// Where [`ChannelEvent::BufferedAmountLow`] is told, in bytes: 0 unless it was set.
    #[must_use]
    pub fn buffered_amount_low_threshold(&self) -> usize {
        self.shared.amounts.threshold.load(Ordering::Relaxed)
    }

    /// Sets where [`ChannelEvent::BufferedAmountLow`] is told: when [`buffered_amount`](Self::buffered_amount) falls from
    /// more than so many bytes to as many or less.
    pub fn set_buffered_amount_low_threshold(&self, bytes: usize) {
        self.shared
            .amounts
            .threshold
            .store(bytes, Ordering::Relaxed);
    }

    /// Why it failed, where it did.
    #[must_use]
    pub fn error(&self) -> Option<ChannelError> {
        self.state.borrow().error
    }

    /// The largest message that can be sent, in bytes; known once the peer's description is applied.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.state.borrow().max_message_size
    }

    /// Waits until the channel is open.
    ///
    /// # Errors
    /// The channel or its connection was closed.
    pub async fn opened(&self) -> Result<(), Error> {
        let mut state = self.state.clone();
        let status = state
            .wait_for(|status| status.state != DataChannelState::Connecting)
            .await
            .map_err(|_| Error::Closed)?;
        match status.state {
            DataChannelState::Open => Ok(()),
            other => Err(UsageError::ChannelNotOpen(other).into()),
        }
    }

    /// Waits until the channel is closed, by whichever side.
    pub async fn closed(&self) {
        let mut state = self.state.clone();
        // The other end of the watch is gone only when the driver is.
        let _ = state
            .wait_for(|status| status.state == DataChannelState::Closed)
            .await;
    }

    /// Sends one binary message; waits while the connection's send buffer is full. Cancel safe: then nothing is sent.
    ///
    /// # Errors
    /// The channel is not open, or the message is larger than [`max_message_size`](Self::max_message_size).
    pub async fn send(&self, message: impl Into<bytes::Bytes>) -> Result<(), Error> {
        self.send_message(Message::Binary(message.into())).await
    }

    /// Sends one text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_text(&self, text: impl Into<String>) -> Result<(), Error> {
        self.send_message(Message::Text(text.into())).await
    }

    /// Sends one message of either kind, as [`send`](Self::send) does.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_message(&self, message: Message) -> Result<(), Error> {
        self.check(&message)?;
        let slot = self
            .outgoing
            .reserve(self.priority(), message.len())
            .await?;
        // The state may have changed while this waited.
        self.check(&message)?;
        self.queue(slot, message);
        Ok(())
    }

    /// Sends one binary message at once, or not at all.
    ///
    /// # Errors
    /// [`Error::Full`]: the send buffer is full, and nothing was sent; else as [`send`](Self::send).
    pub fn try_send(&self, message: impl Into<bytes::Bytes>) -> Result<(), Error> {
        self.try_send_message(Message::Binary(message.into()))
    }

    /// Sends one text message, as [`try_send`](Self::try_send) does.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_text(&self, text: impl Into<String>) -> Result<(), Error> {
        self.try_send_message(Message::Text(text.into()))
    }

    /// Sends one message of either kind, as [`try_send`](Self::try_send) does.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_message(&self, message: Message) -> Result<(), Error> {
        self.check(&message)?;
        let slot = self.outgoing.try_reserve(self.priority(), message.len())?;
        self.queue(slot, message);
        Ok(())
    }

    fn queue(&self, slot: Slot<'_>, message: Message) {
        let Amounts {
            buffered, queued, ..
        } = &*self.shared.amounts;
        buffered.fetch_add(message.len(), Ordering::Relaxed);
        queued.fetch_add(1, Ordering::Relaxed);
        slot.send(Outgoing::Message(self.shared.channel, message));
    }

    /// Closes the channel once what was sent has arrived. Returns when the driver has been told; see
    /// [`closed`](Self::closed).
    pub async fn close(&self) {
        // A driver that is gone has closed every channel.
        if let Ok(slot) = self.outgoing.reserve(self.priority(), 0).await {
            slot.send(Outgoing::Close(self.shared.channel));
        }
    }

    fn check(&self, message: &Message) -> Result<(), UsageError> {
        let status = self.state.borrow();
        if status.state != DataChannelState::Open {
            return Err(UsageError::ChannelNotOpen(status.state));
        }
        if message.len() > status.max_message_size {
            let (len, max) = (message.len(), status.max_message_size);
            return Err(UsageError::MessageTooLarge { len, max });
        }
        Ok(())
    }
}

/// What changes in a channel's life, in a `watch`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Status {
    pub(super) state: DataChannelState,
    pub(super) was_open: bool,
    pub(super) error: Option<ChannelError>,
    pub(super) id: Option<u16>,
    pub(super) max_message_size: usize,
}

/// What all handles of one channel share. The driver holds it weakly, so that it sees when the last handle goes.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) channel: ChannelId,
    /// As it was when the handle was made.
    pub(super) info: ChannelInfo,
    pub(super) amounts: Arc<Amounts>,
    pub(super) wake: Arc<Wake>,
}

/// What waits on a channel; outlives its handles.
#[derive(Debug, Default)]
pub(super) struct Amounts {
    /// Bytes given to `send` that are not acknowledged.
    pub(super) buffered: AtomicUsize,
    /// Messages that the driver has not taken yet.
    pub(super) queued: AtomicUsize,
    /// What waits for the reader, beyond what SCTP holds.
    unread: AtomicUsize,
    /// Where the falling amount is told.
    pub(super) threshold: AtomicUsize,
    /// Tells it.
    pub(super) low: Arc<Notify>,
}

impl Amounts {
    /// A message is handed to the reader.
    pub(super) fn unread(&self, message: &Message) {
        self.unread.fetch_add(cost(message), Ordering::SeqCst);
    }

    /// The reader took it: the driver is woken once half is read, not for every message.
    pub(super) fn read(&self, message: &Message, wake: &Wake) {
        let cost = cost(message);
        let before = self.unread.fetch_sub(cost, Ordering::SeqCst);
        if before - cost <= UNREAD / 2 {
            wake.reader_moved();
        }
    }

    /// Whether the reader has enough to read; then it wakes the driver when it has less.
    pub(super) fn is_full(&self, wake: &Wake) -> bool {
        let unread = || self.unread.load(Ordering::SeqCst);
        if unread() < UNREAD {
            return false;
        }
        wake.block();
        // It may have read in the meantime.
        unread() > UNREAD / 2
    }

    /// So many bytes were acknowledged, or given up.
    pub(super) fn released(&self, bytes: usize) {
        let before = self.buffered.fetch_sub(bytes, Ordering::Relaxed);
        let threshold = self.threshold.load(Ordering::Relaxed);
        if before > threshold && before - bytes <= threshold {
            self.low.notify_one();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.wake.poke();
    }
}

/// What a message counts for its reader: small ones are counted too.
fn cost(message: &Message) -> usize {
    message.len() + size_of::<Message>()
}

/// Bytes of a channel that wait for its reader.
const UNREAD: usize = 512 * 1024;
