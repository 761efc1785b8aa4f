//! The UDP driver of STUN and TURN: one task owns the server machine, the listening socket and every relay's socket.
//!
//! Nothing is queued here: a datagram is handed to the machine where it was received, and what the machine gives out
//! is sent at once. Where a socket's buffer is full the datagram is dropped, as a router would.

mod addresses;
mod listener;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use ieum_turn::server::{Config, Event, Forward, Port, RelayId, Server, Side};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::sleep_until;

use addresses::{Opened, RelayAddresses};
use listener::Inbox;
pub(crate) use listener::Listener;

/// Owns everything about STUN and TURN, and runs until told to stop.
pub(crate) struct Driver {
    machine: Server,
    sockets: Sockets,
    inbox: Inbox,
    addresses: RelayAddresses,
    readiness: FuturesUnordered<Readiness>,
}

/// Every socket, and room for what is being sent.
struct Sockets {
    listener: Listener,
    relays: HashMap<RelayId, Relay>,
    out: Vec<u8>,
}

struct Relay {
    socket: Arc<UdpSocket>,
    /// Ends the future that waits for the socket, for that future keeps it open.
    waiting: AbortHandle,
}

/// Waits until a relay's socket can be read.
type Readiness = Abortable<Pin<Box<dyn Future<Output = RelayId> + Send>>>;

impl Driver {
    /// A driver for a socket that is bound. Credentials are made with `secret`.
    pub(crate) fn new(listener: Listener, secret: &[u8], seed: [u8; 32]) -> Self {
        let bind = listener.local_addr().ip();
        let mut config = Config::new(REALM, secret, unix_time(), seed);
        config.peers = addresses::peer_policy(bind);
        config.software = Some(concat!("ieum ", env!("CARGO_PKG_VERSION")).to_owned());
        Self {
            machine: Server::new(Instant::now(), config),
            sockets: Sockets {
                listener,
                relays: HashMap::new(),
                out: Vec::new(),
            },
            inbox: Inbox::new(),
            addresses: RelayAddresses::for_bind(bind),
            readiness: FuturesUnordered::new(),
        }
    }

    /// Serves until `stop` changes; then every socket is closed.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.flush();
            let due = self.machine.poll_timeout();
            let timeout = async {
                match due {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = stop.changed() => break,
                _ = self.sockets.listener.readable() => self.receive_from_clients(),
                Some(ready) = self.readiness.next() => {
                    if let Ok(id) = ready {
                        self.receive_from_peers(id);
                    }
                }
                () = timeout => self.handle_timeout(),
            }
        }
        tracing::debug!(counters = ?self.machine.counters(), "STUN and TURN stopped");
    }

    fn receive_from_clients(&mut self) {
        let Self {
            machine,
            sockets,
            inbox,
            ..
        } = self;
        let now = Instant::now();
        let Some(filled) = sockets.listener.receive(inbox) else {
            return;
        };
        for (five_tuple, datagram) in inbox.datagrams(sockets.listener.local_addr(), filled) {
            if let Some(forward) = machine.handle_datagram(now, five_tuple, datagram) {
                sockets.forward(&forward);
            }
        }
    }

    fn receive_from_peers(&mut self, id: RelayId) {
        let Self {
            machine,
            sockets,
            inbox,
            readiness,
            ..
        } = self;
        let Some(socket) = sockets
            .relays
            .get(&id)
            .map(|relay| Arc::clone(&relay.socket))
        else {
            return;
        };
        let now = Instant::now();
        for _ in 0..BURST {
            let Ok((len, peer)) = socket.try_recv_from(inbox.first()) else {
                break;
            };
            if let Some(forward) = machine.handle_relayed(now, id, peer, &inbox.first()[..len]) {
                sockets.forward(&forward);
            }
        }
        if let Some(relay) = sockets.relays.get_mut(&id) {
            readiness.push(relay.wait(id));
        }
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        // The wall clock may have been set meanwhile; only the expiry of credentials depends on it.
        self.machine.set_unix_time(now, unix_time());
        self.machine.handle_timeout(now);
    }

    /// Does and sends everything that the machine asks for.
    fn flush(&mut self) {
        let now = Instant::now();
        loop {
            while let Some(event) = self.machine.poll_event() {
                match event {
                    Event::OpenRelay { id, family, port } => {
                        let outcome = self.addresses.open(family, port);
                        let outcome = outcome.map(|opened| self.adopt(id, port, opened));
                        self.machine.relay_opened(now, id, outcome);
                    }
                    Event::CloseRelay { id } => self.sockets.close(id),
                    // For TCP relays and for several workers, which are not switched on.
                    _ => {}
                }
            }
            self.sockets.out.clear();
            let Some(transmit) = self.machine.poll_transmit(now, &mut self.sockets.out) else {
                return;
            };
            let start = self.sockets.out.len().saturating_sub(transmit.len);
            let bytes = &self.sockets.out[start..];
            for datagram in bytes.chunks(transmit.segment_size.unwrap_or(bytes.len()).max(1)) {
                self.sockets.listener.send(transmit.five_tuple, datagram);
            }
        }
    }

    fn adopt(&mut self, id: RelayId, port: Port, opened: Opened) -> SocketAddr {
        self.keep(id, opened.socket);
        if let (Port::EvenAndNext { next }, Some(socket)) = (port, opened.next) {
            self.keep(next, socket);
        }
        opened.address
    }

    fn keep(&mut self, id: RelayId, socket: UdpSocket) {
        let mut relay = Relay {
            socket: Arc::new(socket),
            waiting: AbortHandle::new_pair().0,
        };
        self.readiness.push(relay.wait(id));
        self.sockets.relays.insert(id, relay);
    }
}

impl Sockets {
    /// Sends a relayed datagram at once; where the socket is full it is dropped.
    fn forward(&mut self, forward: &Forward<'_>) {
        match forward.from {
            Side::Listener => {
                self.out.clear();
                forward.write_to(&mut self.out);
                self.listener.send(forward.five_tuple, &self.out);
            }
            Side::Relay(id) => {
                let Some(relay) = self.relays.get(&id) else {
                    return;
                };
                // Towards a peer there is no header: the payload goes as it came.
                if let Err(error) = relay
                    .socket
                    .try_send_to(forward.payload, forward.five_tuple.remote)
                {
                    tracing::debug!(to = %forward.five_tuple.remote, %error, "a datagram to a peer was dropped");
                }
            }
        }
    }

    fn close(&mut self, id: RelayId) {
        if let Some(relay) = self.relays.remove(&id) {
            relay.waiting.abort();
        }
    }
}

impl Relay {
    fn wait(&mut self, id: RelayId) -> Readiness {
        let socket = Arc::clone(&self.socket);
        let (handle, registration) = AbortHandle::new_pair();
        self.waiting = handle;
        let readable: Pin<Box<dyn Future<Output = RelayId> + Send>> = Box::pin(async move {
            // An error shows up again, and is dropped, where the socket is read.
            let _ = socket.readable().await;
            id
        });
        Abortable::new(readable, registration)
    }
}

/// Seconds since 1970 UTC.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Means nothing to us; clients repeat it.
const REALM: &str = "ieum";

/// Datagrams that one relay may bring before the others get their turn.
const BURST: usize = 64;
