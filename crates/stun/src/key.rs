//! Credentials with their HMAC states worked out once (RFC 8489 §9.1.1, §9.2.2, §14.4 to §14.6).

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::header::HEADER;
use crate::password_algorithm::PasswordAlgorithm;

/// What signs and verifies messages, with HMAC-SHA1 or HMAC-SHA256.
///
/// Making one hashes the key into the inner and the outer state of both; using one clones them. So keep it for as long
/// as the credential lives. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key {
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl Key {
    /// For short-term credentials (RFC 8489 §9.1.1), which ICE uses: the key is the password's bytes.
    pub fn short_term(password: &str) -> Self {
        Self::from_bytes(password.as_bytes())
    }

    /// For long-term credentials (RFC 8489 §9.2.2) as RFC 5389 knows them: the key is MD5 of `username:realm:password`.
    pub fn long_term(username: &str, realm: &str, password: &str) -> Self {
        Self::long_term_with(PasswordAlgorithm::Md5, username, realm, password)
    }

    /// For long-term credentials (RFC 8489 §9.2.2), which TURN uses: the key is the hash of `username:realm:password`.
    ///
    /// The three must have gone through the OpaqueString profile (RFC 8265); for ASCII it changes nothing.
    pub fn long_term_with(
        algorithm: PasswordAlgorithm,
        username: &str,
        realm: &str,
        password: &str,
    ) -> Self {
        let parts = [username, ":", realm, ":", password];
        match algorithm {
            PasswordAlgorithm::Md5 => Self::from_bytes(&hash::<Md5>(&parts)),
            PasswordAlgorithm::Sha256 => Self::from_bytes(&hash::<Sha256>(&parts)),
        }
    }

    /// From the key itself: the 16 or 32 bytes of a hashed long-term credential, or a password that is not text.
    pub fn from_bytes(key: &[u8]) -> Self {
        const ANY: &str = "HMAC takes a key of any length";
        Self {
            sha1: <Hmac<Sha1> as KeyInit>::new_from_slice(key).expect(ANY),
            sha256: <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect(ANY),
        }
    }

    /// The value of MESSAGE-INTEGRITY over `message`, which ends where the attribute begins.
    pub(crate) fn sha1(&self, message: &[u8]) -> [u8; 20] {
        sign(self.sha1.clone(), message, 20).into()
    }

    /// The value of MESSAGE-INTEGRITY-SHA256, of which the attribute keeps the first `kept` bytes.
    pub(crate) fn sha256(&self, message: &[u8], kept: usize) -> [u8; 32] {
        sign(self.sha256.clone(), message, kept).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The value of USERHASH: SHA-256 of `username:realm` (RFC 8489 §14.4). Both must have gone through the OpaqueString
/// profile (RFC 8265); for ASCII it changes nothing.
pub fn userhash(username: &str, realm: &str) -> [u8; 32] {
    hash::<Sha256>(&[username, ":", realm]).into()
}

fn hash<D: Digest>(parts: &[&str]) -> hmac::digest::Output<D> {
    let mut digest = D::new();
    parts.iter().for_each(|part| digest.update(part.as_bytes()));
    digest.finalize()
}

/// RFC 8489 §14.5, §14.6: the text is everything before the attribute, with the header's length as if the message
/// ended with the attribute, whose value has `len` bytes.
fn sign<M: Mac>(mut hmac: M, message: &[u8], len: usize) -> hmac::digest::Output<M> {
    let (header, attributes) = message.split_at(HEADER);
    let mut adjusted = [0; HEADER];
    adjusted.copy_from_slice(header);
    // A checked message, or one being built, is never longer than its 16-bit length can say.
    let len = (attributes.len() + 4 + len) as u16;
    adjusted[2..4].copy_from_slice(&len.to_be_bytes());
    hmac.update(&adjusted);
    hmac.update(attributes);
    hmac.finalize().into_bytes()
}
