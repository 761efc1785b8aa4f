//! The MQTT carrier, on any broker: the topics of [`crate::protocol::mqtt`].
//!
//! A link is open when all retained presences have come and its own is published. That they have all come, a message to itself
//! says, which the broker delivers after them. With MQTT 5 the broker keeps the session, and holds the will back, for as
//! long as a server of ours keeps an id.

pub(crate) mod broker;
mod roster;

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use self::broker::{Broker, Message, Said, Taken, Will};
use self::roster::Roster;
use super::link::{GOODBYE_TIMEOUT, Heard, Link, Opened, Outgoing, Reason, Steps, Target};
use super::{Closed, ConnectError, MqttVersion, Options};
use crate::protocol::mqtt::{self, Presence, Topic, Topics};
use crate::protocol::{Claim, Code, Joined, MESSAGE_BYTES, RESUME_SECONDS, Reply};

/// The link.
#[derive(Debug)]
pub(super) struct Mqtt {
    broker: Broker,
    prefix: String,
    topics: Topics,
    own: Presence,
    roster: Roster,
    /// What came and is not read yet.
    ready: VecDeque<Heard>,
    /// Messages to itself: this client's name as a peer.
    mirror: String,
    standing: Standing,
    /// Whether this is a new session that is not in yet: whoever is there was there before it.
    joining: bool,
}

/// How it stands with the id. Everybody may publish where its presence stands, and messages cross: a goodbye of who had the id may
/// arrive after this client has taken it. So its owner watches the presence, and publishes it again whenever it is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not in yet, and the id is nobody's.
    Free,
    /// Not in yet, and the id is another's.
    Taken,
    /// In.
    Owned,
    /// In, and another has said once that it had the id before: by now it may have left.
    Contested,
    /// The other has said so again, to what this client answered: it is there, and was first.
    Lost,
}

impl Mqtt {
    pub(super) async fn open(
        target: &Target,
        claim: Option<Claim>,
        salvaged: &mut Vec<Heard>,
    ) -> Result<Opened, ConnectError> {
        let steps = target.steps();
        let options = &target.options;
        let version = target.url.version().unwrap_or(options.mqtt);
        let topics = Topics::new(target.url.prefix(), &options.room);
        let will = Will {
            topic: topics.peer(&options.peer_id),
            patient: options.resume,
        };
        let resume = claim.is_some();
        let broker = steps
            .within("TLS", Broker::connect(target, version, resume, will))
            .await?;
        let mut link = Self {
            broker,
            prefix: target.url.prefix().to_owned(),
            topics,
            own: presence(target, claim.as_ref()),
            roster: Roster::default(),
            ready: VecDeque::new(),
            mirror: format!(".{}", target.name),
            standing: Standing::Free,
            joining: !resume,
        };
        let resumed = match link.enter(target, steps).await {
            Ok(kept) => kept && resume && version == MqttVersion::V5,
            Err(error) => {
                salvaged.extend(link.salvage());
                if matches!(error, ConnectError::IdRefused(_)) {
                    // The will would take away the presence of who has the id.
                    let goodbye = link.broker.disconnect();
                    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
                }
                return Err(error);
            }
        };
        Ok(Opened {
            limit: MESSAGE_BYTES,
            joined: link.joined(options, resumed),
            acknowledges: true,
            link: Link::Mqtt(Box::new(link)),
        })
    }

    /// From a connection to being in; whether the broker has kept the session.
    async fn enter(&mut self, target: &Target, steps: Steps<'_>) -> Result<bool, ConnectError> {
        let kept = steps.within("the broker", self.connected(target)).await?;
        steps
            .within("the broker's subscriptions", self.subscribe(target))
            .await?;
        steps
            .within("the broker's retained messages", self.gather(target))
            .await?;
        steps
            .within("the broker's acknowledgement", self.announce(target))
            .await?;
        Ok(kept)
    }

    /// Messages of peers that were acknowledged to the broker and not read.
    pub(super) fn salvage(&mut self) -> Vec<Heard> {
        for message in self.broker.unread() {
            self.message(&message);
        }
        let mut all = std::mem::take(&mut self.ready);
        all.retain(|heard| matches!(heard, Heard::Once(..) | Heard::Lost(..)));
        all.into()
    }

    /// What a server would say.
    fn joined(&self, options: &Options, resumed: bool) -> Joined {
        Joined {
            peer: options.peer_id.clone(),
            room: options.room.clone(),
            socket_id: self.own.socket_id.clone(),
            resumed,
            // The time of joining names the session to itself.
            resume: options.resume.then(|| self.own.since_ms.to_string()),
            resume_for: if options.resume { RESUME_SECONDS } else { 0 },
            peers: self.roster.connections(),
            ..Joined::default()
        }
    }

    async fn connected(&mut self, target: &Target) -> Result<bool, ConnectError> {
        loop {
            if let Said::Connected(kept) = self.broker.opening(target).await? {
                return Ok(kept);
            }
        }
    }

