//! Who may come in: the shared token, and signed tokens that name a peer, a room and a time.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::protocol::Code;

/// Keys that signed tokens (RFC 7519) are checked with.
///
/// A token names the peer id (`sub`), the room (`room`; without it the common one) and when it ends (`exp`, required), and may name
/// when it begins (`nbf`). Clocks may differ by 5 s. The algorithm is that of the key; a token that names another one is
/// refused, and so is one that nobody signed.
#[derive(Clone, Default)]
pub struct Jwt {
    keys: Vec<(Algorithm, DecodingKey)>,
}

/// The text is no Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no Ed25519 public key in PEM (\"-----BEGIN PUBLIC KEY-----\")")]
pub struct NoKey;

/// What a client may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Grant {
    /// The one peer id; `None` for any.
    peer: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    room: String,
}

impl Jwt {
    /// Accepts tokens signed with HS256 and this secret, too.
    #[must_use]
    pub fn with_hs256(mut self, secret: &[u8]) -> Self {
        let key = DecodingKey::from_secret(secret);
        self.keys.push((Algorithm::HS256, key));
        self
    }

    /// Accepts tokens signed with EdDSA (Ed25519) and the private half of this public key, too.
    ///
    /// # Errors
    /// [`NoKey`] where the text is none.
    pub fn with_ed25519_pem(mut self, pem: &str) -> Result<Self, NoKey> {
        let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| NoKey)?;
        self.keys.push((Algorithm::EdDSA, key));
        Ok(self)
    }

    fn check(&self, token: &str, room: &str) -> Result<Grant, Code> {
        let mut worst = Code::Unauthorized;
        for (algorithm, key) in &self.keys {
            let mut validation = Validation::new(*algorithm);
            validation.leeway = LEEWAY_SECONDS;
            validation.validate_nbf = true;
            validation.validate_aud = false;
            validation.set_required_spec_claims(&["exp", "sub"]);
            match decode::<Claims>(token, key, &validation) {
                Ok(read) if read.claims.room != room => return Err(Code::Forbidden),
                Ok(read) => {
                    return Ok(Grant {
                        peer: Some(read.claims.sub),
                    });
                }
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => worst = Code::Expired,
                Err(_) => {}
            }
        }
        Err(worst)
    }
}

impl Grant {
    /// Whether the client may register this id.
    pub(super) fn allows(&self, peer: &str) -> bool {
        self.peer.as_deref().is_none_or(|only| only == peer)
    }
}

/// What a client may be that sent this token and wants into this room.
pub(super) fn admit(
    shared: Option<&str>,
    jwt: Option<&Jwt>,
    sent: Option<&str>,
    room: &str,
) -> Result<Grant, Code> {
    let sent = sent.unwrap_or_default();
    match (shared, jwt) {
        (None, None) if sent.is_empty() => Ok(Grant::default()),
        (None, None) => Err(Code::Unauthorized),
        (Some(shared), _) if shared.as_bytes().ct_eq(sent.as_bytes()).into() => {
            Ok(Grant::default())
        }
        (_, Some(jwt)) => jwt.check(sent, room),
        (Some(_), None) => Err(Code::Unauthorized),
    }
}

/// Without the keys.
impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(algorithm, _)| algorithm))
            .finish()
    }
}

const LEEWAY_SECONDS: u64 = 5;

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
    // RFC 8410 section 10.3: an example key, and its public half.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

    fn in_seconds(seconds: i64) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap() + seconds
    }

    fn hs256(claims: &Value) -> String {
        let key = EncodingKey::from_secret(b"secret");
        encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    fn eddsa(claims: &Value) -> String {
        let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
        encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
    }

    fn jwt() -> Jwt {
        let jwt = Jwt::default().with_hs256(b"secret");
        jwt.with_ed25519_pem(PUBLIC).unwrap()
    }

    #[test]
    fn a_signed_token_names_the_peer_and_the_room() {
        let claims = json!({ "sub": "alice", "room": "r", "exp": in_seconds(60) });
        for token in [hs256(&claims), eddsa(&claims)] {
            let admit = |room| admit(None, Some(&jwt()), Some(&token), room);
            let grant = admit("r").unwrap();
            assert!(grant.allows("alice") && !grant.allows("bob"));
            assert_eq!(admit("other"), Err(Code::Forbidden));
            assert_eq!(admit(""), Err(Code::Forbidden));
        }
    }

    #[test]
    fn a_token_is_good_in_its_time_only_and_must_end() {
        for (claims, wanted) in [
            (json!({ "sub": "a", "exp": in_seconds(-60) }), Code::Expired),
            (
                json!({ "sub": "a", "exp": in_seconds(60), "nbf": in_seconds(60) }),
                Code::Unauthorized,
            ),
            (json!({ "sub": "a" }), Code::Unauthorized),
            (json!({ "exp": in_seconds(60) }), Code::Unauthorized),
        ] {
            for token in [hs256(&claims), eddsa(&claims)] {
                assert_eq!(
                    admit(None, Some(&jwt()), Some(&token), ""),
                    Err(wanted),
                    "{claims}"
                );
            }
        }
    }

    #[test]
    fn what_another_key_or_nobody_signed_is_refused() {
        let claims = json!({ "sub": "a", "exp": in_seconds(60) });
        let good = hs256(&claims);
        let (head, rest) = good.split_once('.').unwrap();
        let body = rest.split('.').next().unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        // The public key as an HS256 secret: the confusion of algorithms.
        let key = EncodingKey::from_secret(PUBLIC.as_bytes());
        let confused = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        let only_ed = Jwt::default().with_ed25519_pem(PUBLIC).unwrap();
        for token in [
            &unsigned,
            &confused,
            &format!("{head}.{body}."),
            "",
            "a.b.c",
            &good[1..],
        ] {
            assert_eq!(
                admit(None, Some(&jwt()), Some(token), ""),
                Err(Code::Unauthorized),
                "{token}"
            );
        }
        assert_eq!(
            admit(None, Some(&only_ed), Some(&good), ""),
            Err(Code::Unauthorized)
        );
        assert_eq!(
            admit(None, Some(&only_ed), Some(&confused), ""),
            Err(Code::Unauthorized)
        );
    }

    #[test]
    fn the_shared_token_stands_beside_signed_ones() {
        let token = hs256(&json!({ "sub": "alice", "exp": in_seconds(60) }));
        let both = |sent| admit(Some("shared"), Some(&jwt()), sent, "");
        assert!(both(Some("shared")).unwrap().allows("anybody"));
        assert!(!both(Some(&token)).unwrap().allows("anybody"));
        assert_eq!(both(None), Err(Code::Unauthorized));
        assert_eq!(admit(None, None, None, "r"), Ok(Grant::default()));
        assert_eq!(admit(None, None, Some("any"), ""), Err(Code::Unauthorized));
        assert_eq!(
            admit(Some("shared"), None, Some("share"), ""),
            Err(Code::Unauthorized)
        );
    }
}
