//! One thread of the server: its own listening sockets, its own machine, its own relays.
//!
//! It owns them by value and shares nothing. The system hands the datagrams of one client always to the same worker
//! (`SO_REUSEPORT` hashes addresses and ports), so an allocation lives where its client's datagrams arrive.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieum_turn::FiveTuple;
use ieum_turn::server::{Config, Event, Port, RelayError, RelayId, Server, Side};
use mio::{Events, Interest, Poll};
use quinn_udp::UdpSocketState;

use super::addresses::{Opened, RelayAddresses};
use super::inbox::{BATCH, Inbox};
use super::listener::Listener;
use super::offload;
use super::outgoing::{self, Outgoing};
use super::ready::{Ready, Source};
use super::relays::Relays;
use super::socket::Udp;

/// One thread of the server.
pub(super) struct Worker {
    poll: Poll,
    ready: Ready,
    machine: Server,
    sockets: Sockets,
    inbox: Inbox,
    outgoing: Outgoing,
    offloads: UdpSocketState,
    addresses: RelayAddresses,
    commands: Receiver<Command>,
    scratch: Vec<u8>,
}

/// What other threads tell a worker.
#[derive(Debug)]
pub(super) enum Command {
    /// Close every socket and end.
    Stop,
}

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    pub(super) machine: Config,
    pub(super) addresses: RelayAddresses,
    pub(super) commands: Receiver<Command>,
}

#[derive(Default)]
struct Sockets {
    listeners: Vec<Listener>,
    relays: Relays,
}

impl Worker {
    pub(super) fn new(parts: Parts) -> io::Result<Self> {
        let mut listeners = parts.listeners;
        for (index, listener) in listeners.iter_mut().enumerate() {
            let token = Source::Datagrams(index).token();
            let registry = parts.poll.registry();
            registry.register(listener.socket.source(), token, Interest::READABLE)?;
        }
        Ok(Self {
            poll: parts.poll,
            ready: Ready::default(),
            machine: Server::new(Instant::now(), parts.machine),
            sockets: Sockets {
                listeners,
                relays: Relays::default(),
            },
            inbox: Inbox::new(),
            outgoing: Outgoing::new(),
            offloads: offload::state()?,
            addresses: parts.addresses,
            commands: parts.commands,
            scratch: Vec::new(),
        })
    }

