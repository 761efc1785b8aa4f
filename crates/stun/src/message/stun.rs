//! Attributes of STUN (RFC 8489 §14).

use core::net::SocketAddr;

use super::Message;
use crate::address::{self, Mask};
use crate::attribute::AttributeType;
use crate::error_code::ErrorCode;
use crate::password_algorithm::{self, PasswordAlgorithm, PasswordAlgorithms};

impl<'a> Message<'a> {
    /// USERNAME (RFC 8489 §14.3).
    pub fn username(&self) -> Option<&'a str> {
        self.text(AttributeType::USERNAME)
    }

    /// USERHASH: SHA-256 of username and realm, in place of USERNAME (RFC 8489 §14.4; see [`crate::userhash`]).
    pub fn userhash(&self) -> Option<[u8; 32]> {
        self.array(AttributeType::USERHASH)
    }

    /// REALM (RFC 8489 §14.9).
    pub fn realm(&self) -> Option<&'a str> {
        self.text(AttributeType::REALM)
    }

    /// NONCE (RFC 8489 §14.10).
    pub fn nonce(&self) -> Option<&'a str> {
        self.text(AttributeType::NONCE)
    }

    /// PASSWORD-ALGORITHM: how the client made its key (RFC 8489 §14.12); `Some(Err)` with the number of one that this
    /// crate cannot do.
    pub fn password_algorithm(&self) -> Option<Result<PasswordAlgorithm, u16>> {
        password_algorithm::read(self.attribute(AttributeType::PASSWORD_ALGORITHM)?)
    }

    /// PASSWORD-ALGORITHMS: what the server offers, best first (RFC 8489 §14.11). A client sends the value back as it
    /// came, and a server compares it with what it had sent (§9.2.4): take it with [`attribute`](Self::attribute).
    pub fn password_algorithms(&self) -> Option<PasswordAlgorithms<'a>> {
        PasswordAlgorithms::read(self.attribute(AttributeType::PASSWORD_ALGORITHMS)?)
    }

    /// SOFTWARE (RFC 8489 §14.14).
    pub fn software(&self) -> Option<&'a str> {
        self.text(AttributeType::SOFTWARE)
    }

    /// ERROR-CODE (RFC 8489 §14.8).
    pub fn error_code(&self) -> Option<ErrorCode<'a>> {
        ErrorCode::read(self.attribute(AttributeType::ERROR_CODE)?)
    }

    /// UNKNOWN-ATTRIBUTES of a 420 response; empty where there are none (RFC 8489 §14.13).
    pub fn unknown_attributes(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attribute(AttributeType::UNKNOWN_ATTRIBUTES)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| AttributeType(u16::from_be_bytes([pair[0], pair[1]])))
    }

    /// XOR-MAPPED-ADDRESS: where the request came from, as the server saw it (RFC 8489 §14.2).
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        self.xored(AttributeType::XOR_MAPPED_ADDRESS)
    }

    /// MAPPED-ADDRESS: the same, from servers of RFC 3489.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.plain(AttributeType::MAPPED_ADDRESS)
    }

    /// ALTERNATE-SERVER of a 300 response, the first one (RFC 8489 §14.15).
    pub fn alternate_server(&self) -> Option<SocketAddr> {
        self.plain(AttributeType::ALTERNATE_SERVER)
    }

    /// Every ALTERNATE-SERVER: there may be one of each address family (RFC 8489 §10); `None` for one that is malformed.
    pub fn alternate_servers(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        self.attributes()
            .filter(|attribute| attribute.kind == AttributeType::ALTERNATE_SERVER)
            .map(|attribute| address::read(attribute.value, Mask::NONE))
    }

    /// ALTERNATE-DOMAIN of a 300 response: the name that the alternate server's certificate has (RFC 8489 §14.16).
    pub fn alternate_domain(&self) -> Option<&'a str> {
        self.text(AttributeType::ALTERNATE_DOMAIN)
    }
}
