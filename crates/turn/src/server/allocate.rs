//! Allocate (RFC 8656 §7.2): who may have a relay, and how it comes to be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{AttributeType, Family, Method, code};
use rand_core::Rng;

use super::allocation::{Allocation, Channels, Leg, LegState, Permissions, Protocol, Ticket};
use super::answers::Request;
use super::auth::Identity;
use super::users::UserIndex;
use super::wanted::Wanted;
use super::{Event, Port, QuotaReached, Quotas, RelayError, RelayId, Server};
use crate::credentials;

impl Server {
    pub(super) fn allocate(&mut self, request: &Request<'_>) -> Result<(), u16> {
        if let Some((id, allocation)) = self.table.find(&request.five_tuple) {
            let same = allocation.transaction_id == request.message.transaction_id()
                && allocation.identity.is(&request.proven);
            if !same {
                return Err(code::ALLOCATION_MISMATCH);
            }
            match allocation.is_open() {
                // RFC 8656 §7.2: the same Allocate again is answered again.
                true => self.counters.repeated += 1,
                false => self.counters.ignored.opening += 1,
            }
            self.answer_allocated(request.now, id);
            return Ok(());
        }
        // Only here: an allocation outlives the credentials that made it, or calls would end with them.
        let expiry = credentials::expiry(&request.proven.username);
        let expired = expiry.is_none_or(|expiry| expiry <= self.unix_time(request.now));
        if expired && !request.proven.fixed {
            self.refuse_expired(request);
            return Ok(());
        }
        if request.message.dont_fragment() && !self.settings.abilities.dont_fragment {
            // RFC 8656 §7.2, step 6.
            let unknown = std::iter::once(AttributeType::DONT_FRAGMENT);
            self.refuse_attributes(request, unknown);
            return Ok(());
        }
        let tcp_relays = self.settings.abilities.tcp_relays;
        let wanted = Wanted::read(&request.message, request.five_tuple, tcp_relays)?;
        match wanted.token {
            Some(token) => self.claim(request, &wanted, token),
            None if self.is_draining() => self.send_elsewhere(request),
            None => self.open(request, &wanted),
        }
    }

    /// To another server, where there is one.
    fn send_elsewhere(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let family = Family::of(request.five_tuple.remote.ip());
        let mut servers = self.settings.alternate_servers.iter();
        match servers
            .find(|server| Family::of(server.ip()) == family)
            .copied()
        {
            Some(server) => {
                self.redirect(request, server);
                Ok(())
            }
            None => Err(code::INSUFFICIENT_CAPACITY),
        }
    }

    /// An allocation on the port that an earlier one has reserved.
    fn claim(&mut self, request: &Request<'_>, wanted: &Wanted, token: [u8; 8]) -> Result<(), u16> {
        if self.steer(request, token[0]) {
            return Ok(());
        }
        // RFC 8656 §7.2, step 7: 508 where the token is not valid.
        let user = self.table.users.find(request.proven.user());
        let (id, relay) = user
            .and_then(|user| self.table.reserved(token, user))
            .ok_or(code::INSUFFICIENT_CAPACITY)?;
        let user = user.ok_or(code::INSUFFICIENT_CAPACITY)?;
        let mut allocation = self.allocation(request, wanted, user, id);
        allocation.first.family = Family::of(relay.ip());
        allocation.first.state = LegState::Open(relay);
        allocation.expires = request.now + allocation.lifetime;
        self.table.claim(id, allocation);
        self.give_ticket(id, wanted.mobility);
        self.counters.allocated += 1;
        self.answer_allocated(request.now, id);
        Ok(())
    }

    /// Asks the driver for sockets, and the registry before it where there is one; the answer goes out when all have
    /// answered.
    fn open(&mut self, request: &Request<'_>, wanted: &Wanted) -> Result<(), u16> {
        let relays = match (wanted.second_family, wanted.even_port) {
            (true, _) | (_, Some(true)) => 2,
            _ => 1,
        };
        // A registry counts the same over all workers; what waits for it is bounded here.
        self.has_room(request.proven.user(), relays)
            .map_err(quota_code)?;
        let user = self.table.users.enter(request.now, request.proven.user());
        let proto = self.allocation(request, wanted, user, NO_ID);
        let id = self
            .table
            .insert(wanted.second_family, |id, second| Allocation {
                first: Leg { id, ..proto.first },
                second: second.map(|id| Leg {
                    id,
                    family: Family::V6,
                    state: LegState::Waiting,
                }),
                ..proto
            });
        if wanted.even_port == Some(true) {
            let next = self.table.reserve(user);
            if let Some(allocation) = self.table.get_mut(id) {
                allocation.next = Some(next);
            }
        }
        self.give_ticket(id, wanted.mobility);
        match self.settings.quotas {
            Quotas::Own => self.ask_driver(id),
            Quotas::Registry => {
                let user = self.table.users.name(user);
                self.events.push_back(Event::Admit { id, user, relays });
            }
        }
        Ok(())
    }

