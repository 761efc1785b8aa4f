//! A checked view of one STUN message (RFC 8489 §5, §14).

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::{self, Family, Mask};
use crate::attribute::{AttributeType, Attributes, ErrorCode, padded};
use crate::header::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, class_and_method};
use crate::key::{IntegrityError, Key};

/// One STUN message, borrowed from the datagram that carried it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
    method: Method,
    /// Where the attributes end that a reader may see.
    end: usize,
    integrity: Option<usize>,
    fingerprint: Option<usize>,
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
            integrity: None,
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
                AttributeType::MESSAGE_INTEGRITY if self.integrity.is_none() => {
                    if len != 20 {
                        return Err(ParseError::new(offset + 2, Expected::IntegrityLength));
                    }
                    self.integrity = Some(offset);
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

    /// All attributes before MESSAGE-INTEGRITY (or FINGERPRINT), in order. Those two have their own methods, and
    /// what stands between them is to be ignored (RFC 8489 §14.5).
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
    pub fn unknown_comprehension_required(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attributes()
            .map(|attribute| attribute.kind)
            .filter(|kind| kind.is_comprehension_required() && kind.name().is_none())
    }

    /// Whether MESSAGE-INTEGRITY is there at all.
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether it was signed with this key. Compares in constant time.
    ///
    /// # Errors
    /// [`IntegrityError::Missing`] without MESSAGE-INTEGRITY, [`IntegrityError::Mismatch`] where it is another's.
    pub fn verify_integrity(&self, key: &Key) -> Result<(), IntegrityError> {
        let offset = self.integrity.ok_or(IntegrityError::Missing)?;
        let value = &self.bytes[offset + 4..offset + 24];
        match key.verify(&self.bytes[..offset], value) {
            true => Ok(()),
            false => Err(IntegrityError::Mismatch),
        }
    }

    /// Whether FINGERPRINT is right (RFC 8489 §14.7); `None` where there is none.
    pub fn has_valid_fingerprint(&self) -> Option<bool> {
        let offset = self.fingerprint?;
        let value = &self.bytes[offset + 4..offset + 8];
        Some(value == fingerprint(&self.bytes[..offset]).to_be_bytes())
    }

    /// USERNAME.
    pub fn username(&self) -> Option<&'a str> {
        self.text(AttributeType::USERNAME)
    }

    /// REALM.
    pub fn realm(&self) -> Option<&'a str> {
        self.text(AttributeType::REALM)
    }

    /// NONCE.
    pub fn nonce(&self) -> Option<&'a str> {
        self.text(AttributeType::NONCE)
    }

    /// SOFTWARE.
    pub fn software(&self) -> Option<&'a str> {
        self.text(AttributeType::SOFTWARE)
    }

    /// ERROR-CODE.
    pub fn error_code(&self) -> Option<ErrorCode<'a>> {
        ErrorCode::read(self.attribute(AttributeType::ERROR_CODE)?)
    }

    /// UNKNOWN-ATTRIBUTES of a 420 response; empty where there are none.
    pub fn unknown_attributes(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attribute(AttributeType::UNKNOWN_ATTRIBUTES)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| AttributeType(u16::from_be_bytes([pair[0], pair[1]])))
    }

    /// XOR-MAPPED-ADDRESS: where the request came from, as the server saw it.
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_MAPPED_ADDRESS)
    }

    /// MAPPED-ADDRESS: the same, from servers of RFC 3489.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        address::read(self.attribute(AttributeType::MAPPED_ADDRESS)?, Mask::NONE)
    }

    /// ALTERNATE-SERVER of a 300 response.
    pub fn alternate_server(&self) -> Option<SocketAddr> {
        address::read(self.attribute(AttributeType::ALTERNATE_SERVER)?, Mask::NONE)
    }

    /// XOR-PEER-ADDRESS, the first one.
    pub fn xor_peer_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_PEER_ADDRESS)
    }

    /// Every XOR-PEER-ADDRESS (CreatePermission may carry several); `None` for one that is malformed.
    pub fn xor_peer_addresses(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let mask = Mask::xor(self.transaction_id());
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::XOR_PEER_ADDRESS)
            .map(move |attribute| address::read(attribute.value, mask))
    }

    /// XOR-RELAYED-ADDRESS: the address that a TURN server has opened for us.
    pub fn xor_relayed_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_RELAYED_ADDRESS)
    }

    /// LIFETIME, whole seconds.
    pub fn lifetime(&self) -> Option<Duration> {
        let seconds = u32::from_be_bytes(self.array(AttributeType::LIFETIME)?);
        Some(Duration::from_secs(seconds.into()))
    }

    /// DATA: what is relayed.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.attribute(AttributeType::DATA)
    }

    /// CHANNEL-NUMBER, unchecked (valid ones are 0x4000 to 0x4FFF, RFC 8656 §12).
    pub fn channel_number(&self) -> Option<u16> {
        let [high, low, _, _] = self.array(AttributeType::CHANNEL_NUMBER)?;
        Some(u16::from_be_bytes([high, low]))
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP.
    pub fn requested_transport(&self) -> Option<u8> {
        let [protocol, ..] = self.array::<4>(AttributeType::REQUESTED_TRANSPORT)?;
        Some(protocol)
    }

    /// REQUESTED-ADDRESS-FAMILY; `Some(None)` for one that nobody knows.
    pub fn requested_address_family(&self) -> Option<Option<Family>> {
        let [family, ..] = self.array::<4>(AttributeType::REQUESTED_ADDRESS_FAMILY)?;
        Some(Family::from_code(family))
    }

    /// ADDITIONAL-ADDRESS-FAMILY; `Some(None)` for one that nobody knows.
    pub fn additional_address_family(&self) -> Option<Option<Family>> {
        let [family, ..] = self.array::<4>(AttributeType::ADDITIONAL_ADDRESS_FAMILY)?;
        Some(Family::from_code(family))
    }

    /// EVEN-PORT: the R bit, whether the next port is to be reserved.
    pub fn even_port(&self) -> Option<bool> {
        let [bits] = self.array(AttributeType::EVEN_PORT)?;
        Some(bits & 0x80 != 0)
    }

    /// RESERVATION-TOKEN.
    pub fn reservation_token(&self) -> Option<[u8; 8]> {
        self.array(AttributeType::RESERVATION_TOKEN)
    }

    /// Whether DONT-FRAGMENT is there.
    pub fn dont_fragment(&self) -> bool {
        self.attribute(AttributeType::DONT_FRAGMENT).is_some()
    }

    /// PRIORITY of a check (RFC 8445 §7.1.1).
    pub fn priority(&self) -> Option<u32> {
        self.array(AttributeType::PRIORITY).map(u32::from_be_bytes)
    }

    /// Whether USE-CANDIDATE is there: the pair is nominated.
    pub fn use_candidate(&self) -> bool {
        self.attribute(AttributeType::USE_CANDIDATE).is_some()
    }

    /// ICE-CONTROLLING: the tie-breaker of a controlling agent.
    pub fn ice_controlling(&self) -> Option<u64> {
        self.array(AttributeType::ICE_CONTROLLING)
            .map(u64::from_be_bytes)
    }

    /// ICE-CONTROLLED: the tie-breaker of a controlled agent.
    pub fn ice_controlled(&self) -> Option<u64> {
        self.array(AttributeType::ICE_CONTROLLED)
            .map(u64::from_be_bytes)
    }

    fn text(&self, kind: AttributeType) -> Option<&'a str> {
        core::str::from_utf8(self.attribute(kind)?).ok()
    }

    fn array<const N: usize>(&self, kind: AttributeType) -> Option<[u8; N]> {
        self.attribute(kind)?.try_into().ok()
    }

    fn xored(&self, kind: AttributeType) -> Option<SocketAddr> {
        address::read(self.attribute(kind)?, Mask::xor(self.transaction_id()))
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

/// Why bytes are not a STUN message: the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
pub struct ParseError {
    /// Where, from the beginning of the datagram.
    pub offset: usize,
    /// What should have been there.
    pub expected: Expected,
}

impl ParseError {
    const fn new(offset: usize, expected: Expected) -> Self {
        Self { offset, expected }
    }
}

/// What a reader expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Expected {
    /// The datagram is shorter than a header.
    #[error("a header of 20 bytes")]
    Header,
    /// The two highest bits of a message are zero.
    #[error("two zero bits")]
    ZeroBits,
    /// Bytes 4 to 8 are 0x2112A442.
    #[error("the magic cookie")]
    MagicCookie,
    /// The length is a multiple of 4 and that of the datagram less 20.
    #[error("the length of what follows the header")]
    MessageLength,
    /// An attribute's value ends inside the message.
    #[error("an attribute that ends inside the message")]
    AttributeValue,
    /// MESSAGE-INTEGRITY has 20 bytes.
    #[error("20 bytes of MESSAGE-INTEGRITY")]
    IntegrityLength,
    /// FINGERPRINT has 4 bytes.
    #[error("4 bytes of FINGERPRINT")]
    FingerprintLength,
    /// FINGERPRINT is the last attribute.
    #[error("nothing after FINGERPRINT")]
    End,
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
    let len = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
    if len % 4 != 0 || len != datagram.len() - HEADER {
        return Err(ParseError::new(2, Expected::MessageLength));
    }
    Ok(())
}

/// RFC 8489 §14.7: the CRC-32 of ITU V.42 over what stands before, XORed with "STUN" in ASCII.
pub(crate) fn fingerprint(before: &[u8]) -> u32 {
    crc32fast::hash(before) ^ 0x5354_554E
}
