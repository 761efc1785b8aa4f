//! The list of STUN and TURN servers that an `ieum` server hands out: `GET /api/ice-servers`.
//!
//! HTTP/1.1, over TLS where the URL says so. The answer is the W3C's `RTCIceServer` list, bare or under `iceServers`; it is read up to
//! 64 KiB and waited for up to five seconds.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use ieum_peer::IceServer;
use ieum_signaling::client::TlsRoots;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Why the list could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IceServersError {
    /// The URL is not `http(s)://host[:port]`.
    #[error("{0} is not an http:// or https:// URL with a host, such as http://127.0.0.1:3030")]
    Url(String),
    /// The token cannot stand in an HTTP header.
    #[error("the token holds characters that an HTTP header cannot carry")]
    Token,
    /// Nothing listens there, the network refused, or over TLS the server is not who it should be.
    #[error("cannot reach {host}: {source}")]
    Unreachable {
        /// Host and port that were tried.
        host: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No whole answer within the time that is waited.
    #[error("{host} gave no answer within {} s", TIMEOUT.as_secs())]
    Timeout {
        /// Host and port that were tried.
        host: String,
    },
    /// The server wants another token than the one that was sent.
    #[error("{host} refuses the list of ICE servers (HTTP {status}): check the token")]
    Refused {
        /// Host and port that answered.
        host: String,
        /// The status code: 401 or 403.
        status: u16,
    },
    /// An answer that is not the list.
    #[error("{host} did not answer with a list of ICE servers: {what}")]
    Answer {
        /// Host and port that answered.
        host: String,
        /// What was wrong with the answer.
        what: String,
    },
}

/// Fetches the STUN and TURN servers, with fresh credentials, of the `ieum` server at `url`
/// (`http(s)://host[:port]`; a path is ignored). `token` is sent as `Authorization: Bearer`. Over TLS the system's authorities are
/// trusted.
///
/// # Errors
/// An unusable URL, a server that cannot be reached or refuses, an answer that is not the list.
pub async fn ice_servers(
    url: &str,
    token: Option<&str>,
) -> Result<Vec<IceServer>, IceServersError> {
    ice_servers_trusting(url, token, &TlsRoots::System).await
}

/// As [`ice_servers`], of a server whose certificate is of `roots`.
///
/// # Errors
/// As [`ice_servers`].
pub async fn ice_servers_trusting(
    url: &str,
    token: Option<&str>,
    roots: &TlsRoots,
) -> Result<Vec<IceServer>, IceServersError> {
    let target = Target::read(url)?;
    let asked = async {
        if target.tls {
            let connected = roots.connect(&target.host, target.port).await;
            target.fetch(target.reached(connected)?, token).await
        } else {
            let connected = TcpStream::connect((target.host.as_str(), target.port)).await;
            target.fetch(target.reached(connected)?, token).await
        }
    };
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => read(&answer?, &target.authority),
        Err(_) => Err(IceServersError::Timeout {
            host: target.authority,
        }),
    }
}

/// Whom to ask.
struct Target {
    tls: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Host and port as in a URL.
    authority: String,
}

impl Target {
    fn read(url: &str) -> Result<Self, IceServersError> {
        let unusable = || IceServersError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| unusable())?;
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(unusable()),
        };
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(unusable)?;
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: format!("{host}:{port}"),
        })
    }

    fn reached<T>(&self, connected: io::Result<T>) -> Result<T, IceServersError> {
        connected.map_err(|source| IceServersError::Unreachable {
            host: self.authority.clone(),
            source,
        })
    }

    async fn fetch(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        token: Option<&str>,
    ) -> Result<Bytes, IceServersError> {
        let host = self.authority.as_str();
        let answer = |what: String| IceServersError::Answer {
            host: host.to_owned(),
            what,
        };
        let mut request = Request::get(PATH).header(HOST, host);
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| IceServersError::Token)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| answer(error.to_string()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| answer(error.to_string()))?;
        let exchange = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| answer(error.to_string()))?;
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
                return Err(IceServersError::Refused {
                    host: host.to_owned(),
                    status: status.as_u16(),
                });
            }
            if status != StatusCode::OK {
                return Err(answer(format!("HTTP {}", status.as_u16())));
            }
            let body = Limited::new(response.into_body(), MOST_BYTES)
                .collect()
                .await;
            body.map(http_body_util::Collected::to_bytes)
                .map_err(|error| answer(error.to_string()))
        };
        // The connection is driven here and not in a task, so that a dropped future leaves nothing behind.
        tokio::pin!(exchange, connection);
        tokio::select! {
            biased;
            body = &mut exchange => body,
            end = &mut connection => match end {
                Ok(()) => exchange.await,
                Err(error) => Err(answer(error.to_string())),
            },
        }
    }
}

