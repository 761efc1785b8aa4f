//! Reliable ordered streams between nodes, as TCP has them: connections are opened, refused, lost to a firewall, closed.
//! Nothing of TCP itself is here: no segments, no windows, no loss. What is written arrives a link's delay later.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::NodeId;

/// A connection; the same number at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(u64);

/// What a node does with streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamAction {
    /// Connects from one of its addresses. `key` comes back with what becomes of it.
    Connect {
        /// The node's own number for the attempt.
        key: u64,
        /// Its address; the network chooses a port.
        from: IpAddr,
        /// Where to.
        to: SocketAddr,
    },
    /// Writes.
    Write(StreamId, Vec<u8>),
    /// Closes: what was written before still arrives.
    Close(StreamId),
}

/// What happens to a node's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The connection is open.
    Opened {
        /// As in [`StreamAction::Connect`].
        key: u64,
        /// Its number.
        stream: StreamId,
        /// Where it leaves from.
        local: SocketAddr,
    },
    /// Nobody listens there. (Where a firewall is in the way, or nobody is there at all, nothing happens.)
    Refused {
        /// As in [`StreamAction::Connect`].
        key: u64,
    },
    /// Somebody has connected.
    Accepted {
        /// Its number.
        stream: StreamId,
        /// Where the node listens.
        local: SocketAddr,
        /// Who it seems to be: behind a NAT, that.
        remote: SocketAddr,
    },
    /// Bytes have arrived, as much at a time as was written at a time.
    Data(StreamId, Vec<u8>),
    /// The other end has closed.
    Closed(StreamId),
}

/// One end of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    /// Its interface.
    pub(crate) ip: IpAddr,
    /// When the last thing arrives that was sent to it.
    last: Instant,
}

impl End {
    pub(crate) fn new(node: NodeId, ip: IpAddr, now: Instant) -> Self {
        End {
            node,
            ip,
            last: now,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Streams {
    list: BTreeMap<StreamId, [End; 2]>,
    coming: BTreeMap<(Instant, u64), (NodeId, StreamEvent)>,
    next_id: u64,
    next_event: u64,
    next_port: u16,
}

impl Streams {
    /// A port that no other stream leaves from.
    pub(crate) fn port(&mut self) -> u16 {
        self.next_port = (self.next_port + 1) % 16_384;
        49_152 + self.next_port
    }

    pub(crate) fn open(&mut self, ends: [End; 2]) -> StreamId {
        self.next_id += 1;
        let id = StreamId(self.next_id);
        self.list.insert(id, ends);
        id
    }

    /// The end of this node, and the other one; `None` once either has closed.
    pub(crate) fn ends(&self, id: StreamId, node: NodeId) -> Option<(End, End)> {
        let [a, b] = *self.list.get(&id)?;
        match a.node == node {
            true => Some((a, b)),
            false => Some((b, a)),
        }
    }

    pub(crate) fn close(&mut self, id: StreamId) {
        self.list.remove(&id);
    }

    /// Something arrives at a node, by this time at the earliest, and after all that was sent to it before.
    pub(crate) fn send(&mut self, id: StreamId, to: NodeId, arrival: Instant, event: StreamEvent) {
        let ends = self.list.get_mut(&id);
        let end = ends.and_then(|ends| ends.iter_mut().find(|end| end.node == to));
        let at = end.map_or(arrival, |end| {
            end.last = end.last.max(arrival);
            end.last
        });
        self.post(to, at, event);
    }

    /// Something arrives at a node that has no stream (yet).
    pub(crate) fn post(&mut self, to: NodeId, at: Instant, event: StreamEvent) {
        self.next_event += 1;
        self.coming.insert((at, self.next_event), (to, event));
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.coming.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(NodeId, StreamEvent)> {
        let entry = self.coming.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
