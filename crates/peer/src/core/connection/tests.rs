//! Two connections on a virtual network, with a virtual clock.

mod calls;
mod channels;
mod closing;
mod hostile;
mod ice;
mod orders;
mod priority;
mod rollback;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ieum_ice::FiveTuple;
use ieum_netsim::{Link, Network, Node, NodeId, Packet};

use super::{Config, Connection, Event};
use crate::core::sctp::{Part, Ppid};
use crate::core::{
    Certificate, ChannelError, ChannelId, ConnectionState, DataChannelInit, DataChannelState,
    Ignored, Message, Observer, Occurrence, SessionDescription, SignalingState,
};

/// A connection on one address, and what it told.
struct Side {
    core: Connection,
    address: SocketAddr,
    out: VecDeque<Packet>,
    open: Vec<ChannelId>,
    closed: Vec<ChannelId>,
    received: Vec<Message>,
    failed: Vec<ChannelError>,
    occurrences: mpsc::Receiver<Occurrence>,
    /// What becomes of a datagram before it leaves.
    meddler: Option<Meddler>,
}

type Meddler = Box<dyn FnMut(&mut Vec<u8>)>;

struct Tell(mpsc::Sender<Occurrence>);

impl Observer for Tell {
    fn observe(&mut self, _now: Instant, event: &Occurrence) {
        // A test that is over listens to nothing.
        let _ = self.0.send(event.clone());
    }
}

impl Side {
    fn new(seed: u8, address: &str) -> Self {
        Self::with(seed, address, |_| {})
    }

    fn with(seed: u8, address: &str, change: impl FnOnce(&mut Config)) -> Self {
        let (sender, occurrences) = mpsc::channel();
        let mut config = Config::new([seed; 32], Certificate::generate().unwrap());
        change(&mut config);
        config.observer = Some(Box::new(Tell(sender)));
        Self {
            core: Connection::new(config),
            address: address.parse().unwrap(),
            out: VecDeque::new(),
            open: Vec::new(),
            closed: Vec::new(),
            received: Vec::new(),
            failed: Vec::new(),
            occurrences,
            meddler: None,
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::DataChannel(channel) | Event::ChannelOpen(channel) => {
                    self.open.push(channel)
                }
                Event::ChannelClosed(channel) => self.closed.push(channel),
                Event::ChannelError { error, .. } => self.failed.push(error),
                Event::ChannelReadable(channel) => {
                    while let Some(message) = self.core.read(now, channel) {
                        self.received.push(message);
                    }
                }
                _ => {}
            }
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = self.core.poll_transmit(now, &mut buffer) {
            let size = transmit.segment_size.unwrap_or(transmit.len);
            let FiveTuple {
                local: from,
                remote: to,
                ..
            } = transmit.five_tuple;
            for payload in buffer[buffer.len() - transmit.len..].chunks(size) {
                let mut payload = payload.to_vec();
                if let Some(meddler) = &mut self.meddler {
                    meddler(&mut payload);
                }
                self.out.push_back(Packet { from, to, payload });
            }
        }
    }
}

