//! Puts the parts together, and takes them apart again.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ieum::peer::{AddressMapping, Configuration, Interfaces};
use ieum_signaling::server as signaling;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::credentials::{Issuer, loopback_of};
use crate::echo::Echo;
use crate::error::{Listener, StartError};
use crate::http::{self, Site};
use crate::turn::{self, Certificate, RelayAddress, Turn};
use crate::{CheckError, Options, Report, check};

/// A running server. [`Server::shutdown`] ends it gracefully; dropping it ends it at once.
pub struct Server {
    http: SocketAddr,
    stun: SocketAddr,
    token: Option<String>,
    /// Of the echo peer, and of who checks it.
    interfaces: Interfaces,
    signaling: signaling::Handle,
    echo: Part,
    sockets: Part,
    turn: Turn,
}

/// Tasks that end together.
struct Part {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Binds every port, starts everything, and registers the echo peer as `ieum`.
    ///
    /// Must be called within a tokio runtime that has I/O and time enabled.
    ///
    /// # Errors
    /// A port in use, an address that is not ours, and so on: see [`StartError`]. Nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let mqtt = options.mqtt.as_deref();
        let mqtt = mqtt
            .map(|url| signaling::Mqtt::new(url, signaling::TlsRoots::System))
            .transpose()?;
        let at = SocketAddr::new(options.bind, options.port);
        let listener = TcpListener::bind(at)
            .await
            .and_then(|bound| Ok((bound.local_addr()?, bound)));
        let (http, listener) =
            listener.map_err(|error| StartError::from_bind(Listener::Http, at, error))?;
        let secret = random()?;
        let turn = start_turn(&options, &secret)?;
        let listening = turn.listening();
        let at = SocketAddr::new(options.bind, options.stun_port);
        let stun = listening.udp.first().copied().unwrap_or(at);
        let turns = listening.tls.first().map(SocketAddr::port);
        let issuer = Issuer::new(secret, stun, turns, !options.external.is_empty());
        let offer = issuer.clone();
        let ice = signaling::IceOffer::new(move |request| offer.offer(request.host));
        let (routes, signaling) = signaling::router(signaling::Config {
            token: options.token.clone(),
            ice: Some(ice),
            mqtt,
            ..signaling::Config::default()
        });
        let site = Site {
            issuer: issuer.clone(),
            token: options.token.as_deref().map(Arc::from),
            loopback: options.bind.is_loopback(),
        };

        let mut sockets = Part::new();
        let router = http::router(site, routes, turn.observer());
        sockets.spawn(|stop| http::serve(listener, router, stop));
        let mut server = Self {
            http,
            stun,
            token: options.token.clone(),
            interfaces: Interfaces {
                loopback: options.interfaces.loopback || options.bind.is_loopback(),
                ..options.interfaces.clone()
            },
            signaling,
            echo: Part::new(),
            sockets,
            turn,
        };

        let url = server.url();
        let configuration = Configuration {
            interfaces: server.interfaces.clone(),
            ports: options.ports,
            address_mappings: options.external,
            ..Configuration::default()
        };
        let registered = Echo::register(&url, options.token, issuer, configuration).await;
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

    /// The address of STUN and TURN, over UDP and TCP alike, with the real port.
    #[must_use]
    pub fn stun_addr(&self) -> SocketAddr {
        self.stun
    }

    /// The address of TURN over TLS and DTLS, with the real port; `None` without a certificate.
    #[must_use]
    pub fn turns_addr(&self) -> Option<SocketAddr> {
        self.turn.listening().tls.first().copied()
    }

    /// Shows clients of TURN over TLS and DTLS this certificate from now on; those who are connected stay. Without
    /// [`Options::turns`] it changes nothing.
    pub fn renew(&self, certificate: &Certificate) {
        self.turn.renew(certificate);
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
        check::run(&self.url(), self.token.as_deref(), &self.interfaces).await
    }

