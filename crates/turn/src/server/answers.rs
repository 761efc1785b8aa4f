//! What goes back to clients.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{
    AttributeType, Class, FiveTuple, Message, MessageBuilder, Method, TransactionId, Transport,
    code,
};

use super::allocation::{Allocation, LegState};
use super::auth::{Identity, OFFERED, Proven};
use super::{RelayId, Server};

/// A request whose sender is proven, and what an answer to it needs.
pub(super) struct Request<'m> {
    pub(super) now: Instant,
    pub(super) five_tuple: FiveTuple,
    pub(super) message: Message<'m>,
    pub(super) proven: Proven<'m>,
}

impl Server {
    /// 401 and 438 with realm and nonce; 400 without. It answers anybody, so it counts against the source's share and
    /// is never much longer than what it answers.
    pub(super) fn deny(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'_>,
        code: u16,
    ) {
        let challenge = code != code::BAD_REQUEST;
        let realm = self.auth.realm();
        let full = self.auth.features();
        let full_nonce = self.auth.nonces.issue(now, five_tuple, Some(full));
        let plain_nonce = self.auth.nonces.issue(now, five_tuple, None);
        let (method, id) = (message.method(), message.transaction_id());
        self.send_to_stranger(five_tuple, message.as_bytes().len(), |buf, short| {
            let mut m = MessageBuilder::new(buf, Class::Error, method, id);
            m.error_code(code, if short { "" } else { reason(code) });
            if challenge && short {
                m.realm(&realm).nonce(plain_nonce.as_str());
            } else if challenge {
                m.realm(&realm)
                    .nonce(full_nonce.as_str())
                    .password_algorithms(OFFERED);
            }
            m.fingerprint().finish()
        });
    }

    /// An answer to somebody who may have forged the address: over UDP at most three times what came, IP headers
    /// included. `request` is its length; `write` is tried again with `true`, for a shorter one, where that is passed; then nothing goes out.
    pub(super) fn send_to_stranger(
        &mut self,
        five_tuple: FiveTuple,
        request: usize,
        mut write: impl FnMut(&mut Vec<u8>, bool) -> usize,
    ) -> bool {
        let most = match five_tuple.transport {
            Transport::Udp => bound(five_tuple.remote, request),
            // Whoever has a connection has the address.
            Transport::Tcp | Transport::Tls | Transport::Dtls => usize::MAX,
        };
        let mut too_long = false;
        let taken = self.outbox.push(five_tuple, |buf| {
            let start = buf.len();
            for short in [false, true] {
                buf.truncate(start);
                let len = write(buf, short);
                if len <= most {
                    return len;
                }
            }
            too_long = true;
            0
        });
        self.counters.overrun += u64::from(!taken);
        self.counters.ignored.amplification += u64::from(too_long);
        taken && !too_long
    }

    /// An error for a client that is known.
    pub(super) fn refuse(&mut self, request: &Request<'_>, code: u16) {
        self.counters.refused.add(code);
        self.respond(request, Class::Error, |m| {
            m.error_code(code, reason(code));
        });
    }

    /// 401 for a username whose time is over: signed, for its password is right.
    pub(super) fn refuse_expired(&mut self, request: &Request<'_>) {
        self.counters.refused.credentials_expired += 1;
        let (now, five_tuple) = (request.now, request.five_tuple);
        let nonce = self.auth.nonces.issue(now, five_tuple, None);
        let realm = self.auth.realm();
        self.respond(request, Class::Error, |m| {
            let code = code::UNAUTHENTICATED;
            m.error_code(code, reason(code))
                .realm(&realm)
                .nonce(nonce.as_str());
        });
    }

