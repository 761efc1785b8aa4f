//! The task that reads a shared port: it owns the table, and gives each connection its datagrams.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use ieum_stun::TransactionId;
use quinn_udp::RecvMeta;
use tokio::sync::mpsc;

use super::queue::{Batch, Sender};
use super::stats::Gauges;
use super::table::{Claim, Id, Stray, Table, Way};
use crate::runtime::socket::Socket;

/// What a connection tells.
#[derive(Debug)]
pub(super) enum Order {
    Attach(Id, Sender),
    Detach(Id),
    /// The fragments that checks for it name.
    Name(Id, Vec<String>),
    /// It is about to ask this.
    Ask(Id, TransactionId),
    /// Its peer is at the other end; `true`: and has answered from there.
    Claim(Id, Way, bool),
}

pub(super) struct Reader {
    sockets: Vec<Arc<Socket>>,
    orders: mpsc::UnboundedReceiver<Order>,
    routes: Routes,
    /// Where polling begins, so that none starves.
    next: usize,
}

/// The table, and what is counted.
struct Routes {
    table: Table<Sender>,
    gauges: Arc<Gauges>,
}

impl Reader {
    pub(super) fn new(
        sockets: Vec<Arc<Socket>>,
        orders: mpsc::UnboundedReceiver<Order>,
        gauges: Arc<Gauges>,
    ) -> Self {
        let table = Table::default();
        Self {
            sockets,
            orders,
            routes: Routes { table, gauges },
            next: 0,
        }
    }

    /// Until it is aborted: with the last handle.
    pub(super) async fn run(mut self) {
        loop {
            let Self {
                sockets,
                orders,
                next,
                ..
            } = &mut self;
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.routes.take(order),
                    None => return,
                },
                index = readable(sockets, *next) => self.read(index),
            }
        }
    }

    fn read(&mut self, index: usize) {
        let Self {
            sockets,
            orders,
            routes,
            next,
        } = self;
        *next = (index + 1) % sockets.len();
        let bound = sockets[index].local();
        sockets[index].receive(|meta, bytes| {
            // What was told before these were sent is known before they are looked at: a question before its answer.
            while let Ok(order) = orders.try_recv() {
                routes.take(order);
            }
            match local(bound, meta) {
                Some(local) => routes.deliver((local, meta.addr), bytes, meta.stride.max(1)),
                None => routes.gauges.stray(Stray::Malformed),
            }
        });
    }
}

impl Routes {
    fn take(&mut self, order: Order) {
        let Self { table, gauges } = self;
        match order {
            Order::Attach(id, queue) => table.attach(id, queue),
            Order::Detach(id) => table.detach(id),
            Order::Name(id, ufrags) => table.name(id, ufrags),
            Order::Ask(id, transaction) => return table.ask(id, transaction),
            Order::Claim(id, way, is_there) => {
                let counter = match table.claim(id, way, is_there) {
                    Claim::Bound => None,
                    Claim::Moved => Some(&gauges.moved),
                    Claim::Refused => Some(&gauges.refused),
                };
                if let Some(counter) = counter {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        let (connections, addresses) = (table.connections(), table.addresses());
        gauges.connections.store(connections, Ordering::Relaxed);
        gauges.addresses.store(addresses, Ordering::Relaxed);
    }

    /// Gives what came on one way to whom it is for: in one piece, wherever it is for one.
    fn deliver(&mut self, way: Way, bytes: &[u8], stride: usize) {
        let mut run: Option<((Id, bool), Range<usize>)> = None;
        let mut end = 0;
        for datagram in bytes.chunks(stride) {
            let start = end;
            end += datagram.len();
            match self.table.find(way, datagram) {
                Ok(owner) => match &mut run {
                    Some((known, range)) if *known == owner && range.end == start => {
                        range.end = end;
                    }
                    _ => {
                        let before = run.replace((owner, start..end));
                        self.hand_over(way, bytes, stride, before);
                    }
                },
                Err(stray) => self.gauges.stray(stray),
            }
        }
        self.hand_over(way, bytes, stride, run);
    }

    fn hand_over(
        &self,
        (local, remote): Way,
        bytes: &[u8],
        stride: usize,
        run: Option<((Id, bool), Range<usize>)>,
    ) {
        let Some(((id, is_bound), range)) = run else {
            return;
        };
        let bytes = &bytes[range];
        let batch = || Batch {
            local,
            remote,
            stride,
            bytes: bytes.to_vec(),
            is_bound,
        };
        let queue = self.table.queue(id);
        let taken = queue.is_some_and(|queue| queue.send(batch, bytes.len()));
        let counter = match taken {
            true => &self.gauges.delivered,
            false => &self.gauges.overrun,
        };
        let count = bytes.len().div_ceil(stride);
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// The next socket that has something to read.
async fn readable(sockets: &[Arc<Socket>], start: usize) -> usize {
    poll_fn(|cx| {
        let count = sockets.len();
        for index in (0..count).map(|step| (start + step) % count) {
            // An error is found again, and handled, when it is read.
            if sockets[index].poll_readable(cx).is_ready() {
                return Poll::Ready(index);
            }
        }
        Poll::Pending
    })
    .await
}

/// The address of ours that a datagram came to. Behind an unspecified address, the system says.
fn local(bound: SocketAddr, meta: &RecvMeta) -> Option<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return Some(bound);
    }
    meta.dst_ip.map(|ip| SocketAddr::new(ip, bound.port()))
}
