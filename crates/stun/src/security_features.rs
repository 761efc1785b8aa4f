//! The nonce cookie: what a server can do, written where nobody on the way can take it out unnoticed (RFC 8489 §9.2,
//! §9.2.1, §18.1).

/// The STUN security features of a server that knows RFC 8489: 24 bits, of which two have a meaning.
///
/// They stand at the beginning of the nonce, which the client signs when it sends it back. So whoever takes
/// PASSWORD-ALGORITHMS out of a response must leave the nonce as it is, and is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SecurityFeatures(u32);

impl SecurityFeatures {
    /// A server that knows RFC 8489 and has no feature.
    pub const NONE: Self = Self(0);
    /// Bit 0, the highest: PASSWORD-ALGORITHMS is in the response.
    pub const PASSWORD_ALGORITHMS: Self = Self(1 << 23);
    /// Bit 1: USERHASH is to be sent instead of USERNAME.
    pub const USERNAME_ANONYMITY: Self = Self(1 << 22);

    /// All features of both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every feature of `other` is there.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The 13 characters that go before the server's own part of a nonce.
    pub const fn cookie(self) -> [u8; Self::COOKIE] {
        let mut cookie = *b"obMatJos2....";
        let mut at = 0;
        while at < 4 {
            let six = self.0 >> (18 - 6 * at) & 0x3F;
            cookie[PREFIX.len() + at] = BASE64[six as usize];
            at += 1;
        }
        cookie
    }

    /// The features in the cookie of a nonce; `None` where it begins with none: the server knows RFC 5389 at most.
    pub fn of_nonce(nonce: &str) -> Option<Self> {
        let text = nonce.as_bytes().strip_prefix(PREFIX)?;
        let text = text.first_chunk::<4>()?;
        let mut bits = 0;
        for byte in text {
            let six = BASE64.iter().position(|letter| letter == byte)?;
            bits = bits << 6 | six as u32;
        }
        Some(Self(bits))
    }

    /// Bytes of a cookie.
    pub const COOKIE: usize = 13;
}

/// RFC 8489 §9.2: every nonce cookie begins with this.
const PREFIX: &[u8] = b"obMatJos2";

/// RFC 4648 §4. Three bytes make four letters of it, with no padding.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_is_the_highest_of_the_first_byte() {
        let both = SecurityFeatures::PASSWORD_ALGORITHMS.with(SecurityFeatures::USERNAME_ANONYMITY);
        for (features, cookie) in [
            (SecurityFeatures::NONE, b"obMatJos2AAAA"),
            (SecurityFeatures::PASSWORD_ALGORITHMS, b"obMatJos2gAAA"),
            (SecurityFeatures::USERNAME_ANONYMITY, b"obMatJos2QAAA"),
            (both, b"obMatJos2wAAA"),
            (SecurityFeatures(0xFF_FFFF), b"obMatJos2////"),
            (SecurityFeatures(0x0001_F83E), b"obMatJos2Afg+"),
        ] {
            assert_eq!(features.cookie(), *cookie);
            let nonce = core::str::from_utf8(cookie).unwrap();
            assert_eq!(SecurityFeatures::of_nonce(nonce), Some(features));
        }
    }

    #[test]
    fn a_nonce_without_a_whole_cookie_has_none() {
        for nonce in [
            "",
            "obMatJos2",
            "obMatJos2AAA",
            "obMatJos2AA=A",
            "obMatJos2AAéA",
            "ObMatJos2AAAA",
        ] {
            assert_eq!(SecurityFeatures::of_nonce(nonce), None, "{nonce}");
        }
        let none = SecurityFeatures::of_nonce("obMatJos2AAAA and the rest").unwrap();
        assert!(!none.contains(SecurityFeatures::PASSWORD_ALGORITHMS));
        assert!(none.contains(SecurityFeatures::NONE));
    }
}
