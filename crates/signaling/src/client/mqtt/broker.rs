//! One connection to an MQTT broker, in either version, by `rumqttc`.
//!
//! A task drives the library; it ends with the connection. Making another one is the driver's decision, as for every carrier.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{TlsConfiguration, Transport, v5};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::link::{MAX_MESSAGE_BYTES, Target};
use super::super::{Closed, ConnectError, MqttVersion};
use crate::protocol::RESUME_SECONDS;

/// The connection.
#[derive(Debug)]
pub(crate) struct Broker {
    client: Client,
    packets: mpsc::Receiver<Result<Packet, Lost>>,
    /// What was published and is not on the wire yet, oldest first.
    waiting: VecDeque<u64>,
    /// What is on the wire, by packet id.
    flying: VecDeque<(u16, u64)>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Client {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// What comes from the broker, or is sent to it, in words that both versions share.
#[derive(Debug)]
enum Packet {
    Connected(bool),
    Subscribed(bool),
    Message(Message),
    Sent(u16),
    Acked(u16, Taken),
    Other,
}

/// A message of some topic.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

/// What the broker did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// MQTT 5: nobody has subscribed to the topic.
    NobodyThere,
    No,
}

/// What the link is told.
#[derive(Debug)]
pub(crate) enum Said {
    /// Whether the broker has kept the session.
    Connected(bool),
    /// Whether all of it was granted.
    Subscribed(bool),
    Message(Message),
    /// Of a message that was published under this name.
    Acked(u64, Taken),
}

/// Why the connection is over.
#[derive(Debug)]
enum Lost {
    Refused(String),
    Tls(String),
    Io(std::io::Error),
    Other(String),
}

/// What the broker says for us when the connection breaks.
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) topic: String,
    /// Whether the broker waits for us first (MQTT 5).
    pub(crate) patient: bool,
}

impl Broker {
    pub(crate) async fn connect(
        target: &Target,
        version: MqttVersion,
        resume: bool,
        will: Will,
    ) -> Result<Self, ConnectError> {
        let transport = transport(target).await?;
        let (packets_in, packets) = mpsc::channel(QUEUE);
        let (client, task) = match version {
            MqttVersion::V3 => {
                let (client, mut events) =
                    rumqttc::AsyncClient::new(v3(target, transport, will), QUEUE);
                events.set_network_options(network());
                (
                    Client::V3(client),
                    tokio::spawn(drive_v3(events, packets_in)),
                )
            }
            MqttVersion::V5 => {
                let options = v5_options(target, transport, resume, will);
                let (client, events) = v5::AsyncClient::new(options, QUEUE);
                (
                    Client::V5(client),
                    tokio::spawn(drive_v5(events, packets_in)),
                )
            }
        };
        Ok(Self {
            client,
            packets,
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
            task,
        })
    }

