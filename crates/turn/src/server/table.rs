//! All relays of a server: allocations and reserved ports, found by id, five-tuple, token or deadline; and how many
//! each user has.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Instant;

use hashbrown::HashMap;
use ieum_stun::FiveTuple;
use siphasher::sip::SipHasher13;

use super::RelayId;
use super::allocation::Allocation;
use crate::credentials;

/// All relays of a server.
pub(super) struct Table {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    by_five_tuple: HashMap<FiveTuple, u32, Keyed>,
    by_token: HashMap<[u8; 8], u32, Keyed>,
    /// How many relays each user has; none is kept at 0.
    users: HashMap<String, usize, Keyed>,
    deadlines: BTreeSet<(Instant, u32)>,
}

struct Slot {
    generation: u32,
    relay: Relay,
}

enum Relay {
    Vacant,
    Allocated(Box<Allocation>),
    Reserved(Box<Reservation>),
}

/// A port that is kept for the Allocate that brings its token (RFC 8656 §7.2). Without a token while the even port
/// below is being opened.
pub(super) struct Reservation {
    username: Box<str>,
    open: Option<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    token: [u8; 8],
    address: SocketAddr,
    expires: Instant,
}

impl Table {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            by_five_tuple: HashMap::with_hasher(keyed),
            by_token: HashMap::with_hasher(keyed),
            users: HashMap::with_hasher(keyed),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn relays(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    pub(super) fn allocations(&self) -> usize {
        self.by_five_tuple.len()
    }

    pub(super) fn relays_of(&self, username: &str) -> usize {
        let name = credentials::name(username);
        self.users.get(name).copied().unwrap_or_default()
    }

    pub(super) fn find(&self, five_tuple: &FiveTuple) -> Option<(RelayId, &Allocation)> {
        let index = *self.by_five_tuple.get(five_tuple)?;
        let slot = self.slots.get(index as usize)?;
        let Relay::Allocated(allocation) = &slot.relay else {
            return None;
        };
        let generation = slot.generation;
        Some((RelayId { index, generation }, allocation))
    }

    pub(super) fn get(&self, id: RelayId) -> Option<&Allocation> {
        let slot = self.slots.get(id.index())?;
        match &slot.relay {
            Relay::Allocated(allocation) if slot.generation == id.generation => Some(allocation),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: RelayId) -> Option<&mut Allocation> {
        let slot = self.slots.get_mut(id.index())?;
        match &mut slot.relay {
            Relay::Allocated(allocation) if slot.generation == id.generation => Some(allocation),
            _ => None,
        }
    }

    /// An allocation whose relay is not open yet.
    pub(super) fn insert(&mut self, allocation: Allocation) -> RelayId {
        self.count(&allocation.username);
        let five_tuple = allocation.five_tuple;
        let id = self.occupy(Relay::Allocated(Box::new(allocation)));
        self.by_five_tuple.insert(five_tuple, id.index);
        id
    }

    /// A port that is to be opened together with another.
    pub(super) fn reserve(&mut self, username: &str) -> RelayId {
        self.count(username);
        self.occupy(Relay::Reserved(Box::new(Reservation {
            username: username.into(),
            open: None,
        })))
    }

    pub(super) fn reservation_opened(
        &mut self,
        id: RelayId,
        token: [u8; 8],
        address: SocketAddr,
        expires: Instant,
    ) {
        let Some(slot) = self.slots.get_mut(id.index()) else {
            return;
        };
        if let Relay::Reserved(reservation) = &mut slot.relay {
            reservation.open = Some(Open {
                token,
                address,
                expires,
            });
            self.by_token.insert(token, id.index);
            self.deadlines.insert((expires, id.index));
        }
    }

    /// The reserved port that belongs to a token, where it is the same user's.
    pub(super) fn reserved(&self, token: [u8; 8], username: &str) -> Option<SocketAddr> {
        let index = *self.by_token.get(&token)?;
        match &self.slots.get(index as usize)?.relay {
            Relay::Reserved(reservation) if *reservation.username == *username => {
                reservation.open.map(|open| open.address)
            }
            _ => None,
        }
    }

    /// Makes an allocation of a reserved port. Its user and its relay stay counted.
    pub(super) fn claim(&mut self, token: [u8; 8], allocation: Allocation) -> Option<RelayId> {
        let index = self.by_token.remove(&token)?;
        let slot = self.slots.get_mut(index as usize)?;
        if let Relay::Reserved(reservation) = &slot.relay {
            if let Some(open) = reservation.open {
                self.deadlines.remove(&(open.expires, index));
            }
        }
        self.by_five_tuple.insert(allocation.five_tuple, index);
        self.deadlines.insert((allocation.expires, index));
        slot.relay = Relay::Allocated(Box::new(allocation));
        let generation = slot.generation;
        Some(RelayId { index, generation })
    }

    /// Sets when an allocation ends: when its relay opens, and when it is refreshed.
    pub(super) fn set_deadline(&mut self, id: RelayId, expires: Instant) {
        let Some(allocation) = self.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut allocation.expires, expires);
        self.deadlines.remove(&(before, id.index));
        self.deadlines.insert((expires, id.index));
    }

    /// Forgets a relay; whether there was one.
    pub(super) fn remove(&mut self, id: RelayId) -> bool {
        let Some(slot) = self.slots.get_mut(id.index()) else {
            return false;
        };
        if slot.generation != id.generation {
            return false;
        }
        let username = match std::mem::replace(&mut slot.relay, Relay::Vacant) {
            Relay::Vacant => return false,
            Relay::Allocated(allocation) => {
                self.by_five_tuple.remove(&allocation.five_tuple);
                self.deadlines.remove(&(allocation.expires, id.index));
                allocation.username
            }
            Relay::Reserved(reservation) => {
                if let Some(open) = reservation.open {
                    self.by_token.remove(&open.token);
                    self.deadlines.remove(&(open.expires, id.index));
                }
                reservation.username
            }
        };
        slot.generation = slot.generation.wrapping_add(1);
        self.vacant.push(id.index);
        self.uncount(&username);
        true
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A relay whose time is over, and whether it is an allocation.
    pub(super) fn expired(&self, now: Instant) -> Option<(RelayId, bool)> {
        let (at, index) = *self.deadlines.first()?;
        let slot = self.slots.get(index as usize)?;
        let id = RelayId {
            index,
            generation: slot.generation,
        };
        (at <= now).then_some((id, matches!(slot.relay, Relay::Allocated(_))))
    }

    fn occupy(&mut self, relay: Relay) -> RelayId {
        let Some(index) = self.vacant.pop() else {
            let index = self.slots.len() as u32;
            let generation = 0;
            self.slots.push(Slot { generation, relay });
            return RelayId { index, generation };
        };
        let slot = &mut self.slots[index as usize];
        slot.relay = relay;
        let generation = slot.generation;
        RelayId { index, generation }
    }

    fn count(&mut self, username: &str) {
        let name = credentials::name(username);
        *self.users.entry_ref(name).or_default() += 1;
    }

    fn uncount(&mut self, username: &str) {
        let name = credentials::name(username);
        if let Some(count) = self.users.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(name);
            }
        }
    }
}

/// Keys the hash maps from the server's seed, so that nobody outside can make keys collide.
#[derive(Clone, Copy)]
pub(super) struct Keyed(pub(super) u64, pub(super) u64);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> Self::Hasher {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}
