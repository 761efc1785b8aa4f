//! HTTP for those who watch a server: `/metrics`, `/health`, `/ready`.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Observer;

#[derive(Clone)]
struct Watched {
    observer: Observer,
    draining: watch::Receiver<bool>,
}

/// Serves `GET /metrics` (Prometheus), `/health` (200 while every thread answers) and `/ready` (200 while new
/// allocations are made: not once `draining` is true) until the sender of `draining` is dropped.
pub async fn monitor(listener: TcpListener, observer: Observer, draining: watch::Receiver<bool>) {
    let mut until = draining.clone();
    let watched = Watched { observer, draining };
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(watched);
    let ended = async move { while until.changed().await.is_ok() {} };
    let served = axum::serve(listener, routes).with_graceful_shutdown(ended);
    if let Err(error) = served.await {
        tracing::error!(%error, "the metrics are not served any more");
    }
}

async fn metrics(State(watched): State<Watched>) -> Response {
    match report(watched.observer).await {
        Some(text) => {
            let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
            ([kind], text).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn health(State(watched): State<Watched>) -> Response {
    match report(watched.observer).await {
        Some(_) => "ok\n".into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "a thread does not answer\n",
        )
            .into_response(),
    }
}

async fn ready(State(watched): State<Watched>) -> Response {
    match *watched.draining.borrow() {
        false => "ready\n".into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
    }
}

/// What Prometheus reads; `None` where a thread does not answer. The threads answer by a channel that blocks.
pub(crate) async fn report(observer: Observer) -> Option<String> {
    let asked = tokio::task::spawn_blocking(move || observer.report());
    let report = asked.await.ok()?.ok()?;
    Some(report.to_prometheus())
}
