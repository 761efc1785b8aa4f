//! Binding requests of classic STUN (RFC 3489), which some devices still send, and the responses that they understand.
//!
//! A classic message has no magic cookie: those four bytes belong to its transaction id, which has 16. So
//! [`Message::parse`](crate::Message::parse) refuses it, and a server that serves such clients tries [`Request::parse`]
//! then. It answers from the address that got the request, with MAPPED-ADDRESS, unsigned and without FINGERPRINT, which
//! classic clients cannot read (RFC 5389 §12.2, RFC 8489 §7, §11).
//!
//! Left out on purpose: RESPONSE-ADDRESS and CHANGE-REQUEST, by which classic STUN could be made to send to others. They
//! show up in [`Request::not_understood`], and the request is answered with 420, as RFC 5389 §12.2 has it. So is what
//! belongs to shared secrets, which nobody uses. Over DTLS there is no classic STUN (RFC 8489 §11).
//!
//! ```
//! use ieum_stun::{Class, classic, code};
//!
//! let datagram = *b"\x00\x01\x00\x00sixteen bytes id";
//! let from = "192.0.2.1:4000".parse().unwrap();
//!
//! let request = classic::Request::parse(&datagram)?;
//! let mut buffer = Vec::new();
//! if request.not_understood().next().is_none() {
//!     request.respond(&mut buffer, Class::Success).mapped_address(from);
//! } else {
//!     request
//!         .respond(&mut buffer, Class::Error)
//!         .error_code(code::UNKNOWN_ATTRIBUTE, "Unknown Attribute")
//!         .unknown_attributes(request.not_understood());
//! }
//! assert_eq!(buffer[4..20], datagram[4..]);
//! # Ok::<(), ieum_stun::ParseError>(())
//! ```

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::attribute::{AttributeType, Attributes, write_kinds};
use crate::builder::MessageBuilder;
use crate::header::{Class, HEADER, MAGIC_COOKIE, Method, message_type};
use crate::message::check_length;
use crate::parse_error::{Expected, ParseError};

/// A Binding request without the magic cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    bytes: &'a [u8],
}

impl<'a> Request<'a> {
    /// Checks the header, and that every attribute is whole.
    ///
    /// # Errors
    /// [`ParseError`] says at which byte what was expected. Such a datagram is dropped.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        if datagram.len() < HEADER {
            return Err(ParseError::new(datagram.len(), Expected::Header));
        }
        if datagram[..2] != message_type(Class::Request, Method::BINDING).to_be_bytes() {
            return Err(ParseError::new(0, Expected::BindingRequest));
        }
        if datagram[4..8] == MAGIC_COOKIE.to_be_bytes() {
            return Err(ParseError::new(4, Expected::NoMagicCookie));
        }
        check_length(datagram)?;
        let mut attributes = Attributes::new(&datagram[HEADER..]);
        while attributes.next().is_some() {}
        match attributes.rest() {
            0 => Ok(Self { bytes: datagram }),
            rest => Err(ParseError::new(
                datagram.len() - rest + 2,
                Expected::AttributeValue,
            )),
        }
    }

    /// The 16 bytes by which the client knows its response.
    pub fn transaction_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.bytes[4..HEADER]);
        id
    }

    /// Its attributes, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(&self.bytes[HEADER..])
    }

    /// The attributes that a server must understand and that have no meaning without the mechanisms which this module
    /// leaves out: reason for a 420 response. USERNAME and MESSAGE-INTEGRITY are not among them: a server that wants
    /// no credentials ignores them.
    pub fn not_understood(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attributes()
            .map(|attribute| attribute.kind)
            .filter(|kind| {
                let ignored = [AttributeType::USERNAME, AttributeType::MESSAGE_INTEGRITY];
                kind.is_comprehension_required() && !ignored.contains(kind)
            })
    }

    /// Begins the response of class `Success` or `Error` at the end of `buf`, with the request's transaction id.
    pub fn respond<'b>(&self, buf: &'b mut Vec<u8>, class: Class) -> Response<'b> {
        let id = self.transaction_id();
        Response(MessageBuilder::classic(buf, class, Method::BINDING, id))
    }
}

/// Appends a response of RFC 3489 to a buffer: it can hold only what a classic client understands.
#[derive(Debug)]
pub struct Response<'b>(MessageBuilder<'b>);

