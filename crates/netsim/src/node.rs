use std::net::SocketAddr;
use std::time::Instant;

use crate::{StreamAction, StreamEvent};

/// A datagram on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Whom it seems to come from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A machine in the network: the same face as any machine of ours.
pub trait Node {
    /// Whether packets to this address are for this node.
    fn owns(&self, address: SocketAddr) -> bool;
    /// Takes a packet.
    fn handle_packet(&mut self, now: Instant, packet: &Packet);
    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);
    /// The next packet to send.
    fn poll_packet(&mut self, now: Instant) -> Option<Packet>;
    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when idle.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Whether streams to this address, which it owns, are accepted.
    fn listens(&self, _address: SocketAddr) -> bool {
        false
    }
    /// Takes what happened to a stream.
    fn handle_stream(&mut self, _now: Instant, _event: StreamEvent) {}
    /// The next thing to do with a stream.
    fn poll_stream(&mut self, _now: Instant) -> Option<StreamAction> {
        None
    }
}

impl<N: Node + ?Sized> Node for Box<N> {
    fn owns(&self, address: SocketAddr) -> bool {
        (**self).owns(address)
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        (**self).handle_packet(now, packet);
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        (**self).poll_packet(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }

    fn listens(&self, address: SocketAddr) -> bool {
        (**self).listens(address)
    }

    fn handle_stream(&mut self, now: Instant, event: StreamEvent) {
        (**self).handle_stream(now, event);
    }

    fn poll_stream(&mut self, now: Instant) -> Option<StreamAction> {
        (**self).poll_stream(now)
    }
}
