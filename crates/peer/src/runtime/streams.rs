//! TCP and TLS connections of one peer connection: opened, accepted, read, written, closed. The driver's task polls them
//! all; what is kept for one that is slow is bounded.

mod dial;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ieum_ice::framing::{Broken, Deframer, Framing, frame};
use ieum_ice::{FiveTuple, OpenStream, StreamError, StreamId, StreamRequest, Transmit, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::TlsRoots;
use super::tls::Trust;

/// What happened to a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// Somebody has connected to this base: ask whether it is wanted.
    Accepted(TcpStream, SocketAddr, SocketAddr),
    /// One is open, from this address of ours.
    Opened(StreamId, SocketAddr),
    /// One could not be opened.
    Failed(StreamId, StreamError),
    /// Something has arrived: [`Streams::receive`].
    Readable(StreamId),
    /// One is closed.
    Closed(StreamId),
    /// There is room again for what waits to be sent.
    Room,
}

/// A TCP stream, or TLS on it.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

struct Stream {
    way: FiveTuple,
    io: Box<dyn Io>,
    framing: Framing,
    deframer: Deframer,
    /// What is to be written, and how much of it was.
    out: Vec<u8>,
    written: usize,
    /// It is closed as soon as everything is written.
    closing: bool,
}

/// What became of opening one.
type Dialed = (OpenStream, Result<(Box<dyn Io>, SocketAddr), StreamError>);

pub(super) struct Streams {
    listeners: Vec<(SocketAddr, TcpListener)>,
    trust: Trust,
    dialing: JoinSet<Dialed>,
    dials: BTreeMap<StreamId, AbortHandle>,
    open: BTreeMap<StreamId, Stream>,
    by_way: BTreeMap<FiveTuple, StreamId>,
    /// Polled last, so that none starves.
    last: Option<StreamId>,
}

impl Streams {
    pub(super) fn new(roots: &TlsRoots) -> Self {
        Self {
            listeners: Vec::new(),
            trust: Trust::new(roots),
            dialing: JoinSet::new(),
            dials: BTreeMap::new(),
            open: BTreeMap::new(),
            by_way: BTreeMap::new(),
            last: None,
        }
    }

    /// Listens there; on port 0, on one of the system's choice.
    pub(super) fn listen(&mut self, at: SocketAddr) -> io::Result<SocketAddr> {
        let socket = socket(at.ip())?;
        socket.bind(at)?;
        let listener = socket.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        self.listeners.push((local, listener));
        Ok(local)
    }

    /// Listens no more at an address that is gone.
    pub(super) fn stop_listening(&mut self, local: SocketAddr) {
        self.listeners.retain(|(address, _)| *address != local);
    }

    /// Does what the agent asks for.
    pub(super) fn handle(&mut self, request: StreamRequest) {
        match request {
            StreamRequest::Open(open) => {
                let (id, trust) = (open.id, self.trust.clone());
                let handle = self.dialing.spawn(dial::dial(open, trust));
                self.dials.insert(id, handle);
            }
            StreamRequest::Close(id) => {
                if let Some(dial) = self.dials.remove(&id) {
                    dial.abort();
                }
                if let Some(stream) = self.open.get_mut(&id) {
                    stream.closing = true;
                }
            }
        }
    }

    /// Takes a connection that was accepted, and is wanted.
    pub(super) fn accept(
        &mut self,
        id: StreamId,
        io: TcpStream,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let way = FiveTuple {
            transport: Transport::Tcp,
            local,
            remote,
        };
        // Checks and handshakes are small, and wait for nothing. Without it they are slower, that is all.
        let _ = io.set_nodelay(true);
        self.add(id, way, Box::new(io), Framing::Rfc4571);
    }

    fn add(&mut self, id: StreamId, way: FiveTuple, io: Box<dyn Io>, framing: Framing) {
        self.by_way.insert(way, id);
        let stream = Stream {
            way,
            io,
            framing,
            deframer: Deframer::new(framing),
            out: Vec::new(),
            written: 0,
            closing: false,
        };
        self.open.insert(id, stream);
    }

    /// Whether everything written so far is on its way, or nearly. Where it is not, application data is better left
    /// where it waits; what is sent all the same is queued up to a bound.
    pub(super) fn has_room(&self) -> bool {
        self.open.values().all(|stream| stream.unwritten() < ENOUGH)
    }

    /// Queues what a transmit has: each segment is a message. Over a bound messages are lost, as on any network: what is
    /// above repairs it, and slows down.
    pub(super) fn send(&mut self, transmit: Transmit, bytes: &[u8]) {
        let id = self.by_way.get(&transmit.five_tuple);
        let Some(stream) = id.and_then(|id| self.open.get_mut(id)) else {
            return;
        };
        let bytes = &bytes[bytes.len() - transmit.len..];
        let size = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        for message in bytes.chunks(size) {
            if stream.unwritten() + message.len() > MAX_UNWRITTEN {
                tracing::trace!(to = %stream.way.remote, "a message was dropped: the connection is slow");
            } else {
                // What is too long for a length field is no datagram of ours.
                frame(stream.framing, message, &mut stream.out);
            }
        }
    }

