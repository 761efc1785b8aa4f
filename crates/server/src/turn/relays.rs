//! The sockets of relays, found by their ids.

use std::io;

use ieum_turn::server::RelayId;
use mio::{Interest, Registry};

use super::ready::Source;
use super::socket::Udp;

/// The sockets of a worker's relays. A relay's id is an index, used again when the relay is closed.
#[derive(Default)]
pub(super) struct Relays {
    slots: Vec<Option<Relay>>,
    open: usize,
}

/// One relay's socket.
pub(super) struct Relay {
    pub(super) id: RelayId,
    pub(super) socket: Udp,
    /// Whether it waits to be read.
    pub(super) queued: bool,
}

impl Relays {
    pub(super) fn insert(
        &mut self,
        registry: &Registry,
        id: RelayId,
        mut socket: Udp,
    ) -> io::Result<()> {
        let index = id.index();
        let token = Source::Relay(index).token();
        registry.register(socket.source(), token, Interest::READABLE)?;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        let before = self.slots[index].replace(Relay {
            id,
            socket,
            queued: false,
        });
        self.open += usize::from(before.is_none());
        Ok(())
    }

    pub(super) fn get(&self, id: RelayId) -> Option<&Relay> {
        let relay = self.slots.get(id.index())?.as_ref()?;
        (relay.id == id).then_some(relay)
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut Relay> {
        self.slots.get_mut(index)?.as_mut()
    }

    /// Closes a socket: the system forgets it in the poll too.
    pub(super) fn close(&mut self, id: RelayId) {
        if self.get(id).is_some() {
            self.slots[id.index()] = None;
            self.open -= 1;
        }
    }
}
