//! Clients and peers whose TCP connections are joined (RFC 6062): bytes pass as they come, both ways.
//!
//! What one side does not take stops the reading of the other, so that TCP itself slows the sender down. So does bandwidth
//! that is used up.

use std::io::{self, Read};
use std::ops::Range;
use std::time::Instant;

use ieum_turn::FiveTuple;
use ieum_turn::server::{ConnectError, ConnectionId};

use super::peer::State;
use super::ready::Source;
use super::stream::{Progress, outcome};
use super::worker::Worker;

impl Worker {
    pub(super) fn accept_peers(&mut self, now: Instant, index: usize) {
        let Some((relay, acceptor)) = self.peers.listener(index) else {
            return;
        };
        acceptor.queued = false;
        let relay = *relay;
        for _ in 0..ACCEPTED {
            let Some((_, acceptor)) = self.peers.listener(index) else {
                return;
            };
            let (socket, mut peer) = match acceptor.socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(_) => return,
            };
            peer.set_ip(peer.ip().to_canonical());
            // Whoever is not let in is closed by dropping the socket.
            if let Some(id) = self.machine.peer_accepted(now, relay, peer) {
                let registry = self.poll.registry();
                let kept = self.peers.insert(registry, id, socket, State::Waiting);
                if kept.is_err() {
                    self.machine.peer_closed(now, id);
                }
            }
        }
        if let Some((_, acceptor)) = self.peers.listener(index) {
            self.ready
                .push(Source::PeerAccept(index), &mut acceptor.queued);
        }
    }

    pub(super) fn serve_peer(&mut self, now: Instant, index: usize) {
        let Some(peer) = self.peers.get_mut(index) else {
            return;
        };
        peer.queued = false;
        let id = peer.id;
        match peer.state {
            State::Waiting => {}
            State::Joined(stream) => self.pump(now, stream, id),
            State::Connecting => match peer.connected() {
                None => {}
                Some(true) => {
                    peer.state = State::Waiting;
                    self.machine.peer_connected(now, id, Ok(()));
                }
                Some(false) => {
                    self.peers.remove(id);
                    self.machine.peer_connected(now, id, Err(ConnectError));
                }
            },
        }
    }

    /// Joins a client's stream and a peer's connection. The answer to ConnectionBind is written already.
    pub(super) fn splice(&mut self, now: Instant, id: ConnectionId, client: FiveTuple) {
        let peer = self.peers.find(id);
        let stream = self.exits.streams.find(client);
        let (Some(peer), Some(index)) = (peer, stream) else {
            self.machine.peer_closed(now, id);
            if let Some(index) = stream {
                self.close_stream(now, index);
            }
            return;
        };
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.state = State::Joined(index);
        }
        if let Some(stream) = self.exits.streams.get_mut(index) {
            stream.spliced = Some(id);
            stream.proven = true;
            // What the peer has sent before is there, and nobody tells of it again.
            self.ready.push(Source::Stream(index), &mut stream.queued);
        }
    }

    /// Passes what stood behind ConnectionBind to the peer.
    pub(super) fn pass_on(
        &mut self,
        now: Instant,
        index: usize,
        id: ConnectionId,
        bytes: Range<usize>,
    ) {
        if let Some(peer) = self.peers.find(id)
            && let Some(peer) = self.peers.get_mut(peer)
        {
            let len = bytes.len();
            peer.write(&self.room[bytes]);
            if let Some(until) = self.machine.passed_to_peer(now, id, len) {
                self.peers.rest(id, until);
            }
        }
        self.pump(now, index, id);
    }

    /// Passes bytes both ways until neither side has any, or one takes no more.
    pub(super) fn pump(&mut self, now: Instant, index: usize, id: ConnectionId) {
        for _ in 0..TURNS {
            let Some(stream) = self.exits.streams.get_mut(index) else {
                return self.close_connection(now, id);
            };
            let peer = self.peers.find(id);
            let Some(peer) = peer.and_then(|peer| self.peers.get_mut(peer)) else {
                return self.close_stream(now, index);
            };
            let (mut moved, mut over) = (false, false);
            let (mut rests, resting) = (None, peer.rests.is_some());
            if peer.backlog() < MAX_BACKLOG && !resting {
                match stream.read(&mut self.room) {
                    Ok(Progress::Bytes(len)) => {
                        peer.write(&self.room[..len]);
                        rests = self.machine.passed_to_peer(now, id, len);
                        moved = true;
                    }
                    Ok(Progress::Nothing) => {}
                    Ok(Progress::End) | Err(_) => over = true,
                }
            }
            over |= peer.flush().is_err();
            if stream.backlog() < MAX_BACKLOG && !peer.ended && !resting {
                match outcome(peer.socket.read(&mut self.room)) {
                    Ok(Progress::Bytes(len)) => {
                        over |= stream.write(&self.room[..len]).is_err();
                        rests = rests.max(self.machine.passed_to_client(now, id, len));
                        moved = true;
                    }
                    Ok(Progress::Nothing) => {}
                    Ok(Progress::End) | Err(_) => peer.ended = true,
                }
            }
            over |= stream.flush().is_err();
            // What the peer has sent before it ended still goes to the client.
            if over || peer.ended && stream.backlog() == 0 {
                self.machine.peer_closed(now, id);
                return self.close_connection(now, id);
            }
            if let Some(until) = rests {
                self.peers.rest(id, until);
            }
            if !moved {
                return;
            }
        }
        if let Some(stream) = self.exits.streams.get_mut(index) {
            self.ready.push(Source::Stream(index), &mut stream.queued);
        }
    }

    /// Goes on with connections that waited for bandwidth.
    pub(super) fn wake_rested(&mut self, now: Instant) {
        while let Some(index) = self.peers.rested(now) {
            if let Some(stream) = self.exits.streams.get_mut(index) {
                self.ready.push(Source::Stream(index), &mut stream.queued);
            }
        }
    }

    /// Ends a peer's connection, and the client's stream that it is joined to.
    pub(super) fn close_connection(&mut self, now: Instant, id: ConnectionId) {
        let Some(peer) = self.peers.remove(id) else {
            return;
        };
        let state = peer.state;
        peer.close();
        if let State::Joined(index) = state {
            let joined = self.exits.streams.get_mut(index);
            if joined.is_some_and(|stream| stream.spliced == Some(id)) {
                self.close_stream(now, index);
            }
        }
    }
}

/// Connections that one turn may accept.
const ACCEPTED: usize = 16;
/// Reads of each side that one turn may make.
const TURNS: usize = 16;
/// What may wait for one side before the other is not read any more.
const MAX_BACKLOG: usize = 256 * 1024;
