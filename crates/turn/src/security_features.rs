//! The bits at the beginning of a nonce that say what a server can do, so that nobody between can hide it
//! (RFC 8489 §9.2, §18.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecurityFeatures {
    /// It offers PASSWORD-ALGORITHMS.
    pub(crate) password_algorithms: bool,
    /// It takes USERHASH.
    pub(crate) username_anonymity: bool,
}

impl SecurityFeatures {
    #[cfg(test)]
    pub(crate) const ALL: Self = Self {
        password_algorithms: true,
        username_anonymity: true,
    };

    /// What a nonce says; `None` for a nonce without the cookie, of a server of RFC 5389.
    pub(crate) fn of(nonce: &str) -> Option<Self> {
        let bits = nonce.strip_prefix(COOKIE)?.get(..PREFIX - COOKIE.len())?;
        let mut bytes = [0; 3];
        STANDARD.decode_slice(bits, &mut bytes).ok()?;
        Some(Self {
            password_algorithms: bytes[0] & PASSWORD_ALGORITHMS != 0,
            username_anonymity: bytes[0] & USERNAME_ANONYMITY != 0,
        })
    }

    /// The beginning of a nonce.
    pub(crate) fn prefix(self) -> [u8; PREFIX] {
        let mut prefix = [0; PREFIX];
        let (cookie, bits) = prefix.split_at_mut(COOKIE.len());
        cookie.copy_from_slice(COOKIE.as_bytes());
        let [_, high, middle, low] = self.bits().to_be_bytes();
        let written = STANDARD.encode_slice([high, middle, low], bits);
        debug_assert_eq!(written, Ok(4));
        prefix
    }

    /// The 24 bits, and a one above them.
    pub(crate) fn bits(self) -> u32 {
        let algorithms = u32::from(self.password_algorithms) << 23;
        let anonymity = u32::from(self.username_anonymity) << 22;
        1 << 24 | algorithms | anonymity
    }
}

/// RFC 8489 §9.2: what such a nonce begins with.
const COOKIE: &str = "obMatJos2";
/// The cookie, and 24 bits in base64.
pub(crate) const PREFIX: usize = COOKIE.len() + 4;
/// RFC 8489 §18.1: bit 0, counted from the most significant one.
const PASSWORD_ALGORITHMS: u8 = 0x80;
/// RFC 8489 §18.1: bit 1.
const USERNAME_ANONYMITY: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_read_as_they_were_written() {
        let only = SecurityFeatures {
            password_algorithms: true,
            username_anonymity: false,
        };
        assert_eq!(&only.prefix(), b"obMatJos2gAAA");
        assert_eq!(&SecurityFeatures::ALL.prefix(), b"obMatJos2wAAA");
        for features in [only, SecurityFeatures::ALL] {
            let nonce = [&features.prefix()[..], b"xyz"].concat();
            let nonce = std::str::from_utf8(&nonce).unwrap();
            assert_eq!(SecurityFeatures::of(nonce), Some(features));
        }
        for nonce in [
            "",
            "obMatJos2",
            "obMatJos2gA",
            "obMatJos2é€",
            "xobMatJos2gAAA",
        ] {
            assert_eq!(SecurityFeatures::of(nonce), None, "{nonce}");
        }
    }
}
