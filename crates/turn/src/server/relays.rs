//! How relays end.

use std::time::Instant;

use ieum_stun::FiveTuple;

use super::allocation::{Allocation, Leg};
use super::table::Removed;
use super::users::UserIndex;
use super::{Event, Quotas, RelayId, Server};

impl Server {
    /// Ends an allocation, or a reserved port. Where the driver or the registry still owes an answer it waits for it,
    /// out of its client's reach.
    pub(super) fn release(&mut self, now: Instant, id: RelayId) {
        match self.table.get(id).is_some_and(|a| !a.is_settled()) {
            true => self.table.doom(id),
            false => _ = self.discard(now, id, true),
        }
    }

    /// Forgets a relay now, with all that belongs to it; `admitted`: where the registry has counted it.
    pub(super) fn discard(
        &mut self,
        _now: Instant,
        id: RelayId,
        admitted: bool,
    ) -> Option<Box<Allocation>> {
        match self.table.remove(id)? {
            Removed::Reservation(opened, user) => {
                self.events
                    .extend(opened.then_some(Event::CloseRelay { id }));
                self.give_back(user, usize::from(admitted));
                None
            }
            Removed::Allocation(allocation) => {
                for id in &allocation.connections {
                    if self.connections.remove(*id).is_some() {
                        self.events.push_back(Event::CloseConnection { id: *id });
                    }
                }
                let open = allocation.legs().filter(|leg| leg.address().is_some());
                self.events
                    .extend(open.map(|leg| Event::CloseRelay { id: leg.id }));
                let relays = allocation.legs().count();
                self.give_back(allocation.identity.user, if admitted { relays } else { 0 });
                Some(allocation)
            }
        }
    }

    fn give_back(&mut self, user: UserIndex, relays: usize) {
        if self.settings.quotas == Quotas::Registry && relays > 0 {
            let user = self.table.users.name(user);
            self.events.push_back(Event::Released { user, relays });
        }
    }

    /// RFC 8656 §8.2: one of two addresses is given back.
    pub(super) fn close_leg(&mut self, id: RelayId, wanted: impl Fn(&Leg) -> bool) {
        let Some(allocation) = self.table.get_mut(id) else {
            return;
        };
        let mut legs = allocation.legs_mut();
        if let Some(leg) = legs.find(|leg| wanted(leg) && leg.address().is_some()) {
            leg.close();
            self.events.push_back(Event::CloseRelay { id: leg.id });
        }
    }

    pub(super) fn client_gone(&mut self, now: Instant, five_tuple: FiveTuple) {
        if let Some(id) = self.connections.of_client(&five_tuple) {
            self.forget_connection(id);
            self.events.push_back(Event::CloseConnection { id });
        }
        let Some((id, allocation)) = self.table.find(&five_tuple) else {
            return;
        };
        // RFC 8016 §3: its client may come back over another connection.
        if allocation.mobility.is_some() && allocation.is_open() {
            return;
        }
        self.counters.disconnected += 1;
        self.release(now, id);
    }
}
