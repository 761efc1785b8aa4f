//! From options to what the server is started with.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ieum_server::signaling::{Config, Jwt, Limits, Mqtt, Origins, Redis, Serve, Tls, TlsRoots};
use ieum_server::{SignalOptions, ice_offer};

use super::options::Options;
use crate::file;
use crate::values::{Period, Secret};

/// Everything that was said, put together.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) signal: SignalOptions,
    /// What is worth knowing before it goes on.
    pub(super) notes: Vec<String>,
}

impl Settings {
    /// Fails in one line that names the option.
    pub(super) fn of(options: Options) -> Result<Self, String> {
        let mut notes = Vec::new();
        let mut config = Config {
            token: secret("token", options.token.as_ref(), options.token_file.as_ref())?,
            jwt: jwt(&options)?,
            check_sender: options.unchecked_senders != Some(true),
            connections: options.no_connections != Some(true),
            origins: origins(options.origin.as_deref())?,
            limits: limits(&options)?,
            ..Config::default()
        };
        set_period(&mut config.resume, options.resume);
        set_period(&mut config.ping_interval, options.ping_interval);
        set_period(&mut config.ping_timeout, options.ping_timeout);
        set_period(&mut config.handshake, options.handshake);
        ice(&mut config, &options)?;
        config.redis = redis(&options)?;
        config.mqtt = mqtt(&options)?;
        if config.ping_interval.is_zero() || config.ping_timeout.is_zero() {
            return Err("ping-interval and ping-timeout must not be 0".into());
        }
        let mut serve = Serve {
            tls: tls(&options)?,
            ..Serve::default()
        };
        set_period(&mut serve.header, options.header_timeout);
        set(&mut serve.connections, options.max_connections);
        set(&mut serve.per_address, options.max_connections_per_address);
        let default = || vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 3030))];
        let listen = options.listen.unwrap_or_else(default);
        if listen.is_empty() {
            return Err("listen: at least one address is needed".into());
        }
        let reachable = listen.iter().any(|at| !at.ip().is_loopback());
        if reachable && config.token.is_none() && config.jwt.is_none() {
            notes.push(
                "whoever reaches this machine may use signaling: --token or --jwt-secret asks for a token"
                    .into(),
            );
        }
        let signal = SignalOptions {
            listen,
            serve,
            config,
        };
        Ok(Self { signal, notes })
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self.signal.serve.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

fn secret(
    name: &str,
    said: Option<&Secret>,
    path: Option<&PathBuf>,
) -> Result<Option<String>, String> {
    match (said, path) {
        (Some(_), Some(_)) => Err(format!("{name} and {name}-file exclude each other")),
        (Some(secret), None) => Ok(Some(secret.0.clone())),
        (None, Some(path)) => file::first_line(path)
            .map(Some)
            .map_err(|what| format!("{name}-file: {what}")),
        (None, None) => Ok(None),
    }
}

fn jwt(options: &Options) -> Result<Option<Jwt>, String> {
    let file = options.jwt_secret_file.as_ref();
    let shared = secret("jwt-secret", options.jwt_secret.as_ref(), file)?;
    if shared.is_none() && options.jwt_public_key.is_none() {
        return Ok(None);
    }
    let mut jwt = Jwt::default();
    if let Some(secret) = shared {
        // RFC 7518 section 3.2: a key for HS256 has at least 256 bits.
        if secret.len() < 32 {
            return Err("jwt-secret: HS256 needs at least 32 bytes".into());
        }
        jwt = jwt.with_hs256(secret.as_bytes());
    }
    if let Some(path) = &options.jwt_public_key {
        let name = path.display();
        let pem = fs::read_to_string(path)
            .map_err(|error| format!("jwt-public-key: cannot read {name}: {error}"))?;
        jwt = jwt
            .with_ed25519_pem(&pem)
            .map_err(|error| format!("jwt-public-key: {name}: {error}"))?;
    }
    Ok(Some(jwt))
}

fn origins(origins: Option<&[String]>) -> Result<Origins, String> {
    let Some(origins) = origins else {
        return Ok(Origins::Any);
    };
    for origin in origins {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' '])) {
            return Err(format!(
                "origin: {origin:?} is none: it is a scheme and a host, such as https://example.org"
            ));
        }
    }
    Ok(Origins::Only(origins.to_vec()))
}

fn limits(options: &Options) -> Result<Limits, String> {
    let mut limits = Limits::default();
    set(&mut limits.clients, options.max_clients);
    set(&mut limits.room_clients, options.max_room_clients);
    set(&mut limits.message_bytes, options.max_message);
    set(&mut limits.queue, options.queue);
    set(&mut limits.queue_bytes, options.queue_bytes);
    set(&mut limits.rate, options.rate);
    set(&mut limits.burst, options.burst);
    for (name, value, least) in [
        ("max-clients", limits.clients, 1),
        ("max-room-clients", limits.room_clients, 1),
        ("max-message", limits.message_bytes, 1024),
        ("queue", limits.queue, 1),
        ("queue-bytes", limits.queue_bytes, 1024),
    ] {
        if value < least {
            return Err(format!("{name}: at least {least} is needed"));
        }
    }
    Ok(limits)
}

fn ice(config: &mut Config, options: &Options) -> Result<(), String> {
    let file = options.turn_secret_file.as_ref();
    let secret = secret("turn-secret", options.turn_secret.as_ref(), file)?;
    let Some(urls) = &options.ice_server else {
        return match secret {
            Some(_) => Err("turn-secret needs an ice-server that it is for".into()),
            None => Ok(()),
        };
    };
    for url in urls {
        let known = ["stun:", "stuns:", "turn:", "turns:"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(format!(
                "ice-server: {url:?} is none: it begins with stun:, turn: or turns:"
            ));
        }
    }
    let ttl = options.turn_ttl.map_or(TURN_TTL, |ttl| ttl.0);
    let secret = secret.map(String::into_bytes);
    config.ice = Some(ice_offer(urls.clone(), secret, ttl));
    Ok(())
}

