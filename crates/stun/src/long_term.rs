//! The long-term credential mechanism, what its two sides read in messages (RFC 8489 §9.2).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::attribute::AttributeType;
use crate::builder::MessageBuilder;
use crate::integrity::Integrity;
use crate::key::{Key, userhash};
use crate::message::Message;
use crate::opaque_string::{OpaqueStringError, opaque_string};
use crate::password_algorithm::PasswordAlgorithm;
use crate::security_features::SecurityFeatures;

/// What a server wants to know before it serves: read from its 401 (Unauthenticated) or 438 (Stale Nonce) response,
/// written into every request from then on.
///
/// ```
/// # use ieum_stun::{Class, MessageBuilder, Method, TransactionId, code};
/// use ieum_stun::{Challenge, Message};
///
/// # let mut response = Vec::new();
/// # MessageBuilder::new(&mut response, Class::Error, Method::ALLOCATE, TransactionId([0; 12]))
/// #     .error_code(code::UNAUTHENTICATED, "").realm("example.org").nonce("f//499k954d6OL34oL9FSTvy64sA");
/// # let response = Message::parse(&response).unwrap();
/// # let mut request = Vec::new();
/// # let mut builder = MessageBuilder::new(&mut request, Class::Request, Method::ALLOCATE, TransactionId([1; 12]));
/// let challenge = Challenge::read(&response)?;
/// let key = challenge.key("alice", "secret")?; // keep it as long as the challenge
/// challenge.answer("alice", &mut builder);
/// builder.integrity_as(challenge.integrity(), &key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    /// The value of PASSWORD-ALGORITHMS, which goes back as it came, and the first of it that we know.
    algorithms: Option<(Vec<u8>, PasswordAlgorithm)>,
    anonymous: bool,
}

impl Challenge {
    /// From a 401 or 438 response, which need not be signed.
    ///
    /// # Errors
    /// [`ChallengeError`]: there is no use in asking again.
    pub fn read(response: &Message<'_>) -> Result<Self, ChallengeError> {
        let realm = response.realm().ok_or(ChallengeError::Realm)?;
        let nonce = response.nonce().ok_or(ChallengeError::Nonce)?;
        if response.is_bid_down() {
            return Err(ChallengeError::BidDown);
        }
        let features = SecurityFeatures::of_nonce(nonce).unwrap_or_default();
        let algorithms = match response.attribute(AttributeType::PASSWORD_ALGORITHMS) {
            None => None,
            Some(value) => {
                let mut offered = response.password_algorithms().into_iter().flatten();
                let first = offered.find_map(Result::ok);
                Some((value.to_vec(), first.ok_or(ChallengeError::Algorithm)?))
            }
        };
        Ok(Self {
            realm: realm.into(),
            nonce: nonce.into(),
            algorithms,
            anonymous: features.contains(SecurityFeatures::USERNAME_ANONYMITY),
        })
    }

    /// The realm, which tells a user with several accounts which one is meant.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The nonce.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// How the key is made: the first algorithm of the server's that this crate can do, MD5 where it offers none.
    pub fn algorithm(&self) -> PasswordAlgorithm {
        match &self.algorithms {
            Some((_, algorithm)) => *algorithm,
            None => PasswordAlgorithm::Md5,
        }
    }

    /// How requests are to be signed: a server that offers algorithms knows MESSAGE-INTEGRITY-SHA256, and wants it
    /// (RFC 8489 §9.2.5).
    pub fn integrity(&self) -> Integrity {
        match self.algorithms {
            Some(_) => Integrity::Sha256,
            None => Integrity::Sha1,
        }
    }

    /// The key of an account in this realm, by the server's algorithm. Name, realm and password are prepared
    /// ([`opaque_string`]).
    ///
    /// # Errors
    /// [`OpaqueStringError`] where one of the three cannot be.
    pub fn key(&self, username: &str, password: &str) -> Result<Key, OpaqueStringError> {
        let username = opaque_string(username)?;
        let realm = opaque_string(&self.realm)?;
        let password = opaque_string(password)?;
        let algorithm = self.algorithm();
        Ok(Key::long_term_with(algorithm, &username, &realm, &password))
    }

    /// Writes who asks: USERNAME, or USERHASH where the server wants it; REALM and NONCE; PASSWORD-ALGORITHMS and
    /// PASSWORD-ALGORITHM where the server offered some (RFC 8489 §9.2.5). `username` must be prepared
    /// ([`opaque_string`]). The signature goes behind.
    pub fn answer(&self, username: &str, builder: &mut MessageBuilder<'_>) {
        match self.anonymous {
            true => builder.userhash(userhash(username, &self.realm)),
            false => builder.username(username),
        };
        builder.realm(&self.realm).nonce(&self.nonce);
        if let Some((offered, algorithm)) = &self.algorithms {
            builder
                .raw(AttributeType::PASSWORD_ALGORITHMS, offered)
                .password_algorithm(*algorithm);
        }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm())
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

/// Why a 401 or 438 response cannot be answered: the server's fault, or that of somebody on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// There is no REALM.
    #[error("the response carries no REALM")]
    Realm,
    /// There is no NONCE.
    #[error("the response carries no NONCE")]
    Nonce,
    /// The nonce says that there are PASSWORD-ALGORITHMS, and there are none: somebody took them out (RFC 8489 §9.2.1).
    #[error("PASSWORD-ALGORITHMS is missing, which the nonce says is there")]
    BidDown,
    /// This crate can do none of the algorithms that are offered.
    #[error("none of the algorithms in PASSWORD-ALGORITHMS is known")]
    Algorithm,
}

impl Message<'_> {
    /// Whether PASSWORD-ALGORITHMS was taken out of a response on its way: the nonce says that it is there, and it is
    /// not. Such a response is to be ignored (RFC 8489 §9.2.5).
    pub fn is_bid_down(&self) -> bool {
        let features = self.nonce().and_then(SecurityFeatures::of_nonce);
        features.is_some_and(|features| features.contains(SecurityFeatures::PASSWORD_ALGORITHMS))
            && self.attribute(AttributeType::PASSWORD_ALGORITHMS).is_none()
    }

    /// For servers: how the client made the key that signs this request, where `offered` went out with its nonce
    /// (RFC 8489 §9.2.4). MD5 where the client names no algorithm: it knows RFC 5389 at most.
    ///
    /// The nonce must be checked too: its cookie is what makes this safe.
    ///
    /// # Errors
    /// [`AlgorithmError`]: to be answered with 400 (Bad Request).
    pub fn agreed_password_algorithm(
        &self,
        offered: &[PasswordAlgorithm],
    ) -> Result<PasswordAlgorithm, AlgorithmError> {
        let list = self.attribute(AttributeType::PASSWORD_ALGORITHMS);
        let (list, chosen) = match (list, self.password_algorithm()) {
            _ if offered.is_empty() => return Ok(PasswordAlgorithm::Md5),
            (None, None) => return Ok(PasswordAlgorithm::Md5),
            (Some(list), Some(Ok(chosen))) => (list, chosen),
            _ => return Err(AlgorithmError),
        };
        let ours = offered.iter().flat_map(|algorithm| algorithm.write());
        match ours.eq(list.iter().copied()) && offered.contains(&chosen) {
            true => Ok(chosen),
            false => Err(AlgorithmError),
        }
    }
}

/// The algorithms that a request names are not those that its server had offered: somebody changed the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS do not match what was offered")]
pub struct AlgorithmError;

#[cfg(test)]
mod tests;