    /// 300: another server.
    pub(super) fn redirect(&mut self, request: &Request<'_>, to: SocketAddr) {
        self.counters.refused.add(code::TRY_ALTERNATE);
        self.respond(request, Class::Error, |m| {
            let code = code::TRY_ALTERNATE;
            m.error_code(code, reason(code)).alternate_server(to);
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
        let Proven { key, integrity, .. } = &request.proven;
        self.send(request.five_tuple, class, method, id, |m| {
            attributes(m);
            m.integrity_as(*integrity, key);
        });
    }

    /// An error for a client that has waited for the driver.
    pub(super) fn answer_refused(
        &mut self,
        five_tuple: FiveTuple,
        method: Method,
        id: TransactionId,
        code: u16,
        identity: &Identity,
    ) {
        self.counters.refused.add(code);
        self.send(five_tuple, Class::Error, method, id, |m| {
            m.error_code(code, reason(code))
                .integrity_as(identity.integrity, &identity.key);
        });
    }

    /// RFC 8656 §7.3.
    pub(super) fn answer_allocated(&mut self, now: Instant, id: RelayId) {
        let Some(allocation) = self.table.get(id).filter(|a| a.is_open()) else {
            return;
        };
        let Allocation {
            five_tuple,
            transaction_id,
            identity,
            ..
        } = allocation;
        let software = self.settings.software.clone();
        let taken = self.outbox.push(*five_tuple, |buf| {
            let (class, method) = (Class::Success, Method::ALLOCATE);
            let mut m = MessageBuilder::new(buf, class, method, *transaction_id);
            for leg in allocation.legs() {
                match leg.state {
                    LegState::Open(address) => _ = m.xor_relayed_address(address),
                    LegState::Failed(code) => {
                        m.address_error_code(leg.family, code, reason(code));
                    }
                    _ => {}
                }
            }
            m.xor_mapped_address(five_tuple.remote);
            m.lifetime(allocation.expires.saturating_duration_since(now));
            if let Some(token) = allocation.token {
                m.reservation_token(token);
            }
            if let Some(mobility) = &allocation.mobility {
                m.mobility_ticket(&mobility.ticket);
            }
            if let Some(software) = &software {
                m.software(software);
            }
            m.integrity_as(identity.integrity, &identity.key);
            m.fingerprint().finish()
        });
        self.counters.overrun += u64::from(!taken);
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
        self.counters.overrun += u64::from(!taken);
    }
}

/// The most that an answer to `len` bytes may have.
pub(super) fn bound(remote: SocketAddr, len: usize) -> usize {
    let headers = match remote.ip().to_canonical().is_ipv4() {
        true => 20 + 8,
        false => 40 + 8,
    };
    AMPLIFICATION * (headers + len) - headers
}

/// The reason phrases of RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3 and RFC 8016 §3.4.
pub(super) fn reason(code: u16) -> &'static str {
    match code {
        code::TRY_ALTERNATE => "Try Alternate",
        code::UNAUTHENTICATED => "Unauthenticated",
        code::FORBIDDEN => "Forbidden",
        code::MOBILITY_FORBIDDEN => "Mobility Forbidden",
        code::UNKNOWN_ATTRIBUTE => "Unknown Attribute",
        code::ALLOCATION_MISMATCH => "Allocation Mismatch",
        code::STALE_NONCE => "Stale Nonce",
        code::ADDRESS_FAMILY_NOT_SUPPORTED => "Address Family not Supported",
        code::WRONG_CREDENTIALS => "Wrong Credentials",
        code::UNSUPPORTED_TRANSPORT_PROTOCOL => "Unsupported Transport Protocol",
        code::PEER_ADDRESS_FAMILY_MISMATCH => "Peer Address Family Mismatch",
        code::CONNECTION_ALREADY_EXISTS => "Connection Already Exists",
        code::CONNECTION_TIMEOUT_OR_FAILURE => "Connection Timeout or Failure",
        code::ALLOCATION_QUOTA_REACHED => "Allocation Quota Reached",
        code::INSUFFICIENT_CAPACITY => "Insufficient Capacity",
        _ => "Bad Request",
    }
}

/// An answer to an address that may be forged has at most so many times the bytes.
const AMPLIFICATION: usize = 3;
