//! Several nodes, one log: a Redis stream.
//!
//! Every node appends what its clients say ([`Op`]) to the stream `PREFIX:log`, reads all of it in the stream's order, applies it to its own
//! copy of the [`State`], and does what is its own. Redis' clock, which is in the names of the entries, is the time. The first node
//! stores a snapshot under `PREFIX:snapshot` now and then, and trims the log up to it; a node that comes later begins there.
//!
//! So no message is accepted that is not in Redis, and what is kept for a client that is away is on every node: it can
//! come back anywhere. A node writes a beat every 2 s; one that is silent for 8 s is dead to all others, and its clients are
//! away or gone.
//!
//! While Redis cannot be reached, clients stay connected, and are told `busy`. Should Redis come back empty or with an older state
//! (it was restarted without its data), the first node to notice puts its own state there under a new `PREFIX:epoch`, and the
//! others take that one: what is lost is what was on its way, which nobody was told had been accepted, and sessions that only
//! another node knew; their clients are told to join again.

mod reader;
mod writer;

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, TlsCertificates};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::rustls;

use super::hub::{Entry, Log, Position};
use super::state::{NodeId, Op};
use reader::Reader;
use writer::{Order, Writer};

/// The Redis that the nodes share.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    prefix: String,
}

/// This is no URL of a Redis.
#[derive(Debug, thiserror::Error)]
#[error("this is no URL of a Redis, such as redis://127.0.0.1:6379/0: {0}")]
pub struct NoRedis(String);

impl Redis {
    /// The Redis at `url` (`redis://`, or `rediss://` for TLS), with all keys under `prefix`. It is connected to once the server runs, and again whenever the connection
    /// breaks.
    ///
    /// # Errors
    /// [`NoRedis`] where the URL is none.
    pub fn new(url: &str, prefix: &str) -> Result<Self, NoRedis> {
        Self::open(url, prefix, None)
    }

    /// The same over TLS (`rediss://`), whose certificate is one of these authorities', in PEM, and not of those that the
    /// system trusts.
    ///
    /// # Errors
    /// As [`Redis::new`], and where there is no certificate in `roots`.
    pub fn with_roots(url: &str, prefix: &str, roots: &[u8]) -> Result<Self, NoRedis> {
        Self::open(url, prefix, Some(roots.to_vec()))
    }

    fn open(url: &str, prefix: &str, roots: Option<Vec<u8>>) -> Result<Self, NoRedis> {
        // The client takes the process's provider of cryptography. Where there is one already, that one is good too.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = match roots {
            None => Client::open(url),
            Some(root_cert) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(root_cert),
                };
                Client::build_with_tls(url, certificates)
            }
        };
        // The text of the error may hold the URL, and that a password.
        let client = client.map_err(|error| NoRedis(error.category().to_owned()))?;
        Ok(Self {
            client,
            prefix: prefix.to_owned(),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        connecting.await
    }
}

/// The log, for the hub.
pub(super) struct Shared {
    node: NodeId,
    orders: mpsc::Sender<Order>,
    entries: mpsc::Receiver<Entry>,
}

impl Shared {
    /// Begins to read and to write. The tasks end with it.
    pub(super) fn new(redis: Redis, node: NodeId) -> Self {
        let (orders, orders_out) = mpsc::channel(ORDERS);
        let (entries_in, entries) = mpsc::channel(ENTRIES);
        let (reachable, reachable_out) = watch::channel(false);
        let reader = Reader::new(redis.clone(), entries_in.clone(), reachable);
        tokio::spawn(reader.run());
        let writer = Writer::new(redis, node, entries_in, reachable_out);
        tokio::spawn(writer.run(orders_out));
        Self {
            node,
            orders,
            entries,
        }
    }
}

impl Log for Shared {
    fn append(&mut self, op: &Op) -> bool {
        self.orders
            .try_send(Order::Append(Box::new(op.clone())))
            .is_ok()
    }

    async fn next(&mut self) -> Entry {
        match self.entries.recv().await {
            Some(entry) => entry,
            // Both tasks hold the other end for as long as this one lives.
            None => std::future::pending().await,
        }
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn keep(&mut self, at: Position, snapshot: String) {
        // The next one will do.
        let _ = self.orders.try_send(Order::Keep(at, snapshot));
    }

    async fn finish(&mut self) {
        let (done, finished) = oneshot::channel();
        if self.orders.send(Order::Finish(done)).await.is_ok() {
            // Whether it arrived or not, there is no more to do.
            let _ = tokio::time::timeout(PATIENCE, finished).await;
        }
    }
}

impl fmt::Debug for Redis {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What Redis has to answer in.
const PATIENCE: Duration = Duration::from_secs(2);

/// Steps that wait to be written; more are refused as `busy`.
const ORDERS: usize = 4096;

/// Steps that are read and wait for the hub.
const ENTRIES: usize = 1024;
