//! One UDP socket, read and written in batches (GRO, GSO) where the system can.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ieum_ice::Transmit;
use quinn_udp::{RecvMeta, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

#[derive(Debug)]
pub(super) struct Socket {
    local: SocketAddr,
    io: UdpSocket,
    state: UdpSocketState,
    /// What its receive buffer was granted, in bytes.
    granted: usize,
}

impl Socket {
    /// Takes a socket that is bound, and asks for buffers of so many bytes where that is said.
    pub(super) fn new(socket: std::net::UdpSocket, buffers: Option<usize>) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        if let Some(bytes) = buffers {
            // Less is granted where the system's limit is lower.
            let _ = state.set_recv_buffer_size((&socket).into(), bytes);
            let _ = state.set_send_buffer_size((&socket).into(), bytes);
        }
        let granted = state.recv_buffer_size((&socket).into())?;
        socket.set_nonblocking(true)?;
        let io = UdpSocket::from_std(socket)?;
        let local = io.local_addr()?;
        Ok(Self {
            local,
            io,
            state,
            granted,
        })
    }

    /// What it is bound to.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// What its receive buffer was granted, in bytes, as the system counts: a packet costs about twice its length.
    pub(super) fn granted(&self) -> usize {
        self.granted
    }

    /// Ready when there is something to read. One task may wait for it.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.io.poll_recv_ready(cx).map(|_| ())
    }

    /// Ready when there is room. One task may wait for it.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.io.poll_send_ready(cx).map(|_| ())
    }

    /// Waits for room, as any number of tasks may.
    pub(super) async fn writable(&self) {
        // An error is found again when it is written.
        let _ = self.io.writable().await;
    }

    /// Reads what there is, up to a bound, and gives every batch to `take`: datagrams of one sender, each of them
    /// [`RecvMeta::stride`] long but the last.
    pub(super) fn receive(&self, mut take: impl FnMut(&RecvMeta, &[u8])) {
        let Self { io, state, .. } = self;
        RECEIVE.with_borrow_mut(|buffers| {
            let mut metas = [RecvMeta::default(); BATCH];
            let mut bytes = 0;
            for _ in 0..RECEIVES {
                if bytes >= TURN {
                    return;
                }
                let received = io.try_io(Interest::READABLE, || {
                    let mut slices = buffers.slices();
                    state.recv(io.into(), &mut slices, &mut metas)
                });
                // Nothing left, or an error that says something of an earlier send: checks find out.
                let Ok(count) = received else { return };
                for (meta, buffer) in metas.iter().zip(&buffers.0).take(count) {
                    take(meta, &buffer[..meta.len]);
                    bytes += meta.len;
                }
            }
        });
    }

    /// `Err`: the socket is full, and this is left.
    pub(super) fn send(&self, transmit: Transmit, bytes: &[u8]) -> Result<(), Transmit> {
        // Behind an unspecified address, it goes out from the one that the pair has.
        let is_unspecified = self.local.ip().is_unspecified();
        let src_ip = is_unspecified.then(|| transmit.five_tuple.local.ip());
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
                src_ip,
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
}

/// What is asked for as a socket's buffers, in bytes: with the usual 212 kB a burst overflows, and SCTP recovers slowly.
pub(super) const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// The largest batch that the kernel hands over.
const RECEIVE_BUFFER: usize = 65_536;
/// Batches of one receive.
const BATCH: usize = 4;
/// Bytes of one turn: what is acknowledged late lets the peer wait.
const TURN: usize = 256 * 1024;
/// Receives in a row before something else has its turn.
const RECEIVES: usize = 8;
