//! The server's address: what the scheme says of the carrier, and the parts that connecting needs.

use tokio_tungstenite::tungstenite::http::Uri;

use super::{ConnectError, MqttVersion};
use crate::protocol::mqtt::PREFIX;

/// Which carrier a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `http`, `https`
    SocketIo,
    /// `ws`, `wss`
    WebSocket,
    /// `http+sse`, `https+sse`
    Http,
    /// `mqtt`, `mqtts`
    Mqtt,
}

/// A URL that this client can connect to.
#[derive(Clone)]
pub(crate) struct Url {
    scheme: Scheme,
    tls: bool,
    host: String,
    port: u16,
    /// What stands before the host in an MQTT URL: user name and password.
    login: Option<(String, String)>,
    prefix: String,
    version: Option<MqttVersion>,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, ConnectError> {
        let refuse = |problem| ConnectError::Url {
            url: without_login(text),
            problem,
        };
        let uri: Uri = text
            .parse()
            .map_err(|_| refuse("this is no URL; use http://host:port"))?;
        let (scheme, tls) = match uri.scheme_str() {
            Some("http") => (Scheme::SocketIo, false),
            Some("https") => (Scheme::SocketIo, true),
            Some("ws") => (Scheme::WebSocket, false),
            Some("wss") => (Scheme::WebSocket, true),
            Some("http+sse") => (Scheme::Http, false),
            Some("https+sse") => (Scheme::Http, true),
            Some("mqtt") => (Scheme::Mqtt, false),
            Some("mqtts") => (Scheme::Mqtt, true),
            _ => {
                return Err(refuse(
                    "the URL must begin with http://, ws://, http+sse:// or mqtt://, or with the same over TLS",
                ));
            }
        };
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or(refuse("the URL names no host"))?;
        let mut url = Self {
            scheme,
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(scheme.port(tls)),
            login: None,
            prefix: PREFIX.to_owned(),
            version: None,
        };
        match scheme {
            Scheme::Mqtt => url.read_broker(&uri).map_err(refuse)?,
            // In socket.io-client the path of a URL names a namespace, and we speak in the root one only.
            _ if !matches!(uri.path(), "" | "/") || uri.query().is_some() => {
                return Err(refuse(
                    "the URL must be that of a server, with no path; use http://host:port",
                ));
            }
            _ => {}
        }
        Ok(url)
    }

    /// `mqtt://user:password@host/prefix?version=3.1.1`
    fn read_broker(&mut self, uri: &Uri) -> Result<(), &'static str> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if let Some((login, _)) = authority.rsplit_once('@') {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let plain = |text| percent_decoded(text).ok_or("the user name or password is no text");
            self.login = Some((plain(user)?, plain(password)?));
        }
        let prefix = uri.path().trim_matches('/');
        if prefix.contains(['+', '#']) {
            return Err("an MQTT prefix must have no wildcard in it");
        }
        if !prefix.is_empty() {
            self.prefix = prefix.to_owned();
        }
        self.version = match uri.query() {
            None => None,
            Some("version=5") => Some(MqttVersion::V5),
            Some("version=3.1.1") => Some(MqttVersion::V3),
            Some(_) => {
                return Err("the one thing to ask an MQTT URL for is version=5 or version=3.1.1");
            }
        };
        Ok(())
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn tls(&self) -> bool {
        self.tls
    }

    /// The URL for people: without the password.
    pub(crate) fn text(&self) -> String {
        let scheme = match (self.scheme, self.tls) {
            (Scheme::SocketIo, false) => "http",
            (Scheme::SocketIo, true) => "https",
            (Scheme::WebSocket, false) => "ws",
            (Scheme::WebSocket, true) => "wss",
            (Scheme::Http, false) => "http+sse",
            (Scheme::Http, true) => "https+sse",
            (Scheme::Mqtt, false) => "mqtt",
            (Scheme::Mqtt, true) => "mqtts",
        };
        format!("{scheme}://{}", self.authority())
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as HTTP's `Host` has it.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Where `path` is opened as a WebSocket.
    pub(super) fn web_socket(&self, path: &str) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority())
    }

    /// MQTT: user name and password.
    pub(super) fn login(&self) -> Option<(&str, &str)> {
        let (user, password) = self.login.as_ref()?;
        Some((user, password))
    }

    /// MQTT: the first levels of every topic.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// MQTT: the version that the URL asks for.
    pub(crate) fn version(&self) -> Option<MqttVersion> {
        self.version
    }

    pub(crate) fn protocol(&self, reason: impl Into<String>) -> ConnectError {
        ConnectError::Protocol {
            url: self.text(),
            reason: reason.into(),
        }
    }

    pub(super) fn unreachable(&self, source: std::io::Error) -> ConnectError {
        ConnectError::Unreachable {
            url: self.text(),
            source,
        }
    }
}

