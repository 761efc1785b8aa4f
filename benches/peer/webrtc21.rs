//! Two peers of `webrtc` 0.21, which trickle; its send buffer is bounded, which is faster than to wait for its events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent,
};
use webrtc::runtime::default_runtime;

use crate::measure::Meter;
use crate::stack::Stack;
use crate::wire::{Side, Wire};

type Channel = Arc<dyn DataChannel>;

pub(crate) struct Webrtc {
    peers: [Arc<dyn PeerConnection>; 2],
    sender: Channel,
    receiver: Channel,
    _wire: Option<Arc<Wire>>,
}

impl Stack for Webrtc {
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration) {
        let (a, mut from_a, _a_channels) = peer(wire.clone(), Side::A).await;
        let (b, mut from_b, mut b_channels) = peer(wire.clone(), Side::B).await;
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
            let (first, (theirs, second)) = tokio::join!(opened(&channel), async {
                let theirs = b_channels.recv().await.unwrap();
                let at = opened(&theirs).await;
                (theirs, at)
            });
            (theirs, first.max(second) - start)
        };
        let (theirs, elapsed) = tokio::select! {
            opened = open => opened,
            () = trickle => unreachable!("candidates never end"),
        };
        let pair = Self {
            peers: [a, b],
            sender: channel,
            receiver: theirs,
            _wire: wire,
        };
        (pair, elapsed)
    }

    fn flood(&mut self, size: usize, meter: Arc<Meter>) {
        let receiver = self.receiver.clone();
        tokio::spawn(async move {
            while let Some(event) = receiver.poll().await {
                if let DataChannelEvent::OnMessage(message) = event {
                    meter.received(message.data.len());
                }
            }
        });
        let sender = self.sender.clone();
        let message = vec![0x5a; size];
        tokio::spawn(async move {
            while sender.send(BytesMut::from(&message[..])).await.is_ok() {}
        });
    }

    async fn close(self) {
        let [a, b] = &self.peers;
        let _ = tokio::join!(a.close(), b.close());
    }
}

struct Handler {
    wire: Option<Arc<Wire>>,
    side: Side,
    candidates: mpsc::UnboundedSender<RTCIceCandidateInit>,
    channels: mpsc::UnboundedSender<Channel>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(mut init) = event.candidate.to_json() else {
            return;
        };
        if let Some(wire) = &self.wire {
            init.candidate = wire.rewrite(self.side, &init.candidate);
        }
        let _ = self.candidates.send(init);
    }

    async fn on_data_channel(&self, channel: Channel) {
        let _ = self.channels.send(channel);
    }
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

async fn peer(wire: Option<Arc<Wire>>, side: Side) -> Peer {
    let (candidates, candidate_receiver) = mpsc::unbounded_channel();
    let (channels, channel_receiver) = mpsc::unbounded_channel();
    let handler = Handler {
        wire,
        side,
        candidates,
        channels,
    };
    let builder = PeerConnectionBuilder::new()
        .with_handler(Arc::new(handler))
        .with_runtime(default_runtime().unwrap())
        .with_udp_addrs(vec!["127.0.0.1:0".to_string()])
        .with_data_channel_send_buffer_limit(SEND_BUFFER);
    let peer = builder.build().await.unwrap();
    (Arc::new(peer), candidate_receiver, channel_receiver)
}

const SEND_BUFFER: usize = 2 * 1024 * 1024;
