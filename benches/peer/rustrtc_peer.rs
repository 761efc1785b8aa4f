//! Two peers of `rustrtc`: candidates are in the descriptions, and `send_data` waits for room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustrtc::transports::sctp::{DataChannel, DataChannelEvent};
use rustrtc::{PeerConnection, PeerConnectionEvent, RtcConfiguration, SessionDescription};

use crate::child::Buffers;
use crate::measure::Meter;
use crate::stack::Stack;
use crate::wire::{Side, Wire};

pub(crate) struct Rustrtc {
    peers: [PeerConnection; 2],
    sender: Arc<DataChannel>,
    receiver: Arc<DataChannel>,
    _wire: Option<Arc<Wire>>,
}

impl Stack for Rustrtc {
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration) {
        let (a, b) = (peer(), peer());
        let channel = a.create_data_channel("x", None).unwrap();

        let start = Instant::now();
        let offer = a.create_offer().await.unwrap();
        a.set_local_description(offer).unwrap();
        a.wait_for_gathering_complete().await;
        let offer = described(&a, wire.as_deref(), Side::A);
        b.set_remote_description(offer).await.unwrap();
        let answer = b.create_answer().await.unwrap();
        b.set_local_description(answer).unwrap();
        b.wait_for_gathering_complete().await;
        let answer = described(&b, wire.as_deref(), Side::B);
        a.set_remote_description(answer).await.unwrap();
        let (first, (theirs, second)) = tokio::join!(opened(&channel), async {
            let theirs = loop {
                match b.recv().await.unwrap() {
                    PeerConnectionEvent::DataChannel(channel) => break channel,
                    PeerConnectionEvent::Track(_) => {}
                }
            };
            let at = opened(&theirs).await;
            (theirs, at)
        });
        let pair = Self {
            peers: [a, b],
            sender: channel,
            receiver: theirs,
            _wire: wire,
        };
        (pair, first.max(second) - start)
    }

    fn flood(&mut self, size: usize, meter: Arc<Meter>) {
        let receiver = self.receiver.clone();
        tokio::spawn(async move {
            while let Some(event) = receiver.recv().await {
                if let DataChannelEvent::Message(message) = event {
                    meter.received(message.len());
                }
            }
        });
        let (peer, channel) = (self.peers[0].clone(), self.sender.id);
        let message = vec![0x5a; size];
        tokio::spawn(async move { while peer.send_data(channel, &message).await.is_ok() {} });
    }

    async fn close(self) {
        for peer in &self.peers {
            peer.close();
        }
    }
}

fn described(peer: &PeerConnection, wire: Option<&Wire>, side: Side) -> SessionDescription {
    let description = peer.local_description().unwrap();
    let Some(wire) = wire else { return description };
    let text = wire.rewrite(side, &description.to_sdp_string());
    SessionDescription::parse(description.sdp_type, &text).unwrap()
}

async fn opened(channel: &DataChannel) -> Instant {
    loop {
        match channel.recv().await {
            Some(DataChannelEvent::Open) => return Instant::now(),
            Some(_) => {}
            None => panic!("the channel closed"),
        }
    }
}

fn peer() -> PeerConnection {
    // It cannot be given socket buffers; its windows are what it has to tune.
    let windows = Buffers::of_this_process().bytes();
    let default = RtcConfiguration::default();
    let configuration = RtcConfiguration {
        sctp_receive_window: windows.unwrap_or(default.sctp_receive_window),
        sctp_max_cwnd: windows.unwrap_or(default.sctp_max_cwnd),
        sctp_max_buffered_amount: windows.unwrap_or(default.sctp_max_buffered_amount),
        bind_ip: Some("127.0.0.1".to_owned()),
        disable_ipv6: true,
        enable_upnp: false,
        ..default
    };
    PeerConnection::new(configuration)
}
