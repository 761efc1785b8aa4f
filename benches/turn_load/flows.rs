//! Clients of a TURN server, each with a channel to one echoing peer, and the packets that they send through it.
//!
//! Clients and peer live in one thread that never waits: it asks in turn every socket that something is to come to. A server that sends to somebody awake
//! does not pay for waking them, as it does not where they are on other machines.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieum_turn::client::{Client, Config, Event};
use ieum_turn::{FiveTuple, HEADROOM, credentials};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use super::floor;
use super::process::{Kind, SECRET};

/// Clients with a channel each. The allocations stay until they expire.
pub(crate) struct Flows {
    server: SocketAddr,
    flows: Vec<Flow>,
    peer: Peer,
    buffer: [u8; 2048],
}

/// What came of packets that were sent to be echoed.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    /// Relayed, there and back counted as two.
    pub(crate) relayed: u64,
    pub(crate) lost: u64,
    /// How long they took there and back, where that was measured.
    pub(crate) delays: Vec<Duration>,
}

impl Echoes {
    fn counted(sent: u64, echoed: u64) -> Self {
        Self {
            relayed: echoed * 2,
            lost: sent.saturating_sub(echoed),
            delays: Vec::new(),
        }
    }
}

struct Flow {
    socket: UdpSocket,
    /// The header of ChannelData without its length.
    channel: [u8; 2],
}

impl Flows {
    pub(crate) fn open(
        kind: Kind,
        server: SocketAddr,
        count: usize,
        name: &str,
    ) -> io::Result<Self> {
        let peer = Peer::start()?;
        let address = peer.socket.local_addr()?;
        let flows = (0..count).map(|index| match kind {
            Kind::Floor => Flow::bare(server, address, index),
            // A name for each: quotas are per name.
            Kind::Ours | Kind::Coturn => Flow::open(server, address, &format!("{name}{index}")),
        });
        Ok(Self {
            server,
            flows: flows.collect::<io::Result<_>>()?,
            peer,
            buffer: [0; 2048],
        })
    }

    /// Every flow in turn sends a packet and has it echoed, `window` of them on their way at once.
    pub(crate) fn interleaved(
        &mut self,
        size: usize,
        time: Duration,
        window: usize,
    ) -> io::Result<Echoes> {
        let mut packet = Vec::with_capacity(HEADROOM + size);
        let (mut sent, mut echoed) = (0, 0);
        let mut waiting = VecDeque::new();
        for _ in 0..window.min(self.flows.len()) {
            waiting.push_back(self.send_next(&mut sent, size, &mut packet)?);
        }
        let deadline = Instant::now() + time;
        let mut last = Instant::now();
        while echoed < sent && last.elapsed() < PATIENCE {
            self.peer.echo();
            for _ in 0..waiting.len() {
                let Some(flow) = waiting.pop_front() else {
                    break;
                };
                if !self.flows[flow].receive(size, &mut self.buffer) {
                    waiting.push_back(flow);
                    continue;
                }
                echoed += 1;
                last = Instant::now();
                if last < deadline {
                    waiting.push_back(self.send_next(&mut sent, size, &mut packet)?);
                }
            }
        }
        Ok(Echoes::counted(sent, echoed))
    }

    /// Every flow in turn sends a packet, `rate` of them in a second, whatever comes back; with how long each took there and
    /// back.
    pub(crate) fn steady(&mut self, size: usize, time: Duration, rate: f64) -> io::Result<Echoes> {
        let mut packet = Vec::with_capacity(HEADROOM + size);
        let (mut sent, mut delays, mut waiting) = (0, Vec::new(), VecDeque::new());
        let began = Instant::now();
        let mut last = began;
        loop {
            let elapsed = began.elapsed();
            let all = (elapsed.min(time).as_secs_f64() * rate) as u64;
            // Where it was kept from running, it does not make up for it in one burst.
            for _ in 0..all.saturating_sub(sent).min(CLUMP) {
                stamp(&mut packet, began.elapsed());
                waiting.push_back(self.send_next(&mut sent, size, &mut packet)?);
                last = Instant::now();
            }
            let is_over = elapsed >= time && (delays.len() as u64 >= sent);
            if is_over || elapsed >= time && last.elapsed() >= PATIENCE {
                break;
            }
            self.peer.echo();
            let buffer = &mut self.buffer;
            waiting.retain(|&flow: &usize| {
                let came = self.flows[flow].receive(size, buffer);
                let stamped = buffer[HEADROOM..].first_chunk().filter(|_| came);
                let at = stamped.map(|nanos| Duration::from_nanos(u64::from_be_bytes(*nanos)));
                delays.extend(at.map(|at| began.elapsed().saturating_sub(at)));
                !came
            });
        }
        let mut echoes = Echoes::counted(sent, delays.len() as u64);
        echoes.delays = delays;
        Ok(echoes)
    }

    /// The next flow's turn; gives which it is.
    fn send_next(&self, sent: &mut u64, size: usize, packet: &mut Vec<u8>) -> io::Result<usize> {
        let flow = *sent as usize % self.flows.len();
        *sent += 1;
        self.flows[flow].send(self.server, size, packet)?;
        Ok(flow)
    }