    fn has_room(&self, user: &str, relays: usize) -> Result<(), QuotaReached> {
        let limits = &self.settings.limits;
        if self.table.users.relays(user) + relays > limits.relays_per_user {
            return Err(QuotaReached::User);
        }
        if self.table.relays() + relays > limits.relays {
            return Err(QuotaReached::Total);
        }
        Ok(())
    }

    fn ask_driver(&mut self, id: RelayId) {
        let Some(allocation) = self.table.get_mut(id) else {
            return;
        };
        let (protocol, even, next) = (allocation.protocol, allocation.even, allocation.next);
        for leg in allocation.legs_mut() {
            leg.state = LegState::Opening;
            let (id, family) = (leg.id, leg.family);
            let port = match (even, next) {
                (_, Some(next)) => Port::EvenAndNext { next },
                (true, None) => Port::Even,
                (false, None) => Port::Any,
            };
            self.events.push_back(match protocol {
                Protocol::Udp => Event::OpenRelay { id, family, port },
                Protocol::Tcp => Event::OpenListener { id, family },
            });
        }
    }

    fn allocation(
        &self,
        request: &Request<'_>,
        wanted: &Wanted,
        user: UserIndex,
        id: RelayId,
    ) -> Allocation {
        let proven = &request.proven;
        Allocation {
            five_tuple: request.five_tuple,
            identity: Identity {
                user,
                fixed: proven.fixed,
                username: proven.username.as_ref().into(),
                key: proven.key.clone(),
                integrity: proven.integrity,
            },
            transaction_id: request.message.transaction_id(),
            protocol: wanted.protocol,
            even: wanted.even_port.is_some(),
            first: Leg {
                id,
                family: wanted.family,
                state: LegState::Waiting,
            },
            second: None,
            lifetime: self.settings.lifetime(request.now, wanted.lifetime),
            expires: request.now,
            next: None,
            token: None,
            mobility: None,
            permissions: Permissions::default(),
            channels: Channels::default(),
            connections: Vec::new(),
            doomed: false,
        }
    }

    fn give_ticket(&mut self, id: RelayId, wanted: bool) {
        if wanted && self.settings.abilities.mobility {
            let ticket = self.ticket();
            self.table.set_ticket(id, ticket);
        }
    }

    /// A new one: the worker, and what nobody can guess.
    pub(super) fn ticket(&mut self) -> Ticket {
        let mut ticket = [0; 16];
        self.rng.fill_bytes(&mut ticket);
        ticket[0] = self.settings.worker;
        ticket
    }

    /// Hands the sender over to the worker where what they ask for lives; whether that is another one.
    pub(super) fn steer(&mut self, request: &Request<'_>, worker: u8) -> bool {
        let elsewhere = self.settings.quotas == Quotas::Registry && worker != self.settings.worker;
        if elsewhere && self.events.len() < MAX_STEERED {
            self.counters.steered += 1;
            self.events.push_back(Event::Steer {
                worker,
                five_tuple: request.five_tuple,
                datagram: request.message.as_bytes().to_vec(),
            });
        }
        elsewhere
    }

    /// The registry's answer to [`Event::Admit`].
    pub(super) fn admission_outcome(
        &mut self,
        now: Instant,
        id: RelayId,
        outcome: Result<(), QuotaReached>,
    ) {
        let waits = |a: &&Allocation| a.first.state == LegState::Waiting;
        let Some(allocation) = self.table.get(id).filter(waits) else {
            return;
        };
        match outcome {
            Ok(()) if allocation.doomed => self.finish(now, id, None),
            Ok(()) => self.ask_driver(id),
            Err(quota) => self.finish(now, id, Some(quota_code(quota))),
        }
    }

