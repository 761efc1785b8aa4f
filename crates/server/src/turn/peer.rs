//! TCP connections between relays and peers (RFC 6062).

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use ieum_turn::server::{ConnectionId, RelayId};
use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::acceptor::{Acceptor, bound};
use super::ready::Source;
use super::slab::Slab;
use super::unsent::Unsent;

/// The listeners of relays, and their connections with peers.
#[derive(Default)]
pub(super) struct Peers {
    listeners: HashMap<usize, (RelayId, Acceptor)>,
    connections: Slab<Peer>,
    by_id: HashMap<ConnectionId, usize>,
    /// Those that rest, by when they go on.
    resting: BTreeSet<(Instant, ConnectionId)>,
}

/// One connection with a peer.
pub(super) struct Peer {
    pub(super) id: ConnectionId,
    pub(super) socket: TcpStream,
    pub(super) state: State,
    unsent: Unsent,
    /// Whether it waits to be read or written.
    pub(super) queued: bool,
    /// Whether the peer has sent all that it will.
    pub(super) ended: bool,
    /// Until when neither side is read: the bandwidth is used up.
    pub(super) rests: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is being connected.
    Connecting,
    /// The client has not bound it yet: what the peer sends stays in the socket.
    Waiting,
    /// With the client's stream of this number.
    Joined(usize),
}

impl Peers {
    /// Listens for the peers of a relay.
    pub(super) fn listen(
        &mut self,
        registry: &Registry,
        id: RelayId,
        mut acceptor: Acceptor,
    ) -> io::Result<()> {
        let token = Source::PeerAccept(id.index()).token();
        registry.register(&mut acceptor.socket, token, Interest::READABLE)?;
        self.listeners.insert(id.index(), (id, acceptor));
        Ok(())
    }

    pub(super) fn listener(&mut self, index: usize) -> Option<&mut (RelayId, Acceptor)> {
        self.listeners.get_mut(&index)
    }

    pub(super) fn unlisten(&mut self, id: RelayId) {
        if self
            .listeners
            .get(&id.index())
            .is_some_and(|(at, _)| *at == id)
        {
            self.listeners.remove(&id.index());
        }
    }

    /// Begins to connect from the address of a relay's listener.
    pub(super) fn connect(
        &mut self,
        registry: &Registry,
        id: ConnectionId,
        relay: RelayId,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let listener = self.listeners.get(&relay.index());
        let (_, listener) = listener.ok_or(io::ErrorKind::NotConnected)?;
        let socket = bound(listener.local, true)?;
        match socket.connect(&peer.into()) {
            Ok(()) => {}
            // EINPROGRESS has no kind of its own everywhere.
            Err(error) if is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        let socket = TcpStream::from_std(socket.into());
        self.insert(registry, id, socket, State::Connecting)
    }

    /// Keeps a connection; it is dropped where the system refuses to watch it.
    pub(super) fn insert(
        &mut self,
        registry: &Registry,
        id: ConnectionId,
        mut socket: TcpStream,
        state: State,
    ) -> io::Result<()> {
        let index = self.connections.next();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut socket, Source::Peer(index).token(), interest)?;
        let _ = socket.set_nodelay(true);
        self.connections.insert(Peer {
            id,
            socket,
            state,
            unsent: Unsent::default(),
            queued: false,
            ended: false,
            rests: None,
        });
        self.by_id.insert(id, index);
        Ok(())
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Peer> {
        self.connections.get_mut(index)
    }

    pub(super) fn find(&self, id: ConnectionId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Peer> {
        let index = self.by_id.remove(&id)?;
        let peer = self.connections.remove(index)?;
        if let Some(until) = peer.rests {
            self.resting.remove(&(until, id));
        }
        Some(peer)
    }

    /// Lets a connection rest until then.
    pub(super) fn rest(&mut self, id: ConnectionId, until: Instant) {
        let peer = self.find(id).and_then(|index| self.get_mut(index));
        let Some(peer) = peer else { return };
        if let Some(before) = peer.rests.replace(until) {
            self.resting.remove(&(before, id));
        }
        self.resting.insert((until, id));
    }

    /// The stream of a connection that has rested long enough.
    pub(super) fn rested(&mut self, now: Instant) -> Option<usize> {
        while let Some(&(until, id)) = self.resting.first().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, id));
            let peer = self.find(id).and_then(|index| self.get_mut(index));
            let Some(peer) = peer else { continue };
            peer.rests = None;
            if let State::Joined(stream) = peer.state {
                return Some(stream);
            }
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.resting.first().map(|(until, _)| *until)
    }
}

impl Peer {
    /// Bytes that the socket has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.unsent.len()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.unsent.push(bytes);
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.unsent.send(&mut self.socket)
    }

    /// Whether the connection that was begun stands; `None` while nobody knows.
    pub(super) fn connected(&self) -> Option<bool> {
        match (self.socket.take_error(), self.socket.peer_addr()) {
            (Ok(None), Ok(_)) => Some(true),
            (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => None,
            _ => Some(false),
        }
    }

    pub(super) fn close(mut self) {
        let _ = self.flush();
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// "Operation now in progress".
#[cfg(any(target_os = "linux", target_os = "android"))]
const EINPROGRESS: i32 = 115;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const EINPROGRESS: i32 = 36;
