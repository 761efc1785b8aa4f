//! `/api/ice-servers`: where STUN and TURN are, and fresh credentials for each caller.

use std::net::{IpAddr, SocketAddr};

use ieum::peer::IceServer;
use ieum_signaling::protocol;
use ieum_turn::credentials;
use serde::Serialize;

use crate::turn::unix_time;

/// Makes credentials that the TURN server, which knows the same secret, accepts.
#[derive(Clone)]
pub(crate) struct Issuer {
    secret: [u8; 32],
    stun: SocketAddr,
    /// Callers may know this machine by an address that it does not have.
    is_mapped: bool,
}

/// The answer: RTCConfiguration's `iceServers`, and for how many seconds it is good.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IceServers {
    ice_servers: [Entry; 2],
    ttl: u64,
}

#[derive(Debug, Serialize)]
struct Entry {
    urls: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl Issuer {
    pub(crate) fn new(secret: [u8; 32], stun: SocketAddr, is_mapped: bool) -> Self {
        Self {
            secret,
            stun,
            is_mapped,
        }
    }

    /// The same for a client of signaling, which is told when it joins. Without randomness there are none to give.
    pub(crate) fn offer(&self, host: Option<&str>) -> (Vec<protocol::IceServer>, u64) {
        match self.ice_servers(host) {
            Ok(made) => {
                let told = |entry: Entry| protocol::IceServer {
                    urls: entry.urls.into(),
                    username: entry.username,
                    credential: entry.credential,
                };
                (made.ice_servers.into_iter().map(told).collect(), made.ttl)
            }
            Err(error) => {
                tracing::error!(%error, "no credentials for a client's TURN");
                (Vec::new(), 0)
            }
        }
    }

    /// The servers as a caller reaches them that reached us at `host`. A server that is bound to one address names that
    /// address, whatever the caller called it, unless it stands behind another.
    pub(crate) fn ice_servers(&self, host: Option<&str>) -> Result<IceServers, getrandom::Error> {
        let bound = self.stun.ip();
        let by_host = bound.is_unspecified() || self.is_mapped;
        let host = match host {
            Some(host) if by_host && is_host(host) => bracketed(host),
            _ if bound.is_unspecified() => bracketed(&loopback_of(bound).to_string()),
            _ => bracketed(&bound.to_string()),
        };
        let port = self.stun.port();
        // A name of its own for each caller: TURN's limits are per name.
        let name = format!("{:016x}", getrandom::u64()?);
        let made = credentials::issue(&self.secret, &name, unix_time() + TTL_SECONDS);
        Ok(IceServers {
            ice_servers: [
                Entry {
                    urls: [format!("stun:{host}:{port}")],
                    username: None,
                    credential: None,
                },
                Entry {
                    urls: [format!("turn:{host}:{port}?transport=udp")],
                    username: Some(made.username),
                    credential: Some(made.password),
                },
            ],
            ttl: TTL_SECONDS,
        })
    }
}

impl IceServers {
    /// The same list as a native peer's configuration has it.
    pub(crate) fn into_native(self) -> Vec<IceServer> {
        let native = |entry: Entry| IceServer {
            urls: entry.urls.into(),
            username: entry.username,
            credential: entry.credential,
        };
        self.ice_servers.into_iter().map(native).collect()
    }
}

/// The address to reach a wildcard by from this machine.
pub(crate) fn loopback_of(unspecified: IpAddr) -> IpAddr {
    match unspecified {
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// Whether a Host header's name may stand in a URL that we hand back.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !host.is_empty() && (host.bytes().all(plain) || host.parse::<IpAddr>().is_ok())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// They are asked for at allocation only: a call outlives them. An hour is for programs that fetch them ahead of a call.
const TTL_SECONDS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(stun: &str, host: Option<&str>) -> Vec<String> {
        let issuer = Issuer::new([7; 32], stun.parse().expect("an address"), false);
        let made = issuer.ice_servers(host).expect("randomness");
        made.ice_servers
            .into_iter()
            .flat_map(|entry| entry.urls)
            .collect()
    }

    #[test]
    fn a_bound_address_is_named_whatever_the_caller_called_it() {
        let bound = ["stun:127.0.0.1:3478", "turn:127.0.0.1:3478?transport=udp"];
        assert_eq!(urls("127.0.0.1:3478", Some("localhost")), bound);
        assert_eq!(
            urls("[::1]:9", None),
            ["stun:[::1]:9", "turn:[::1]:9?transport=udp"]
        );
    }

    #[test]
    fn behind_a_wildcard_the_name_is_the_callers() {
        assert_eq!(
            urls("0.0.0.0:9", Some("turn.example"))[0],
            "stun:turn.example:9"
        );
        assert_eq!(
            urls("[::]:9", Some("2001:db8::1"))[0],
            "stun:[2001:db8::1]:9"
        );
        for odd in ["", "a b", "a\"b", "a/b", "a?b", "a:b"] {
            assert_eq!(
                urls("0.0.0.0:9", Some(odd))[0],
                "stun:127.0.0.1:9",
                "{odd:?}"
            );
        }
    }

    #[test]
    fn behind_a_nat_the_name_is_the_callers_though_the_address_is_bound()
    -> Result<(), getrandom::Error> {
        let issuer = Issuer::new([7; 32], ([10, 0, 0, 5], 9).into(), true);
        let url = |host| Ok(issuer.ice_servers(host)?.ice_servers[0].urls[0].clone());
        assert_eq!(url(Some("198.51.100.7"))?, "stun:198.51.100.7:9");
        assert_eq!(url(None)?, "stun:10.0.0.5:9");
        Ok(())
    }

    #[test]
    fn each_caller_gets_a_name_of_its_own() -> Result<(), getrandom::Error> {
        let issuer = Issuer::new([7; 32], ([127, 0, 0, 1], 9).into(), false);
        let name = || {
            issuer
                .ice_servers(None)
                .map(|made| made.ice_servers[1].username.clone())
        };
        assert_ne!(name()?, name()?);
        Ok(())
    }
}
