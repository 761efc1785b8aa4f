//! One client's relayed addresses: who may send to them, and by which channels (RFC 8656 §9, §12).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_stun::{Family, FiveTuple, TransactionId};

use super::auth::Identity;
use super::{ConnectionId, PeerPolicy, RelayId};

/// One client's relayed addresses: one, or one of each family.
pub(super) struct Allocation {
    pub(super) five_tuple: FiveTuple,
    pub(super) identity: Identity,
    /// Of the Allocate: the same one again is answered again.
    pub(super) transaction_id: TransactionId,
    /// What the relays carry.
    pub(super) protocol: Protocol,
    /// EVEN-PORT.
    pub(super) even: bool,
    pub(super) first: Leg,
    /// ADDITIONAL-ADDRESS-FAMILY.
    pub(super) second: Option<Leg>,
    pub(super) lifetime: Duration,
    pub(super) expires: Instant,
    /// The port above, kept for a later Allocate.
    pub(super) next: Option<RelayId>,
    pub(super) token: Option<[u8; 8]>,
    pub(super) mobility: Option<Mobility>,
    pub(super) permissions: Permissions,
    pub(super) channels: Channels,
    /// To peers over TCP (RFC 6062).
    pub(super) connections: Vec<ConnectionId>,
    /// Its client is gone, but the driver or the registry still owes an answer.
    pub(super) doomed: bool,
}

/// What a relay carries to peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Udp,
    /// RFC 6062.
    Tcp,
}

/// One relayed address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg {
    pub(super) id: RelayId,
    pub(super) family: Family,
    pub(super) state: LegState,
}

/// ```text
/// Waiting ──► Opening ──► Open ──► Closed
///                └──────► Failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LegState {
    /// For the registry.
    Waiting,
    /// For the driver.
    Opening,
    Open(SocketAddr),
    /// The error code.
    Failed(u16),
    /// By a Refresh of its family alone (RFC 8656 §8.2).
    Closed,
}

impl Leg {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self.state {
            LegState::Open(address) => Some(address),
            _ => None,
        }
    }

    pub(super) fn close(&mut self) {
        self.state = LegState::Closed;
    }

    fn is_settled(&self) -> bool {
        !matches!(self.state, LegState::Waiting | LegState::Opening)
    }
}

/// RFC 8016: what proves that an allocation is the sender's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mobility {
    pub(super) ticket: Ticket,
    /// The one before, until the client shows from its new address that it has the answer with the new one.
    pub(super) previous: Option<Ticket>,
}

pub(super) type Ticket = [u8; 16];

impl Allocation {
    pub(super) fn legs(&self) -> impl Iterator<Item = &Leg> {
        std::iter::once(&self.first).chain(self.second.as_ref())
    }

    pub(super) fn legs_mut(&mut self) -> impl Iterator<Item = &mut Leg> {
        std::iter::once(&mut self.first).chain(self.second.as_mut())
    }

    /// The open relay for peers of this family.
    pub(super) fn relay(&self, family: Family) -> Option<(RelayId, SocketAddr)> {
        let mut legs = self.legs();
        legs.find(|leg| leg.family == family)
            .and_then(|leg| Some((leg.id, leg.address()?)))
    }

    /// Whether driver and registry have answered for every relay.
    pub(super) fn is_settled(&self) -> bool {
        self.legs().all(Leg::is_settled)
    }

    /// Whether its client has moved, and may not know its new ticket yet.
    pub(super) fn has_moved(&self) -> bool {
        self.mobility
            .is_some_and(|mobility| mobility.previous.is_some())
    }

    /// Whether its client can use it.
    pub(super) fn is_open(&self) -> bool {
        self.is_settled() && self.legs().any(|leg| leg.address().is_some())
    }
}

/// The addresses that may send to a relayed address. Sorted, and purged only when full: expiry is checked on use.
#[derive(Default)]
pub(super) struct Permissions(Vec<(IpAddr, Instant)>);

impl Permissions {
    pub(super) fn has(&self, now: Instant, ip: IpAddr) -> bool {
        self.find(ip).is_ok_and(|at| now < self.0[at].1)
    }

    pub(super) fn install(&mut self, now: Instant, ip: IpAddr, limit: usize) -> Result<(), Full> {
        if self.0.len() >= limit && self.find(ip).is_err() {
            self.0.retain(|(_, expires)| now < *expires);
        }
        let expires = now + PERMISSION;
        match self.find(ip) {
            Ok(at) => self.0[at].1 = expires,
            Err(_) if self.0.len() >= limit => return Err(Full),
            Err(at) => self.0.insert(at, (ip, expires)),
        }
        Ok(())
    }

    /// Forgets those that are refused now.
    pub(super) fn retain(&mut self, policy: &PeerPolicy) {
        self.0.retain(|(ip, _)| policy.allows(*ip));
    }

    fn find(&self, ip: IpAddr) -> Result<usize, usize> {
        self.0.binary_search_by_key(&ip, |(ip, _)| *ip)
    }
}

