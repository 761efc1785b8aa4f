//! UDP sockets, in batches both ways (GSO, GRO) where the system can.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ieum_ice::{FiveTuple, Transmit};
use quinn_udp::{RecvMeta, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The sockets of one connection.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    sockets: Vec<Socket>,
    /// Where polling begins, so that none starves.
    next: usize,
    /// What a full socket did not take.
    unsent: Option<(Transmit, Vec<u8>)>,
}

#[derive(Debug)]
struct Socket {
    local: SocketAddr,
    io: UdpSocket,
    state: UdpSocketState,
}

/// What a socket is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// The socket of this number has something to read.
    Readable(usize),
    /// The full socket has room again.
    Writable,
}

impl Sockets {
    /// Takes a socket that is bound; gives its address.
    pub(super) fn add(&mut self, socket: std::net::UdpSocket) -> io::Result<SocketAddr> {
        let state = UdpSocketState::new((&socket).into())?;
        // Less is granted where the system's limit is lower; then bursts are lost sooner.
        let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        let io = UdpSocket::from_std(socket)?;
        let local = io.local_addr()?;
        self.sockets.push(Socket { local, io, state });
        Ok(local)
    }

    /// Closes the socket of an address that is gone.
    pub(super) fn remove(&mut self, local: SocketAddr) {
        self.sockets.retain(|socket| socket.local != local);
    }

    /// Becomes ready when a socket has something to read, or the full one has room.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        if self.poll_writable(cx).is_ready() {
            return Poll::Ready(Ready::Writable);
        }
        let count = self.sockets.len();
        for index in (0..count).map(|step| (self.next + step) % count) {
            // An error is found again, and handled, when it is read.
            if self.sockets[index].io.poll_recv_ready(cx).is_ready() {
                self.next = (index + 1) % count;
                return Poll::Ready(Ready::Readable(index));
            }
        }
        Poll::Pending
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((transmit, _)) = &self.unsent else {
            return Poll::Pending;
        };
        match self.find(transmit) {
            Some(socket) => socket.io.poll_send_ready(cx).map(|_| ()),
            None => Poll::Ready(()),
        }
    }

    /// Reads what a socket has, up to a bound, and gives every datagram to `take`.
    pub(super) fn receive(&self, index: usize, mut take: impl FnMut(FiveTuple, &[u8])) {
        let Socket { local, io, state } = &self.sockets[index];
        RECEIVE.with_borrow_mut(|buffers| {
            let mut metas = [RecvMeta::default(); BATCH];
            for _ in 0..RECEIVES {
                let received = io.try_io(Interest::READABLE, || {
                    let mut slices = buffers.slices();
                    state.recv(io.into(), &mut slices, &mut metas)
                });
                // Nothing left, or an error that says something of an earlier send: checks find out.
                let Ok(count) = received else { return };
                for (meta, buffer) in metas.iter().zip(&buffers.0).take(count) {
                    let from = FiveTuple::udp(*local, meta.addr);
                    for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                        take(from, datagram);
                    }
                }
            }
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
        // A base that is gone: what was to be sent from it is lost.
        let Some(socket) = self.find(&transmit) else {
            return;
        };
        if let Err(rest) = socket.send(transmit, bytes) {
            self.unsent = Some((rest, bytes[bytes.len() - rest.len..].to_vec()));
        }
    }

    fn find(&self, transmit: &Transmit) -> Option<&Socket> {
        self.sockets
            .iter()
            .find(|socket| socket.local == transmit.five_tuple.local)
    }
}

impl Socket {
    /// `Err`: the socket is full, and this is left.
    fn send(&self, transmit: Transmit, bytes: &[u8]) -> Result<(), Transmit> {
        let mut rest = &bytes[bytes.len() - transmit.len..];
        while !rest.is_empty() {
            let segments = self.state.max_gso_segments().max(1);
            let size = transmit.segment_size.unwrap_or(rest.len());
            let (contents, after) = rest.split_at(rest.len().min(size.saturating_mul(segments)));
            let datagram = quinn_udp::Transmit {
                destination: transmit.five_tuple.remote,
                ecn: None,
                contents,
                segment_size: (contents.len() > size).then_some(size),
                src_ip: None,
            };
            let io = &self.io;
            match io.try_io(Interest::WRITABLE, || {
                self.state.try_send(io.into(), &datagram)
            }) {
                Ok(()) => rest = after,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Transmit {
                        len: rest.len(),
                        ..transmit
                    });
                }
                // The system turned out not to segment: `quinn-udp` has noticed, and it goes one by one.
                Err(_) if self.state.max_gso_segments() < segments => {}
                Err(error) => {
                    // As if it were lost on the way: checks and consent find out whether there is a way.
                    tracing::debug!(%error, to = %datagram.destination, "a datagram could not be sent");
                    rest = after;
                }
            }
        }
        Ok(())
    }
}

/// Buffers for one receive: each takes a GRO batch.
struct Buffers([Vec<u8>; BATCH]);

impl Buffers {
    fn slices(&mut self) -> [IoSliceMut<'_>; BATCH] {
        self.0.each_mut().map(|buffer| {
            buffer.resize(RECEIVE_BUFFER, 0);
            IoSliceMut::new(buffer)
        })
    }
}

thread_local! {
    /// Borrowed during one receive, whichever connection it is of: idle connections hold none.
    static RECEIVE: RefCell<Buffers> = RefCell::new(Buffers(std::array::from_fn(|_| Vec::new())));
    /// The same for sending.
    static SEND: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is asked for as a socket's buffers, in bytes: with the usual 212 kB a burst overflows, and SCTP recovers slowly.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// The largest batch that the kernel hands over.
const RECEIVE_BUFFER: usize = 65_536;
/// Batches of one receive.
const BATCH: usize = 4;
/// Receives in a row before something else has its turn.
const RECEIVES: usize = 8;
