//! All relays of a server: allocations and reserved ports, found by id, five-tuple, token, ticket or deadline; and what
//! each user has.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Instant;

use hashbrown::HashMap;
use ieum_stun::FiveTuple;
use siphasher::sip::SipHasher13;

use super::RelayId;
use super::allocation::{Allocation, Leg, Mobility, Ticket};
use super::users::{UserIndex, Users};

/// All relays of a server.
pub(super) struct Table {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    by_five_tuple: HashMap<FiveTuple, u32, Keyed>,
    by_token: HashMap<[u8; 8], u32, Keyed>,
    by_ticket: HashMap<Ticket, u32, Keyed>,
    pub(super) users: Users,
    deadlines: BTreeSet<(Instant, u32)>,
}

struct Slot {
    generation: u32,
    relay: Relay,
}

enum Relay {
    Vacant,
    Allocated(Box<Allocation>),
    /// The second address of the allocation in this slot.
    Second(u32),
    Reserved(Box<Reservation>),
}

/// A port that is kept for the Allocate that brings its token (RFC 8656 §7.2). Without a token while the even port
/// below is being opened.
struct Reservation {
    user: UserIndex,
    open: Option<Open>,
}

#[derive(Clone, Copy)]
struct Open {
    token: [u8; 8],
    address: SocketAddr,
    expires: Instant,
}

/// What is left of a relay that was forgotten.
pub(super) enum Removed {
    Allocation(Box<Allocation>),
    /// A reserved port, whether it was opened, and whose it was.
    Reservation(bool, UserIndex),
}

