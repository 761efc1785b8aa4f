//! Data channels over the transport (RFC 8831, RFC 8832).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{ChannelInfo, Connection, Ending, Event};
use crate::core::dcep::{Dcep, Open};
use crate::core::dtls::DtlsRole;
use crate::core::sctp::{Part, Ppid};
use crate::core::{
    ChannelError, ChannelId, DataChannelInit, DataChannelState, Error, Ignored, Message,
    Occurrence, UsageError,
};

impl Connection {
    /// A data channel, which opens when the transport does.
    ///
    /// # Errors
    /// The options contradict each other, the id is taken, there are too many channels, or the connection is closed.
    pub fn create_data_channel(
        &mut self,
        now: Instant,
        label: String,
        init: DataChannelInit,
    ) -> Result<ChannelId, Error> {
        self.check_open()?;
        let first = self.channels.is_empty();
        let channel = self.channels.create(label, init)?;
        self.negotiation.want_data();
        if first {
            self.tell_negotiation_needed();
        }
        if self.transport.is_up() {
            self.open_channel(now, channel);
        }
        self.pump(now);
        Ok(channel)
    }

    /// What is known of a channel; `None`: it is closed.
    #[must_use]
    pub fn channel(&self, channel: ChannelId) -> Option<ChannelInfo> {
        let channel = self.channels.get(channel)?;
        Some(ChannelInfo {
            label: channel.open.label.clone(),
            protocol: channel.open.protocol.clone(),
            ordered: channel.open.ordered,
            reliability: channel.open.reliability,
            negotiated: channel.negotiated,
            priority: channel.open.priority,
            buffered_amount: channel.buffered,
            stream: channel.stream,
            state: channel.state,
        })
    }

