//! The sockets of STUN and TURN: threads that drive [`ieum_turn::server::Server`].
//!
//! Nothing is queued here: a datagram is handed to the machine where it was received, and what the machine gives out
//! is sent at the end of the batch. Where a socket's buffer is full the datagram is dropped, as a router would.

mod addresses;
mod config;
mod inbox;
mod listener;
mod many;
mod offload;
mod outgoing;
mod peers;
mod ready;
mod relays;
mod socket;
mod worker;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use mio::{Poll, Waker};

pub use config::{Config, Listen, RelayAddress};

use addresses::RelayAddresses;
pub(crate) use addresses::for_listening;
use listener::Listener;
pub(crate) use peers::peer_policy;
use ready::Source;
use socket::{Purpose, Udp};
pub(crate) use worker::unix_time;
use worker::{Command, Parts, Worker};

/// STUN and TURN, running in threads of their own. Dropping it ends them.
pub struct Turn {
    udp: Vec<SocketAddr>,
    workers: Vec<Running>,
}

struct Running {
    commands: SyncSender<Command>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl Turn {
    /// Binds every address and starts the threads.
    ///
    /// # Errors
    /// The address that cannot be bound, or what else the system refused. Nothing is left running.
    pub fn start(config: Config) -> Result<Self, Unbound> {
        let workers = config.workers.max(1);
        let mut turn = Self {
            udp: config.listen.udp.clone(),
            workers: Vec::new(),
        };
        for _ in 0..workers {
            let mut listeners = Vec::new();
            for at in &mut turn.udp {
                let shared = workers > 1;
                let bound = Udp::bind(*at, Purpose::Listener { shared })
                    .and_then(|socket| Ok((socket.local_addr()?, socket)));
                let (local, socket) = bound.map_err(|error| Unbound { at: *at, error })?;
                *at = local;
                listeners.push(Listener::new(socket, local));
            }
            let at = turn.udp.first().copied();
            let at = at.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
            turn.spawn(&config, listeners)
                .map_err(|error| Unbound { at, error })?;
        }
        Ok(turn)
    }

    fn spawn(&mut self, config: &Config, listeners: Vec<Listener>) -> io::Result<()> {
        let mut machine = config.machine.clone();
        machine.unix_time = unix_time();
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Source::Commands.token())?;
        let (commands, receiver) = sync_channel(COMMANDS);
        let parts = Parts {
            poll,
            listeners,
            machine,
            addresses: RelayAddresses::new(&config.relays, config.ports.clone(), &self.udp),
            commands: receiver,
        };
        let thread = thread::Builder::new().name("turn".to_owned());
        let thread = thread.spawn(move || match Worker::new(parts) {
            Ok(worker) => worker.run(),
            Err(error) => tracing::error!(%error, "a TURN worker did not start"),
        })?;
        self.workers.push(Running {
            commands,
            waker,
            thread,
        });
        Ok(())
    }

    /// The addresses that clients send UDP to, with the real ports, in the order of the configuration.
    #[must_use]
    pub fn udp(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// Closes every socket; blocks for the moment that the threads take to end.
    pub fn stop(&mut self) {
        for worker in &self.workers {
            // A worker that has ended does not listen.
            let _ = worker.commands.try_send(Command::Stop);
            let _ = worker.waker.wake();
        }
        for worker in self.workers.drain(..) {
            if worker.thread.join().is_err() {
                tracing::error!("a TURN worker panicked");
            }
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
            .field("udp", &self.udp)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// An address that clients cannot be served at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at}: {error}")]
pub struct Unbound {
    /// The address that was asked for.
    pub at: SocketAddr,
    /// The operating system's reason.
    pub error: io::Error,
}

/// Commands that wait for a worker.
const COMMANDS: usize = 16;
