//! The HTTP side: the page, `/api/ice-servers`, and the signaling routes beside them.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::credentials::Issuer;
use crate::{assets, guard};

/// What the handlers know.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) issuer: Issuer,
    pub(crate) token: Option<Arc<str>>,
    /// Whether the server is bound to loopback.
    pub(crate) loopback: bool,
}

/// The page and the API behind their guard, and `signaling` as it is.
pub(crate) fn router(site: Site, signaling: Router) -> Router {
    let loopback = site.loopback;
    assets::routes()
        .route("/api/ice-servers", get(ice_servers))
        .layer(middleware::from_fn_with_state(loopback, guard::guard))
        .with_state(site)
        .merge(signaling)
}

/// Serves until `stop` changes; connections that are still busy then have [`GRACE`] to finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let mut asked = stop.clone();
    let mut late = stop;
    // An answer in signaling must not wait for the acknowledgement of the message before it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays with Nagle's algorithm");
        }
    });
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = asked.changed().await;
    });
    let deadline = async move {
        let _ = late.changed().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving.into_future() => {
            if let Err(error) = served {
                tracing::error!(%error, "HTTP stopped");
            }
        }
        () = deadline => tracing::debug!("HTTP connections were still busy and were dropped"),
    }
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
