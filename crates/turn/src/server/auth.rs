//! Who asks: the long-term credential mechanism (RFC 8489 §9.2.4), with static users and the passwords of the REST
//! scheme.
//!
//! A username that nobody has costs the same work as one with a wrong password, and gets the same answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use ieum_stun::{
    AttributeType, FiveTuple, Integrity, Key, Message, PasswordAlgorithm, SecurityFeatures, code,
    opaque_string, userhash,
};

use super::config::User;
use super::nonce::Nonces;
use super::table::Keyed;
use super::users::UserIndex;
use crate::credentials;

/// Knows the secrets, and nothing about clients.
pub(super) struct Authenticator {
    realm: Arc<str>,
    secrets: Vec<Vec<u8>>,
    users: HashMap<Box<str>, Keys, Keyed>,
    by_userhash: HashMap<[u8; 32], Box<str>, Keyed>,
    /// Of a user whom nobody is: what an unknown name is compared with.
    decoy: Keys,
    keyed: Keyed,
    pub(super) nonces: Nonces,
}

/// One static user's, by password algorithm.
struct Keys {
    md5: Key,
    sha256: Key,
}

/// Who asks, proven by this request.
pub(super) struct Proven<'m> {
    pub(super) username: Cow<'m, str>,
    /// A static user, else one of the REST scheme.
    pub(super) fixed: bool,
    pub(super) key: Key,
    pub(super) integrity: Integrity,
}

impl Proven<'_> {
    /// The name that quotas go by.
    pub(super) fn user(&self) -> &str {
        user(&self.username, self.fixed)
    }
}

/// Whose an allocation is.
pub(super) struct Identity {
    pub(super) user: UserIndex,
    pub(super) fixed: bool,
    /// As the client says it.
    pub(super) username: Box<str>,
    pub(super) key: Key,
    /// How its last request was signed, and answers are.
    pub(super) integrity: Integrity,
}

impl Identity {
    /// Whether the request is this user's. Another expiry makes nobody another user.
    pub(super) fn is(&self, proven: &Proven<'_>) -> bool {
        self.fixed == proven.fixed && user(&self.username, self.fixed) == proven.user()
    }
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
    /// Something is missing, too long, or contradicts what we have offered.
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
    pub(super) fn new(
        realm: String,
        secrets: Vec<Vec<u8>>,
        users: &[User],
        keyed: Keyed,
        nonces: Nonces,
    ) -> Self {
        let realm = prepared(&realm);
        let keys = |name: &str, password: &str| Keys::new(name, &realm, password);
        let mut by_name = HashMap::with_hasher(keyed);
        let mut by_userhash = HashMap::with_hasher(keyed);
        for user in users {
            let name: Box<str> = prepared(&user.name).into();
            by_userhash.insert(userhash(&name, &realm), name.clone());
            let all = keys(&name, &prepared(&user.password));
            by_name.insert(name, all);
        }
        Self {
            decoy: keys("", ""),
            realm: realm.as_ref().into(),
            secrets,
            users: by_name,
            by_userhash,
            keyed,
            nonces,
        }
    }

    /// The same with other users and secrets; nonces stay good.
    pub(super) fn reconfigure(&mut self, realm: String, secrets: Vec<Vec<u8>>, users: &[User]) {
        *self = Self::new(realm, secrets, users, self.keyed, self.nonces.clone());
    }

    pub(super) fn realm(&self) -> Arc<str> {
        self.realm.clone()
    }

    /// RFC 8489 §9.2: what nonces say that we can do. USERHASH is enough to find a static user; the names of the REST
    /// scheme are not known.
    pub(super) fn features(&self) -> SecurityFeatures {
        let features = SecurityFeatures::PASSWORD_ALGORITHMS;
        match self.secrets.is_empty() {
            true => features.with(SecurityFeatures::USERNAME_ANONYMITY),
            false => features,
        }
    }

