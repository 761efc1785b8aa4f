//! STUN and TURN on sockets: threads that drive [`ieum_turn::server::Server`], which knows the protocol.
//!
//! [`Turn::start`] binds every address and starts the threads. Clients come over UDP, TCP, TLS and DTLS.
//!
//! # Contracts
//! - Each thread owns its sockets, its machine and its relays by value; nothing is locked where data passes. Quotas over
//!   all threads have one owner, which is asked when an allocation is made.
//! - A datagram is handed to the machine where it was received, and what the machine gives out is sent at the end of the
//!   batch: read, looked at, written once into one arena, sent. Relayed UDP allocates nothing.
//! - Nothing is queued without bound: where a socket is full, or a client over TCP reads slowly, data is dropped, as a
//!   router would.
//! - Secrets, passwords and keys are never written to logs or to `Debug`.
//!
//! - On Linux clients are told what ICMP tells of their peers (RFC 8656 §11.5).
//!
//! It leaves out DF towards peers: DONT-FRAGMENT is refused with 420, as RFC 8656 §7.2 wants it of a server that cannot, and
//! a Send indication with it is ignored. Large datagrams are fragmented as the system does it.
//!
//! # Example
//!
//! ```
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use ieum_server::turn::{Config, Turn};
//! use ieum_turn::server;
//!
//! let mut config = Config::new(server::Config::new("example.org", b"the secret", 0, [7; 32]));
//! config.listen.udp.push("127.0.0.1:0".parse()?);
//! let mut turn = Turn::start(config)?;
//! println!("STUN and TURN at {}", turn.listening().udp[0]);
//! turn.stop();
//! # Ok(())
//! # }
//! # run().unwrap();
//! ```

mod acceptor;
mod addresses;
mod certificate;
mod config;
mod connections;
mod control;
mod datagrams;
mod dtls;
mod exits;
mod icmp;
mod inbox;
mod listener;
mod many;
mod monitor;
mod observer;
mod offload;
mod outgoing;
mod owner;
mod peer;
mod peers;
mod ready;
mod relays;
mod report;
mod settle;
mod slab;
mod socket;
mod sockets;
mod splice;
mod steering;
mod stream;
mod streams;
mod unsent;
mod worker;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ieum_turn::Transport;
use ieum_turn::server::{Discovery, Quotas};
use mio::{Poll, Waker};

pub use certificate::{Certificate, CertificateError};
pub use config::{Config, Connections, Listen, RelayAddress};
pub use ieum_turn::server as machine;
pub use monitor::monitor;
pub(crate) use monitor::report as metrics;
pub use observer::{Observer, Silent};
pub use report::Report;

use addresses::RelayAddresses;
pub(crate) use addresses::for_listening;
use control::{Command, Mailbox, Reconfiguration};
use owner::Owner;
pub(crate) use peers::peer_policy;
use ready::Source;
use streams::Limits;
pub(crate) use worker::unix_time;
use worker::{Parts, Worker};

/// STUN and TURN, running in threads of their own. Dropping it ends them.
pub struct Turn {
    listen: Listen,
    discovery: Option<Discovery>,
    workers: Vec<Mailbox>,
    threads: Vec<JoinHandle<()>>,
    owner: Option<Owner>,
}

impl Turn {
    /// Binds every address and starts the threads.
    ///
    /// # Errors
    /// The address that cannot be bound, or what else the system refused. Nothing is left running.
    pub fn start(config: Config) -> Result<Self, Unbound> {
        let workers = if cfg!(unix) {
            config.workers.clamp(1, MAX_WORKERS)
        } else {
            1
        };
        let bound = sockets::bind(&config, workers)?;
        let mut turn = Self {
            listen: bound.listen,
            discovery: bound.discovery,
            workers: Vec::new(),
            threads: Vec::new(),
            owner: None,
        };
        let at = turn.listen.udp.first().copied();
        let at = at.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        turn.spawn(&config, bound.workers)
            .map_err(|error| Unbound {
                at,
                transport: Transport::Udp,
                error,
            })?;
        Ok(turn)
    }

