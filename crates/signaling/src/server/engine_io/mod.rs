//! Engine.IO 4, what Socket.IO's packets travel by: long-polling, WebSocket, and the upgrade from one to the other.
//! <https://socket.io/docs/v4/engine-io-protocol/>
//!
//! Each session is one task that owns the client's part in the namespace ([`super::socket_io`]). A session that polls is found
//! by its id and told of requests; one on a WebSocket has its connection to itself, and no name that a request could use.
//!
//! Bounded: payloads, packets in them, what waits for a client that does not poll, and sessions that have not joined the namespace, in
//! time and number. Left out: version 3 of the protocol, JSONP, `perMessageDeflate`.

mod heartbeat;
pub(super) mod packet;
mod polling;
mod sessions;
mod upgrade;
mod web_socket;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::edge::{self, Edge};
use super::rfc6455;
use super::socket_io::Client;
use crate::protocol::Code;
use heartbeat::Heartbeat;
use sessions::{Command, Sessions};

/// Shared by the requests of all sessions.
struct Engine {
    edge: Arc<Edge>,
    sessions: Sessions,
}

/// What a request asks for.
enum Wanted {
    Poll(String),
    Post(String),
    Open,
    OpenWebSocket,
    Upgrade(String),
}

/// Why a request is refused, by the numbers of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    UnknownTransport,
    UnknownSession,
    BadMethod,
    BadRequest,
    UnknownVersion,
}

/// The routes of Socket.IO.
pub(super) fn routes(edge: &Arc<Edge>) -> Router {
    let engine = Arc::new(Engine {
        edge: Arc::clone(edge),
        sessions: Sessions::new(edge.config.limits.clients),
    });
    Router::new()
        .route("/socket.io/", any(answer))
        .route("/socket.io", any(answer))
        .with_state(engine)
}

async fn answer(State(engine): State<Arc<Engine>>, request: Request) -> Response {
    match wanted(request.method(), request.uri().query().unwrap_or_default()) {
        Ok(Wanted::Poll(id)) => engine.poll(&id).await,
        Ok(Wanted::Post(id)) => engine.post(&id, request).await,
        Ok(Wanted::Open) => engine.open(&request),
        Ok(Wanted::OpenWebSocket) => engine.open_web_socket(request),
        Ok(Wanted::Upgrade(id)) => engine.upgrade(&id, request),
        Err(refusal) => refusal.into_response(),
    }
}

/// Reads a request's line.
fn wanted(method: &Method, query: &str) -> Result<Wanted, Refusal> {
    let field = |name: &str| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if field("EIO") != Some("4") {
        return Err(Refusal::UnknownVersion);
    }
    let web_socket = match field("transport") {
        Some("polling") => false,
        Some("websocket") => true,
        _ => return Err(Refusal::UnknownTransport),
    };
    let id = field("sid").map(str::to_owned);
    match (method.as_str(), web_socket, id) {
        ("GET", false, None) => Ok(Wanted::Open),
        ("GET", false, Some(id)) => Ok(Wanted::Poll(id)),
        ("GET", true, None) => Ok(Wanted::OpenWebSocket),
        ("GET", true, Some(id)) => Ok(Wanted::Upgrade(id)),
        ("POST", false, Some(id)) => Ok(Wanted::Post(id)),
        (_, _, None) => Err(Refusal::BadMethod),
        _ => Err(Refusal::BadRequest),
    }
}

impl Engine {
    fn client(&self, request: &Request) -> Client {
        let host = edge::host(request.headers()).map(Into::into);
        Client::new(Arc::clone(&self.edge), host)
    }

    fn heartbeat(&self) -> Heartbeat {
        let config = &self.edge.config;
        Heartbeat::new(
            Instant::now(),
            config.ping_interval,
            config.ping_timeout,
            config.handshake,
        )
    }

    /// A new session that polls.
    fn open(self: &Arc<Self>, request: &Request) -> Response {
        let awaiting = self.sessions.awaiting();
        let (Some(awaiting), Some(id)) = (awaiting, edge::secret()) else {
            return self.full();
        };
        let open = self.open_packet(&id, &["websocket"]);
        let session = polling::Session::new(self.client(request), self.heartbeat(), awaiting);
        session.begin(self, id);
        plain(Bytes::from(open))
    }

    /// A new session on a WebSocket.
    fn open_web_socket(self: &Arc<Self>, request: Request) -> Response {
        let awaiting = self.sessions.awaiting();
        let (Some(awaiting), Some(id)) = (awaiting, edge::secret()) else {
            return self.full();
        };
        let (client, heartbeat) = (self.client(&request), self.heartbeat());
        let (response, upgrade) = rfc6455::upgrade(request, self.edge.packet_bytes());
        if let Some(upgrade) = upgrade {
            let open = self.open_packet(&id, &[]);
            tokio::spawn(web_socket::open(upgrade, open, client, heartbeat, awaiting));
        }
        response
    }

    fn upgrade(&self, id: &str, request: Request) -> Response {
        let Some(session) = self.sessions.find(id) else {
            return Refusal::UnknownSession.into_response();
        };
        let (response, upgrade) = rfc6455::upgrade(request, self.edge.packet_bytes());
        if let Some(upgrade) = upgrade {
            let most = self.edge.config.handshake;
            tokio::spawn(upgrade::probe(upgrade, session, most));
        }
        response
    }

    async fn poll(&self, id: &str) -> Response {
        let (to, payload) = oneshot::channel();
        if let Some(session) = self.sessions.find(id)
            && session.send(Command::Poll(to)).await.is_ok()
            && let Ok(payload) = payload.await
        {
            return plain(Bytes::from(payload));
        }
        Refusal::UnknownSession.into_response()
    }

    async fn post(&self, id: &str, request: Request) -> Response {
        let Some(session) = self.sessions.find(id) else {
            return Refusal::UnknownSession.into_response();
        };
        let text = match String::from_request(request, &()).await {
            Ok(text) => text,
            Err(rejection) => {
                self.edge.metrics.refused(Code::TooLong);
                return rejection.into_response();
            }
        };
        let (to, taken) = oneshot::channel();
        if session.send(Command::Post(text, to)).await.is_err() {
            return Refusal::UnknownSession.into_response();
        }
        match taken.await {
            Ok(true) => plain(Bytes::from_static(b"ok")),
            _ => Refusal::BadRequest.into_response(),
        }
    }

    fn open_packet(&self, id: &str, upgrades: &[&str]) -> Vec<u8> {
        let config = &self.edge.config;
        let open = json!({
            "sid": id,
            "upgrades": upgrades,
            "pingInterval": u64::try_from(config.ping_interval.as_millis()).unwrap_or(u64::MAX),
            "pingTimeout": u64::try_from(config.ping_timeout.as_millis()).unwrap_or(u64::MAX),
            "maxPayload": self.edge.packet_bytes(),
        });
        format!("0{open}").into_bytes()
    }

    fn full(&self) -> Response {
        self.edge.metrics.refused(Code::ServerFull);
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::UnknownTransport => (0, "Transport unknown"),
            Self::UnknownSession => (1, "Session ID unknown"),
            Self::BadMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::UnknownVersion => (5, "Unsupported protocol version"),
        };
        let body = json!({ "code": code, "message": message });
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    }
}

/// An answer to a poll or a POST. Proxies must not keep it.
fn plain(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
