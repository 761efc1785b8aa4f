//! The buffers that a worker receives into.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{RecvMeta, UdpSocketState};

use super::socket::Udp;

/// Receive buffers: each holds one datagram, or a batch of equal ones (GRO). One set for all sockets of a worker.
pub(super) struct Inbox {
    buffers: [Box<[u8]>; BATCH],
    metas: [RecvMeta; BATCH],
}

/// One buffer's worth: the datagrams of one sender, in order.
pub(super) struct Received<'a> {
    /// Who sent them.
    pub(super) from: SocketAddr,
    /// Which address they were sent to, where the socket tells.
    pub(super) to: Option<std::net::IpAddr>,
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> Received<'a> {
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        // An empty datagram has stride 0, and still is one.
        let empty = self.bytes.is_empty().then_some(self.bytes);
        self.bytes.chunks(self.stride.max(1)).chain(empty)
    }
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buffers: std::array::from_fn(|_| vec![0; BUFFER].into_boxed_slice()),
            metas: [RecvMeta::default(); BATCH],
        }
    }

    /// Receives up to `most` buffers without waiting; [`Inbox::received`] then gives them out.
    pub(super) fn receive(
        &mut self,
        state: &UdpSocketState,
        socket: &Udp,
        most: usize,
    ) -> io::Result<usize> {
        let Self { buffers, metas } = self;
        let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
        let most = most.min(BATCH);
        socket.receive(state, &mut slices[..most], &mut metas[..most])
    }

    /// The first `filled` buffers.
    pub(super) fn received(&self, filled: usize) -> impl Iterator<Item = Received<'_>> {
        let filled = self.metas.iter().zip(&self.buffers).take(filled);
        filled.map(|(meta, buffer)| Received {
            from: canonical(meta.addr),
            to: meta.dst_ip.map(|ip| ip.to_canonical()),
            bytes: &buffer[..meta.len],
            stride: meta.stride,
        })
    }
}

/// Without an IPv4-mapped address. A scope id stays: answers to link-local clients need it.
fn canonical(mut addr: SocketAddr) -> SocketAddr {
    addr.set_ip(addr.ip().to_canonical());
    addr
}

/// Buffers that one system call can fill.
pub(super) const BATCH: usize = quinn_udp::BATCH_SIZE;

/// More than one UDP datagram, or one GRO batch, can have: were buffers 64 KiB apart, the beginnings of all, which is where
/// most datagrams end, would share the same few places in the processor's caches.
const BUFFER: usize = 65_536 + 21 * 64;
