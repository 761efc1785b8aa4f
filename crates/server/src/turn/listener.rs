//! The socket that clients send to, and the buffers that it receives into.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use ieum_turn::{FiveTuple, Transport};
use quinn_udp::{RecvMeta, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A bound UDP socket. Behind a wildcard address it answers from the address that it was asked at.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl Listener {
    /// Binds `at`; must be called within a tokio runtime.
    pub(crate) fn bind(at: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(at)?;
        let state = UdpSocketState::new((&socket).into())?;
        // The system grants what it likes; too small a buffer only drops more under load.
        let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        let local = socket.local_addr()?;
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            state,
            local,
        })
    }

    /// The bound address, with the real port.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits until there may be something to receive.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Receives one batch without waiting; [`Inbox::datagrams`] then gives it out. `None` where there is nothing.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> Option<usize> {
        let Inbox { buffers, metas } = inbox;
        let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
        self.socket
            .try_io(Interest::READABLE, || {
                self.state.recv((&self.socket).into(), &mut slices, metas)
            })
            .ok()
    }

    /// Sends one datagram at once; where the socket is full it is dropped.
    pub(crate) fn send(&self, five_tuple: FiveTuple, datagram: &[u8]) {
        let asked_at = five_tuple.local.ip();
        let transmit = quinn_udp::Transmit {
            destination: self.to_socket_family(five_tuple.remote),
            ecn: None,
            contents: datagram,
            segment_size: None,
            src_ip: (self.local.ip().is_unspecified() && !asked_at.is_unspecified())
                .then_some(asked_at),
        };
        let sent = self.socket.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.socket).into(), &transmit)
        });
        if let Err(error) = sent {
            tracing::debug!(to = %five_tuple.remote, %error, "a datagram to a client was dropped");
        }
    }

    /// On a dual-stack socket an IPv4 peer has a mapped address, which the rest of the server never sees.
    fn to_socket_family(&self, remote: SocketAddr) -> SocketAddr {
        match (self.local.ip(), remote.ip()) {
            (IpAddr::V6(_), IpAddr::V4(ip)) => (ip.to_ipv6_mapped(), remote.port()).into(),
            _ => remote,
        }
    }
}

/// Receive buffers: each holds one datagram, or a batch of equal ones (GRO).
pub(crate) struct Inbox {
    buffers: [Box<[u8]>; BATCH],
    metas: [RecvMeta; BATCH],
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffers: std::array::from_fn(|_| vec![0; BUFFER].into_boxed_slice()),
            metas: [RecvMeta::default(); BATCH],
        }
    }

    /// Room for one datagram.
    pub(crate) fn first(&mut self) -> &mut [u8] {
        &mut self.buffers[0]
    }

    /// The datagrams of the first `filled` buffers, as they came to a listener bound to `local`.
    pub(crate) fn datagrams(
        &self,
        local: SocketAddr,
        filled: usize,
    ) -> impl Iterator<Item = (FiveTuple, &[u8])> {
        self.metas
            .iter()
            .zip(&self.buffers)
            .take(filled)
            .flat_map(move |(meta, buffer)| {
                let asked_at = meta.dst_ip.filter(|_| local.ip().is_unspecified());
                let five_tuple = FiveTuple {
                    transport: Transport::Udp,
                    local: canonical(SocketAddr::new(
                        asked_at.unwrap_or(local.ip()),
                        local.port(),
                    )),
                    remote: canonical(meta.addr),
                };
                // An empty datagram has stride 0.
                buffer[..meta.len]
                    .chunks(meta.stride.max(1))
                    .map(move |datagram| (five_tuple, datagram))
            })
    }
}

/// Without an IPv4-mapped address. A scope id stays: answers to link-local clients need it.
fn canonical(mut addr: SocketAddr) -> SocketAddr {
    addr.set_ip(addr.ip().to_canonical());
    addr
}

const BATCH: usize = quinn_udp::BATCH_SIZE;

/// The most that one UDP datagram, or one GRO batch, can have.
const BUFFER: usize = 65_536;

/// Asked for; the default of 212 kB overflows within one burst.
const SOCKET_BUFFER: usize = 4 << 20;
