//! The data channels of one connection: their ids, their lives, and what waits on them (RFC 8831, RFC 8832).

use std::collections::{BTreeMap, VecDeque};

use super::dcep::Open;
use super::dtls::DtlsRole;
use super::sctp::Reliability;
use super::{ChannelId, DataChannelInit, DataChannelState, UsageError};

/// All channels.
#[derive(Debug, Default)]
pub(super) struct Channels {
    next: u64,
    /// Boxed: a leaf of the tree has room for eleven, and most connections have one.
    channels: BTreeMap<ChannelId, Box<Channel>>,
    streams: BTreeMap<u16, ChannelId>,
    /// Where the search for a free id begins: after the last one, so that none is used again soon, while the peer may
    /// still send on it.
    after: Option<u16>,
    /// How many the peer opened.
    accepted: usize,
    /// User bytes of all.
    buffered: usize,
    /// Messages of all.
    messages: usize,
}

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) open: Open,
    pub(super) negotiated: bool,
    /// The peer opened it.
    accepted: bool,
    pub(super) stream: Option<u16>,
    pub(super) state: DataChannelState,
    /// Our OPEN has no answer yet: RFC 8832 §6, until then everything is sent in order.
    pub(super) awaits_ack: bool,
    /// User bytes that wait or are not acknowledged.
    pub(super) buffered: usize,
    /// The same for bytes that are not the user's.
    control: usize,
    /// The bytes of each message among them, oldest first.
    messages: VecDeque<u32>,
    pub(super) traffic: Traffic,
}

/// What went over a channel, as RTCDataChannelStats has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) messages_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) bytes_received: u64,
}

impl Channels {
    /// A channel of ours, without a stream unless `init` names one.
    pub(super) fn create(
        &mut self,
        label: String,
        init: DataChannelInit,
    ) -> Result<ChannelId, UsageError> {
        let reliability = match (init.max_packet_life_time_ms, init.max_retransmits) {
            (None, None) => Reliability::Reliable,
            (Some(ms), None) => Reliability::LifetimeMs(ms.into()),
            (None, Some(count)) => Reliability::Retransmits(count.into()),
            (Some(_), Some(_)) => return Err(UsageError::TwoReliabilities),
        };
        if label.len() > MAX_NAME || init.protocol.len() > MAX_NAME {
            return Err(UsageError::NameTooLong);
        }
        match init.id {
            None if init.negotiated => return Err(UsageError::IdMissing),
            Some(id) if id > MAX_STREAM => return Err(UsageError::IdOutOfRange(id)),
            Some(id) if self.streams.contains_key(&id) => return Err(UsageError::IdTaken(id)),
            _ => {}
        }
        if self.channels.len() >= MAX_CHANNELS {
            return Err(UsageError::TooManyChannels(MAX_CHANNELS));
        }
        let open = Open {
            ordered: init.ordered,
            priority: init.priority,
            reliability,
            label,
            protocol: init.protocol,
        };
        Ok(self.insert(open, init.negotiated, false, init.id))
    }

    /// A channel that the peer opened; `None`: it has opened too many.
    pub(super) fn accept(&mut self, open: Open, stream: u16) -> Option<ChannelId> {
        if self.accepted >= MAX_ACCEPTED || self.channels.len() >= MAX_CHANNELS {
            return None;
        }
        self.accepted += 1;
        Some(self.insert(open, false, true, Some(stream)))
    }