    /// Closes every call, ends every task and frees every port; returns when that is done, within some seconds.
    pub async fn shutdown(mut self) {
        // Calls end while signaling and the relay still carry their last messages.
        self.echo.stop().await;
        self.signaling.shutdown().await;
        self.sockets.stop().await;
        self.turn.stop();
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
            .field("turn", &self.turn)
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

fn start_turn(options: &Options, secret: &[u8]) -> Result<Turn, StartError> {
    let config = turn_config(options, secret, random()?);
    Turn::start(config).map_err(|unbound| {
        StartError::from_bind(Listener::Turn(unbound.transport), unbound.at, unbound.error)
    })
}

/// One thread is plenty for the calls that one page and one terminal make.
fn turn_config(options: &Options, secret: &[u8], seed: [u8; 32]) -> turn::Config {
    let at = SocketAddr::new(options.bind, options.stun_port);
    let mut machine = ieum_turn::server::Config::new(REALM, secret, turn::unix_time(), seed);
    machine.peers = turn::peer_policy(at.ip());
    machine.software = Some(concat!("ieum ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut config = turn::Config::new(machine);
    config.listen.udp.push(at);
    config.listen.tcp.push(at);
    if let Some(turns) = &options.turns {
        let at = SocketAddr::new(options.bind, turns.port);
        config.listen.tls.push(at);
        config.certificate = Some(turns.certificate.clone());
    }
    // This machine's own addresses are among the peers: what listens there over TCP is not for strangers.
    config.tcp_relays = false;
    config.relays = relays(at.ip(), &options.external);
    config.ports = options.ports.clone();
    config
}

/// Where relays are opened, and what is told in place of it: of each mapping its own address, or what relays have without.
/// Without mappings none is named, and the listening address counts.
fn relays(bind: IpAddr, mappings: &[AddressMapping]) -> Vec<RelayAddress> {
    let own = |mapping: &AddressMapping| match mapping.internal {
        Some(internal) => [Some(internal), None],
        None => turn::for_listening(bind),
    };
    let told = |mapping: &AddressMapping| {
        let external = mapping.external;
        let same_family = own(mapping).into_iter().flatten();
        let same_family = same_family.filter(move |ip| ip.is_ipv4() == external.is_ipv4());
        same_family.map(move |ip| RelayAddress {
            ip,
            external: Some(external),
        })
    };
    let mapped: Vec<_> = mappings.iter().flat_map(told).collect();
    let is_mapped = |ip: &IpAddr| {
        mapped
            .iter()
            .any(|relay| relay.ip.is_ipv4() == ip.is_ipv4())
    };
    let others = turn::for_listening(bind).into_iter().flatten();
    let others: Vec<_> = others.filter(|ip| !is_mapped(ip)).collect();
    if mapped.is_empty() {
        return Vec::new();
    }
    let others = others.into_iter().map(RelayAddress::from);
    mapped.into_iter().chain(others).collect()
}

fn random() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

/// Means nothing to us; clients repeat it.
const REALM: &str = "ieum";

#[cfg(test)]
mod tests {
    use ieum::peer::MappingMode;

    use super::*;

    fn told(bind: &str, mappings: &[(Option<&str>, &str)]) -> Vec<(String, Option<String>)> {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mapping = |(internal, external): &(Option<&str>, &str)| AddressMapping {
            internal: internal.map(ip),
            external: ip(external),
            mode: MappingMode::AddReflexive,
        };
        let mappings: Vec<_> = mappings.iter().map(mapping).collect();
        let relays = relays(ip(bind), &mappings);
        let text = |relay: RelayAddress| {
            let external = relay.external.map(|ip| ip.to_string());
            (relay.ip.to_string(), external)
        };
        relays.into_iter().map(text).collect()
    }

    #[test]
    fn relays_tell_the_external_address_of_their_family() {
        let external = Some("198.51.100.7".to_owned());
        let mapped = ("10.0.0.5".to_owned(), external);
        assert_eq!(
            told("10.0.0.5", &[(None, "198.51.100.7")]),
            std::slice::from_ref(&mapped)
        );
        let named = [(Some("10.0.0.5"), "198.51.100.7")];
        assert_eq!(told("0.0.0.0", &named), [mapped]);
        // Of the other family: the own address is told.
        let own = ("10.0.0.5".to_owned(), None);
        assert_eq!(
            told("10.0.0.5", &[(Some("fd00::5"), "2001:db8::7")]).pop(),
            Some(own)
        );
        assert!(told("10.0.0.5", &[]).is_empty());
    }
}
