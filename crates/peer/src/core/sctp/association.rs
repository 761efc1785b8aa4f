//! The SCTP trait over `rtc-sctp`, which carries whole messages.

mod sending;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_sctp::{
    Event, PayloadProtocolIdentifier, ReliabilityType, StreamEvent, TimerConfig, TransportConfig,
};

use self::sending::is_sending;
use super::attempt::Attempt;
use super::discard::discard;
use super::echoes::{Echo, Echoes};
use super::flight::Flight;
use super::opening::Decision;
use super::overrun::Overrun;
use super::packet::{COMMON_HEADER, word};
use super::path::Path;
use super::requests::Requests;
use super::resets::{DoneResets, HeldResets, reset_streams, without_resets};
use super::schedule::{Schedule, Waiting};
use super::unread::{SLACK, Taken, Unread};
use super::window::Window;
use super::{Opening, Part, Reliability, Sctp, SctpEvent};
use crate::core::Priority;

/// What an association is made with.
#[derive(Debug, Clone, Copy)]
pub(in crate::core) struct SctpConfig {
    /// The largest message taken from the peer, in bytes: the receive buffer must hold it.
    pub(in crate::core) max_message_size: u32,
    /// The largest packet that is sent, in bytes.
    pub(in crate::core) max_packet: u16,
}

/// One association of `rtc-sctp`, and before it is up the attempts at one.
pub(in crate::core) struct RtcSctp {
    transport: TransportConfig,
    max_packet: u16,
    opening: Opening,
    /// Ours, until it or another is up.
    client: Option<Box<Attempt>>,
    /// Answers to INITs of the peer; an INIT that comes again gets another one.
    servers: VecDeque<Box<Attempt>>,
    /// The one that is up.
    pub(super) active: Option<Box<Attempt>>,
    pub(super) path: Path,
    connect_due: bool,
    /// Streams that were reset here and not yet by the peer.
    resetting: BTreeSet<u16>,
    /// Resets of the peer that wait for what we sent.
    held: HeldResets,
    done: DoneResets,
    echoes: Echoes,
    requests: Requests,
    overrun: Overrun,
    flight: Flight,
    unread: Unread,
    window: Window,
    schedule: Schedule,
    /// Unread bytes of the peer before its window is closed.
    receive_buffer: usize,
    lost: bool,
    events: VecDeque<SctpEvent>,
    packets: VecDeque<Bytes>,
    /// Parts of a message that is still being written.
    writing: Option<(u16, BytesMut)>,
}

impl RtcSctp {
    /// An association that opens as `opening` says.
    pub(in crate::core) fn new(now: Instant, config: SctpConfig, opening: Opening) -> Self {
        let receive_buffer = RECEIVE_BUFFER.max(config.max_message_size.saturating_mul(2));
        let transport = TransportConfig::default()
            .with_max_message_size(u32::MAX)
            .with_max_receive_buffer_size(receive_buffer.saturating_add(SLACK))
            .with_timer_config(TimerConfig {
                // Whether the peer lives is for ICE consent to say (RFC 7675), and a restart may bring it back.
                max_t3_rtx_retrans: usize::MAX,
                max_reconfig_retrans: usize::MAX,
                ..TimerConfig::default()
            });
        let mut sctp = Self {
            transport,
            max_packet: config.max_packet,
            opening,
            client: None,
            servers: VecDeque::new(),
            active: None,
            path: Path::default(),
            connect_due: true,
            resetting: BTreeSet::new(),
            held: HeldResets::default(),
            done: DoneResets::default(),
            echoes: Echoes::default(),
            requests: Requests::default(),
            overrun: Overrun::default(),
            flight: Flight::default(),
            unread: Unread::new(receive_buffer as usize),
            window: Window::default(),
            schedule: Schedule::default(),
            receive_buffer: receive_buffer as usize,
            lost: false,
            events: VecDeque::new(),
            packets: VecDeque::new(),
            writing: None,
        };
        sctp.connect_if_due(now);
        sctp
    }

