//! One end: a connection with two addresses, of which it uses one at a time, and what came in on its channels.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use ieum_ice::FiveTuple;
use ieum_netsim::{Node, Packet};
use ieum_peer::Message;
use ieum_peer::core::{Certificate, ChannelId, Config, Connection, Event};

pub(crate) struct Side {
    pub(crate) core: Connection,
    pub(crate) addresses: [SocketAddr; 2],
    out: VecDeque<Packet>,
    /// The channels that are open, by their label.
    pub(crate) open: BTreeMap<String, ChannelId>,
    labels: BTreeMap<ChannelId, String>,
    /// The numbers of what came, and when, by label.
    pub(crate) arrived: BTreeMap<String, Vec<(u32, Instant)>>,
    /// The most that waited in it at any time, in bytes.
    pub(crate) peak: usize,
}

impl Side {
    pub(crate) fn new(seed: u8, addresses: [&str; 2]) -> Self {
        static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
        let certificate = CERTIFICATE.get_or_init(|| Certificate::generate().unwrap());
        Self {
            core: Connection::new(Config::new([seed; 32], certificate.clone())),
            addresses: addresses.map(|address| address.parse().unwrap()),
            out: VecDeque::new(),
            open: BTreeMap::new(),
            labels: BTreeMap::new(),
            arrived: BTreeMap::new(),
            peak: 0,
        }
    }

    /// A message that names its place.
    pub(crate) fn send(&mut self, now: Instant, label: &str, number: u32, len: usize) {
        let mut bytes = vec![number as u8; len.max(4)];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let message = Message::Binary(bytes.into());
        self.core.send(now, self.open[label], message).unwrap();
        self.peak = self.peak.max(self.core.buffered_amount());
    }

    pub(crate) fn numbers(&self, label: &str) -> Vec<u32> {
        let arrived = self.arrived.get(label).into_iter().flatten();
        arrived.map(|(number, _)| *number).collect()
    }

    fn opened(&mut self, channel: ChannelId) {
        let label = self.core.channel(channel).unwrap().label;
        self.labels.insert(channel, label.clone());
        self.open.insert(label, channel);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::DataChannel(channel) | Event::ChannelOpen(channel) => self.opened(channel),
                Event::ChannelReadable(channel) => self.read(now, channel),
                _ => {}
            }
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = self.core.poll_transmit(now, &mut buffer) {
            let size = transmit.segment_size.unwrap_or(transmit.len);
            let FiveTuple { local, remote, .. } = transmit.five_tuple;
            for payload in buffer[buffer.len() - transmit.len..].chunks(size) {
                self.out.push_back(Packet {
                    from: local,
                    to: remote,
                    payload: payload.to_vec(),
                });
            }
        }
    }

    fn read(&mut self, now: Instant, channel: ChannelId) {
        while let Some(message) = self.core.read(now, channel) {
            let bytes = message.into_bytes();
            let number = u32::from_be_bytes(bytes[..4].try_into().unwrap());
            let whole = bytes[4..].iter().all(|byte| *byte == number as u8);
            assert!(whole, "a message is as it was sent");
            let label = self.labels[&channel].clone();
            self.arrived.entry(label).or_default().push((number, now));
        }
    }
}

impl Node for Side {
    fn owns(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        self.core
            .handle_datagram(now, FiveTuple::udp(packet.to, packet.from), &packet.payload);
        self.drain(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(now);
        self.drain(now);
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        self.drain(now);
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.core.poll_timeout()
    }
}
