//! Attributes of STUN (RFC 8489 §14).

use core::net::SocketAddr;

use super::MessageBuilder;
use crate::attribute::{AttributeType, padded, write_kinds};
use crate::error_code;
use crate::password_algorithm::PasswordAlgorithm;

impl MessageBuilder<'_> {
    /// USERNAME (RFC 8489 §14.3).
    pub fn username(&mut self, username: &str) -> &mut Self {
        self.raw(AttributeType::USERNAME, username.as_bytes())
    }

    /// USERHASH, in place of USERNAME (RFC 8489 §14.4); [`crate::userhash`] makes it.
    pub fn userhash(&mut self, userhash: [u8; 32]) -> &mut Self {
        self.raw(AttributeType::USERHASH, &userhash)
    }

    /// REALM (RFC 8489 §14.9).
    pub fn realm(&mut self, realm: &str) -> &mut Self {
        self.raw(AttributeType::REALM, realm.as_bytes())
    }

    /// NONCE (RFC 8489 §14.10).
    pub fn nonce(&mut self, nonce: &str) -> &mut Self {
        self.raw(AttributeType::NONCE, nonce.as_bytes())
    }

    /// PASSWORD-ALGORITHM: how the key was made that signs this request (RFC 8489 §14.12).
    pub fn password_algorithm(&mut self, algorithm: PasswordAlgorithm) -> &mut Self {
        self.raw(AttributeType::PASSWORD_ALGORITHM, &algorithm.write())
    }

    /// PASSWORD-ALGORITHMS: what a server offers, best first; at most the first 8 are written (RFC 8489 §14.11). A
    /// client sends back the bytes that it got, with [`raw`](Self::raw).
    pub fn password_algorithms(
        &mut self,
        algorithms: impl IntoIterator<Item = PasswordAlgorithm>,
    ) -> &mut Self {
        let mut value = [0; 32];
        let mut len = 0;
        for (entry, algorithm) in value.chunks_exact_mut(4).zip(algorithms) {
            entry.copy_from_slice(&algorithm.write());
            len += 4;
        }
        self.raw(AttributeType::PASSWORD_ALGORITHMS, &value[..len])
    }

    /// SOFTWARE (RFC 8489 §14.14).
    pub fn software(&mut self, software: &str) -> &mut Self {
        self.raw(AttributeType::SOFTWARE, software.as_bytes())
    }

    /// ERROR-CODE: `code` is 300 to 699, `reason` is for people: its first 127 bytes are written (RFC 8489 §14.8).
    pub fn error_code(&mut self, code: u16, reason: &str) -> &mut Self {
        let (value, len) = error_code::write(0, code, reason);
        self.raw(AttributeType::ERROR_CODE, &value[..len])
    }

    /// The same with spaces behind the reason, up to a multiple of 4 bytes (RFC 3489 §11.2.9).
    pub(crate) fn classic_error_code(&mut self, code: u16, reason: &str) -> &mut Self {
        let (mut value, len) = error_code::write(0, code, reason);
        let padded = padded(len).min(value.len() & !3);
        let len = len.min(padded);
        value[len..padded].fill(b' ');
        self.raw(AttributeType::ERROR_CODE, &value[..padded])
    }

    /// UNKNOWN-ATTRIBUTES of a 420 response; at most the first 32 are written (RFC 8489 §14.13).
    pub fn unknown_attributes(
        &mut self,
        kinds: impl IntoIterator<Item = AttributeType>,
    ) -> &mut Self {
        let (value, len) = write_kinds(kinds);
        self.raw(AttributeType::UNKNOWN_ATTRIBUTES, &value[..len])
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    pub fn xor_mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.xored(AttributeType::XOR_MAPPED_ADDRESS, address)
    }

    /// MAPPED-ADDRESS (RFC 8489 §14.1).
    pub fn mapped_address(&mut self, address: SocketAddr) -> &mut Self {
        self.plain(AttributeType::MAPPED_ADDRESS, address)
    }

    /// ALTERNATE-SERVER of a 300 response: first one of the client's own address family, then perhaps one of the other
    /// (RFC 8489 §10, §14.15).
    pub fn alternate_server(&mut self, address: SocketAddr) -> &mut Self {
        self.plain(AttributeType::ALTERNATE_SERVER, address)
    }

    /// ALTERNATE-DOMAIN of a 300 response: the name in the alternate server's certificate (RFC 8489 §14.16).
    pub fn alternate_domain(&mut self, domain: &str) -> &mut Self {
        self.raw(AttributeType::ALTERNATE_DOMAIN, domain.as_bytes())
    }
}