fn redis(options: &Options) -> Result<Option<Redis>, String> {
    let prefix = options.redis_prefix.as_deref().unwrap_or("ieum");
    let Some(url) = &options.redis else {
        return match (&options.redis_prefix, &options.redis_ca) {
            (Some(_), _) => Err("redis-prefix needs redis".into()),
            (None, Some(_)) => Err("redis-ca needs redis".into()),
            (None, None) => Ok(None),
        };
    };
    let redis = match &options.redis_ca {
        None => Redis::new(&url.0, prefix),
        Some(path) => {
            let name = path.display();
            let pem =
                fs::read(path).map_err(|error| format!("redis-ca: cannot read {name}: {error}"))?;
            Redis::with_roots(&url.0, prefix, &pem)
        }
    };
    Ok(Some(redis.map_err(|error| format!("redis: {error}"))?))
}

fn mqtt(options: &Options) -> Result<Option<Mqtt>, String> {
    let Some(url) = &options.mqtt else {
        return match options.mqtt_ca {
            Some(_) => Err("mqtt-ca needs mqtt".into()),
            None => Ok(None),
        };
    };
    let roots = match &options.mqtt_ca {
        None => TlsRoots::System,
        Some(path) => {
            let name = path.display();
            let pem =
                fs::read(path).map_err(|error| format!("mqtt-ca: cannot read {name}: {error}"))?;
            TlsRoots::from_pem(&pem).map_err(|error| format!("mqtt-ca: {name}: {error}"))?
        }
    };
    let mqtt = Mqtt::new(&url.0, roots).map_err(|error| format!("mqtt: {error}"))?;
    Ok(Some(mqtt))
}

fn tls(options: &Options) -> Result<Option<Tls>, String> {
    match (&options.cert, &options.key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Tls::read(cert, key)
            .map(Some)
            .map_err(|error| error.to_string()),
        _ => Err("cert and key belong together".into()),
    }
}

fn set<T>(to: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *to = said;
    }
}

fn set_period(to: &mut Duration, said: Option<Period>) {
    set(to, said.map(|period| period.0));
}

/// They are asked for at allocation only: a call outlives them. An hour is for programs that fetch them ahead of a call.
const TURN_TTL: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Settings, String> {
        let read = file::parse::<Options>(text);
        Settings::of(read.map_err(|(line, what)| format!("{line}: {what}"))?)
    }

    #[test]
    fn the_example_shows_every_option() {
        let example = include_str!("../../signal.example.toml");
        file::assert_shows::<Options>(example, &Options::names());
    }

    #[test]
    fn a_wrong_line_is_told_with_its_number_and_its_field() {
        for (text, wanted) in [
            ("listen = [\"here\"]", "1: listen: "),
            ("\nresume = \"soon\"", "2: resume: `soon` is no time"),
            ("# no\n\nunheard-of = 1", "3: unknown field `unheard-of`"),
            ("rate = -1", "1: rate: "),
            ("token = [\"hidden\"]", "1: token: "),
        ] {
            let refusal = of(text).unwrap_err();
            assert!(refusal.starts_with(wanted), "{refusal}");
            assert!(!refusal.contains("hidden") && !refusal.contains('\n'));
        }
    }

    #[test]
    fn what_does_not_go_together_is_told_with_its_option() {
        for (text, names) in [
            ("cert = \"a\"", "cert and key"),
            ("token = \"a\"\ntoken-file = \"b\"", "token-file"),
            ("token = \"\"", "token: a secret is not empty"),
            (
                "token-file = \"/no/such\"",
                "token-file: cannot read /no/such",
            ),
            ("jwt-secret = \"short\"", "at least 32 bytes"),
            ("jwt-public-key = \"/no/such\"", "jwt-public-key"),
            ("turn-secret = \"x\"", "ice-server"),
            ("ice-server = [\"http://x\"]", "ice-server"),
            ("origin = [\"example.org\"]", "origin"),
            ("queue = 0", "queue: at least 1"),
            ("ping-interval = 0", "ping-interval"),
            ("listen = []", "listen"),
            ("redis = \"no\"", "redis: this is no URL"),
            ("redis-prefix = \"x\"", "redis-prefix needs redis"),
            ("mqtt = \"http://x\"", "mqtt: this is no broker's URL"),
            ("mqtt-ca = \"/no/such\"", "mqtt-ca needs mqtt"),
            (
                "mqtt = \"mqtts://x\"\nmqtt-ca = \"/no/such\"",
                "mqtt-ca: cannot read /no/such",
            ),
        ] {
            let refusal = of(text).unwrap_err();
            assert!(refusal.contains(names), "{text}: {refusal}");
        }
    }

    #[test]
    fn an_open_server_says_so_and_a_flag_wins_over_the_file() {
        assert_eq!(of("").unwrap().notes.len(), 1);
        assert!(of("token = \"x\"").unwrap().notes.is_empty());
        assert!(of("listen = [\"127.0.0.1:0\"]").unwrap().notes.is_empty());
        let flag: Options = file::parse("rate = 1").unwrap();
        let file: Options = file::parse("rate = 2\nburst = 3").unwrap();
        let both = Settings::of(flag.or(file)).unwrap().signal.config.limits;
        assert_eq!((both.rate, both.burst), (1, 3));
    }
}
