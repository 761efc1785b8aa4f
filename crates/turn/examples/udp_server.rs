//! A STUN and TURN server on UDP, in one thread: what a driver of `ieum_turn::server::Server` has to do.
//!
//! ```sh
//! cargo run -p ieum-turn --example udp_server -- 127.0.0.1:3478 secret
//! ```
//!
//! It prints credentials that hold for a day. Loopback peers are allowed, since this is for trying things out.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieum_turn::server::{Config, Event, Forward, Port, RelayError, RelayId, Server, Side};
use ieum_turn::{FiveTuple, credentials};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap_or("127.0.0.1:0".into()).parse()?;
    let secret = arguments.next().unwrap_or("secret".into());

    let unix_time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut config = Config::new("example.org", secret.as_bytes(), unix_time, seed);
    config.peers.loopback = true;
    config.peers.allowed.push(address.ip().into());

    let mut driver = Driver::new(address, Server::new(Instant::now(), config))?;
    let issued = credentials::issue(secret.as_bytes(), "alice", unix_time + 86_400);
    println!("listening on {}", driver.listener.local_addr()?);
    println!("username {}", issued.username);
    println!("password {}", issued.password);
    loop {
        if !driver.turn()? {
            // A real driver waits for its sockets, or for `Server::poll_timeout`, whichever comes first.
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// The sockets around the machine.
struct Driver {
    server: Server,
    listener: UdpSocket,
    local: SocketAddr,
    relays: HashMap<RelayId, UdpSocket>,
    received: Vec<u8>,
    out: Vec<u8>,
}

impl Driver {
    fn new(address: SocketAddr, server: Server) -> io::Result<Self> {
        let listener = bind(address)?;
        Ok(Self {
            server,
            local: listener.local_addr()?,
            listener,
            relays: HashMap::new(),
            received: vec![0; 65_536],
            out: Vec::new(),
        })
    }

    /// Once around all sockets; whether anything came in.
    fn turn(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        if self.server.poll_timeout().is_some_and(|at| at <= now) {
            self.server.handle_timeout(now);
        }
        let mut busy = false;
        while let Some((len, client)) = receive(&self.listener, &mut self.received)? {
            let five_tuple = FiveTuple::udp(self.local, client);
            let forward = self
                .server
                .handle_datagram(now, five_tuple, &self.received[..len]);
            forward_it(&self.listener, &self.relays, &mut self.out, forward);
            self.drain(now);
            busy = true;
        }
        for (id, socket) in &self.relays {
            while let Some((len, peer)) = receive(socket, &mut self.received)? {
                let forward = self
                    .server
                    .handle_relayed(now, *id, peer, &self.received[..len]);
                forward_it(&self.listener, &self.relays, &mut self.out, forward);
                busy = true;
            }
        }
        self.drain(now);
        Ok(busy)
    }

    /// Does what the machine wants, and sends its answers.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, port, .. } => {
                    let outcome = self.open(id, port);
                    self.server.relay_opened(now, id, outcome);
                }
                Event::CloseRelay { id } => _ = self.relays.remove(&id),
                // For TCP relays and for several workers: this driver has neither.
                _ => {}
            }
        }
        self.out.clear();
        while let Some(transmit) = self.server.poll_transmit(now, &mut self.out) {
            // What does not go out is lost, as on any network.
            _ = self.listener.send_to(&self.out, transmit.five_tuple.remote);
            self.out.clear();
        }
    }

    fn open(&mut self, id: RelayId, port: Port) -> Result<SocketAddr, RelayError> {
        let any = SocketAddr::new(self.local.ip(), 0);
        // Ports are not to be had in pairs from the operating system: try until one is even.
        for _ in 0..64 {
            let socket = bind(any).map_err(|_| RelayError::Exhausted)?;
            let address = socket.local_addr().map_err(|_| RelayError::Exhausted)?;
            match port {
                Port::Any => {}
                _ if address.port() % 2 == 1 => continue,
                Port::Even => {}
                Port::EvenAndNext { next } => {
                    let Ok(above) = bind(SocketAddr::new(address.ip(), address.port() + 1)) else {
                        continue;
                    };
                    self.relays.insert(next, above);
                }
            }
            self.relays.insert(id, socket);
            return Ok(address);
        }
        Err(RelayError::Exhausted)
    }
}

/// A `Forward` borrows what came in, so it is sent before anything else is received.
fn forward_it(
    listener: &UdpSocket,
    relays: &HashMap<RelayId, UdpSocket>,
    out: &mut Vec<u8>,
    forward: Option<Forward<'_>>,
) {
    let Some(forward) = forward else { return };
    let socket = match forward.from {
        Side::Listener => Some(listener),
        Side::Relay(id) => relays.get(&id),
    };
    out.clear();
    forward.write_to(out);
    if let Some(socket) = socket {
        _ = socket.send_to(out, forward.five_tuple.remote);
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    loop {
        match socket.recv_from(buffer) {
            Ok((len, from)) => return Ok(Some((len, canonical(from)))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            // An ICMP "port unreachable" for something sent earlier.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
}

/// A dual-stack socket shows IPv4 senders as IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = address.ip().to_canonical();
    SocketAddr::new(ip, address.port())
}
