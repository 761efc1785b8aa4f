//! What clients ask for (RFC 8656 §8.2, §10.2, §12.2). A handler gives the error code to refuse with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{AttributeType, Class, Family, FiveTuple, Message, Method, code};

use super::allocation::{Allocation, BindError, Protocol};
use super::answers::Request;
use super::auth::Denied;
use super::wanted::{family, lifetime};
use super::{RelayId, Server};

impl Server {
    /// A request that needs credentials.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: Message<'_>,
    ) {
        let known = self.table.find(&five_tuple);
        let limit = &self.settings.limits.unauthenticated;
        let source = five_tuple.remote.ip();
        // Whoever has had their share is not even verified, but for those who have an allocation.
        if known.is_none() && !self.sources.has(now, limit, source) {
            self.counters.ignored.rate_limited += 1;
            return;
        }
        let cached = known.map(|(_, allocation)| &allocation.identity);
        let proven = match self.auth.identify(now, five_tuple, &message, cached) {
            Ok(proven) => proven,
            Err(denied) => return self.turn_away(now, five_tuple, &message, denied),
        };
        let request = Request {
            now,
            five_tuple,
            message,
            proven,
        };
        if unknown(&message).next().is_some() {
            return self.refuse_attributes(&request, unknown(&message));
        }
        let outcome = match message.method() {
            Method::ALLOCATE => self.allocate(&request),
            Method::REFRESH => self.refresh(&request),
            Method::CREATE_PERMISSION => self.create_permission(&request),
            Method::CHANNEL_BIND => self.bind_channel(&request),
            Method::CONNECT => self.connect(&request),
            _ => self.bind_connection(&request),
        };
        if let Err(code) = outcome {
            self.refuse(&request, code);
        }
    }

    fn turn_away(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'_>,
        denied: Denied,
    ) {
        let limit = &self.settings.limits.unauthenticated;
        // Nonces run out in every call: a client with an allocation gets its next one in a flood, too.
        let call = denied == Denied::StaleNonce && self.table.find(&five_tuple).is_some();
        if !call && !self.sources.take(now, limit, five_tuple.remote.ip()) {
            self.counters.ignored.rate_limited += 1;
            return;
        }
        match denied {
            Denied::Challenge => self.counters.refused.challenged += 1,
            _ => self.counters.refused.add(denied.code()),
        }
        self.deny(now, five_tuple, message, denied.code());
    }

    fn refresh(&mut self, request: &Request<'_>) -> Result<(), u16> {
        if let Some(done) = self.take_over(request)? {
            return Ok(done);
        }
        let id = self.owned(request)?;
        let family = family(&request.message)?;
        let has = |family| {
            self.table
                .get(id)
                .is_some_and(|a| a.relay(family).is_some())
        };
        if family.is_some_and(|family| !has(family)) {
            return Err(code::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        let others = |family: Family| {
            let allocation = self.table.get(id);
            allocation.is_some_and(|a| {
                a.legs()
                    .any(|leg| leg.family != family && leg.address().is_some())
            })
        };
        let lifetime = match (lifetime(&request.message)?, family) {
            (Some(Duration::ZERO), Some(family)) if others(family) => {
                self.close_leg(id, |leg| leg.family == family);
                Duration::ZERO
            }
            (Some(Duration::ZERO), _) => {
                self.release(request.now, id);
                self.counters.released += 1;
                Duration::ZERO
            }
            // Both addresses of an allocation live equally long.
            (wanted, _) => {
                let lifetime = self.settings.lifetime(request.now, wanted);
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
        let limit = self.settings.limits.permissions;
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
        if !self.settings.peers.allows_port(peer) {
            return Err(code::FORBIDDEN);
        }
        let limits = &self.settings.limits;
        let (permissions, channels) = (limits.permissions, limits.channels);
        if let Some(allocation) = self.table.get_mut(id) {
            // RFC 6062 §4: a TCP relay has no channels.
            if allocation.protocol == Protocol::Tcp {
                return Err(code::BAD_REQUEST);
            }
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

    /// The client's own allocation, open. Its newest credentials are remembered.
    pub(super) fn owned(&mut self, request: &Request<'_>) -> Result<RelayId, u16> {
        let (id, allocation) = self
            .table
            .find(&request.five_tuple)
            .ok_or(code::ALLOCATION_MISMATCH)?;
        if !allocation.identity.is(&request.proven) {
            return Err(code::WRONG_CREDENTIALS);
        }
        if !allocation.is_open() {
            return Err(code::ALLOCATION_MISMATCH);
        }
        if let Some(Allocation { identity, .. }) = self.table.get_mut(id) {
            identity.integrity = request.proven.integrity;
            if *identity.username != *request.proven.username {
                identity.username = request.proven.username.as_ref().into();
            }
            identity.key = request.proven.key.clone();
        }
        self.table.settle_ticket(id);
        Ok(id)
    }

    pub(super) fn check_peer(&self, id: RelayId, peer: SocketAddr) -> Result<(), u16> {
        let family = Family::of(peer.ip());
        if self.table.get(id).is_none_or(|a| a.relay(family).is_none()) {
            return Err(code::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        match self.settings.peers.allows(peer.ip()) {
            true => Ok(()),
            false => Err(code::FORBIDDEN),
        }
    }
}

/// What must be understood and is not: the attributes of RFC 5780 are for Binding alone.
fn unknown<'m>(message: &Message<'m>) -> impl Iterator<Item = AttributeType> + use<'m> {
    message.comprehension_required().filter(|kind| match *kind {
        AttributeType::CHANGE_REQUEST | AttributeType::RESPONSE_PORT | AttributeType::PADDING => {
            true
        }
        kind => kind.name().is_none(),
    })
}

/// Of RFC 5766 §11, whose clients still are: RFC 8656 §12 has kept the first quarter, but a server that owns its
/// port needs no other use for the rest.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7FFF;
