//! What goes out.

use std::time::Instant;

use ieum_ice::Transmit;

use super::{Connection, Ending, Event};

impl Connection {
    /// The next thing to send: its bytes are appended to `buf`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.poll_transmit_if(now, true, buf)
    }

    /// The same; where there is no `room` for application data on its way, only checks and consent. Data then waits where
    /// it is not yet in flight, until it is asked for.
    pub fn poll_transmit_if(
        &mut self,
        now: Instant,
        room: bool,
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        // Checks and consent first: they are few, and nothing goes on without them.
        if let Some(transmit) = self.agent.poll_transmit(now, buf) {
            return Some(transmit);
        }
        if !room && self.ending != Ending::Leaving {
            return None;
        }
        let headroom = self.agent.headroom().unwrap_or_default();
        if let Some(transmit) = self.transport.poll_transmit(now, &mut self.agent, buf) {
            let size = transmit.segment_size.unwrap_or(transmit.len).max(1);
            let packets = transmit.len.div_ceil(size);
            self.traffic.packets_sent += packets as u64;
            self.traffic.bytes_sent += (transmit.len - packets * headroom) as u64;
            return Some(transmit);
        }
        if self.ending == Ending::Leaving {
            self.finish(now);
            return self.agent.poll_transmit(now, buf);
        }
        None
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ending = match self.ending {
            Ending::Flushing(deadline) => Some(deadline),
            Ending::Closed => return None,
            _ => None,
        };
        [
            self.agent.poll_timeout(),
            self.transport.poll_timeout(),
            ending,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