    /// The largest message that the peer takes, in bytes; 0 before its description is applied.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.remote
            .as_ref()
            .map_or(0, |remote| remote.max_message_size)
    }

    /// How many bytes of all channels wait or are not acknowledged.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.channels.buffered()
    }

    /// How many messages of all channels wait or are not acknowledged.
    #[must_use]
    pub fn buffered_messages(&self) -> usize {
        self.channels.messages()
    }

    /// How long a round trip to the peer takes at the least: of the last checks of ICE; where none was measured, what SCTP
    /// has smoothed, in whole milliseconds; zero before. What a loaded machine adds is mostly not in it.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        let checked = self.agent.least_round_trip();
        checked.unwrap_or_else(|| self.transport.round_trip())
    }

    /// Lets no more users' bytes than these be on their way to the peer, for a receive buffer that is known to be small; takes
    /// effect with the peer's next acknowledgement, and is to be said again once SCTP is up.
    pub fn limit_flight(&mut self, bytes: usize) {
        if let Some(sctp) = self.transport.sctp() {
            sctp.limit_flight(bytes);
        }
    }

    /// What is on its way to the peer and not acknowledged takes up so many bytes of a receive buffer: a small datagram costs
    /// more than its length.
    #[must_use]
    pub fn flight(&self) -> usize {
        self.transport.flight()
    }

    /// Sends a message. It is queued without a bound: the owner stops while [`buffered_amount`](Self::buffered_amount) or
    /// [`buffered_messages`](Self::buffered_messages) is more than it likes. An acknowledgement can name 65,535 packets' worth
    /// of messages (RFC 9260 §3.3.4), so let not more than half as many wait.
    ///
    /// # Errors
    /// The channel is not open, or the message is too large for the peer.
    pub fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Message,
    ) -> Result<(), Error> {
        let max = self.max_message_size();
        let state = self
            .channels
            .get(channel)
            .map_or(DataChannelState::Closed, |open| open.state);
        if state != DataChannelState::Open {
            return Err(UsageError::ChannelNotOpen(state).into());
        }
        let len = message.len();
        if len > max {
            return Err(UsageError::MessageTooLarge { len, max }.into());
        }
        // RFC 8831 §6.6: an empty message goes as one byte that the identifier says to ignore.
        let (ppid, bytes) = match message {
            Message::Text(text) if text.is_empty() => (Ppid::StringEmpty, EMPTY),
            Message::Binary(bytes) if bytes.is_empty() => (Ppid::BinaryEmpty, EMPTY),
            Message::Text(text) => (Ppid::String, text.into()),
            Message::Binary(bytes) => (Ppid::Binary, bytes),
        };
        self.write(now, channel, ppid, bytes, len)?;
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.traffic.messages_sent += 1;
            channel.traffic.bytes_sent += len as u64;
        }
        Ok(())
    }

    fn write(
        &mut self,
        now: Instant,
        id: ChannelId,
        ppid: Ppid,
        bytes: Bytes,
        user: usize,
    ) -> Result<(), Error> {
        let closed = UsageError::ChannelNotOpen(DataChannelState::Closed);
        let channel = self.channels.get(id).ok_or(closed.clone())?;
        let (Some(stream), Some(sctp)) = (channel.stream, self.transport.sctp()) else {
            return Err(closed.into());
        };
        let control = bytes.len() - user;
        if !sctp.write(
            now,
            stream,
            Part {
                ppid,
                bytes,
                last: true,
            },
        ) {
            return Err(closed.into());
        }
        self.channels.sent(id, user, control);
        Ok(())
    }

    /// The next message of a channel, if there is one. What is not read closes the peer's window.
    pub fn read(&mut self, now: Instant, id: ChannelId) -> Option<Message> {
        loop {
            let stream = self.channels.get(id)?.stream?;
            let part = self.read_message(stream)?;
            // A reset may have waited until this was read.
            self.pump_after_read(now);
            let too_large = part.bytes.len() > self.max_message_size as usize;
            let message = match part.ppid {
                _ if too_large => {
                    self.counters.ignore(Ignored::MessageTooLarge);
                    self.channel_failed(id, ChannelError::MessageTooLarge);
                    self.close_channel(now, id);
                    continue;
                }
                Ppid::Dcep => {
                    self.take_ack(id, &part.bytes);
                    continue;
                }
                Ppid::StringEmpty => Message::Text(String::new()),
                Ppid::BinaryEmpty => Message::Binary(Bytes::new()),
                Ppid::Binary => Message::Binary(part.bytes),
                Ppid::String => match String::from_utf8(part.bytes.into()) {
                    Ok(text) => Message::Text(text),
                    Err(_) => {
                        self.counters.ignore(Ignored::MalformedText);
                        continue;
                    }
                },
                Ppid::Unknown => {
                    self.counters.ignore(Ignored::UnknownPayload);
                    continue;
                }
            };
            if let Some(channel) = self.channels.get_mut(id) {
                channel.traffic.messages_received += 1;
                channel.traffic.bytes_received += message.len() as u64;
            }
            return Some(message);
        }
    }

    /// A whole message, put together where SCTP gives it in parts.
    fn read_message(&mut self, stream: u16) -> Option<Part> {
        let sctp = self.transport.sctp()?;
        let mut message = sctp.read(stream)?;
        if message.last {
            return Some(message);
        }
        let mut bytes = Vec::from(message.bytes);
        while !message.last {
            let part = sctp.read(stream)?;
            bytes.extend_from_slice(&part.bytes);
            message.last = part.last;
        }
        Some(Part {
            bytes: bytes.into(),
            ..message
        })
    }

    fn pump_after_read(&mut self, now: Instant) {
        while let Some(signal) = self.transport.poll_signal() {
            self.take_signal(now, signal);
        }
    }

    fn take_ack(&mut self, id: ChannelId, message: &[u8]) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let expected = std::mem::take(&mut channel.awaits_ack);
        let (Some(stream), true) = (
            channel.stream,
            Dcep::parse(message) == Some(Dcep::Ack) && expected,
        ) else {
            channel.awaits_ack = expected;
            self.counters.ignore(Ignored::MalformedDcep);
            return;
        };
        let (ordered, reliability) = (channel.open.ordered, channel.open.reliability);
        let priority = channel.open.priority;
        if let Some(sctp) = self.transport.sctp() {
            sctp.open(stream, ordered, reliability, priority);
        }
    }

    /// Closes a channel: what was sent on it before still arrives.
    pub fn close_channel(&mut self, now: Instant, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        match channel.state {
            DataChannelState::Open => {
                channel.state = DataChannelState::Closing;
                let stream = channel.stream;
                self.event(Event::ChannelClosing(id));
                if let (Some(stream), Some(sctp)) = (stream, self.transport.sctp()) {
                    sctp.reset(now, stream);
                }
            }
            DataChannelState::Connecting => self.channel_closed(now, id),
            DataChannelState::Closing | DataChannelState::Closed => {}
        }
        self.pump_after_read(now);
    }

    /// SCTP is up: the channels that wait open.
    pub(super) fn open_waiting(&mut self, now: Instant) {
        for channel in self.channels.connecting() {
            self.open_channel(now, channel);
        }
    }

    fn open_channel(&mut self, now: Instant, id: ChannelId) {
        let role = self.transport.role().unwrap_or(DtlsRole::Server);
        let max = self.transport.sctp().map_or(0, |sctp| sctp.max_streams());
        let Some(stream) = self.channels.assign(id, role, max) else {
            self.channel_failed(id, ChannelError::NoId);
            self.channel_closed(now, id);
            return;
        };
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let (open, negotiated) = (channel.open.clone(), channel.negotiated);
        channel.state = DataChannelState::Open;
        channel.awaits_ack = !negotiated;
        if let Some(sctp) = self.transport.sctp() {
            // RFC 8832 §6: in order until the peer has answered the OPEN, so that no data comes ahead of it.
            let ordered = open.ordered || !negotiated;
            sctp.open(stream, ordered, open.reliability, open.priority);
        }
        let label = open.label.clone();
        if !negotiated {
            let message = Dcep::Open(open).to_bytes();
            // A stream that was just opened takes it.
            let _ = self.write(now, id, Ppid::Dcep, message.into(), 0);
        }
        self.traffic.channels.data_channels_opened += 1;
        self.event(Event::ChannelOpen(id));
        self.observe(now, &Occurrence::ChannelOpen { label, id: stream });
    }

    pub(super) fn stream_readable(&mut self, now: Instant, stream: u16) {
        if let Some(channel) = self.channels.by_stream(stream) {
            self.event(Event::ChannelReadable(channel));
            return;
        }
        // The first message on a stream opens its channel; what is none is counted and thrown away.
        while let Some(part) = self.read_message(stream) {
            if part.ppid != Ppid::Dcep {
                self.counters.ignore(Ignored::UnknownStream);
                continue;
            }
            let Some(Dcep::Open(open)) = Dcep::parse(&part.bytes) else {
                self.counters.ignore(Ignored::MalformedDcep);
                continue;
            };
            self.accept_channel(now, stream, open);
            return;
        }
    }

    fn accept_channel(&mut self, now: Instant, stream: u16, open: Open) {
        let (ordered, reliability) = (open.ordered, open.reliability);
        let (priority, label) = (open.priority, open.label.clone());
        let accepted = if self.ending == Ending::Not {
            self.channels.accept(open, stream)
        } else {
            None
        };
        let (Some(id), Some(sctp)) = (accepted, self.transport.sctp()) else {
            self.counters.ignore(Ignored::TooManyChannels);
            if let Some(sctp) = self.transport.sctp() {
                sctp.reset(now, stream);
            }
            return;
        };
        sctp.open(stream, ordered, reliability, priority);
        if let Some(channel) = self.channels.get_mut(id) {
            channel.state = DataChannelState::Open;
        }
        // A stream that was just opened takes it.
        let _ = self.write(now, id, Ppid::Dcep, Dcep::Ack.to_bytes().into(), 0);
        self.traffic.channels.data_channels_opened += 1;
        self.event(Event::DataChannel(id));
        self.observe(now, &Occurrence::ChannelOpen { label, id: stream });
        self.event(Event::ChannelReadable(id));
    }

    pub(super) fn stream_released(&mut self, stream: u16, bytes: usize) {
        let Some(id) = self.channels.by_stream(stream) else {
            return;
        };
        let bytes = self.channels.released(id, bytes);
        if bytes > 0 {
            self.event(Event::Released { channel: id, bytes });
        }
    }

    pub(super) fn channel_closed(&mut self, now: Instant, id: ChannelId) {
        let Some(channel) = self.channels.remove(id) else {
            return;
        };
        if channel.state != DataChannelState::Connecting {
            self.traffic.channels.data_channels_closed += 1;
        }
        self.event(Event::ChannelClosed(id));
        let (label, id) = (channel.open.label, channel.stream);
        self.observe(now, &Occurrence::ChannelClosed { label, id });
    }

    /// The peer closes the channel on this stream: what it sent before can still be read, nothing more is sent.
    pub(super) fn stream_closing(&mut self, stream: u16) {
        let Some(id) = self.channels.by_stream(stream) else {
            return;
        };
        if let Some(channel) = self.channels.get_mut(id)
            && channel.state == DataChannelState::Open
        {
            channel.state = DataChannelState::Closing;
            self.event(Event::ChannelClosing(id));
        }
    }

    fn channel_failed(&mut self, channel: ChannelId, error: ChannelError) {
        self.event(Event::ChannelError { channel, error });
    }

    /// The transport is gone, and every channel with it.
    pub(super) fn channels_lost(&mut self, now: Instant, error: Option<ChannelError>) {
        for channel in self.channels.ids() {
            if let Some(error) = error {
                self.channel_failed(channel, error);
            }
            self.channel_closed(now, channel);
        }
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.ending == Ending::Not {
            Ok(())
        } else {
            Err(UsageError::Closed.into())
        }
    }
}

/// The byte that stands for an empty message.
const EMPTY: Bytes = Bytes::from_static(&[0]);