    fn spawn(
        &mut self,
        config: &Config,
        sockets: Vec<(Vec<listener::Listener>, Vec<acceptor::Acceptor>)>,
    ) -> io::Result<()> {
        let mut polls = Vec::new();
        for _ in &sockets {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), Source::Commands.token())?);
            let (commands, receiver) = sync_channel(COMMANDS);
            self.workers.push(Mailbox { commands, waker });
            polls.push((poll, receiver));
        }
        if sockets.len() > 1 {
            let owner = Owner::start(&config.machine.limits, self.workers.clone())?;
            self.owner = Some(owner);
        }
        for (number, ((listeners, acceptors), (poll, commands))) in
            sockets.into_iter().zip(polls).enumerate()
        {
            let number = u8::try_from(number).map_err(io::Error::other)?;
            let parts = Parts {
                poll,
                listeners,
                acceptors,
                machine: self.machine(config, number),
                addresses: RelayAddresses::new(
                    &config.relays,
                    config.ports.clone(),
                    &self.everywhere(),
                ),
                certificate: config.certificate.clone(),
                limits: self.limits(config),
                commands,
                others: self.workers.clone(),
                owner: self.owner.as_ref().map(|owner| owner.asking(number)),
            };
            let thread = thread::Builder::new().name(format!("turn-{number}"));
            let thread = thread.spawn(move || match Worker::new(parts) {
                Ok(worker) => worker.run(),
                Err(error) => tracing::error!(%error, "a TURN worker did not start"),
            })?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// What one worker's machine is told: its part of what is limited for all.
    fn machine(&self, config: &Config, number: u8) -> ieum_turn::server::Config {
        let workers = self.workers.len() as u64;
        let mut machine = config.machine.clone();
        machine.worker = number;
        machine.unix_time = unix_time();
        machine.discovery = self.discovery;
        machine.abilities.tcp_relays = cfg!(unix) && config.tcp_relays;
        machine.abilities.mobility = true;
        if workers > 1 {
            machine.quotas = Quotas::Registry;
        }
        let part = |whole: u64| (whole / workers).max(1);
        machine.limits.bandwidth = machine.limits.bandwidth.map(part);
        machine
    }

    fn limits(&self, config: &Config) -> Limits {
        Limits {
            total: config.connections.total.div_ceil(self.workers.len()),
            per_source: config.connections.per_source,
            allocate_within: config.connections.allocate_within,
        }
    }

    /// Every address that is listened on.
    fn everywhere(&self) -> Vec<SocketAddr> {
        let Listen { udp, tcp, tls } = &self.listen;
        udp.iter().chain(tcp).chain(tls).copied().collect()
    }

    /// The addresses that clients reach it at, with the real ports, in the order of the configuration.
    #[must_use]
    pub fn listening(&self) -> &Listen {
        &self.listen
    }

    /// A way to see what was done and what there is, from any thread.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(self.workers.clone())
    }

    /// Goes on with new credentials, limits, peers and certificate. Allocations stay; addresses, ports and the number of
    /// threads do too, whatever `config` says of them.
    pub fn reconfigure(&self, config: &Config) {
        if let Some(owner) = &self.owner {
            owner.reconfigure(config.machine.limits.clone());
        }
        for (number, worker) in self.workers.iter().enumerate() {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            worker.send(Command::Reconfigure(Box::new(Reconfiguration {
                machine: self.machine(config, number),
                certificate: config.certificate.clone(),
                limits: self.limits(config),
            })));
        }
    }

    /// Shows newcomers this certificate from now on. Whoever is connected stays; without TLS it changes nothing.
    pub fn renew(&self, certificate: &Certificate) {
        for worker in &self.workers {
            worker.send(Command::Renew(certificate.clone()));
        }
    }

    /// Makes no new allocations from now on. Those that exist live to their end, or for `patience`.
    pub fn drain(&self, patience: Duration) {
        let until = Instant::now() + patience;
        for worker in &self.workers {
            worker.send(Command::Drain(until));
        }
    }

    /// Closes every socket; blocks for the moment that the threads take to end.
    pub fn stop(&mut self) {
        for worker in self.workers.drain(..) {
            worker.send(Command::Stop);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a TURN worker panicked");
            }
        }
        if let Some(mut owner) = self.owner.take() {
            owner.stop();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("listen", &self.listen)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// An address that clients cannot be served at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at} over {transport:?}: {error}")]
pub struct Unbound {
    /// The address that was asked for.
    pub at: SocketAddr,
    /// What was to be spoken there.
    pub transport: Transport,
    /// The operating system's reason.
    pub error: io::Error,
}

/// Threads, at most.
const MAX_WORKERS: usize = 64;
/// Commands that wait for a worker: what another worker hands over, mostly.
const COMMANDS: usize = 1024;
