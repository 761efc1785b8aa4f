//! From options to what the server is started with.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ieum_server::turn::machine::{IpRange, Limits};
use ieum_server::turn::{Certificate, Config, RelayAddress};

use super::options::Options;

/// Everything that was said, put together.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) turn: Config,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) drain: Duration,
    /// What is worth knowing before it goes on.
    pub(crate) notes: Vec<String>,
}

impl Settings {
    /// Fails in one line that names the option.
    pub(crate) fn of(options: Options) -> Result<Self, String> {
        let mut notes = Vec::new();
        let realm = options.realm.as_deref().unwrap_or("ieum");
        let mut turn = Config::fresh(realm).map_err(|error| error.to_string())?;
        listen(&mut turn, &options, &mut notes)?;
        relays(&mut turn, &options)?;
        users(&mut turn, &options)?;
        peers(&mut turn, &options);
        limits(&mut turn, &options);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        turn.workers = options.workers.unwrap_or(processors);
        if options.no_software == Some(true) {
            turn.machine.software = None;
        }
        turn.machine.alternate_servers = options.alternate_server.unwrap_or_default();
        Ok(Self {
            turn,
            metrics: options.metrics,
            drain: options.drain.map_or(DRAIN, |drain| drain.0),
            notes,
        })
    }
}

fn listen(turn: &mut Config, options: &Options, notes: &mut Vec<String>) -> Result<(), String> {
    let default = |port| vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))];
    let plain = options.listen.clone().unwrap_or_else(|| default(3478));
    if options.no_udp != Some(true) {
        turn.listen.udp.clone_from(&plain);
    }
    if options.no_tcp != Some(true) {
        turn.listen.tcp = plain;
    }
    turn.certificate = certificate(options)?;
    match (&turn.certificate, &options.tls_listen) {
        (None, Some(_)) => return Err("--tls-listen needs --cert and --key".to_owned()),
        (None, None) => {}
        (Some(certificate), tls) => {
            turn.listen.tls = tls.clone().unwrap_or_else(|| default(5349));
            if !certificate.serves_dtls() {
                let note =
                    "the key is RSA: TLS works, DTLS does not (it needs a key on P-256 or P-384)";
                notes.push(note.to_owned());
            }
        }
    }
    if turn.listen == ieum_server::turn::Listen::default() {
        return Err("with --no-udp, --no-tcp and without --cert nobody can reach it".to_owned());
    }
    turn.alternate = options.alternate;
    if let Some(alternate) = options.alternate {
        let first = turn.listen.udp.first();
        let first = first.ok_or("--alternate needs UDP: take --no-udp away")?;
        let unlike = first.ip() != alternate.ip() && first.port() != alternate.port();
        if !unlike || first.ip().is_unspecified() || alternate.ip().is_unspecified() {
            return Err(format!(
                "--alternate {alternate} must differ from the first --listen ({first}) in address and port, and neither may be a wildcard"
            ));
        }
    }
    let connections = &mut turn.connections;
    set(&mut connections.total, options.max_connections);
    set(
        &mut connections.per_source,
        options.max_connections_per_source,
    );
    set(
        &mut connections.allocate_within,
        options.allocate_within.map(|time| time.0),
    );
    Ok(())
}

fn certificate(options: &Options) -> Result<Option<Certificate>, String> {
    match (&options.cert, &options.key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Certificate::read(cert, key)
            .map(Some)
            .map_err(|error| format!("--cert, --key: {error}")),
        (Some(_), None) => Err("--cert needs --key".to_owned()),
        (None, Some(_)) => Err("--key needs --cert".to_owned()),
    }
}

