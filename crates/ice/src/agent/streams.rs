//! TCP and TLS connections: what the agent does as they are opened, accepted and closed (RFC 6544 §7, §8).

use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Kind, TcpType, Transport};
use ieum_pairing::{PairId, PairState};
use ieum_stun::FiveTuple;
use ieum_turn::client;

use super::Agent;
use crate::candidates::{Local, Path};
use crate::streams::{Purpose, Stream, Wanted};
use crate::{PairError, Reason, State, StreamError, StreamId, StreamRequest};

impl Agent {
    /// The next thing to do with a TCP or TLS connection.
    pub fn poll_stream(&mut self) -> Option<StreamRequest> {
        self.streams.poll_request()
    }

    /// Tells that a connection is open that [`poll_stream`](Self::poll_stream) has asked for, and from which address
    /// and port of ours: messages on it have that five-tuple, here and in [`Transmit`](crate::Transmit).
    pub fn stream_opened(&mut self, now: Instant, id: StreamId, local: SocketAddr) {
        let transport = |stream: &Stream| match &stream.purpose {
            Purpose::Peer(_) => ieum_stun::Transport::Tcp,
            Purpose::Server(wanted) => wanted.transport,
            Purpose::Relay { transport, .. } => *transport,
        };
        let way = self.streams.get(id).map(|stream| FiveTuple {
            transport: transport(stream),
            local,
            remote: stream.remote,
        });
        let opened = way.and_then(|way| Some((way, self.streams.opened(id, way)?)));
        let Some((way, stream)) = opened else {
            // It was given up while it was being opened.
            self.streams.close(id);
            return;
        };
        match stream.purpose.clone() {
            Purpose::Peer(path) => self.check_over(now, path, way.remote),
            Purpose::Server(wanted) => self.start_relay(now, way, *wanted),
            Purpose::Relay { relay, .. } => self.relays.connected(now, relay, way),
        }
        self.advance(now);
    }

