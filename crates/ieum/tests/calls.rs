//! Two endpoints over a signaling server.

mod common;

use common::{channel, configuration, connected, delivers, endpoint, options, signaling, within};
use ieum::internals::Step;
use ieum::peer::{ConnectionState, DataChannelInit, Message};
use ieum::{CallError, Ended, Endpoint};

#[tokio::test]
async fn a_call_connects_and_carries_text_and_binary_both_ways() {
    let url = signaling().await;
    let mut callee = endpoint(&url, "callee").await;
    let caller = endpoint(&url, "caller").await;

    let mut there = caller.call("callee").await.unwrap();
    let mut here = within("the call comes in", callee.accept()).await.unwrap();
    assert_eq!((there.peer(), here.peer()), ("callee", "caller"));
    let mut a = channel(&mut there).await;
    let mut b = channel(&mut here).await;
    assert_eq!((a.label(), b.label()), ("ieum", "ieum"));
    delivers(&a, &mut b, "there").await;
    delivers(&b, &mut a, "and back").await;
    a.send(vec![7_u8; 100_000]).await.unwrap();
    assert_eq!(
        within("binary arrives", b.recv()).await,
        Some(Message::from(&[7_u8; 100_000][..]))
    );
    assert_eq!(there.state(), ConnectionState::Connected);

    for call in [&there, &here] {
        let timeline = call.recording().timeline();
        assert_eq!(timeline.missing(), None, "{timeline}");
        assert!(
            timeline.step(Step::Offer) <= timeline.step(Step::Answer),
            "{timeline}"
        );
        assert!(
            timeline.chosen().is_some() && timeline.local().host > 0,
            "{timeline}"
        );
    }

    there.close().await;
    assert_eq!(
        within("the callee sees the end", here.ended()).await,
        Ended::There
    );
    assert!(within("no more channels", here.channel()).await.is_none());
}

#[tokio::test]
async fn more_channels_can_be_opened_from_both_sides() {
    let url = signaling().await;
    let mut callee = endpoint(&url, "callee").await;
    let caller = endpoint(&url, "caller").await;
    let mut there = caller.call("callee").await.unwrap();
    let mut here = within("the call comes in", callee.accept()).await.unwrap();
    let _first = (channel(&mut there).await, channel(&mut here).await);

    let more = here
        .connection()
        .create_data_channel("more", DataChannelInit::default())
        .await
        .unwrap();
    let mut other = channel(&mut there).await;
    assert_eq!(other.label(), "more");
    within("it opens", more.opened()).await.unwrap();
    delivers(&more, &mut other, "again").await;
}

#[tokio::test]
async fn both_sides_may_call_at_once() {
    let url = signaling().await;
    let a = endpoint(&url, "a").await;
    let b = endpoint(&url, "b").await;
    within("a hears of b", knows(&a, "b")).await;
    // Both calls exist before either offer can have reached the other side.
    let (to_b, to_a) = tokio::join!(a.call("b"), b.call("a"));
    let (mut to_b, mut to_a) = (to_b.unwrap(), to_a.unwrap());
    connected(&to_b).await;
    connected(&to_a).await;
    let mut ours = channel(&mut to_b).await;
    let mut theirs = channel(&mut to_a).await;
    // Each side's first channel is the one that it opened; its other end is the second of the other side.
    let mut from_a = channel(&mut to_a).await;
    let mut from_b = channel(&mut to_b).await;
    delivers(&ours, &mut from_a, "from a").await;
    delivers(&theirs, &mut from_b, "from b").await;
    delivers(&from_a, &mut ours, "back to a").await;
    delivers(&from_b, &mut theirs, "back to b").await;
}

#[tokio::test]
async fn neither_side_needs_to_trickle() {
    let url = signaling().await;
    let quiet = |id: &str| {
        let mut options = options(&url, id);
        options.trickle = false;
        Endpoint::connect(options)
    };
    let mut callee = quiet("callee").await.unwrap();
    let caller = quiet("caller").await.unwrap();
    let mut there = caller.call("callee").await.unwrap();
    let mut here = within("the call comes in", callee.accept()).await.unwrap();
    let a = channel(&mut there).await;
    let mut b = channel(&mut here).await;
    delivers(&a, &mut b, "hello").await;
}

