//! The signaling server, as an axum router.
//!
//! Owns the Socket.IO namespace `/`, the table of registered peers and `GET /connections`. Clients of the Node.js server
//! that this one stands in for work unchanged, over polling, WebSocket and the upgrade between them.
//!
//! **Events.** A client sends `ready(peerId, peerType?)`, `message(body)` for every other client, and `messageOne(body)`
//! for the one registered under the body's `target`; it gets `message(body)` and `uniquenessError({ message, error })`.
//! Bodies are relayed byte for byte. Where the sender asked for an acknowledgement it gets `{ ok: true }`, or `{ ok:
//! false, code, error }` with the code `malformed`, `forged`, `no-target`, `no-such-peer`, `overflow`, `taken`,
//! `reserved` or `too-many`.
//!
//! **Senders.** With [`Config::check_sender`] a message whose `from` is not an id of its sender is dropped, counted and
//! logged. A client that has not registered (it may send ahead of its `ready`) may name any id that nobody else has.
//! Nobody may name `all`, which is the server.
//!
//! **Left out.** Rooms, signed tokens, resumption, rate limits and several nodes. The number of clients counts those
//! that have joined the namespace: idle TCP connections and Engine.IO sessions are for the caller's listener to bound.

mod body;
mod hub;
mod registry;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::Connection;
use body::Arguments;
use hub::{Auth, Hub};

/// How the server behaves. [`Config::default`]: no token, senders checked.
#[derive(Clone)]
pub struct Config {
    /// What a client must send as `auth.token`. `None` accepts clients that send none.
    pub token: Option<String>,
    /// Whether a message whose `from` is not its sender's is dropped. Off, anybody sends as anybody: the old behaviour.
    pub check_sender: bool,
    /// How much one client, and all of them, may take.
    pub limits: Limits,
    /// How often the server pings a client (Engine.IO `pingInterval`).
    pub ping_interval: Duration,
    /// How long it waits for the pong before the client counts as gone (Engine.IO `pingTimeout`).
    pub ping_timeout: Duration,
}

/// The bounds of what clients may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Clients in the namespace at once; one more gets `connect_error`.
    pub clients: usize,
    /// Bytes of one message (Engine.IO `maxPayload`); a longer one closes the connection.
    pub message_bytes: usize,
    /// Messages waiting for one client; further ones for it are dropped and counted.
    pub queue: usize,
    /// Bytes of a peer id, and of a peer type.
    pub id_bytes: usize,
}

/// The caller's side of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    io: SocketIo,
    hub: Arc<Hub>,
}

/// What the server has counted since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Ids registered.
    pub registered: u64,
    /// Messages relayed to one peer.
    pub relayed_to_one: u64,
    /// Messages relayed to everybody else.
    pub relayed_to_all: u64,
    /// Clients refused for their token.
    pub refused_token: u64,
    /// Clients refused because [`Limits::clients`] were there.
    pub refused_full: u64,
    /// Registrations refused because the id is taken or reserved, or the client has too many.
    pub refused_ids: u64,
    /// Events dropped because they lack what they need or it cannot be read.
    pub malformed: u64,
    /// Messages dropped because they name a sender that is not theirs.
    pub forged: u64,
    /// Messages dropped because nobody is registered under their target.
    pub undeliverable: u64,
    /// Messages dropped because the receiver's queue was full; counted once for each receiver.
    pub overflowed: u64,
}

impl Handle {
    /// The registered peers, in the order of their registration.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.hub.connections()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.hub.counters()
    }

    /// Closes every client's connection, waits until they are closed, and lets nobody in any more. Clients that reconnect
    /// by themselves will try to, which suits a restart.
    pub async fn shutdown(&self) {
        let Some(namespace) = self.io.of("/") else {
            return;
        };
        self.hub.close();
        self.io.close().await;
        // socketioxide forgets the namespace before it closes the connections, so that its sockets stay in there, each
        // holding the namespace. This takes them out.
        for socket in namespace.broadcast().sockets() {
            // The connection is closed already; there is nothing to send it.
            let _ = socket.disconnect();
        }
    }
}

