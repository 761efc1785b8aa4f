//! Writes one message into a buffer that the caller keeps (RFC 8489 §5, §14).

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::{self, Family, Mask};
use crate::attribute::{AttributeType, padded};
use crate::header::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, message_type};
use crate::key::Key;
use crate::message::fingerprint;

/// Appends one message to a buffer, attribute by attribute.
///
/// The message is complete after every call: [`finish`](Self::finish) only tells its length. Put
/// [`integrity`](Self::integrity) after what it is to cover, and [`fingerprint`](Self::fingerprint) last.
///
/// A message has room for 65,535 bytes of attributes. What does not fit makes the whole message void: the buffer is
/// cut back to what it was, further calls do nothing, and `finish` gives 0.
#[derive(Debug)]
pub struct MessageBuilder<'b> {
    buf: &'b mut Vec<u8>,
    start: usize,
    id: TransactionId,
    void: bool,
}

impl<'b> MessageBuilder<'b> {
    /// Begins a message at the end of `buf`.
    pub fn new(buf: &'b mut Vec<u8>, class: Class, method: Method, id: TransactionId) -> Self {
        let start = buf.len();
        buf.extend_from_slice(&message_type(class, method).to_be_bytes());
        buf.extend_from_slice(&[0, 0]);
        buf.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        buf.extend_from_slice(&id.0);
        Self {
            buf,
            start,
            id,
            void: false,
        }
    }

    /// Bytes of the message, header and all; 0 where it did not fit.
    pub fn finish(&self) -> usize {
        match self.void {
            true => 0,
            false => self.buf.len() - self.start,
        }
    }

    /// Any attribute, by its number and value.
    pub fn raw(&mut self, kind: AttributeType, value: &[u8]) -> &mut Self {
        self.head(kind, value.len());
        if !self.void {
            self.buf.extend_from_slice(value);
            let padding = padded(value.len()) - value.len();
            self.buf.extend_from_slice(&[0; 3][..padding]);
        }
        self
    }

    /// The header of an attribute, and the message's length with its value.
    fn head(&mut self, kind: AttributeType, value: usize) {
        if self.void {
            return;
        }
        let attributes = self.buf.len() - self.start - HEADER + 4 + padded(value);
        let (Ok(total), Ok(len)) = (u16::try_from(attributes), u16::try_from(value)) else {
            self.buf.truncate(self.start);
            self.void = true;
            return;
        };
        self.buf.extend_from_slice(&kind.0.to_be_bytes());
        self.buf.extend_from_slice(&len.to_be_bytes());
        let at = self.start + 2;
        self.buf[at..at + 2].copy_from_slice(&total.to_be_bytes());
    }

    /// MESSAGE-INTEGRITY over everything so far.
    pub fn integrity(&mut self, key: &Key) -> &mut Self {
        if self.void {
            return self;
        }
        let hmac = key.sign(&self.buf[self.start..]);
        self.raw(AttributeType::MESSAGE_INTEGRITY, &hmac)
    }

    /// FINGERPRINT over everything so far; nothing may follow it.
    pub fn fingerprint(&mut self) -> &mut Self {
        self.raw(AttributeType::FINGERPRINT, &[0; 4]);
        if !self.void {
            let at = self.buf.len() - 8;
            let crc = fingerprint(&self.buf[self.start..at]);
            self.buf[at + 4..].copy_from_slice(&crc.to_be_bytes());
        }
        self
    }

    /// USERNAME.
    pub fn username(&mut self, username: &str) -> &mut Self {
        self.raw(AttributeType::USERNAME, username.as_bytes())
    }

    /// REALM.
    pub fn realm(&mut self, realm: &str) -> &mut Self {
        self.raw(AttributeType::REALM, realm.as_bytes())
    }

    /// NONCE.
    pub fn nonce(&mut self, nonce: &str) -> &mut Self {
        self.raw(AttributeType::NONCE, nonce.as_bytes())
    }

    /// SOFTWARE.
    pub fn software(&mut self, software: &str) -> &mut Self {
        self.raw(AttributeType::SOFTWARE, software.as_bytes())
    }

    /// ERROR-CODE: `code` is 300 to 699, `reason` is for people (under 128 characters, RFC 8489 §14.8).
    pub fn error_code(&mut self, code: u16, reason: &str) -> &mut Self {
        let reason = &reason.as_bytes()[..reason.floor_boundary(MAX_REASON)];
        let mut value = [0; 4 + MAX_REASON];
        value[2] = (code / 100) as u8 & 7;
        value[3] = (code % 100) as u8;
        value[4..4 + reason.len()].copy_from_slice(reason);
        self.raw(AttributeType::ERROR_CODE, &value[..4 + reason.len()])
    }

