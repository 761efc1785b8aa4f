//! A peer of `webrtc` 0.21 for data channels, one operation a line: `partners/data_w3c.mjs` says which.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use ieum_interop::data::{self, Digest};
use serde_json::{Value, json};
use tokio::sync::Notify;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCSessionDescription,
};

#[tokio::main]
async fn main() {
    let commands = data::commands();
    let mut peer = Peer::new().await;
    while let Ok(command) = tokio::task::block_in_place(|| commands.recv()) {
        if command["op"] == "new" {
            peer = Peer::new().await;
        }
        data::reply(peer.operate(&command).await);
    }
}

struct Peer {
    connection: Arc<dyn PeerConnection>,
    seen: Arc<Seen>,
}

/// What the connection has told.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    gathered: bool,
    candidates: Vec<Value>,
    channels: HashMap<String, Channel>,
}

struct Channel {
    handle: Arc<dyn DataChannel>,
    open: bool,
    closed: bool,
    messages: Vec<Digest>,
}

impl Seen {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("nobody panicked"));
        self.changed.notify_waiters();
    }

    async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) -> Result<(), String> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if holds(&self.state.lock().expect("nobody panicked")) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(LONG, waiting).await;
        waited.map_err(|_| format!("{what}: not within {LONG:?}"))
    }

    fn handle(&self, label: &str) -> Result<Arc<dyn DataChannel>, String> {
        let state = self.state.lock().expect("nobody panicked");
        let channel = state.channels.get(label);
        let handle = channel.map(|channel| channel.handle.clone());
        handle.ok_or_else(|| format!("no channel {label}"))
    }

    /// Takes what a channel tells, from now on.
    fn take(self: &Arc<Self>, label: String, handle: Arc<dyn DataChannel>) {
        let (open, closed, messages) = (false, false, Vec::new());
        let channel = Channel {
            handle: handle.clone(),
            open,
            closed,
            messages,
        };
        self.change(|state| {
            state.channels.insert(label.clone(), channel);
        });
        let seen = self.clone();
        tokio::spawn(async move {
            while let Some(event) = handle.poll().await {
                seen.change(|state| {
                    if let Some(channel) = state.channels.get_mut(&label) {
                        channel.take(event);
                    }
                });
            }
        });
    }
}

impl Channel {
    fn take(&mut self, event: DataChannelEvent) {
        match event {
            DataChannelEvent::OnOpen => self.open = true,
            DataChannelEvent::OnClose => self.closed = true,
            DataChannelEvent::OnMessage(message) => {
                let digest = data::digest(message.is_string, &message.data);
                self.messages.push(digest);
            }
            _ => {}
        }
    }
}

struct Handler(Arc<Seen>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else {
            return;
        };
        let candidate = json!({ "candidate": init.candidate, "sdpMid": init.sdp_mid });
        self.0.change(|state| state.candidates.push(candidate));
    }

    async fn on_ice_gathering_state_change(&self, gathering: RTCIceGatheringState) {
        let gathered = gathering == RTCIceGatheringState::Complete;
        self.0.change(|state| state.gathered = gathered);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if let Ok(label) = channel.label().await {
            self.0.take(label, channel);
        }
    }
}

type Reply = Result<Value, String>;

