//! One connection of a client: TCP, or TLS over it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use ieum_turn::FiveTuple;
use ieum_turn::server::ConnectionId;
use mio::net::TcpStream;
use rustls::ServerConnection;

use super::unsent::Unsent;

/// One connection of a client.
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) client: FiveTuple,
    tls: Option<Box<ServerConnection>>,
    /// The beginning of a frame whose end has not come yet.
    pub(super) partial: Vec<u8>,
    unsent: Unsent,
    /// Whether it waits to be read or written.
    pub(super) queued: bool,
    /// Whether the client has an allocation, or is joined to a peer.
    pub(super) proven: bool,
    /// The peer's connection that it is joined to (RFC 6062).
    pub(super) spliced: Option<ConnectionId>,
    /// No two streams of a worker have the same.
    pub(super) serial: u64,
}

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes; there may be more.
    Bytes(usize),
    /// There are none now.
    Nothing,
    /// The other side has ended.
    End,
}

impl Stream {
    pub(super) fn new(
        socket: TcpStream,
        client: FiveTuple,
        tls: Option<ServerConnection>,
        serial: u64,
    ) -> Self {
        Self {
            socket,
            client,
            tls: tls.map(|mut tls| {
                // Bounded here, where what is sealed is counted too.
                tls.set_buffer_limit(None);
                Box::new(tls)
            }),
            partial: Vec::new(),
            unsent: Unsent::default(),
            queued: false,
            proven: false,
            spliced: None,
            serial,
        }
    }

    /// Bytes that the socket has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.unsent.len()
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, room: &mut [u8]) -> io::Result<Progress> {
        let Some(tls) = &mut self.tls else {
            return outcome(self.socket.read(room));
        };
        loop {
            match tls.reader().read(room) {
                Ok(0) => return Ok(Progress::End),
                Ok(len) => return Ok(Progress::Bytes(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match outcome(tls.read_tls(&mut self.socket))? {
                Progress::Bytes(_) => {}
                other => return Ok(other),
            }
            let processed = tls.process_new_packets();
            // Answers of the handshake, and alerts.
            while tls.wants_write() {
                tls.write_tls(&mut self.unsent)?;
            }
            processed.map_err(io::Error::other)?;
        }
    }

    /// Takes what goes to the client; [`Stream::flush`] sends it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            self.unsent.push(bytes);
            return Ok(());
        };
        tls.writer().write_all(bytes)?;
        while tls.wants_write() {
            tls.write_tls(&mut self.unsent)?;
        }
        Ok(())
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.unsent.send(&mut self.socket)
    }

    /// Says goodbye where that costs nothing.
    pub(super) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.unsent);
        }
        let _ = self.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// Sorts what a read gave.
pub(super) fn outcome(read: io::Result<usize>) -> io::Result<Progress> {
    match read {
        Ok(0) => Ok(Progress::End),
        Ok(len) => Ok(Progress::Bytes(len)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Progress::Nothing),
            _ => Err(error),
        },
    }
}
