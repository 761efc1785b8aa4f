//! STUN and TURN URLs (RFC 7064, RFC 7065).

use std::net::{IpAddr, SocketAddr};

use ieum_ice::{Server, ServerKind, Transport};

use super::IceServer;

/// A server that can be asked once its host has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: String,
    pub(super) host: String,
    pub(super) port: u16,
    kind: ServerKind,
}

impl Target {
    /// The address, where the host is one.
    pub(super) fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn at(&self, addr: SocketAddr) -> Server {
        let (url, kind) = (self.url.clone(), self.kind.clone());
        Server {
            url,
            addr,
            transport: Transport::Udp,
            server_name: None,
            kind,
        }
    }
}

/// What a URL stands for, or why it cannot be used.
pub(super) fn target(url: &str, server: &IceServer) -> Result<Target, String> {
    let (scheme, rest) = url
        .split_once(':')
        .ok_or("it has no scheme: stun or turn")?;
    let (authority, query) = rest
        .split_once('?')
        .map_or((rest, None), |(a, q)| (a, Some(q)));
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "stun" if query.is_some() => return Err("a stun URL has no query (RFC 7064)".to_owned()),
        "stun" => ServerKind::Stun,
        "turn" => {
            check_transport(query)?;
            turn_kind(server)?
        }
        "stuns" | "turns" => return Err(format!("{scheme} (TLS) is not supported yet")),
        other => return Err(format!("{other} is no scheme of a STUN or TURN server")),
    };
    let (host, port) = host_and_port(authority)?;
    Ok(Target {
        url: url.to_owned(),
        host,
        port,
        kind,
    })
}

fn check_transport(query: Option<&str>) -> Result<(), String> {
    match query {
        None | Some("transport=udp") => Ok(()),
        Some("transport=tcp") => Err("TURN over TCP is not supported yet".to_owned()),
        Some(other) => Err(format!("?{other} is not known")),
    }
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

fn host_and_port(authority: &str) -> Result<(String, u16), String> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("an IPv6 address ends with ]")?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| format!("{port} is no port"))?,
        None if rest.is_empty() => DEFAULT_PORT,
        None => return Err(format!("{rest} does not belong there")),
    };
    Ok((host.to_owned(), port))
}

/// RFC 7064 §3.2, RFC 7065 §3.2.
const DEFAULT_PORT: u16 = 3478;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<(String, u16), String> {
        let server = IceServer::turn(url, "alice", "secret");
        target(url, &server).map(|target| (target.host, target.port))
    }

    #[test]
    fn urls_are_read() {
        for (url, host, port) in [
            ("stun:stun.example.org", "stun.example.org", 3478),
            ("stun:192.0.2.1:19302", "192.0.2.1", 19302),
            ("turn:[2001:db8::1]:5349?transport=udp", "2001:db8::1", 5349),
            ("turn:[2001:db8::1]", "2001:db8::1", 3478),
        ] {
            assert_eq!(read(url), Ok((host.to_owned(), port)), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (url, reason) in [
            ("turns:example.org", "turns (TLS) is not supported yet"),
            (
                "turn:example.org?transport=tcp",
                "TURN over TCP is not supported yet",
            ),
            (
                "http://example.org",
                "http is no scheme of a STUN or TURN server",
            ),
            ("stun:example.org:port", "port is no port"),
            ("stun:", "it has no host"),
            ("stun", "it has no scheme: stun or turn"),
        ] {
            assert_eq!(read(url), Err(reason.to_owned()), "{url}");
        }
        let server = IceServer::stun("turn:example.org");
        let error = target("turn:example.org", &server).unwrap_err();
        assert_eq!(error, "a TURN server needs a username and a credential");
    }
}