fn relays(turn: &mut Config, options: &Options) -> Result<(), String> {
    let ports = options.relay_ports.as_ref();
    let ports = ports.map_or(PORTS, |ports| ports.0.clone());
    turn.tcp_relays = options.no_tcp_relay != Some(true);
    turn.machine.peers.relay_ports = ports.clone();
    turn.ports = Some(ports);
    let mut relays: Vec<_> = options
        .relay_ip
        .iter()
        .flatten()
        .map(|ip| RelayAddress::from(*ip))
        .collect();
    if relays.iter().any(|relay| relay.ip.is_unspecified()) {
        return Err(
            "--relay-ip must be one of this machine's addresses: peers are told it".to_owned(),
        );
    }
    let mappings = options.external_ip.iter().flatten();
    if relays.is_empty() && options.external_ip.is_some() {
        let named = mappings.clone().filter_map(|mapping| mapping.private);
        relays = named.map(RelayAddress::from).collect();
        if relays.is_empty() {
            relays = turn.own_relays();
        }
    }
    for mapping in mappings {
        let stands_for = |relay: &&mut RelayAddress| match mapping.private {
            Some(private) => relay.ip == private,
            None => relay.ip.is_ipv4() == mapping.public.is_ipv4(),
        };
        let mapped = relays.iter_mut().filter(stands_for);
        if mapped
            .map(|relay| relay.external = Some(mapping.public))
            .count()
            == 0
        {
            return Err(format!(
                "--external-ip {} stands for no --relay-ip of its family",
                mapping.public
            ));
        }
    }
    turn.relays = relays;
    Ok(())
}

fn users(turn: &mut Config, options: &Options) -> Result<(), String> {
    let secrets = options.secret.iter().flatten();
    let machine = &mut turn.machine;
    machine.secrets = secrets
        .map(|secret| secret.0.clone().into_bytes())
        .collect();
    if let Some(file) = &options.secret_file {
        machine.secrets.extend(secrets_of(file)?);
    }
    let users = options.user.iter().flatten();
    machine.users = users.map(|user| user.0.clone()).collect();
    match machine.secrets.is_empty() && machine.users.is_empty() {
        true => Err("nobody may use it: give --secret, --secret-file or --user".to_owned()),
        false => Ok(()),
    }
}

fn secrets_of(file: &PathBuf) -> Result<Vec<Vec<u8>>, String> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| format!("--secret-file {}: {error}", Path::display(file)))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| line.as_bytes().to_vec()).collect())
}

fn peers(turn: &mut Config, options: &Options) {
    let peers = &mut turn.machine.peers;
    peers.loopback = options.allow_loopback_peers == Some(true);
    let ranges = |ranges: &Option<Vec<super::values::Range>>| -> Vec<IpRange> {
        ranges.iter().flatten().map(|range| range.0).collect()
    };
    peers.allowed = ranges(&options.allow_peer);
    peers.denied = ranges(&options.deny_peer);
    turn.protect_own();
}

fn limits(turn: &mut Config, options: &Options) {
    let limits: &mut Limits = &mut turn.machine.limits;
    set(&mut limits.relays, options.max_allocations);
    set(&mut limits.relays_per_user, options.user_quota);
    set(&mut limits.permissions, options.max_permissions);
    set(&mut limits.channels, options.max_channels);
    set(
        &mut limits.default_lifetime,
        options.default_lifetime.map(|time| time.0),
    );
    set(
        &mut limits.max_lifetime,
        options.max_lifetime.map(|time| time.0),
    );
    set(
        &mut limits.nonce_lifetime,
        options.nonce_lifetime.map(|time| time.0),
    );
    limits.bandwidth = options.bandwidth;
    limits.bandwidth_per_user = options.user_bandwidth;
    if let Some(rate) = options.unauthenticated_rate {
        limits.unauthenticated.per_second = rate;
        limits.unauthenticated.burst = rate.saturating_mul(2);
    }
}

fn set<T>(what: &mut T, to: Option<T>) {
    if let Some(to) = to {
        *what = to;
    }
}

/// RFC 8656 §7.2 asks for the dynamic ports.
const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;
/// How long allocations go on after SIGTERM, where nothing is said.
const DRAIN: Duration = Duration::from_secs(300);
