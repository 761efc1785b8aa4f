//! What a shared port holds and counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::table::Stray;

/// What a [`UdpMux`](super::UdpMux) holds, and what it has counted since it was bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpMuxStats {
    /// Connections that use it.
    pub connections: usize,
    /// Addresses, of all their peers, that are bound to one of them.
    pub addresses: usize,
    /// Datagrams that were handed to a connection.
    pub delivered: u64,
    /// Checks for a user name fragment that no connection has: of a call that is over, or of a stranger.
    pub unknown_ufrag: u64,
    /// Answers to nothing that is waited for: late, or made up.
    pub unknown_transaction: u64,
    /// Datagrams that are no STUN, from an address that is bound to no connection.
    pub unknown_address: u64,
    /// Datagrams that begin like STUN and are not, or of which the system did not say where they came to.
    pub malformed: u64,
    /// Datagrams for a connection that reads too slowly.
    pub overrun: u64,
    /// Addresses that were not bound to a connection, though it took a check from there: another one has them, or it has too many.
    pub refused: u64,
    /// Addresses that have moved from one connection to another.
    pub moved: u64,
}

/// Written by the task that reads, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    pub(super) connections: AtomicUsize,
    pub(super) addresses: AtomicUsize,
    pub(super) delivered: AtomicU64,
    pub(super) overrun: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) moved: AtomicU64,
    strays: [AtomicU64; Stray::COUNT],
}

impl Gauges {
    pub(super) fn stray(&self, stray: Stray) {
        self.strays[stray as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> UdpMuxStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let stray = |stray: Stray| read(&self.strays[stray as usize]);
        UdpMuxStats {
            connections: self.connections.load(Ordering::Relaxed),
            addresses: self.addresses.load(Ordering::Relaxed),
            delivered: read(&self.delivered),
            unknown_ufrag: stray(Stray::UnknownUfrag),
            unknown_transaction: stray(Stray::UnknownTransaction),
            unknown_address: stray(Stray::UnknownAddress),
            malformed: stray(Stray::Malformed),
            overrun: read(&self.overrun),
            refused: read(&self.refused),
            moved: read(&self.moved),
        }
    }
}
