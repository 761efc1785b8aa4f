//! TCP and TLS connections, which the ICE agent asks for and is told of (RFC 6544; TURN over TCP and TLS).

use std::net::SocketAddr;
use std::time::Instant;

use ieum_ice::{StreamError, StreamId, StreamRequest};

use super::Connection;

impl Connection {
    /// The next thing to do with a TCP or TLS connection; the agent's
    /// [`poll_stream`](ieum_ice::Agent::poll_stream).
    pub fn poll_stream(&mut self) -> Option<StreamRequest> {
        self.agent.poll_stream()
    }

    /// Tells that a connection that was asked for is open, and from where.
    pub fn stream_opened(&mut self, now: Instant, id: StreamId, local: SocketAddr) {
        self.agent.stream_opened(now, id, local);
        self.pump(now);
    }

    /// Tells that a connection that was asked for could not be opened.
    pub fn stream_failed(&mut self, now: Instant, id: StreamId, error: StreamError) {
        self.agent.stream_failed(now, id, error);
        self.pump(now);
    }

    /// Tells that `remote` has connected to the passive base `local`. `None`: it is not wanted.
    pub fn stream_accepted(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<StreamId> {
        self.agent.stream_accepted(now, local, remote)
    }

    /// Tells that a connection was closed by its other end.
    pub fn stream_closed(&mut self, now: Instant, id: StreamId) {
        self.agent.stream_closed(now, id);
        self.pump(now);
    }
}