    fn connect_if_due(&mut self, now: Instant) {
        if !self.connect_due || now < self.opening.connect_at {
            return;
        }
        self.connect_due = false;
        self.client = Attempt::connect(now, self.transport.clone(), self.max_packet).map(Box::new);
    }

    /// RFC 9260 §5.2: an INIT where there may be an attempt of ours.
    fn handle_init(&mut self, now: Instant, tag: u32, packet: Bytes) {
        if self.active.is_some() || self.client.as_ref().is_some_and(|client| client.answered) {
            return;
        }
        if self.opening.on_init(tag, self.client.is_some()) == Decision::Ignore {
            return;
        }
        (self.client, self.connect_due) = (None, true);
        self.opening.accepted(now);
        let Some(attempt) = Attempt::accept(now, self.transport.clone(), self.max_packet, packet)
        else {
            return;
        };
        if self.servers.len() == MAX_SERVERS {
            self.servers.pop_front();
        }
        self.servers.push_back(Box::new(attempt));
    }

    fn hand_on(&mut self, now: Instant, packet: Bytes) {
        self.echoes.expect(&packet, &self.resetting);
        let is_init_ack = packet.get(COMMON_HEADER) == Some(&INIT_ACK);
        for attempt in self.attempts() {
            if attempt.handle(now, packet.clone()) {
                attempt.answered |= is_init_ack;
                break;
            }
        }
    }

    /// What is left of a packet to hand on now.
    fn take_resets(&mut self, packet: Bytes) -> Option<Bytes> {
        if let Some(answer) = self.done.answer(&packet) {
            self.packets.push_back(answer);
            return without_resets(&packet);
        }
        self.tell_closing(&packet);
        self.held
            .hold(packet, is_sending(&mut self.active, &self.schedule))
    }

    /// The peer sends nothing more on the streams that it resets, whenever the reset is done.
    fn tell_closing(&mut self, packet: &[u8]) {
        let Some(active) = &mut self.active else {
            return;
        };
        for stream in reset_streams(packet) {
            if active.association.stream(stream).is_ok() && !self.resetting.contains(&stream) {
                self.events.push_back(SctpEvent::Closing(stream));
            }
        }
    }

    /// Hands on the resets of the peer that have waited long enough.
    fn release_resets(&mut self, now: Instant) {
        loop {
            let is_sending = is_sending(&mut self.active, &self.schedule);
            let Some(packet) = self.held.release(is_sending) else {
                return;
            };
            self.hand_on(now, packet);
            self.drain();
        }
    }

    /// Takes what the attempts have to send.
    fn gather(&mut self, now: Instant) {
        let Self {
            active,
            client,
            servers,
            packets,
            ..
        } = self;
        for attempt in active.iter_mut().chain(client).chain(servers) {
            attempt.gather(now, packets);
        }
    }

    fn attempts(&mut self) -> impl Iterator<Item = &mut Box<Attempt>> {
        self.active
            .iter_mut()
            .chain(&mut self.client)
            .chain(&mut self.servers)
    }

    /// Takes what the attempts have to tell; the first that is up ends the others.
    fn drain(&mut self) {
        if self.active.is_none() {
            self.choose();
        }
        let Some(active) = &mut self.active else {
            return;
        };
        while let Some(event) = active.poll() {
            match event {
                Event::Connected => self.events.push_back(SctpEvent::Connected),
                Event::Stream(StreamEvent::Opened { id } | StreamEvent::Readable { id }) => {
                    self.events.push_back(SctpEvent::Readable(id));
                }
                Event::Stream(StreamEvent::BufferedAmountReleased {
                    id: stream,
                    n_bytes: bytes,
                }) => {
                    self.schedule.released(bytes);
                    self.events.push_back(SctpEvent::Released { stream, bytes });
                }
                // Of an association that is lost every stream is said to be, and its loss is what counts.
                Event::AssociationLost { id, .. } if !active.association.is_closed() => {
                    self.resetting.remove(&id);
                    self.schedule.forget(id);
                    self.unread.emptied(id);
                    self.events.push_back(SctpEvent::Reset(id));
                }
                _ => {}
            }
        }
        while active.association.accept_stream().is_some() {}
        if active.association.is_closed() && !self.lost {
            self.lost = true;
            self.events.push_back(SctpEvent::Lost);
        }
    }

