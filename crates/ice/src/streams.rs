//! Owns the TCP and TLS connections: which there are, what each is for, and until when it must have proven itself.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_stun::{FiveTuple, Transport};

use crate::Server;
use crate::candidates::Path;
use crate::framing::Framing;
use crate::relays::Source;

/// The number of a TCP or TLS connection of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(u64);

/// What an agent asks its owner to do with connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamRequest {
    /// Open one, and tell what came of it: [`stream_opened`](crate::Agent::stream_opened) or
    /// [`stream_failed`](crate::Agent::stream_failed).
    Open(OpenStream),
    /// Close it, or stop opening it. Nothing is to be told.
    Close(StreamId),
}

/// A connection to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStream {
    /// Its number.
    pub id: StreamId,
    /// TCP, or TLS over TCP.
    pub transport: Transport,
    /// The address to leave from, with a port of the system's choice.
    pub local: IpAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// For TLS: whom the certificate must name; `None`: `remote`'s address.
    pub server_name: Option<String>,
    /// How messages are told apart on it.
    pub framing: Framing,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Nobody listens there, or a firewall says so.
    #[error("the connection was refused")]
    Refused,
    /// Nothing came back in time.
    #[error("the connection was not accepted in time")]
    TimedOut,
    /// There is no way from here to there.
    #[error("the address cannot be reached")]
    Unreachable,
    /// TLS: the certificate is not one that is trusted for this name.
    #[error("the server's certificate is not trusted")]
    Certificate,
    /// TLS: the handshake came to nothing otherwise.
    #[error("the TLS handshake failed")]
    Tls,
    /// This machine could not open another one.
    #[error("no connection could be opened")]
    Local,
}

/// A TURN server that is reached over a connection.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// With the UDP base beside which it is asked.
    pub(crate) source: Source,
    /// TCP or TLS.
    pub(crate) transport: Transport,
    pub(crate) username: String,
    pub(crate) password: String,
}

/// What a connection is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// Checks and data between a candidate of ours and one of the peer.
    Peer(Path),
    /// A TURN server.
    Server(Box<Wanted>),
    /// The server that this relay was sent on to, or is to be connected to again.
    Relay {
        relay: u32,
        /// TCP or TLS.
        transport: Transport,
    },
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) purpose: Purpose,
    pub(crate) remote: SocketAddr,
    /// `None`: it is being opened.
    pub(crate) way: Option<FiveTuple>,
    /// When it is given up: until it is open, or until the peer has proven who it is.
    deadline: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Streams {
    list: BTreeMap<StreamId, Stream>,
    by_way: BTreeMap<FiveTuple, StreamId>,
    by_path: BTreeMap<(Path, SocketAddr), StreamId>,
    requests: VecDeque<StreamRequest>,
    next_id: u64,
}