impl Response<'_> {
    /// MAPPED-ADDRESS: where the request came from (RFC 3489 §11.2.1).
    pub fn mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.0.mapped_address(address);
        self
    }

    /// SOURCE-ADDRESS: where the response is sent from (RFC 3489 §11.2.5).
    pub fn source_address(&mut self, address: SocketAddr) -> &mut Self {
        self.0.plain(SOURCE_ADDRESS, address);
        self
    }

    /// CHANGED-ADDRESS: the server's other address (RFC 3489 §11.2.3).
    pub fn changed_address(&mut self, address: SocketAddr) -> &mut Self {
        self.0.plain(CHANGED_ADDRESS, address);
        self
    }

    /// ERROR-CODE (RFC 3489 §11.2.9). Spaces fill the reason up to a multiple of 4 bytes, as classic clients want it.
    pub fn error_code(&mut self, code: u16, reason: &str) -> &mut Self {
        self.0.classic_error_code(code, reason);
        self
    }

    /// UNKNOWN-ATTRIBUTES: at most the first 32 (RFC 3489 §11.2.10). An odd number is made even by the last one again,
    /// as classic clients want it.
    pub fn unknown_attributes(
        &mut self,
        kinds: impl IntoIterator<Item = AttributeType>,
    ) -> &mut Self {
        let (mut value, mut len) = write_kinds(kinds);
        if len % 4 != 0 {
            value.copy_within(len - 2..len, len);
            len += 2;
        }
        self.0.raw(AttributeType::UNKNOWN_ATTRIBUTES, &value[..len]);
        self
    }

    /// Bytes of the response, header and all.
    pub fn finish(&self) -> usize {
        self.0.finish()
    }
}

/// RFC 3489 §11.2. Later RFCs leave these numbers alone.
const SOURCE_ADDRESS: AttributeType = AttributeType(0x0004);
const CHANGED_ADDRESS: AttributeType = AttributeType(0x0005);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Message, TransactionId};

    const ID: [u8; 16] = *b"sixteen bytes id";

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![0, 1, 0, attributes.len() as u8];
        bytes.extend_from_slice(&ID);
        bytes.extend_from_slice(attributes);
        bytes
    }

    #[test]
    fn a_bare_request_gets_its_mapped_address() {
        let bytes = request(&[]);
        assert!(Message::parse(&bytes).is_err());
        let request = Request::parse(&bytes).unwrap();
        assert_eq!(request.transaction_id(), ID);
        let mut out = std::vec![7];
        let len = request
            .respond(&mut out, Class::Success)
            .mapped_address("192.0.2.1:4000".parse().unwrap())
            .source_address("192.0.2.2:3478".parse().unwrap())
            .changed_address("192.0.2.3:3479".parse().unwrap())
            .finish();
        let mut expected = std::vec![1, 1, 0, 36];
        expected.extend_from_slice(&ID);
        expected.extend_from_slice(&[0, 1, 0, 8, 0, 1, 0x0F, 0xA0, 192, 0, 2, 1]);
        expected.extend_from_slice(&[0, 4, 0, 8, 0, 1, 0x0D, 0x96, 192, 0, 2, 2]);
        expected.extend_from_slice(&[0, 5, 0, 8, 0, 1, 0x0D, 0x97, 192, 0, 2, 3]);
        assert_eq!((len, &out[1..]), (56, &expected[..]));
    }

    #[test]
    fn what_would_be_sent_elsewhere_is_refused() {
        // RESPONSE-ADDRESS, CHANGE-REQUEST, USERNAME, and one that need not be understood.
        let bytes = request(&[
            0, 2, 0, 8, 0, 1, 0, 9, 192, 0, 2, 9, 0, 3, 0, 4, 0, 0, 0, 6, 0, 6, 0, 4, 1, 2, 3, 4,
            0x80, 0x22, 0, 0,
        ]);
        let request = Request::parse(&bytes).unwrap();
        assert_eq!(request.attributes().count(), 4);
        let refused = [AttributeType(2), AttributeType::CHANGE_REQUEST];
        assert!(request.not_understood().eq(refused));
        let mut out = Vec::new();
        request
            .respond(&mut out, Class::Error)
            .error_code(420, "Unknown Attribute")
            .unknown_attributes(request.not_understood().take(1));
        assert_eq!(out.len() % 4, 0);
        let expected =
            b"\x00\x09\x00\x18\x00\x00\x04\x14Unknown Attribute   \x00\x0a\x00\x04\x00\x02\x00\x02";
        assert_eq!(&out[20..], expected);
    }

    #[test]
    fn only_whole_binding_requests_without_the_cookie_are_classic() {
        let whole = request(&[0, 6, 0, 4, 1, 2, 3, 4]);
        let error = |bytes: &[u8]| Request::parse(bytes).unwrap_err();
        let expected = |offset, expected| ParseError { offset, expected };
        assert_eq!(error(&whole[..19]), expected(19, Expected::Header));
        assert_eq!(error(&whole[..27]), expected(2, Expected::MessageLength));
        let mut shared_secret = whole.clone();
        shared_secret[1] = 2;
        assert_eq!(error(&shared_secret), expected(0, Expected::BindingRequest));
        let mut cut = whole.clone();
        cut[23] = 5;
        assert_eq!(error(&cut), expected(22, Expected::AttributeValue));

        let mut modern = Vec::new();
        let id = TransactionId([1; 12]);
        MessageBuilder::new(&mut modern, Class::Request, Method::BINDING, id)
            .integrity(&Key::short_term("password"));
        assert_eq!(error(&modern), expected(4, Expected::NoMagicCookie));
    }
}
