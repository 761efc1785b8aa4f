//! What the URLs of STUN and TURN servers (RFC 7064, RFC 7065) stand for.

use std::net::SocketAddr;

use ieum_ice::{Server, ServerKind, Transport};
use ieum_stun::{Host, Uri};

use super::IceServer;

/// A server that can be asked once its host has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: String,
    uri: Uri,
    kind: ServerKind,
}

impl Target {
    /// The address, where the host is one.
    pub(super) fn literal(&self) -> Option<SocketAddr> {
        self.uri.socket_addr()
    }

    /// Whether it is a TURN server that is asked over UDP.
    pub(super) fn relays_over_udp(&self) -> bool {
        self.uri.scheme.is_turn() && self.uri.transport() == Transport::Udp
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The name to be looked up; empty where there is an address.
    pub(super) fn host(&self) -> &str {
        match &self.uri.host {
            Host::Name(name) => name,
            Host::Ip(_) => "",
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.port()
    }

    pub(super) fn at(&self, addr: SocketAddr) -> Server {
        let (url, kind) = (self.url.clone(), self.kind.clone());
        Server {
            url,
            addr,
            transport: self.uri.transport(),
            server_name: Some(self.host().to_owned()).filter(|name| !name.is_empty()),
            kind,
        }
    }
}

/// What a URL stands for, or why it cannot be used.
pub(super) fn target(url: &str, server: &IceServer) -> Result<Target, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error: ieum_stun::UriError| error.to_string())?;
    let kind = match (uri.scheme.is_turn(), uri.transport()) {
        (true, Transport::Dtls) => return Err("TURN over DTLS is not supported".to_owned()),
        (true, _) => turn_kind(server)?,
        (false, Transport::Udp) => ServerKind::Stun,
        (false, _) => {
            return Err("a STUN server over TLS tells no address for UDP: use stun".to_owned());
        }
    };
    Ok(Target {
        url: url.to_owned(),
        uri,
        kind,
    })
}

fn turn_kind(server: &IceServer) -> Result<ServerKind, String> {
    match (&server.username, &server.credential) {
        (Some(username), Some(password)) => Ok(ServerKind::Turn {
            username: username.clone(),
            password: password.clone(),
        }),
        _ => Err("a TURN server needs a username and a credential".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<(String, u16, Transport), String> {
        let server = IceServer::turn(url, "alice", "secret");
        let read = target(url, &server)?;
        let at = read.at("192.0.2.1:1".parse().unwrap());
        let host = at.server_name.unwrap_or_default();
        Ok((host, read.port(), at.transport))
    }

    #[test]
    fn urls_say_where_a_server_is_how_it_is_reached_and_whom_its_certificate_names() {
        for (url, host, port, transport) in [
            (
                "stun:stun.example.org",
                "stun.example.org",
                3478,
                Transport::Udp,
            ),
            ("stun:192.0.2.1:19302", "", 19302, Transport::Udp),
            (
                "turn:[2001:db8::1]:5349?transport=udp",
                "",
                5349,
                Transport::Udp,
            ),
            (
                "turn:example.org?transport=tcp",
                "example.org",
                3478,
                Transport::Tcp,
            ),
            ("turns:example.org", "example.org", 5349, Transport::Tls),
            ("turns:192.0.2.1:443?transport=tcp", "", 443, Transport::Tls),
        ] {
            assert_eq!(read(url), Ok((host.to_owned(), port, transport)), "{url}");
        }
        let addr: SocketAddr = "[2001:db8::1]:3478".parse().unwrap();
        let server = IceServer::turn("turn:[2001:db8::1]", "alice", "secret");
        assert_eq!(
            target(&server.urls[0], &server).unwrap().literal(),
            Some(addr)
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (url, reason) in [
            (
                "turns:example.org?transport=udp",
                "TURN over DTLS is not supported",
            ),
            (
                "stuns:example.org",
                "a STUN server over TLS tells no address for UDP: use stun",
            ),
            (
                "stun:example.org:port",
                "at byte 17: expected a port from 1 to 65535",
            ),
        ] {
            assert_eq!(read(url), Err(reason.to_owned()), "{url}");
        }
        let server = IceServer::stun("turn:example.org");
        let error = target("turn:example.org", &server).unwrap_err();
        assert_eq!(error, "a TURN server needs a username and a credential");
    }
}
