//! The driver's side of every data channel handle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::DataChannel;
use super::data_channel::{Amounts, Shared, Status};
use super::outbox::Outbox;
use super::wake::Wake;
use crate::core::{ChannelError, ChannelId, Connection, DataChannelState, Message};

/// All channels that have handles.
#[derive(Debug)]
pub(super) struct Handles {
    entries: BTreeMap<ChannelId, Entry>,
    /// Those where there may be something to read.
    readable: BTreeSet<ChannelId>,
    outgoing: Outbox,
    wake: Arc<Wake>,
}

#[derive(Debug)]
struct Entry {
    shared: Weak<Shared>,
    amounts: Arc<Amounts>,
    status: watch::Sender<Status>,
    messages: mpsc::UnboundedSender<Message>,
}

impl Handles {
    pub(super) fn new(outgoing: Outbox, wake: Arc<Wake>) -> Self {
        Self {
            entries: BTreeMap::new(),
            readable: BTreeSet::new(),
            outgoing,
            wake,
        }
    }

    /// The handle of a channel; `None`: it is gone.
    pub(super) fn create(&mut self, core: &Connection, channel: ChannelId) -> Option<DataChannel> {
        let info = core.channel(channel)?;
        let outgoing = self.outgoing.clone();
        let amounts = Arc::new(Amounts::default());
        let shared = Arc::new(Shared {
            channel,
            info,
            amounts: amounts.clone(),
            wake: self.wake.clone(),
        });
        let (status, state) = watch::channel(Status::default());
        let (messages, receiver) = mpsc::unbounded_channel();
        let weak = Arc::downgrade(&shared);
        let entry = Entry {
            shared: weak,
            amounts,
            status,
            messages,
        };
        self.entries.insert(channel, entry);
        self.update(core, channel);
        Some(DataChannel::new(shared, state, outgoing, receiver))
    }

    /// Tells the handles where their channel stands.
    pub(super) fn update(&mut self, core: &Connection, channel: ChannelId) {
        let Some(entry) = self.entries.get(&channel) else {
            return;
        };
        let max_message_size = core.max_message_size();
        match core.channel(channel) {
            Some(info) => {
                entry.status.send_modify(|status| {
                    status.state = info.state;
                    status.was_open |= info.state == DataChannelState::Open;
                    (status.id, status.max_message_size) = (info.stream, max_message_size);
                });
            }
            None => {
                entry
                    .status
                    .send_modify(|status| status.state = DataChannelState::Closed);
                self.entries.remove(&channel);
            }
        }
    }

    /// A channel has failed, and is closed next.
    pub(super) fn failed(&mut self, channel: ChannelId, error: ChannelError) {
        if let Some(entry) = self.entries.get(&channel) {
            entry
                .status
                .send_modify(|status| status.error = Some(error));
        }
    }

    pub(super) fn mark_readable(&mut self, channel: ChannelId) {
        self.readable.insert(channel);
    }

    /// The driver took a message.
    pub(super) fn taken(&self, channel: ChannelId) {
        if let Some(entry) = self.entries.get(&channel) {
            entry.amounts.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn released(&self, channel: ChannelId, bytes: usize) {
        if let Some(entry) = self.entries.get(&channel) {
            entry.amounts.released(bytes);
        }
    }

    /// Hands messages to the receivers that have room. What has none stays in SCTP, which closes the peer's window.
    pub(super) fn deliver(&mut self, now: Instant, core: &mut Connection) {
        let Self {
            entries,
            readable,
            wake,
            ..
        } = self;
        readable.retain(|channel| {
            let entry = entries.get(channel);
            entry.is_some_and(|entry| !entry.deliver(now, core, *channel, wake))
        });
    }

    /// Closes the channels whose last handle is gone, after what was sent on them.
    pub(super) fn close_orphans(&mut self, now: Instant, core: &mut Connection) {
        for (channel, entry) in &self.entries {
            let gone = entry.shared.strong_count() == 0;
            if gone && entry.amounts.queued.load(Ordering::Relaxed) == 0 {
                core.close_channel(now, *channel);
            }
        }
    }
}

impl Entry {
    /// Whether everything there was is handed over.
    fn deliver(
        &self,
        now: Instant,
        core: &mut Connection,
        channel: ChannelId,
        wake: &Wake,
    ) -> bool {
        loop {
            // Where nobody will read them, they are thrown away.
            let has_reader = !self.messages.is_closed();
            if has_reader && self.amounts.is_full(wake) {
                return false;
            }
            let Some(message) = core.read(now, channel) else {
                return true;
            };
            if has_reader {
                self.amounts.unread(&message);
                // A receiver that has gone meanwhile takes it along.
                let _ = self.messages.send(message);
            }
        }
    }
}
