//! What data channels promise, on networks that lose, delay, reorder and repeat.

use ieum_netsim::Wire;

use super::*;
use crate::core::sctp::Reliability;
use crate::core::{ChannelError, Priority};

/// Everything that a network does to packets.
fn rough(loss: f64, delay_ms: u64) -> Wire {
    let delay = Duration::from_millis(delay_ms);
    Wire {
        reordering: 0.05,
        duplication: 0.02,
        jitter: delay / 4,
        ..Wire::from(Link { delay, loss })
    }
}

/// Connected over a good network, which then becomes this one.
fn connected(seed: u64, wire: impl Into<Wire>) -> Pair {
    let mut pair = Pair::new(seed, LAN);
    pair.connect();
    pair.network.set_link(wire);
    pair
}

impl Pair {
    /// A channel of `a`, and of `b` the one that was opened for it.
    fn open(&mut self, init: DataChannelInit) -> (ChannelId, ChannelId) {
        let now = self.network.now();
        let ours = self.a().core.create_data_channel(now, "more".into(), init);
        let ours = ours.unwrap();
        let (before, b) = (self.b().open.len(), self.b);
        let opened = |network: &mut Network<Side>| network.node(b).open.len() > before;
        assert!(self.network.run_until(Duration::from_secs(60), opened));
        (ours, self.b().open[before])
    }

    fn both_closed(&mut self, count: usize) -> bool {
        let (a, b) = (self.a, self.b);
        self.network.run_until(Duration::from_secs(120), |network| {
            network.node(a).closed.len() >= count && network.node(b).closed.len() >= count
        })
    }
}

/// The messages of a test: each names its place.
fn message(number: u32, len: usize) -> Message {
    let mut bytes = vec![number as u8; len.max(4)];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Message::Binary(bytes.into())
}

fn numbers(received: &[Message]) -> Vec<u32> {
    let number = |message: &Message| match message {
        Message::Binary(bytes) => u32::from_be_bytes(bytes[..4].try_into().unwrap()),
        Message::Text(text) => panic!("a text: {text}"),
    };
    received.iter().map(number).collect()
}

#[test]
fn every_option_reaches_the_peer() {
    let mut pair = connected(1, LAN);
    let init = DataChannelInit {
        ordered: false,
        max_packet_life_time_ms: Some(250),
        protocol: "chess".into(),
        priority: Priority::High,
        ..DataChannelInit::default()
    };
    let (ours, theirs) = pair.open(init);
    let (ours, theirs) = (
        pair.a().core.channel(ours).unwrap(),
        pair.b().core.channel(theirs).unwrap(),
    );
    assert_eq!(ours, theirs);
    assert_eq!(theirs.reliability, Reliability::LifetimeMs(250));
    assert_eq!((theirs.protocol.as_str(), theirs.ordered), ("chess", false));
    assert_eq!(
        (theirs.priority, theirs.negotiated),
        (Priority::High, false)
    );
}

#[test]
fn partial_reliability_loses_some_repeats_none_and_gives_every_byte_back() {
    let retransmits = DataChannelInit {
        max_retransmits: Some(0),
        ..DataChannelInit::default()
    };
    let life_time = DataChannelInit {
        max_packet_life_time_ms: Some(30),
        ..DataChannelInit::default()
    };
    for init in [retransmits, life_time] {
        for ordered in [true, false] {
            let mut pair = connected(7, rough(0.0, 20));
            let (ours, _) = pair.open(DataChannelInit {
                ordered,
                ..init.clone()
            });
            pair.network.run_for(Duration::from_secs(1));
            pair.network.set_link(rough(0.1, 20));
            for number in 0..200 {
                let now = pair.network.now();
                pair.a()
                    .core
                    .send(now, ours, message(number, 1000))
                    .unwrap();
                pair.network.run_for(Duration::from_millis(20));
            }
            let a = pair.a;
            let released =
                |network: &mut Network<Side>| network.node(a).core.buffered_amount() == 0;
            assert!(
                pair.network.run_until(Duration::from_secs(60), released),
                "{init:?}"
            );
            let mut arrived = numbers(&pair.b().received);
            assert!(
                (100..200).contains(&arrived.len()),
                "{}: {init:?}",
                arrived.len()
            );
            if !ordered {
                arrived.sort_unstable();
            }
            assert!(
                arrived.is_sorted_by(|a, b| a < b),
                "{ordered}, {init:?}: {arrived:?}"
            );
            // What is reliable beside it is not touched.
            pair.b().received.clear();
            pair.network.set_link(LAN);
            let now = pair.network.now();
            let reliable = pair.channel;
            pair.a().core.send(now, reliable, message(1, 9)).unwrap();
            pair.network.run_for(Duration::from_secs(5));
            assert_eq!(numbers(&pair.b().received), [1]);
        }
    }
}

