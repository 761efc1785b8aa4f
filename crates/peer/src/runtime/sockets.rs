//! The UDP sockets of one connection: its own, and its place at a port that it shares.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ieum_ice::{FiveTuple, Transmit};

use super::mux::{Attachment, UdpMux};
use super::socket::Socket;

/// The sockets of one connection.
#[derive(Debug)]
pub(super) struct Sockets {
    sockets: Vec<Socket>,
    /// What is asked for as their buffers.
    buffers: Option<usize>,
    shared: Option<Attachment>,
    /// Where polling begins, so that none starves.
    next: usize,
    /// What a full socket did not take.
    unsent: Option<(Transmit, Vec<u8>)>,
}

/// What a socket is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// The socket of this number has something to read.
    Readable(usize),
    /// Something waits at the shared port.
    Shared,
    /// The full socket has room again.
    Writable,
}

impl Sockets {
    pub(super) fn new(mux: Option<&UdpMux>, buffers: Option<usize>) -> Self {
        Self {
            sockets: Vec::new(),
            buffers,
            shared: mux.map(UdpMux::attach),
            next: 0,
            unsent: None,
        }
    }

    /// Takes a socket that is bound; gives its address.
    pub(super) fn add(&mut self, socket: std::net::UdpSocket) -> io::Result<SocketAddr> {
        let socket = Socket::new(socket, self.buffers)?;
        let local = socket.local();
        self.sockets.push(socket);
        Ok(local)
    }

    /// Closes the socket of an address that is gone.
    pub(super) fn remove(&mut self, local: SocketAddr) {
        self.sockets.retain(|socket| socket.local() != local);
    }

    /// How many bytes a receive buffer like ours holds until it is read. The peer's is not known, and most have what their
    /// system gives: so has ours.
    pub(super) fn burst(&self) -> usize {
        let granted = self.sockets.iter().map(Socket::granted).min();
        granted.map_or(usize::MAX, |bytes| bytes / 2)
    }

    /// The place at a shared port, where there is one.
    pub(super) fn shared(&mut self) -> Option<&mut Attachment> {
        self.shared.as_mut()
    }

    /// Becomes ready when a socket has something to read, or the full one has room.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        if self.poll_writable(cx).is_ready() {
            return Poll::Ready(Ready::Writable);
        }
        if let Some(shared) = &mut self.shared
            && shared.poll_readable(cx).is_ready()
        {
            return Poll::Ready(Ready::Shared);
        }
        let count = self.sockets.len();
        for index in (0..count).map(|step| (self.next + step) % count) {
            // An error is found again, and handled, when it is read.
            if self.sockets[index].poll_readable(cx).is_ready() {
                self.next = (index + 1) % count;
                return Poll::Ready(Ready::Readable(index));
            }
        }
        Poll::Pending
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((transmit, _)) = &self.unsent else {
            return Poll::Pending;
        };
        let local = transmit.five_tuple.local;
        match (find(&self.sockets, local), &mut self.shared) {
            (Some(socket), _) => socket.poll_writable(cx),
            (None, Some(shared)) => shared.poll_room(cx, local.ip()),
            (None, None) => Poll::Ready(()),
        }
    }

    /// Reads what a socket has, up to a bound, and gives every batch to `take`: datagrams of so many bytes each, but for the
    /// last.
    pub(super) fn receive(&self, index: usize, mut take: impl FnMut(FiveTuple, &[u8], usize)) {
        let socket = &self.sockets[index];
        socket.receive(|meta, bytes| {
            let from = FiveTuple::udp(socket.local(), meta.addr);
            take(from, bytes, meta.stride);
        });
    }

    /// Sends what `next` appends to an empty buffer, until it has nothing left or a socket is full.
    pub(super) fn send_all(&mut self, mut next: impl FnMut(&mut Vec<u8>) -> Option<Transmit>) {
        if let Some((transmit, bytes)) = self.unsent.take() {
            self.send(transmit, &bytes);
        }
        SEND.with_borrow_mut(|buffer| {
            while self.unsent.is_none() {
                buffer.clear();
                let Some(transmit) = next(buffer) else { break };
                self.send(transmit, buffer);
            }
        });
    }

    fn send(&mut self, transmit: Transmit, bytes: &[u8]) {
        let sent = match (find(&self.sockets, transmit.five_tuple.local), &self.shared) {
            (Some(socket), _) => socket.send(transmit, bytes),
            (None, Some(shared)) => shared.send(transmit, bytes),
            // A base that is gone: what was to be sent from it is lost.
            (None, None) => return,
        };
        if let Err(rest) = sent {
            self.unsent = Some((rest, bytes[bytes.len() - rest.len..].to_vec()));
        }
    }
}

fn find(sockets: &[Socket], local: SocketAddr) -> Option<&Socket> {
    sockets.iter().find(|socket| socket.local() == local)
}

thread_local! {
    /// Borrowed during one flush, whichever connection it is of.
    static SEND: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
