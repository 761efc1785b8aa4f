//! Every socket of a worker that something can leave by.

use std::io;
use std::net::IpAddr;
use std::time::Instant;

use ieum_turn::server::{Forward, Side};
use ieum_turn::{FiveTuple, Transport};
use quinn_udp::UdpSocketState;

use super::dtls::{Out, Sessions, over_udp};
use super::listener::Listener;
use super::offload;
use super::outgoing::{self, Outgoing};
use super::relays::Relays;
use super::socket::Udp;
use super::streams::{Content, Limits, Streams};

/// Every socket of a worker that something can leave by, and what is about to.
pub(super) struct Exits {
    pub(super) udp: UdpSockets,
    pub(super) streams: Streams,
    pub(super) dtls: Sessions,
    pub(super) offloads: UdpSocketState,
    outgoing: Outgoing,
    /// Where a record for DTLS is put together.
    scratch: Vec<u8>,
    /// Streams that are broken, or whose client takes nothing.
    pub(super) broken: Vec<usize>,
    /// Clients whose DTLS session has ended.
    pub(super) ended: Vec<FiveTuple>,
}

/// The UDP sockets.
pub(super) struct UdpSockets {
    pub(super) listeners: Vec<Listener>,
    pub(super) relays: Relays,
}

impl Exits {
    pub(super) fn new(listeners: Vec<Listener>, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            udp: UdpSockets {
                listeners,
                relays: Relays::default(),
            },
            streams: Streams::new(limits),
            dtls: Sessions::default(),
            offloads: offload::state()?,
            outgoing: Outgoing::new(),
            scratch: Vec::new(),
            broken: Vec::new(),
            ended: Vec::new(),
        })
    }

    /// Takes what is relayed.
    pub(super) fn forward(&mut self, now: Instant, forward: &Forward<'_>) {
        let (from, five_tuple) = (forward.from, forward.five_tuple);
        if from == Side::Listener && five_tuple.transport != Transport::Udp {
            let mut record = std::mem::take(&mut self.scratch);
            record.clear();
            forward.write_to(&mut record);
            self.hand_to_session(now, five_tuple, Content::Data, &record);
            self.scratch = record;
            return;
        }
        self.outgoing.push(&self.offloads, from, five_tuple, |out| {
            forward.write_to(out);
        });
        self.flush_if_full();
    }

    /// Takes an answer to a client.
    pub(super) fn answer(&mut self, now: Instant, client: FiveTuple, bytes: &[u8]) {
        if client.transport == Transport::Udp {
            self.datagram(client, bytes);
        } else {
            self.hand_to_session(now, client, Content::Answer, bytes);
        }
    }

    /// Takes a datagram to a client as it is.
    pub(super) fn datagram(&mut self, client: FiveTuple, bytes: &[u8]) {
        self.outgoing
            .push(&self.offloads, Side::Listener, client, |out| {
                out.extend_from_slice(bytes);
            });
        self.flush_if_full();
    }

    fn hand_to_session(&mut self, now: Instant, client: FiveTuple, content: Content, bytes: &[u8]) {
        if client.transport != Transport::Dtls {
            let broken = self.streams.write(client, content, bytes);
            self.broken.extend(broken);
            return;
        }
        let (outgoing, offloads) = (&mut self.outgoing, &self.offloads);
        let sent = self.dtls.send(now, client, bytes, |out| {
            if let Out::Datagram(record) = out {
                outgoing.push(offloads, Side::Listener, over_udp(client), |out| {
                    out.extend_from_slice(record);
                });
            }
        });
        if sent.is_err() {
            self.ended.push(client);
        }
    }

    /// What is due in DTLS.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let (outgoing, offloads) = (&mut self.outgoing, &self.offloads);
        let again = |client: FiveTuple, record: &[u8]| {
            outgoing.push(offloads, Side::Listener, over_udp(client), |out| {
                out.extend_from_slice(record);
            });
        };
        let ended = &mut self.ended;
        self.dtls
            .handle_timeout(now, again, |client| ended.push(client));
    }

    /// Sends everything that waits.
    pub(super) fn flush(&mut self) {
        self.outgoing.flush(&mut self.offloads, &self.udp);
        self.streams.flush(&mut self.broken);
    }

    /// Datagrams that a socket did not take.
    pub(super) fn dropped(&self) -> u64 {
        self.outgoing.dropped()
    }

    fn flush_if_full(&mut self) {
        if self.outgoing.is_full() {
            self.outgoing.flush(&mut self.offloads, &self.udp);
        }
    }
}

impl outgoing::Sockets for UdpSockets {
    fn socket(&self, from: Side, five_tuple: FiveTuple) -> Option<(&Udp, Option<IpAddr>)> {
        match from {
            Side::Relay(id) => self.relays.get(id).map(|relay| (&relay.socket, None)),
            Side::Listener => {
                let at = |listener: &&Listener| listener.is_at(five_tuple.local);
                let listener = self.listeners.iter().find(at)?;
                Some((&listener.socket, listener.wildcard()))
            }
        }
    }
}