    /// One flow sends bursts, each once the one before has come back.
    pub(crate) fn bursts(&mut self, size: usize, time: Duration) -> io::Result<Echoes> {
        let flow = &self.flows[0];
        let mut packet = Vec::new();
        let (mut sent, mut echoed) = (0, 0);
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            for _ in 0..BURST {
                flow.send(self.server, size, &mut packet)?;
            }
            sent += BURST;
            let mut last = Instant::now();
            while echoed < sent {
                self.peer.echo();
                while flow.receive(size, &mut self.buffer) {
                    echoed += 1;
                    last = Instant::now();
                }
                if last.elapsed() >= PATIENCE {
                    return Ok(Echoes::counted(sent, echoed));
                }
            }
        }
        Ok(Echoes::counted(sent, echoed))
    }
}

impl Flow {
    fn open(server: SocketAddr, peer: SocketAddr, name: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let expiry = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(io::Error::other)?
            .as_secs()
            + 3600;
        let issued = credentials::issue(SECRET, name, expiry);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let way = FiveTuple::udp(socket.local_addr()?, server);
        let config = Config::new(way, &issued.username, &issued.password, seed);
        let mut client = Client::new(Instant::now(), config);
        client.bind_channel(Instant::now(), peer);
        let mut buffer = [0; 2048];
        let mut out = Vec::new();
        loop {
            while client.poll_transmit(Instant::now(), &mut out).is_some() {
                socket.send_to(&out, server)?;
                out.clear();
            }
            match client.poll_event() {
                Some(Event::ChannelBound { .. }) => break,
                Some(Event::Allocated { .. }) => continue,
                Some(other) => return Err(io::Error::other(format!("{other:?}"))),
                None => {}
            }
            match socket.recv(&mut buffer) {
                Ok(len) => {
                    client.handle_datagram(Instant::now(), &buffer[..len]);
                }
                Err(_) => client.handle_timeout(Instant::now()),
            }
        }
        let mut header = [0; HEADROOM];
        if !client.wrap(peer, &mut header) {
            return Err(io::Error::other("no channel"));
        }
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            channel: [header[0], header[1]],
        })
    }

    /// The next flow through what is no server.
    fn bare(floor: SocketAddr, peer: SocketAddr, number: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let hello = floor::hello(number, peer.port());
        socket.send_to(&hello, floor)?;
        socket.recv(&mut [0; 64])?;
        socket.set_nonblocking(true)?;
        let channel = [hello[0], hello[1]];
        Ok(Self { socket, channel })
    }

    /// Takes one packet of that size, where one is there.
    fn receive(&self, size: usize, buffer: &mut [u8]) -> bool {
        self.socket
            .recv(buffer)
            .is_ok_and(|len| len == HEADROOM + size)
    }

    /// Writes the header before what `packet` has behind it already, and fills it up.
    fn send(&self, server: SocketAddr, size: usize, packet: &mut Vec<u8>) -> io::Result<()> {
        packet.resize(HEADROOM + size, 0x5A);
        packet[..2].copy_from_slice(&self.channel);
        let len = u16::try_from(size).map_err(io::Error::other)?;
        packet[2..HEADROOM].copy_from_slice(&len.to_be_bytes());
        self.socket.send_to(packet, server).map(|_| ())
    }
}

/// Says in a packet when it was sent.
fn stamp(packet: &mut Vec<u8>, at: Duration) {
    packet.resize(HEADROOM, 0);
    packet.extend_from_slice(&(at.as_nanos() as u64).to_be_bytes());
}

/// Sends back what comes.
struct Peer {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Peer {
    fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new((&socket).into())?;
        let _ = state.set_recv_buffer_size((&socket).into(), 4 << 20);
        Ok(Self {
            socket,
            state,
            buffers: vec![vec![0; 65_536]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    fn echo(&mut self) {
        loop {
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = {
                let mut buffers = self.buffers.iter_mut();
                std::array::from_fn(|_| {
                    IoSliceMut::new(buffers.next().map_or(&mut [], |buffer| buffer))
                })
            };
            let received = self
                .state
                .recv((&self.socket).into(), &mut slices, &mut self.metas);
            let Ok(filled) = received else { return };
            for (meta, buffer) in self.metas.iter().zip(&self.buffers).take(filled) {
                let transmit = Transmit {
                    destination: meta.addr,
                    ecn: None,
                    contents: &buffer[..meta.len],
                    segment_size: (meta.stride < meta.len).then_some(meta.stride),
                    src_ip: None,
                };
                let _ = self.state.try_send((&self.socket).into(), &transmit);
            }
        }
    }
}

/// Packets on their way at once.
pub(crate) const WINDOW: usize = 500;
/// Packets of one burst.
const BURST: u64 = 64;
/// Packets of a steady rate that leave in a row, at most.
const CLUMP: u64 = 64;
/// After this long without an echo, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(2);
