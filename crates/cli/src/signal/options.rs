//! Every option of `ieum signal`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::options::options;
use crate::values::{Period, Secret};

options! {
    /// What was said on the command line, or in the file.
    Options {
        /// Address for clients, with its port; may be given several times [default: 0.0.0.0:3030]
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Where clients come")]
        listen: Vec<SocketAddr>,
        /// Certificate chain, leaf first, in PEM: HTTPS in place of HTTP; read again on SIGHUP
        #[arg(long, value_name = "FILE", help_heading = "Where clients come")]
        cert: PathBuf,
        /// Its private key in PEM
        #[arg(long, value_name = "FILE", help_heading = "Where clients come")]
        key: PathBuf,
        /// Web site that may connect, such as https://example.org; may be given several times [default: all]
        #[arg(long, value_name = "ORIGIN", help_heading = "Where clients come")]
        origin: Vec<String>,

        /// Clients must know this token
        #[arg(long, value_name = "TOKEN", help_heading = "Who may use it")]
        token: Secret,
        /// File with the token in its first line: not seen in the list of processes
        #[arg(long, value_name = "FILE", help_heading = "Who may use it")]
        token_file: PathBuf,
        /// Secret of signed tokens (JWT, HS256)
        #[arg(long, value_name = "SECRET", help_heading = "Who may use it")]
        jwt_secret: Secret,
        /// File with that secret in its first line
        #[arg(long, value_name = "FILE", help_heading = "Who may use it")]
        jwt_secret_file: PathBuf,
        /// Public key of signed tokens (JWT, EdDSA with Ed25519) in PEM
        #[arg(long, value_name = "FILE", help_heading = "Who may use it")]
        jwt_public_key: PathBuf,
        /// Let anybody send in anybody's name, as servers of this protocol used to
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Who may use it")]
        unchecked_senders: bool,
        /// Do not list the peers on /connections
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Who may use it")]
        no_connections: bool,

        /// STUN or TURN URL that clients are told; may be given several times
        #[arg(long, value_name = "URL", help_heading = "ICE servers")]
        ice_server: Vec<String>,
        /// Secret of the TURN servers: each client gets short-lived credentials of its own
        #[arg(long, value_name = "SECRET", help_heading = "ICE servers")]
        turn_secret: Secret,
        /// File with that secret in its first line
        #[arg(long, value_name = "FILE", help_heading = "ICE servers")]
        turn_secret_file: PathBuf,
        /// How long the credentials are good for [default: 1h]
        #[arg(long, value_name = "TIME", help_heading = "ICE servers")]
        turn_ttl: Period,

        /// Clients in all [default: 10000]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_clients: usize,
        /// Clients in one room [default: 10000]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_room_clients: usize,
        /// TCP connections in all, idle ones included [default: 20000]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_connections: usize,
        /// TCP connections from one address, or one IPv6 network of 64 bits; 0 for as many as it likes, as behind a proxy [default: 0]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_connections_per_address: usize,
        /// Bytes of one message [default: 65536]
        #[arg(long, value_name = "BYTES", help_heading = "Limits")]
        max_message: usize,
        /// Messages that wait for one client [default: 256]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        queue: usize,
        /// Their bytes [default: 1048576]
        #[arg(long, value_name = "BYTES", help_heading = "Limits")]
        queue_bytes: usize,
        /// Messages a second from one client; 0 for as many as it likes [default: 100]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        rate: u32,
        /// Messages that may come at once [default: 1000]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        burst: u32,
        /// How long a connection may take to join [default: 10s]
        #[arg(long, value_name = "TIME", help_heading = "Limits")]
        handshake: Period,
        /// How long a connection may take for TLS and for each request's header [default: 10s]
        #[arg(long, value_name = "TIME", help_heading = "Limits")]
        header_timeout: Period,

        /// How long a client may be away and keep its id [default: 30s]
        #[arg(long, value_name = "TIME", help_heading = "Operation")]
        resume: Period,
        /// How often clients are pinged [default: 25s]
        #[arg(long, value_name = "TIME", help_heading = "Operation")]
        ping_interval: Period,
        /// How long the answer may take [default: 20s]
        #[arg(long, value_name = "TIME", help_heading = "Operation")]
        ping_timeout: Period,
        /// Redis that this node shares with others, as redis://[user:password@]host:port/db, or rediss:// for TLS
        #[arg(long, value_name = "URL", help_heading = "Operation")]
        redis: Secret,
        /// Certificates that Redis may have, over TLS, in PEM [default: what the system trusts]
        #[arg(long, value_name = "FILE", help_heading = "Operation")]
        redis_ca: PathBuf,
        /// Begins the names of all keys in Redis [default: ieum]
        #[arg(long, value_name = "NAME", help_heading = "Operation")]
        redis_prefix: String,
        /// MQTT broker whose peers and ours reach each other, as mqtt://[user:password@]host[:port][/prefix][?version=3.1.1], or mqtts://
        #[arg(long, value_name = "URL", help_heading = "Operation")]
        mqtt: Secret,
        /// Certificates that the broker may have, over TLS, in PEM [default: what the system trusts]
        #[arg(long, value_name = "FILE", help_heading = "Operation")]
        mqtt_ca: PathBuf,
    }
}
