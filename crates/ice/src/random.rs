//! Owns the agent's randomness: all of it comes from the seed.

use std::time::Duration;

use ieum_stun::TransactionId;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::Credentials;

pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Random(ChaCha20Rng::from_seed(seed))
    }

    pub(crate) fn credentials(&mut self) -> Credentials {
        Credentials {
            ufrag: self.text(UFRAG_LEN),
            pwd: self.text(PWD_LEN),
        }
    }

    pub(crate) fn transaction_id(&mut self) -> TransactionId {
        let mut id = [0; 12];
        self.0.fill_bytes(&mut id);
        TransactionId(id)
    }

    pub(crate) fn tie_breaker(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A version 4 UUID (RFC 9562 §5.4).
    pub(crate) fn uuid(&mut self) -> u128 {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        let random = u128::from_be_bytes(bytes);
        random & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
    }

    /// A seed for a part that draws its own.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }

    /// RFC 7675 §5.1: "each interval MUST be randomized from between 0.8 and 1.2 times the basic period".
    pub(crate) fn around(&mut self, period: Duration) -> Duration {
        let permille = 800 + self.0.next_u32() % 401;
        period * permille / 1000
    }

    /// RFC 8839 §5.4, `ice-char`: 64 of them, so 6 bits each.
    fn text(&mut self, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
            .iter()
            .map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]))
            .collect()
    }
}

const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// RFC 8839 §5.4 asks for 24 bits or more; 8 characters have 48, for whoever demultiplexes many agents by ufrag.
const UFRAG_LEN: usize = 8;
/// RFC 8839 §5.4 asks for 128 bits or more; 24 characters have 144.
const PWD_LEN: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides() {
        let credentials = |seed| Random::new([seed; 32]).credentials();
        assert_eq!(credentials(1), credentials(1));
        assert_ne!(credentials(1), credentials(2));
        assert_eq!(
            (credentials(1).ufrag.len(), credentials(1).pwd.len()),
            (8, 24)
        );
    }

    #[test]
    fn intervals_stay_within_a_fifth() {
        let mut random = Random::new([0; 32]);
        let all: Vec<Duration> = (0..1000)
            .map(|_| random.around(Duration::from_secs(5)))
            .collect();
        assert!(
            all.iter()
                .all(|interval| (4000..=6000).contains(&interval.as_millis()))
        );
        assert!(
            all.iter().max().unwrap().as_millis() > 5900
                && all.iter().min().unwrap().as_millis() < 4100
        );
    }
}
