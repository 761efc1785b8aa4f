//! Messages on a connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::frame::{self, Decoder, Heard, Violation};

/// One WebSocket. Reading is in two steps, so that messages can be lent and not copied: [`Stream::poll_fill`] takes bytes from
/// the connection, [`Stream::heard`] gives the messages in them.
pub(in crate::server) struct Stream {
    io: TokioIo<Upgraded>,
    decoder: Decoder,
    /// What was read. Without capacity while nothing is in it.
    input: Vec<u8>,
    /// How much of it was heard.
    taken: usize,
    /// What is to be written. Without capacity while nothing is in it.
    output: Vec<u8>,
    /// How much of it was written.
    written: usize,
    /// Whether what was written may still be on its way through TLS.
    flushing: bool,
    /// The most bytes that `input` may have.
    most: usize,
}

impl Stream {
    pub(super) fn new(io: TokioIo<Upgraded>, message_bytes: usize) -> Self {
        Self {
            io,
            decoder: Decoder::new(message_bytes),
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            written: 0,
            flushing: false,
            most: message_bytes + HEAD_BYTES,
        }
    }

    /// Waits for bytes from the client. False: it has closed the connection. All that [`Stream::heard`] gives must have been
    /// taken before.
    pub(in crate::server) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.input.capacity() == 0 {
            self.input = spare();
        } else if self.taken > 0 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        if self.input.len() == self.input.capacity() {
            let more = self.most.saturating_sub(self.input.len());
            self.input
                .reserve_exact(more.clamp(1, self.input.len().max(BUFFER)));
        }
        let read = pin!(self.io.read_buf(&mut self.input)).poll(cx);
        match read {
            Poll::Ready(read) => Poll::Ready(read.map(|bytes| bytes > 0)),
            Poll::Pending => {
                self.rest();
                Poll::Pending
            }
        }
    }

    /// Nothing more comes at once: no more is kept than the beginning of the next message.
    fn rest(&mut self) {
        if self.input.is_empty() {
            keep(std::mem::take(&mut self.input));
        } else if self.input.len() < BUFFER / 8 && self.input.capacity() >= BUFFER {
            let beginning = self.input.as_slice().to_vec();
            keep(std::mem::replace(&mut self.input, beginning));
        }
    }

    /// The next message that was read; `None` where there is none that is whole.
    ///
    /// # Errors
    /// [`Violation`]: the connection is over.
    pub(in crate::server) fn heard(&mut self) -> Result<Option<Heard<'_>>, Violation> {
        let (taken, heard) = self.decoder.decode(&mut self.input[self.taken..])?;
        self.taken += taken;
        Ok(heard)
    }

    /// Waits for the next message, as a copy. `None`: the connection is gone.
    ///
    /// # Errors
    /// As [`Stream::heard`].
    pub(in crate::server) async fn next(&mut self) -> Result<Option<Heard<'static>>, Violation> {
        loop {
            if let Some(heard) = self.heard()? {
                return Ok(Some(heard.into_owned()));
            }
            if !matches!(poll_fn(|cx| self.poll_fill(cx)).await, Ok(true)) {
                return Ok(None);
            }
        }
    }

    /// Where frames are put ([`frame`]) that [`Stream::flush`] writes.
    pub(in crate::server) fn output(&mut self) -> &mut Vec<u8> {
        if self.output.capacity() == 0 {
            self.output = spare();
        }
        &mut self.output
    }

    /// Writes what was put into the output. Cancel safe.
    pub(in crate::server) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let waiting = &self.output[self.written..];
            match ready!(Pin::new(&mut self.io).poll_write(cx, waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.flushing |= self.written > 0;
        self.written = 0;
        if self.output.capacity() > 0 {
            keep(std::mem::take(&mut self.output));
        }
        if self.flushing {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.flushing = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Says that the connection closes, and waits until the client has closed it too: it may still be sending, and would get a reset
    /// in place of our last words.
    pub(in crate::server) async fn close(mut self, code: u16) {
        frame::close(self.output(), code);
        if self.flush().await.is_ok() {
            while poll_fn(|cx| self.poll_fill(cx)).await.unwrap_or(false) {
                self.input.clear();
            }
        }
    }
}

impl Heard<'_> {
    fn into_owned(self) -> Heard<'static> {
        match self {
            Self::Text(text) => Heard::Text(text.into_owned().into()),
            Self::Binary(bytes) => Heard::Binary(bytes.into_owned().into()),
            Self::Ping(bytes) => Heard::Ping(bytes.into_owned().into()),
            Self::Pong => Heard::Pong,
            Self::Close(code) => Heard::Close(code),
        }
    }
}

thread_local! {
    /// Buffers that no connection of this thread needs at the moment.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn spare() -> Vec<u8> {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.unwrap_or_else(|| Vec::with_capacity(BUFFER))
}

fn keep(mut buffer: Vec<u8>) {
    buffer.clear();
    if (BUFFER..=4 * BUFFER).contains(&buffer.capacity()) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARES {
                spare.push(buffer);
            }
        });
    }
}

/// What is read at once: a few messages of this protocol.
const BUFFER: usize = 16 * 1024;

/// A thread reads and writes for one connection at a time; others may be in the middle.
const SPARES: usize = 8;

/// The longest head of a frame.
const HEAD_BYTES: usize = 14;
