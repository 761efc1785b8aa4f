//! The receiving half of a data channel: messages, and the other events of its life.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::data_channel::{Amounts, Shared, Status};
use super::wake::Wake;
use crate::core::{ChannelError, DataChannelState, Message};

/// What happens on a data channel: RTCDataChannel's events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// Messages can be sent.
    Open,
    /// A message of the peer.
    Message(Message),
    /// [`buffered_amount`](super::DataSender::buffered_amount) has fallen to its
    /// [low threshold](super::DataSender::set_buffered_amount_low_threshold). Told once where it did so several times.
    BufferedAmountLow,
    /// It is being closed, by whichever side: nothing more can be sent. What the peer sent before it closed may follow.
    Closing,
    /// It failed; `Closed` follows.
    Error(ChannelError),
    /// It is closed; nothing follows.
    Closed,
}

/// The receiving half of a [`DataChannel`](super::DataChannel). While it lives and is not read, SCTP stops taking this
/// connection's messages in; once it is dropped, what arrives is thrown away.
#[derive(Debug)]
pub struct DataReceiver {
    messages: mpsc::UnboundedReceiver<Message>,
    status: watch::Receiver<Status>,
    amounts: Arc<Amounts>,
    wake: Arc<Wake>,
    told: Told,
}

/// What `next` has told.
#[derive(Debug, Default)]
struct Told {
    open: bool,
    closing: bool,
    /// Every message.
    messages: bool,
    error: bool,
    closed: bool,
}

impl DataReceiver {
    pub(super) fn new(
        shared: &Shared,
        status: watch::Receiver<Status>,
        messages: mpsc::UnboundedReceiver<Message>,
    ) -> Self {
        Self {
            messages,
            status,
            amounts: shared.amounts.clone(),
            wake: shared.wake.clone(),
            told: Told::default(),
        }
    }

    /// The next message; `None` when the channel is closed and all have been read. Cancel safe.
    pub async fn recv(&mut self) -> Option<Message> {
        let message = self.messages.recv().await?;
        self.amounts.read(&message, &self.wake);
        Some(message)
    }

    /// The next event, messages among them; `None` after [`ChannelEvent::Closed`]. Cancel safe. Messages that
    /// [`recv`](Self::recv) takes are not told here.
    pub async fn next(&mut self) -> Option<ChannelEvent> {
        loop {
            let status = *self.status.borrow_and_update();
            if let Some(event) = self.due(status) {
                return Some(event);
            }
            if self.told.closed {
                return None;
            }
            tokio::select! {
                biased;
                message = self.messages.recv() => {
                    match message {
                        Some(message) => {
                            self.amounts.read(&message, &self.wake);
                            return Some(ChannelEvent::Message(message));
                        }
                        None => self.told.messages = true,
                    }
                }
                () = self.amounts.low.notified() => return Some(ChannelEvent::BufferedAmountLow),
                // Its other end is gone together with that of the messages.
                Ok(()) = self.status.changed() => {}
            }
        }
    }

    /// What the channel's status and what was told before leave to tell.
    fn due(&mut self, status: Status) -> Option<ChannelEvent> {
        let told = &mut self.told;
        let once = |told: &mut bool| !std::mem::replace(told, true);
        if status.was_open && once(&mut told.open) {
            return Some(ChannelEvent::Open);
        }
        let closing = status.state == DataChannelState::Closing && self.messages.is_empty();
        if status.was_open && (closing || told.messages) && once(&mut told.closing) {
            return Some(ChannelEvent::Closing);
        }
        if !told.messages {
            return None;
        }
        if let Some(error) = status.error
            && once(&mut told.error)
        {
            return Some(ChannelEvent::Error(error));
        }
        once(&mut told.closed).then_some(ChannelEvent::Closed)
    }
}