    pub(super) fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(&id).map(|channel| &**channel)
    }

    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get_mut(&id).map(|channel| &mut **channel)
    }

    pub(super) fn by_stream(&self, stream: u16) -> Option<ChannelId> {
        self.streams.get(&stream).copied()
    }

    /// The channels that wait for the transport, oldest first.
    pub(super) fn connecting(&self) -> Vec<ChannelId> {
        let waits = |channel: &Channel| channel.state == DataChannelState::Connecting;
        self.channels
            .iter()
            .filter(|(_, channel)| waits(channel))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelId, &Channel)> {
        self.channels.iter().map(|(id, channel)| (id, &**channel))
    }

    pub(super) fn ids(&self) -> Vec<ChannelId> {
        self.channels.keys().copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// User bytes of all channels that wait or are not acknowledged.
    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    /// Messages of all channels that wait or are not acknowledged.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// A message was given to SCTP, of so many bytes of the user's, and so many others.
    pub(super) fn sent(&mut self, id: ChannelId, user: usize, control: usize) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.buffered += user;
            channel.control += control;
            // No message is longer than 64 MiB.
            channel.messages.push_back((user + control) as u32);
            self.buffered += user;
            self.messages += 1;
        }
    }

    /// SCTP gave up or delivered so many bytes: how many of them were the user's.
    pub(super) fn released(&mut self, id: ChannelId, bytes: usize) -> usize {
        let Some(channel) = self.channels.get_mut(&id) else {
            return 0;
        };
        let user = channel.release(bytes);
        self.buffered -= user;
        self.messages -= channel.release_messages(bytes);
        user
    }

    /// Gives a channel its stream: even ones are the DTLS client's (RFC 8832 §6). `None`: all below `max` are taken.
    pub(super) fn assign(&mut self, id: ChannelId, role: DtlsRole, max: u16) -> Option<u16> {
        if let Some(stream) = self.channels.get(&id)?.stream {
            return (stream < max).then_some(stream);
        }
        let first = if role == DtlsRole::Client { 0 } else { 1 };
        let ours = |from: u16, to: u16| (from..to).step_by(2);
        let from = self.after.map_or(first, |last| last.saturating_add(2));
        let mut all = ours(from, max).chain(ours(first, from.min(max)));
        let stream = all.find(|stream| !self.streams.contains_key(stream))?;
        self.after = Some(stream);
        self.streams.insert(stream, id);
        self.channels.get_mut(&id)?.stream = Some(stream);
        Some(stream)
    }

    /// Forgets a channel.
    pub(super) fn remove(&mut self, id: ChannelId) -> Option<Channel> {
        let channel = self.channels.remove(&id)?;
        if let Some(stream) = channel.stream {
            self.streams.remove(&stream);
        }
        self.accepted -= usize::from(channel.accepted);
        self.buffered -= channel.buffered;
        self.messages -= channel.messages.len();
        Some(*channel)
    }

    fn insert(
        &mut self,
        open: Open,
        negotiated: bool,
        accepted: bool,
        stream: Option<u16>,
    ) -> ChannelId {
        let id = ChannelId(self.next);
        self.next += 1;
        if let Some(stream) = stream {
            self.streams.insert(stream, id);
        }
        let channel = Channel {
            open,
            negotiated,
            accepted,
            stream,
            state: DataChannelState::Connecting,
            awaits_ack: false,
            buffered: 0,
            control: 0,
            messages: VecDeque::new(),
            traffic: Traffic::default(),
        };
        self.channels.insert(id, Box::new(channel));
        id
    }
}

impl Channel {
    /// SCTP gave up or delivered so many bytes: how many of them were the user's.
    fn release(&mut self, bytes: usize) -> usize {
        let control = bytes.min(self.control);
        self.control -= control;
        let user = (bytes - control).min(self.buffered);
        self.buffered -= user;
        user
    }

    /// How many messages these bytes were. Those that arrive out of order are taken for the oldest: the sum is the same.
    fn release_messages(&mut self, mut bytes: usize) -> usize {
        let before = self.messages.len();
        while let Some(first) = self.messages.front_mut() {
            if *first as usize > bytes {
                *first -= bytes as u32;
                break;
            }
            bytes -= *first as usize;
            self.messages.pop_front();
        }
        if self.messages.is_empty() && self.messages.capacity() > KEPT {
            // An idle channel keeps nothing of a burst.
            self.messages = VecDeque::new();
        }
        before - self.messages.len()
    }
}

