//! From HTTP to WebSocket (section 4.2).

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};

use super::Stream;

/// The connection becomes a WebSocket once the answer is sent.
pub(in crate::server) struct Upgrade {
    pending: OnUpgrade,
    message_bytes: usize,
}

/// Reads a request for a WebSocket whose messages have at most `message_bytes`: the answer, and what comes after it. `None`: the answer
/// says why not.
pub(in crate::server) fn upgrade(
    mut request: Request,
    message_bytes: usize,
) -> (Response, Option<Upgrade>) {
    if request.method() != Method::GET || !asks_for_websocket(request.headers()) {
        return (plain(StatusCode::BAD_REQUEST), None);
    }
    if request.headers().get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let mut response = plain(StatusCode::UPGRADE_REQUIRED);
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
        headers.insert(UPGRADE, WEBSOCKET);
        headers.insert(CONNECTION, WITH_UPGRADE);
        return (response, None);
    }
    let key = request.headers().get(SEC_WEBSOCKET_KEY);
    let Some(accept) = key.and_then(accept) else {
        return (plain(StatusCode::BAD_REQUEST), None);
    };
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(UPGRADE, WEBSOCKET);
    headers.insert(CONNECTION, WITH_UPGRADE);
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    let upgrade = Upgrade {
        pending: hyper::upgrade::on(&mut request),
        message_bytes,
    };
    (response, Some(upgrade))
}

impl Upgrade {
    /// Waits for the connection. `None`: it is gone.
    pub(in crate::server) async fn connection(self) -> Option<Stream> {
        let upgraded = self.pending.await.ok()?;
        Some(Stream::new(TokioIo::new(upgraded), self.message_bytes))
    }
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let names = |header: HeaderName, wanted: &str| {
        let values = headers.get_all(header).into_iter();
        let mut words = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

/// Section 4.2.2, item 5.4. `None`: the key is not 16 bytes in base64.
fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let decoded = BASE64_STANDARD.decode(key).ok()?;
    if decoded.len() != 16 {
        return None;
    }
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&BASE64_STANDARD.encode(hash)).ok()
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: HeaderValue = HeaderValue::from_static("13");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const WITH_UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/ws");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");

    #[test]
    fn the_rfc_s_own_key_gets_its_answer() {
        let (answer, upgrade) = upgrade(
            request(&[
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "WebSocket"),
                ("sec-websocket-version", "13"),
                KEY,
            ]),
            1,
        );
        assert!(upgrade.is_some());
        assert_eq!(answer.status(), 101);
        assert_eq!(
            answer.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_request_that_is_not_for_a_websocket_of_ours_is_told_so() {
        let [connection, upgrading, version] = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
        ];
        for (headers, status) in [
            (vec![], 400),
            (vec![connection, upgrading, version], 400),
            (vec![connection, version, KEY], 400),
            (vec![upgrading, version, KEY], 400),
            (
                vec![
                    connection,
                    upgrading,
                    version,
                    ("sec-websocket-key", "short"),
                ],
                400,
            ),
            (
                vec![connection, upgrading, ("sec-websocket-version", "8"), KEY],
                426,
            ),
        ] {
            let (answer, upgrade) = upgrade(request(&headers), 1);
            assert!(upgrade.is_none());
            assert_eq!(answer.status(), status, "{headers:?}");
        }
    }
}
