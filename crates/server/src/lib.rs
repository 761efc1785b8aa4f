//! What `ieum up` runs: signaling, STUN, TURN, the page and an echo peer, in one process.
//!
//! [`Server::start`] binds a TCP port for HTTP, and one number of UDP and TCP for STUN and TURN:
//!
//! - **HTTP**: the page (embedded: nothing is read from the disk), signaling with all its routes of
//!   [`ieum_signaling::server`] (`/metrics` tells of TURN too), and `GET /api/ice-servers`: the STUN and TURN URLs with fresh credentials, as
//!   RTCConfiguration's `iceServers` has them, and `ttl` in seconds.
//! - **UDP and TCP**: STUN (RFC 8489) and TURN (RFC 8656) of [`turn`], and a socket for each relayed address. With a
//!   certificate ([`Turns`]) TLS and DTLS too, on a port of their own.
//! - **A native peer** registered as `ieum` answers every call and echoes every data channel message.
//!
//! [`SignalServer`] is signaling alone, on any number of addresses, with TLS and several nodes: what `ieum signal` runs.
//!
//! # Contracts
//! - `/api/ice-servers` hands out a relay, so it is for this server's own page and for native peers: no CORS header,
//!   another origin's request is refused, and a server on loopback answers to loopback names only, against DNS
//!   rebinding. With a token configured it must come as `Authorization: Bearer`.
//! - Relayed are packets to everything public and to this machine's own interface addresses; not to private, link-local or
//!   multicast ranges; to loopback only where the server itself is bound to loopback.
//! - Everything is bounded: calls, channels, allocations, clients. A datagram that a socket does not take is dropped.
//! - [`Server::shutdown`] ends calls before signaling and signaling before the sockets; after it every port is free.
//!
//! [`turn`] is STUN and TURN alone, for other machines: what `ieum turn` runs.
//!
//! [`Server`] leaves out HTTPS, relays of TCP (RFC 6062), and several processes.
//!
//! # Example
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use ieum_server::{Options, Server};
//!
//! let server = Server::start(Options { port: 0, stun_port: 0, ..Options::default() }).await?;
//! println!("{}", server.self_check().await?);
//! println!("open {}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod assets;
mod check;
mod credentials;
mod echo;
mod error;
mod guard;
mod http;
mod metrics;
mod options;
mod server;
mod signal;
pub mod turn;

/// The signaling library, for what [`SignalOptions`] are made of.
pub use ieum_signaling::server as signaling;

pub use check::{CheckError, Report, Step};
pub use error::StartError;
pub use options::{Options, Turns};
pub use server::Server;
pub use signal::{SignalOptions, SignalServer, ice_offer};
