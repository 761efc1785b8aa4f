//! The client's credentials, and what the server has challenged it with.

use ieum_stun::{Challenge, Key, Message, code, opaque_string};

use super::Client;

/// What the server has challenged us with, and the key that answers it.
pub(super) struct Auth {
    pub(super) challenge: Challenge,
    pub(super) key: Key,
    /// How many there were before it.
    pub(super) number: u32,
}

/// The credentials in use, and those that wait for their turn.
pub(super) struct Credentials {
    current: Pair,
    next: Option<Pair>,
}

struct Pair {
    username: String,
    password: String,
}

impl Credentials {
    pub(super) fn new(username: &str, password: &str) -> Self {
        let current = Pair::new(username, password);
        Self {
            current,
            next: None,
        }
    }

    /// As requests carry it.
    pub(super) fn username(&self) -> &str {
        &self.current.username
    }

    pub(super) fn are_usable(&self) -> bool {
        self.current.username.len() <= MAX_USERNAME
    }

    /// Takes others: at once where nothing depends on the ones before, else when those are refused.
    pub(super) fn replace(&mut self, username: &str, password: &str, at_once: bool) {
        let pair = Pair::new(username, password);
        if at_once || pair.username == self.current.username {
            (self.current, self.next) = (pair, None);
        } else {
            self.next = Some(pair);
        }
    }

    /// Goes on to those that wait; whether there were any.
    pub(super) fn advance(&mut self) -> bool {
        let next = self.next.take();
        let any = next.is_some();
        if let Some(next) = next {
            self.current = next;
        }
        any
    }

    fn key(&self, challenge: &Challenge) -> Option<Key> {
        let Pair { username, password } = &self.current;
        challenge.key(username, password).ok()
    }
}

impl Pair {
    /// RFC 8265: prepared; what cannot be is refused when it is used.
    fn new(username: &str, password: &str) -> Self {
        let username = opaque_string(username).map_or_else(|_| username.into(), String::from);
        let password = password.to_owned();
        Self { username, password }
    }
}

impl Client {
    /// Takes realm and nonce from a 401 or 438; `false` where they are not there, or of no use.
    ///
    /// Several requests may have gone out with one nonce: where another one's answer has brought a newer nonce already,
    /// that one is used.
    pub(super) fn take_challenge(
        &mut self,
        message: &Message<'_>,
        signed: Option<u32>,
        code: Option<u16>,
    ) -> bool {
        if let (Some(auth), Some(code::STALE_NONCE), Some(number)) = (&self.auth, code, signed) {
            if auth.number != number {
                return true;
            }
        }
        let Ok(challenge) = Challenge::read(message) else {
            return false;
        };
        if challenge.realm().len() > MAX_QUOTED || challenge.nonce().len() > MAX_QUOTED {
            return false;
        }
        let same = |auth: &&Auth| {
            code == Some(code::STALE_NONCE)
                && auth.challenge.realm() == challenge.realm()
                && auth.challenge.algorithm() == challenge.algorithm()
        };
        let key = self.auth.as_ref().filter(same).map(|auth| auth.key.clone());
        let Some(key) = key.or_else(|| self.credentials.key(&challenge)) else {
            return false;
        };
        let number = self
            .auth
            .as_ref()
            .map_or(0, |auth| auth.number.wrapping_add(1));
        self.auth = Some(Auth {
            challenge,
            key,
            number,
        });
        true
    }

    /// The key of the credentials as they are now.
    pub(super) fn renew_key(&mut self) {
        let Some(auth) = &mut self.auth else { return };
        if let Some(key) = self.credentials.key(&auth.challenge) {
            auth.key = key;
        }
    }
}

/// RFC 8489 §14.3: USERNAME has fewer than 509 bytes.
const MAX_USERNAME: usize = 508;
/// RFC 8489 §14.9, §14.10: REALM and NONCE have at most 763 bytes.
const MAX_QUOTED: usize = 763;
