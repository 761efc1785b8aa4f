//! The listener: how many connections, how long they may take to ask for something, and TLS.
//!
//! `axum::serve` bounds none of this. HTTP/1.1 only: WebSocket and server-sent events need no more.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::addresses::{Addresses, Share};
use super::metrics::Metrics;
use crate::protocol::Code;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// How connections are served.
#[derive(Debug, Clone)]
pub struct Serve {
    /// HTTPS in place of HTTP.
    pub tls: Option<Tls>,
    /// TCP connections at once, those that idle included. One more waits in the operating system's queue.
    pub connections: usize,
    /// TCP connections at once from one address, or one IPv6 network of 64 bits; 0 for as many as it likes, as behind a proxy, whose
    /// address all of them have: headers such as `X-Forwarded-For` are not believed. One more is closed, over plain HTTP with status 429.
    pub per_address: usize,
    /// Where those are counted, as `too-many`: [`Handle::refusals`](super::Handle::refusals).
    pub refusals: Refusals,
    /// How long a connection may take for its TLS handshake, and for the header of each request.
    pub header: Duration,
    /// What connections have to end in, once the server stops.
    pub grace: Duration,
}

/// A certificate and its key, which can be read again while the server runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    chain: PathBuf,
    key: PathBuf,
    config: watch::Sender<Arc<ServerConfig>>,
}

/// A certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the certificate {} with the key {}: {reason}", chain.display(), key.display())]
pub struct TlsError {
    chain: PathBuf,
    key: PathBuf,
    reason: String,
}

/// Counts connections that are closed because their address has too many. The default counts for nobody.
#[derive(Debug, Clone, Default)]
pub struct Refusals(pub(super) Option<Arc<Metrics>>);

impl Refusals {
    fn count(&self) {
        if let Some(metrics) = &self.0 {
            metrics.refused(Code::TooMany);
        }
    }
}

impl Tls {
    /// Reads a chain (leaf first) and its private key, both PEM.
    ///
    /// # Errors
    /// [`TlsError`] where a file cannot be read or is none, or the key is not the leaf's.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = watch::Sender::new(Arc::new(load(chain, key)?));
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            config,
        })
    }

    /// Reads both files again; new connections get what they say. Where they cannot be used, the old ones stay.
    ///
    /// # Errors
    /// As [`Tls::read`].
    pub fn reload(&self) -> Result<(), TlsError> {
        self.config
            .send_replace(Arc::new(load(&self.chain, &self.key)?));
        Ok(())
    }

    async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let config = Arc::clone(&self.config.borrow());
        TlsAcceptor::from(config).accept(stream).await
    }
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            tls: None,
            connections: 20_000,
            per_address: 0,
            refusals: Refusals::default(),
            header: Duration::from_secs(10),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves until `stop` is ready; connections that are busy then have [`Serve::grace`] to end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    how: Serve,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(how.connections.min(Semaphore::MAX_PERMITS)));
    let (stopping, stopped) = watch::channel(());
    let how = Arc::new(how);
    let mut addresses = Addresses::new(how.per_address);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, from, place)) => {
                let Some(share) = addresses.take(from) else {
                    how.refusals.count();
                    if how.tls.is_none() {
                        // As much as fits into the socket at once; who sends too much need not be told more.
                        let _ = stream.try_write(TOO_MANY);
                    }
                    continue;
                };
                let connection = Connection {
                    router: router.clone(),
                    how: Arc::clone(&how),
                    stopped: stopped.clone(),
                    _place: place,
                    _share: share,
                };
                tokio::spawn(connection.run(stream));
            }
            Err(error) => {
                // Out of file descriptors, mostly: those that end make room.
                tracing::warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, stopped));
    stopping.send_replace(());
    // Every connection holds a receiver until it has ended.
    if timeout(how.grace, stopping.closed()).await.is_err() {
        tracing::debug!("connections were still busy and are dropped");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    // An answer in signaling must not wait for the acknowledgement of the message before it.
    stream.set_nodelay(true)?;
    Ok((stream, from.ip(), place))
}

struct Connection {
    router: Router,
    how: Arc<Serve>,
    stopped: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
    _share: Share,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        let Some(tls) = &self.how.tls else {
            return self.http(stream).await;
        };
        match timeout(self.how.header, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.how.header)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(self.router.clone()),
            )
            .with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            _ = self.stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                timeout(self.how.grace, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

fn load(chain: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let fail = |reason: String| TlsError {
        chain: chain.to_owned(),
        key: key.to_owned(),
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fail(error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, private)
        })
        .map_err(|error| fail(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// hyper's smallest; the header of a request of ours is far smaller.
const HEADER_BYTES: usize = 16 * 1024;

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
content-length: 81\r\nconnection: close\r\n\r\n\
{\"ok\":false,\"code\":\"too-many\",\"error\":\"Too many connections from this address.\"}\n";
