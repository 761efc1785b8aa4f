//! Writes one message into a buffer that the caller keeps (RFC 8489 §5, §14).

mod behaviour;
mod ice;
mod stun;
mod turn;

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::{self, Mask};
use crate::attribute::{AttributeType, padded};
use crate::header::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, message_type};
use crate::integrity::{Integrity, fingerprint, is_sha256_length};
use crate::key::Key;

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
    /// Magic cookie and transaction id.
    mask: Mask,
    void: bool,
}

impl<'b> MessageBuilder<'b> {
    /// Begins a message at the end of `buf`.
    pub fn new(buf: &'b mut Vec<u8>, class: Class, method: Method, id: TransactionId) -> Self {
        let mut whole = [0; 16];
        whole[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        whole[4..].copy_from_slice(&id.0);
        Self::classic(buf, class, method, whole)
    }

    /// The same where the magic cookie is not one, but the first 4 bytes of a transaction id of RFC 3489.
    pub(crate) fn classic(
        buf: &'b mut Vec<u8>,
        class: Class,
        method: Method,
        id: [u8; 16],
    ) -> Self {
        let start = buf.len();
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&message_type(class, method).to_be_bytes());
        header[4..].copy_from_slice(&id);
        buf.extend_from_slice(&header);
        Self {
            buf,
            start,
            mask: Mask(id),
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
            self.give_up();
            return;
        };
        self.buf.extend_from_slice(&kind.0.to_be_bytes());
        self.buf.extend_from_slice(&len.to_be_bytes());
        let at = self.start + 2;
        self.buf[at..at + 2].copy_from_slice(&total.to_be_bytes());
    }

    /// MESSAGE-INTEGRITY over everything so far (RFC 8489 §14.5).
    pub fn integrity(&mut self, key: &Key) -> &mut Self {
        if self.void {
            return self;
        }
        let hmac = key.sha1(&self.buf[self.start..]);
        self.raw(AttributeType::MESSAGE_INTEGRITY, &hmac)
    }

    /// MESSAGE-INTEGRITY-SHA256 over everything so far, in full (RFC 8489 §14.6). It goes behind MESSAGE-INTEGRITY
    /// where both are to be there.
    pub fn integrity_sha256(&mut self, key: &Key) -> &mut Self {
        self.integrity_sha256_truncated(key, 32)
    }

    /// MESSAGE-INTEGRITY-SHA256 of which only the first `len` bytes are kept: 16 to 32, a multiple of 4, and only where
    /// the usage says so (RFC 8489 §14.6). Any other length makes the message void.
    pub fn integrity_sha256_truncated(&mut self, key: &Key, len: usize) -> &mut Self {
        if self.void || !is_sha256_length(len) {
            return self.give_up();
        }
        let hmac = key.sha256(&self.buf[self.start..], len);
        self.raw(AttributeType::MESSAGE_INTEGRITY_SHA256, &hmac[..len])
    }

    /// Either of the two: a response is signed as its request was, which [`crate::Message::integrity`] says.
    pub fn integrity_as(&mut self, integrity: Integrity, key: &Key) -> &mut Self {
        match integrity {
            Integrity::Sha1 => self.integrity(key),
            Integrity::Sha256 => self.integrity_sha256(key),
        }
    }

    fn give_up(&mut self) -> &mut Self {
        self.buf.truncate(self.start);
        self.void = true;
        self
    }

    /// FINGERPRINT over everything so far; nothing may follow it (RFC 8489 §14.7).
    pub fn fingerprint(&mut self) -> &mut Self {
        self.raw(AttributeType::FINGERPRINT, &[0; 4]);
        if !self.void {
            let at = self.buf.len() - 8;
            let crc = fingerprint(&self.buf[self.start..at]);
            self.buf[at + 4..].copy_from_slice(&crc.to_be_bytes());
        }
        self
    }

    pub(crate) fn plain(&mut self, kind: AttributeType, address: SocketAddr) -> &mut Self {
        self.address(kind, address, Mask::NONE)
    }

    fn xored(&mut self, kind: AttributeType, address: SocketAddr) -> &mut Self {
        self.address(kind, address, self.mask)
    }

    fn address(&mut self, kind: AttributeType, address: SocketAddr, mask: Mask) -> &mut Self {
        let mut value = [0; 20];
        let len = address::write(address, mask, &mut value);
        self.raw(kind, &value[..len])
    }
}
