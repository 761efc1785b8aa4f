//! Who may read the page and `/api/ice-servers`: the Host check, the Origin check, the token, the security headers.
//!
//! The signaling routes are not behind it: they are open to every origin by contract, and have their own token.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Refuses what a web site must not get, and adds the security headers to everything.
///
/// A web site whose name resolves to 127.0.0.1 (DNS rebinding) is of the same origin in the browser's eyes, but cannot
/// change the Host header; so a server on loopback answers to loopback names only.
pub(crate) async fn guard(State(loopback): State<bool>, request: Request, next: Next) -> Response {
    let mut response = match refusal(loopback, request.headers()) {
        Some(text) => (StatusCode::FORBIDDEN, text).into_response(),
        None => next.run(request).await,
    };
    for (name, value) in SECURITY_HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the request carries the token, where one is configured. Takes the same time wherever they differ.
pub(crate) fn has_token(headers: &HeaderMap, token: Option<&str>) -> bool {
    let Some(token) = token else { return true };
    let sent = text(headers, &AUTHORIZATION).unwrap_or_default();
    let (scheme, sent) = sent.split_once(' ').unwrap_or_default();
    let difference = sent
        .bytes()
        .zip(token.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    scheme.eq_ignore_ascii_case("bearer") && sent.len() == token.len() && difference == 0
}

/// The host's name in the Host header, without the port and without brackets.
pub(crate) fn host_name(headers: &HeaderMap) -> Option<&str> {
    let host = text(headers, &HOST)?;
    match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(name, _)| name),
        None => host.split(':').next(),
    }
}

fn refusal(loopback: bool, headers: &HeaderMap) -> Option<&'static str> {
    if loopback && !host_name(headers).is_some_and(is_loopback_name) {
        return Some(
            "this server is bound to loopback and answers to localhost, 127.0.0.1 and [::1] only",
        );
    }
    let origin = text(headers, &ORIGIN)?;
    let ours = text(headers, &HOST).is_some_and(|host| {
        origin
            .split_once("://")
            .is_some_and(|(_, origin)| origin == host)
    });
    (!ours).then_some("only this server's own page may ask for this")
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `'self'` in `connect-src` covers WebSocket to the same host and port (CSP 3).
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a header value")))
            .collect()
    }

    #[test]
    fn a_server_on_loopback_answers_to_loopback_names_only() {
        for host in [
            "localhost:3030",
            "LOCALHOST",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:3030",
        ] {
            assert_eq!(refusal(true, &headers(&[(HOST, host)])), None, "{host}");
        }
        for host in [
            "evil.example:3030",
            "localhost.evil.example",
            "192.0.2.1",
            "[::2]:1",
            "[::1",
            "",
        ] {
            assert!(refusal(true, &headers(&[(HOST, host)])).is_some(), "{host}");
            assert_eq!(refusal(false, &headers(&[(HOST, host)])), None, "{host}");
        }
        assert!(refusal(true, &headers(&[])).is_some());
    }

    #[test]
    fn another_origin_is_refused() {
        let host = (HOST, "localhost:3030");
        assert_eq!(
            refusal(
                true,
                &headers(&[host.clone(), (ORIGIN, "http://localhost:3030")])
            ),
            None
        );
        for origin in ["http://localhost:8080", "https://evil.example", "null"] {
            assert!(
                refusal(true, &headers(&[host.clone(), (ORIGIN, origin)])).is_some(),
                "{origin}"
            );
        }
    }

    #[test]
    fn the_token_must_be_sent_as_a_bearer() {
        let sent = |value| has_token(&headers(&[(AUTHORIZATION, value)]), Some("s3cret"));
        assert!(sent("Bearer s3cret") && sent("bearer s3cret"));
        assert!(
            !sent("Bearer s3cre")
                && !sent("Bearer s3cret2")
                && !sent("Basic s3cret")
                && !sent("s3cret")
        );
        assert!(!has_token(&headers(&[]), Some("s3cret")));
        assert!(has_token(&headers(&[]), None));
    }
}
