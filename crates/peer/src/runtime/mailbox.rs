//! Events on their way to an application that may not read them.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Event;
use super::wake::Wake;

/// Never waits: what the channel does not take is kept, up to a bound.
#[derive(Debug)]
pub(super) struct Mailbox {
    sender: mpsc::Sender<Box<Event>>,
    waiting: VecDeque<Box<Event>>,
    wake: Arc<Wake>,
}

impl Mailbox {
    pub(super) fn new(sender: mpsc::Sender<Box<Event>>, wake: Arc<Wake>) -> Self {
        Self {
            sender,
            waiting: VecDeque::new(),
            wake,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        if self.waiting.len() >= MAX_WAITING {
            // The newest state is the one that counts; what else comes now is lost, a channel by being closed.
            let kind = discriminant(&event);
            let same = self
                .waiting
                .iter()
                .position(|old| discriminant(&**old) == kind);
            match same {
                Some(index) if is_state(&event) => drop(self.waiting.remove(index)),
                _ => {
                    tracing::warn!("an event was dropped: nobody reads them");
                    return;
                }
            }
        }
        self.waiting.push_back(Box::new(event));
        self.deliver();
    }

    /// Hands over what the channel takes now.
    pub(super) fn deliver(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            let Err(refused) = self.sender.try_send(event) else {
                continue;
            };
            match refused {
                TrySendError::Closed(_) => self.waiting.clear(),
                TrySendError::Full(event) => {
                    self.waiting.push_front(event);
                    self.wake.block();
                    if self.sender.capacity() == 0 {
                        return;
                    }
                }
            }
        }
    }
}

fn is_state(event: &Event) -> bool {
    matches!(
        event,
        Event::SignalingStateChange(_)
            | Event::IceConnectionStateChange(_)
            | Event::IceGatheringStateChange(_)
            | Event::ConnectionStateChange(_)
            | Event::NegotiationNeeded
    )
}

/// Events beyond the channel's own room.
const MAX_WAITING: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ConnectionState;

    #[test]
    fn an_application_that_does_not_read_costs_a_bounded_queue_and_gets_the_newest_state() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut mailbox = Mailbox::new(sender, Arc::new(Wake::default()));
        for _ in 0..5 * MAX_WAITING {
            mailbox.push(Event::ConnectionStateChange(ConnectionState::Disconnected));
        }
        mailbox.push(Event::ConnectionStateChange(ConnectionState::Failed));
        assert!(mailbox.waiting.len() <= MAX_WAITING);
        let mut last = None;
        loop {
            mailbox.deliver();
            let Ok(event) = receiver.try_recv() else {
                break;
            };
            last = Some(event);
        }
        assert!(matches!(
            last.map(|event: Box<Event>| *event),
            Some(Event::ConnectionStateChange(ConnectionState::Failed))
        ));
    }
}