impl Streams {
    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.list.get(&id)
    }

    pub(crate) fn ids(&self) -> Vec<StreamId> {
        self.list.keys().copied().collect()
    }

    /// The path that this connection is.
    pub(crate) fn path(&self, way: FiveTuple) -> Option<Path> {
        match self.list.get(self.by_way.get(&way)?)?.purpose {
            Purpose::Peer(path) => Some(path),
            Purpose::Server(_) | Purpose::Relay { .. } => None,
        }
    }

    /// The connection between a candidate of ours and an address of the peer, open or being opened.
    pub(crate) fn between(&self, path: Path, remote: SocketAddr) -> Option<&Stream> {
        self.list.get(self.by_path.get(&(path, remote))?)
    }

    /// Connections to servers that are being opened.
    pub(crate) fn opening_servers(&self) -> impl Iterator<Item = (StreamId, &Wanted)> + '_ {
        let opening = self.list.iter().filter(|(_, stream)| stream.way.is_none());
        opening.filter_map(|(id, stream)| match &stream.purpose {
            Purpose::Server(wanted) => Some((*id, &**wanted)),
            Purpose::Peer(_) | Purpose::Relay { .. } => None,
        })
    }

    /// Whether there is a connection to this server already, beside this base.
    pub(crate) fn is_asking(&self, base: SocketAddr, server: &Server) -> bool {
        self.list.values().any(|stream| match &stream.purpose {
            Purpose::Server(wanted) => {
                (wanted.source.base, wanted.transport, stream.remote)
                    == (base, server.transport, server.addr)
            }
            Purpose::Peer(_) | Purpose::Relay { .. } => false,
        })
    }

    /// Asks for a connection to a candidate of the peer.
    pub(crate) fn open_to_peer(
        &mut self,
        deadline: Instant,
        path: Path,
        from: IpAddr,
        remote: SocketAddr,
    ) {
        let request = OpenStream {
            id: StreamId(self.next_id),
            transport: Transport::Tcp,
            local: from,
            remote,
            server_name: None,
            framing: Framing::Rfc4571,
        };
        self.open(request, Purpose::Peer(path), Some(deadline));
    }

    /// Asks for a connection to a TURN server; gathering has a deadline of its own.
    pub(crate) fn open_to_server(&mut self, remote: SocketAddr, wanted: Wanted) {
        let (name, base) = (wanted.source.server_name.clone(), wanted.source.base);
        let request = self.to_turn(wanted.transport, base, remote, name);
        self.open(request, Purpose::Server(Box::new(wanted)), None);
    }

    /// Asks for another connection for a relay.
    pub(crate) fn open_for_relay(
        &mut self,
        relay: u32,
        server: FiveTuple,
        base: SocketAddr,
        server_name: Option<String>,
    ) {
        let transport = server.transport;
        let request = self.to_turn(transport, base, server.remote, server_name);
        self.open(request, Purpose::Relay { relay, transport }, None);
    }

    fn to_turn(
        &self,
        transport: Transport,
        base: SocketAddr,
        remote: SocketAddr,
        server_name: Option<String>,
    ) -> OpenStream {
        OpenStream {
            id: StreamId(self.next_id),
            transport,
            local: base.ip(),
            remote,
            server_name,
            framing: Framing::Turn,
        }
    }

    fn open(&mut self, request: OpenStream, purpose: Purpose, deadline: Option<Instant>) {
        let (id, remote) = (request.id, request.remote);
        self.requests.push_back(StreamRequest::Open(request));
        let stream = Stream {
            purpose,
            remote,
            way: None,
            deadline,
        };
        self.insert(id, stream);
    }

    /// The peer, or somebody else, has connected. Where there are too many, the oldest that has not proven to be the
    /// peer gives way to it.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        path: Path,
        way: FiveTuple,
        limit: usize,
    ) -> Option<StreamId> {
        let is_accepted =
            |stream: &Stream| matches!(stream.purpose, Purpose::Peer(its) if its == path);
        let accepted = self
            .list
            .values()
            .filter(|stream| is_accepted(stream))
            .count();
        if accepted >= limit {
            let unproven = |(_, stream): &(&StreamId, &Stream)| {
                is_accepted(stream) && stream.deadline.is_some()
            };
            let (oldest, _) = self.list.iter().find(unproven)?;
            self.close(*oldest);
        }
        let id = StreamId(self.next_id);
        self.by_way.insert(way, id);
        let stream = Stream {
            purpose: Purpose::Peer(path),
            remote: way.remote,
            way: Some(way),
            deadline: Some(now + PROOF),
        };
        self.insert(id, stream);
        Some(id)
    }

    fn insert(&mut self, id: StreamId, stream: Stream) {
        self.next_id += 1;
        if let Purpose::Peer(path) = stream.purpose {
            self.by_path.insert((path, stream.remote), id);
        }
        self.list.insert(id, stream);
    }

    /// It is open: from this address of ours.
    pub(crate) fn opened(&mut self, id: StreamId, way: FiveTuple) -> Option<&Stream> {
        let stream = self
            .list
            .get_mut(&id)
            .filter(|stream| stream.way.is_none())?;
        stream.way = Some(way);
        stream.deadline = None;
        self.by_way.insert(way, id);
        Some(stream)
    }

    /// Who sends on this connection is the peer.
    pub(crate) fn prove(&mut self, way: FiveTuple) {
        let id = self.by_way.get(&way);
        if let Some(stream) = id.and_then(|id| self.list.get_mut(id)) {
            stream.deadline = None;
        }
    }

    /// Forgets a connection, which is over or is to be.
    pub(crate) fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.list.remove(&id)?;
        if let Some(way) = stream.way.filter(|way| self.by_way.get(way) == Some(&id)) {
            self.by_way.remove(&way);
        }
        if let Purpose::Peer(path) = stream.purpose {
            let end = (path, stream.remote);
            if self.by_path.get(&end) == Some(&id) {
                self.by_path.remove(&end);
            }
        }
        Some(stream)
    }

    /// Asks to close a connection, and forgets it.
    pub(crate) fn close(&mut self, id: StreamId) -> Option<Stream> {
        self.requests.push_back(StreamRequest::Close(id));
        self.remove(id)
    }

    /// The connection to a server.
    pub(crate) fn close_way(&mut self, way: FiveTuple) {
        if let Some(id) = self.by_way.get(&way).copied() {
            self.close(id);
        }
    }

    /// Stops connecting for this relay.
    pub(crate) fn close_for_relay(&mut self, relay: u32) {
        let is_its = |stream: &Stream| matches!(stream.purpose, Purpose::Relay { relay: its, .. } if its == relay);
        let found = self.list.iter().find(|(_, stream)| is_its(stream));
        if let Some(id) = found.map(|(id, _)| *id) {
            self.close(id);
        }
    }

    /// The next one whose time is over.
    pub(crate) fn next_overdue(&self, now: Instant) -> Option<StreamId> {
        let overdue = |stream: &Stream| stream.deadline.is_some_and(|at| at <= now);
        self.list
            .iter()
            .find(|(_, stream)| overdue(stream))
            .map(|(id, _)| *id)
    }

    pub(crate) fn poll_request(&mut self) -> Option<StreamRequest> {
        self.requests.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.list
            .values()
            .filter_map(|stream| stream.deadline)
            .min()
    }
}

/// A peer checks as soon as it has connected. Who has not proven to be the peer by then is sent away.
const PROOF: Duration = Duration::from_secs(5);