    /// The next thing that the broker says. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Said, Closed> {
        self.step()
            .await
            .map_err(|lost| Closed::Broken(lost.to_string()))
    }

    /// The same while the link is being opened.
    pub(crate) async fn opening(&mut self, target: &Target) -> Result<Said, ConnectError> {
        self.step().await.map_err(|lost| match lost {
            Lost::Refused(text) => ConnectError::Refused(text),
            Lost::Tls(reason) => ConnectError::Tls {
                url: target.url.text(),
                reason,
            },
            Lost::Io(source) => target.url.unreachable(source),
            Lost::Other(text) => target.url.protocol(text),
        })
    }

    async fn step(&mut self) -> Result<Said, Lost> {
        loop {
            let packet = self.packets.recv().await;
            match packet.unwrap_or_else(|| Err(Lost::Other("the connection ended".into())))? {
                Packet::Connected(kept) => return Ok(Said::Connected(kept)),
                Packet::Subscribed(granted) => return Ok(Said::Subscribed(granted)),
                Packet::Message(message) => return Ok(Said::Message(message)),
                // Messages go out in the order in which they were published.
                Packet::Sent(packet) => {
                    if let Some(name) = self.waiting.pop_front() {
                        self.flying.push_back((packet, name));
                    }
                }
                Packet::Acked(packet, taken) => {
                    let at = self.flying.iter().position(|(id, _)| *id == packet);
                    if let Some((_, name)) = at.and_then(|at| self.flying.remove(at)) {
                        return Ok(Said::Acked(name, taken));
                    }
                }
                Packet::Other => {}
            }
        }
    }

    /// The messages that have come and were not read. The library has acknowledged them.
    pub(crate) fn unread(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Ok(packet) = self.packets.try_recv() {
            if let Ok(Packet::Message(message)) = packet {
                messages.push(message);
            }
        }
        messages
    }

    /// Publishes with QoS 1; what became of it comes back under `name`.
    pub(crate) fn publish(
        &mut self,
        name: u64,
        topic: String,
        retain: bool,
        payload: Vec<u8>,
    ) -> Result<(), Closed> {
        let full = || Closed::Broken("the broker takes nothing".into());
        match &self.client {
            Client::V3(client) => client
                .try_publish(topic, rumqttc::QoS::AtLeastOnce, retain, payload)
                .map_err(|_| full())?,
            Client::V5(client) => client
                .try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload)
                .map_err(|_| full())?,
        }
        self.waiting.push_back(name);
        Ok(())
    }

    /// Takes back what was subscribed to.
    #[cfg(feature = "bridge")]
    pub(crate) fn unsubscribe(&self, topic: String) -> Result<(), Closed> {
        let asked = match &self.client {
            Client::V3(client) => client.try_unsubscribe(topic).is_ok(),
            Client::V5(client) => client.try_unsubscribe(topic).is_ok(),
        };
        match asked {
            true => Ok(()),
            false => Err(Closed::Broken("the broker takes nothing".into())),
        }
    }

    pub(crate) fn subscribe(&self, topics: &[String]) -> Result<(), Closed> {
        let full = || Closed::Broken("the broker takes nothing".into());
        match &self.client {
            Client::V3(client) => {
                let filter = |topic: &String| {
                    rumqttc::SubscribeFilter::new(topic.clone(), rumqttc::QoS::AtLeastOnce)
                };
                let filters = topics.iter().map(filter);
                client.try_subscribe_many(filters).map_err(|_| full())
            }
            Client::V5(client) => {
                let filter = |topic: &String| {
                    v5::mqttbytes::v5::Filter::new(topic, v5::mqttbytes::QoS::AtLeastOnce)
                };
                let filters = topics.iter().map(filter);
                client.try_subscribe_many(filters).map_err(|_| full())
            }
        }
    }

    /// Says goodbye, so that the will is not said; returns when the connection is closed.
    pub(crate) async fn disconnect(mut self) {
        let asked = match &self.client {
            Client::V3(client) => client.try_disconnect().is_ok(),
            Client::V5(client) => client.try_disconnect().is_ok(),
        };
        if asked {
            while self.step().await.is_ok() {}
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(text) | Self::Tls(text) | Self::Other(text) => f.write_str(text),
            Self::Io(error) => error.fmt(f),
        }
    }
}

async fn transport(target: &Target) -> Result<Transport, ConnectError> {
    if !target.url.tls() {
        return Ok(Transport::Tcp);
    }
    let config = target.options.roots.config().await;
    let config = config.ok_or_else(|| ConnectError::Tls {
        url: target.url.text(),
        reason: "TLS cannot be set up on this machine".into(),
    })?;
    Ok(Transport::tls_with_config(TlsConfiguration::Rustls(config)))
}

