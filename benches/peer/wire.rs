//! A wire of some length between two peers on loopback: datagrams of each side go through a socket of the wire, wait, and
//! come out of another. The peers learn of it by their candidates, which are rewritten on their way.

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

/// A peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Wire {
    /// A wire on which every datagram takes `delay` each way.
    pub(crate) fn new(delay: Duration) -> io::Result<Self> {
        let sockets = [socket()?, socket()?];
        let ports = [sockets[0].local_addr()?.port(), sockets[1].local_addr()?.port()];
        let shared = Arc::new(Shared::default());
        // What B sends to the first socket, which stands for A, leaves towards A by the second, which stands for B.
        for (enter, leave) in [(0, 1), (1, 0)] {
            let (from, to) = (sockets[enter].try_clone()?, sockets[leave].try_clone()?);
            let (waiting, due) = mpsc::channel();
            let state = shared.clone();
            std::thread::spawn(move || take(&from, &waiting, delay, &state));
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
    Ok(socket)
}

fn take(
    socket: &UdpSocket,
    waiting: &mpsc::Sender<(Instant, Vec<u8>)>,
    delay: Duration,
    shared: &Shared,
) {
    let mut buffer = vec![0; 65_536];
    while !shared.ended.load(Ordering::Relaxed) {
        if let Ok(len) = socket.recv(&mut buffer) {
            // Whoever takes it out ends after this.
            let _ = waiting.send((Instant::now() + delay, buffer[..len].to_vec()));
        }
    }
}

fn give(socket: &UdpSocket, due: &mpsc::Receiver<(Instant, Vec<u8>)>, port: &AtomicU16) {
    while let Ok((at, datagram)) = due.recv() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.load(Ordering::Relaxed)));
        // Lost, as on any wire.
        let _ = socket.send_to(&datagram, to);
    }
}
