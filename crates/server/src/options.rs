//! What a server is started with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ieum::peer::{AddressMapping, Interfaces};

use crate::turn::Certificate;

/// Where the server listens and who may use it.
///
/// The default is what a bare `ieum up` runs: loopback only, HTTP on 3030, STUN and TURN on UDP 3478, no token.
#[derive(Clone)]
pub struct Options {
    /// The address for HTTP, for STUN and TURN, and for relayed ports. The unspecified address means every interface.
    pub bind: IpAddr,
    /// The TCP port for the page and for signaling; 0 takes any free one.
    pub port: u16,
    /// The UDP port for STUN and TURN, and the TCP port for TURN; 0 takes any that is free for both.
    pub stun_port: u16,
    /// TURN over TLS. `None`: clients are told of UDP and TCP only.
    pub turns: Option<Turns>,
    /// Addresses under which the world reaches this machine, though no interface has them (a cloud's 1:1 NAT, a published
    /// container): told as the relays' addresses and in the echo peer's candidates. `/api/ice-servers` then names the host
    /// that its caller called. The ports must be the same on both sides.
    pub external: Vec<AddressMapping>,
    /// The UDP ports of relays (a client may open one for each way to us, and keep it) and of the echo peer's connections; `None`: whichever the system gives.
    pub ports: Option<RangeInclusive<u16>>,
    /// The interfaces that the echo peer uses. Loopback is among them where [`bind`](Self::bind) is.
    pub interfaces: Interfaces,
    /// Clients of signaling and of `/api/ice-servers` must send this, when it is there.
    pub token: Option<String>,
    /// The MQTT broker that signaling joins, as `mqtt://user:password@host:port/prefix`, so that its peers and ours reach each other.
    pub mqtt: Option<String>,
}

/// TURN over TLS, and over DTLS on the same port.
#[derive(Clone, Debug)]
pub struct Turns {
    /// Shown to clients, who must trust it for the host name that they called the server by: that name is in the URL that
    /// they are handed.
    pub certificate: Certificate,
    /// The TCP and UDP port (5349 is the registered one); 0 takes any that is free for both.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3030,
            stun_port: 3478,
            turns: None,
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
            .field("turns", &self.turns)
            .field("external", &self.external)
            .field("ports", &self.ports)
            .field("interfaces", &self.interfaces)
            .finish_non_exhaustive()
    }
}
