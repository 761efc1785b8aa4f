//! Two peers of ours, which trickle.

use std::time::{Duration, Instant};

use ieum_peer::{
    Configuration, DataChannel, DataChannelInit, Event, Events, IceCandidateInit, Interfaces,
    PeerConnection,
};
use tokio::sync::mpsc;

pub(crate) async fn connect() -> Duration {
    let (a, a_events) = peer();
    let (b, b_events) = peer();
    let channel = a
        .create_data_channel("x", DataChannelInit::default())
        .await
        .unwrap();
    let (mut from_a, _) = route(a_events);
    let (mut from_b, mut opened) = route(b_events);

    let start = Instant::now();
    let offer = a.create_offer().await.unwrap();
    a.set_local_description(offer.clone()).await.unwrap();
    b.set_remote_description(offer).await.unwrap();
    let answer = b.create_answer().await.unwrap();
    b.set_local_description(answer.clone()).await.unwrap();
    a.set_remote_description(answer).await.unwrap();
    let trickle = async {
        loop {
            tokio::select! {
                Some(candidate) = from_a.recv() => b.add_ice_candidate(candidate).await.unwrap(),
                Some(candidate) = from_b.recv() => a.add_ice_candidate(candidate).await.unwrap(),
            }
        }
    };
    let open = async {
        let (first, second) = tokio::join!(
            async {
                channel.opened().await.unwrap();
                Instant::now()
            },
            async {
                let theirs: DataChannel = opened.recv().await.unwrap();
                theirs.opened().await.unwrap();
                Instant::now()
            }
        );
        first.max(second) - start
    };
    let elapsed = tokio::select! {
        elapsed = open => elapsed,
        () = trickle => unreachable!("candidates never end"),
    };
    tokio::join!(a.close(), b.close());
    elapsed
}

fn peer() -> (PeerConnection, Events) {
    // Loopback only, as the rivals have it.
    let interfaces = Interfaces {
        ipv6: false,
        ..Interfaces::only_loopback()
    };
    PeerConnection::new(Configuration {
        interfaces,
        ..Configuration::default()
    })
    .unwrap()
}

fn route(
    mut events: Events,
) -> (
    mpsc::UnboundedReceiver<IceCandidateInit>,
    mpsc::UnboundedReceiver<DataChannel>,
) {
    let (candidates, candidate_receiver) = mpsc::unbounded_channel();
    let (channels, channel_receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            // Nobody listens any more once the run is over.
            let _ = match event {
                Event::IceCandidate(Some(candidate)) => candidates.send(candidate).is_ok(),
                Event::DataChannel(channel) => channels.send(channel).is_ok(),
                _ => true,
            };
        }
    });
    (candidate_receiver, channel_receiver)
}
