//! Where a request came from (RFC 8489 §12), and how the NAT on the way behaves (RFC 5780 §6.1).

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{
    AttributeType, ChangeRequest, Class, FiveTuple, Message, MessageBuilder, Method, Transport,
    classic, code,
};

use super::answers::reason;
use super::{Discovery, Server};

impl Server {
    /// Answers anybody, so it counts against the source's share.
    pub(super) fn answer_binding(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'_>,
    ) {
        let limit = &self.settings.limits.unauthenticated;
        if !self.sources.take(now, limit, five_tuple.remote.ip()) {
            self.counters.ignored.rate_limited += 1;
            return;
        }
        let discovery = self
            .settings
            .discovery
            .filter(|discovery| discovery.serves(five_tuple));
        let unknown = || {
            message
                .comprehension_required()
                .filter(|kind| !knows(*kind, discovery))
        };
        let id = message.transaction_id();
        if unknown().next().is_some() {
            self.counters.refused.add(code::UNKNOWN_ATTRIBUTE);
            self.send_to_stranger(five_tuple, message.as_bytes().len(), |buf, _| {
                let mut m = MessageBuilder::new(buf, Class::Error, Method::BINDING, id);
                m.error_code(code::UNKNOWN_ATTRIBUTE, reason(code::UNKNOWN_ATTRIBUTE));
                m.unknown_attributes(unknown()).fingerprint().finish()
            });
            return;
        }
        let software = self.settings.software.clone();
        let answer = Answer::new(five_tuple, message, discovery);
        let sent =
            self.send_to_stranger(answer.five_tuple, message.as_bytes().len(), |buf, short| {
                let mut m = MessageBuilder::new(buf, Class::Success, Method::BINDING, id);
                m.xor_mapped_address(five_tuple.remote);
                if let Some((origin, other)) = answer.addresses {
                    m.mapped_address(five_tuple.remote);
                    m.response_origin(origin).other_address(other);
                }
                if let Some(padding) = answer.padding {
                    m.padding(padding);
                }
                if let Some(software) = software.as_ref().filter(|_| !short) {
                    m.software(software);
                }
                m.fingerprint().finish()
            });
        self.counters.bindings += u64::from(sent);
    }

    /// A Binding request of RFC 3489, or nothing that we know.
    pub(super) fn handle_classic(&mut self, now: Instant, five_tuple: FiveTuple, datagram: &[u8]) {
        let Ok(request) = classic::Request::parse(datagram) else {
            self.counters.ignored.malformed += 1;
            return;
        };
        let limit = &self.settings.limits.unauthenticated;
        if !self.sources.take(now, limit, five_tuple.remote.ip()) {
            self.counters.ignored.rate_limited += 1;
            return;
        }
        let understood = request.not_understood().next().is_none();
        let sent = self.send_to_stranger(five_tuple, datagram.len(), |buf, _| match understood {
            true => {
                let mut response = request.respond(buf, Class::Success);
                response.mapped_address(five_tuple.remote).finish()
            }
            false => {
                let code = code::UNKNOWN_ATTRIBUTE;
                let mut response = request.respond(buf, Class::Error);
                response.error_code(code, reason(code));
                response
                    .unknown_attributes(request.not_understood())
                    .finish()
            }
        });
        if understood {
            self.counters.bindings += u64::from(sent);
            self.counters.classic_bindings += u64::from(sent);
        } else {
            self.counters.refused.add(code::UNKNOWN_ATTRIBUTE);
        }
    }
}

/// What discovery makes of an answer.
struct Answer {
    five_tuple: FiveTuple,
    /// RESPONSE-ORIGIN and OTHER-ADDRESS.
    addresses: Option<(SocketAddr, SocketAddr)>,
    padding: Option<usize>,
}

impl Answer {
    fn new(five_tuple: FiveTuple, message: &Message<'_>, discovery: Option<Discovery>) -> Self {
        let plain = Self {
            five_tuple,
            addresses: None,
            padding: None,
        };
        let Some(discovery) = discovery else {
            return plain;
        };
        let mut answer = five_tuple;
        let change = message.change_request().unwrap_or_default();
        answer.local = discovery.changed(five_tuple.local, change);
        if let Some(port) = message.response_port() {
            answer.remote.set_port(port);
        }
        let origin = discovery.seen(answer.local);
        let both = ChangeRequest {
            ip: true,
            port: true,
        };
        let other = discovery.seen(discovery.changed(five_tuple.local, both));
        Self {
            five_tuple: answer,
            addresses: Some((origin, other)),
            // RFC 5780 §7.6: so that the answer, too, needs fragments.
            padding: message.padding(),
        }
    }
}

impl Discovery {
    /// Whether this datagram came to one of the four addresses.
    fn serves(&self, five_tuple: FiveTuple) -> bool {
        let local = five_tuple.local;
        five_tuple.transport == Transport::Udp
            && [self.primary.ip(), self.alternate.ip()].contains(&local.ip())
            && [self.primary.port(), self.alternate.port()].contains(&local.port())
    }

    /// The one of the four addresses that differs from `local` as asked.
    fn changed(&self, local: SocketAddr, change: ChangeRequest) -> SocketAddr {
        let ip = match (local.ip() == self.primary.ip()) != change.ip {
            true => self.primary.ip(),
            false => self.alternate.ip(),
        };
        let port = match (local.port() == self.primary.port()) != change.port {
            true => self.primary.port(),
            false => self.alternate.port(),
        };
        SocketAddr::new(ip, port)
    }

    /// How it looks from outside.
    fn seen(&self, local: SocketAddr) -> SocketAddr {
        let ip = match self.public {
            Some((primary, _)) if local.ip() == self.primary.ip() => primary,
            Some((_, alternate)) => alternate,
            None => local.ip(),
        };
        SocketAddr::new(ip, local.port())
    }
}

/// The attributes of RFC 5780 are understood where there are addresses for them, and only well-formed.
fn knows(kind: AttributeType, discovery: Option<Discovery>) -> bool {
    match kind {
        AttributeType::CHANGE_REQUEST | AttributeType::RESPONSE_PORT | AttributeType::PADDING => {
            discovery.is_some()
        }
        kind => kind.name().is_some(),
    }
}
