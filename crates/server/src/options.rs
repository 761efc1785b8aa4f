//! What a server is started with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ieum::peer::{AddressMapping, Interfaces};

/// Where the server listens and who may use it.
///
/// The default is what a bare `ieum up` runs: loopback only, HTTP on 3030, STUN and TURN on UDP 3478, no token.
#[derive(Clone, Eq, PartialEq)]
pub struct Options {
    /// The address for HTTP, for STUN and TURN, and for relayed ports. The unspecified address means every interface.
    pub bind: IpAddr,
    /// The TCP port for the page and for signaling; 0 takes any free one.
    pub port: u16,
    /// The UDP port for STUN and TURN; 0 takes any free one.
    pub stun_port: u16,
    /// Addresses under which the world reaches this machine, though no interface has them (a cloud's 1:1 NAT, a published
    /// container): told as the relays' addresses and in the echo peer's candidates. `/api/ice-servers` then names the host
    /// that its caller called. The ports must be the same on both sides.
    pub external: Vec<AddressMapping>,
    /// The UDP ports of relays and of the echo peer's connections; `None`: whichever the system gives.
    pub ports: Option<RangeInclusive<u16>>,
    /// The interfaces that the echo peer uses. Loopback is among them where [`bind`](Self::bind) is.
    pub interfaces: Interfaces,
    /// Clients of signaling and of `/api/ice-servers` must send this, when it is there.
    pub token: Option<String>,
    /// The MQTT broker that signaling joins, as `mqtt://user:password@host:port/prefix`, so that its peers and ours reach each other.
    pub mqtt: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3030,
            stun_port: 3478,
            external: Vec::new(),
            ports: None,
            interfaces: Interfaces::default(),
            token: None,
            mqtt: None,
        }
    }
}

/// Without the token.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bind", &self.bind)
            .field("port", &self.port)
            .field("stun_port", &self.stun_port)
            .field("external", &self.external)
            .field("ports", &self.ports)
            .field("interfaces", &self.interfaces)
            .finish_non_exhaustive()
    }
}