    fn choose(&mut self) {
        let is_up = |attempt: &Attempt| !attempt.association.is_handshaking();
        self.active = match self.client.take_if(|client| is_up(client)) {
            Some(client) => Some(client),
            None => {
                let index = self.servers.iter().position(|server| is_up(server));
                index.and_then(|index| self.servers.remove(index))
            }
        };
        if self.active.is_some() {
            (self.client, self.connect_due) = (None, false);
            self.servers = VecDeque::new();
            return;
        }
        if self
            .client
            .as_mut()
            .is_some_and(|client| client.has_failed())
            && !self.lost
        {
            self.lost = true;
            self.events.push_back(SctpEvent::Lost);
        }
    }
}

impl Sctp for RtcSctp {
    fn handle_packet(&mut self, now: Instant, packet: &[u8]) {
        let packet = match &self.resetting {
            none if none.is_empty() => Bytes::copy_from_slice(packet),
            some => {
                discard(packet, some).map_or_else(|| Bytes::copy_from_slice(packet), Bytes::from)
            }
        };
        match init_tag(&packet) {
            Some(tag) => self.handle_init(now, tag, packet),
            None => {
                self.overrun.received(packet.len());
                self.window.received(&packet);
                let packet = self.flight.received(packet);
                let packet = match self.unread.receive(packet) {
                    Taken::Whole(packet) => Some(packet),
                    Taken::Refused(rest) => {
                        self.window.refused();
                        rest
                    }
                };
                let packet = packet.and_then(|packet| self.requests.receive(packet));
                if let Some(packet) = packet.and_then(|packet| self.take_resets(packet)) {
                    self.hand_on(now, packet);
                }
            }
        }
        self.drain();
        self.release_resets(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connect_if_due(now);
        if self.path.is_due(now) {
            self.end_wait(now);
        }
        for attempt in self.attempts() {
            if attempt
                .association
                .poll_timeout()
                .is_some_and(|at| at <= now)
            {
                attempt.association.handle_timeout(now);
            }
        }
        self.drain();
        self.release_resets(now);
    }

    fn path_changed(&mut self, now: Instant) {
        self.path.changed(now);
        self.end_wait(now);
        self.drain();
    }

    fn open(&mut self, stream: u16, ordered: bool, reliability: Reliability, priority: Priority) {
        self.path.timed |= matches!(reliability, Reliability::LifetimeMs(_));
        let Some(active) = &mut self.active else {
            return;
        };
        self.schedule.open(stream, priority, reliability);
        // It exists already where the peer sent on it first.
        let _ = active
            .association
            .open_stream(stream, PayloadProtocolIdentifier::Binary);
        let (kind, value) = match reliability {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::Retransmits(count) => (ReliabilityType::Rexmit, count),
            Reliability::LifetimeMs(ms) => (ReliabilityType::Timed, ms),
        };
        if let Ok(mut stream) = active.association.stream(stream) {
            // Fails only where the stream is gone, which is told as an event.
            let _ = stream.set_reliability_params(!ordered, kind, value);
        }
    }

    fn write(&mut self, now: Instant, stream: u16, part: Part) -> bool {
        let bytes = match self.writing.take_if(|(writing, _)| *writing == stream) {
            None if part.last => part.bytes,
            begun => {
                let mut message = begun.map(|(_, message)| message).unwrap_or_default();
                message.extend_from_slice(&part.bytes);
                if !part.last {
                    self.writing = Some((stream, message));
                    return true;
                }
                message.freeze()
            }
        };
        let (since, ppid) = (now, part.ppid);
        let message = Waiting { since, ppid, bytes };
        let written = self.write_whole(now, stream, message);
        self.drain();
        written
    }

    fn read(&mut self, stream: u16) -> Option<Part> {
        let active = self.active.as_mut()?;
        let Some(chunks) = active.association.stream(stream).ok()?.read().ok()? else {
            self.window.emptied();
            self.unread.emptied(stream);
            return None;
        };
        // A reset that waited for the reader may have been done.
        self.drain();
        let bytes = chunks.to_payload(usize::MAX).ok()?.freeze();
        self.unread.read(stream);
        self.window
            .read(bytes.len() + self.unread.share(), self.receive_buffer);
        Some(Part {
            ppid: chunks.ppi.into(),
            bytes,
            last: true,
        })
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        for message in self.schedule.close(stream) {
            self.give_waiting(now, stream, &message);
        }
        let Some(active) = &mut self.active else {
            return;
        };
        if let Ok(mut handle) = active.association.stream(stream) {
            // What was not read by now is not wanted.
            while handle.read().is_ok_and(|message| message.is_some()) {}
        }
        self.unread.emptied(stream);
        // The reader may have let a reset of the peer through.
        if let Ok(mut handle) = active.association.stream(stream) {
            // Fails only where the association is not up, and then the stream is gone with it.
            let _ = handle.close(now);
            self.resetting.insert(stream);
        }
        self.drain();
    }

    fn abort(&mut self, now: Instant) {
        self.connect_due = false;
        self.schedule = Schedule::default();
        // What was not handed out would be forgotten.
        self.gather(now);
        for attempt in self.attempts() {
            // An association that is not up has nothing to abort.
            let _ = attempt.association.abort();
        }
        self.gather(now);
        self.drain();
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Bytes> {
        loop {
            if self.packets.is_empty() {
                if let Some(prompt) = self.window.poll_prompt() {
                    self.hand_on(now, prompt);
                }
                self.feed(now);
                self.gather(now);
            }
            let packet = match self
                .requests
                .release(is_sending(&mut self.active, &self.schedule))
            {
                Some(packet) => packet,
                None => self.packets.pop_front()?,
            };
            let packet = match self.echoes.trim(packet) {
                Echo::Send(packet) => packet,
                Echo::Swallow { answer } => {
                    self.hand_on(now, answer);
                    continue;
                }
            };
            let is_sending = is_sending(&mut self.active, &self.schedule);
            let Some(packet) = self.requests.send(packet, is_sending) else {
                continue;
            };
            self.done.sent(&packet);
            self.schedule.sent(&packet);
            if self.overrun.is_over(&packet, self.receive_buffer) && !self.lost {
                self.abort(now);
            }
            self.flight.sent(&packet);
            let packet = self.unread.send(packet);
            self.window.sent(&packet);
            return Some(packet);
        }
    }

    fn poll_event(&mut self) -> Option<SctpEvent> {
        self.events.pop_front()
    }

    fn limit_flight(&mut self, bytes: usize) {
        self.flight.limit(bytes);
    }

    fn flight(&self) -> usize {
        self.flight.cost()
    }

    fn round_trip(&self) -> Duration {
        let active = self.active.as_ref();
        active.map_or(Duration::ZERO, |active| active.association.rtt())
    }

    fn max_streams(&self) -> u16 {
        let active = self.active.as_ref();
        let agreed = active.and_then(|active| active.association.negotiated_max_streams());
        agreed.unwrap_or(u16::MAX)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let attempts = self.active.iter().chain(&self.client).chain(&self.servers);
        attempts
            .filter_map(|attempt| attempt.association.poll_timeout())
            .chain(self.connect_due.then_some(self.opening.connect_at))
            .chain(self.path.poll_timeout())
            .min()
    }
}

/// The initiate tag, where the packet is an INIT: verification tag 0 (RFC 9260 §8.5.1), first chunk of type 1.
fn init_tag(packet: &[u8]) -> Option<u32> {
    (word(packet, 4)? == 0 && packet.get(COMMON_HEADER) == Some(&INIT))
        .then(|| word(packet, 16))
        .flatten()
}

/// Chunk types, RFC 9260 §3.2.
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
/// Unread bytes of the peer before its window is closed.
const RECEIVE_BUFFER: u32 = 4 * 1024 * 1024;
/// INITs of one peer that are answered before one of them is up.
const MAX_SERVERS: usize = 4;