impl Node for Side {
    fn owns(&self, address: SocketAddr) -> bool {
        address == self.address
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

/// Two sides, and the descriptions they gave each other.
struct Pair {
    network: Network<Side>,
    a: NodeId,
    b: NodeId,
    channel: ChannelId,
}

impl Pair {
    fn new(seed: u64, link: Link) -> Self {
        Self::with(seed, link, |offer| offer, |answer| answer)
    }

    /// `a` offers a channel; signaling may change what is said.
    fn with(
        seed: u64,
        link: Link,
        offered: impl Fn(SessionDescription) -> SessionDescription,
        answered: impl Fn(SessionDescription) -> SessionDescription,
    ) -> Self {
        let mut pair = Self::offered(seed, link, offered);
        let now = pair.network.now();
        let answer = answered(pair.b().core.local_description().unwrap());
        pair.a().core.set_remote_description(now, answer).unwrap();
        pair
    }

    /// `b` has the offer and has answered; the answer is still on its way.
    fn offered(
        seed: u64,
        link: Link,
        offered: impl Fn(SessionDescription) -> SessionDescription,
    ) -> Self {
        let a = Side::new(1, "192.0.2.1:5000");
        let b = Side::new(2, "192.0.2.2:5000");
        Self::between(a, b, Network::new(seed, link), offered)
    }

    fn between(
        mut a: Side,
        mut b: Side,
        mut network: Network<Side>,
        offered: impl Fn(SessionDescription) -> SessionDescription,
    ) -> Self {
        let now = network.now();
        let init = DataChannelInit::default();
        let channel = a
            .core
            .create_data_channel(now, "test".to_owned(), init)
            .unwrap();
        a.core.set_local_description(now, None).unwrap();
        a.core.gather(now, &[a.address], &[], false);
        let offer = offered(a.core.local_description().unwrap());
        b.core.set_remote_description(now, offer).unwrap();
        b.core.set_local_description(now, None).unwrap();
        b.core.gather(now, &[b.address], &[], false);
        let (a, b) = (network.add(a), network.add(b));
        Self {
            network,
            a,
            b,
            channel,
        }
    }

    fn connect(&mut self) {
        let (a, b) = (self.a, self.b);
        let open = |network: &mut Network<Side>| {
            !network.node(a).open.is_empty() && !network.node(b).open.is_empty()
        };
        assert!(
            self.network.run_until(Duration::from_secs(60), open),
            "no channel opened"
        );
    }

    fn a(&mut self) -> &mut Side {
        self.network.node_mut(self.a)
    }

    fn b(&mut self) -> &mut Side {
        self.network.node_mut(self.b)
    }

    /// Both ways, and back again.
    fn exchange(&mut self) {
        let now = self.network.now();
        let channel = self.channel;
        let theirs = self.b().open[0];
        let (before_a, before_b) = (self.a().received.len(), self.b().received.len());
        let large = Message::Binary(vec![7; 100_000].into());
        self.a().core.send(now, channel, large.clone()).unwrap();
        self.b().core.send(now, theirs, "to a".into()).unwrap();
        let (a, b) = (self.a, self.b);
        let done = |network: &mut Network<Side>| {
            network.node(a).received.len() > before_a && network.node(b).received.len() > before_b
        };
        assert!(
            self.network.run_until(Duration::from_secs(120), done),
            "a message was lost"
        );
        assert_eq!(self.a().received[before_a], Message::from("to a"));
        assert_eq!(self.b().received[before_b], large);
    }
}

const LAN: Link = Link {
    delay: Duration::from_millis(10),
    loss: 0.0,
};

#[test]
fn a_channel_opens_and_data_goes_both_ways() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    // ICE, DTLS 1.3, SCTP: a trip each, and a half for the OPEN; the nominating check is another.
    let elapsed = pair.network.elapsed();
    assert!(elapsed <= Duration::from_millis(100), "{elapsed:?}");
    pair.exchange();
    assert_eq!(pair.a().core.connection_state(), ConnectionState::Connected);
    assert_eq!(pair.a().core.counters().ignored_by_reason().count(), 0);
    let told: Vec<_> = pair.a().occurrences.try_iter().collect();
    let open = Occurrence::ChannelOpen {
        label: "test".to_owned(),
        id: 1,
    };
    assert!(told.contains(&open), "{told:?}");
}

#[test]
fn a_client_hello_that_overtakes_the_answer_is_not_lost() {
    let mut pair = Pair::offered(1, LAN, |offer| offer);
    // The answerer has all it needs: it finds the path and begins DTLS.
    pair.network.run_for(LATE);
    let now = pair.network.now();
    let answer = pair.b().core.local_description().unwrap();
    pair.a().core.set_remote_description(now, answer).unwrap();
    pair.connect();
    let since_answer = pair.network.elapsed() - LATE;
    assert!(
        since_answer <= Duration::from_millis(80),
        "{since_answer:?}"
    );
}

/// How late the answer is: its ClientHello, and not one that was sent again, is what must arrive.
const LATE: Duration = Duration::from_millis(60);

#[test]
fn every_candidate_is_told_before_the_end_of_candidates() {
    let mut side = Side::new(1, "192.0.2.1:5000");
    let now = Instant::now();
    let init = DataChannelInit::default();
    side.core
        .create_data_channel(now, "test".to_owned(), init)
        .unwrap();
    side.core.set_local_description(now, None).unwrap();
    side.core.gather(now, &[side.address], &[], false);
    let mut told = Vec::new();
    while let Some(event) = side.core.poll_event() {
        match event {
            Event::IceCandidate(candidate) => told.push(if candidate.is_some() {
                "candidate"
            } else {
                "end"
            }),
            Event::IceGatheringStateChange(state) => told.push(state.as_str()),
            _ => {}
        }
    }
    assert_eq!(told, ["gathering", "candidate", "end", "complete"]);
}

#[test]
fn a_lossy_network_only_takes_longer() {
    for seed in 0..40 {
        let mut pair = Pair::new(seed, Link { loss: 0.1, ..LAN });
        pair.connect();
        pair.exchange();
    }
}

/// The other side's fingerprint with its first byte changed.
fn forged(description: SessionDescription) -> SessionDescription {
    let at = description.sdp.find("sha-256 ").unwrap() + "sha-256 ".len();
    let mut sdp = description.sdp;
    let other = if &sdp[at..at + 2] == "00" { "01" } else { "00" };
    sdp.replace_range(at..at + 2, other);
    SessionDescription { sdp, ..description }
}

#[test]
fn a_wrong_certificate_is_refused_before_anything_is_delivered() {
    let honest = |description| description;
    let deceived_offerer = Pair::with(1, LAN, honest, forged);
    let deceived_answerer = Pair::with(1, LAN, forged, honest);
    for (mut pair, offerer) in [(deceived_offerer, true), (deceived_answerer, false)] {
        let deceived = if offerer { pair.a } else { pair.b };
        let failed = |network: &mut Network<Side>| {
            network.node(deceived).core.connection_state() == ConnectionState::Failed
        };
        assert!(pair.network.run_until(Duration::from_secs(10), failed));
        pair.network.run_for(Duration::from_secs(2));
        let side = pair.network.node(deceived);
        assert!(side.open.is_empty() && side.received.is_empty());
        let told: Vec<_> = side.occurrences.try_iter().collect();
        let refused = |event: &Occurrence| match event {
            Occurrence::DtlsFailed { reason } => reason.contains("fingerprint"),
            _ => false,
        };
        assert!(told.iter().any(refused), "{told:?}");
        let delivered = |event: &Occurrence| {
            matches!(
                event,
                Occurrence::DtlsConnected { .. } | Occurrence::SctpConnected
            )
        };
        assert!(!told.iter().any(delivered), "{told:?}");
    }
}

#[test]
fn junk_of_every_kind_is_ignored_and_counted() {
    let mut pair = Pair::new(1, LAN);
    // Junk that arrives while the handshake is under way too.
    pair.network.run_for(Duration::from_millis(25));
    for round in 0..2 {
        let (from, to) = (pair.a().address, pair.b().address);
        let now = pair.network.now();
        for first in [0u8, 3, 20, 22, 23, 44, 63, 64, 128, 200, 255] {
            for len in [1, 13, 40, 1200] {
                let mut junk = vec![0x5a; len];
                junk[0] = first;
                pair.b()
                    .core
                    .handle_datagram(now, FiveTuple::udp(to, from), &junk);
                let (a, b) = (pair.a().address, pair.b().address);
                pair.a()
                    .core
                    .handle_datagram(now, FiveTuple::udp(a, b), &junk);
            }
        }
        if round == 0 {
            pair.connect();
        }
    }
    let counters = pair.b().core.counters().clone();
    assert!(counters.ignored(Ignored::Media) > 0);
    assert!(counters.ignored(Ignored::UnknownProtocol) > 0);
    pair.exchange();
}

#[test]
fn sctp_junk_under_dtls_is_ignored() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    for len in 0..64 {
        for byte in [0, 1, 2, 0xff] {
            pair.a().core.transport.inject(&vec![byte; len]);
        }
    }
    pair.network.run_for(Duration::from_secs(1));
    pair.exchange();
}