#[test]
fn all_that_was_sent_before_a_close_arrives_though_the_other_side_closes_at_the_same_time() {
    for seed in 0..10 {
        let mut pair = connected(seed, rough(0.05, 10));
        let (now, channel) = (pair.network.now(), pair.channel);
        for number in 0..50 {
            pair.a()
                .core
                .send(now, channel, message(number, 3000))
                .unwrap();
        }
        pair.a().core.close_channel(now, channel);
        assert!(pair.both_closed(1), "seed {seed}");
        assert_eq!(numbers(&pair.b().received), (0..50).collect::<Vec<_>>());

        // Both at once: what each sent, the other does not want any more; nothing is left behind.
        let (ours, theirs) = pair.open(DataChannelInit::default());
        let now = pair.network.now();
        for number in 0..50 {
            pair.a()
                .core
                .send(now, ours, message(number, 3000))
                .unwrap();
            pair.b()
                .core
                .send(now, theirs, message(number, 3000))
                .unwrap();
        }
        pair.a().core.close_channel(now, ours);
        pair.b().core.close_channel(now, theirs);
        assert!(pair.both_closed(2), "seed {seed}");
        assert_eq!(pair.a().core.connection_state(), ConnectionState::Connected);
    }
}

#[test]
fn what_the_other_side_had_queued_when_a_channel_was_closed_never_reaches_the_next_on_its_stream() {
    let init = || DataChannelInit {
        negotiated: true,
        id: Some(100),
        ..DataChannelInit::default()
    };
    let mut pair = connected(3, LAN);
    pair.network.run_for(Duration::from_secs(1));
    // Together more than the window, which would be shut for ever if any of it were kept.
    for round in 1..=4 {
        let now = pair.network.now();
        let ours = pair.a().core.create_data_channel(now, "n".into(), init());
        let theirs = pair.b().core.create_data_channel(now, "n".into(), init());
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        pair.a().core.send(now, ours, message(round, 10)).unwrap();
        pair.network.run_for(Duration::from_secs(1));
        assert_eq!(numbers(&pair.b().received), [round]);
        let now = pair.network.now();
        for number in 0..10 {
            pair.b()
                .core
                .send(now, theirs, message(number, 200_000))
                .unwrap();
        }
        pair.network.run_for(Duration::from_millis(30));
        let now = pair.network.now();
        pair.a().core.close_channel(now, ours);
        assert!(pair.both_closed(round as usize), "round {round}");
        assert_eq!(pair.b().core.buffered_amount(), 0);
        pair.b().received.clear();
    }
    pair.a().received.clear();
    pair.exchange();
}

#[test]
fn the_side_that_does_not_close_is_told_at_once_and_sends_nothing_more() {
    let mut pair = connected(1, LAN);
    let (ours, theirs) = pair.open(DataChannelInit::default());
    pair.network.run_for(Duration::from_secs(1));
    let now = pair.network.now();
    for number in 0..20 {
        pair.b()
            .core
            .send(now, theirs, message(number, 100_000))
            .unwrap();
    }
    pair.a().core.close_channel(now, ours);
    pair.network.run_for(Duration::from_millis(15));
    let state = pair.b().core.channel(theirs).map(|channel| channel.state);
    assert_eq!(state, Some(DataChannelState::Closing));
    let now = pair.network.now();
    let refused = pair.b().core.send(now, theirs, "more".into()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "InvalidStateError: the data channel is closing"
    );
    assert!(pair.both_closed(1));
}

#[test]
fn a_message_over_the_limit_is_refused_and_nothing_of_it_is_sent() {
    let mut pair = connected(1, LAN);
    let (now, channel) = (pair.network.now(), pair.channel);
    let max = pair.a().core.max_message_size();
    let sent = pair.network.statistics().sent;
    let refused = pair
        .a()
        .core
        .send(now, channel, message(0, max + 1))
        .unwrap_err();
    assert!(refused.to_string().starts_with("TypeError"), "{refused}");
    assert_eq!(pair.a().core.buffered_amount(), 0);
    pair.network.run_for(Duration::from_millis(1));
    assert_eq!(pair.network.statistics().sent, sent);
    pair.a().core.send(now, channel, message(1, max)).unwrap();
    assert_eq!(pair.a().core.buffered_amount(), max);
    pair.network.run_for(Duration::from_secs(5));
    assert_eq!(numbers(&pair.b().received), [1]);
    assert_eq!(pair.a().core.buffered_amount(), 0);
}

/// `a` sends so many bytes as one message, whatever `b` allows.
fn send_oversized(pair: &mut Pair, len: usize) {
    let (now, channel) = (pair.network.now(), pair.channel);
    let stream = pair.a().core.channel(channel).unwrap().stream.unwrap();
    let part = Part {
        ppid: Ppid::Binary,
        bytes: vec![0; len].into(),
        last: true,
    };
    let sctp = pair.a().core.transport.sctp().unwrap();
    assert!(sctp.write(now, stream, part));
}

