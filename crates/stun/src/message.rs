//! A checked view of one STUN message (RFC 8489 §5, §14).

mod behaviour;
mod ice;
mod stun;
mod turn;

use core::fmt;
use core::net::SocketAddr;

use crate::address::{self, Mask};
use crate::attribute::{AttributeType, Attributes, padded};
use crate::header::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, class_and_method};
use crate::integrity::is_sha256_length;
use crate::parse_error::{Expected, ParseError};

/// One STUN message, borrowed from the datagram that carried it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    class: Class,
    method: Method,
    /// Where the attributes end that a reader may see.
    end: usize,
    /// Where MESSAGE-INTEGRITY begins.
    pub(crate) sha1: Option<usize>,
    /// Where MESSAGE-INTEGRITY-SHA256 begins, and the length of its value.
    pub(crate) sha256: Option<(usize, usize)>,
    /// Where FINGERPRINT begins.
    pub(crate) fingerprint: Option<usize>,
}

impl<'a> Message<'a> {
    /// Checks the header and walks the attributes; their values are read when asked for.
    ///
    /// `datagram` must be one message and nothing else. Errors say at which byte what was expected; RFC 8489 §6.3
    /// wants such a message to be dropped without an answer.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        check_header(datagram)?;
        let (class, method) = class_and_method(u16::from_be_bytes([datagram[0], datagram[1]]));
        let mut message = Self {
            bytes: datagram,
            class,
            method,
            end: datagram.len(),
            sha1: None,
            sha256: None,
            fingerprint: None,
        };
        message.walk()?;
        Ok(message)
    }

    /// Notes where integrity and fingerprint are, and that every attribute is whole.
    fn walk(&mut self) -> Result<(), ParseError> {
        let mut offset = HEADER;
        while offset < self.bytes.len() {
            if self.fingerprint.is_some() {
                return Err(ParseError::new(offset, Expected::End));
            }
            // The length is a multiple of 4, and so is every step: a header is always there in full.
            let head = &self.bytes[offset..offset + 4];
            let kind = AttributeType(u16::from_be_bytes([head[0], head[1]]));
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let next = offset + 4 + padded(len);
            if next > self.bytes.len() {
                return Err(ParseError::new(offset + 2, Expected::AttributeValue));
            }
            match kind {
                AttributeType::FINGERPRINT if len != 4 => {
                    return Err(ParseError::new(offset + 2, Expected::FingerprintLength));
                }
                AttributeType::FINGERPRINT => {
                    self.fingerprint = Some(offset);
                    self.end = self.end.min(offset);
                }
                // Behind MESSAGE-INTEGRITY-SHA256 nothing counts but FINGERPRINT (RFC 8489 §9).
                _ if self.sha256.is_some() => {}
                AttributeType::MESSAGE_INTEGRITY_SHA256 => {
                    if !is_sha256_length(len) {
                        return Err(ParseError::new(offset + 2, Expected::IntegritySha256Length));
                    }
                    self.sha256 = Some((offset, len));
                    self.end = self.end.min(offset);
                }
                AttributeType::MESSAGE_INTEGRITY if self.sha1.is_none() => {
                    if len != 20 {
                        return Err(ParseError::new(offset + 2, Expected::IntegrityLength));
                    }
                    self.sha1 = Some(offset);
                    self.end = offset;
                }
                _ => {}
            }
            offset = next;
        }
        Ok(())
    }

    /// The whole message as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Request, indication, success or error.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What it is about.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What joins a response to its request.
    pub fn transaction_id(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER]);
        TransactionId(id)
    }

    /// All attributes before MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, in order, known or not. Those
    /// three have their own methods, and what stands between them is to be ignored (RFC 8489 §14.5).
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(&self.bytes[HEADER..self.end])
    }

    /// The value of the first attribute of this kind.
    pub fn attribute(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attributes()
            .find(|attribute| attribute.kind == kind)
            .map(|attribute| attribute.value)
    }

    /// The attributes that must be understood and that this crate does not know: reason for a 420 response to a
    /// request, and for dropping an indication or a response (RFC 8489 §6.3).
    ///
    /// This crate knows more than most who use it: a server that has no second address, say, does not understand
    /// CHANGE-REQUEST. Such a one asks [`comprehension_required`](Self::comprehension_required).
    pub fn unknown_comprehension_required(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.comprehension_required()
            .filter(|kind| kind.name().is_none())
    }

    /// The attributes that must be understood, in the message's order: what remains of them without those that the
    /// caller understands makes a 420 response.
    pub fn comprehension_required(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attributes()
            .map(|attribute| attribute.kind)
            .filter(|kind| kind.is_comprehension_required())
    }

    fn text(&self, kind: AttributeType) -> Option<&'a str> {
        core::str::from_utf8(self.attribute(kind)?).ok()
    }

    fn array<const N: usize>(&self, kind: AttributeType) -> Option<[u8; N]> {
        self.attribute(kind)?.try_into().ok()
    }

    fn plain(&self, kind: AttributeType) -> Option<SocketAddr> {
        address::read(self.attribute(kind)?, Mask::NONE)
    }

    fn mask(&self) -> Mask {
        let mut mask = [0; 16];
        mask.copy_from_slice(&self.bytes[4..HEADER]);
        Mask(mask)
    }

    fn xored(&self, kind: AttributeType) -> Option<SocketAddr> {
        address::read(self.attribute(kind)?, self.mask())
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {:?} {:?} ",
            self.class,
            self.method,
            self.transaction_id()
        )?;
        f.debug_list().entries(self.attributes()).finish()
    }
}

fn check_header(datagram: &[u8]) -> Result<(), ParseError> {
    if datagram.len() < HEADER {
        return Err(ParseError::new(datagram.len(), Expected::Header));
    }
    if datagram[0] & 0xC0 != 0 {
        return Err(ParseError::new(0, Expected::ZeroBits));
    }
    if datagram[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return Err(ParseError::new(4, Expected::MagicCookie));
    }
    check_length(datagram)
}

/// `datagram` has a header.
pub(crate) fn check_length(datagram: &[u8]) -> Result<(), ParseError> {
    let len = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    if len % 4 != 0 || len != datagram.len() - HEADER {
        return Err(ParseError::new(2, Expected::MessageLength));
    }
    Ok(())
}