    /// Gives the messages that have arrived on a connection. `Err`: it carries something else.
    pub(super) fn receive(
        &mut self,
        id: StreamId,
        mut take: impl FnMut(FiveTuple, &[u8]),
    ) -> Result<(), Broken> {
        let Some(stream) = self.open.get_mut(&id) else {
            return Ok(());
        };
        while let Some(message) = stream.deframer.next_frame()? {
            take(stream.way, message);
        }
        Ok(())
    }

    /// Forgets a connection at once.
    pub(super) fn drop_stream(&mut self, id: StreamId) {
        if let Some(stream) = self.open.remove(&id) {
            self.by_way.remove(&stream.way);
        }
    }

    /// Writes what waits, and becomes ready when something has happened.
    pub(super) fn poll_happened(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        let had_room = self.has_room();
        self.poll_write(cx);
        if !had_room && self.has_room() {
            return Poll::Ready(Happened::Room);
        }
        if let Poll::Ready(happened) = self.poll_dialed(cx) {
            return Poll::Ready(happened);
        }
        for (local, listener) in &self.listeners {
            // An error concerns a connection that is gone already, or passes.
            if let Poll::Ready(Ok((io, remote))) = listener.poll_accept(cx) {
                return Poll::Ready(Happened::Accepted(io, *local, remote));
            }
        }
        self.poll_read(cx)
    }

    /// Writes the last words; what is not taken within a second is lost.
    pub(super) async fn finish(&mut self) {
        self.listeners.clear();
        self.open.retain(|_, stream| stream.closing);
        let all = std::future::poll_fn(|cx| {
            self.poll_write(cx);
            match self.open.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
    }

    fn poll_dialed(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        while let Poll::Ready(Some(dialed)) = self.dialing.poll_join_next(cx) {
            // What was aborted is asked for no more.
            let Ok((open, result)) = dialed else { continue };
            if self.dials.remove(&open.id).is_none() {
                continue;
            }
            return Poll::Ready(match result {
                Ok((io, local)) => {
                    let way = FiveTuple {
                        transport: open.transport,
                        local,
                        remote: open.remote,
                    };
                    self.add(open.id, way, io, open.framing);
                    Happened::Opened(open.id, local)
                }
                Err(error) => Happened::Failed(open.id, error),
            });
        }
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        if self.open.is_empty() {
            return Poll::Pending;
        }
        let mut ids: Vec<StreamId> = self.open.keys().copied().collect();
        let next = ids.iter().position(|id| Some(*id) > self.last);
        ids.rotate_left(next.unwrap_or(0));
        for id in ids {
            match self.poll_read_one(cx, id) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    self.last = Some(id);
                    return Poll::Ready(Happened::Readable(id));
                }
                Poll::Ready(Err(_)) => {
                    self.drop_stream(id);
                    return Poll::Ready(Happened::Closed(id));
                }
            }
        }
        Poll::Pending
    }

    fn poll_read_one(&mut self, cx: &mut Context<'_>, id: StreamId) -> Poll<io::Result<()>> {
        let Some(stream) = self.open.get_mut(&id).filter(|stream| !stream.closing) else {
            return Poll::Pending;
        };
        RECEIVE.with_borrow_mut(|buffer| {
            buffer.resize(RECEIVE_BUFFER, 0);
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut stream.io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            stream.deframer.push(buffer.filled());
            Poll::Ready(Ok(()))
        })
    }

    /// Writes as much as is taken. What cannot be written to is found closed when it is read.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let mut over = Vec::new();
        for (id, stream) in &mut self.open {
            if stream.poll_write(cx).is_ready() && stream.closing {
                over.push(*id);
            }
        }
        for id in over {
            self.drop_stream(id);
        }
    }
}

impl Stream {
    fn unwritten(&self) -> usize {
        self.out.len() - self.written
    }

    /// Ready: nothing is left to be written, or nothing can be.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            match Pin::new(&mut self.io).poll_write(cx, rest) {
                Poll::Ready(Ok(count)) if count > 0 => self.written += count,
                Poll::Ready(_) => break,
                Poll::Pending => {
                    self.compact();
                    return Poll::Pending;
                }
            }
        }
        self.out.clear();
        self.written = 0;
        let io = Pin::new(&mut self.io);
        match self.closing {
            true => io.poll_shutdown(cx).map(|_| ()),
            // TLS may hold records back.
            false => io.poll_flush(cx).map(|_| ()),
        }
    }

    /// What was written is forgotten, once it is as much as may wait: so each byte is moved once at most.
    fn compact(&mut self) {
        if self.written > MAX_UNWRITTEN {
            self.out.drain(..self.written);
            self.written = 0;
        }
    }
}

thread_local! {
    /// Borrowed during one read, whichever connection it is of.
    static RECEIVE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn socket(ip: IpAddr) -> io::Result<TcpSocket> {
    match ip {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    }
}

/// Bytes that wait for one connection, behind those that the system holds. More of them would only delay.
const ENOUGH: usize = 128 * 1024;
/// With checks and the rest of a batch, at most so many.
const MAX_UNWRITTEN: usize = 512 * 1024;
/// Bytes read at a time.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 64;
const LAST_WORDS: Duration = Duration::from_secs(1);

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams")
            .field("listeners", &self.listeners.len())
            .field("dialing", &self.dials.len())
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}
