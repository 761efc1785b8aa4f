//! The list of STUN and TURN servers that an `ieum` server hands out: `GET /api/ice-servers`.
//!
//! Plain HTTP/1.1 only. The answer is the W3C's `RTCIceServer` list, bare or under `iceServers`; it is read up to
//! 64 KiB and waited for up to five seconds.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use ieum_peer::IceServer;
use serde::Deserialize;
use tokio::net::TcpStream;

/// Why the list could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IceServersError {
    /// The URL is not `http://host[:port]`.
    #[error("{0} is not an http:// URL with a host, such as http://127.0.0.1:3030")]
    Url(String),
    /// TLS is not there yet.
    #[error("{0}: https is not supported yet; use the server's http:// URL")]
    Https(String),
    /// The token cannot stand in an HTTP header.
    #[error("the token holds characters that an HTTP header cannot carry")]
    Token,
    /// Nothing listens there, or the network refused.
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
/// (`http://host[:port]`; a path is ignored). `token` is sent as `Authorization: Bearer`.
///
/// # Errors
/// An unusable URL, a server that cannot be reached or refuses, an answer that is not the list.
pub async fn ice_servers(
    url: &str,
    token: Option<&str>,
) -> Result<Vec<IceServer>, IceServersError> {
    let (uri, host) = target(url)?;
    match tokio::time::timeout(TIMEOUT, fetch(&uri, &host, token)).await {
        Ok(answer) => read(&answer?, &host),
        Err(_) => Err(IceServersError::Timeout { host }),
    }
}

/// The URL of the list and the `host:port` to connect to.
fn target(url: &str) -> Result<(Uri, String), IceServersError> {
    let unusable = || IceServersError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| unusable())?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(IceServersError::Https(url.to_owned())),
        _ => return Err(unusable()),
    }
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(unusable)?;
    let host = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let uri = format!("http://{host}{PATH}")
        .parse()
        .map_err(|_| unusable())?;
    Ok((uri, host))
}

async fn fetch(uri: &Uri, host: &str, token: Option<&str>) -> Result<Bytes, IceServersError> {
    let answer = |what: String| IceServersError::Answer {
        host: host.to_owned(),
        what,
    };
    let mut request = Request::get(PATH).header(
        HOST,
        uri.authority().map_or(host, |authority| authority.as_str()),
    );
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| IceServersError::Token)?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| answer(error.to_string()))?;

    let stream = TcpStream::connect(host)
        .await
        .map_err(|source| IceServersError::Unreachable {
            host: host.to_owned(),
            source,
        })?;
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

    #[test]
    fn a_url_without_a_port_means_port_80_and_its_path_is_ignored() {
        let (uri, host) = target("http://example.org/some/page").unwrap();
        assert_eq!(host, "example.org:80");
        assert_eq!(uri, "http://example.org:80/api/ice-servers");
        assert_eq!(target("http://[::1]:3030").unwrap().1, "[::1]:3030");
    }

    #[test]
    fn https_and_nonsense_are_told_apart() {
        assert!(matches!(
            target("https://example.org"),
            Err(IceServersError::Https(_))
        ));
        for url in ["", "example.org", "ws://example.org", "/path", "http://"] {
            assert!(matches!(target(url), Err(IceServersError::Url(_))), "{url}");
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
