//! What a server is told at construction, and anew by [`Server::reconfigure`](super::Server::reconfigure).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::PeerPolicy;

/// What a server needs to know.
#[derive(Clone)]
pub struct Config {
    /// The realm of its credentials: a name without meaning to us, usually a domain. Short, for every 401 carries it.
    pub realm: String,
    /// The secrets of the REST scheme (see [`crate::credentials`]). Each of them is accepted: to change one, put the
    /// new one beside it, and take the old one away once what was issued with it has expired. None: no such users.
    pub secrets: Vec<Vec<u8>>,
    /// Users with a password of their own.
    pub users: Vec<User>,
    /// Which peers may be relayed to.
    pub peers: PeerPolicy,
    /// How much of everything.
    pub limits: Limits,
    /// What the driver can do beyond relaying UDP.
    pub abilities: Abilities,
    /// The addresses for NAT behaviour discovery (RFC 5780); without them its attributes are refused (420).
    pub discovery: Option<Discovery>,
    /// Where clients are sent (300) while this server drains: the first address of the client's family.
    pub alternate_servers: Vec<SocketAddr>,
    /// Who counts the relays of each user.
    pub quotas: Quotas,
    /// This worker's number where several share the load. All of them need the same `seed` and another
    /// number, and are made at about the same time: so the nonces of each are good at the others.
    pub worker: u8,
    /// SOFTWARE in answers: a name and a version, or nothing.
    pub software: Option<String>,
    /// Seconds since 1970 UTC at the moment of construction.
    pub unix_time: u64,
    /// Where nonces, reservation tokens and hash keys come from: draw it from the operating system.
    pub seed: [u8; 32],
}

impl Config {
    /// A server with one secret, the default limits and peer policy, and no SOFTWARE.
    pub fn new(realm: &str, secret: &[u8], unix_time: u64, seed: [u8; 32]) -> Self {
        Self {
            realm: realm.to_owned(),
            secrets: vec![secret.to_owned()],
            users: Vec::new(),
            peers: PeerPolicy::default(),
            limits: Limits::default(),
            abilities: Abilities::default(),
            discovery: None,
            alternate_servers: Vec::new(),
            quotas: Quotas::Own,
            worker: 0,
            software: None,
            unix_time,
            seed,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("realm", &self.realm)
            .field("users", &self.users.len())
            .field("peers", &self.peers)
            .field("limits", &self.limits)
            .field("abilities", &self.abilities)
            .field("discovery", &self.discovery)
            .field("worker", &self.worker)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}

/// A user with a password of their own. Their keys are worked out when the server is made.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The username.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({:?}, ..)", self.name)
    }
}

/// What the driver can do beyond relaying UDP. Nothing by default: what it cannot do is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Send to peers with the bit DF set ([`Forward::dont_fragment`](super::Forward::dont_fragment)). Off: 420 for
    /// DONT-FRAGMENT (RFC 8656 §7.2).
    pub dont_fragment: bool,
    /// Listen and connect for TCP relays (RFC 6062). Off: 442.
    pub tcp_relays: bool,
    /// Let clients take their allocation to another address (RFC 8016). Off: 405.
    pub mobility: bool,
}

/// Two addresses on two ports each, for NAT behaviour discovery (RFC 5780 §6): as they are bound, which is as they
/// stand in a [`FiveTuple::local`](ieum_stun::FiveTuple). UDP only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// The address and port that clients ask first.
    pub primary: SocketAddr,
    /// Another address and another port. The driver listens on all four combinations.
    pub alternate: SocketAddr,
    /// How the two addresses look from outside, where they stand behind a 1:1 NAT.
    pub public: Option<(IpAddr, IpAddr)>,
}

/// Who counts the relays of each user, and of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quotas {
    /// This server.
    #[default]
    Own,
    /// A [`Registry`](super::Registry) for several workers: the server asks by
    /// [`Event::Admit`](super::Event::Admit).
    Registry,
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
    /// Connections to peers of one TCP allocation (RFC 6062). Past it: 508, and peers are not let in.
    pub connections: usize,
    /// The lifetime of an allocation whose client asks for none, or for less. RFC 8656 §7.2: 10 minutes.
    pub default_lifetime: Duration,
    /// The longest lifetime. RFC 8656 §7.2 recommends one hour.
    pub max_lifetime: Duration,
    /// How long a nonce is good for. RFC 8656 §5 recommends at most an hour.
    pub nonce_lifetime: Duration,
    /// Relayed payload in bytes per second, both ways together, of all clients of this server (of several workers,
    /// each has its own). What is over it is dropped. `None`: as much as comes.
    pub bandwidth: Option<u64>,
    /// The same for each user.
    pub bandwidth_per_user: Option<u64>,
    /// Answers to those who have not proven who they are.
    pub unauthenticated: SourceRate,
}

/// How many unauthenticated requests of one source are answered: Binding requests, those without credentials, and
/// those with bad ones. The rest is ignored. The memory for it does not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceRate {
    /// Answers in a second.
    pub per_second: u32,
    /// Answers at once, after a silence.
    pub burst: u32,
    /// Bits of an IPv4 address that make a source: 0 to 32.
    pub v4_prefix: u8,
    /// Bits of an IPv6 address that make a source: 0 to 128.
    pub v6_prefix: u8,
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
            connections: 64,
            default_lifetime: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(3600),
            bandwidth: None,
            bandwidth_per_user: None,
            unauthenticated: SourceRate::default(),
        }
    }
}

impl Default for SourceRate {
    /// A whole IPv4 address, or a /64: 1,000 in a second, 2,000 at once. Many clients may stand behind one address.
    fn default() -> Self {
        Self {
            per_second: 1000,
            burst: 2000,
            v4_prefix: 32,
            v6_prefix: 64,
        }
    }
}
