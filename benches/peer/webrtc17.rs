//! Two peers of `webrtc` 0.17, which trickle; sending pauses above 1 MiB until its low threshold of 512 KiB is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use webrtc17::api::setting_engine::SettingEngine;
use webrtc17::api::{API, APIBuilder};
use webrtc17::data_channel::RTCDataChannel;
use webrtc17::data_channel::data_channel_message::DataChannelMessage;
use webrtc17::ice::mdns::MulticastDnsMode;
use webrtc17::ice::network_type::NetworkType;
use webrtc17::ice_transport::ice_candidate::RTCIceCandidateInit;
use webrtc17::peer_connection::RTCPeerConnection;
use webrtc17::peer_connection::configuration::RTCConfiguration;

use crate::measure::Meter;
use crate::stack::Stack;
use crate::wire::{Side, Wire};

pub(crate) struct Webrtc {
    peers: [Arc<RTCPeerConnection>; 2],
    sender: Arc<RTCDataChannel>,
    receiver: Arc<RTCDataChannel>,
    _wire: Option<Arc<Wire>>,
}

impl Stack for Webrtc {
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration) {
        // The workspace has both of rustls' providers, so that it does not choose by itself.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let api = api();
        let (a, mut from_a) = peer(&api, wire.clone(), Side::A).await;
        let (b, mut from_b) = peer(&api, wire.clone(), Side::B).await;
        let mut theirs = accept(&b);
        let channel = a.create_data_channel("x", None).await.unwrap();
        let (open, mut opened) = mpsc::unbounded_channel();
        channel.on_open(Box::new(move || {
            let _ = open.send(Instant::now());
            Box::pin(async {})
        }));

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
        let open = async { tokio::join!(opened.recv(), theirs.recv()) };
        let (first, second) = tokio::select! {
            opened = open => opened,
            () = trickle => unreachable!("candidates never end"),
        };
        let (receiver, second) = second.unwrap();
        let elapsed = first.unwrap().max(second) - start;
        let pair = Self {
            peers: [a, b],
            sender: channel,
            receiver,
            _wire: wire,
        };
        (pair, elapsed)
    }

    fn flood(&mut self, size: usize, meter: Arc<Meter>) {
        self.receiver
            .on_message(Box::new(move |message: DataChannelMessage| {
                meter.received(message.data.len());
                Box::pin(async {})
            }));
        let sender = self.sender.clone();
        let message = Bytes::from(vec![0x5a; size]);
        tokio::spawn(async move {
            let low = Arc::new(Notify::new());
            let told = low.clone();
            sender.set_buffered_amount_low_threshold(LOW).await;
            let tell = move || -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
                told.notify_one();
                Box::pin(async {})
            };
            sender.on_buffered_amount_low(Box::new(tell)).await;
            while sender.send(&message).await.is_ok() {
                if sender.buffered_amount().await > HIGH {
                    // It may have fallen before it was asked for.
                    let _ = tokio::time::timeout(PATIENCE, low.notified()).await;
                }
            }
        });
    }

    async fn close(self) {
        let [a, b] = &self.peers;
        let _ = tokio::join!(a.close(), b.close());
    }
}

/// The channels that a peer accepts, once they are open.
fn accept(peer: &RTCPeerConnection) -> mpsc::UnboundedReceiver<(Arc<RTCDataChannel>, Instant)> {
    let (channels, accepted) = mpsc::unbounded_channel();
    peer.on_data_channel(Box::new(move |channel| {
        let channels = channels.clone();
        Box::pin(async move {
            let opened = channel.clone();
            channel.on_open(Box::new(move || {
                let _ = channels.send((opened, Instant::now()));
                Box::pin(async {})
            }));
        })
    }));
    accepted
}

async fn peer(
    api: &API,
    wire: Option<Arc<Wire>>,
    side: Side,
) -> (
    Arc<RTCPeerConnection>,
    mpsc::UnboundedReceiver<RTCIceCandidateInit>,
) {
    let peer = api.new_peer_connection(RTCConfiguration::default());
    let peer = Arc::new(peer.await.unwrap());
    let (candidates, receiver) = mpsc::unbounded_channel();
    peer.on_ice_candidate(Box::new(move |candidate| {
        if let Some(Ok(mut init)) = candidate.map(|candidate| candidate.to_json()) {
            if let Some(wire) = &wire {
                init.candidate = wire.rewrite(side, &init.candidate);
            }
            let _ = candidates.send(init);
        }
        Box::pin(async {})
    }));
    (peer, receiver)
}

/// Loopback only, without multicast DNS.
fn api() -> API {
    let mut settings = SettingEngine::default();
    settings.set_include_loopback_candidate(true);
    settings.set_interface_filter(Box::new(|name| name == "lo"));
    settings.set_network_types(vec![NetworkType::Udp4]);
    settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
    APIBuilder::new().with_setting_engine(settings).build()
}

const LOW: usize = 512 * 1024;
const HIGH: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_millis(200);
