//! Channels that compete (RFC 8831 §6.4): each gets its share, none starves, and what is urgent overtakes.

use super::*;
use crate::core::Priority;

const ALL: [Priority; 4] = [
    Priority::VeryLow,
    Priority::Low,
    Priority::Medium,
    Priority::High,
];

/// A path on which a transfer takes its time.
const SLOW: Link = Link {
    delay: Duration::from_millis(20),
    loss: 0.0,
};

/// One channel of `a` for each priority, and what they are at `b`.
fn ranked() -> (Pair, [[ChannelId; 4]; 2]) {
    let mut pair = Pair::new(5, SLOW);
    pair.connect();
    let ours = ALL.map(|priority| {
        let init = DataChannelInit {
            priority,
            ..DataChannelInit::default()
        };
        let now = pair.network.now();
        let created = pair.a().core.create_data_channel(now, "r".into(), init);
        created.unwrap()
    });
    pair.network.run_for(Duration::from_secs(1));
    let all = pair.b().open.clone();
    let theirs = ALL.map(|priority| {
        let is = |id: &&ChannelId| pair.b().core.channel(**id).unwrap().priority == priority;
        *all.iter().skip(1).find(is).expect("told by DCEP")
    });
    (pair, [ours, theirs])
}

/// A message that says which channel it is of.
fn message(of: usize, len: usize) -> Message {
    Message::Binary(vec![of as u8; len].into())
}

/// Bytes that have arrived of each.
fn arrived(side: &Side) -> [usize; 4] {
    let mut bytes = [0; 4];
    for message in &side.received {
        let Message::Binary(message) = message else {
            panic!("a text")
        };
        bytes[usize::from(message[0])] += message.len();
    }
    bytes
}

#[test]
fn channels_that_compete_send_as_their_priorities_say_in_both_directions() {
    let (mut pair, channels) = ranked();
    let now = pair.network.now();
    const TOTAL: usize = 4_000_000;
    // Whatever their sizes, and though the lowest were first.
    let lens = [16_384, 1000, 5000, 60_000];
    for (of, len) in lens.into_iter().enumerate() {
        for _ in 0..TOTAL / len {
            let [ours, theirs] = channels.map(|all| all[of]);
            pair.a().core.send(now, ours, message(of, len)).unwrap();
            pair.b().core.send(now, theirs, message(of, len)).unwrap();
        }
    }
    let (a, b) = (pair.a, pair.b);
    let nodes = [a, b];
    let mut arrive = |total: usize| {
        let enough = |network: &mut Network<Side>| {
            let of = |node: &NodeId| arrived(network.node(*node)).iter().sum::<usize>();
            nodes.iter().all(|node| of(node) > total)
        };
        assert!(pair.network.run_until(Duration::from_secs(600), enough));
        nodes.map(|node| arrived(pair.network.node(node)))
    };
    // What the library had ahead when they began to compete is past then; and none is through at the end.
    let (first, last) = (arrive(TOTAL / 4), arrive(TOTAL));
    for (first, last) in first.into_iter().zip(last) {
        assert!(last.iter().all(|bytes| *bytes < TOTAL * 9 / 10), "{last:?}");
        let unit = last.iter().sum::<usize>() - first.iter().sum::<usize>();
        for (of, share) in [1.0, 2.0, 4.0, 8.0].into_iter().enumerate() {
            let off = (last[of] - first[of]) as f64 / (unit as f64 / 15.0 * share);
            assert!((0.8..1.2).contains(&off), "{off}: {share} of 15");
        }
    }
    // And in the end everything is there.
    pair.network.run_for(Duration::from_secs(600));
    for node in [a, b] {
        let sent = lens.map(|len| TOTAL / len * len);
        assert_eq!(arrived(pair.network.node(node)), sent);
    }
}

#[test]
fn an_urgent_message_overtakes_a_long_queue_of_a_lower_priority() {
    let (mut pair, [ours, _]) = ranked();
    let now = pair.network.now();
    for _ in 0..1000 {
        let bulk = message(0, 16_384);
        pair.a().core.send(now, ours[0], bulk).unwrap();
    }
    pair.network.run_for(Duration::from_millis(200));
    let before = arrived(pair.b());
    assert!(before[0] < 8_000_000, "the queue is still long: {before:?}");
    let now = pair.network.now();
    pair.a().core.send(now, ours[3], message(3, 10)).unwrap();
    let b = pair.b;
    let urgent = |network: &mut Network<Side>| arrived(network.node(b))[3] == 10;
    // What is in flight already, and what the library has ahead, takes two round trips.
    assert!(pair.network.run_until(2 * SLOW.delay * 3, urgent));
    let overtaken = 16_384_000 - arrived(pair.b())[0];
    assert!(overtaken > 8_000_000, "{overtaken}");
}

#[test]
fn a_message_that_is_too_old_when_its_turn_comes_is_not_sent_and_is_told_released() {
    let (mut pair, [ours, _]) = ranked();
    let init = DataChannelInit {
        max_packet_life_time_ms: Some(100),
        priority: Priority::VeryLow,
        ..DataChannelInit::default()
    };
    let now = pair.network.now();
    let old = pair.a().core.create_data_channel(now, "o".into(), init);
    let old = old.unwrap();
    pair.network.run_for(Duration::from_secs(1));
    let now = pair.network.now();
    for _ in 0..200 {
        let bulk = message(3, 16_384);
        pair.a().core.send(now, ours[3], bulk).unwrap();
    }
    for _ in 0..100 {
        pair.a().core.send(now, old, message(0, 16_384)).unwrap();
    }
    pair.network.run_for(Duration::from_secs(600));
    let [late, .., bulk] = arrived(pair.b());
    assert_eq!(bulk, 16_384 * 200);
    assert!(late < 16_384 * 30, "{late}");
    assert_eq!(pair.a().core.buffered_amount(), 0);
}
