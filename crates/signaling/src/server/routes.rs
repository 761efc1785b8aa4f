//! The route table.
//!
//! WHIP and WHEP (RFC 9725 and its sibling) come with media; they are to stand here, beside the other carriers, under `/whip` and
//! `/whep`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, MatchedPath, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::oneshot;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::config::Origins;
use super::edge::Edge;
use super::hub::Input;
use super::{http, websocket};
use crate::protocol::{HTTP_PATH, WEBSOCKET_PATH};

/// Everything that the server answers to. The carriers are open to the configured origins; the rest has no CORS header.
pub(super) fn router(edge: &Arc<Edge>, socket_io: Router) -> Router {
    let token = format!("{HTTP_PATH}/{{token}}");
    let carriers = Router::new()
        .route(WEBSOCKET_PATH, any(websocket::upgrade))
        .route(HTTP_PATH, post(http::join))
        .route(&token, post(http::say).delete(http::leave))
        .route(&format!("{token}/events"), get(http::events))
        .with_state(Arc::clone(edge))
        .merge(socket_io)
        .layer(DefaultBodyLimit::max(edge.packet_bytes()))
        .layer(cors(&edge.config.origins));
    let mut rest = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    if edge.config.connections {
        rest = rest.route("/connections", get(connections));
    }
    rest.with_state(Arc::clone(edge))
        .merge(carriers)
        .layer(from_fn(access_log))
}

fn cors(origins: &Origins) -> CorsLayer {
    let origins: AllowOrigin = match origins {
        Origins::Any => Any.into(),
        Origins::Only(origins) => {
            let origins = origins.iter();
            let values = origins.filter_map(|origin| HeaderValue::from_str(origin).ok());
            AllowOrigin::list(values)
        }
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request())
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    room: String,
}

async fn connections(State(edge): State<Arc<Edge>>, Query(which): Query<Which>) -> Response {
    let (to, answer) = oneshot::channel();
    edge.tell(Input::Connections(which.room, to)).await;
    match answer.await {
        Ok(listed) => Json(listed).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// One line for each request, with the route in place of the path: tokens stand in paths.
async fn access_log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    tracing::info!(
        target: "ieum::access",
        %method,
        route = route.as_ref().map_or("", MatchedPath::as_str),
        status = response.status().as_u16(),
        ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
    response
}

async fn ready(State(edge): State<Arc<Edge>>) -> (StatusCode, &'static str) {
    if edge.is_open() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    }
}

async fn metrics(State(edge): State<Arc<Edge>>) -> Response {
    let (to, answer) = oneshot::channel();
    edge.tell(Input::Sizes(to)).await;
    let sizes = answer.await.unwrap_or_default();
    let text = edge.metrics.text(sizes, edge.is_open());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], text).into_response()
}
