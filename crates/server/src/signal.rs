//! Signaling alone: what `ieum signal` runs.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ieum_signaling::protocol::IceServer;
use ieum_signaling::server::{Config, Handle, IceOffer, Serve, Tls, TlsError, router, serve};
use ieum_turn::credentials;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::StartError;
use crate::turn::unix_time;

/// What signaling is started with.
#[derive(Debug, Clone)]
pub struct SignalOptions {
    /// The addresses to listen on; port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// How connections are served, and with TLS or without.
    pub serve: Serve,
    /// How signaling behaves.
    pub config: Config,
}

/// A running signaling server. [`SignalServer::shutdown`] ends it gracefully; dropping it ends it at once.
pub struct SignalServer {
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    handle: Handle,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl SignalServer {
    /// Binds every address and serves. Must be called within a tokio runtime that has I/O and time enabled.
    ///
    /// # Errors
    /// [`StartError::SignalListen`] where an address cannot be listened on. Nothing is left running.
    pub async fn start(options: SignalOptions) -> Result<Self, StartError> {
        let mut listeners = Vec::new();
        for at in options.listen {
            let bound = TcpListener::bind(at).await;
            let bound = bound.and_then(|bound| Ok((bound.local_addr()?, bound)));
            listeners.push(bound.map_err(|source| StartError::SignalListen { at, source })?);
        }
        let (routes, handle) = router(options.config);
        let mut how = options.serve.clone();
        how.refusals = handle.refusals();
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let mut addresses = Vec::new();
        for (address, listener) in listeners {
            addresses.push(address);
            let mut stopped = stop.subscribe();
            let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
            tasks.spawn(serve(listener, routes.clone(), how.clone(), stopped));
        }
        Ok(Self {
            addresses,
            tls: options.serve.tls,
            handle,
            stop,
            tasks,
        })
    }

    /// The addresses that it listens on, with their real ports.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reads the certificate again.
    ///
    /// # Errors
    /// [`TlsError`] where it cannot be used; the old one stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Tells every client to reconnect elsewhere, and frees the ports; returns when that is done, within some seconds.
    pub async fn shutdown(mut self) {
        self.handle.shutdown().await;
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the server panicked");
            }
        }
    }
}

impl fmt::Debug for SignalServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalServer")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// STUN and TURN servers elsewhere, with credentials of each client's own: made as their REST scheme has it, from the secret that they
/// share with us, good for `ttl`. Without a secret, TURN URLs are told as they are.
#[must_use]
pub fn ice_offer(urls: Vec<String>, secret: Option<Vec<u8>>, ttl: Duration) -> IceOffer {
    let (turn, stun): (Vec<_>, Vec<_>) = urls.into_iter().partition(|url| url.starts_with("turn"));
    IceOffer::new(move |request| {
        let mut servers = Vec::new();
        if !stun.is_empty() {
            servers.push(IceServer {
                urls: stun.clone(),
                ..IceServer::default()
            });
        }
        if turn.is_empty() {
            return (servers, 0);
        }
        let made = secret
            .as_ref()
            .map(|secret| credentials::issue(secret, request.peer, unix_time() + ttl.as_secs()));
        let good_for = if made.is_some() { ttl.as_secs() } else { 0 };
        let (username, credential) = made.map(|made| (made.username, made.password)).unzip();
        servers.push(IceServer {
            urls: turn.clone(),
            username,
            credential,
        });
        (servers, good_for)
    })
}
