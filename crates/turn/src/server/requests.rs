//! What clients ask for (RFC 8656 §7.2, §8.2, §10.2, §12.2). A handler gives the error code to refuse with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{AttributeType, Class, Family, FiveTuple, Message, Method, code};
use rand_core::Rng;

use super::allocation::{Allocation, BindError, Channels, Permissions};
use super::answers::{Allocated, Request};
use super::auth::Denied;
use super::{Event, Port, RelayError, RelayId, Server};
use crate::credentials;

impl Server {
    /// A request that needs credentials.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: Message<'_>,
    ) {
        let cached = self
            .table
            .find(&five_tuple)
            .map(|(_, a)| (&*a.username, &a.key));
        let identity = match self.auth.identify(now, five_tuple, &message, cached) {
            Ok(identity) => identity,
            Err(denied) => {
                match denied {
                    Denied::Challenge => self.counters.refused.challenged += 1,
                    _ => self.counters.refused.add(denied.code()),
                }
                return self.deny(now, five_tuple, &message, denied.code(), None);
            }
        };
        let request = Request {
            now,
            five_tuple,
            message,
            username: identity.username,
            key: identity.key,
        };
        if message.unknown_comprehension_required().next().is_some() {
            return self.refuse_attributes(&request, message.unknown_comprehension_required());
        }
        let outcome = match message.method() {
            Method::ALLOCATE => self.allocate(&request),
            Method::REFRESH => self.refresh(&request),
            Method::CREATE_PERMISSION => self.create_permission(&request),
            _ => self.bind_channel(&request),
        };
        if let Err(code) = outcome {
            self.refuse(&request, code);
        }
    }

    fn allocate(&mut self, request: &Request<'_>) -> Result<(), u16> {
        if let Some((id, allocation)) = self.table.find(&request.five_tuple) {
            let same = allocation.transaction_id == request.message.transaction_id()
                && *allocation.username == *request.username;
            if !same {
                return Err(code::ALLOCATION_MISMATCH);
            }
            self.repeat_allocated(request.now, id);
            return Ok(());
        }
        // Only here: an allocation outlives the credentials that made it, or calls would end with them.
        let expiry = credentials::expiry(request.username);
        if expiry.is_none_or(|expiry| expiry <= self.unix_time(request.now)) {
            self.counters.refused.credentials_expired += 1;
            let code = code::UNAUTHENTICATED;
            let key = Some(&request.key);
            self.deny(request.now, request.five_tuple, &request.message, code, key);
            return Ok(());
        }
        if request.message.dont_fragment() {
            // We have no way to ask a driver for it (RFC 8656 §7.2, step 6).
            let unknown = std::iter::once(AttributeType::DONT_FRAGMENT);
            self.refuse_attributes(request, unknown);
            return Ok(());
        }
        let wanted = Wanted::read(&request.message)?;
        match wanted.token {
            Some(token) => self.claim(request, &wanted, token),
            None => self.open(request, &wanted),
        }
    }

    /// An allocation on the port that an earlier one has reserved.
    fn claim(&mut self, request: &Request<'_>, wanted: &Wanted, token: [u8; 8]) -> Result<(), u16> {
        // RFC 8656 §7.2, step 7: 508 where the token is not valid.
        let relay = self
            .table
            .reserved(token, request.username)
            .ok_or(code::INSUFFICIENT_CAPACITY)?;
        let mut allocation = self.allocation(request, wanted);
        allocation.relay = Some(relay);
        allocation.family = Family::of(relay.ip());
        allocation.expires = request.now + allocation.lifetime;
        let id = self
            .table
            .claim(token, allocation)
            .ok_or(code::INSUFFICIENT_CAPACITY)?;
        self.counters.allocated += 1;
        self.answer_open(request.now, id);
        Ok(())
    }

    /// Asks the driver for a socket; the answer goes out when it has one.
    fn open(&mut self, request: &Request<'_>, wanted: &Wanted) -> Result<(), u16> {
        let ports = if wanted.even_port == Some(true) { 2 } else { 1 };
        if self.table.relays_of(request.username) + ports > self.limits.relays_per_user {
            return Err(code::ALLOCATION_QUOTA_REACHED);
        }
        if self.table.relays() + ports > self.limits.relays {
            return Err(code::INSUFFICIENT_CAPACITY);
        }
        let mut allocation = self.allocation(request, wanted);
        let port = match wanted.even_port {
            None => Port::Any,
            Some(false) => Port::Even,
            Some(true) => {
                let next = self.table.reserve(request.username);
                allocation.next = Some(next);
                Port::EvenAndNext { next }
            }
        };
        let family = allocation.family;
        let id = self.table.insert(allocation);
        self.events.push_back(Event::OpenRelay { id, family, port });
        Ok(())
    }

    fn allocation(&self, request: &Request<'_>, wanted: &Wanted) -> Allocation {
        Allocation {
            five_tuple: request.five_tuple,
            username: request.username.into(),
            key: request.key.clone(),
            transaction_id: request.message.transaction_id(),
            family: wanted.family,
            relay: None,
            lifetime: self.limits.lifetime(wanted.lifetime),
            expires: request.now,
            next: None,
            token: None,
            wants_second_family: wanted.second_family,
            permissions: Permissions::default(),
            channels: Channels::default(),
        }
    }

    /// The driver's answer to [`Event::OpenRelay`].
    pub(super) fn relay_outcome(
        &mut self,
        now: Instant,
        id: RelayId,
        outcome: Result<SocketAddr, RelayError>,
    ) {
        let Some(allocation) = self.table.get_mut(id).filter(|a| a.relay.is_none()) else {
            return;
        };
        match outcome {
            Ok(relay) => {
                allocation.relay = Some(relay);
                let expires = now + allocation.lifetime;
                let next = allocation.next;
                self.table.set_deadline(id, expires);
                if let Some(next) = next {
                    self.keep_next(now, id, next, relay);
                }
                self.counters.allocated += 1;
                self.answer_open(now, id);
            }
            Err(error) => self.fail_open(id, error),
        }
    }

    fn keep_next(&mut self, now: Instant, id: RelayId, next: RelayId, relay: SocketAddr) {
        let mut token = [0; 8];
        self.rng.fill_bytes(&mut token);
        // The driver has promised the next port; an even port has one.
        let address = SocketAddr::new(relay.ip(), relay.port().saturating_add(1));
        self.table
            .reservation_opened(next, token, address, now + RESERVATION);
        if let Some(allocation) = self.table.get_mut(id) {
            allocation.token = Some(token);
        }
    }

    fn fail_open(&mut self, id: RelayId, error: RelayError) {
        let code = match error {
            RelayError::Family => code::ADDRESS_FAMILY_NOT_SUPPORTED,
            RelayError::Exhausted => code::INSUFFICIENT_CAPACITY,
        };
        let Some(allocation) = self.table.get(id) else {
            return;
        };
        let (five_tuple, next) = (allocation.five_tuple, allocation.next);
        let (key, transaction_id) = (allocation.key.clone(), allocation.transaction_id);
        self.table.remove(id);
        if let Some(next) = next {
            self.table.remove(next);
        }
        self.counters.refused.add(code);
        self.answer_refused(five_tuple, transaction_id, code, &key);
    }

    /// RFC 8656 §7.2: the same Allocate again is answered again.
    fn repeat_allocated(&mut self, now: Instant, id: RelayId) {
        match self.table.get(id).is_some_and(|a| a.relay.is_some()) {
            true => self.counters.repeated += 1,
            false => self.counters.ignored.opening += 1,
        }
        self.answer_open(now, id);
    }

    fn answer_open(&mut self, now: Instant, id: RelayId) {
        let Some(allocation) = self.table.get(id) else {
            return;
        };
        let Some(relay) = allocation.relay else {
            return;
        };
        let allocated = Allocated {
            five_tuple: allocation.five_tuple,
            transaction_id: allocation.transaction_id,
            key: allocation.key.clone(),
            relay,
            lifetime: allocation.expires.saturating_duration_since(now),
            token: allocation.token,
            wants_second_family: allocation.wants_second_family,
        };
        self.answer_allocated(&allocated);
    }

    fn refresh(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let id = self.owned(request)?;
        if let Some(family) = family(&request.message)? {
            if self.table.get(id).is_none_or(|a| a.family != family) {
                return Err(code::PEER_ADDRESS_FAMILY_MISMATCH);
            }
        }
        let wanted = lifetime(&request.message)?;
        let lifetime = match wanted {
            Some(Duration::ZERO) => {
                self.release(id);
                self.counters.released += 1;
                Duration::ZERO
            }
            wanted => {
                let lifetime = self.limits.lifetime(wanted);
                self.table.set_deadline(id, request.now + lifetime);
                self.counters.refreshed += 1;
                lifetime
            }
        };
        self.respond(request, Class::Success, |m| {
            m.lifetime(lifetime);
        });
        Ok(())
    }

    fn create_permission(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let id = self.owned(request)?;
        if request.message.xor_peer_address().is_none() {
            return Err(code::BAD_REQUEST);
        }
        for peer in request.message.xor_peer_addresses() {
            self.check_peer(id, peer.ok_or(code::BAD_REQUEST)?)?;
        }
        let limit = self.limits.permissions;
        for peer in request.message.xor_peer_addresses().flatten() {
            if let Some(allocation) = self.table.get_mut(id) {
                allocation
                    .permissions
                    .install(request.now, peer.ip(), limit)
                    .map_err(|_| code::INSUFFICIENT_CAPACITY)?;
            }
        }
        self.counters.permissions += 1;
        self.respond(request, Class::Success, |_| ());
        Ok(())
    }

    fn bind_channel(&mut self, request: &Request<'_>) -> Result<(), u16> {
        let id = self.owned(request)?;
        let (Some(number), Some(peer)) = (
            request.message.channel_number(),
            request.message.xor_peer_address(),
        ) else {
            return Err(code::BAD_REQUEST);
        };
        if !CHANNELS.contains(&number) {
            return Err(code::BAD_REQUEST);
        }
        self.check_peer(id, peer)?;
        let (permissions, channels) = (self.limits.permissions, self.limits.channels);
        if let Some(allocation) = self.table.get_mut(id) {
            let bound = allocation
                .channels
                .bind(request.now, number, peer, channels);
            bound.map_err(|error| match error {
                BindError::Taken => code::BAD_REQUEST,
                BindError::Full => code::INSUFFICIENT_CAPACITY,
            })?;
            allocation
                .permissions
                .install(request.now, peer.ip(), permissions)
                .map_err(|_| code::INSUFFICIENT_CAPACITY)?;
        }
        self.counters.channels += 1;
        self.respond(request, Class::Success, |_| ());
        Ok(())
    }

    /// The client's own allocation, open.
    fn owned(&self, request: &Request<'_>) -> Result<RelayId, u16> {
        match self.table.find(&request.five_tuple) {
            Some((_, allocation)) if *allocation.username != *request.username => {
                Err(code::WRONG_CREDENTIALS)
            }
            Some((id, allocation)) if allocation.relay.is_some() => Ok(id),
            _ => Err(code::ALLOCATION_MISMATCH),
        }
    }

    fn check_peer(&self, id: RelayId, peer: SocketAddr) -> Result<(), u16> {
        if self
            .table
            .get(id)
            .is_none_or(|a| a.family != Family::of(peer.ip()))
        {
            return Err(code::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        match self.peers.allows(peer.ip()) {
            true => Ok(()),
            false => Err(code::FORBIDDEN),
        }
    }
}

/// What an Allocate asks for.
struct Wanted {
    lifetime: Option<Duration>,
    family: Family,
    second_family: bool,
    even_port: Option<bool>,
    token: Option<[u8; 8]>,
}

impl Wanted {
    /// RFC 8656 §7.2, steps 5 to 10: what contradicts itself is a bad request.
    fn read(message: &Message<'_>) -> Result<Self, u16> {
        match message.requested_transport() {
            None => return Err(code::BAD_REQUEST),
            Some(UDP) => {}
            Some(_) => return Err(code::UNSUPPORTED_TRANSPORT_PROTOCOL),
        }
        let family = family(message)?;
        let even_port = message.even_port();
        let token = message.reservation_token();
        let second_family = match message.additional_address_family() {
            None => false,
            // RFC 8656 §7.2, step 9: only IPv6 may be additional.
            Some(Some(Family::V6)) => true,
            Some(_) => return Err(code::BAD_REQUEST),
        };
        let malformed = even_port.is_none() && has(message, AttributeType::EVEN_PORT)
            || token.is_none() && has(message, AttributeType::RESERVATION_TOKEN);
        let contradictory = token.is_some() && (even_port.is_some() || family.is_some())
            || second_family && (token.is_some() || family.is_some() || even_port == Some(true));
        if malformed || contradictory {
            return Err(code::BAD_REQUEST);
        }
        Ok(Self {
            lifetime: lifetime(message)?,
            family: family.unwrap_or(Family::V4),
            second_family,
            even_port,
            token,
        })
    }
}

fn has(message: &Message<'_>, kind: AttributeType) -> bool {
    message.attribute(kind).is_some()
}

fn lifetime(message: &Message<'_>) -> Result<Option<Duration>, u16> {
    match message.lifetime() {
        None if has(message, AttributeType::LIFETIME) => Err(code::BAD_REQUEST),
        lifetime => Ok(lifetime),
    }
}

fn family(message: &Message<'_>) -> Result<Option<Family>, u16> {
    match message.requested_address_family() {
        None if has(message, AttributeType::REQUESTED_ADDRESS_FAMILY) => Err(code::BAD_REQUEST),
        None => Ok(None),
        Some(None) => Err(code::ADDRESS_FAMILY_NOT_SUPPORTED),
        Some(family) => Ok(family),
    }
}

/// IP protocol number of UDP.
const UDP: u8 = 17;
/// Of RFC 5766 §11, whose clients still are: RFC 8656 §12 has kept the first quarter, but a server that owns its
/// port needs no other use for the rest.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7FFF;
/// RFC 8656 §7.2: a reserved port "SHOULD be for at least 30 seconds".
const RESERVATION: Duration = Duration::from_secs(30);