impl Table {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            by_five_tuple: HashMap::with_hasher(keyed),
            by_token: HashMap::with_hasher(keyed),
            by_ticket: HashMap::with_hasher(keyed),
            users: Users::new(keyed),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn relays(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    pub(super) fn allocations(&self) -> usize {
        self.by_five_tuple.len()
    }

    pub(super) fn five_tuples(&self) -> impl Iterator<Item = &FiveTuple> {
        self.by_five_tuple.keys()
    }

    /// Every allocation, also one that only waits for its end.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (RelayId, &mut Allocation)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(index, slot)| {
                let (index, generation) = (index as u32, slot.generation);
                match &mut slot.relay {
                    Relay::Allocated(allocation) => {
                        Some((RelayId { index, generation }, &mut **allocation))
                    }
                    _ => None,
                }
            })
    }

    pub(super) fn find(&self, five_tuple: &FiveTuple) -> Option<(RelayId, &Allocation)> {
        self.at(*self.by_five_tuple.get(five_tuple)?)
    }

    pub(super) fn find_ticket(&self, ticket: &Ticket) -> Option<(RelayId, &Allocation)> {
        self.at(*self.by_ticket.get(ticket)?)
    }

    fn at(&self, index: u32) -> Option<(RelayId, &Allocation)> {
        let slot = self.slots.get(index as usize)?;
        let generation = slot.generation;
        match &slot.relay {
            Relay::Allocated(allocation) => Some((RelayId { index, generation }, allocation)),
            _ => None,
        }
    }

    pub(super) fn get(&self, id: RelayId) -> Option<&Allocation> {
        match &self.slot(id)?.relay {
            Relay::Allocated(allocation) => Some(allocation),
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

    /// The allocation that one of its relays belongs to.
    pub(super) fn owner(&self, relay: RelayId) -> Option<(RelayId, &Allocation)> {
        match &self.slot(relay)?.relay {
            Relay::Allocated(allocation) => Some((relay, allocation)),
            Relay::Second(of) => self.at(*of),
            _ => None,
        }
    }

    fn slot(&self, id: RelayId) -> Option<&Slot> {
        let slot = self.slots.get(id.index())?;
        (slot.generation == id.generation).then_some(slot)
    }

    /// A new allocation; `make` is told the ids of its relays, the second only where it is wanted.
    pub(super) fn insert(
        &mut self,
        second: bool,
        make: impl FnOnce(RelayId, Option<RelayId>) -> Allocation,
    ) -> RelayId {
        let id = self.occupy(Relay::Vacant);
        let second = second.then(|| self.occupy(Relay::Second(id.index)));
        let allocation = make(id, second);
        self.users
            .count(allocation.identity.user, 1 + usize::from(second.is_some()));
        self.by_five_tuple.insert(allocation.five_tuple, id.index);
        self.slots[id.index()].relay = Relay::Allocated(Box::new(allocation));
        id
    }

    /// Its client is gone: nothing that it sends finds the allocation any more.
    pub(super) fn doom(&mut self, id: RelayId) {
        let Some(allocation) = self.get_mut(id) else {
            return;
        };
        allocation.doomed = true;
        let (five_tuple, mobility) = (allocation.five_tuple, allocation.mobility.take());
        if self.by_five_tuple.get(&five_tuple) == Some(&id.index) {
            self.by_five_tuple.remove(&five_tuple);
        }
        self.forget_tickets(mobility);
    }

    /// A port that is to be opened together with another.
    pub(super) fn reserve(&mut self, user: UserIndex) -> RelayId {
        self.users.count(user, 1);
        self.occupy(Relay::Reserved(Box::new(Reservation { user, open: None })))
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
    pub(super) fn reserved(
        &self,
        token: [u8; 8],
        user: UserIndex,
    ) -> Option<(RelayId, SocketAddr)> {
        let index = *self.by_token.get(&token)?;
        let slot = self.slots.get(index as usize)?;
        let generation = slot.generation;
        match &slot.relay {
            Relay::Reserved(reservation) if reservation.user == user => {
                Some((RelayId { index, generation }, reservation.open?.address))
            }
            _ => None,
        }
    }

    /// Makes an allocation of a reserved port. It is counted as its user's already.
    pub(super) fn claim(&mut self, id: RelayId, allocation: Allocation) {
        let Some(slot) = self.slots.get_mut(id.index()) else {
            return;
        };
        let (five_tuple, expires) = (allocation.five_tuple, allocation.expires);
        let before = std::mem::replace(&mut slot.relay, Relay::Allocated(Box::new(allocation)));
        if let Relay::Reserved(reservation) = before {
            self.forget_open(&reservation, id.index);
        }
        self.by_five_tuple.insert(five_tuple, id.index);
        self.deadlines.insert((expires, id.index));
    }

    /// Gives an allocation another five-tuple, and its client a new ticket. Data flows to the new one at once.
    pub(super) fn move_to(&mut self, id: RelayId, five_tuple: FiveTuple, ticket: Ticket) {
        let Some(allocation) = self.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut allocation.five_tuple, five_tuple);
        let mobility = allocation.mobility;
        allocation.mobility = Some(Mobility {
            ticket,
            previous: mobility.map(|mobility| mobility.ticket),
        });
        if let Some(oldest) = mobility.and_then(|mobility| mobility.previous) {
            self.by_ticket.remove(&oldest);
        }
        if self.by_five_tuple.get(&before) == Some(&id.index) {
            self.by_five_tuple.remove(&before);
        }
        self.by_five_tuple.insert(five_tuple, id.index);
        self.by_ticket.insert(ticket, id.index);
    }

    pub(super) fn set_ticket(&mut self, id: RelayId, ticket: Ticket) {
        if let Some(allocation) = self.get_mut(id) {
            allocation.mobility = Some(Mobility {
                ticket,
                previous: None,
            });
            self.by_ticket.insert(ticket, id.index);
        }
    }

    /// The client has its new ticket.
    pub(super) fn settle_ticket(&mut self, id: RelayId) {
        let mobility = self.get_mut(id).and_then(|a| a.mobility.as_mut());
        if let Some(previous) = mobility.and_then(|mobility| mobility.previous.take()) {
            self.by_ticket.remove(&previous);
        }
    }

    fn forget_tickets(&mut self, mobility: Option<Mobility>) {
        let Some(mobility) = mobility else { return };
        self.by_ticket.remove(&mobility.ticket);
        if let Some(previous) = mobility.previous {
            self.by_ticket.remove(&previous);
        }
    }

    pub(super) fn set_deadline(&mut self, id: RelayId, expires: Instant) {
        let Some(allocation) = self.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut allocation.expires, expires);
        self.deadlines.remove(&(before, id.index));
        self.deadlines.insert((expires, id.index));
    }

    /// Forgets a relay, with its second address.
    pub(super) fn remove(&mut self, id: RelayId) -> Option<Removed> {
        self.slot(id)?;
        let slot = self.slots.get_mut(id.index())?;
        match std::mem::replace(&mut slot.relay, Relay::Vacant) {
            Relay::Vacant => None,
            second @ Relay::Second(_) => {
                // It goes with its allocation.
                slot.relay = second;
                None
            }
            Relay::Allocated(allocation) => {
                self.vacate(id);
                if let Some(Leg { id: second, .. }) = allocation.second {
                    self.vacate(second);
                }
                if self.by_five_tuple.get(&allocation.five_tuple) == Some(&id.index) {
                    self.by_five_tuple.remove(&allocation.five_tuple);
                }
                self.deadlines.remove(&(allocation.expires, id.index));
                self.forget_tickets(allocation.mobility);
                let relays = allocation.legs().count();
                self.users.uncount(allocation.identity.user, relays);
                Some(Removed::Allocation(allocation))
            }
            Relay::Reserved(reservation) => {
                self.vacate(id);
                self.forget_open(&reservation, id.index);
                self.users.uncount(reservation.user, 1);
                Some(Removed::Reservation(
                    reservation.open.is_some(),
                    reservation.user,
                ))
            }
        }
    }

    fn forget_open(&mut self, reservation: &Reservation, index: u32) {
        if let Some(open) = reservation.open {
            self.by_token.remove(&open.token);
            self.deadlines.remove(&(open.expires, index));
        }
    }

    fn vacate(&mut self, id: RelayId) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.relay = Relay::Vacant;
            slot.generation = slot.generation.wrapping_add(1);
            self.vacant.push(id.index);
        }
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
