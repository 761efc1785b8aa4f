//! What an Allocate asks for (RFC 8656 §7.2, steps 4 to 10; RFC 6062 §5.1).

use std::time::Duration;

use ieum_stun::{AttributeType, Family, FiveTuple, Message, code};

use super::allocation::Protocol;

/// What an Allocate asks for.
pub(super) struct Wanted {
    pub(super) protocol: Protocol,
    pub(super) lifetime: Option<Duration>,
    pub(super) family: Family,
    /// ADDITIONAL-ADDRESS-FAMILY: IPv6 beside IPv4.
    pub(super) second_family: bool,
    pub(super) even_port: Option<bool>,
    pub(super) token: Option<[u8; 8]>,
    pub(super) mobility: bool,
}

impl Wanted {
    /// What contradicts itself is a bad request.
    pub(super) fn read(
        message: &Message<'_>,
        five_tuple: FiveTuple,
        tcp_relays: bool,
    ) -> Result<Self, u16> {
        let protocol = match message.requested_transport() {
            None => return Err(code::BAD_REQUEST),
            Some(UDP) => Protocol::Udp,
            Some(TCP) if tcp_relays => Protocol::Tcp,
            Some(_) => return Err(code::UNSUPPORTED_TRANSPORT_PROTOCOL),
        };
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
        // RFC 6062 §5.1: over a stream, and none of what is UDP's.
        let no_tcp = protocol == Protocol::Tcp
            && (!five_tuple.transport.is_stream()
                || even_port.is_some()
                || token.is_some()
                || second_family
                || message.dont_fragment());
        if malformed || contradictory || no_tcp {
            return Err(code::BAD_REQUEST);
        }
        Ok(Self {
            protocol,
            lifetime: lifetime(message)?,
            family: family.unwrap_or(Family::V4),
            second_family,
            even_port,
            token,
            mobility: mobility(message)?,
        })
    }
}

fn has(message: &Message<'_>, kind: AttributeType) -> bool {
    message.attribute(kind).is_some()
}

pub(super) fn lifetime(message: &Message<'_>) -> Result<Option<Duration>, u16> {
    match message.lifetime() {
        None if has(message, AttributeType::LIFETIME) => Err(code::BAD_REQUEST),
        lifetime => Ok(lifetime),
    }
}

pub(super) fn family(message: &Message<'_>) -> Result<Option<Family>, u16> {
    match message.requested_address_family() {
        None if has(message, AttributeType::REQUESTED_ADDRESS_FAMILY) => Err(code::BAD_REQUEST),
        None => Ok(None),
        Some(None) => Err(code::ADDRESS_FAMILY_NOT_SUPPORTED),
        Some(family) => Ok(family),
    }
}

/// RFC 8016 §3.1.2: an Allocate that wants a ticket brings an empty one.
fn mobility(message: &Message<'_>) -> Result<bool, u16> {
    match message.mobility_ticket() {
        None => Ok(false),
        Some([]) => Ok(true),
        Some(_) => Err(code::BAD_REQUEST),
    }
}

/// IP protocol number of UDP.
const UDP: u8 = 17;
/// IP protocol number of TCP.
const TCP: u8 = 6;
