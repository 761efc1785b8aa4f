//! Two peers of ours, which trickle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ieum_peer::{
    Configuration, DataChannel, DataChannelInit, DataSender, Event, Events, IceCandidateInit,
    Interfaces, PeerConnection,
};
use tokio::sync::mpsc;

use crate::child::Buffers;
use crate::measure::Meter;
use crate::stack::Stack;
use crate::wire::{Side, Wire};

pub(crate) struct Ours {
    peers: [PeerConnection; 2],
    sender: DataSender,
    receiver: Option<DataChannel>,
    /// Held, so that it stays open.
    _channel: DataChannel,
    _wire: Option<Arc<Wire>>,
}

impl Stack for Ours {
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration) {
        let (a, a_events) = peer();
        let (b, b_events) = peer();
        let channel = a.create_data_channel("x", DataChannelInit::default());
        let channel = channel.await.unwrap();
        let (mut from_a, _) = route(a_events, wire.clone(), Side::A);
        let (mut from_b, mut opened) = route(b_events, wire.clone(), Side::B);

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
                    else => std::future::pending().await,
                }
            }
        };
        let open = async {
            let (first, (theirs, second)) = tokio::join!(
                async {
                    channel.opened().await.unwrap();
                    Instant::now()
                },
                async {
                    let theirs: DataChannel = opened.recv().await.unwrap();
                    theirs.opened().await.unwrap();
                    (theirs, Instant::now())
                }
            );
            (theirs, first.max(second) - start)
        };
        let (theirs, elapsed) = tokio::select! {
            opened = open => opened,
            () = trickle => unreachable!("candidates never end"),
        };
        let pair = Self {
            peers: [a, b],
            sender: channel.sender(),
            receiver: Some(theirs),
            _channel: channel,
            _wire: wire,
        };
        (pair, elapsed)
    }

    fn flood(&mut self, size: usize, meter: Arc<Meter>) {
        let mut receiver = self.receiver.take().unwrap();
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                meter.received(message.len());
            }
        });
        let sender = self.sender.clone();
        let message = Bytes::from(vec![0x5a; size]);
        tokio::spawn(async move { while sender.send(message.clone()).await.is_ok() {} });
    }

    async fn close(self) {
        let [a, b] = &self.peers;
        tokio::join!(a.close(), b.close());
    }
}

fn peer() -> (PeerConnection, Events) {
    // Loopback only, as the rivals have it.
    let interfaces = Interfaces {
        ipv6: false,
        ..Interfaces::only_loopback()
    };
    PeerConnection::new(Configuration {
        interfaces,
        socket_buffers: Buffers::of_this_process().bytes(),
        ..Configuration::default()
    })
    .unwrap()
}

type Candidates = mpsc::UnboundedReceiver<IceCandidateInit>;

fn route(
    mut events: Events,
    wire: Option<Arc<Wire>>,
    side: Side,
) -> (Candidates, mpsc::UnboundedReceiver<DataChannel>) {
    let (candidates, candidate_receiver) = mpsc::unbounded_channel();
    let (channels, channel_receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            // Nobody listens any more once the channel is open.
            let _ = match event {
                Event::IceCandidate(Some(mut init)) => {
                    if let Some(wire) = &wire {
                        init.candidate = wire.rewrite(side, &init.candidate);
                    }
                    candidates.send(init).is_ok()
                }
                Event::DataChannel(channel) => channels.send(channel).is_ok(),
                _ => true,
            };
        }
    });
    (candidate_receiver, channel_receiver)
}
