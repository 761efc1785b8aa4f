//! The URIs of STUN and TURN servers (RFC 7064, RFC 7065), as in a browser's `RTCIceServer.urls`.

use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use crate::five_tuple::Transport;

mod error;
mod parse;

pub use error::{UriError, UriExpected};

/// Where a server is, and how it wants to be spoken to.
///
/// Read with [`str::parse`], written with `Display`: what was read is written in its shortest form.
///
/// ```
/// use ieum_stun::{Host, Transport, Uri};
///
/// let uri: Uri = "turns:turn.example.org?transport=tcp".parse()?;
/// assert!(uri.scheme.is_turn());
/// assert_eq!(uri.host, Host::Name("turn.example.org".into()));
/// assert_eq!((uri.port(), uri.transport()), (5349, Transport::Tls));
///
/// let error = "stun://example.org".parse::<Uri>().unwrap_err();
/// assert_eq!(error.to_string(), "at byte 5: expected a host right after the colon, without //");
/// # Ok::<(), ieum_stun::UriError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    /// The word before the colon.
    pub scheme: Scheme,
    /// Where the server is.
    pub host: Host,
    /// The port that was written, 1 to 65535; [`port`](Self::port) knows the default.
    pub explicit_port: Option<u16>,
    /// What `?transport=` says, in a TURN URI only; [`transport`](Self::transport) knows the default.
    pub explicit_transport: Option<UriTransport>,
}

impl Uri {
    /// The port: 3478 where none is written, 5349 for the secure schemes (RFC 7064 §3.2, RFC 7065 §3.2).
    pub fn port(&self) -> u16 {
        let default = if self.scheme.is_secure() { 5349 } else { 3478 };
        self.explicit_port.unwrap_or(default)
    }

    /// What carries the messages (RFC 7065 §3.2, RFC 5928 §3; DTLS RFC 7350 §4.6). Where none is written: UDP, and TLS
    /// over TCP for the secure schemes.
    pub fn transport(&self) -> Transport {
        match (self.scheme.is_secure(), self.explicit_transport) {
            (false, None | Some(UriTransport::Udp)) => Transport::Udp,
            (false, Some(UriTransport::Tcp)) => Transport::Tcp,
            (true, None | Some(UriTransport::Tcp)) => Transport::Tls,
            (true, Some(UriTransport::Udp)) => Transport::Dtls,
        }
    }

    /// The address, where the host is one: nothing needs to be looked up.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port())),
            Host::Name(_) => None,
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    /// Nothing may stand before or after the URI.
    ///
    /// # Errors
    /// [`UriError`] says at which byte what was expected.
    fn from_str(text: &str) -> Result<Self, UriError> {
        parse::uri(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme.as_str(), self.host)?;
        if let Some(port) = self.explicit_port {
            write!(f, ":{port}")?;
        }
        match self.explicit_transport {
            Some(transport) => write!(f, "?transport={}", transport.as_str()),
            None => Ok(()),
        }
    }
}

/// The word before the colon. Upper and lower case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// STUN (RFC 7064).
    Stun,
    /// STUN over TLS (RFC 7064).
    Stuns,
    /// TURN (RFC 7065).
    Turn,
    /// TURN over TLS or DTLS (RFC 7065).
    Turns,
}

impl Scheme {
    /// Whether the server is to relay: `turn` and `turns`.
    pub const fn is_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }

    /// Whether the way there is encrypted: `stuns` and `turns`.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Stuns | Self::Turns)
    }

    /// As it is written, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::Stuns => "stuns",
            Self::Turn => "turn",
            Self::Turns => "turns",
        }
    }
}

/// The host of a URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address; IPv6 stands in brackets.
    Ip(IpAddr),
    /// A name, as it was written: percent-encoding is not undone (RFC 3986 §3.2.2).
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What `?transport=` of a TURN URI says (RFC 7065 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UriTransport {
    /// `udp`: UDP, DTLS with `turns`.
    Udp,
    /// `tcp`: TCP, TLS with `turns`.
    Tcp,
}

impl UriTransport {
    /// As it is written, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

#[cfg(test)]
mod tests;
