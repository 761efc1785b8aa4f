//! What goes back to clients.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{
    AttributeType, Class, Family, FiveTuple, Key, Message, MessageBuilder, Method, TransactionId,
    code,
};

use super::Server;

/// A request whose sender is proven, and what an answer to it needs.
pub(super) struct Request<'m> {
    pub(super) now: Instant,
    pub(super) five_tuple: FiveTuple,
    pub(super) message: Message<'m>,
    pub(super) username: &'m str,
    pub(super) key: Key,
}

/// What a successful Allocate says.
pub(super) struct Allocated {
    pub(super) five_tuple: FiveTuple,
    pub(super) transaction_id: TransactionId,
    pub(super) key: Key,
    pub(super) relay: SocketAddr,
    pub(super) lifetime: Duration,
    pub(super) token: Option<[u8; 8]>,
    pub(super) wants_second_family: bool,
}

impl Server {
    /// RFC 8489 §12: where the request came from.
    pub(super) fn answer_binding(&mut self, five_tuple: FiveTuple, message: &Message<'_>) {
        let unknown = message.unknown_comprehension_required();
        let id = message.transaction_id();
        if message.unknown_comprehension_required().next().is_some() {
            self.counters.refused.add(code::UNKNOWN_ATTRIBUTE);
            return self.send(five_tuple, Class::Error, Method::BINDING, id, |m| {
                m.error_code(code::UNKNOWN_ATTRIBUTE, reason(code::UNKNOWN_ATTRIBUTE));
                m.unknown_attributes(unknown);
            });
        }
        self.counters.bindings += 1;
        let software = self.software.clone();
        self.send(five_tuple, Class::Success, Method::BINDING, id, |m| {
            m.xor_mapped_address(five_tuple.remote);
            if let Some(software) = &software {
                m.software(software);
            }
        });
    }

    /// 401 and 438 with realm and nonce; 400 without. Never longer than it must be: it answers anybody.
    pub(super) fn deny(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'_>,
        code: u16,
        key: Option<&Key>,
    ) {
        let challenge = (code != code::BAD_REQUEST)
            .then(|| (self.auth.realm(), self.auth.nonces().issue(now, five_tuple)));
        let (method, id) = (message.method(), message.transaction_id());
        self.send(five_tuple, Class::Error, method, id, |m| {
            m.error_code(code, reason(code));
            if let Some((realm, nonce)) = &challenge {
                m.realm(realm).nonce(nonce.as_str());
            }
            if let Some(key) = key {
                m.integrity(key);
            }
        });
    }

    /// An error for a client that is known.
    pub(super) fn refuse(&mut self, request: &Request<'_>, code: u16) {
        self.counters.refused.add(code);
        self.respond(request, Class::Error, |m| {
            m.error_code(code, reason(code));
        });
    }

    /// 420, with the attributes that were not understood.
    pub(super) fn refuse_attributes(
        &mut self,
        request: &Request<'_>,
        unknown: impl Iterator<Item = AttributeType>,
    ) {
        self.counters.refused.add(code::UNKNOWN_ATTRIBUTE);
        self.respond(request, Class::Error, |m| {
            m.error_code(code::UNKNOWN_ATTRIBUTE, reason(code::UNKNOWN_ATTRIBUTE));
            m.unknown_attributes(unknown);
        });
    }

    /// A signed answer.
    pub(super) fn respond(
        &mut self,
        request: &Request<'_>,
        class: Class,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) {
        let (method, id) = (request.message.method(), request.message.transaction_id());
        self.send(request.five_tuple, class, method, id, |m| {
            attributes(m);
            m.integrity(&request.key);
        });
    }

    /// An error for a client that has waited for a relay.
    pub(super) fn answer_refused(
        &mut self,
        five_tuple: FiveTuple,
        id: TransactionId,
        code: u16,
        key: &Key,
    ) {
        self.send(five_tuple, Class::Error, Method::ALLOCATE, id, |m| {
            m.error_code(code, reason(code)).integrity(key);
        });
    }

    /// RFC 8656 §7.3.
    pub(super) fn answer_allocated(&mut self, a: &Allocated) {
        let software = self.software.clone();
        let (method, id) = (Method::ALLOCATE, a.transaction_id);
        self.send(a.five_tuple, Class::Success, method, id, |m| {
            m.xor_relayed_address(a.relay)
                .xor_mapped_address(a.five_tuple.remote)
                .lifetime(a.lifetime);
            if let Some(token) = a.token {
                m.reservation_token(token);
            }
            if a.wants_second_family {
                let code = code::ADDRESS_FAMILY_NOT_SUPPORTED;
                m.address_error_code(Family::V6, code, reason(code));
            }
            if let Some(software) = &software {
                m.software(software);
            }
            m.integrity(&a.key);
        });
    }

    /// Every answer ends with FINGERPRINT: RFC 8656 §5 lets one port serve more than STUN.
    pub(super) fn send(
        &mut self,
        five_tuple: FiveTuple,
        class: Class,
        method: Method,
        id: TransactionId,
        attributes: impl FnOnce(&mut MessageBuilder<'_>),
    ) {
        let taken = self.outbox.push(five_tuple, |buf| {
            let mut message = MessageBuilder::new(buf, class, method, id);
            attributes(&mut message);
            message.fingerprint().finish()
        });
        if !taken {
            self.counters.overrun += 1;
        }
    }
}

/// The reason phrases of RFC 8489 §14.8 and RFC 8656 §19.
fn reason(code: u16) -> &'static str {
    match code {
        code::UNAUTHENTICATED => "Unauthenticated",
        code::FORBIDDEN => "Forbidden",
        code::UNKNOWN_ATTRIBUTE => "Unknown Attribute",
        code::ALLOCATION_MISMATCH => "Allocation Mismatch",
        code::STALE_NONCE => "Stale Nonce",
        code::ADDRESS_FAMILY_NOT_SUPPORTED => "Address Family not Supported",
        code::WRONG_CREDENTIALS => "Wrong Credentials",
        code::UNSUPPORTED_TRANSPORT_PROTOCOL => "Unsupported Transport Protocol",
        code::PEER_ADDRESS_FAMILY_MISMATCH => "Peer Address Family Mismatch",
        code::ALLOCATION_QUOTA_REACHED => "Allocation Quota Reached",
        code::INSUFFICIENT_CAPACITY => "Insufficient Capacity",
        _ => "Bad Request",
    }
}
