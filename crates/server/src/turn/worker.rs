//! One thread of the server: its own listening sockets, its own machine, its own relays.
//!
//! It owns them by value and shares nothing. The system hands the datagrams of one client always to the same worker
//! (`SO_REUSEPORT` hashes addresses and ports), so an allocation lives where its client's datagrams arrive; a
//! connection lives on the worker that accepted it.

use std::io;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieum_turn::server::{Config, Server};
use mio::{Events, Interest, Poll};

use super::acceptor::Acceptor;
use super::addresses::RelayAddresses;
use super::certificate::Certificate;
use super::control::{Command, Mailbox};
use super::dtls::Records;
use super::exits::Exits;
use super::inbox::Inbox;
use super::listener::Listener;
use super::owner;
use super::peer::Peers;
use super::ready::{Ready, Source};
use super::steering::Steering;
use super::streams::Limits;

/// One thread of the server.
pub(super) struct Worker {
    pub(super) poll: Poll,
    pub(super) ready: Ready,
    pub(super) machine: Server,
    pub(super) exits: Exits,
    pub(super) acceptors: Vec<Acceptor>,
    /// When to look for clients again, where none could be accepted.
    pub(super) accept_again: Option<Instant>,
    pub(super) peers: Peers,
    pub(super) inbox: Inbox,
    pub(super) addresses: RelayAddresses,
    pub(super) certificate: Option<Certificate>,
    pub(super) commands: Receiver<Command>,
    pub(super) others: Vec<Mailbox>,
    pub(super) owner: Option<owner::Asking>,
    pub(super) steering: Steering,
    /// Where an answer is written.
    pub(super) answer: Vec<u8>,
    /// What came out of DTLS.
    pub(super) records: Records,
    /// Where a stream is read.
    pub(super) room: Box<[u8]>,
}

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    pub(super) acceptors: Vec<Acceptor>,
    pub(super) machine: Config,
    pub(super) addresses: RelayAddresses,
    pub(super) certificate: Option<Certificate>,
    pub(super) limits: Limits,
    pub(super) commands: Receiver<Command>,
    /// Every worker's, by its number.
    pub(super) others: Vec<Mailbox>,
    pub(super) owner: Option<owner::Asking>,
}

impl Worker {
    pub(super) fn new(mut parts: Parts) -> io::Result<Self> {
        let registry = parts.poll.registry();
        for (index, listener) in parts.listeners.iter_mut().enumerate() {
            let token = Source::Datagrams(index).token();
            registry.register(listener.socket.source(), token, Interest::READABLE)?;
        }
        for (index, acceptor) in parts.acceptors.iter_mut().enumerate() {
            let token = Source::Accept(index).token();
            registry.register(&mut acceptor.socket, token, Interest::READABLE)?;
        }
        Ok(Self {
            poll: parts.poll,
            ready: Ready::default(),
            machine: Server::new(Instant::now(), parts.machine),
            exits: Exits::new(parts.listeners, parts.limits)?,
            acceptors: parts.acceptors,
            accept_again: None,
            peers: Peers::default(),
            inbox: Inbox::new(),
            addresses: parts.addresses,
            certificate: parts.certificate,
            commands: parts.commands,
            others: parts.others,
            owner: parts.owner,
            steering: Steering::default(),
            answer: Vec::new(),
            records: Records::default(),
            room: vec![0; ROOM].into_boxed_slice(),
        })
    }