/// Builds the routes `/socket.io/` (open to every origin, as the old server's) and `/connections` (no CORS header), to be
/// served alone or merged into the caller's router. Must be called within a tokio runtime.
pub fn router(config: Config) -> (Router, Handle) {
    let (service, io) = SocketIo::builder()
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .max_buffer_size(config.limits.queue)
        .max_payload(config.limits.message_bytes as u64)
        .ws_max_message_size(config.limits.message_bytes)
        .ws_max_frame_size(config.limits.message_bytes)
        .build_svc();
    let hub = Hub::new(config);
    io.ns(
        "/",
        (|_: SocketRef| ready(())).with(admission(Arc::clone(&hub))),
    );
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request());
    let socket_io = Router::new()
        .route_service("/socket.io/", service.clone())
        .route_service("/socket.io", service)
        .layer(cors);
    let router = Router::new()
        .route("/connections", get(connections))
        .with_state(Arc::clone(&hub))
        .merge(socket_io);
    (router, Handle { io, hub })
}

async fn connections(State(hub): State<Arc<Hub>>) -> Json<Vec<Connection>> {
    Json(hub.connections())
}

/// Lets a client in and attaches its handlers. They are attached here, ahead of the reply to its CONNECT, and not after:
/// a quick client's first event would find none.
fn admission(
    hub: Arc<Hub>,
) -> impl Fn(SocketRef, TryData<Auth>) -> std::future::Ready<Result<(), &'static str>>
+ Clone
+ Send
+ Sync
+ 'static {
    move |socket, auth| {
        let admitted = hub.admit(&socket, &auth.0.unwrap_or_default());
        if admitted.is_ok() {
            attach(&hub, &socket);
        }
        ready(admitted)
    }
}

/// The handlers do their work when they are called, and not in the future that they return: socketioxide spawns that,
/// which would let one client's messages overtake each other.
fn attach(hub: &Arc<Hub>, socket: &SocketRef) {
    let on = Arc::clone(hub);
    socket.on(
        "ready",
        move |socket: SocketRef, arguments: Arguments, ack: AckSender| {
            on.ready(&socket, &arguments, ack);
            ready(())
        },
    );
    let on = Arc::clone(hub);
    socket.on(
        "message",
        move |socket: SocketRef, arguments: Arguments, ack: AckSender| {
            on.message(&socket, arguments, ack);
            ready(())
        },
    );
    let on = Arc::clone(hub);
    socket.on(
        "messageOne",
        move |socket: SocketRef, arguments: Arguments, ack: AckSender| {
            on.message_one(&socket, arguments, ack);
            ready(())
        },
    );
    let on = Arc::clone(hub);
    socket.on_disconnect(move |socket: SocketRef| {
        on.left(&socket);
        ready(())
    });
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            check_sender: true,
            limits: Limits::default(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            message_bytes: 1_000_000,
            queue: 256,
            id_bytes: 256,
        }
    }
}

impl fmt::Debug for Config {
    /// Without the token: it must not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("check_sender", &self.check_sender)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// How long a connection may stay that has not joined the namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;
    use crate::client::{Channel, Options};

    #[tokio::test]
    async fn a_server_that_is_shut_down_and_dropped_leaves_nothing_behind() {
        let (router, handle) = router(Config::default());
        let hub = Arc::downgrade(&handle.hub);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(axum::serve(listener, router).into_future());
        let left = Channel::connect(Options::new(&url, "left")).await.unwrap();
        let stayed = Channel::connect(Options::new(&url, "stayed"))
            .await
            .unwrap();
        left.close().await;
        handle.shutdown().await;
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
        drop((handle, stayed));
        let freed = async {
            while hub.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), freed)
            .await
            .unwrap();
    }
}
