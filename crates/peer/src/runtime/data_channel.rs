//! RTCDataChannel: a receiving half and a sending half that can be cloned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::Error;
use super::command::Outgoing;
use super::wake::Wake;
use crate::core::{ChannelId, DataChannelState, Message, UsageError};

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
    outgoing: mpsc::Sender<Outgoing>,
}

/// The receiving half of a [`DataChannel`]. While it lives and is not read, SCTP stops taking this connection's messages
/// in; once it is dropped, what arrives is thrown away.
#[derive(Debug)]
pub struct DataReceiver {
    messages: mpsc::Receiver<Message>,
    wake: Arc<Wake>,
}

impl DataChannel {
    pub(super) fn new(
        shared: Arc<Shared>,
        state: watch::Receiver<Status>,
        outgoing: mpsc::Sender<Outgoing>,
        messages: mpsc::Receiver<Message>,
    ) -> Self {
        let wake = shared.wake.clone();
        Self {
            sender: DataSender {
                shared,
                state,
                outgoing,
            },
            receiver: DataReceiver { messages, wake },
        }
    }

    /// The next message; `None` when the channel is closed and all have been read. Cancel safe.
    pub async fn recv(&mut self) -> Option<Message> {
        self.receiver.recv().await
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

impl DataReceiver {
    /// The next message; `None` when the channel is closed and all have been read. Cancel safe.
    pub async fn recv(&mut self) -> Option<Message> {
        let message = self.messages.recv().await;
        self.wake.reader_moved();
        message
    }
}

impl DataSender {
    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.shared.label
    }

    /// What is spoken on it, empty where nobody said.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.shared.protocol
    }

    /// Whether messages arrive in order.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.shared.ordered
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
        let permit = self.outgoing.reserve().await.map_err(|_| Error::Closed)?;
        // The state may have changed while this waited.
        self.check(&message)?;
        self.shared
            .amounts
            .buffered
            .fetch_add(message.len(), Ordering::Relaxed);
        self.shared.amounts.queued.fetch_add(1, Ordering::Relaxed);
        permit.send(Outgoing::Message(self.shared.channel, message));
        Ok(())
    }

    /// Closes the channel once what was sent has arrived. Returns when the driver has been told; see
    /// [`closed`](Self::closed).
    pub async fn close(&self) {
        // A driver that is gone has closed every channel.
        let _ = self
            .outgoing
            .send(Outgoing::Close(self.shared.channel))
            .await;
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
    pub(super) id: Option<u16>,
    pub(super) max_message_size: usize,
}

/// What all handles of one channel share. The driver holds it weakly, so that it sees when the last handle goes.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) channel: ChannelId,
    pub(super) label: String,
    pub(super) protocol: String,
    pub(super) ordered: bool,
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
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.wake.poke();
    }
}
