//! The server's address.

use tokio_tungstenite::tungstenite::http::Uri;

use super::ConnectError;

/// A URL that this client can connect to: `http://host[:port]`.
#[derive(Debug, Clone)]
pub(super) struct Url {
    text: String,
    host: String,
    port: u16,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, ConnectError> {
        let refuse = |problem| ConnectError::Url {
            url: text.to_owned(),
            problem,
        };
        let uri: Uri = text
            .parse()
            .map_err(|_| refuse("this is no URL; use http://host:port"))?;
        match uri.scheme_str() {
            Some("http" | "ws") => {}
            Some("https" | "wss") => {
                return Err(refuse("TLS is not supported yet; use http://host:port"));
            }
            _ => return Err(refuse("the URL must begin with http://")),
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            // In socket.io-client the path of a URL names a namespace, and we speak in the root one only.
            return Err(refuse(
                "the URL must be that of a server, with no path; use http://host:port",
            ));
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or(refuse("the URL names no host"))?;
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
        })
    }

    /// As the caller gave it.
    pub(super) fn text(&self) -> String {
        self.text.clone()
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Where Engine.IO 4 is opened on WebSocket.
    pub(super) fn web_socket(&self) -> String {
        format!(
            "ws://{}:{}/socket.io/?EIO=4&transport=websocket",
            self.host, self.port
        )
    }

    pub(super) fn protocol(&self, reason: impl Into<String>) -> ConnectError {
        ConnectError::Protocol {
            url: self.text(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_url_is_taken_apart() {
        let url = Url::parse("http://example.net:3030/").unwrap();
        assert_eq!((url.host(), url.port()), ("example.net", 3030));
        let url = Url::parse("http://[::1]:8").unwrap();
        assert_eq!((url.host(), url.port()), ("::1", 8));
        assert_eq!(
            url.web_socket(),
            "ws://[::1]:8/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(Url::parse("ws://a").unwrap().port(), 80);
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused_with_what_to_change() {
        for (text, hint) in [
            ("https://a", "TLS is not supported"),
            ("localhost:3030", "http://"),
            ("127.0.0.1", "http://"),
            ("ftp://a", "begin with http://"),
            ("http://a/room", "no path"),
            ("http://a?x=1", "no path"),
            ("", "no URL"),
            ("http://a b", "no URL"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
