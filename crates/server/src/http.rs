//! The HTTP side: the page, `/api/ice-servers`, and the signaling routes beside them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use ieum_signaling::server as signaling;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::credentials::Issuer;
use crate::turn::Observer;
use crate::{assets, guard, metrics};

/// What the handlers know.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) issuer: Issuer,
    pub(crate) token: Option<Arc<str>>,
    /// Whether the server is bound to loopback.
    pub(crate) loopback: bool,
}

/// The page and the API behind their guard, and `signaling` as it is, but for TURN's metrics beside its own.
pub(crate) fn router(site: Site, signaling: Router, turn: Observer) -> Router {
    let loopback = site.loopback;
    let signaling = signaling.layer(middleware::from_fn_with_state(turn, metrics::with_turn));
    assets::routes()
        .route("/api/ice-servers", get(ice_servers))
        .layer(middleware::from_fn_with_state(loopback, guard::guard))
        .with_state(site)
        .merge(signaling)
}

/// Serves until `stop` changes; connections that are still busy then have [`GRACE`] to finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let how = signaling::Serve {
        grace: GRACE,
        ..signaling::Serve::default()
    };
    let stopped = async move { drop(stop.changed().await) };
    signaling::serve(listener, router, how, stopped).await;
}

async fn ice_servers(State(site): State<Site>, headers: HeaderMap) -> Response {
    if !guard::has_token(&headers, site.token.as_deref()) {
        return (
            StatusCode::UNAUTHORIZED,
            [("www-authenticate", "Bearer")],
            "a token is needed",
        )
            .into_response();
    }
    match site.issuer.ice_servers(guard::host_name(&headers)) {
        Ok(made) => ([(CACHE_CONTROL, "no-store")], Json(made)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

const GRACE: Duration = Duration::from_secs(1);