/// There is no room for another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The channels of one allocation, by number and by peer. Both sorted; expiry is checked on use.
#[derive(Default)]
pub(super) struct Channels {
    by_number: Vec<Channel>,
    by_peer: Vec<(SocketAddr, u16)>,
}

struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Instant,
}

/// Why a channel cannot be bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BindError {
    /// The number is bound to another peer, or the peer to another number.
    Taken,
    /// There is no room for another one.
    Full,
}

impl Channels {
    pub(super) fn peer(&self, now: Instant, number: u16) -> Option<SocketAddr> {
        let channel = &self.by_number[self.find(number).ok()?];
        (now < channel.expires).then_some(channel.peer)
    }

    pub(super) fn number(&self, now: Instant, peer: SocketAddr) -> Option<u16> {
        let number = self.by_peer[self.find_peer(peer).ok()?].1;
        self.peer(now, number).map(|_| number)
    }

    /// RFC 8656 §12.2: binds, or keeps bound.
    pub(super) fn bind(
        &mut self,
        now: Instant,
        number: u16,
        peer: SocketAddr,
        limit: usize,
    ) -> Result<(), BindError> {
        self.purge(now);
        let expires = now + CHANNEL;
        match (self.find(number), self.find_peer(peer)) {
            (Ok(at), Ok(_)) if self.by_number[at].peer == peer => {
                self.by_number[at].expires = expires;
                Ok(())
            }
            (Err(_), Err(_)) if self.by_number.len() >= limit => Err(BindError::Full),
            (Err(at), Err(peer_at)) => {
                let channel = Channel {
                    number,
                    peer,
                    expires,
                };
                self.by_number.insert(at, channel);
                self.by_peer.insert(peer_at, (peer, number));
                Ok(())
            }
            _ => Err(BindError::Taken),
        }
    }

    /// Forgets those to peers that are refused now.
    pub(super) fn retain(&mut self, policy: &PeerPolicy) {
        self.keep(|channel| policy.allows(channel.peer.ip()) && policy.allows_port(channel.peer));
    }

    fn purge(&mut self, now: Instant) {
        self.keep(|channel| now < channel.expires);
    }

    fn keep(&mut self, wanted: impl Fn(&Channel) -> bool) {
        let before = self.by_number.len();
        self.by_number.retain(wanted);
        if self.by_number.len() != before {
            let live = &self.by_number;
            self.by_peer
                .retain(|(_, number)| live.binary_search_by_key(number, |c| c.number).is_ok());
        }
    }

    fn find(&self, number: u16) -> Result<usize, usize> {
        self.by_number.binary_search_by_key(&number, |c| c.number)
    }

    fn find_peer(&self, peer: SocketAddr) -> Result<usize, usize> {
        self.by_peer.binary_search_by_key(&peer, |(peer, _)| *peer)
    }
}

/// RFC 8656 §9: "The Permission Lifetime MUST be 300 seconds (= 5 minutes)."
const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656 §12: "Channel bindings last for 10 minutes unless refreshed."
const CHANNEL: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 1], port))
    }

    #[test]
    fn a_permission_ends_after_five_minutes_and_makes_room() {
        let now = Instant::now();
        let [a, b] = [[1, 1, 1, 1], [2, 2, 2, 2]].map(IpAddr::from);
        let mut permissions = Permissions::default();
        assert_eq!(permissions.install(now, a, 1), Ok(()));
        assert_eq!(permissions.install(now, b, 1), Err(Full));
        assert_eq!(permissions.install(now, a, 1), Ok(()));
        assert!(permissions.has(now + PERMISSION - Duration::from_nanos(1), a));
        assert!(!permissions.has(now + PERMISSION, a));
        assert_eq!(permissions.install(now + PERMISSION, b, 1), Ok(()));
    }

    #[test]
    fn a_number_and_a_peer_belong_to_each_other() {
        let now = Instant::now();
        let mut channels = Channels::default();
        assert_eq!(channels.bind(now, 0x4000, peer(1), 2), Ok(()));
        assert_eq!(channels.bind(now, 0x4000, peer(1), 2), Ok(()));
        assert_eq!(
            channels.bind(now, 0x4001, peer(1), 2),
            Err(BindError::Taken)
        );
        assert_eq!(
            channels.bind(now, 0x4000, peer(2), 2),
            Err(BindError::Taken)
        );
        assert_eq!(channels.bind(now, 0x4001, peer(2), 2), Ok(()));
        assert_eq!(
            channels.bind(now, 0x4000, peer(2), 2),
            Err(BindError::Taken)
        );
        assert_eq!(channels.bind(now, 0x4002, peer(3), 2), Err(BindError::Full));
        let later = now + CHANNEL;
        assert_eq!(channels.peer(later, 0x4000), None);
        assert_eq!(channels.number(later, peer(1)), None);
        assert_eq!(channels.bind(later, 0x4001, peer(1), 2), Ok(()));
        assert_eq!(channels.number(later, peer(1)), Some(0x4001));
        assert_eq!(channels.number(later, peer(2)), None);
    }
}
