//! The data path: from the UDP sockets through the machine to the exits. Nothing here allocates.

use std::io;
use std::time::Instant;

use ieum_turn::FiveTuple;
use ieum_turn::server::Server;

use super::certificate::Dtls;
use super::dtls::{Out, Records, is_dtls, over_dtls};
use super::exits::Exits;
use super::inbox::BATCH;
use super::ready::Source;
use super::worker::Worker;

impl Worker {
    pub(super) fn receive_from_clients(&mut self, now: Instant, index: usize) {
        let Some(listener) = self.exits.udp.listeners.get_mut(index) else {
            return;
        };
        listener.queued = false;
        let received = self
            .inbox
            .receive(&self.exits.offloads, &listener.socket, BATCH);
        let filled = match received {
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // ICMP errors about answers show up here.
            Err(_) => 0,
        };
        if filled == BATCH || filled == 0 {
            self.ready
                .push(Source::Datagrams(index), &mut listener.queued);
        }
        let address = listener.address();
        let server = self.certificate.as_ref().filter(|_| listener.secure);
        let server = server.and_then(|certificate| certificate.dtls.as_ref());
        for received in self.inbox.received(filled) {
            let client = address.five_tuple(&received);
            for datagram in received.datagrams() {
                if self.steering.pass(now, &self.others, client, datagram) {
                    continue;
                }
                if let Some(server) = server.filter(|_| is_dtls(datagram)) {
                    let (machine, exits) = (&mut self.machine, &mut self.exits);
                    decipher(
                        now,
                        machine,
                        exits,
                        &mut self.records,
                        server,
                        client,
                        datagram,
                    );
                    continue;
                }
                if let Some(forward) = self.machine.handle_datagram(now, client, datagram) {
                    self.exits.forward(now, &forward);
                }
            }
        }
    }

    /// Takes a datagram of DTLS that another worker hands on.
    pub(super) fn take_record(&mut self, now: Instant, client: FiveTuple, datagram: &[u8]) {
        let server = self.certificate.as_ref();
        if let Some(server) = server.and_then(|certificate| certificate.dtls.as_ref()) {
            let (machine, exits) = (&mut self.machine, &mut self.exits);
            let records = &mut self.records;
            decipher(now, machine, exits, records, server, client, datagram);
        }
    }

    pub(super) fn receive_from_peers(&mut self, now: Instant, index: usize) {
        let Some(relay) = self.exits.udp.relays.at(index) else {
            return;
        };
        relay.queued = false;
        let id = relay.id;
        let received = self
            .inbox
            .receive(&self.exits.offloads, &relay.socket, RELAY_BATCH);
        let filled = match received {
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => 0,
        };
        if filled == RELAY_BATCH || filled == 0 {
            self.ready.push(Source::Relay(index), &mut relay.queued);
        }
        for received in self.inbox.received(filled) {
            for datagram in received.datagrams() {
                let forward = self
                    .machine
                    .handle_relayed(now, id, received.from, datagram);
                if let Some(forward) = forward {
                    self.exits.forward(now, &forward);
                }
            }
        }
    }
}

/// Takes one datagram of DTLS: what it says to the machine, and what DTLS answers to the client.
fn decipher(
    now: Instant,
    machine: &mut Server,
    exits: &mut Exits,
    records: &mut Records,
    server: &Dtls,
    client: FiveTuple,
    datagram: &[u8],
) {
    let inside = over_dtls(client);
    records.clear();
    let taken = exits
        .dtls
        .handle_datagram(now, server, inside, datagram, |out| records.push(&out));
    for out in records.iter() {
        match out {
            Out::Datagram(record) => exits.datagram(client, record),
            Out::Plain(message) => {
                if let Some(forward) = machine.handle_datagram(now, inside, message) {
                    exits.forward(now, &forward);
                }
            }
        }
    }
    if taken.is_err() {
        machine.connection_closed(now, inside);
    }
}

/// Buffers that one relay may fill before the others get their turn.
const RELAY_BATCH: usize = 8;
