//! Every option of `ieum turn`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::values::{Range, StaticUser};
use crate::options::options;
use crate::values::{ExternalIp, Period, PortRange, Secret};

options! {
    /// What was said on the command line, or in the file.
    Options {
        /// Address for clients over UDP and TCP, with its port; may be given several times [default: 0.0.0.0:3478]
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Where clients come")]
        listen: Vec<SocketAddr>,
        /// Do not listen on UDP (TLS still has DTLS beside it)
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Where clients come")]
        no_udp: bool,
        /// Do not listen on TCP
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Where clients come")]
        no_tcp: bool,
        /// Address for clients over TLS and DTLS; may be given several times [default with --cert: 0.0.0.0:5349]
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Where clients come")]
        tls_listen: Vec<SocketAddr>,
        /// Certificate chain, leaf first, in PEM; read again on SIGHUP
        #[arg(long, value_name = "FILE", help_heading = "Where clients come")]
        cert: PathBuf,
        /// Its private key in PEM; DTLS needs one on a curve (P-256, P-384)
        #[arg(long, value_name = "FILE", help_heading = "Where clients come")]
        key: PathBuf,
        /// Another address and port of this machine, for NAT behaviour discovery (RFC 5780) beside the first --listen
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Where clients come")]
        alternate: SocketAddr,
        /// Connections over TCP and TLS in all [default: 16384]
        #[arg(long, value_name = "N", help_heading = "Where clients come")]
        max_connections: usize,
        /// Connections from one IPv4 address or one IPv6 /64, on each thread [default: 256]
        #[arg(long, value_name = "N", help_heading = "Where clients come")]
        max_connections_per_source: usize,
        /// How long a connection over TCP or TLS may be without an allocation before it is closed [default: 30s]
        #[arg(long, value_name = "TIME", help_heading = "Where clients come")]
        allocate_within: Period,

        /// Address that relayed ports are opened on; may be given several times [default: the listening addresses]
        #[arg(long, value_name = "ADDRESS", help_heading = "Relays")]
        relay_ip: Vec<IpAddr>,
        /// Ports that relays are opened on [default: 49152-65535]
        #[arg(long, value_name = "LOW-HIGH", help_heading = "Relays")]
        relay_ports: PortRange,
        /// No relays that carry TCP (RFC 6062)
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Relays")]
        no_tcp_relay: bool,
        /// Public address of this machine behind a 1:1 NAT, or PUBLIC/PRIVATE for one of several; may be given several times
        #[arg(long, value_name = "PUBLIC[/PRIVATE]", help_heading = "Relays")]
        external_ip: Vec<ExternalIp>,

        /// Realm of the credentials, usually a domain [default: ieum]
        #[arg(long, value_name = "NAME", help_heading = "Who may use it")]
        realm: String,
        /// Shared secret for short-lived credentials (REST scheme); several while one is being changed
        #[arg(long, value_name = "SECRET", help_heading = "Who may use it")]
        secret: Vec<Secret>,
        /// File with shared secrets, one a line: not seen in the list of processes
        #[arg(long, value_name = "FILE", help_heading = "Who may use it")]
        secret_file: PathBuf,
        /// User with a password of their own; may be given several times
        #[arg(long, value_name = "NAME:PASSWORD", help_heading = "Who may use it")]
        user: Vec<StaticUser>,

        /// Relay to this address or range though it is not public; may be given several times
        #[arg(long, value_name = "ADDRESS[/BITS]", help_heading = "Which peers")]
        allow_peer: Vec<Range>,
        /// Never relay to this address or range; may be given several times, and wins over --allow-peer
        #[arg(long, value_name = "ADDRESS[/BITS]", help_heading = "Which peers")]
        deny_peer: Vec<Range>,
        /// Relay to loopback addresses too: for tests only
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Which peers")]
        allow_loopback_peers: bool,

        /// Allocations in all [default: 4096]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_allocations: usize,
        /// Allocations of one user [default: 64]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        user_quota: usize,
        /// Relayed bytes per second in all, both ways together; each thread has an even part [default: no limit]
        #[arg(long, value_name = "BYTES", help_heading = "Limits")]
        bandwidth: u64,
        /// Relayed bytes per second of one user on each thread, both ways together [default: no limit]
        #[arg(long, value_name = "BYTES", help_heading = "Limits")]
        user_bandwidth: u64,
        /// Permissions of one allocation [default: 256]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_permissions: usize,
        /// Channels of one allocation [default: 256]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        max_channels: usize,
        /// Lifetime of an allocation whose client asks for none [default: 10m]
        #[arg(long, value_name = "TIME", help_heading = "Limits")]
        default_lifetime: Period,
        /// Longest lifetime of an allocation between refreshes [default: 1h]
        #[arg(long, value_name = "TIME", help_heading = "Limits")]
        max_lifetime: Period,
        /// How long a nonce is good for [default: 1h]
        #[arg(long, value_name = "TIME", help_heading = "Limits")]
        nonce_lifetime: Period,
        /// Answers per second to one source that has not proven who it is [default: 1000]
        #[arg(long, value_name = "N", help_heading = "Limits")]
        unauthenticated_rate: u32,

        /// Threads [default: one for each processor]
        #[arg(long, value_name = "N", help_heading = "Operation")]
        workers: usize,
        /// Address for /metrics (Prometheus), /health and /ready over HTTP [default: none]
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Operation")]
        metrics: SocketAddr,
        /// How long allocations may go on after SIGTERM [default: 5m]
        #[arg(long, value_name = "TIME", help_heading = "Operation")]
        drain: Period,
        /// Do not say in answers what software this is
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Operation")]
        no_software: bool,
        /// Where new clients are sent (300) while this server drains; may be given several times
        #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Operation")]
        alternate_server: Vec<SocketAddr>,
    }
}
