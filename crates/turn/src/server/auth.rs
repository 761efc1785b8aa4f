//! Who asks: the long-term credential mechanism (RFC 8489 §9.2.4) with the passwords of the REST scheme.

use std::sync::Arc;
use std::time::Instant;

use ieum_stun::{AttributeType, FiveTuple, Key, Message, code};

use super::nonce::Nonces;
use crate::credentials;

/// Knows the secret, and nothing about clients.
pub(super) struct Authenticator {
    realm: Arc<str>,
    secret: Vec<u8>,
    nonces: Nonces,
}

/// Who asks, proven.
pub(super) struct Identity<'m> {
    pub(super) username: &'m str,
    pub(super) key: Key,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// It carries no credentials.
    Challenge,
    /// They are wrong.
    Wrong,
    /// The nonce is not good any more.
    StaleNonce,
    /// Something is missing or too long.
    Malformed,
}

impl Denied {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Challenge | Self::Wrong => code::UNAUTHENTICATED,
            Self::StaleNonce => code::STALE_NONCE,
            Self::Malformed => code::BAD_REQUEST,
        }
    }
}

impl Authenticator {
    pub(super) fn new(realm: String, secret: Vec<u8>, nonces: Nonces) -> Self {
        Self {
            realm: realm.into(),
            secret,
            nonces,
        }
    }

    pub(super) fn realm(&self) -> Arc<str> {
        self.realm.clone()
    }

    pub(super) fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// The order of the checks is that of RFC 8489 §9.2.4. `cached` is the key of the client's allocation, which saves
    /// working it out again. A username that nobody was given fails like a wrong password and takes as long.
    pub(super) fn identify<'m>(
        &self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'m>,
        cached: Option<(&str, &Key)>,
    ) -> Result<Identity<'m>, Denied> {
        if !message.has_integrity() {
            return Err(Denied::Challenge);
        }
        let (Some(username), Some(_), Some(nonce)) = (
            message.username(),
            message.attribute(AttributeType::REALM),
            message.nonce(),
        ) else {
            return Err(Denied::Malformed);
        };
        if username.len() > MAX_USERNAME {
            return Err(Denied::Malformed);
        }
        if !self.nonces.is_valid(now, five_tuple, nonce) {
            return Err(Denied::StaleNonce);
        }
        let key = match cached {
            Some((name, key)) if name == username => key.clone(),
            _ => {
                let password = credentials::password(&self.secret, username);
                Key::long_term(username, &self.realm, &password)
            }
        };
        match message.verify_integrity(&key) {
            Ok(()) => Ok(Identity { username, key }),
            Err(_) => Err(Denied::Wrong),
        }
    }
}

/// RFC 8489 §14.3: USERNAME has fewer than 509 bytes.
const MAX_USERNAME: usize = 508;
