//! What a client is told at construction.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ieum_stun::{Family, FiveTuple};

/// What a client needs to know.
#[derive(Clone)]
pub struct Config {
    /// `local` is our base, `remote` the server.
    pub server: FiveTuple,
    /// The username of the long-term credentials, under 509 bytes.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Where transaction ids come from: draw it from the operating system.
    pub seed: [u8; 32],
    /// Of which address families the relayed addresses are to be.
    pub families: Families,
    /// Ask for an even port, with `true` for the next higher one to be kept besides: its token comes with
    /// [`Client::reservation_token`](super::Client::reservation_token) (RFC 8656 §7.1, EVEN-PORT).
    pub even_port: Option<bool>,
    /// Ask for the port that an earlier allocation has had kept; `families` and `even_port` do not count then.
    pub reservation: Option<[u8; 8]>,
    /// How long an allocation is to live between two refreshes, which come by themselves. `None`: what the server
    /// takes by default.
    pub lifetime: Option<Duration>,
    /// Ask for a ticket with which the allocation can be taken to another base:
    /// [`Client::migrate`](super::Client::migrate) (RFC 8016).
    pub mobility: bool,
    /// After [`Event::Lost`](super::Event::Lost), ask for a new allocation by itself, with the same channels and
    /// permissions.
    pub reallocate: bool,
}

impl Config {
    /// One relayed address of the base's family, and nothing beyond it.
    pub fn new(server: FiveTuple, username: &str, password: &str, seed: [u8; 32]) -> Self {
        Self {
            server,
            username: username.to_owned(),
            password: password.to_owned(),
            seed,
            families: Families::Base,
            even_port: None,
            reservation: None,
            lifetime: None,
            mobility: false,
            reallocate: false,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("server", &self.server)
            .field("families", &self.families)
            .finish_non_exhaustive()
    }
}

/// Of which address families relayed addresses are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Families {
    /// That of our base; where the server has no relay of it (440), the other one.
    #[default]
    Base,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Both in one allocation (RFC 8656 §7.1, ADDITIONAL-ADDRESS-FAMILY): IPv4 comes with
    /// [`Event::Allocated`](super::Event::Allocated), IPv6 with [`Event::SecondFamily`](super::Event::SecondFamily).
    Both,
}

impl Families {
    /// The first family to ask for.
    pub(super) fn first(self, base: SocketAddr) -> Family {
        match self {
            Self::Base => Family::of(base.ip()),
            Self::V4 | Self::Both => Family::V4,
            Self::V6 => Family::V6,
        }
    }
}
