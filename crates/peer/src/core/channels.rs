//! The data channels of one connection: their ids, their lives, and what waits on them (RFC 8831, RFC 8832).

use std::collections::BTreeMap;

use super::dcep::Open;
use super::dtls::DtlsRole;
use super::sctp::Reliability;
use super::{ChannelId, DataChannelInit, DataChannelState, UsageError};

/// All channels.
#[derive(Debug, Default)]
pub(super) struct Channels {
    next: u64,
    channels: BTreeMap<ChannelId, Channel>,
    streams: BTreeMap<u16, ChannelId>,
}

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) open: Open,
    pub(super) negotiated: bool,
    pub(super) stream: Option<u16>,
    pub(super) state: DataChannelState,
    /// Our OPEN has no answer yet: RFC 8832 §6, until then everything is sent in order.
    pub(super) awaits_ack: bool,
    /// User bytes that wait or are not acknowledged.
    pub(super) buffered: usize,
    /// The same for bytes that are not the user's.
    pub(super) control: usize,
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
        if self.is_full() {
            return Err(UsageError::TooManyChannels(MAX_CHANNELS));
        }
        let open = Open {
            ordered: init.ordered,
            reliability,
            label,
            protocol: init.protocol,
        };
        Ok(self.insert(open, init.negotiated, init.id))
    }

    /// A channel that the peer opened.
    pub(super) fn accept(&mut self, open: Open, stream: u16) -> Option<ChannelId> {
        (!self.is_full()).then(|| self.insert(open, false, Some(stream)))
    }

    pub(super) fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get_mut(&id)
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

    pub(super) fn ids(&self) -> Vec<ChannelId> {
        self.channels.keys().copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// User bytes of all channels that wait or are not acknowledged.
    pub(super) fn buffered(&self) -> usize {
        self.channels.values().map(|channel| channel.buffered).sum()
    }

    /// Gives a channel its stream: even ones are the DTLS client's (RFC 8832 §6). `None`: all are taken.
    pub(super) fn assign(&mut self, id: ChannelId, role: DtlsRole) -> Option<u16> {
        if let Some(stream) = self.channels.get(&id)?.stream {
            return Some(stream);
        }
        let first = if role == DtlsRole::Client { 0 } else { 1 };
        let stream = (first..=MAX_STREAM)
            .step_by(2)
            .find(|stream| !self.streams.contains_key(stream))?;
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
        Some(channel)
    }

    fn insert(&mut self, open: Open, negotiated: bool, stream: Option<u16>) -> ChannelId {
        let id = ChannelId(self.next);
        self.next += 1;
        if let Some(stream) = stream {
            self.streams.insert(stream, id);
        }
        let state = DataChannelState::Connecting;
        let (awaits_ack, buffered, control) = (false, 0, 0);
        let channel = Channel {
            open,
            negotiated,
            stream,
            state,
            awaits_ack,
            buffered,
            control,
        };
        self.channels.insert(id, channel);
        id
    }

    fn is_full(&self) -> bool {
        self.channels.len() >= MAX_CHANNELS
    }
}

impl Channel {
    /// SCTP gave up or delivered so many bytes: how many of them were the user's.
    pub(super) fn release(&mut self, bytes: usize) -> usize {
        let control = bytes.min(self.control);
        self.control -= control;
        let user = (bytes - control).min(self.buffered);
        self.buffered -= user;
        user
    }
}

/// RFC 8832 §5.1: their lengths have 16 bits.
const MAX_NAME: usize = 65_535;
/// RFC 8831 §6.2: 65535 is not a stream.
const MAX_STREAM: u16 = 65_534;
/// Channels of one connection. The peer's count too, and each costs memory.
const MAX_CHANNELS: usize = 1024;

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
                channels.assign(id, role).unwrap()
            });
            assert_eq!(streams, expected);
        }
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
}
