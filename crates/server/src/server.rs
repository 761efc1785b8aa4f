//! Puts the parts together, and takes them apart again.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ieum_signaling::server as signaling;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::credentials::{Issuer, loopback_of};
use crate::echo::Echo;
use crate::error::{Listener, StartError};
use crate::http::{self, Site};
use crate::turn::{self, Driver};
use crate::{CheckError, Options, Report, check};

/// A running server. [`Server::shutdown`] ends it gracefully; dropping it ends it at once.
pub struct Server {
    http: SocketAddr,
    stun: SocketAddr,
    token: Option<String>,
    signaling: signaling::Handle,
    echo: Part,
    sockets: Part,
}

/// Tasks that end together.
struct Part {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Binds both ports, starts everything, and registers the echo peer as `ieum`.
    ///
    /// Must be called within a tokio runtime that has I/O and time enabled.
    ///
    /// # Errors
    /// A port in use, an address that is not ours, and so on: see [`StartError`]. Nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let at = SocketAddr::new(options.bind, options.port);
        let listener = TcpListener::bind(at)
            .await
            .and_then(|bound| Ok((bound.local_addr()?, bound)));
        let (http, listener) =
            listener.map_err(|error| StartError::from_bind(Listener::Http, at, error))?;
        let at = SocketAddr::new(options.bind, options.stun_port);
        let udp = turn::Listener::bind(at)
            .map_err(|error| StartError::from_bind(Listener::Stun, at, error))?;
        let stun = udp.local_addr();

        let secret = random()?;
        let issuer = Issuer::new(secret, stun);
        let driver = Driver::new(udp, &secret, random()?);
        let offer = issuer.clone();
        let ice = signaling::IceOffer::new(move |request| offer.offer(request.host));
        let (routes, signaling) = signaling::router(signaling::Config {
            token: options.token.clone(),
            ice: Some(ice),
            ..signaling::Config::default()
        });
        let site = Site {
            issuer: issuer.clone(),
            token: options.token.as_deref().map(Arc::from),
            loopback: options.bind.is_loopback(),
        };

        let mut sockets = Part::new();
        sockets.spawn(|stop| driver.run(stop));
        sockets.spawn(|stop| http::serve(listener, http::router(site, routes), stop));
        let mut server = Self {
            http,
            stun,
            token: options.token,
            signaling,
            echo: Part::new(),
            sockets,
        };

        let url = server.url();
        let registered =
            Echo::register(&url, server.token.clone(), issuer, server.on_loopback()).await;
        let echo = registered.map_err(|error| StartError::EchoPeer {
            url,
            reason: error.to_string(),
        })?;
        server.echo.spawn(|stop| echo.run(stop));
        Ok(server)
    }

    /// The TCP address that the page and signaling are served on, with the real port.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The UDP address of STUN and TURN, with the real port.
    #[must_use]
    pub fn stun_addr(&self) -> SocketAddr {
        self.stun
    }

    /// The page's URL, which is signaling's URL too; with a loopback address where every interface is listened on.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = match self.http.ip() {
            ip if ip.is_unspecified() => loopback_of(ip),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.http.port()))
    }

    /// Calls the echo peer over the real sockets and has 1,000 messages echoed.
    ///
    /// # Errors
    /// The step that failed, and what is known of why. It gives up by itself after some ten seconds.
    pub async fn self_check(&self) -> Result<Report, CheckError> {
        check::run(&self.url(), self.token.as_deref(), self.on_loopback()).await
    }

    /// Closes every call, ends every task and frees both ports; returns when that is done, within some seconds.
    pub async fn shutdown(self) {
        // Calls end while signaling and the relay still carry their last messages.
        self.echo.stop().await;
        self.signaling.shutdown().await;
        self.sockets.stop().await;
    }

    /// Whether anybody may use signaling and the relay: other machines can reach them, and no token is asked for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.token.is_none() && !self.on_loopback()
    }

    fn on_loopback(&self) -> bool {
        let ip: IpAddr = self.http.ip();
        ip.is_loopback()
    }
}

/// Without the token.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("http", &self.http)
            .field("stun", &self.stun)
            .finish_non_exhaustive()
    }
}

impl Part {
    fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    fn spawn<F>(&mut self, task: impl FnOnce(watch::Receiver<bool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.subscribe()));
    }

    async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the server panicked");
            }
        }
    }
}

fn random() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}
