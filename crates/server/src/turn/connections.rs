//! Clients that come over TCP and TLS.

use std::io;
use std::time::{Duration, Instant};

use ieum_stun::Frame;
use ieum_turn::{FiveTuple, Transport};

use super::ready::Source;
use super::stream::Progress;
use super::worker::Worker;

impl Worker {
    pub(super) fn accept_clients(&mut self, now: Instant, index: usize) {
        let Some(acceptor) = self.acceptors.get_mut(index) else {
            return;
        };
        acceptor.queued = false;
        let tls = match (acceptor.tls, &self.certificate) {
            (false, _) => None,
            (true, Some(certificate)) => Some(&certificate.tls),
            (true, None) => return,
        };
        for _ in 0..ACCEPTED {
            let (socket, remote) = match acceptor.socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                // Out of descriptors, mostly. Nobody tells of those who wait once more: they are looked for later.
                Err(error) => {
                    tracing::warn!(%error, "clients cannot be accepted");
                    self.accept_again = Some(now + PAUSE);
                    return;
                }
            };
            let Ok(local) = socket.local_addr() else {
                continue;
            };
            let client = FiveTuple {
                transport: if acceptor.tls {
                    Transport::Tls
                } else {
                    Transport::Tcp
                },
                local: canonical(local),
                remote: canonical(remote),
            };
            let registry = self.poll.registry();
            let accepted = self
                .exits
                .streams
                .accept(now, registry, socket, client, tls);
            if let Err(error) = accepted {
                tracing::debug!(%remote, %error, "a connection was not taken");
            }
        }
        self.ready.push(Source::Accept(index), &mut acceptor.queued);
    }

    /// Looks for clients where none could be accepted before.
    pub(super) fn retry_accepting(&mut self, now: Instant) {
        if self.accept_again.take_if(|at| *at <= now).is_some() {
            for (index, acceptor) in self.acceptors.iter_mut().enumerate() {
                self.ready.push(Source::Accept(index), &mut acceptor.queued);
            }
        }
    }

    /// Sends what waits, and takes what is there.
    pub(super) fn serve_stream(&mut self, now: Instant, index: usize) {
        let Some(stream) = self.exits.streams.get_mut(index) else {
            return;
        };
        stream.queued = false;
        if let Some(id) = stream.spliced {
            return self.pump(now, index, id);
        }
        if stream.flush().is_err() {
            return self.close_stream(now, index);
        }
        let kept = stream.partial.len();
        self.room[..kept].copy_from_slice(&stream.partial);
        stream.partial = Vec::new();
        let len = match stream.read(&mut self.room[kept..]) {
            Ok(Progress::Bytes(len)) => len,
            Ok(Progress::Nothing) => {
                stream.partial = self.room[..kept].to_vec();
                // A handshake's messages may be on their way out.
                if stream.flush().is_err() {
                    self.close_stream(now, index);
                }
                return;
            }
            Ok(Progress::End) => return self.close_stream(now, index),
            Err(error) => {
                tracing::debug!(client = %stream.client.remote, %error, "a connection broke");
                self.exits.streams.count_failure();
                return self.close_stream(now, index);
            }
        };
        self.ready.push(Source::Stream(index), &mut stream.queued);
        let client = stream.client;
        self.take_frames(now, index, client, kept + len);
    }

    /// Takes the frames of the first `len` bytes of the room, and keeps the beginning of the one after.
    fn take_frames(&mut self, now: Instant, index: usize, client: FiveTuple, len: usize) {
        let mut at = 0;
        loop {
            let frame = match Frame::split(&self.room[at..len]) {
                Ok(Some((_, frame))) => &self.room[at..at + frame],
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(client = %client.remote, %error, "a connection makes no sense");
                    self.exits.streams.count_failure();
                    return self.close_stream(now, index);
                }
            };
            at += frame.len();
            let is_message = frame[0] < FIRST_OF_CHANNELS;
            if let Some(forward) = self.machine.handle_datagram(now, client, frame) {
                self.exits.forward(now, &forward);
            }
            if is_message {
                self.settle(now);
                // The stream may be another worker's now, or a peer's.
                match self.exits.streams.find(client) {
                    Some(here) if here == index => {}
                    _ => return,
                }
                let spliced = self.exits.streams.get_mut(index).and_then(|s| s.spliced);
                if let Some(id) = spliced {
                    return self.pass_on(now, index, id, at..len);
                }
            }
        }
        if let Some(stream) = self.exits.streams.get_mut(index) {
            // Before there is an allocation nobody has a channel, and no request is so long.
            let channel = self.room[at..len].first() >= Some(&FIRST_OF_CHANNELS);
            if !stream.proven && (channel || len - at > MAX_STRANGE_FRAME) {
                self.exits.streams.count_failure();
                return self.close_stream(now, index);
            }
            stream.partial = self.room[at..len].to_vec();
        }
    }

    /// Ends a client's connection.
    pub(super) fn close_stream(&mut self, now: Instant, index: usize) {
        if let Some(stream) = self.exits.streams.remove(index) {
            let client = stream.client;
            stream.close();
            self.machine.connection_closed(now, client);
        }
    }
}

/// Without an IPv4-mapped address.
fn canonical(mut at: std::net::SocketAddr) -> std::net::SocketAddr {
    at.set_ip(at.ip().to_canonical());
    at
}

/// How long to wait where no more can be accepted.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections that one turn may accept.
const ACCEPTED: usize = 32;
/// First bytes from here on are ChannelData (RFC 8656 §12).
const FIRST_OF_CHANNELS: u8 = 0x40;
/// What is kept of a frame for a client without an allocation: more than any request has.
const MAX_STRANGE_FRAME: usize = 4096;
