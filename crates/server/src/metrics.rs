//! `/metrics` of everything that runs: what signaling tells, and what TURN tells behind it.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::turn::{self, Observer};

/// Adds TURN's metrics to signaling's answer. Where a thread of TURN does not answer, there is none: a counter that is
/// missing for a while must not look like one that begins again.
pub(crate) async fn with_turn(
    State(turn): State<Observer>,
    request: Request,
    next: Next,
) -> Response {
    let asked = request.method() == Method::GET && request.uri().path() == PATH;
    let response = next.run(request).await;
    if !asked || !response.status().is_success() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let both = (to_bytes(body, LONGEST).await, turn::metrics(turn).await);
    let (Ok(signaling), Some(turn)) = both else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    head.headers.remove(CONTENT_LENGTH);
    let text = [&signaling[..], turn.as_bytes()].concat();
    Response::from_parts(head, Body::from(text))
}

/// Where signaling tells its own.
const PATH: &str = "/metrics";
/// Its metrics have fixed labels: they are far shorter.
const LONGEST: usize = 1 << 20;
