//! A wire of some length between two peers on loopback: datagrams of each side go through a socket of the wire, wait, and
//! come out of another, one after another at the wire's rate; some are lost. The peers learn of it by their candidates, which
//! are rewritten on their way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Ends when dropped.
pub(crate) struct Wire {
    /// What side B sees of A, and what A sees of B.
    ports: [u16; 2],
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Where A and B are.
    peers: [AtomicU16; 2],
    ended: AtomicBool,
}

/// What a wire does to datagrams, the same each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Properties {
    /// How long each takes.
    pub(crate) delay: Duration,
    /// How many bytes a second go over it, those of IP and UDP among them; `None`: any number.
    pub(crate) rate: Option<f64>,
    /// The share that is lost.
    pub(crate) loss: f64,
}

/// A peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Wire {
    /// A wire that neither loses nor holds up.
    pub(crate) fn new(delay: Duration) -> io::Result<Self> {
        Self::with(Properties {
            delay,
            rate: None,
            loss: 0.0,
        })
    }

    /// A wire as it is said. What is lost is drawn from the same seed every time.
    pub(crate) fn with(properties: Properties) -> io::Result<Self> {
        let sockets = [socket()?, socket()?];
        let ports = [
            sockets[0].local_addr()?.port(),
            sockets[1].local_addr()?.port(),
        ];
        let shared = Arc::new(Shared::default());
        // What B sends to the first socket, which stands for A, leaves towards A by the second, which stands for B.
        for (enter, leave) in [(0, 1), (1, 0)] {
            let (from, to) = (sockets[enter].try_clone()?, sockets[leave].try_clone()?);
            let (waiting, due) = mpsc::channel();
            let state = shared.clone();
            std::thread::spawn(move || take(&from, &waiting, properties, &state));
            let state = shared.clone();
            std::thread::spawn(move || give(&to, &due, &state.peers[enter]));
        }
        Ok(Self { ports, shared })
    }

    /// A candidate of one side, or a description with some, as the other side is to see it.
    pub(crate) fn rewrite(&self, side: Side, text: &str) -> String {
        text.split_inclusive('\n')
            .map(|line| self.rewrite_line(side, line))
            .collect()
    }

    fn rewrite_line(&self, side: Side, line: &str) -> String {
        let mut words: Vec<&str> = line.split(' ').collect();
        // Those of TCP stay as they are: nobody listens there.
        let is_udp = words.len() >= 8 && words[2].eq_ignore_ascii_case("udp");
        if !line.contains("candidate:") || !is_udp {
            return line.to_owned();
        }
        let Ok(port) = words[5].parse() else {
            return line.to_owned();
        };
        self.shared.peers[side as usize].store(port, Ordering::Relaxed);
        let seen = self.ports[side as usize].to_string();
        words[5] = &seen;
        words.join(" ")
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    // No burst is lost here.
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 * 1024 * 1024)?;
    Ok(socket)
}

fn take(
    socket: &UdpSocket,
    waiting: &mpsc::Sender<(Instant, Vec<u8>)>,
    properties: Properties,
    shared: &Shared,
) {
    let mut buffer = vec![0; 65_536];
    let mut random = SEED;
    // When the last one has left.
    let mut free = Instant::now();
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok(len) = socket.recv(&mut buffer) else {
            continue;
        };
        if chance(&mut random) < properties.loss {
            continue;
        }
        let now = Instant::now();
        if let Some(rate) = properties.rate {
            let start = free.max(now);
            // The queue of a router holds so much, and what comes then is lost.
            if start - now > QUEUE {
                continue;
            }
            free = start + Duration::from_secs_f64((len + HEADERS) as f64 / rate);
        }
        // Whoever takes it out ends after this.
        let _ = waiting.send((free.max(now) + properties.delay, buffer[..len].to_vec()));
    }
}

/// A number from 0 to 1: xorshift is random enough.
fn chance(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

fn give(socket: &UdpSocket, due: &mpsc::Receiver<(Instant, Vec<u8>)>, port: &AtomicU16) {
    while let Ok((at, datagram)) = due.recv() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.load(Ordering::Relaxed)));
        // Lost, as on any wire.
        let _ = socket.send_to(&datagram, to);
    }
}

const SEED: u64 = 0x1ea5_7f00;
/// IPv4 and UDP.
const HEADERS: usize = 28;
/// How long a datagram waits for its turn at most.
const QUEUE: Duration = Duration::from_millis(100);
