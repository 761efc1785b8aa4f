//! MESSAGE-INTEGRITY (RFC 8489 §14.5): HMAC-SHA1 with its key state worked out once.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::header::HEADER;

/// What signs and verifies messages.
///
/// Making one hashes the key into the inner and the outer HMAC state; using one clones them. So keep it for as long
/// as the credential lives. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key(Hmac<Sha1>);

impl Key {
    /// For short-term credentials (RFC 8489 §9.1.1), which ICE uses: the key is the password's bytes.
    pub fn short_term(password: &str) -> Self {
        Self::from_bytes(password.as_bytes())
    }

    /// For long-term credentials (RFC 8489 §9.2.2), which TURN uses: the key is MD5 of `username:realm:password`.
    ///
    /// The three must have gone through the OpaqueString profile (RFC 8265); for ASCII it changes nothing.
    pub fn long_term(username: &str, realm: &str, password: &str) -> Self {
        let mut md5 = Md5::new();
        for part in [username, ":", realm, ":", password] {
            md5.update(part.as_bytes());
        }
        Self::from_bytes(&md5.finalize())
    }

    fn from_bytes(key: &[u8]) -> Self {
        Self(<Hmac<Sha1> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The HMAC over `message`, which ends where MESSAGE-INTEGRITY begins, with the header's length as if the
    /// message ended with it (RFC 8489 §14.5).
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 20] {
        let (header, attributes) = message.split_at(HEADER);
        let mut adjusted = [0; HEADER];
        adjusted.copy_from_slice(header);
        // A checked message, or one being built, is never longer than its 16-bit length can say.
        let len = (attributes.len() + INTEGRITY) as u16;
        adjusted[2..4].copy_from_slice(&len.to_be_bytes());
        let mut hmac = self.0.clone();
        hmac.update(&adjusted);
        hmac.update(attributes);
        hmac.finalize().into_bytes().into()
    }

    pub(crate) fn verify(&self, message: &[u8], expected: &[u8]) -> bool {
        self.sign(message).ct_eq(expected).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// It carries no MESSAGE-INTEGRITY.
    #[error("the message carries no MESSAGE-INTEGRITY")]
    Missing,
    /// It was signed with another key, or changed on its way.
    #[error("MESSAGE-INTEGRITY does not match")]
    Mismatch,
}

/// Bytes of the attribute with its header.
pub(crate) const INTEGRITY: usize = 24;