    /// Serves until told to stop; then every socket is closed.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let waited = self.poll.poll(&mut events, self.patience());
            if let Err(error) = waited
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a worker cannot wait for its sockets");
                break;
            }
            let mut told = false;
            for event in &events {
                let Some(source) = Source::of(event.token()) else {
                    continue;
                };
                told |= source == Source::Commands;
                if let (Source::Relay(index), true) = (source, event.is_error()) {
                    self.take_icmp(Instant::now(), index);
                }
                self.wake(source);
            }
            if told && self.obey(Instant::now()) {
                break;
            }
            self.serve();
        }
        tracing::debug!(counters = ?self.machine.counters(), dropped = self.exits.dropped(), "a TURN worker stopped");
    }

    /// How long to wait for sockets.
    fn patience(&self) -> Option<Duration> {
        let unfinished = self.owner.as_ref().is_some_and(owner::Asking::is_behind);
        if self.ready.len() > 0 {
            return Some(Duration::ZERO);
        }
        let due = [
            self.machine.poll_timeout(),
            self.exits.dtls.poll_timeout(),
            self.exits.streams.poll_timeout(),
            self.peers.poll_timeout(),
            self.accept_again,
        ];
        let due = due.into_iter().flatten().min();
        let wait = due.map(|due| due.saturating_duration_since(Instant::now()));
        match unfinished {
            true => Some(wait.map_or(BEHIND, |wait| wait.min(BEHIND))),
            false => wait,
        }
    }

    fn wake(&mut self, source: Source) {
        let queued = match source {
            Source::Commands => None,
            Source::Datagrams(index) => {
                let listener = self.exits.udp.listeners.get_mut(index);
                listener.map(|listener| &mut listener.queued)
            }
            Source::Relay(index) => {
                let relay = self.exits.udp.relays.at(index);
                relay.map(|relay| &mut relay.queued)
            }
            Source::Accept(index) => {
                let acceptor = self.acceptors.get_mut(index);
                acceptor.map(|acceptor| &mut acceptor.queued)
            }
            Source::Stream(index) => {
                let stream = self.exits.streams.get_mut(index);
                stream.map(|stream| &mut stream.queued)
            }
            Source::PeerAccept(index) => {
                let listener = self.peers.listener(index);
                listener.map(|(_, acceptor)| &mut acceptor.queued)
            }
            Source::Peer(index) => self.peers.get_mut(index).map(|peer| &mut peer.queued),
        };
        if let Some(queued) = queued {
            self.ready.push(source, queued);
        }
    }

    /// One turn for every source that has something; what is not read to its end comes again.
    fn serve(&mut self) {
        let now = Instant::now();
        self.handle_timeout(now);
        for _ in 0..self.ready.len() {
            match self.ready.pop() {
                Some(Source::Datagrams(index)) => self.receive_from_clients(now, index),
                Some(Source::Relay(index)) => self.receive_from_peers(now, index),
                Some(Source::Accept(index)) => self.accept_clients(now, index),
                Some(Source::Stream(index)) => self.serve_stream(now, index),
                Some(Source::PeerAccept(index)) => self.accept_peers(now, index),
                Some(Source::Peer(index)) => self.serve_peer(now, index),
                Some(Source::Commands) | None => {}
            }
            self.settle(now);
        }
        self.settle(now);
        self.exits.flush();
        self.bury(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.machine.poll_timeout().is_some_and(|due| due <= now) {
            // The wall clock may have been set meanwhile; only the expiry of credentials depends on it.
            self.machine.set_unix_time(now, unix_time());
            self.machine.handle_timeout(now);
        }
        self.exits.handle_timeout(now);
        self.retry_accepting(now);
        while let Some(index) = self.exits.streams.expired(now) {
            self.close_stream(now, index);
        }
        self.wake_rested(now);
        if let Some(owner) = &mut self.owner {
            owner.catch_up();
        }
    }

    /// Ends what broke while it was written to.
    fn bury(&mut self, now: Instant) {
        while let Some(index) = self.exits.broken.pop() {
            self.close_stream(now, index);
        }
        while let Some(client) = self.exits.ended.pop() {
            self.machine.connection_closed(now, client);
        }
        self.settle(now);
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
/// Room for the longest frame, and for one read behind the beginning of another.
const ROOM: usize = 128 * 1024;
/// How soon to try again where the owner of the quotas had no room for a message.
const BEHIND: Duration = Duration::from_millis(10);
