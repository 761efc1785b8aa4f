//! The cryptography of `dimpl`, with one change: how the numbers of DTLS 1.3 records are encrypted (RFC 9147 §4.2.3).
//!
//! That takes one block of AES for a record, on either side. `dimpl` makes a key of `aws-lc-rs` for each, which allocates,
//! prepares for decryption too and wipes all that: more work than the block. Here the key's schedule lives on the stack.

use std::sync::OnceLock;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes256Enc};
use dimpl::crypto::{
    Cipher, CryptoProvider, Dtls13CipherSuite, HashAlgorithm, SupportedDtls13CipherSuite, aws_lc_rs,
};

/// What a configuration is made with.
pub(super) fn provider() -> CryptoProvider {
    static SUITES: OnceLock<Vec<Suite>> = OnceLock::new();
    static LISTED: OnceLock<Vec<&dyn SupportedDtls13CipherSuite>> = OnceLock::new();
    let provider = aws_lc_rs::default_provider();
    let suites = SUITES.get_or_init(|| {
        let suites = provider.dtls13_cipher_suites.iter();
        suites.map(|suite| Suite(*suite)).collect()
    });
    let listed = LISTED.get_or_init(|| {
        let listed = |suite: &'static Suite| suite as &dyn SupportedDtls13CipherSuite;
        suites.iter().map(listed).collect()
    });
    CryptoProvider {
        dtls13_cipher_suites: listed,
        ..provider
    }
}

/// A suite of `dimpl`.
#[derive(Debug)]
struct Suite(&'static dyn SupportedDtls13CipherSuite);

impl SupportedDtls13CipherSuite for Suite {
    fn suite(&self) -> Dtls13CipherSuite {
        self.0.suite()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.0.hash_algorithm()
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn iv_len(&self) -> usize {
        self.0.iv_len()
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len()
    }

    fn min_protected_fragment_len(&self) -> usize {
        self.0.min_protected_fragment_len()
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, dimpl::CryptoError> {
        self.0.create_cipher(key)
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mask = match self.suite() {
            Dtls13CipherSuite::AES_128_GCM_SHA256 => block::<Aes128Enc>(key, sample),
            Dtls13CipherSuite::AES_256_GCM_SHA384 => block::<Aes256Enc>(key, sample),
            _ => None,
        };
        mask.unwrap_or_else(|| self.0.encrypt_sn(key, sample))
    }
}

/// One encrypted block; `None`: the key has another length.
fn block<C: KeyInit + BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>>(
    key: &[u8],
    sample: &[u8; 16],
) -> Option<[u8; 16]> {
    let mut block = (*sample).into();
    C::new_from_slice(key).ok()?.encrypt_block(&mut block);
    Some(block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_encrypted_as_the_other_provider_does() {
        let known = aws_lc_rs::default_provider().dtls13_cipher_suites;
        let ours = provider().dtls13_cipher_suites;
        assert_eq!(ours.len(), known.len());
        let sample = std::array::from_fn(|n| 7 * n as u8);
        for (ours, known) in ours.iter().zip(known) {
            let key: Vec<u8> = (0..known.key_len() as u8).collect();
            assert_eq!(ours.suite(), known.suite());
            assert_eq!(
                ours.encrypt_sn(&key, &sample),
                known.encrypt_sn(&key, &sample)
            );
        }
    }
}
