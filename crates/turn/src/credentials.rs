//! Short-lived credentials from a shared secret: the "REST" scheme (draft-uberti-behave-turn-rest-00), which browsers'
//! applications, coturn and others use.
//!
//! The username is `expiry:name`, the expiry in seconds since 1970; the password is the base64 text of
//! HMAC-SHA1(secret, username). So a server needs no list of users: it works the password out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// What a client needs to authenticate.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:name`.
    pub username: String,
    /// Base64 text.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?}, ..)", self.username)
    }
}

/// Makes credentials for `name` that hold until `expiry_unix`, in seconds since 1970 UTC.
pub fn issue(secret: &[u8], name: &str, expiry_unix: u64) -> Credentials {
    let username = format!("{expiry_unix}:{name}");
    let password = password(secret, &username);
    Credentials { username, password }
}

/// The password that belongs to a username.
pub fn password(secret: &[u8], username: &str) -> String {
    let mut hmac =
        <Hmac<Sha1> as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length");
    hmac.update(username.as_bytes());
    STANDARD.encode(hmac.finalize().into_bytes())
}

/// When a username expires, in seconds since 1970 UTC; `None` where it does not begin with a number and a colon.
pub fn expiry(username: &str) -> Option<u64> {
    let (expiry, _) = username.split_once(':')?;
    // `parse` alone would take a sign.
    match expiry.bytes().all(|byte| byte.is_ascii_digit()) {
        true => expiry.parse().ok(),
        false => None,
    }
}

/// The name in a username; all of it where there is no expiry before it.
pub fn name(username: &str) -> &str {
    match username.split_once(':') {
        Some((_, name)) => name,
        None => username,
    }
}