impl std::fmt::Debug for Url {
    /// Without the password: it must not get into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Scheme {
    fn port(self, tls: bool) -> u16 {
        match (self, tls) {
            (Self::Mqtt, false) => 1883,
            (Self::Mqtt, true) => 8883,
            (_, false) => 80,
            (_, true) => 443,
        }
    }
}

/// A URL as given, but for what stands before an `@`.
pub(super) fn without_login(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}{}", &text[..scheme + 3], &text[at + 1..])
        }
        _ => text.to_owned(),
    }
}

/// RFC 3986 section 2.1; `None` where what comes out is no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        match (*first == b'%')
            .then(|| Some((digit(0)?, digit(1)?)))
            .flatten()
        {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_url_is_taken_apart() {
        let url = Url::parse("http://example.net:3030/").unwrap();
        assert_eq!((url.host(), url.port()), ("example.net", 3030));
        let url = Url::parse("https://[::1]:8").unwrap();
        assert_eq!((url.host(), url.port()), ("::1", 8));
        assert_eq!(url.web_socket("/ws"), "wss://[::1]:8/ws");
    }

    #[test]
    fn the_scheme_names_the_carrier_and_whether_there_is_tls() {
        for (text, scheme, tls, port) in [
            ("http://a", Scheme::SocketIo, false, 80),
            ("https://a", Scheme::SocketIo, true, 443),
            ("ws://a", Scheme::WebSocket, false, 80),
            ("wss://a", Scheme::WebSocket, true, 443),
            ("http+sse://a", Scheme::Http, false, 80),
            ("https+sse://a", Scheme::Http, true, 443),
            ("mqtt://a", Scheme::Mqtt, false, 1883),
            ("mqtts://a", Scheme::Mqtt, true, 8883),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.scheme(), url.tls(), url.port()), (scheme, tls, port));
        }
    }

    #[test]
    fn a_broker_url_has_a_login_a_prefix_and_a_version_and_shows_no_password() {
        let url = Url::parse("mqtt://me:p%40ss%2@b:1/my/calls/?version=3.1.1").unwrap();
        assert_eq!(url.login(), Some(("me", "p@ss%2")));
        assert_eq!(
            (url.prefix(), url.version()),
            ("my/calls", Some(MqttVersion::V3))
        );
        assert_eq!(format!("{url:?}"), "mqtt://b:1");
        let error = Url::parse("mqtt://me:hush@b/?version=4").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        assert_eq!(Url::parse("mqtt://b").unwrap().prefix(), "ieum");
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused_with_what_to_change() {
        for (text, hint) in [
            ("localhost:3030", "http://"),
            ("127.0.0.1", "http://"),
            ("ftp://a", "begin with http://"),
            ("http://a/room", "no path"),
            ("ws://a/ws", "no path"),
            ("http://a?x=1", "no path"),
            ("mqtt://a/+", "wildcard"),
            ("", "no URL"),
            ("http://a b", "no URL"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