    /// UNKNOWN-ATTRIBUTES of a 420 response; at most the first 32 are written.
    pub fn unknown_attributes(
        &mut self,
        kinds: impl IntoIterator<Item = AttributeType>,
    ) -> &mut Self {
        let mut value = [0; 64];
        let mut len = 0;
        for (pair, kind) in value.chunks_exact_mut(2).zip(kinds) {
            pair.copy_from_slice(&kind.0.to_be_bytes());
            len += 2;
        }
        self.raw(AttributeType::UNKNOWN_ATTRIBUTES, &value[..len])
    }

    /// XOR-MAPPED-ADDRESS.
    pub fn xor_mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        let mask = Mask::xor(self.id);
        self.address(AttributeType::XOR_MAPPED_ADDRESS, address, mask)
    }

    /// MAPPED-ADDRESS.
    pub fn mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.address(AttributeType::MAPPED_ADDRESS, address, Mask::NONE)
    }

    /// XOR-PEER-ADDRESS.
    pub fn xor_peer_address(&mut self, address: SocketAddr) -> &mut Self {
        let mask = Mask::xor(self.id);
        self.address(AttributeType::XOR_PEER_ADDRESS, address, mask)
    }

    /// XOR-RELAYED-ADDRESS.
    pub fn xor_relayed_address(&mut self, address: SocketAddr) -> &mut Self {
        let mask = Mask::xor(self.id);
        self.address(AttributeType::XOR_RELAYED_ADDRESS, address, mask)
    }

    /// LIFETIME, in whole seconds (the fraction is cut off, what is over 136 years too).
    pub fn lifetime(&mut self, lifetime: Duration) -> &mut Self {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        self.raw(AttributeType::LIFETIME, &seconds.to_be_bytes())
    }

    /// DATA.
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

    /// CHANNEL-NUMBER.
    pub fn channel_number(&mut self, number: u16) -> &mut Self {
        let [high, low] = number.to_be_bytes();
        self.raw(AttributeType::CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP.
    pub fn requested_transport(&mut self, protocol: u8) -> &mut Self {
        self.raw(AttributeType::REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    /// REQUESTED-ADDRESS-FAMILY.
    pub fn requested_address_family(&mut self, family: Family) -> &mut Self {
        let value = [family.code(), 0, 0, 0];
        self.raw(AttributeType::REQUESTED_ADDRESS_FAMILY, &value)
    }

    /// EVEN-PORT: `reserve_next` asks to keep the next port for a later Allocate.
    pub fn even_port(&mut self, reserve_next: bool) -> &mut Self {
        self.raw(AttributeType::EVEN_PORT, &[u8::from(reserve_next) << 7])
    }

    /// RESERVATION-TOKEN.
    pub fn reservation_token(&mut self, token: [u8; 8]) -> &mut Self {
        self.raw(AttributeType::RESERVATION_TOKEN, &token)
    }

    /// ADDRESS-ERROR-CODE: which family could not be had, and why (RFC 8656 §18.12).
    pub fn address_error_code(&mut self, family: Family, code: u16, reason: &str) -> &mut Self {
        let reason = &reason.as_bytes()[..reason.floor_boundary(MAX_REASON)];
        let mut value = [0; 4 + MAX_REASON];
        value[0] = family.code();
        value[2] = (code / 100) as u8 & 7;
        value[3] = (code % 100) as u8;
        value[4..4 + reason.len()].copy_from_slice(reason);
        self.raw(
            AttributeType::ADDRESS_ERROR_CODE,
            &value[..4 + reason.len()],
        )
    }

    /// PRIORITY (RFC 8445 §7.1.1).
    pub fn priority(&mut self, priority: u32) -> &mut Self {
        self.raw(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// USE-CANDIDATE (RFC 8445 §7.1.2).
    pub fn use_candidate(&mut self) -> &mut Self {
        self.raw(AttributeType::USE_CANDIDATE, &[])
    }

    /// ICE-CONTROLLING with the tie-breaker (RFC 8445 §7.1.3).
    pub fn ice_controlling(&mut self, tie_breaker: u64) -> &mut Self {
        self.raw(AttributeType::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// ICE-CONTROLLED with the tie-breaker (RFC 8445 §7.1.3).
    pub fn ice_controlled(&mut self, tie_breaker: u64) -> &mut Self {
        self.raw(AttributeType::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }

    fn address(&mut self, kind: AttributeType, address: SocketAddr, mask: Mask) -> &mut Self {
        let mut value = [0; 20];
        let len = address::write(address, mask, &mut value);
        self.raw(kind, &value[..len])
    }
}

/// The longest prefix that ends between two characters (`str::floor_char_boundary` is newer than our Rust).
trait FloorBoundary {
    fn floor_boundary(&self, max: usize) -> usize;
}

impl FloorBoundary for str {
    fn floor_boundary(&self, max: usize) -> usize {
        let mut end = self.len().min(max);
        while !self.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}

/// Bytes of a reason phrase that are written: "fewer than 128 characters" (RFC 8489 §14.8).
const MAX_REASON: usize = 127;