    /// The order of the checks is that of RFC 8489 §9.2.4. `cached` is whose the client's allocation is, which saves
    /// working its key out again.
    pub(super) fn identify<'m>(
        &self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'m>,
        cached: Option<&Identity>,
    ) -> Result<Proven<'m>, Denied> {
        let integrity = message.integrity().ok_or(Denied::Challenge)?;
        let (name, Some(_), Some(nonce)) = (
            Name::of(message).ok_or(Denied::Malformed)?,
            message.attribute(AttributeType::REALM),
            message.nonce(),
        ) else {
            return Err(Denied::Malformed);
        };
        let agreed = message.agreed_password_algorithm(&OFFERED);
        let algorithm = agreed.map_err(|_| Denied::Malformed)?;
        if !self.nonces.is_valid(now, five_tuple, nonce) {
            return Err(Denied::StaleNonce);
        }
        let found = match (name, cached) {
            (Name::Plain(name), Some(identity)) if *identity.username == *name => {
                let key = identity.key.clone();
                let verified = message.verify_integrity(&key).is_ok();
                verified.then_some((Cow::Borrowed(name), identity.fixed, key))
            }
            _ => None,
        };
        let found = found.or_else(|| match name {
            Name::Plain(name) => self.search(message, name, algorithm),
            Name::Hash(hash) => self.search_hash(message, &hash, algorithm),
        });
        let (username, fixed, key) = found.ok_or(Denied::Wrong)?;
        Ok(Proven {
            username,
            fixed,
            key,
            integrity,
        })
    }

    /// Tries every key that the name could have, to the end, whichever fits.
    fn search<'m>(
        &self,
        message: &Message<'_>,
        name: &'m str,
        algorithm: PasswordAlgorithm,
    ) -> Option<(Cow<'m, str>, bool, Key)> {
        let mut found = None;
        for secret in &self.secrets {
            let password = credentials::password(secret, name);
            let key = Key::long_term_with(algorithm, name, &self.realm, &password);
            if message.verify_integrity(&key).is_ok() {
                found = Some((Cow::Borrowed(name), false, key));
            }
        }
        let known = self.users.get(name);
        let key = known.unwrap_or(&self.decoy).with(algorithm);
        if message.verify_integrity(key).is_ok() && known.is_some() {
            found = Some((Cow::Borrowed(name), true, key.clone()));
        }
        found
    }

    fn search_hash<'m>(
        &self,
        message: &Message<'_>,
        hash: &[u8; 32],
        algorithm: PasswordAlgorithm,
    ) -> Option<(Cow<'m, str>, bool, Key)> {
        let name = self.by_userhash.get(hash);
        let known = name.and_then(|name| self.users.get(name));
        let key = known.unwrap_or(&self.decoy).with(algorithm);
        let verified = message.verify_integrity(key).is_ok() && known.is_some();
        let name = name.filter(|_| verified)?;
        Some((Cow::Owned(name.to_string()), true, key.clone()))
    }
}

impl Keys {
    fn new(name: &str, realm: &str, password: &str) -> Self {
        let key = |algorithm| Key::long_term_with(algorithm, name, realm, password);
        Self {
            md5: key(PasswordAlgorithm::Md5),
            sha256: key(PasswordAlgorithm::Sha256),
        }
    }

    fn with(&self, algorithm: PasswordAlgorithm) -> &Key {
        match algorithm {
            PasswordAlgorithm::Md5 => &self.md5,
            PasswordAlgorithm::Sha256 => &self.sha256,
        }
    }
}

/// How a request says whose it is.
#[derive(Clone, Copy)]
enum Name<'m> {
    Plain(&'m str),
    Hash([u8; 32]),
}

impl<'m> Name<'m> {
    fn of(message: &Message<'m>) -> Option<Self> {
        match message.username() {
            Some(name) => (name.len() <= MAX_USERNAME).then_some(Self::Plain(name)),
            None => message.userhash().map(Self::Hash),
        }
    }
}

fn user(username: &str, fixed: bool) -> &str {
    match fixed {
        true => username,
        false => credentials::name(username),
    }
}

/// As clients prepare it; what they would refuse to prepare is left as it is.
fn prepared(text: &str) -> Cow<'_, str> {
    opaque_string(text).unwrap_or(Cow::Borrowed(text))
}

/// What we offer, best first.
pub(super) const OFFERED: [PasswordAlgorithm; 2] =
    [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5];
/// RFC 8489 §14.3: USERNAME has fewer than 509 bytes.
const MAX_USERNAME: usize = 508;
