//! One UDP port for many connections: its sockets, the task that reads them, and the handle of both.
//!
//! The task owns the [table](table::Table) of whose datagrams are whose, by value: no lock is on the way. A connection tells
//! it by orders what it is called and where its peer is, and is handed its datagrams over a bounded queue of its own. What it
//! sends, its own task writes.

mod attachment;
mod binding;
mod queue;
mod reader;
mod stats;
mod table;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::reader::{Order, Reader};
use self::stats::Gauges;
use super::socket::Socket;

pub(super) use self::attachment::Attachment;
pub use self::stats::UdpMuxStats;

/// One UDP port that any number of connections share: for servers of which only one port is open, and for many connections,
/// each of which would otherwise cost a socket per address.
///
/// Clones are the same port. It is open as long as one of them, or a connection that was made with it, lives.
///
/// ```
/// use ieum_peer::{Configuration, PeerConnection, UdpMux};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A server names its port: "[::]:3478". This one is of the system's choice.
/// let port = UdpMux::bind("[::]:0".parse()?)?;
/// let configuration = || Configuration {
///     udp_mux: Some(port.clone()),
///     ..Configuration::default()
/// };
/// let (alice, _events) = PeerConnection::new(configuration())?;
/// let (bob, _events) = PeerConnection::new(configuration())?;
/// # drop((alice, bob));
/// # Ok(())
/// # }
/// ```
///
/// # Whose a datagram is
/// A check is the connection's whose user name fragment is in its USERNAME (RFC 8445 §7.2.2); an answer, also of a STUN server,
/// is the connection's that asked (by its transaction id); all else is the connection's whose peer has proven to be at
/// the address that it came from, on the address of ours that it came to. Such an address is bound to a connection once its ICE agent has accepted
/// a check from there, as long as it is bound to no other; and taken over from another once a check of
/// ours was answered from there: who merely writes somebody else's address on a datagram takes nothing away from him. So of
/// two connections to one address and port at the other end, as two shared ports would have, data reaches the one
/// that came last.
///
/// # What it bounds
/// Per connection: what waits to be read (1 MiB, 1,024 batches: one that is slow loses datagrams, and the others nothing), 64 addresses of its
/// peer, 256 unanswered questions. Who is nobody's peer costs nothing but his datagrams, which are [counted](Self::stats).
///
/// # What stays apart
/// An allocation of a TURN server belongs to one five-tuple, so servers of `turn:` over UDP are asked from a socket that the
/// connection has for this alone. TCP candidates, where they are asked for, have sockets of their own as well.
#[derive(Clone)]
pub struct UdpMux {
    inner: Arc<Inner>,
}

struct Inner {
    sockets: Vec<Arc<Socket>>,
    orders: mpsc::UnboundedSender<Order>,
    next: AtomicU64,
    gauges: Arc<Gauges>,
    reader: AbortHandle,
}

impl UdpMux {
    /// Binds the port: `0.0.0.0:3478` is every IPv4 address of this machine, `[::]:3478` every IPv4 and IPv6 address (two sockets, or
    /// one where the machine has no IPv6), anything else that one address. Port 0 is one of the system's choice. Which addresses become candidates,
    /// [`Configuration::interfaces`](super::Configuration::interfaces) says. A task on the current tokio runtime reads
    /// it.
    ///
    /// # Errors
    /// There is no runtime, or the port cannot be bound.
    pub fn bind(at: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let sockets = binding::bind(at)?;
        let (orders, receiver) = mpsc::unbounded_channel();
        let gauges = Arc::new(Gauges::default());
        let reader = Reader::new(sockets.clone(), receiver, gauges.clone());
        let reader = runtime.spawn(reader.run()).abort_handle();
        let inner = Inner {
            sockets,
            orders,
            next: AtomicU64::new(0),
            gauges,
            reader,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        let first = self.inner.sockets.first();
        first.map_or(0, |socket| socket.local().port())
    }

    /// What its sockets are bound to: one address, or the unspecified ones.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let sockets = self.inner.sockets.iter();
        sockets.map(|socket| socket.local()).collect()
    }

    /// What it holds, and what it has counted.
    #[must_use]
    pub fn stats(&self) -> UdpMuxStats {
        self.inner.gauges.snapshot()
    }

    /// Where a connection is reached at this address of the machine; `None`: the port is not bound there.
    pub(super) fn at(&self, ip: IpAddr) -> Option<SocketAddr> {
        let socket = self.socket_at(ip)?;
        Some(SocketAddr::new(ip, socket.local().port()))
    }

    fn socket_at(&self, ip: IpAddr) -> Option<&Arc<Socket>> {
        self.inner.sockets.iter().find(|socket| {
            let bound = socket.local().ip();
            bound == ip || (bound.is_unspecified() && bound.is_ipv4() == ip.is_ipv4())
        })
    }

    /// Another connection.
    pub(super) fn attach(&self) -> Attachment {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = queue::queue();
        self.order(Order::Attach(id, sender));
        Attachment::new(self.clone(), id, receiver)
    }

    /// The task ends after the last handle, so it takes every order. It takes them between two reads, and there are few: of
    /// a connection its beginning and its end, its names, its questions (which ICE paces) and its peer's addresses.
    fn order(&self, order: Order) {
        let _ = self.inner.orders.send(order);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl fmt::Debug for UdpMux {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpMux")
            .field("local_addrs", &self.local_addrs())
            .field("stats", &self.stats())
            .finish()
    }
}
