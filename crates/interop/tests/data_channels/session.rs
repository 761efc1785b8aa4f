//! One connection between ours and a partner's, and what is said over it.

use std::collections::HashMap;
use std::time::Duration;

use ieum_interop::Process;
use ieum_interop::data::{self, Digest};
use ieum_peer::{
    Configuration, DataChannel, DataChannelInit, DataSender, Event, IceCandidateInit, Message,
    PeerConnection, SessionDescription,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::cases::Limits;

pub(crate) struct Session<'p> {
    theirs: &'p mut Process,
    runtime: &'p Runtime,
    ours: PeerConnection,
    arriving: mpsc::UnboundedReceiver<DataChannel>,
    arrived: HashMap<String, DataChannel>,
    /// Channels that are open to the end.
    kept: Vec<DataChannel>,
    pub(crate) we_offer: bool,
}

impl<'p> Session<'p> {
    /// A new connection, with the channel `first` that the offering side has made.
    pub(crate) fn connect(theirs: &'p mut Process, runtime: &'p Runtime, we_offer: bool) -> Self {
        let _guard = runtime.enter();
        let (ours, mut events) = PeerConnection::new(Configuration::default()).expect("a peer");
        let (sender, arriving) = mpsc::unbounded_channel();
        runtime.spawn(async move {
            while let Some(event) = events.next().await {
                if let Event::DataChannel(channel) = event {
                    // A session that is over takes none.
                    let _ = sender.send(channel);
                }
            }
        });
        let mut session = Self {
            theirs,
            runtime,
            ours,
            arriving,
            arrived: HashMap::new(),
            kept: Vec::new(),
            we_offer,
        };
        session.ask(json!({ "op": "new" }));
        let first = if we_offer {
            Some(session.create("first", DataChannelInit::default()))
        } else {
            session.ask(json!({ "op": "open", "label": "first", "init": {} }));
            None
        };
        session.negotiate(false);
        let first = first.unwrap_or_else(|| session.arrives("first"));
        session.opens(&first);
        session.kept.push(first);
        session
    }

    /// One operation of theirs: the reply.
    pub(crate) fn ask(&mut self, command: Value) -> Value {
        self.say(&command);
        self.reply(&command)
    }

    /// The first half of [`ask`](Self::ask).
    pub(crate) fn say(&mut self, command: &Value) {
        self.theirs.say(&command.to_string());
    }

    /// The second.
    pub(crate) fn reply(&mut self, command: &Value) -> Value {
        let reply = self.theirs.expect("reply ", SOON);
        let reply: Value = serde_json::from_str(reply.trim_start_matches("reply ")).expect("JSON");
        assert!(reply.get("error").is_none(), "{command} -> {reply}");
        reply
    }

    /// Offer, answer and candidates; the side that offers says whether ICE restarts.
    pub(crate) fn negotiate(&mut self, restart: bool) {
        if self.we_offer {
            if restart {
                self.wait(self.ours.restart_ice()).expect("a restart");
            }
            let offer = self.described();
            let answer = self.ask(json!({ "op": "answer", "sdp": offer }));
            self.apply(SessionDescription::answer(sdp(&answer)));
        } else {
            let offer = self.ask(json!({ "op": "offer", "restart": restart }));
            self.apply(SessionDescription::offer(sdp(&offer)));
            let answer = self.described();
            self.ask(json!({ "op": "accept", "sdp": answer }));
        }
        let gathered = self.ask(json!({ "op": "gathered" }));
        for candidate in gathered["candidates"].as_array().into_iter().flatten() {
            let text = |key: &str| candidate[key].as_str().map(str::to_owned);
            let candidate = IceCandidateInit {
                candidate: text("candidate").expect("a candidate"),
                sdp_mid: text("sdpMid"),
                ..IceCandidateInit::default()
            };
            let added = self.wait(self.ours.add_ice_candidate(candidate));
            added.expect("a candidate that can be used");
        }
    }

    /// Our next description, with all candidates.
    fn described(&self) -> String {
        self.wait(async {
            let described = self.ours.set_implicit_local_description().await;
            described.expect("a description");
            self.ours.gathering_complete().await;
        });
        self.ours.local_description().expect("it was set").sdp
    }

    fn apply(&self, description: SessionDescription) {
        let applied = self.wait(self.ours.set_remote_description(description.clone()));
        if let Err(error) = applied {
            panic!("{error}: {}", description.sdp);
        }
    }

    pub(crate) fn remote_ufrag(&self) -> String {
        let sdp = self.ours.remote_description().expect("connected").sdp;
        let line = sdp.lines().find(|line| line.starts_with("a=ice-ufrag:"));
        line.expect("every description has one").to_owned()
    }

