//! How channels and connections close, and what was sent before they do.

use super::*;

#[test]
fn a_message_that_crosses_a_close_does_not_keep_the_channel_from_closing() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    pair.network.run_for(Duration::from_secs(1));
    let now = pair.network.now();
    let (channel, theirs) = (pair.channel, pair.b().open[0]);
    pair.a().core.close_channel(now, channel);
    for _ in 0..3 {
        pair.b().core.send(now, theirs, "too late".into()).unwrap();
    }
    pair.network.run_for(Duration::from_secs(5));
    assert_eq!((pair.a().closed.len(), pair.b().closed.len()), (1, 1));
    assert_eq!(pair.a().core.channel(channel), None);
    assert_eq!(pair.a().core.connection_state(), ConnectionState::Connected);
}

#[test]
fn closing_waits_for_what_was_sent_and_then_tells_the_peer() {
    for seed in 0..5 {
        let mut pair = Pair::new(seed, Link { loss: 0.05, ..LAN });
        pair.connect();
        let (now, channel) = (pair.network.now(), pair.channel);
        for n in 0..50u8 {
            pair.a()
                .core
                .send(now, channel, Message::Binary(vec![n; 5000].into()))
                .unwrap();
        }
        pair.a().core.close(now);
        assert_ne!(pair.a().core.signaling_state(), SignalingState::Closed);
        let a = pair.a;
        let closed = |network: &mut Network<Side>| network.node(a).core.is_closed();
        assert!(pair.network.run_until(Duration::from_secs(60), closed));
        assert_eq!(pair.b().received.len(), 50, "seed {seed}");
        assert_eq!(pair.a().core.poll_timeout(), None);
    }
}
