//! Attributes of TURN (RFC 8656 §18), of its TCP relays (RFC 6062) and of its mobility (RFC 8016).

use core::net::SocketAddr;
use core::time::Duration;

use super::MessageBuilder;
use crate::address::Family;
use crate::attribute::AttributeType;
use crate::error_code;
use crate::icmp::Icmp;

impl MessageBuilder<'_> {
    /// XOR-PEER-ADDRESS (RFC 8656 §18.3).
    pub fn xor_peer_address(&mut self, address: SocketAddr) -> &mut Self {
        self.xored(AttributeType::XOR_PEER_ADDRESS, address)
    }

    /// XOR-RELAYED-ADDRESS (RFC 8656 §18.5).
    pub fn xor_relayed_address(&mut self, address: SocketAddr) -> &mut Self {
        self.xored(AttributeType::XOR_RELAYED_ADDRESS, address)
    }

    /// LIFETIME, in whole seconds (the fraction is cut off, what is over 136 years too) (RFC 8656 §18.2).
    pub fn lifetime(&mut self, lifetime: Duration) -> &mut Self {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        self.raw(AttributeType::LIFETIME, &seconds.to_be_bytes())
    }

    /// DATA (RFC 8656 §18.4).
    pub fn data(&mut self, data: &[u8]) -> &mut Self {
        self.raw(AttributeType::DATA, data)
    }

    /// The header of a DATA attribute of `len` bytes, which the sender appends by itself, with zeros up to a multiple
    /// of 4: so that a relay need not copy what it relays. Must be the last call before
    /// [`finish`](Self::finish), which counts neither.
    pub fn data_header(&mut self, len: usize) -> &mut Self {
        self.head(AttributeType::DATA, len);
        self
    }

    /// CHANNEL-NUMBER (RFC 8656 §18.1).
    pub fn channel_number(&mut self, number: u16) -> &mut Self {
        let [high, low] = number.to_be_bytes();
        self.raw(AttributeType::CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP (RFC 8656 §18.8).
    pub fn requested_transport(&mut self, protocol: u8) -> &mut Self {
        self.raw(AttributeType::REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    /// REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6).
    pub fn requested_address_family(&mut self, family: Family) -> &mut Self {
        let value = [family.code(), 0, 0, 0];
        self.raw(AttributeType::REQUESTED_ADDRESS_FAMILY, &value)
    }

    /// ADDITIONAL-ADDRESS-FAMILY: a relayed address of this family too, which is always IPv6 (RFC 8656 §18.11).
    pub fn additional_address_family(&mut self, family: Family) -> &mut Self {
        let value = [family.code(), 0, 0, 0];
        self.raw(AttributeType::ADDITIONAL_ADDRESS_FAMILY, &value)
    }

    /// ADDRESS-ERROR-CODE: which family could not be had, and why (RFC 8656 §18.12).
    pub fn address_error_code(&mut self, family: Family, code: u16, reason: &str) -> &mut Self {
        let (value, len) = error_code::write(family.code(), code, reason);
        self.raw(AttributeType::ADDRESS_ERROR_CODE, &value[..len])
    }

    /// EVEN-PORT: `reserve_next` asks to keep the next port for a later Allocate (RFC 8656 §18.7).
    pub fn even_port(&mut self, reserve_next: bool) -> &mut Self {
        self.raw(AttributeType::EVEN_PORT, &[u8::from(reserve_next) << 7])
    }

    /// RESERVATION-TOKEN (RFC 8656 §18.10).
    pub fn reservation_token(&mut self, token: [u8; 8]) -> &mut Self {
        self.raw(AttributeType::RESERVATION_TOKEN, &token)
    }

    /// DONT-FRAGMENT: the DF bit of what is relayed is to be set (RFC 8656 §18.9).
    pub fn dont_fragment(&mut self) -> &mut Self {
        self.raw(AttributeType::DONT_FRAGMENT, &[])
    }

    /// ICMP: the error that a relayed datagram met (RFC 8656 §18.13).
    pub fn icmp(&mut self, icmp: Icmp) -> &mut Self {
        self.raw(AttributeType::ICMP, &icmp.write())
    }

    /// CONNECTION-ID: a TCP connection between the server and a peer (RFC 6062 §6.2.1).
    pub fn connection_id(&mut self, id: u32) -> &mut Self {
        self.raw(AttributeType::CONNECTION_ID, &id.to_be_bytes())
    }

    /// MOBILITY-TICKET: an empty one asks for a ticket (RFC 8016 §3.3).
    pub fn mobility_ticket(&mut self, ticket: &[u8]) -> &mut Self {
        self.raw(AttributeType::MOBILITY_TICKET, ticket)
    }
}