#[test]
fn a_peer_that_sends_more_than_it_may_loses_its_channel_and_only_that() {
    let mut pair = connected(1, LAN);
    send_oversized(&mut pair, 300_000);
    assert!(pair.both_closed(1));
    assert!(pair.b().received.is_empty());
    assert_eq!(
        pair.b().core.counters().ignored(Ignored::MessageTooLarge),
        1
    );
    assert_eq!(pair.b().failed, [ChannelError::MessageTooLarge]);
    let (ours, _) = pair.open(DataChannelInit::default());
    let now = pair.network.now();
    pair.a().core.send(now, ours, message(1, 9)).unwrap();
    pair.network.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&pair.b().received), [1]);
}

#[test]
fn a_message_without_end_ends_the_association_before_it_fills_the_memory() {
    let mut pair = connected(1, LAN);
    send_oversized(&mut pair, 64 * 1024 * 1024);
    let (b, before) = (pair.b, pair.network.statistics().delivered);
    let lost = |network: &mut Network<Side>| !network.node(b).closed.is_empty();
    assert!(pair.network.run_until(Duration::from_secs(3000), lost));
    assert_eq!(pair.b().failed, [ChannelError::Sctp]);
    // Window and as much again, in packets of some 1,150 bytes and their acknowledgements.
    let delivered = pair.network.statistics().delivered - before;
    assert!(delivered < 40_000, "{delivered}");
}

#[test]
fn packets_that_are_replayed_say_nothing_twice() {
    let wire = Wire {
        duplication: 1.0,
        ..LAN.into()
    };
    let mut pair = connected(1, wire);
    let (now, channel) = (pair.network.now(), pair.channel);
    for number in 0..20 {
        pair.a()
            .core
            .send(now, channel, message(number, 2000))
            .unwrap();
    }
    pair.network.run_for(Duration::from_secs(5));
    assert_eq!(numbers(&pair.b().received), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_hundred_channels_at_once_each_have_their_own_messages() {
    let mut pair = connected(1, LAN);
    let now = pair.network.now();
    let channels: Vec<_> = (0..100)
        .map(|n: u32| {
            let init = DataChannelInit::default();
            let channel = pair.a().core.create_data_channel(now, n.to_string(), init);
            let channel = channel.unwrap();
            pair.a().core.send(now, channel, message(n, 3000)).unwrap();
            channel
        })
        .collect();
    pair.network.run_for(Duration::from_secs(5));
    let mut arrived = numbers(&pair.b().received);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..100).collect::<Vec<_>>());
    let streams: Vec<_> = channels
        .iter()
        .map(|channel| pair.a().core.channel(*channel).unwrap().stream.unwrap())
        .collect();
    assert!(streams.iter().all(|stream| stream % 2 == streams[0] % 2));
    let now = pair.network.now();
    for channel in channels {
        pair.a().core.close_channel(now, channel);
    }
    assert!(pair.both_closed(100));
}

#[test]
fn a_path_that_is_silent_for_a_while_delays_the_transfer_and_loses_nothing() {
    for seed in 0..10 {
        let mut pair = connected(seed, LAN);
        let (now, channel) = (pair.network.now(), pair.channel);
        for number in 0..100 {
            pair.a()
                .core
                .send(now, channel, message(number, 10_000))
                .unwrap();
        }
        pair.network.run_for(Duration::from_millis(60));
        pair.network.set_link(Link { loss: 1.0, ..LAN });
        pair.network.run_for(Duration::from_secs(8));
        pair.network.set_link(LAN);
        let b = pair.b;
        let all = |network: &mut Network<Side>| network.node(b).received.len() >= 100;
        assert!(
            pair.network.run_until(Duration::from_secs(120), all),
            "seed {seed}"
        );
        assert_eq!(numbers(&pair.b().received), (0..100).collect::<Vec<_>>());
    }
}

#[test]
fn a_channel_is_told_apart_from_one_that_is_not_open() {
    let mut side = Side::new(1, "192.0.2.1:1");
    let now = Instant::now();
    let init = DataChannelInit::default();
    let channel = side
        .core
        .create_data_channel(now, "x".to_owned(), init)
        .unwrap();
    let error = side.core.send(now, channel, "early".into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "InvalidStateError: the data channel is connecting"
    );
    assert_eq!(
        side.core.channel(channel).unwrap().state,
        DataChannelState::Connecting
    );
    assert_eq!(side.core.poll_event(), Some(Event::NegotiationNeeded));
    // Nothing wakes up for nothing.
    assert_eq!(side.core.poll_timeout(), None);
}