#[tokio::test]
async fn calls_that_cannot_be_are_refused_at_once() {
    let url = signaling().await;
    let _other = endpoint(&url, "other").await;
    let caller = endpoint(&url, "caller").await;
    match caller.call("nobody").await {
        Err(CallError::NoSuchPeer { peer, others }) => {
            assert_eq!(
                (peer.as_str(), others),
                ("nobody", vec!["other".to_owned()])
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        caller.call("caller").await,
        Err(CallError::Myself(_))
    ));
    let _call = caller.call("other").await.unwrap();
    assert!(matches!(
        caller.call("other").await,
        Err(CallError::AlreadyInCall(_))
    ));
}

#[tokio::test]
async fn a_second_endpoint_of_the_same_name_is_refused() {
    let url = signaling().await;
    let _first = endpoint(&url, "same").await;
    let second = within("an answer", Endpoint::connect(options(&url, "same"))).await;
    assert!(second.is_err_and(|error| error.to_string().contains("same")));
}

#[tokio::test]
async fn calls_beyond_the_bound_are_refused_on_both_sides() {
    let url = signaling().await;
    let mut few = options(&url, "callee");
    few.max_calls = 1;
    let mut callee = Endpoint::connect(few).await.unwrap();
    let first = endpoint(&url, "first").await;
    let second = endpoint(&url, "second").await;

    let call = first.call("callee").await.unwrap();
    let _here = within("the first call comes in", callee.accept())
        .await
        .unwrap();
    connected(&call).await;
    let refused = second.call("callee").await.unwrap();
    assert_eq!(
        within("the second ends", refused.ended()).await,
        Ended::PeerLeft
    );
    assert!(matches!(
        callee.call("second").await,
        Err(CallError::TooManyCalls(1))
    ));
}

#[tokio::test]
async fn a_connected_call_outlives_both_endpoints() {
    let url = signaling().await;
    let mut callee = endpoint(&url, "callee").await;
    let caller = endpoint(&url, "caller").await;
    let mut there = caller.call("callee").await.unwrap();
    let mut here = within("the call comes in", callee.accept()).await.unwrap();
    let a = channel(&mut there).await;
    let mut b = channel(&mut here).await;
    drop((caller, callee));
    delivers(&a, &mut b, "still there").await;
}

#[tokio::test]
async fn closing_an_endpoint_ends_its_calls() {
    let url = signaling().await;
    let mut callee = endpoint(&url, "callee").await;
    let caller = endpoint(&url, "caller").await;
    let there = caller.call("callee").await.unwrap();
    let here = within("the call comes in", callee.accept()).await.unwrap();
    connected(&there).await;
    connected(&here).await;
    within("the endpoint closes", callee.close()).await;
    assert_eq!(here.ended().await, Ended::Here);
    assert_eq!(
        within("the caller sees it", there.ended()).await,
        Ended::There
    );
}

#[tokio::test]
async fn dropping_everything_ends_every_task() {
    let url = signaling().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let mut callee = endpoint(&url, "callee").await;
    let caller = endpoint(&url, "caller").await;
    let there = caller.call("callee").await.unwrap();
    let here = within("the call comes in", callee.accept()).await.unwrap();
    connected(&there).await;
    connected(&here).await;
    let unconnected = caller.call("callee").await;
    assert!(tasks() > before);
    drop((there, here, unconnected, caller, callee));
    within("every task ends", async {
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_observer_of_the_application_is_told_too() {
    use ieum::internals::Recorder;
    use std::sync::mpsc;

    let url = signaling().await;
    let mut callee = endpoint(&url, "callee").await;
    let (give, recordings) = mpsc::channel();
    let mut observed = options(&url, "caller");
    observed.configuration = Box::new(move || {
        let (recorder, recording) = Recorder::new(std::time::Instant::now());
        give.send(recording).unwrap();
        let mut configuration = configuration();
        configuration.observer = Some(Box::new(recorder));
        configuration
    });
    let caller = Endpoint::connect(observed).await.unwrap();
    let mut there = caller.call("callee").await.unwrap();
    let _here = within("the call comes in", callee.accept()).await.unwrap();
    let _channel = channel(&mut there).await;
    assert_eq!(recordings.recv().unwrap().timeline().missing(), None);
}

/// Returns once the peer has been announced to the endpoint.
async fn knows(endpoint: &Endpoint, peer: &str) {
    loop {
        match endpoint.call("nobody").await {
            Err(CallError::NoSuchPeer { others, .. }) if others.iter().any(|id| id == peer) => {
                return;
            }
            _ => tokio::task::yield_now().await,
        }
    }
}
