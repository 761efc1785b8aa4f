//! What the system alone asks for a relayed packet: a loop that receives and sends, over the sockets that a TURN server has.
//!
//! It is no TURN server: it knows nobody, checks nothing, takes one datagram where it is told of a socket, and finds a relay by the number of its
//! channel. Clients and their peer send it the packets that they send a server. What a server costs beside it is what can still be saved.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};

use ieum_turn::HEADROOM;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};

/// The sockets, and for each relay its client and its peer.
pub(crate) struct Floor {
    poll: Poll,
    listener: mio::net::UdpSocket,
    state: UdpSocketState,
    relays: Vec<Relay>,
    buffers: Vec<Vec<u8>>,
}

struct Relay {
    socket: mio::net::UdpSocket,
    client: SocketAddr,
    peer: SocketAddr,
}

impl Floor {
    /// Bound to any free port of loopback.
    pub(crate) fn new() -> io::Result<Self> {
        // The state sets options that cost time: it is made of another socket.
        let state = UdpSocketState::new((&UdpSocket::bind("127.0.0.1:0")?).into())?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let _ = state.set_recv_buffer_size((&socket).into(), 4 << 20);
        let mut listener = mio::net::UdpSocket::from_std(socket);
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            state,
            relays: Vec::new(),
            buffers: vec![vec![0; 2048]; BATCH_SIZE],
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Relays for ever.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => while self.take_from_clients()? {},
                    Token(relay) => self.take_from_peer(relay),
                }
            }
        }
    }

    /// Whether there may be more.
    fn take_from_clients(&mut self) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut slices: Vec<_> = self
            .buffers
            .iter_mut()
            .map(|it| IoSliceMut::new(it))
            .collect();
        let (listener, state) = (&self.listener, &self.state);
        let received = listener.try_io(|| state.recv(listener.into(), &mut slices, &mut metas));
        let Ok(filled) = received else {
            return Ok(false);
        };
        for (at, meta) in metas.iter().enumerate().take(filled) {
            let [high, low, _, len, rest @ ..] = &self.buffers[at][..meta.len] else {
                continue;
            };
            let number = usize::from(u16::from_be_bytes([*high, *low])) - FIRST;
            if let Some(relay) = self.relays.get(number) {
                let _ = relay.socket.send_to(rest, relay.peer);
            } else if usize::from(*len) == HELLO {
                let hello = self.buffers[at][..meta.len].to_vec();
                self.open(meta.addr, &hello)?;
            }
        }
        Ok(filled == BATCH_SIZE)
    }

    fn take_from_peer(&mut self, number: usize) {
        let relay = &self.relays[number];
        let buffer = &mut self.buffers[0];
        if let Ok((len, _)) = relay.socket.recv_from(&mut buffer[HEADROOM..]) {
            let channel = (FIRST + number) as u16;
            buffer[..2].copy_from_slice(&channel.to_be_bytes());
            buffer[2..HEADROOM].copy_from_slice(&(len as u16).to_be_bytes());
            let _ = self
                .listener
                .send_to(&buffer[..HEADROOM + len], relay.client);
        }
    }

    /// Opens the next relay, and says so.
    fn open(&mut self, client: SocketAddr, hello: &[u8]) -> io::Result<()> {
        let mut socket = mio::net::UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
        let port = hello[HEADROOM..]
            .first_chunk()
            .map_or(0, |port| u16::from_be_bytes(*port));
        let token = Token(self.relays.len());
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        self.relays.push(Relay {
            socket,
            client,
            peer: ([127, 0, 0, 1], port).into(),
        });
        self.listener.send_to(hello, client).map(|_| ())
    }
}

/// What the first packet of a flow says: its number, and the port of its peer.
pub(crate) fn hello(number: usize, peer: u16) -> [u8; HEADROOM + HELLO] {
    let [high, low] = ((FIRST + number) as u16).to_be_bytes();
    let [peer_high, peer_low] = peer.to_be_bytes();
    [high, low, 0, HELLO as u8, peer_high, peer_low]
}

const LISTENER: Token = Token(usize::MAX - 1);
/// The first channel.
const FIRST: usize = 0x4000;
/// Bytes of a port.
const HELLO: usize = 2;
