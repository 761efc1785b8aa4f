//! Nonces that need no memory: an expiry, and an HMAC over it and the five-tuple (RFC 8489 §9.2, RFC 8656 §5), behind
//! the bits that say what the server can do.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use ieum_stun::{FiveTuple, SecurityFeatures, Transport};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Makes and checks nonces.
#[derive(Clone)]
pub(super) struct Nonces {
    key: Hmac<Sha1>,
    origin: Instant,
    lifetime: Duration,
}

impl Nonces {
    pub(super) fn new(now: Instant, key: [u8; 32], lifetime: Duration) -> Self {
        Self {
            key: <Hmac<Sha1> as KeyInit>::new_from_slice(&key)
                .expect("HMAC takes a key of any length"),
            origin: now,
            lifetime,
        }
    }

    /// Changes how long nonces are good for; those that were issued keep their expiry.
    pub(super) fn set_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    /// A nonce for this client, good from `now` for the lifetime. With `features` it begins with the cookie of
    /// RFC 8489 §9.2 and these bits.
    pub(super) fn issue(
        &self,
        now: Instant,
        five_tuple: FiveTuple,
        features: Option<SecurityFeatures>,
    ) -> Nonce {
        let expiry = self.seconds(now + self.lifetime);
        let mut bytes = [0; RAW];
        bytes[..4].copy_from_slice(&expiry.to_be_bytes());
        bytes[4..].copy_from_slice(&self.mac(expiry, five_tuple, features));
        let mut text = [0; PREFIX + TEXT];
        let start = match features {
            Some(features) => {
                text[..PREFIX].copy_from_slice(&features.cookie());
                PREFIX
            }
            None => 0,
        };
        let written = STANDARD_NO_PAD.encode_slice(bytes, &mut text[start..]);
        debug_assert_eq!(written, Ok(TEXT));
        let len = start + TEXT;
        Nonce { text, len }
    }

    /// Whether the nonce is ours, this client's, and not too old.
    pub(super) fn is_valid(&self, now: Instant, five_tuple: FiveTuple, nonce: &str) -> bool {
        let features = SecurityFeatures::of_nonce(nonce);
        let nonce = match features {
            Some(_) => nonce.get(PREFIX..).unwrap_or_default(),
            None => nonce,
        };
        // Decoding wants room for whole groups of three.
        let mut bytes = [0; RAW + 1];
        if nonce.len() != TEXT || STANDARD_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(RAW) {
            return false;
        }
        let expiry = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let ours: bool = self
            .mac(expiry, five_tuple, features)
            .ct_eq(&bytes[4..RAW])
            .into();
        ours && self.seconds(now) < expiry
    }

    fn seconds(&self, at: Instant) -> u32 {
        let since = at.saturating_duration_since(self.origin).as_secs();
        u32::try_from(since).unwrap_or(u32::MAX)
    }

    fn mac(
        &self,
        expiry: u32,
        five_tuple: FiveTuple,
        features: Option<SecurityFeatures>,
    ) -> [u8; MAC] {
        let mut hmac = self.key.clone();
        hmac.update(&expiry.to_be_bytes());
        // A nonce whose bits were changed on the way is not ours.
        hmac.update(&features.map_or([0; PREFIX], SecurityFeatures::cookie));
        hmac.update(&[match five_tuple.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
            Transport::Dtls => 3,
        }]);
        hmac.update(&endpoint(five_tuple.local));
        hmac.update(&endpoint(five_tuple.remote));
        let full = hmac.finalize().into_bytes();
        let mut mac = [0; MAC];
        mac.copy_from_slice(&full[..MAC]);
        mac
    }
}

/// The text of a nonce.
pub(super) struct Nonce {
    text: [u8; PREFIX + TEXT],
    len: usize,
}

impl Nonce {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

/// An address in 18 bytes; an IPv4 one as IPv6, so that none is the prefix of another.
fn endpoint(address: SocketAddr) -> [u8; 18] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; 18];
    bytes[..16].copy_from_slice(&ip.octets());
    bytes[16..].copy_from_slice(&address.port().to_be_bytes());
    bytes
}

const PREFIX: usize = SecurityFeatures::COOKIE;
/// Bytes of the HMAC that are kept: 128 bits.
const MAC: usize = 16;
/// Bytes of a nonce before base64.
const RAW: usize = 4 + MAC;
/// Characters of a nonce.
const TEXT: usize = (RAW * 4).div_ceil(3);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn five_tuple(port: u16) -> FiveTuple {
        let local = SocketAddr::from(([127, 0, 0, 1], 3478));
        FiveTuple::udp(local, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn a_nonce_is_good_for_its_lifetime_and_its_five_tuple() {
        let now = Instant::now();
        let nonces = Nonces::new(now, [7; 32], HOUR);
        let nonce = nonces.issue(now, five_tuple(1), None);
        assert!(nonces.is_valid(now, five_tuple(1), nonce.as_str()));
        assert!(!nonces.is_valid(now, five_tuple(2), nonce.as_str()));
        assert!(!nonces.is_valid(now + HOUR, five_tuple(1), nonce.as_str()));
        let others = Nonces::new(now, [8; 32], HOUR);
        assert!(!others.is_valid(now, five_tuple(1), nonce.as_str()));
    }

    #[test]
    fn no_single_changed_character_is_accepted() {
        let now = Instant::now();
        let nonces = Nonces::new(now, [7; 32], HOUR);
        let nonce = nonces.issue(now, five_tuple(1), Some(SecurityFeatures::NONE));
        assert!(nonces.is_valid(now, five_tuple(1), nonce.as_str()));
        for at in 0..PREFIX + TEXT {
            let mut text = nonce.text;
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            let text = std::str::from_utf8(&text).unwrap();
            assert!(!nonces.is_valid(now, five_tuple(1), text), "{at}");
        }
        for text in ["", "A", "é", &"=".repeat(TEXT), &"A".repeat(TEXT + 1)] {
            assert!(!nonces.is_valid(now, five_tuple(1), text), "{text}");
        }
    }
}
