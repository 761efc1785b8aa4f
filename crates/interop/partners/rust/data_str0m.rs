//! A peer of `str0m` for data channels, one operation a line: `partners/data_w3c.mjs` says which.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use ieum_interop::data::{self, Digest};
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

fn main() {
    let commands = data::commands();
    let mut peer = Peer::new();
    loop {
        match commands.try_recv() {
            Ok(command) => {
                if command["op"] == "new" {
                    peer = Peer::new();
                }
                data::reply(peer.operate(&command));
            }
            Err(TryRecvError::Empty) => peer.step(),
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    /// Channels that wait for the first offer.
    wanted: Vec<ChannelConfig>,
    pending: Option<SdpPendingOffer>,
    channels: HashMap<String, Channel>,
}

struct Channel {
    id: ChannelId,
    open: bool,
    closed: bool,
    messages: Vec<Digest>,
}

impl Channel {
    fn new(id: ChannelId) -> Self {
        let (open, closed, messages) = (false, false, Vec::new());
        Self {
            id,
            open,
            closed,
            messages,
        }
    }
}

type Reply = Result<Value, String>;

impl Peer {
    fn new() -> Self {
        let socket = UdpSocket::bind((data::address(), 0)).expect("a socket");
        let local = socket.local_addr().expect("it is bound");
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .set_sctp_max_message_size(256 * 1024)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").expect("a candidate"));
        Self {
            rtc,
            socket,
            local,
            wanted: Vec::new(),
            pending: None,
            channels: HashMap::new(),
        }
    }

    fn operate(&mut self, command: &Value) -> Reply {
        let text = |key: &str| command[key].as_str().unwrap_or_default();
        let label = text("label");
        match text("op") {
            "open" => self.open(label, &command["init"]),
            "offer" => return self.offer(command["restart"] == true),
            "answer" => return self.answer(text("sdp")),
            "accept" => return self.accept(text("sdp")),
            "gathered" => return Ok(json!({ "candidates": [] })),
            "opened" => self.until(label, "open", |channel| channel.open)?,
            "closed" => self.until(label, "closed", |channel| channel.closed)?,
            "info" => return self.info(label),
            "send" => self.send(label, command)?,
            "received" => return self.received(label, command),
            "close" => {
                let id = self.channel(label)?.id;
                self.rtc.direct_api().close_data_channel(id);
            }
            "end" => self.rtc.disconnect(),
            _ => {}
        }
        Ok(json!({}))
    }

    fn open(&mut self, label: &str, init: &Value) {
        let number = |key: &str| init[key].as_u64().map(|number| number as u16);
        let reliability = match (number("maxRetransmits"), number("maxPacketLifeTime")) {
            (Some(retransmits), _) => Reliability::MaxRetransmits { retransmits },
            (_, Some(lifetime)) => Reliability::MaxPacketLifetime { lifetime },
            _ => Reliability::Reliable,
        };
        let config = ChannelConfig {
            label: label.to_owned(),
            ordered: init["ordered"] != false,
            reliability,
            negotiated: number("id"),
            protocol: init["protocol"].as_str().unwrap_or_default().to_owned(),
        };
        if self.rtc.is_connected() {
            let id = self.rtc.direct_api().create_data_channel(config);
            self.channels.insert(label.to_owned(), Channel::new(id));
        } else {
            self.wanted.push(config);
        }
    }

    fn offer(&mut self, restart: bool) -> Reply {
        let mut change = self.rtc.sdp_api();
        for config in self.wanted.drain(..) {
            let label = config.label.clone();
            let id = change.add_channel_with_config(config);
            self.channels.insert(label, Channel::new(id));
        }
        if restart {
            change.ice_restart(true);
        }
        let (offer, pending) = change.apply().ok_or("there is nothing to offer")?;
        self.pending = Some(pending);
        Ok(json!({ "sdp": offer.to_sdp_string() }))
    }

    fn answer(&mut self, offer: &str) -> Reply {
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| error.to_string())?;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(json!({ "sdp": answer.to_sdp_string() }))
    }

    fn accept(&mut self, answer: &str) -> Reply {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| error.to_string())?;
        let pending = self.pending.take().ok_or("nothing was offered")?;
        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
        accepted.map_err(|error| error.to_string())?;
        Ok(json!({}))
    }

    fn info(&mut self, label: &str) -> Reply {
        let id = self.channel(label)?.id;
        let stream = self.rtc.direct_api().sctp_stream_id_by_channel_id(id);
        let channel = self.rtc.channel(id).ok_or("it is gone")?;
        let config = channel.config().ok_or("nothing is known of it")?;
        let (retransmits, lifetime) = match config.reliability {
            Reliability::Reliable => (None, None),
            Reliability::MaxRetransmits { retransmits } => (Some(retransmits), None),
            Reliability::MaxPacketLifetime { lifetime } => (None, Some(lifetime)),
        };
        Ok(json!({
            "protocol": config.protocol, "ordered": config.ordered, "id": stream,
            "maxRetransmits": retransmits, "maxPacketLifeTime": lifetime,
        }))
    }

    fn send(&mut self, label: &str, command: &Value) -> Result<(), String> {
        let (kind, first, lens) = message(command);
        let id = self.channel(label)?.id;
        for (at, len) in lens.into_iter().enumerate() {
            let bytes = data::content(&kind, first + at, len);
            let deadline = Instant::now() + LONG;
            loop {
                let mut channel = self.rtc.channel(id).ok_or("it is gone")?;
                let wrote = channel.write(kind == "binary", &bytes);
                if wrote.map_err(|error| error.to_string())? {
                    break;
                }
                if Instant::now() > deadline {
                    return Err("there is no room".to_owned());
                }
                self.step();
            }
        }
        Ok(())
    }

    fn received(&mut self, label: &str, command: &Value) -> Reply {
        let count = command["count"].as_u64().unwrap_or_default() as usize;
        let all = format!("with {count} messages");
        self.until(label, &all, |channel| channel.messages.len() >= count)?;
        let messages = std::mem::take(&mut self.channel(label)?.messages);
        Ok(json!({ "messages": messages }))
    }

    fn channel(&mut self, label: &str) -> Result<&mut Channel, String> {
        self.channels
            .get_mut(label)
            .ok_or_else(|| format!("no channel {label}"))
    }

    fn until(
        &mut self,
        label: &str,
        what: &str,
        holds: impl Fn(&Channel) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + LONG;
        while !self.channels.get(label).is_some_and(&holds) {
            if Instant::now() > deadline {
                return Err(format!("{label} is not {what} within {LONG:?}"));
            }
            self.step();
        }
        Ok(())
    }

    /// Tells what there is to tell, and takes one datagram, or waits for it as long as a command may wait.
    fn step(&mut self) {
        let timeout = loop {
            match self.rtc.poll_output().expect("it goes on") {
                Output::Transmit(packet) => {
                    // A full socket loses it, as a network may.
                    let _ = self.socket.send_to(&packet.contents, packet.destination);
                }
                Output::Event(event) => self.take(event),
                Output::Timeout(timeout) => break timeout,
            }
        };
        let timeout = timeout.saturating_duration_since(Instant::now());
        let timeout = timeout.clamp(Duration::from_micros(1), PATIENCE);
        let waits = self.socket.set_read_timeout(Some(timeout));
        waits.expect("a time-out can be set");
        let mut buffer = [0; 2000];
        let input = match self.socket.recv_from(&mut buffer) {
            Ok((len, source)) => {
                let Ok(contents) = buffer[..len].try_into() else {
                    return;
                };
                let (proto, destination) = (Protocol::Udp, self.local);
                Input::Receive(
                    Instant::now(),
                    Receive {
                        proto,
                        source,
                        destination,
                        contents,
                    },
                )
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Input::Timeout(Instant::now())
            }
            Err(error) => panic!("{error}"),
        };
        self.rtc.handle_input(input).expect("it goes on");
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::ChannelOpen(id, label) => {
                let channel = self.channels.entry(label);
                channel.or_insert_with(|| Channel::new(id)).open = true;
            }
            Event::ChannelData(message) => {
                let digest = data::digest(!message.binary, &message.data);
                self.with(message.id, |channel| channel.messages.push(digest));
            }
            Event::ChannelClose(id) => self.with(id, |channel| channel.closed = true),
            _ => {}
        }
    }

    fn with(&mut self, id: ChannelId, change: impl FnOnce(&mut Channel)) {
        let channel = self.channels.values_mut().find(|channel| channel.id == id);
        change(channel.expect("a channel that was told"));
    }
}

fn message(command: &Value) -> (String, usize, Vec<usize>) {
    let kind = command["kind"].as_str().unwrap_or_default().to_owned();
    let first = command["first"].as_u64().unwrap_or_default() as usize;
    let lens = serde_json::from_value(command["lens"].clone());
    (kind, first, lens.expect("lengths"))
}

/// More than anything takes on a loaded machine.
const LONG: Duration = Duration::from_secs(20);
/// How long a command may wait for the network.
const PATIENCE: Duration = Duration::from_millis(2);
