//! The UDP sockets that clients send to.

use std::net::{IpAddr, SocketAddr};

use ieum_turn::{FiveTuple, Transport};

use super::inbox::Received;
use super::socket::Udp;

/// A UDP socket that clients send to. Behind a wildcard address it answers from the address that it was asked at.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: Udp,
    pub(super) local: SocketAddr,
    /// Whether DTLS is spoken on it too.
    pub(super) secure: bool,
    /// Whether it waits to be read.
    pub(super) queued: bool,
}

/// What a socket is bound to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address(SocketAddr);

impl Listener {
    pub(super) fn new(socket: Udp, local: SocketAddr, secure: bool) -> Self {
        Self {
            socket,
            local,
            secure,
            queued: false,
        }
    }

    pub(super) fn address(&self) -> Address {
        Address(self.local)
    }

    /// The address that it is bound to, where that means every address.
    pub(super) fn wildcard(&self) -> Option<IpAddr> {
        self.address().wildcard()
    }

    /// Whether it is the one that this address of ours stands for.
    pub(super) fn is_at(&self, local: SocketAddr) -> bool {
        self.local == local || self.local.port() == local.port() && self.wildcard().is_some()
    }
}

impl Address {
    fn wildcard(self) -> Option<IpAddr> {
        Some(self.0.ip()).filter(IpAddr::is_unspecified)
    }

    /// Between whom the datagrams of one buffer are.
    pub(super) fn five_tuple(self, received: &Received<'_>) -> FiveTuple {
        let asked_at = received.to.filter(|_| self.wildcard().is_some());
        let ip = asked_at.unwrap_or(self.0.ip());
        FiveTuple {
            transport: Transport::Udp,
            local: SocketAddr::new(ip.to_canonical(), self.0.port()),
            remote: received.from,
        }
    }
}
