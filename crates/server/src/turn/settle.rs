//! What the machine asks a worker to do.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_turn::server::{ConnectError, Event, Family, Port, QuotaReached, RelayError, RelayId};

use super::acceptor::Acceptor;
use super::addresses::Opened;
use super::worker::Worker;

impl Worker {
    /// Does what the machine asks for, and takes its answers.
    pub(super) fn settle(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.machine.poll_event() {
                self.take_answers(now);
                self.handle_event(now, event);
            }
            if !self.take_answers(now) {
                return;
            }
        }
    }

    /// Whether there were any.
    fn take_answers(&mut self, now: Instant) -> bool {
        let mut some = false;
        loop {
            self.answer.clear();
            let Some(transmit) = self.machine.poll_transmit(now, &mut self.answer) else {
                return some;
            };
            some = true;
            let start = self.answer.len().saturating_sub(transmit.len);
            self.exits
                .answer(now, transmit.five_tuple, &self.answer[start..]);
        }
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::OpenRelay { id, family, port } => {
                let outcome = self
                    .addresses
                    .open(family, port)
                    .and_then(|opened| self.adopt(id, port, opened));
                self.machine.relay_opened(now, id, outcome);
            }
            Event::OpenListener { id, family } => {
                let outcome = self.listen_for_peers(id, family);
                self.machine.relay_opened(now, id, outcome);
            }
            Event::CloseRelay { id } => {
                // What it has still to send leaves before it.
                self.exits.flush();
                self.exits.udp.relays.close(id);
                self.peers.unlisten(id);
            }
            Event::Connect { id, relay, peer } => {
                let begun = self.peers.connect(self.poll.registry(), id, relay, peer);
                if begun.is_err() {
                    self.machine.peer_connected(now, id, Err(ConnectError));
                }
            }
            Event::Splice { id, client } => self.splice(now, id, client),
            Event::CloseConnection { id } => self.close_connection(now, id),
            Event::Admit { id, user, relays } => {
                let owner = self.owner.as_mut();
                if !owner.is_some_and(|owner| owner.admit(id, user, relays)) {
                    self.machine.admitted(now, id, Err(QuotaReached::Total));
                }
            }
            Event::Released { user, relays } => {
                if let Some(owner) = &mut self.owner {
                    owner.release(user, relays);
                }
            }
            Event::Steer {
                worker,
                five_tuple,
                datagram,
            } => self.steer(now, worker, five_tuple, datagram),
        }
    }

    fn adopt(&mut self, id: RelayId, port: Port, opened: Opened) -> Result<SocketAddr, RelayError> {
        let registry = self.poll.registry();
        let relays = &mut self.exits.udp.relays;
        relays
            .insert(registry, id, opened.socket)
            .map_err(|_| RelayError::Exhausted)?;
        if let (Port::EvenAndNext { next }, Some(socket)) = (port, opened.next)
            && relays.insert(registry, next, socket).is_err()
        {
            relays.close(id);
            return Err(RelayError::Exhausted);
        }
        Ok(opened.address)
    }

    fn listen_for_peers(&mut self, id: RelayId, family: Family) -> Result<SocketAddr, RelayError> {
        let (acceptor, address): (Acceptor, SocketAddr) = self.addresses.listen(family)?;
        self.peers
            .listen(self.poll.registry(), id, acceptor)
            .map_err(|_| RelayError::Exhausted)?;
        Ok(address)
    }
}
