//! The connections of a worker's clients: how many, from whom, and for how long strangers may stay.
//!
//! A client that reads slowly loses what is relayed to it, as it would over UDP, once [`MAX_BACKLOG`] bytes wait; answers
//! still go, and a client that does not even take those is closed.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ieum_turn::FiveTuple;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use rustls::{ServerConfig, ServerConnection};

use super::dtls::is_allocate_success;
use super::ready::Source;
use super::slab::Slab;
use super::stream::Stream;

/// All connections of a worker's clients.
pub(super) struct Streams {
    streams: Slab<Stream>,
    by_client: HashMap<FiveTuple, usize>,
    by_source: HashMap<IpAddr, usize>,
    /// Those who came without an allocation, oldest first, and until when they may stay so.
    strangers: VecDeque<(Instant, usize, u64)>,
    /// What has been written to and not sent.
    dirty: Vec<usize>,
    serial: u64,
    limits: Limits,
    counters: Counters,
}

/// How many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) total: usize,
    /// From one IPv4 address, or one IPv6 /64.
    pub(super) per_source: usize,
    /// How long one may stay without an allocation.
    pub(super) allocate_within: Duration,
}

/// What happened to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Let in.
    pub(super) accepted: u64,
    /// Closed at once: too many.
    pub(super) refused: u64,
    /// Closed: a broken stream or handshake, or nothing in time.
    pub(super) failed: u64,
    /// Relayed data that did not fit a slow client's backlog.
    pub(super) dropped: u64,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What a peer sent: dropped where the client is slow.
    Data,
    /// An answer: a client that does not take it is closed.
    Answer,
}

impl Streams {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            streams: Slab::default(),
            by_client: HashMap::new(),
            by_source: HashMap::new(),
            strangers: VecDeque::new(),
            dirty: Vec::new(),
            serial: 0,
            limits,
            counters: Counters::default(),
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Stream> {
        self.streams.get_mut(index)
    }

    pub(super) fn find(&self, client: FiveTuple) -> Option<usize> {
        self.by_client.get(&client).copied()
    }

    /// Takes a new connection; one too many is closed by dropping it.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        registry: &Registry,
        socket: TcpStream,
        client: FiveTuple,
        tls: Option<&Arc<ServerConfig>>,
    ) -> io::Result<()> {
        let from = source(client.remote.ip());
        let of_source = self.by_source.get(&from).copied().unwrap_or_default();
        if self.streams.len() >= self.limits.total || of_source >= self.limits.per_source {
            self.counters.refused += 1;
            return Ok(());
        }
        let tls = tls.map(|config| ServerConnection::new(Arc::clone(config)));
        let tls = tls.transpose().map_err(io::Error::other)?;
        // A delay of some milliseconds is worse than a packet more.
        let _ = socket.set_nodelay(true);
        self.serial += 1;
        let stream = Stream::new(socket, client, tls, self.serial);
        let index = self.adopt(registry, stream)?;
        self.strangers
            .push_back((now + self.limits.allocate_within, index, self.serial));
        self.counters.accepted += 1;
        Ok(())
    }

    /// Takes a connection as it is; gives its number.
    pub(super) fn adopt(&mut self, registry: &Registry, mut stream: Stream) -> io::Result<usize> {
        let index = self.streams.next();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream.socket, Source::Stream(index).token(), interest)?;
        stream.queued = false;
        *self
            .by_source
            .entry(source(stream.client.remote.ip()))
            .or_default() += 1;
        self.by_client.insert(stream.client, index);
        Ok(self.streams.insert(stream))
    }

    /// Writes to a client; `Some` where its connection has to be closed.
    pub(super) fn write(
        &mut self,
        client: FiveTuple,
        content: Content,
        bytes: &[u8],
    ) -> Option<usize> {
        let index = self.find(client)?;
        let stream = self.streams.get_mut(index)?;
        match content {
            Content::Data if stream.backlog() > MAX_BACKLOG => {
                self.counters.dropped += 1;
                return None;
            }
            Content::Answer if stream.backlog() > 2 * MAX_BACKLOG => return Some(index),
            Content::Data => {}
            Content::Answer => stream.proven |= is_allocate_success(bytes),
        }
        let clean = stream.backlog() == 0;
        if stream.write(bytes).is_err() {
            return Some(index);
        }
        if clean {
            self.dirty.push(index);
        }
        None
    }

    /// Sends what was written; `broken` is told of those whose connection is gone.
    pub(super) fn flush(&mut self, broken: &mut Vec<usize>) {
        for index in self.dirty.drain(..) {
            if let Some(stream) = self.streams.get_mut(index)
                && stream.flush().is_err()
            {
                broken.push(index);
            }
        }
    }

    pub(super) fn remove(&mut self, index: usize) -> Option<Stream> {
        let stream = self.streams.remove(index)?;
        self.by_client.remove(&stream.client);
        let from = source(stream.client.remote.ip());
        if let Some(count) = self.by_source.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&from);
            }
        }
        Some(stream)
    }

    /// Counts a connection that ends for the client's fault.
    pub(super) fn count_failure(&mut self) {
        self.counters.failed += 1;
    }

    /// Somebody who has no allocation yet, and should have one by now.
    pub(super) fn expired(&mut self, now: Instant) -> Option<usize> {
        loop {
            let (until, index, serial) = *self.strangers.front()?;
            let stranger = self
                .streams
                .get(index)
                .is_some_and(|stream| stream.serial == serial && !stream.proven);
            if stranger && until > now {
                return None;
            }
            self.strangers.pop_front();
            if stranger {
                self.counters.failed += 1;
                return Some(index);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.strangers.front().map(|(until, ..)| *until)
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 host has.
fn source(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// What may wait for a slow client before relayed data is dropped.
const MAX_BACKLOG: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_ipv6_host_are_one_source() {
        let ip = |text: &str| source(text.parse().expect("an address"));
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:1"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_ne!(ip("192.0.2.1"), ip("192.0.2.2"));
    }
}