    async fn subscribe(&mut self, target: &Target) -> Result<(), ConnectError> {
        let all = [
            mqtt::bridges(&self.prefix),
            self.topics.peers(),
            self.topics.all(),
            self.topics.to(&self.own.peer_id),
            self.topics.to(&self.mirror),
        ];
        let sent = self.broker.subscribe(&all);
        sent.map_err(|closed| target.url.protocol(closed.to_string()))?;
        loop {
            match self.broker.opening(target).await? {
                Said::Subscribed(true) => return Ok(()),
                Said::Subscribed(false) => {
                    let text = "the broker does not let this client subscribe to its topics";
                    return Err(ConnectError::Refused(text.into()));
                }
                Said::Message(message) => self.keep(message, target)?,
                Said::Connected(_) | Said::Acked(..) => {}
            }
        }
    }

    /// Until the message to itself is back.
    async fn gather(&mut self, target: &Target) -> Result<(), ConnectError> {
        let mirror = self.topics.to(&self.mirror);
        // One of an earlier connection may still be on its way.
        let this = format!("{:?}", SystemTime::now()).into_bytes();
        self.publish(target, MIRROR, mirror.clone(), false, this.clone())?;
        loop {
            match self.broker.opening(target).await? {
                Said::Message(message) if message.topic == mirror && message.payload == this => {
                    break;
                }
                Said::Message(message) => self.keep(message, target)?,
                _ => {}
            }
        }
        if self.standing == Standing::Taken {
            let id = &self.own.peer_id;
            let text =
                format!("{id} is on the broker already. Please change your peer ID and try again.");
            return Err(ConnectError::IdRefused(text));
        }
        self.roster.settle();
        // Clocks differ, and milliseconds are long: who comes later says so.
        if std::mem::take(&mut self.joining) {
            let after = self.roster.newest().saturating_add(1);
            self.own.since_ms = self.own.since_ms.max(after);
        }
        // Who was there is told in one list.
        let said = |heard: &Heard| matches!(heard, Heard::Once(..) | Heard::Lost(..));
        self.ready.retain(said);
        Ok(())
    }

    /// Publishes its own presence: from here on it is in.
    async fn announce(&mut self, target: &Target) -> Result<(), ConnectError> {
        self.standing = Standing::Owned;
        self.publish_own()
            .map_err(|closed| target.url.protocol(closed.to_string()))?;
        loop {
            match self.broker.opening(target).await? {
                Said::Acked(PRESENCE, Taken::No) => {
                    let text = "the broker does not let this client publish to its topics";
                    return Err(ConnectError::Refused(text.into()));
                }
                Said::Acked(PRESENCE, _) => return Ok(()),
                Said::Message(message) => self.keep(message, target)?,
                _ => {}
            }
        }
    }

    fn publish_own(&mut self) -> Result<(), Closed> {
        let payload = serde_json::to_vec(&self.own).unwrap_or_default();
        let topic = self.topics.peer(&self.own.peer_id);
        self.broker.publish(PRESENCE, topic, true, payload)
    }

    fn publish(
        &mut self,
        target: &Target,
        name: u64,
        topic: String,
        retain: bool,
        payload: Vec<u8>,
    ) -> Result<(), ConnectError> {
        self.broker
            .publish(name, topic, retain, payload)
            .map_err(|closed| target.url.protocol(closed.to_string()))
    }

