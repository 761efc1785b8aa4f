//! Attributes of NAT behaviour discovery (RFC 5780 §7).

use core::net::SocketAddr;

use super::Message;
use crate::attribute::AttributeType;
use crate::behaviour::ChangeRequest;

impl Message<'_> {
    /// CHANGE-REQUEST: from which address the server is to answer (RFC 5780 §7.2).
    pub fn change_request(&self) -> Option<ChangeRequest> {
        self.array(AttributeType::CHANGE_REQUEST)
            .map(ChangeRequest::read)
    }

    /// RESPONSE-ORIGIN: the address that the response was sent from (RFC 5780 §7.3).
    pub fn response_origin(&self) -> Option<SocketAddr> {
        self.plain(AttributeType::RESPONSE_ORIGIN)
    }

    /// OTHER-ADDRESS: the server's other IP address and port (RFC 5780 §7.4).
    pub fn other_address(&self) -> Option<SocketAddr> {
        self.plain(AttributeType::OTHER_ADDRESS)
    }

    /// RESPONSE-PORT: the port that the response is to be sent to (RFC 5780 §7.5). Its two bytes of padding may be
    /// counted in the length or not: senders differ.
    pub fn response_port(&self) -> Option<u16> {
        match self.attribute(AttributeType::RESPONSE_PORT)? {
            [high, low] | [high, low, _, _] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// PADDING: how many bytes make the message long enough to be fragmented (RFC 5780 §7.6).
    pub fn padding(&self) -> Option<usize> {
        self.attribute(AttributeType::PADDING).map(<[u8]>::len)
    }
}
