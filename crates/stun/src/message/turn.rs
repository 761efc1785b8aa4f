//! Attributes of TURN (RFC 8656 §18), of its TCP relays (RFC 6062) and of its mobility (RFC 8016).

use core::net::SocketAddr;
use core::time::Duration;

use super::Message;
use crate::address::{self, Family};
use crate::attribute::AttributeType;
use crate::error_code::AddressError;
use crate::icmp::Icmp;

impl<'a> Message<'a> {
    /// XOR-PEER-ADDRESS, the first one (RFC 8656 §18.3).
    pub fn xor_peer_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_PEER_ADDRESS)
    }

    /// Every XOR-PEER-ADDRESS (CreatePermission may carry several); `None` for one that is malformed (RFC 8656 §18.3).
    pub fn xor_peer_addresses(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let mask = self.mask();
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::XOR_PEER_ADDRESS)
            .map(move |attribute| address::read(attribute.value, mask))
    }

    /// XOR-RELAYED-ADDRESS: the address that a TURN server has opened for us (RFC 8656 §18.5).
    pub fn xor_relayed_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_RELAYED_ADDRESS)
    }

    /// Every XOR-RELAYED-ADDRESS: an allocation may have one of each family (RFC 8656 §7.3); `None` for one that is
    /// malformed.
    pub fn xor_relayed_addresses(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let mask = self.mask();
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::XOR_RELAYED_ADDRESS)
            .map(move |attribute| address::read(attribute.value, mask))
    }

    /// LIFETIME, whole seconds (RFC 8656 §18.2).
    pub fn lifetime(&self) -> Option<Duration> {
        let seconds = u32::from_be_bytes(self.array(AttributeType::LIFETIME)?);
        Some(Duration::from_secs(seconds.into()))
    }

    /// DATA: what is relayed (RFC 8656 §18.4).
    pub fn data(&self) -> Option<&'a [u8]> {
        self.attribute(AttributeType::DATA)
    }

    /// CHANNEL-NUMBER, unchecked (valid ones are 0x4000 to 0x4FFF, RFC 8656 §12).
    pub fn channel_number(&self) -> Option<u16> {
        let [high, low, _, _] = self.array(AttributeType::CHANNEL_NUMBER)?;
        Some(u16::from_be_bytes([high, low]))
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP (RFC 8656 §18.8).
    pub fn requested_transport(&self) -> Option<u8> {
        let [protocol, ..] = self.array::<4>(AttributeType::REQUESTED_TRANSPORT)?;
        Some(protocol)
    }

    /// REQUESTED-ADDRESS-FAMILY; `Some(None)` for one that nobody knows (RFC 8656 §18.6).
    pub fn requested_address_family(&self) -> Option<Option<Family>> {
        let [family, ..] = self.array::<4>(AttributeType::REQUESTED_ADDRESS_FAMILY)?;
        Some(Family::from_code(family))
    }

    /// ADDITIONAL-ADDRESS-FAMILY; `Some(None)` for one that nobody knows (RFC 8656 §18.11).
    pub fn additional_address_family(&self) -> Option<Option<Family>> {
        let [family, ..] = self.array::<4>(AttributeType::ADDITIONAL_ADDRESS_FAMILY)?;
        Some(Family::from_code(family))
    }

    /// ADDRESS-ERROR-CODE: which of two address families was not had, and why (RFC 8656 §18.12).
    pub fn address_error_code(&self) -> Option<AddressError<'a>> {
        AddressError::read(self.attribute(AttributeType::ADDRESS_ERROR_CODE)?)
    }

    /// EVEN-PORT: the R bit, whether the next port is to be reserved (RFC 8656 §18.7).
    pub fn even_port(&self) -> Option<bool> {
        let [bits] = self.array(AttributeType::EVEN_PORT)?;
        Some(bits & 0x80 != 0)
    }

    /// RESERVATION-TOKEN (RFC 8656 §18.10).
    pub fn reservation_token(&self) -> Option<[u8; 8]> {
        self.array(AttributeType::RESERVATION_TOKEN)
    }

    /// Whether DONT-FRAGMENT is there (RFC 8656 §18.9).
    pub fn dont_fragment(&self) -> bool {
        self.attribute(AttributeType::DONT_FRAGMENT).is_some()
    }

    /// ICMP: the error that a relayed datagram met, in a Data indication (RFC 8656 §18.13).
    pub fn icmp(&self) -> Option<Icmp> {
        self.array(AttributeType::ICMP).map(Icmp::read)
    }

    /// CONNECTION-ID: a TCP connection between the server and a peer (RFC 6062 §6.2.1).
    pub fn connection_id(&self) -> Option<u32> {
        self.array(AttributeType::CONNECTION_ID)
            .map(u32::from_be_bytes)
    }

    /// MOBILITY-TICKET: by which an allocation is found again from another address; empty where a client asks for one
    /// (RFC 8016 §3.3).
    pub fn mobility_ticket(&self) -> Option<&'a [u8]> {
        self.attribute(AttributeType::MOBILITY_TICKET)
    }
}
