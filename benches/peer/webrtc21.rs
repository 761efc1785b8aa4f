//! Two peers of `webrtc`, which trickle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent,
};
use webrtc::runtime::default_runtime;

type Channel = Arc<dyn DataChannel>;

struct Handler {
    candidates: mpsc::UnboundedSender<RTCIceCandidateInit>,
    channels: mpsc::UnboundedSender<Channel>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json() {
            let _ = self.candidates.send(init);
        }
    }

    async fn on_data_channel(&self, channel: Channel) {
        let _ = self.channels.send(channel);
    }
}

pub(crate) async fn connect() -> Duration {
    let (a, mut from_a, _a_channels) = peer().await;
    let (b, mut from_b, mut b_channels) = peer().await;
    let channel = a.create_data_channel("x", None).await.unwrap();

    let start = Instant::now();
    let offer = a.create_offer(None).await.unwrap();
    a.set_local_description(offer.clone()).await.unwrap();
    b.set_remote_description(offer).await.unwrap();
    let answer = b.create_answer(None).await.unwrap();
    b.set_local_description(answer.clone()).await.unwrap();
    a.set_remote_description(answer).await.unwrap();
    let trickle = async {
        loop {
            let _ = tokio::select! {
                Some(candidate) = from_a.recv() => b.add_ice_candidate(candidate).await,
                Some(candidate) = from_b.recv() => a.add_ice_candidate(candidate).await,
            };
        }
    };
    let open = async {
        let (first, second) = tokio::join!(opened(&channel), async {
            let theirs = b_channels.recv().await.unwrap();
            opened(&theirs).await
        });
        first.max(second) - start
    };
    let elapsed = tokio::select! {
        elapsed = open => elapsed,
        () = trickle => unreachable!("candidates never end"),
    };
    let _ = tokio::join!(a.close(), b.close());
    elapsed
}

async fn opened(channel: &Channel) -> Instant {
    loop {
        match channel.poll().await {
            Some(DataChannelEvent::OnOpen) => return Instant::now(),
            Some(_) => {}
            None => panic!("the channel closed"),
        }
    }
}

type Peer = (
    Arc<dyn PeerConnection>,
    mpsc::UnboundedReceiver<RTCIceCandidateInit>,
    mpsc::UnboundedReceiver<Channel>,
);

async fn peer() -> Peer {
    let (candidates, candidate_receiver) = mpsc::unbounded_channel();
    let (channels, channel_receiver) = mpsc::unbounded_channel();
    let peer = PeerConnectionBuilder::new()
        .with_handler(Arc::new(Handler {
            candidates,
            channels,
        }))
        .with_runtime(default_runtime().unwrap())
        .with_udp_addrs(vec!["127.0.0.1:0".to_string()])
        .build()
        .await
        .unwrap();
    (Arc::new(peer), candidate_receiver, channel_receiver)
}