    /// The driver's answer to [`Event::OpenRelay`] and [`Event::OpenListener`].
    pub(super) fn relay_outcome(
        &mut self,
        now: Instant,
        relay: RelayId,
        outcome: Result<SocketAddr, RelayError>,
    ) {
        let Some((id, _)) = self.table.owner(relay) else {
            return;
        };
        let Some(allocation) = self.table.get_mut(id) else {
            return;
        };
        let leg = allocation.legs_mut().find(|leg| leg.id == relay);
        let Some(leg) = leg.filter(|leg| leg.state == LegState::Opening) else {
            return;
        };
        leg.state = match outcome {
            Ok(address) => LegState::Open(address),
            Err(RelayError::Family) => LegState::Failed(code::ADDRESS_FAMILY_NOT_SUPPORTED),
            Err(RelayError::Exhausted) => LegState::Failed(code::INSUFFICIENT_CAPACITY),
        };
        if !allocation.is_settled() {
            return;
        }
        match (allocation.is_open(), allocation.doomed) {
            (true, false) => self.opened(now, id),
            (true, true) => self.finish(now, id, None),
            (false, _) => {
                let code = match allocation.first.state {
                    LegState::Failed(code) => code,
                    _ => code::INSUFFICIENT_CAPACITY,
                };
                self.finish(now, id, Some(code));
            }
        }
    }

    fn opened(&mut self, now: Instant, id: RelayId) {
        let Some(allocation) = self.table.get(id) else {
            return;
        };
        let expires = now + allocation.lifetime;
        let second = allocation.second.is_some_and(|leg| leg.address().is_some());
        let next = allocation.next.zip(allocation.first.address());
        self.table.set_deadline(id, expires);
        if let Some((next, relay)) = next {
            self.keep_next(now, id, next, relay);
        }
        self.counters.allocated += 1;
        self.counters.second_addresses += u64::from(second);
        self.answer_allocated(now, id);
    }

    fn keep_next(&mut self, now: Instant, id: RelayId, next: RelayId, relay: SocketAddr) {
        let mut token = [0; 8];
        self.rng.fill_bytes(&mut token);
        token[0] = self.settings.worker;
        // The driver has promised the next port; an even port has one.
        let address = SocketAddr::new(relay.ip(), relay.port().saturating_add(1));
        self.table
            .reservation_opened(next, token, address, now + RESERVATION);
        if let Some(allocation) = self.table.get_mut(id) {
            allocation.token = Some(token);
            // From here on it lives by itself.
            allocation.next = None;
        }
    }

    /// An allocation that comes to nothing: its client is told the code, or is gone.
    fn finish(&mut self, now: Instant, id: RelayId, code: Option<u16>) {
        let Some(allocation) = self.table.get(id) else {
            return;
        };
        let wasted = allocation
            .next
            .filter(|_| allocation.first.address().is_some());
        let next = allocation.next;
        let doomed = allocation.doomed;
        // A registry that has refused counts nothing.
        let admitted = code.is_none() || allocation.first.state != LegState::Waiting;
        let removed = self.discard(now, id, admitted);
        if let Some(next) = next {
            self.discard(now, next, admitted);
        }
        self.events
            .extend(wasted.map(|id| Event::CloseRelay { id }));
        if let (Some(code), Some(allocation), false) = (code, removed, doomed) {
            let Allocation {
                five_tuple,
                transaction_id,
                identity,
                ..
            } = &*allocation;
            self.answer_refused(
                *five_tuple,
                Method::ALLOCATE,
                *transaction_id,
                code,
                identity,
            );
        }
    }
}

fn quota_code(quota: QuotaReached) -> u16 {
    match quota {
        QuotaReached::User => code::ALLOCATION_QUOTA_REACHED,
        QuotaReached::Total => code::INSUFFICIENT_CAPACITY,
    }
}

/// Of a relay that has none yet.
const NO_ID: RelayId = RelayId {
    index: u32::MAX,
    generation: u32::MAX,
};
/// RFC 8656 §7.2: a reserved port "SHOULD be for at least 30 seconds".
const RESERVATION: Duration = Duration::from_secs(30);
/// Senders that are kept for a driver that does not poll.
const MAX_STEERED: usize = 4096;