    /// A channel of ours.
    pub(crate) fn create(&self, label: &str, init: DataChannelInit) -> DataChannel {
        let created = self.wait(self.ours.create_data_channel(label, init));
        created.expect("options that can be")
    }

    /// The channel of this label that they have opened.
    pub(crate) fn arrives(&mut self, label: &str) -> DataChannel {
        loop {
            if let Some(channel) = self.arrived.remove(label) {
                return channel;
            }
            let next = async { tokio::time::timeout(SOON, self.arriving.recv()).await };
            let channel = self.runtime.block_on(next).ok().flatten();
            let channel = channel.unwrap_or_else(|| panic!("no channel {label}"));
            self.arrived.insert(channel.label().to_owned(), channel);
        }
    }

    /// Waits until a channel is open on both sides.
    pub(crate) fn opens(&mut self, channel: &DataChannel) {
        self.wait(channel.opened()).expect("it opens");
        let label = channel.label().to_owned();
        self.ask(json!({ "op": "opened", "label": label }));
    }

    /// A channel that is not used any more: dropping it closes it while the next case begins.
    pub(crate) fn done(&mut self, channel: DataChannel, limits: &Limits) {
        if !limits.waits_for_resets {
            self.kept.push(channel);
        }
    }

    /// Waits until a channel is closed on both sides.
    pub(crate) fn is_closed(&mut self, channel: &DataSender) {
        self.wait(channel.closed());
        let label = channel.label().to_owned();
        self.ask(json!({ "op": "closed", "label": label }));
    }

    /// Messages of these lengths go both ways at the same time, and arrive as they were sent, with `between` in the midst.
    pub(crate) fn exchange_with(
        &mut self,
        channel: &mut DataChannel,
        kind: &str,
        lens: &[usize],
        between: impl FnOnce(&mut Self),
    ) {
        let label = channel.label().to_owned();
        let (ours, theirs) = (digests(kind, 0, lens), digests(kind, 500, lens));
        let sending = self
            .runtime
            .spawn(send(channel.sender(), kind.to_owned(), lens.to_vec()));
        let command =
            json!({ "op": "send", "label": label, "kind": kind, "first": 500, "lens": lens });
        self.ask(command);
        between(self);
        let mut received = self.wait(receive(channel, lens.len()));
        let command = json!({ "op": "received", "label": label, "count": lens.len() });
        let reply = self.ask(command);
        let arrived = serde_json::from_value(reply["messages"].clone());
        let mut arrived: Vec<Digest> = arrived.expect("messages");
        self.wait(sending).expect("all is sent");
        let (mut ours, mut theirs) = (ours, theirs);
        if !channel.ordered() {
            for messages in [&mut ours, &mut theirs, &mut arrived, &mut received] {
                messages.sort();
            }
        }
        assert_eq!(arrived, ours, "{label}: what they have received");
        assert_eq!(received, theirs, "{label}: what we have received");
    }

    pub(crate) fn exchange(&mut self, channel: &mut DataChannel, kind: &str, lens: &[usize]) {
        self.exchange_with(channel, kind, lens, |_| {});
    }

    /// Waits, but not for ever.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(SOON, future).await })
            .expect("it takes too long")
    }

    /// Both ends close.
    pub(crate) fn end(mut self) {
        self.ask(json!({ "op": "end" }));
        self.wait(self.ours.close());
    }
}

fn sdp(reply: &Value) -> &str {
    reply["sdp"].as_str().expect("a description")
}

async fn send(channel: DataSender, kind: String, lens: Vec<usize>) {
    for (number, len) in lens.into_iter().enumerate() {
        let sent = channel.send_message(message(&kind, number, len)).await;
        sent.expect("the channel takes it");
    }
}

async fn receive(channel: &mut DataChannel, count: usize) -> Vec<Digest> {
    let mut received = Vec::new();
    while received.len() < count {
        let message = channel.recv().await;
        received.push(digest(message.expect("the channel is open")));
    }
    received
}

fn digests(kind: &str, first: usize, lens: &[usize]) -> Vec<Digest> {
    let numbered = lens.iter().enumerate();
    numbered
        .map(|(at, len)| digest(message(kind, first + at, *len)))
        .collect()
}

fn message(kind: &str, number: usize, len: usize) -> Message {
    let bytes = data::content(kind, number, len);
    match kind {
        "text" => Message::Text(String::from_utf8(bytes).expect("letters")),
        _ => Message::Binary(bytes.into()),
    }
}

fn digest(message: Message) -> Digest {
    let is_text = matches!(message, Message::Text(_));
    data::digest(is_text, &message.into_bytes())
}

/// More than anything takes on a loaded machine.
const SOON: Duration = Duration::from_secs(30);