    fn keep(&mut self, message: Message, target: &Target) -> Result<(), ConnectError> {
        self.message(&message);
        match self.ready.len() > MOST_WAITING {
            true => Err(target.url.protocol("it sends messages and does not answer")),
            false => Ok(()),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(heard);
            }
            if self.standing == Standing::Lost {
                return Err(Closed::Replaced);
            }
            match self.broker.next().await? {
                Said::Acked(PRESENCE | MIRROR, _) => {}
                Said::Acked(id, taken) => return Ok(Heard::Ack(id, reply(taken))),
                Said::Message(message) => self.message(&message),
                Said::Connected(_) | Said::Subscribed(_) => {}
            }
        }
    }

    /// Sorts a message in.
    fn message(&mut self, message: &Message) {
        let heard = match mqtt::read(&self.prefix, &message.topic) {
            Some(Topic::Peer { peer, .. }) => self.presence(&peer, &message.payload),
            Some(Topic::To { peer, .. }) if peer == self.mirror => None,
            Some(Topic::To { .. } | Topic::All { .. }) => self.said(&message.payload),
            Some(Topic::Bridge(bridge)) if message.payload.is_empty() => {
                let gone = self.roster.bridge_gone(&bridge);
                self.ready
                    .extend(gone.into_iter().map(|news| Heard::Message(None, news)));
                None
            }
            Some(Topic::Bridge(bridge)) => {
                self.roster.bridge_came(bridge);
                None
            }
            None => Some(Heard::Ignored(Reason::Unexpected)),
        };
        self.ready.extend(heard);
    }

    fn presence(&mut self, peer: &str, payload: &[u8]) -> Option<Heard> {
        let own = peer == self.own.peer_id;
        if payload.is_empty() {
            if own {
                self.contest(None);
            }
            return self.roster.go(peer).map(|news| Heard::Message(None, news));
        }
        let Ok(presence) = serde_json::from_slice::<Presence>(payload) else {
            return Some(Heard::Ignored(Reason::Malformed));
        };
        if presence.peer_id != peer {
            return Some(Heard::Ignored(Reason::Malformed));
        }
        if own {
            if presence.socket_id != self.own.socket_id {
                self.contest(Some(&presence));
            }
            return None;
        }
        let news = self.roster.come(presence, &self.own);
        news.map(|news| Heard::Message(None, news))
    }

    /// Where this client's presence stands, another has published its own, or nothing. Of two that joined at once, the one that came
    /// first stays.
    fn contest(&mut self, other: Option<&Presence>) {
        let own = (self.own.since_ms, &self.own.socket_id);
        let first = other.is_some_and(|it| self.joining || (it.since_ms, &it.socket_id) < own);
        self.standing = match (self.standing, first) {
            (Standing::Free | Standing::Taken, true) => Standing::Taken,
            (Standing::Free, false) => Standing::Free,
            (Standing::Taken, false) if other.is_none() => Standing::Free,
            (Standing::Owned, true) => Standing::Contested,
            (Standing::Contested, true) => Standing::Lost,
            (Standing::Contested, false) if other.is_none() => Standing::Owned,
            (unchanged, _) => unchanged,
        };
        if matches!(self.standing, Standing::Owned | Standing::Contested) {
            // A connection that broke says so by itself.
            let _ = self.publish_own();
        }
    }

    fn said(&self, payload: &[u8]) -> Option<Heard> {
        let Ok(said) = serde_json::from_slice::<mqtt::Said>(payload) else {
            return Some(match serde_json::from_slice::<mqtt::Lost>(payload) {
                Ok(mqtt::Lost { id, undelivered }) => Heard::Lost(id, undelivered),
                Err(_) => Heard::Ignored(Reason::Malformed),
            });
        };
        let own = said.id.strip_prefix(&self.own.socket_id);
        if own.is_some_and(|rest| rest.starts_with('-')) && message_is_for_all(&said) {
            // The broker gives everybody's messages to everybody.
            return None;
        }
        match serde_json::from_str(said.message.get()) {
            Ok(message) => Some(Heard::Once(said.id, message)),
            Err(_) => Some(Heard::Ignored(Reason::Malformed)),
        }
    }

    pub(super) fn send(&mut self, said: &Outgoing) -> Result<(), Closed> {
        let topic = match &said.to {
            Some(to) if *to != self.own.peer_id && !self.roster.is_here(to) => {
                let reply = reply(Taken::NobodyThere);
                self.ready.push_back(Heard::Ack(said.id, reply));
                return Ok(());
            }
            Some(to) => self.topics.to(to),
            None => self.topics.all(),
        };
        let message = mqtt::Said {
            id: format!("{}-{}", self.own.socket_id, said.id),
            message: said.message.clone(),
        };
        let payload = serde_json::to_vec(&message).unwrap_or_default();
        self.broker.publish(said.id, topic, false, payload)
    }

    /// Takes the presence away, and says goodbye.
    pub(super) async fn leave(mut self) {
        let topic = self.topics.peer(&self.own.peer_id);
        if self
            .broker
            .publish(PRESENCE, topic, true, Vec::new())
            .is_err()
        {
            return;
        }
        loop {
            match self.broker.next().await {
                Ok(Said::Acked(PRESENCE, _)) => return self.broker.disconnect().await,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

fn presence(target: &Target, claim: Option<&Claim>) -> Presence {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let since = claim.and_then(|claim| claim.token.parse().ok());
    Presence {
        peer_id: target.options.peer_id.clone(),
        socket_id: target.name.clone(),
        peer_type: target.options.peer_type.as_deref().map(Value::from),
        since_ms: since.unwrap_or(now),
        via: None,
    }
}

fn message_is_for_all(said: &mqtt::Said) -> bool {
    let message: Result<Value, _> = serde_json::from_str(said.message.get());
    message.is_ok_and(|message| message["target"] == crate::protocol::EVERYBODY)
}

fn reply(taken: Taken) -> Reply {
    let refused = |code, text: &str| Reply::refused(code, text);
    match taken {
        Taken::Yes => Reply {
            ok: true,
            result: None,
            code: None,
            error: None,
        },
        Taken::NobodyThere => refused(Code::NoSuchPeer, "The peer is not on the broker."),
        Taken::No => refused(Code::Forbidden, "The broker did not take the message."),
    }
}

/// The names of what is no message of the application; theirs count from 1.
const PRESENCE: u64 = 0;
const MIRROR: u64 = u64::MAX;

/// Messages that may come while the link is being opened.
const MOST_WAITING: usize = 4096;
