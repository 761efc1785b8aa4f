//! The signaling server, as an axum router.
//!
//! Owns the Socket.IO namespace `/`, the WebSocket and HTTP carriers of [`crate::protocol`], the rooms and the peers in them, and what is
//! kept for those who may come back. Clients of the Node.js server that this one stands in for work unchanged, over
//! polling, WebSocket and the upgrade between them; a peer on one carrier reaches a peer on another.
//!
//! | route | is |
//! |---|---|
//! | `/socket.io/` | Socket.IO |
//! | `/ws` | WebSocket |
//! | `/signal`, `/signal/{token}`, `/signal/{token}/events` | HTTP and server-sent events |
//! | `/connections` | the peers of the common room, or of `?room=`; [`Config::connections`] |
//! | `/health`, `/ready` | 200; `/ready` 503 where no clients are let in |
//! | `/metrics` | counters for Prometheus |
//!
//! **The broker.** With `Config::mqtt` (feature `bridge`) the server joins an MQTT broker: its peers and ours are one company.
//!
//! **Senders.** With [`Config::check_sender`] a message whose `from` is not an id of its sender is refused, counted and
//! logged. A Socket.IO client that has not registered (it may send ahead of its `ready`) may name any id that nobody else has.
//! Nobody may name `all`, which is the server.
//!
//! **Bounds.** Every breach of [`Limits`] is a [`Code`](crate::protocol::Code) that the client is told, and a counter. A client that does not read
//! costs its own queue and nothing else.
//!
//! **How it is built.** One task owns the state, which is a machine without I/O; carriers put what clients say into its bounded
//! mailbox, and it puts what comes out into their bounded queues. Nothing else is shared but counters. WebSocket (RFC 6455), Engine.IO
//! and Socket.IO are carried by code of our own, on axum's HTTP: one task for each connection, which reads into a buffer of its
//! thread, lends messages out of it, and keeps no buffer while it is idle.

mod addresses;
mod admission;
mod body;
#[cfg(feature = "bridge")]
mod bridge;
mod cluster;
mod config;
mod edge;
mod engine_io;
mod http;
mod hub;
mod metrics;
mod rate;
mod rfc6455;
mod routes;
mod serve;
mod socket_io;
mod state;
mod texts;
mod websocket;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use tokio::sync::oneshot;

use crate::Connection;
/// Whose certificates a broker may have.
#[cfg(feature = "bridge")]
pub use crate::client::TlsRoots;
pub use admission::{Jwt, NoKey};
#[cfg(feature = "bridge")]
pub use bridge::{Mqtt, NoBroker};
use cluster::Shared;
pub use cluster::{NoRedis, Redis};
pub use config::{Config, IceOffer, IceRequest, Limits, Origins};
use edge::Edge;
use hub::{Alone, Hub, Input, Pace};
pub use metrics::Counters;
use metrics::Metrics;
pub use serve::{Refusals, Serve, Tls, TlsError, serve};
use state::NodeId;

/// The caller's side of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    edge: Arc<Edge>,
    /// Closed once the bridge has left its broker.
    #[cfg(feature = "bridge")]
    bridge: Option<tokio::sync::watch::Receiver<()>>,
}

impl Handle {
    /// The registered peers of a room (empty: the common one), in the order of their registration.
    pub async fn connections(&self, room: &str) -> Vec<Connection> {
        let (to, answer) = oneshot::channel();
        self.edge
            .tell(Input::Connections(room.to_owned(), to))
            .await;
        answer.await.unwrap_or_default()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.edge.metrics.counters()
    }

    /// For [`Serve::refusals`]: what the listener refuses is counted with the rest.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        Refusals(Some(Arc::clone(&self.edge.metrics)))
    }

    /// Lets nobody in any more, tells every client to reconnect, closes their connections and waits until that is done.
    pub async fn shutdown(&self) {
        self.edge.close();
        let (to, done) = oneshot::channel();
        self.edge.tell(Input::Shutdown(to)).await;
        // Where the hub has ended, there is nothing to wait for.
        let _ = done.await;
        #[cfg(feature = "bridge")]
        if let Some(mut bridge) = self.bridge.clone() {
            while bridge.changed().await.is_ok() {}
        }
        self.edge.ending.send_replace(());
        // One that does not read has its own time to end in; it is not waited for.
        let _ = tokio::time::timeout(FAREWELL, self.edge.ending.closed()).await;
    }
}

/// Builds the routes, to be served alone or merged into the caller's router, and starts the hub. Must be called within a tokio
/// runtime that has time enabled.
pub fn router(config: Config) -> (Router, Handle) {
    let metrics = Arc::new(Metrics::default());
    let rules = config.rules();
    let pace = Pace {
        per_second: config.limits.rate,
        burst: config.limits.burst,
    };
    let reachable = Arc::new(AtomicBool::new(config.redis.is_none()));
    let redis = config.redis.clone();
    let (edge, inputs) = Edge::new(config, Arc::clone(&metrics), Arc::clone(&reachable));
    match redis {
        None => drop(tokio::spawn(
            Hub::new(rules, pace, metrics, Alone, reachable).run(inputs),
        )),
        Some(redis) => {
            let log = Shared::new(redis, node());
            tokio::spawn(Hub::new(rules, pace, metrics, log, reachable).run(inputs));
        }
    }
    #[cfg(feature = "bridge")]
    let bridge = {
        let mqtt = edge.config.mqtt.as_ref();
        mqtt.map(|mqtt| mqtt.start(&edge))
    };
    let routes = routes::router(&edge, engine_io::routes(&edge));
    let handle = Handle {
        edge,
        #[cfg(feature = "bridge")]
        bridge,
    };
    (routes, handle)
}

/// What a client that is parted with has to read its last words in, and to close.
const FAREWELL: Duration = Duration::from_secs(2);

/// A name for this process, unlike all others; 0 is who is alone.
fn node() -> NodeId {
    let random = || getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    // Numbers pass through JSON and Lua: 53 bits stay what they are.
    NodeId((random() >> 11) | 1)
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;
    use crate::client::{Channel, Options};

    #[tokio::test]
    async fn a_server_that_is_shut_down_and_dropped_leaves_nothing_behind() {
        let (router, handle) = router(Config::default());
        let edge = Arc::downgrade(&handle.edge);
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
            while edge.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), freed)
            .await
            .unwrap();
    }
}
