//! A connection's place at a shared port.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ieum_ice::{FiveTuple, Proof, Transmit};
use ieum_stun::{Class, Message, is_stun};

use super::UdpMux;
use super::queue::{Batch, Receiver};
use super::reader::Order;
use super::table::Id;
use crate::runtime::socket::Socket;

/// It ends with the connection, and takes every way to it along.
pub(in crate::runtime) struct Attachment {
    mux: UdpMux,
    id: Id,
    queue: Receiver,
    /// What polling has found.
    first: Option<Batch>,
    ufrags: Vec<String>,
    /// What was claimed, and on which proof: once for each, so that two connections that have one address at the other end do not
    /// take it from each other in turn.
    claimed: BTreeMap<FiveTuple, Proof>,
    /// Waits for room in a full socket.
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Attachment {
    pub(super) fn new(mux: UdpMux, id: Id, queue: Receiver) -> Self {
        Self {
            mux,
            id,
            queue,
            first: None,
            ufrags: Vec::new(),
            claimed: BTreeMap::new(),
            room: None,
        }
    }

    /// The base that the port is at this address of the machine.
    pub(in crate::runtime) fn at(&self, ip: IpAddr) -> Option<SocketAddr> {
        self.mux.at(ip)
    }

    /// Tells what checks for this connection are called, where that has changed.
    pub(in crate::runtime) fn name<'a>(&mut self, ufrags: impl Iterator<Item = &'a str> + Clone) {
        if self.ufrags.iter().map(String::as_str).eq(ufrags.clone()) {
            return;
        }
        self.ufrags = ufrags.map(str::to_owned).collect();
        // Another session: what is proven anew may be claimed anew.
        self.claimed.clear();
        self.mux.order(Order::Name(self.id, self.ufrags.clone()));
    }

    pub(in crate::runtime) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.first.is_none() {
            self.first = Some(std::task::ready!(self.queue.poll(cx)));
        }
        Poll::Ready(())
    }

    /// What waits; `None`: nothing does.
    pub(in crate::runtime) fn next(&mut self) -> Option<Batch> {
        self.first.take().or_else(|| self.queue.try_next())
    }

    /// The agent holds the other end for its peer: datagrams from there are for this connection.
    pub(in crate::runtime) fn claim(&mut self, way: FiveTuple, proof: Proof) {
        if self.claimed.get(&way).is_some_and(|known| *known >= proof) {
            return;
        }
        if self.claimed.len() == MAX_CLAIMED {
            return;
        }
        self.claimed.insert(way, proof);
        let is_there = proof == Proof::Answered;
        let order = Order::Claim(self.id, (way.local, way.remote), is_there);
        self.mux.order(order);
    }

    /// Sends from the port. `Err`: the socket is full, and this is left.
    pub(in crate::runtime) fn send(
        &self,
        transmit: Transmit,
        bytes: &[u8],
    ) -> Result<(), Transmit> {
        let Some(socket) = self.mux.socket_at(transmit.five_tuple.local.ip()) else {
            return Ok(());
        };
        let datagram = &bytes[bytes.len() - transmit.len..];
        if is_stun(datagram)
            && let Ok(message) = Message::parse(datagram)
            && message.class() == Class::Request
        {
            let order = Order::Ask(self.id, message.transaction_id());
            self.mux.order(order);
        }
        socket.send(transmit, bytes)
    }

    /// Ready when the socket of this address has room. It has many who wait, so each waits for himself.
    pub(in crate::runtime) fn poll_room(&mut self, cx: &mut Context<'_>, ip: IpAddr) -> Poll<()> {
        let Some(socket) = self.mux.socket_at(ip) else {
            return Poll::Ready(());
        };
        let room = self.room.get_or_insert_with(|| {
            let socket: Arc<Socket> = socket.clone();
            Box::pin(async move { socket.writable().await })
        });
        std::task::ready!(room.as_mut().poll(cx));
        self.room = None;
        Poll::Ready(())
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.mux.order(Order::Detach(self.id));
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("mux", &self.mux)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// As many as an agent holds for its peer, and more.
const MAX_CLAIMED: usize = 512;