#[test]
fn malformed_messages_are_ignored_and_counted_and_the_channel_lives_on() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    let now = pair.network.now();
    let send = |pair: &mut Pair, stream, ppid, bytes: &'static [u8]| {
        let sctp = pair.a().core.transport.sctp().unwrap();
        sctp.open(stream, true, Default::default(), Default::default());
        let bytes = bytes.into();
        assert!(sctp.write(
            now,
            stream,
            Part {
                ppid,
                bytes,
                last: true
            }
        ));
    };
    // On a stream without a channel: not an OPEN; an OPEN cut short; data.
    send(&mut pair, 40, Ppid::Dcep, &[9, 9, 9]);
    send(
        &mut pair,
        41,
        Ppid::Dcep,
        &[3, 0, 1, 0, 0, 0, 0, 0, 200, 0, 0],
    );
    send(&mut pair, 42, Ppid::Binary, b"whose?");
    // On the channel: an OPEN again, an unexpected ACK, no UTF-8, an unknown type.
    let channel = pair.channel;
    let stream = pair.a().core.channel(channel).unwrap().stream.unwrap();
    send(
        &mut pair,
        stream,
        Ppid::Dcep,
        &[3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    send(&mut pair, stream, Ppid::Dcep, &[2]);
    send(&mut pair, stream, Ppid::String, &[0xff, 0xfe]);
    send(&mut pair, stream, Ppid::Unknown, b"?");
    pair.network.run_for(Duration::from_secs(1));
    let counters = pair.b().core.counters().clone();
    assert_eq!(counters.ignored(Ignored::MalformedDcep), 4);
    assert_eq!(counters.ignored(Ignored::UnknownStream), 1);
    assert_eq!(counters.ignored(Ignored::MalformedText), 1);
    assert_eq!(counters.ignored(Ignored::UnknownPayload), 1);
    assert!(pair.b().received.is_empty());
    assert_eq!(pair.b().open.len(), 1);
    pair.exchange();
}
