//! Attributes of NAT behaviour discovery (RFC 5780 §7).

use core::net::SocketAddr;

use super::MessageBuilder;
use crate::attribute::{AttributeType, padded};
use crate::behaviour::ChangeRequest;

impl MessageBuilder<'_> {
    /// CHANGE-REQUEST: from which address the server is to answer (RFC 5780 §7.2).
    pub fn change_request(&mut self, change: ChangeRequest) -> &mut Self {
        self.raw(AttributeType::CHANGE_REQUEST, &change.write())
    }

    /// RESPONSE-ORIGIN: the address that the response is sent from (RFC 5780 §7.3).
    pub fn response_origin(&mut self, address: SocketAddr) -> &mut Self {
        self.plain(AttributeType::RESPONSE_ORIGIN, address)
    }

    /// OTHER-ADDRESS: the server's other IP address and port (RFC 5780 §7.4).
    pub fn other_address(&mut self, address: SocketAddr) -> &mut Self {
        self.plain(AttributeType::OTHER_ADDRESS, address)
    }

    /// RESPONSE-PORT: the port that the response is to be sent to (RFC 5780 §7.5).
    pub fn response_port(&mut self, port: u16) -> &mut Self {
        let [high, low] = port.to_be_bytes();
        self.raw(AttributeType::RESPONSE_PORT, &[high, low, 0, 0])
    }

    /// PADDING: `len` zeros, so that the message is fragmented on its way (RFC 5780 §7.6).
    pub fn padding(&mut self, len: usize) -> &mut Self {
        self.head(AttributeType::PADDING, len);
        if !self.void {
            self.buf.resize(self.buf.len() + padded(len), 0);
        }
        self
    }
}
