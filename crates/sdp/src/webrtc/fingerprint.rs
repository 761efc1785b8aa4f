use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The hash of a certificate, RFC 8122 §5.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The hash function.
    pub hash: HashFunction,
    /// Its result, in binary.
    pub bytes: Vec<u8>,
}

/// A hash function by the name that RFC 8122 §5 gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// `sha-1`.
    Sha1,
    /// `sha-224`.
    Sha224,
    /// `sha-256`, which all WebRTC endpoints have.
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
    /// Any other, in lower case.
    Other(String),
}

impl Fingerprint {
    /// A SHA-256 fingerprint.
    pub fn sha256(bytes: [u8; 32]) -> Self {
        Fingerprint {
            hash: HashFunction::Sha256,
            bytes: bytes.to_vec(),
        }
    }

    /// The value of an `a=fingerprint`: a name, a space, and bytes in hexadecimal with colons between.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (hash, hex) = value.split_once(' ')?;
        let (last, others) = {
            let hex = hex.trim_matches(' ').as_bytes();
            let others = hex.chunks_exact(3);
            (others.remainder(), others)
        };
        let [high, low] = *last else {
            return None;
        };
        if hash.is_empty() || hash.len() > MAX_NAME_LEN || others.len() >= MAX_LEN {
            return None;
        }
        let mut bytes = Vec::with_capacity(others.len() + 1);
        for octet in others {
            let [high, low, b':'] = *octet else {
                return None;
            };
            bytes.push(self::octet(high, low)?);
        }
        bytes.push(octet(high, low)?);
        Some(Fingerprint {
            hash: HashFunction::from_name(hash),
            bytes,
        })
    }
}

impl HashFunction {
    /// Its name, in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            HashFunction::Sha1 => "sha-1",
            HashFunction::Sha224 => "sha-224",
            HashFunction::Sha256 => "sha-256",
            HashFunction::Sha384 => "sha-384",
            HashFunction::Sha512 => "sha-512",
            HashFunction::Other(name) => name,
        }
    }

    /// The function of this name, in any case.
    pub fn from_name(name: &str) -> Self {
        use HashFunction::{Sha1, Sha224, Sha256, Sha384, Sha512};
        [Sha256, Sha1, Sha224, Sha384, Sha512]
            .into_iter()
            .find(|hash| hash.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| HashFunction::Other(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for HashFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hash)?;
        // RFC 8122 §5: upper case.
        self.bytes.iter().enumerate().try_for_each(|(at, byte)| {
            let separator = if at == 0 { ' ' } else { ':' };
            write!(f, "{separator}{byte:02X}")
        })
    }
}

/// The longest hash that has a name: SHA-512.
const MAX_LEN: usize = 64;
const MAX_NAME_LEN: usize = 32;

/// Two hexadecimal digits.
fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT);
    let (high, low) = (digit(high), digit(low));
    ((high | low) & NO_DIGIT == 0).then_some(high << 4 | low)
}

const NO_DIGIT: u8 = 0x80;

/// What each character stands for: there are many of them in a description.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digits[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};