    /// Serves until told to stop; then every socket is closed.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            if let Err(error) = self.poll.poll(&mut events, self.patience()) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "a worker cannot wait for its sockets");
                    break;
                }
            }
            for source in events.iter().filter_map(|event| Source::of(event.token())) {
                self.wake(source);
            }
            if self.has_to_stop() {
                break;
            }
            self.serve();
        }
        tracing::debug!(counters = ?self.machine.counters(), dropped = self.outgoing.dropped(), "a TURN worker stopped");
    }

    /// How long to wait for sockets.
    fn patience(&self) -> Option<Duration> {
        if self.ready.len() > 0 {
            return Some(Duration::ZERO);
        }
        let due = self.machine.poll_timeout()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    fn wake(&mut self, source: Source) {
        match source {
            Source::Commands => {}
            Source::Datagrams(index) => {
                if let Some(listener) = self.sockets.listeners.get_mut(index) {
                    self.ready.push(source, &mut listener.queued);
                }
            }
            Source::Relay(index) => {
                if let Some(relay) = self.sockets.relays.at(index) {
                    self.ready.push(source, &mut relay.queued);
                }
            }
        }
    }

    fn has_to_stop(&mut self) -> bool {
        match self.commands.try_recv() {
            Ok(Command::Stop) | Err(TryRecvError::Disconnected) => true,
            Err(TryRecvError::Empty) => false,
        }
    }

    /// One turn for every source that has something; what is not read to its end comes again.
    fn serve(&mut self) {
        let now = Instant::now();
        if self.machine.poll_timeout().is_some_and(|due| due <= now) {
            // The wall clock may have been set meanwhile; only the expiry of credentials depends on it.
            self.machine.set_unix_time(now, unix_time());
            self.machine.handle_timeout(now);
        }
        for _ in 0..self.ready.len() {
            match self.ready.pop() {
                Some(Source::Datagrams(index)) => self.receive_from_clients(now, index),
                Some(Source::Relay(index)) => self.receive_from_peers(now, index),
                Some(Source::Commands) | None => {}
            }
            self.settle(now);
        }
        self.settle(now);
        self.outgoing.flush(&mut self.offloads, &self.sockets);
    }

    fn receive_from_clients(&mut self, now: Instant, index: usize) {
        let Some(listener) = self.sockets.listeners.get_mut(index) else {
            return;
        };
        listener.queued = false;
        let received = self.inbox.receive(&self.offloads, &listener.socket, BATCH);
        let filled = match received {
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // ICMP errors of answers show up here.
            Err(_) => 0,
        };
        if filled == BATCH || filled == 0 {
            self.ready
                .push(Source::Datagrams(index), &mut listener.queued);
        }
        for received in self.inbox.received(filled) {
            let five_tuple = listener.five_tuple(&received);
            for datagram in received.datagrams() {
                if let Some(forward) = self.machine.handle_datagram(now, five_tuple, datagram) {
                    let (from, five_tuple) = (forward.from, forward.five_tuple);
                    self.outgoing.push(&self.offloads, from, five_tuple, |out| {
                        forward.write_to(out);
                    });
                }
            }
        }
    }

    fn receive_from_peers(&mut self, now: Instant, index: usize) {
        let Some(relay) = self.sockets.relays.at(index) else {
            return;
        };
        relay.queued = false;
        let received = self
            .inbox
            .receive(&self.offloads, &relay.socket, RELAY_BATCH);
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
                    .handle_relayed(now, relay.id, received.from, datagram);
                if let Some(forward) = forward {
                    let (from, five_tuple) = (forward.from, forward.five_tuple);
                    self.outgoing.push(&self.offloads, from, five_tuple, |out| {
                        forward.write_to(out);
                    });
                }
            }
        }
    }

    /// Does what the machine asks for, and takes its answers.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.machine.poll_event() {
                match event {
                    Event::OpenRelay { id, family, port } => {
                        let outcome = self
                            .addresses
                            .open(family, port)
                            .and_then(|opened| self.adopt(id, port, opened));
                        self.machine.relay_opened(now, id, outcome);
                    }
                    Event::CloseRelay { id } => {
                        // What it has still to send leaves before it.
                        self.outgoing.flush(&mut self.offloads, &self.sockets);
                        self.sockets.relays.close(id);
                    }
                }
            }
            self.scratch.clear();
            let Some(transmit) = self.machine.poll_transmit(now, &mut self.scratch) else {
                break;
            };
            let bytes = &self.scratch[self.scratch.len().saturating_sub(transmit.len)..];
            for datagram in bytes.chunks(transmit.segment_size.unwrap_or(bytes.len()).max(1)) {
                let (from, five_tuple) = (Side::Listener, transmit.five_tuple);
                self.outgoing.push(&self.offloads, from, five_tuple, |out| {
                    out.extend_from_slice(datagram);
                });
            }
        }
        if self.outgoing.is_full() {
            self.outgoing.flush(&mut self.offloads, &self.sockets);
        }
    }

    fn adopt(&mut self, id: RelayId, port: Port, opened: Opened) -> Result<SocketAddr, RelayError> {
        let registry = self.poll.registry();
        let relays = &mut self.sockets.relays;
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
}

impl outgoing::Sockets for Sockets {
    fn socket(
        &self,
        from: Side,
        five_tuple: FiveTuple,
    ) -> Option<(&Udp, Option<std::net::IpAddr>)> {
        match from {
            Side::Relay(id) => self.relays.get(id).map(|relay| (&relay.socket, None)),
            Side::Listener => {
                let at = |listener: &&Listener| listener.is_at(five_tuple.local);
                let listener = self.listeners.iter().find(at)?;
                Some((&listener.socket, listener.wildcard()))
            }
        }
    }
}

/// Seconds since 1970 UTC.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Sources that one wait may tell of; the others are told of by the next.
const EVENTS: usize = 256;
/// Buffers that one relay may fill before the others get their turn.
const RELAY_BATCH: usize = 8;