/// Room for messages' lengths that is kept while there are none.
const KEPT: usize = 64;
/// RFC 8832 §5.1: their lengths have 16 bits.
const MAX_NAME: usize = 65_535;
/// RFC 8831 §6.2: 65535 is not a stream.
const MAX_STREAM: u16 = 65_534;
/// Channels of one connection: as many as there are streams.
const MAX_CHANNELS: usize = MAX_STREAM as usize + 1;
/// Channels that the peer has opened: each costs memory of ours.
const MAX_ACCEPTED: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_even_for_the_dtls_client_and_odd_for_the_server() {
        for (role, expected) in [(DtlsRole::Client, [0, 2]), (DtlsRole::Server, [1, 3])] {
            let mut channels = Channels::default();
            let streams = expected.map(|_| {
                let id = channels
                    .create("x".into(), DataChannelInit::default())
                    .unwrap();
                channels.assign(id, role, 65_535).unwrap()
            });
            assert_eq!(streams, expected);
        }
    }

    #[test]
    fn messages_are_counted_until_their_last_byte_is_released() {
        let mut channels = Channels::default();
        let mut create = || channels.create("x".into(), DataChannelInit::default());
        let [first, second] = [create().unwrap(), create().unwrap()];
        for (user, control) in [(0, 20), (100, 0), (0, 1), (70_000, 0)] {
            channels.sent(first, user, control);
        }
        channels.sent(second, 5, 0);
        let left = [19, 1, 100, 1, 69_999, 1].map(|bytes| {
            channels.released(first, bytes);
            channels.messages()
        });
        assert_eq!(left, [5, 4, 3, 2, 2, 1]);
        channels.remove(second);
        assert_eq!((channels.messages(), channels.buffered()), (0, 0));
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let mut channels = Channels::default();
        let mut create = |init| channels.create(String::new(), init).unwrap_err();
        let init = DataChannelInit::default;
        let both = DataChannelInit {
            max_retransmits: Some(1),
            max_packet_life_time_ms: Some(1),
            ..init()
        };
        assert_eq!(create(both), UsageError::TwoReliabilities);
        assert_eq!(
            create(DataChannelInit {
                negotiated: true,
                ..init()
            }),
            UsageError::IdMissing
        );
        let id = DataChannelInit {
            id: Some(65_535),
            ..init()
        };
        assert_eq!(create(id), UsageError::IdOutOfRange(65_535));
        channels
            .create(
                String::new(),
                DataChannelInit {
                    id: Some(4),
                    ..init()
                },
            )
            .unwrap();
        let taken = channels.create(
            String::new(),
            DataChannelInit {
                id: Some(4),
                ..init()
            },
        );
        assert_eq!(taken.unwrap_err(), UsageError::IdTaken(4));
    }

    #[test]
    fn every_stream_of_a_side_is_given_once_and_then_none() {
        for role in [DtlsRole::Client, DtlsRole::Server] {
            let mut channels = Channels::default();
            let mut create = || {
                let id = channels.create("x".into(), DataChannelInit::default());
                let id = id.unwrap();
                let stream = channels.assign(id, role, 65_535);
                (id, stream)
            };
            let all: Vec<_> = std::iter::from_fn(|| create().1).collect();
            let expected = if role == DtlsRole::Client {
                32_768
            } else {
                32_767
            };
            assert_eq!(all.len(), expected);
        }
    }

    #[test]
    fn a_stream_is_not_used_again_as_long_as_there_are_others_and_never_beyond_the_limit() {
        let mut channels = Channels::default();
        let mut open_and_close = || {
            let id = channels.create("x".into(), DataChannelInit::default());
            let id = id.unwrap();
            let stream = channels.assign(id, DtlsRole::Client, 6);
            channels.remove(id);
            stream
        };
        let streams: Vec<_> = (0..4).filter_map(|_| open_and_close()).collect();
        assert_eq!(streams, [0, 2, 4, 0]);
    }

    #[test]
    fn the_peer_opens_a_bounded_number_of_channels() {
        let mut channels = Channels::default();
        let open = || Open {
            ordered: true,
            priority: Default::default(),
            reliability: Reliability::Reliable,
            label: String::new(),
            protocol: String::new(),
        };
        let accepted: Vec<_> = (0..2000)
            .map_while(|n| channels.accept(open(), n))
            .collect();
        assert_eq!(accepted.len(), MAX_ACCEPTED);
        // Ours still fit, and one that goes makes room.
        channels
            .create(String::new(), DataChannelInit::default())
            .unwrap();
        channels.remove(accepted[0]);
        assert!(channels.accept(open(), 3000).is_some());
    }
}