/// Without Nagle's algorithm: a presence that waits 40 ms for an acknowledgement is that much older than it says.
fn network() -> rumqttc::NetworkOptions {
    let mut options = rumqttc::NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

/// MQTT 3.1.1 has no session that ends by itself: it gets a clean one each time.
fn v3(target: &Target, transport: Transport, will: Will) -> rumqttc::MqttOptions {
    let url = &target.url;
    let mut options = rumqttc::MqttOptions::new(&target.name, url.host(), url.port());
    options
        .set_transport(transport)
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
        .set_last_will(rumqttc::LastWill::new(
            will.topic,
            Vec::new(),
            rumqttc::QoS::AtLeastOnce,
            true,
        ));
    if let Some((user, password)) = url.login() {
        options.set_credentials(user, password);
    }
    options
}

fn v5_options(target: &Target, transport: Transport, resume: bool, will: Will) -> v5::MqttOptions {
    let url = &target.url;
    let kept = u32::try_from(RESUME_SECONDS).unwrap_or(u32::MAX);
    let kept = will.patient.then_some(kept);
    let delay = kept.map(|kept| v5::mqttbytes::v5::LastWillProperties {
        delay_interval: Some(kept),
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: None,
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    });
    let mut options = v5::MqttOptions::new(&target.name, url.host(), url.port());
    options
        .set_transport(transport)
        .set_keep_alive(KEEP_ALIVE)
        .set_network_options(network())
        .set_clean_start(!resume)
        .set_session_expiry_interval(kept)
        .set_max_packet_size(u32::try_from(MAX_MESSAGE_BYTES).ok())
        .set_last_will(v5::mqttbytes::v5::LastWill::new(
            will.topic,
            Vec::new(),
            v5::mqttbytes::QoS::AtLeastOnce,
            true,
            delay,
        ));
    if let Some((user, password)) = url.login() {
        options.set_credentials(user, password);
    }
    options
}

async fn drive_v3(mut events: rumqttc::EventLoop, packets: mpsc::Sender<Result<Packet, Lost>>) {
    loop {
        let packet = events.poll().await.map(packet_v3).map_err(lost_v3);
        let over = packet.is_err();
        if packets.send(packet).await.is_err() || over {
            return;
        }
    }
}

async fn drive_v5(mut events: v5::EventLoop, packets: mpsc::Sender<Result<Packet, Lost>>) {
    loop {
        let packet = events.poll().await.map(packet_v5).map_err(lost_v5);
        let over = packet.is_err();
        if packets.send(packet).await.is_err() || over {
            return;
        }
    }
}

fn packet_v3(event: rumqttc::Event) -> Packet {
    use rumqttc::{Event, Incoming, Outgoing, SubscribeReasonCode};
    match event {
        Event::Incoming(Incoming::ConnAck(ack)) => Packet::Connected(ack.session_present),
        Event::Incoming(Incoming::SubAck(ack)) => {
            let granted =
                |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            Packet::Subscribed(ack.return_codes.iter().all(granted))
        }
        Event::Incoming(Incoming::Publish(publish)) => Packet::Message(Message {
            topic: publish.topic,
            payload: publish.payload.to_vec(),
        }),
        Event::Incoming(Incoming::PubAck(ack)) => Packet::Acked(ack.pkid, Taken::Yes),
        Event::Outgoing(Outgoing::Publish(packet)) => Packet::Sent(packet),
        _ => Packet::Other,
    }
}

fn packet_v5(event: v5::Event) -> Packet {
    use rumqttc::Outgoing;
    use v5::mqttbytes::v5::{PubAckReason, SubscribeReasonCode};
    use v5::{Event, Incoming};
    match event {
        Event::Incoming(Incoming::ConnAck(ack)) => Packet::Connected(ack.session_present),
        Event::Incoming(Incoming::SubAck(ack)) => {
            let granted =
                |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            Packet::Subscribed(ack.return_codes.iter().all(granted))
        }
        Event::Incoming(Incoming::Publish(publish)) => Packet::Message(Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.to_vec(),
        }),
        Event::Incoming(Incoming::PubAck(ack)) => {
            let taken = match ack.reason {
                PubAckReason::Success => Taken::Yes,
                PubAckReason::NoMatchingSubscribers => Taken::NobodyThere,
                _ => Taken::No,
            };
            Packet::Acked(ack.pkid, taken)
        }
        Event::Outgoing(Outgoing::Publish(packet)) => Packet::Sent(packet),
        _ => Packet::Other,
    }
}

fn lost_v3(error: rumqttc::ConnectionError) -> Lost {
    use rumqttc::ConnectionError as Error;
    match error {
        Error::ConnectionRefused(code) => Lost::Refused(format!("{code:?}")),
        Error::Tls(error) => Lost::Tls(error.to_string()),
        Error::Io(error) => Lost::Io(error),
        error => Lost::Other(error.to_string()),
    }
}

fn lost_v5(error: v5::ConnectionError) -> Lost {
    use v5::ConnectionError as Error;
    match error {
        Error::ConnectionRefused(code) => Lost::Refused(format!("{code:?}")),
        Error::Tls(error) => Lost::Tls(error.to_string()),
        Error::Io(error) => Lost::Io(error),
        error => Lost::Other(error.to_string()),
    }
}

/// The broker notices a client that is silent for one and a half of this; we notice the broker after two.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// More than the driver leaves unacknowledged at once.
const QUEUE: usize = 1024;
