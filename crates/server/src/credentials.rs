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
    /// UDP, and TCP on the same port.
    stun: SocketAddr,
    /// The port for TLS, where there is a certificate.
    turns: Option<u16>,
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
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl Issuer {
    pub(crate) fn new(
        secret: [u8; 32],
        stun: SocketAddr,
        turns: Option<u16>,
        is_mapped: bool,
    ) -> Self {
        Self {
            secret,
            stun,
            turns,
            is_mapped,
        }
    }

    /// The same for a client of signaling, which is told when it joins. Without randomness there are none to give.
    pub(crate) fn offer(&self, host: Option<&str>) -> (Vec<protocol::IceServer>, u64) {
        match self.ice_servers(host) {
            Ok(made) => {
                let told = |entry: Entry| protocol::IceServer {
                    urls: entry.urls,
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
    /// address, whatever the caller called it, unless it stands behind another. For TLS the caller's name counts, since a
    /// certificate is for a name.
    pub(crate) fn ice_servers(&self, host: Option<&str>) -> Result<IceServers, getrandom::Error> {
        let called = host.filter(|host| is_host(host)).map(bracketed);
        let bound = self.stun.ip();
        let own = bracketed(&reachable(bound).to_string());
        let by_host = bound.is_unspecified() || self.is_mapped;
        let host = called.as_ref().filter(|_| by_host).unwrap_or(&own);
        let port = self.stun.port();
        let mut urls = vec![
            format!("turn:{host}:{port}?transport=udp"),
            format!("turn:{host}:{port}?transport=tcp"),
        ];
        urls.extend(self.turns.map(|port| {
            let host = called.as_ref().unwrap_or(&own);
            format!("turns:{host}:{port}?transport=tcp")
        }));
        self.entries(format!("stun:{host}:{port}"), urls)
    }

    /// The servers as a peer in this process reaches them: over UDP only, since nothing is between.
    pub(crate) fn own_servers(&self) -> Result<Vec<IceServer>, getrandom::Error> {
        let own = SocketAddr::new(reachable(self.stun.ip()), self.stun.port());
        let urls = vec![format!("turn:{own}?transport=udp")];
        let made = self.entries(format!("stun:{own}"), urls)?;
        let native = |entry: Entry| IceServer {
            urls: entry.urls,
            username: entry.username,
            credential: entry.credential,
        };
        Ok(made.ice_servers.into_iter().map(native).collect())
    }

    fn entries(&self, stun: String, turn: Vec<String>) -> Result<IceServers, getrandom::Error> {
        // A name of its own for each caller: TURN's limits are per name.
        let name = format!("{:016x}", getrandom::u64()?);
        let made = credentials::issue(&self.secret, &name, unix_time() + TTL_SECONDS);
        Ok(IceServers {
            ice_servers: [
                Entry {
                    urls: vec![stun],
                    username: None,
                    credential: None,
                },
                Entry {
                    urls: turn,
                    username: Some(made.username),
                    credential: Some(made.password),
                },
            ],
            ttl: TTL_SECONDS,
        })
    }
}

/// The address to reach a wildcard by from this machine.
pub(crate) fn loopback_of(unspecified: IpAddr) -> IpAddr {
    match unspecified {
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// The address that a peer on this machine reaches a bound one by.
fn reachable(bound: IpAddr) -> IpAddr {
    match bound.is_unspecified() {
        true => loopback_of(bound),
        false => bound,
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

    fn issuer(stun: &str, turns: Option<u16>) -> Issuer {
        Issuer::new([7; 32], stun.parse().expect("an address"), turns, false)
    }

    fn urls_of(issuer: &Issuer, host: Option<&str>) -> Vec<String> {
        let made = issuer.ice_servers(host).expect("randomness");
        made.ice_servers
            .into_iter()
            .flat_map(|entry| entry.urls)
            .collect()
    }

    fn urls(stun: &str, host: Option<&str>) -> Vec<String> {
        urls_of(&issuer(stun, None), host)
    }

    #[test]
    fn a_bound_address_is_named_whatever_the_caller_called_it() {
        let bound = [
            "stun:127.0.0.1:3478",
            "turn:127.0.0.1:3478?transport=udp",
            "turn:127.0.0.1:3478?transport=tcp",
        ];
        assert_eq!(urls("127.0.0.1:3478", Some("localhost")), bound);
        let v6 = [
            "stun:[::1]:9",
            "turn:[::1]:9?transport=udp",
            "turn:[::1]:9?transport=tcp",
        ];
        assert_eq!(urls("[::1]:9", None), v6);
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
    fn behind_a_nat_the_name_is_the_callers_though_the_address_is_bound() {
        let issuer = Issuer::new([7; 32], ([10, 0, 0, 5], 9).into(), None, true);
        let url = |host| urls_of(&issuer, host).swap_remove(0);
        assert_eq!(url(Some("198.51.100.7")), "stun:198.51.100.7:9");
        assert_eq!(url(None), "stun:10.0.0.5:9");
    }

    #[test]
    fn with_a_certificate_tls_is_at_the_name_that_the_caller_used() {
        for (stun, host, turns) in [
            ("127.0.0.1:9", Some("localhost"), "localhost"),
            ("203.0.113.5:9", Some("turn.example"), "turn.example"),
            ("203.0.113.5:9", None, "203.0.113.5"),
            ("0.0.0.0:9", Some("a b"), "127.0.0.1"),
        ] {
            let urls = urls_of(&issuer(stun, Some(5349)), host);
            let turns = format!("turns:{turns}:5349?transport=tcp");
            assert_eq!(urls.get(3), Some(&turns), "{urls:?}");
        }
    }

    #[test]
    fn a_peer_in_this_process_takes_udp() -> Result<(), getrandom::Error> {
        let servers = issuer("0.0.0.0:9", Some(5349)).own_servers()?;
        let urls: Vec<_> = servers.into_iter().flat_map(|server| server.urls).collect();
        let own = ["stun:127.0.0.1:9", "turn:127.0.0.1:9?transport=udp"];
        assert_eq!(urls, own);
        Ok(())
    }

    #[test]
    fn each_caller_gets_a_name_of_its_own() -> Result<(), getrandom::Error> {
        let issuer = issuer("127.0.0.1:9", None);
        let name = || {
            issuer
                .ice_servers(None)
                .map(|made| made.ice_servers[1].username.clone())
        };
        assert_ne!(name()?, name()?);
        Ok(())
    }
}
