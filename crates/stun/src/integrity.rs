//! Whether a message is to be believed: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT
//! (RFC 8489 §14.5 to §14.7).

use subtle::ConstantTimeEq;

use crate::key::Key;
use crate::message::Message;

/// Which of the two attributes signs a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// MESSAGE-INTEGRITY: HMAC-SHA1, 20 bytes (RFC 8489 §14.5).
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256: HMAC-SHA256, 16 to 32 bytes (RFC 8489 §14.6).
    Sha256,
}

impl Message<'_> {
    /// What signs the message, the stronger one where both do; `None` where it is not signed. A response is to be
    /// signed as its request was (RFC 8489 §9.1.3, §9.2.4).
    pub fn integrity(&self) -> Option<Integrity> {
        match (self.sha256, self.sha1) {
            (Some(_), _) => Some(Integrity::Sha256),
            (None, Some(_)) => Some(Integrity::Sha1),
            (None, None) => None,
        }
    }

    /// Whether the message is signed at all.
    pub fn has_integrity(&self) -> bool {
        self.integrity().is_some()
    }

    /// Whether it was signed with this key. Where both attributes are there, MESSAGE-INTEGRITY-SHA256 decides alone
    /// (RFC 8489 §9.1.3). Compares in constant time.
    ///
    /// # Errors
    /// [`IntegrityError::Missing`] where it is not signed, [`IntegrityError::Mismatch`] where it was by another key.
    pub fn verify_integrity(&self, key: &Key) -> Result<(), IntegrityError> {
        let matches = match (self.sha256, self.sha1) {
            (Some((offset, len)), _) => {
                let full = key.sha256(&self.bytes[..offset], len);
                full[..len].ct_eq(&self.bytes[offset + 4..offset + 4 + len])
            }
            (None, Some(offset)) => {
                let ours = key.sha1(&self.bytes[..offset]);
                ours.ct_eq(&self.bytes[offset + 4..offset + 24])
            }
            (None, None) => return Err(IntegrityError::Missing),
        };
        match bool::from(matches) {
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
}

/// Why a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// It carries neither MESSAGE-INTEGRITY nor MESSAGE-INTEGRITY-SHA256.
    #[error("the message is not signed")]
    Missing,
    /// It was signed with another key, or changed on its way.
    #[error("the signature does not match")]
    Mismatch,
}

/// RFC 8489 §14.7: the CRC-32 of ITU V.42 over what stands before, XORed with "STUN" in ASCII.
pub(crate) fn fingerprint(before: &[u8]) -> u32 {
    crc32fast::hash(before) ^ 0x5354_554E
}

/// RFC 8489 §14.6: what may be kept of the 32 bytes.
pub(crate) const fn is_sha256_length(len: usize) -> bool {
    len >= 16 && len <= 32 && len % 4 == 0
}