impl Peer {
    async fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let builder = PeerConnectionBuilder::new()
            .with_handler(Arc::new(Handler(seen.clone())))
            .with_udp_addrs(vec![format!("{}:0", data::address())])
            .with_data_channel_send_buffer_limit(1024 * 1024);
        let connection = Arc::new(builder.build().await.expect("a peer"));
        Self { connection, seen }
    }

    async fn operate(&self, command: &Value) -> Reply {
        let text = |key: &str| command[key].as_str().unwrap_or_default();
        let label = text("label");
        match text("op") {
            "open" => self.open(label, &command["init"]).await?,
            "offer" => return self.offer(command["restart"] == true).await,
            "answer" => return self.answer(text("sdp")).await,
            "accept" => {
                let answer = RTCSessionDescription::answer(text("sdp").to_owned());
                let answer = answer.map_err(said)?;
                let set = self.connection.set_remote_description(answer).await;
                set.map_err(said)?;
            }
            "gathered" => return self.gathered().await,
            "opened" => self.until(label, "open", |channel| channel.open).await?,
            "closed" => {
                let closed = self.until(label, "closed", |channel| channel.closed);
                closed.await?;
            }
            "info" => return self.info(label).await.map_err(said),
            "send" => self.send(label, command).await?,
            "received" => return self.received(label, command).await,
            "close" => self.seen.handle(label)?.close().await.map_err(said)?,
            "end" => self.connection.close().await.map_err(said)?,
            _ => {}
        }
        Ok(json!({}))
    }

    async fn open(&self, label: &str, init: &Value) -> Result<(), String> {
        let number = |key: &str| init[key].as_u64().map(|number| number as u16);
        let init = RTCDataChannelInit {
            ordered: init["ordered"] != false,
            max_packet_life_time: number("maxPacketLifeTime"),
            max_retransmits: number("maxRetransmits"),
            protocol: init["protocol"].as_str().unwrap_or_default().to_owned(),
            negotiated: number("id"),
        };
        let created = self.connection.create_data_channel(label, Some(init)).await;
        self.seen.take(label.to_owned(), created.map_err(said)?);
        Ok(())
    }

    async fn offer(&self, restart: bool) -> Reply {
        if restart {
            self.connection.restart_ice().await.map_err(said)?;
        }
        let offer = self.connection.create_offer(None).await;
        self.describe(offer.map_err(said)?).await
    }

    async fn answer(&self, offer: &str) -> Reply {
        let offer = RTCSessionDescription::offer(offer.to_owned()).map_err(said)?;
        let set = self.connection.set_remote_description(offer).await;
        set.map_err(said)?;
        let answer = self.connection.create_answer(None).await.map_err(said)?;
        self.describe(answer).await
    }

    async fn describe(&self, description: RTCSessionDescription) -> Reply {
        let sdp = description.sdp.clone();
        let set = self.connection.set_local_description(description).await;
        set.map_err(said)?;
        Ok(json!({ "sdp": sdp }))
    }

    async fn gathered(&self) -> Reply {
        self.seen.until("gathered", |state| state.gathered).await?;
        let mut candidates = Vec::new();
        let take = |state: &mut State| candidates = std::mem::take(&mut state.candidates);
        self.seen.change(take);
        Ok(json!({ "candidates": candidates }))
    }

    async fn info(&self, label: &str) -> Result<Value, String> {
        let channel = self.seen.handle(label)?;
        Ok(json!({
            "protocol": channel.protocol().await.map_err(said)?,
            "ordered": channel.ordered().await.map_err(said)?,
            "maxRetransmits": channel.max_retransmits().await.map_err(said)?,
            "maxPacketLifeTime": channel.max_packet_life_time().await.map_err(said)?,
        }))
    }

    async fn send(&self, label: &str, command: &Value) -> Result<(), String> {
        let channel = self.seen.handle(label)?;
        let kind = command["kind"].as_str().unwrap_or_default();
        let first = command["first"].as_u64().unwrap_or_default() as usize;
        let lens: Vec<usize> = serde_json::from_value(command["lens"].clone()).map_err(said)?;
        for (at, len) in lens.into_iter().enumerate() {
            let bytes = data::content(kind, first + at, len);
            let sent = match kind {
                "text" => {
                    let text = String::from_utf8(bytes).expect("letters");
                    channel.send_text(&text).await
                }
                _ => channel.send(BytesMut::from(&bytes[..])).await,
            };
            sent.map_err(said)?;
        }
        Ok(())
    }

    async fn received(&self, label: &str, command: &Value) -> Reply {
        let count = command["count"].as_u64().unwrap_or_default() as usize;
        let all = |channel: &Channel| channel.messages.len() >= count;
        self.until(label, "all messages", all).await?;
        let mut messages = Vec::new();
        self.seen.change(|state| {
            if let Some(channel) = state.channels.get_mut(label) {
                messages = std::mem::take(&mut channel.messages);
            }
        });
        Ok(json!({ "messages": messages }))
    }

    async fn until(
        &self,
        label: &str,
        what: &str,
        holds: impl Fn(&Channel) -> bool,
    ) -> Result<(), String> {
        let what = format!("{label}: {what}");
        let holds = |state: &State| state.channels.get(label).is_some_and(&holds);
        self.seen.until(&what, holds).await
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// More than anything takes on a loaded machine.
const LONG: Duration = Duration::from_secs(20);