    /// Tells that a connection could not be opened that [`poll_stream`](Self::poll_stream) has asked for.
    pub fn stream_failed(&mut self, now: Instant, id: StreamId, error: StreamError) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        match stream.purpose {
            Purpose::Peer(path) => self.not_connected(now, path, stream.remote, error),
            Purpose::Server(wanted) => {
                let source = &wanted.source;
                self.tell_error(&source.url, source.base, None, error.to_string().into());
                self.finish_gathering();
            }
            Purpose::Relay { relay, .. } => {
                self.relay_not_connected(now, relay, stream.remote, error);
                self.finish_gathering();
            }
        }
        self.advance(now);
    }

    /// Tells that a listening socket has accepted a connection: `local` is its [base](crate::Base::TcpPassive), `remote`
    /// the other end. `None`: it is not wanted, and is to be closed at once.
    ///
    /// Who has not sent a check with the right password within five seconds is sent away again, by
    /// [`StreamRequest::Close`].
    pub fn stream_accepted(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<StreamId> {
        let path = Path::Stream(local);
        let way = FiveTuple {
            transport: ieum_stun::Transport::Tcp,
            local,
            remote,
        };
        let is_passive = |local: &Local| local.candidate.transport == PASSIVE;
        if self.state == State::Closed || !self.locals.on_path(path).is_some_and(is_passive) {
            self.counters.ignore(Reason::UnknownLocal);
            return None;
        }
        let limit = self.config.limits.accepted_streams;
        let id = self.streams.accept(now, path, way, limit);
        if id.is_none() {
            self.counters.ignore(Reason::Limit);
        }
        id
    }

    /// Tells that a connection was closed, by its other end or by an error.
    pub fn stream_closed(&mut self, now: Instant, id: StreamId) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        match (stream.purpose, stream.way) {
            (Purpose::Peer(path), _) => self.lose_stream(now, path, stream.remote),
            (Purpose::Server(_) | Purpose::Relay { .. }, Some(way)) => {
                if let Some(relay) = self.relays.route(way) {
                    self.relay_disconnected(now, relay);
                }
            }
            (Purpose::Server(_) | Purpose::Relay { .. }, None) => {}
        }
        if self.state != State::Closed {
            self.finish_gathering();
        }
        self.advance(now);
    }

    /// Gives up what was not open, or not proven to be the peer's, in time.
    pub(super) fn expire_streams(&mut self, now: Instant) {
        while let Some(id) = self.streams.next_overdue(now) {
            match self.streams.close(id) {
                Some(Stream {
                    purpose: Purpose::Peer(path),
                    remote,
                    way: None,
                    ..
                }) => self.not_connected(now, path, remote, StreamError::TimedOut),
                _ => self.counters.ignore(Reason::Unproven),
            }
        }
    }

    /// A check of a pair of TCP candidates leaves: at once where there is a connection, else when there is one
    /// (RFC 6544 §7.1).
    pub(super) fn check_on_stream(&mut self, now: Instant, pair: PairId) {
        let (Some(local), Some(remote)) = (
            self.locals.get(pair.local),
            self.remotes
                .get(pair.remote)
                .and_then(|remote| remote.address),
        ) else {
            return;
        };
        let (path, timeout) = (local.path, self.config.timing.tcp_timeout);
        let checks = self.checks.depart(now, pair, &self.config.timing);
        match self.streams.between(path, remote) {
            Some(stream) if stream.way.is_some() => {
                checks.iter().for_each(|check| self.send_check(check))
            }
            Some(_) => {}
            None if local.candidate.transport == PASSIVE => {
                self.fail_tcp(now, pair, PairError::Closed)
            }
            None => self
                .streams
                .open_to_peer(now + timeout, path, local.address.ip(), remote),
        }
    }

    /// There is a connection: what has waited for it leaves.
    fn check_over(&mut self, now: Instant, path: Path, remote: SocketAddr) {
        if let Some(pair) = self.pair_between(path, remote) {
            for check in self.checks.depart(now, pair, &self.config.timing) {
                self.send_check(&check);
            }
        }
    }

    /// The TURN server is connected: now it can be asked.
    fn start_relay(&mut self, now: Instant, way: FiveTuple, wanted: Wanted) {
        let seed = self.random.seed();
        let config = client::Config::new(way, &wanted.username, &wanted.password, seed);
        self.relays.start(now, wanted.source, config);
    }

    fn not_connected(&mut self, now: Instant, path: Path, remote: SocketAddr, error: StreamError) {
        if let Some(pair) = self.pair_between(path, remote) {
            self.fail_tcp(now, pair, PairError::NotConnected(error));
        }
    }

    fn fail_tcp(&mut self, now: Instant, pair: PairId, error: PairError) {
        self.checks.cancel(pair);
        self.fail_pair(now, pair, error);
    }

    /// A connection to the peer is closed: its pair has failed. Where data went over it, the agent is disconnected, and
    /// tries all pairs again; to an address that it can connect to, it connects again.
    fn lose_stream(&mut self, now: Instant, path: Path, remote: SocketAddr) {
        self.answering.distrust(path, remote);
        let selected = self.nomination.selected.as_mut();
        let used = selected.filter(|selected| (selected.path, selected.remote) == (path, remote));
        let lost = used
            .filter(|selected| !selected.consent.is_cut())
            .map(|selected| {
                selected.consent.cut();
                // The other side nominates again, or we do: it is another connection.
                selected.described.nominated = false;
            });
        let Some(pair) = self.pair_between(path, remote) else {
            return;
        };
        match lost {
            Some(()) => {
                self.checks.cancel(pair);
                self.checks.list.fail(pair);
                self.checks.facts_mut(pair).error = Some(PairError::Closed);
                self.nomination.nominating = self.nomination.nominating.filter(|its| *its != pair);
            }
            None => self.fail_tcp(now, pair, PairError::Closed),
        }
        if self.is_gone(pair) {
            self.checks.remove_remote(pair.remote);
            self.history
                .note(&mut self.checks, &self.locals, &self.remotes);
            self.remotes.remove(pair.remote);
        } else if lost.is_some() && self.state == State::Disconnected {
            self.checks.list.trigger(pair);
        }
    }

    /// Whether the peer cannot be connected to where it came from.
    fn is_gone(&self, pair: PairId) -> bool {
        let remote = self.remotes.get(pair.remote);
        remote.is_some_and(|remote| {
            let candidate = &remote.candidate;
            candidate.kind == Kind::PeerReflexive && candidate.transport == ACTIVE
        })
    }

    /// Closes connections that nothing needs any more.
    pub(super) fn tidy_streams(&mut self) {
        for id in self.streams.ids() {
            let Some((path, stream)) =
                self.streams
                    .get(id)
                    .and_then(|stream| match stream.purpose {
                        Purpose::Peer(path) => Some((path, stream)),
                        Purpose::Server(_) | Purpose::Relay { .. } => None,
                    })
            else {
                continue;
            };
            if !self.is_needed(path, stream) {
                let remote = stream.remote;
                self.streams.close(id);
                self.answering.distrust(path, remote);
            }
        }
    }

    /// What was accepted stays for as long as the peer wants it: it may be of a session whose description is still to come.
    fn is_needed(&self, path: Path, stream: &Stream) -> bool {
        if self.is_over() {
            return false;
        }
        if self.nomination.is_selected(path, stream.remote) {
            return true;
        }
        let Some(local) = self.locals.on_path(path) else {
            return false;
        };
        let pair = self.pair_between(path, stream.remote);
        match pair.and_then(|pair| self.checks.state(pair)) {
            _ if local.candidate.transport == PASSIVE => true,
            None | Some(PairState::Failed) => false,
            Some(PairState::InProgress) => true,
            Some(_) => stream.way.is_some(),
        }
    }

    fn pair_between(&self, path: Path, remote: SocketAddr) -> Option<PairId> {
        Some(PairId {
            local: self.locals.on_path(path)?.id,
            remote: self.remotes.at(path, remote)?,
        })
    }
}

const ACTIVE: Transport = Transport::Tcp(TcpType::Active);
const PASSIVE: Transport = Transport::Tcp(TcpType::Passive);
