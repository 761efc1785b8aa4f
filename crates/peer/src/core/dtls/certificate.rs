//! Certificates and their fingerprints (RFC 8122 §5).

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::core::Error;

/// A self-signed certificate with its key, made for one connection or shared by several.
#[derive(Clone)]
pub struct Certificate {
    pub(super) inner: dimpl::DtlsCertificate,
}

impl Certificate {
    /// A new one: ECDSA over P-256. The key comes from the cryptography library's own randomness.
    ///
    /// # Errors
    /// The cryptography library failed.
    pub fn generate() -> Result<Self, Error> {
        dimpl::certificate::generate_self_signed_certificate()
            .map(|inner| Self { inner })
            .map_err(|_| Error::Crypto("no certificate could be made"))
    }

    /// One that was made before, and its private key, both in DER: a P-256 or P-384 key in PKCS#8 or SEC1. So a program keeps
    /// its identity over restarts. Whether the two belong together shows in the handshake.
    #[must_use]
    pub fn from_der(certificate: Vec<u8>, private_key: Vec<u8>) -> Self {
        let inner = dimpl::DtlsCertificate {
            certificate,
            private_key,
        };
        Self { inner }
    }

    /// The certificate, in DER: what the peer sees.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.inner.certificate
    }

    /// The private key, in DER, to keep it for [`from_der`](Self::from_der). Whoever has it can be taken for this side.
    #[must_use]
    pub fn private_key_der(&self) -> &[u8] {
        &self.inner.private_key
    }

    /// Its SHA-256 fingerprint: 32 bytes.
    #[must_use]
    pub fn fingerprint(&self) -> Vec<u8> {
        Sha256::digest(&self.inner.certificate).to_vec()
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// A fingerprint that a description names, of a hash that is known and strong enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    hash: Hash,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Fingerprint {
    /// From the name of a hash function (in any case) and the bytes. `None` for other hashes, SHA-1 among them
    /// (RFC 8122 §5 asks for SHA-256; a certificate is only as well bound as its weakest fingerprint), and for a wrong length.
    #[must_use]
    pub fn new(hash: &str, bytes: &[u8]) -> Option<Self> {
        let (hash, len) = match hash.to_ascii_lowercase().as_str() {
            "sha-256" => (Hash::Sha256, 32),
            "sha-384" => (Hash::Sha384, 48),
            "sha-512" => (Hash::Sha512, 64),
            _ => return None,
        };
        (bytes.len() == len).then(|| Self {
            hash,
            bytes: bytes.to_vec(),
        })
    }

    /// Whether this certificate (DER) has this fingerprint.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        match self.hash {
            Hash::Sha256 => Sha256::digest(certificate)[..] == self.bytes[..],
            Hash::Sha384 => Sha384::digest(certificate)[..] == self.bytes[..],
            Hash::Sha512 => Sha512::digest(certificate)[..] == self.bytes[..],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_matches_its_own_certificate_only() {
        let (ours, other) = (
            Certificate::generate().unwrap(),
            Certificate::generate().unwrap(),
        );
        let fingerprint = Fingerprint::new("SHA-256", &ours.fingerprint()).unwrap();
        assert!(fingerprint.matches(&ours.inner.certificate));
        assert!(!fingerprint.matches(&other.inner.certificate));
    }

    #[test]
    fn weak_hashes_and_wrong_lengths_make_no_fingerprint() {
        assert_eq!(Fingerprint::new("sha-1", &[0; 20]), None);
        assert_eq!(Fingerprint::new("sha-256", &[0; 31]), None);
        assert!(Fingerprint::new("sha-512", &[0; 64]).is_some());
    }
}
