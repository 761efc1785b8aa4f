//! What a server is told at construction.

use std::time::Duration;

use super::PeerPolicy;

/// What a server needs to know.
#[derive(Clone)]
pub struct Config {
    /// The realm of its credentials: a name without meaning to us, usually a domain. Short, for every 401 carries it.
    pub realm: String,
    /// The secret of the REST scheme (see [`crate::credentials`]).
    pub secret: Vec<u8>,
    /// Which peers may be relayed to.
    pub peers: PeerPolicy,
    /// How much of everything.
    pub limits: Limits,
    /// SOFTWARE in answers: a name and a version, or nothing.
    pub software: Option<String>,
    /// Seconds since 1970 UTC at the moment of construction.
    pub unix_time: u64,
    /// Where nonces, reservation tokens and hash keys come from: draw it from the operating system.
    pub seed: [u8; 32],
}

impl Config {
    /// A server with the default limits and peer policy, and no SOFTWARE.
    pub fn new(realm: &str, secret: &[u8], unix_time: u64, seed: [u8; 32]) -> Self {
        Self {
            realm: realm.to_owned(),
            secret: secret.to_owned(),
            peers: PeerPolicy::default(),
            limits: Limits::default(),
            software: None,
            unix_time,
            seed,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("realm", &self.realm)
            .field("peers", &self.peers)
            .field("limits", &self.limits)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}

/// How much of everything. Nothing in a server grows past these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Relays in all: allocations, and ports that are reserved for one. Past it: 508.
    pub relays: usize,
    /// Relays of one user, by the name in the username (what follows the expiry). Past it: 486.
    pub relays_per_user: usize,
    /// Permissions of one allocation. Past it: 508.
    pub permissions: usize,
    /// Channels of one allocation. Past it: 508.
    pub channels: usize,
    /// The lifetime of an allocation whose client asks for none, or for less. RFC 8656 §7.2: 10 minutes.
    pub default_lifetime: Duration,
    /// The longest lifetime. RFC 8656 §7.2 recommends one hour.
    pub max_lifetime: Duration,
    /// How long a nonce is good for. RFC 8656 §5 recommends at most an hour.
    pub nonce_lifetime: Duration,
}

impl Limits {
    /// RFC 8656 §7.2: what was asked for where it is more than the default, but not more than the most.
    pub(super) fn lifetime(&self, wanted: Option<Duration>) -> Duration {
        let most = self.max_lifetime.max(self.default_lifetime);
        wanted
            .unwrap_or_default()
            .clamp(self.default_lifetime, most)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            relays: 4096,
            relays_per_user: 64,
            permissions: 256,
            channels: 256,
            default_lifetime: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(3600),
        }
    }
}
