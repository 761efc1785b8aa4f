//! A client that comes back from another address takes its allocation along (RFC 8016 §3.2).

use std::time::Duration;

use ieum_stun::{Class, code};

use super::Server;
use super::allocation::Ticket;
use super::answers::Request;
use super::wanted::lifetime;

impl Server {
    /// A Refresh with a ticket, from a five-tuple that has no allocation: `None` where it is an ordinary one.
    ///
    /// Data flows to the new address at once. The old ticket stays good until the client's next request shows that it
    /// has the new one: the answer may be lost, and the Refresh come again, maybe from yet another address.
    pub(super) fn take_over(&mut self, request: &Request<'_>) -> Result<Option<()>, u16> {
        let Some(ticket) = request.message.mobility_ticket() else {
            return Ok(None);
        };
        if !self.settings.abilities.mobility {
            return Err(code::MOBILITY_FORBIDDEN);
        }
        let ticket: Ticket = ticket.try_into().map_err(|_| code::BAD_REQUEST)?;
        if self.steer(request, ticket[0]) {
            return Ok(Some(()));
        }
        let (id, allocation) = self
            .table
            .find_ticket(&ticket)
            .ok_or(code::ALLOCATION_MISMATCH)?;
        if !allocation.identity.is(&request.proven) {
            return Err(code::WRONG_CREDENTIALS);
        }
        if !allocation.is_open() {
            return Err(code::ALLOCATION_MISMATCH);
        }
        let at_home = allocation.five_tuple == request.five_tuple;
        if !at_home && self.table.find(&request.five_tuple).is_some() {
            // It has another one already.
            return Err(code::ALLOCATION_MISMATCH);
        }
        let wanted = lifetime(&request.message)?;
        if wanted == Some(Duration::ZERO) && at_home {
            return Ok(None);
        }
        let current = allocation.mobility.map(|mobility| mobility.ticket);
        let new = match current {
            // The answer to an earlier one was lost.
            Some(current) if at_home => current,
            _ => {
                let new = self.ticket();
                self.table.move_to(id, request.five_tuple, new);
                self.counters.moved += 1;
                new
            }
        };
        let lifetime = self.settings.lifetime(request.now, wanted);
        self.table.set_deadline(id, request.now + lifetime);
        self.respond(request, Class::Success, |m| {
            m.lifetime(lifetime).mobility_ticket(&new);
        });
        Ok(Some(()))
    }
}