fn read(body: &[u8], host: &str) -> Result<Vec<IceServer>, IceServersError> {
    let list: List = serde_json::from_slice(body).map_err(|error| IceServersError::Answer {
        host: host.to_owned(),
        what: error.to_string(),
    })?;
    let (List::Bare(servers)
    | List::Wrapped {
        ice_servers: servers,
    }) = list;
    Ok(servers.into_iter().map(IceServer::from).collect())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Bare(Vec<Entry>),
    Wrapped {
        #[serde(rename = "iceServers")]
        ice_servers: Vec<Entry>,
    },
}

/// W3C `RTCIceServer`: `urls` is one string or several.
#[derive(Deserialize)]
struct Entry {
    urls: Urls,
    username: Option<String>,
    credential: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Several(Vec<String>),
}

impl From<Entry> for IceServer {
    fn from(entry: Entry) -> Self {
        let urls = match entry.urls {
            Urls::One(url) => vec![url],
            Urls::Several(urls) => urls,
        };
        Self {
            urls,
            username: entry.username,
            credential: entry.credential,
        }
    }
}

/// Where an `ieum` server hands the list out.
const PATH: &str = "/api/ice-servers";

/// A list of servers is a few hundred bytes; more than this is not one.
const MOST_BYTES: usize = 64 * 1024;

/// A server that has not answered by then is as good as absent to a person who waits.
const TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Option<(bool, String, u16, String)> {
        let target = Target::read(url).ok()?;
        Some((target.tls, target.host, target.port, target.authority))
    }

    #[test]
    fn a_url_without_a_port_means_that_of_its_scheme_and_its_path_is_ignored() {
        for (url, tls, host, port, authority) in [
            (
                "http://a.example/some/page",
                false,
                "a.example",
                80,
                "a.example:80",
            ),
            ("https://a.example", true, "a.example", 443, "a.example:443"),
            ("https://[::1]:3030", true, "::1", 3030, "[::1]:3030"),
        ] {
            let read = Some((tls, host.into(), port, authority.into()));
            assert_eq!(target(url), read);
        }
    }

    #[test]
    fn what_is_no_web_server_s_url_is_refused() {
        for url in ["", "example.org", "ws://example.org", "/path", "http://"] {
            let error = Target::read(url).err();
            assert!(matches!(error, Some(IceServersError::Url(_))), "{url}");
        }
    }

    #[test]
    fn the_list_is_read_bare_or_wrapped_with_one_url_or_several() {
        let bare = br#"[{"urls":"stun:127.0.0.1:3478"}]"#;
        let wrapped = br#"{"iceServers":[{"urls":["turn:h:1","turn:h:2"],"username":"u","credential":"c"}],"ttl":1}"#;
        assert_eq!(read(bare, "h").unwrap()[0].urls, ["stun:127.0.0.1:3478"]);
        let servers = read(wrapped, "h").unwrap();
        assert_eq!(servers[0].urls, ["turn:h:1", "turn:h:2"]);
        assert_eq!(servers[0].credential.as_deref(), Some("c"));
        assert!(matches!(
            read(b"<html>", "h"),
            Err(IceServersError::Answer { .. })
        ));
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(
            ice_servers(&url, None).await,
            Err(IceServersError::Unreachable { .. })
        ));
    }
}
