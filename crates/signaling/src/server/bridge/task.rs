//! The task: connects, tells the broker of our peers, and again when the connection breaks.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::super::edge::Edge;
use super::super::hub::Sight;
use super::super::state::{Change, ConnId, Registered};
use super::locals::Due;
use super::outgoing::{Flight, What};
use super::remotes::FromHub;
use super::{Locals, Outgoing, Remotes};
use crate::client::link::Target;
use crate::client::mqtt::broker::{Broker, Said, Will};
use crate::client::{Closed, ConnectError, MqttVersion};
use crate::protocol::mqtt::{self, Presence, Topics};

/// The bridge.
pub(super) struct Bridge {
    pub(super) edge: Weak<Edge>,
    pub(super) target: Arc<Target>,
    sights: mpsc::Receiver<Sight>,
    heard: mpsc::Receiver<(ConnId, FromHub)>,
    /// For the tasks that bring what sessions get.
    pub(super) to_self: mpsc::Sender<(ConnId, FromHub)>,
    pub(super) locals: Locals,
    pub(super) remotes: Remotes,
    pub(super) outgoing: Outgoing,
    /// The other bridges on the broker.
    pub(super) bridges: HashSet<String>,
}

/// A connection to the broker.
pub(super) struct Link {
    pub(super) broker: Broker,
    /// Whether all that is retained has come.
    pub(super) settled: bool,
    /// The presences that came until then.
    pub(super) gathered: Vec<(String, Presence)>,
    /// Subscriptions that are not granted yet; the first is that to everything that is retained.
    subscribing: usize,
    listening: bool,
    /// What the message to itself says: one of an earlier connection may still be on its way.
    mirrored: Vec<u8>,
}

/// Why the work on a connection ends.
pub(super) enum End {
    Broker(String),
    /// The server has ended.
    Server,
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        Self::Broker(closed.to_string())
    }
}

impl Bridge {
    pub(super) fn new(edge: Weak<Edge>, target: Target, sights: mpsc::Receiver<Sight>) -> Self {
        let (to_self, heard) = mpsc::channel(HEARD);
        Self {
            edge,
            target: Arc::new(target),
            sights,
            heard,
            to_self,
            locals: Locals::default(),
            remotes: Remotes::default(),
            outgoing: Outgoing::default(),
            bridges: HashSet::new(),
        }
    }

    /// Runs until the server has ended.
    pub(super) async fn run(mut self) {
        let mut known = false;
        let mut pause = FIRST_PAUSE;
        let mut next = Instant::now();
        let mut patience = Instant::now();
        loop {
            let target = Arc::clone(&self.target);
            let opening = async {
                sleep_until(next).await;
                open(&target, known).await
            };
            let opened = tokio::select! {
                opened = opening => opened,
                () = self.without_broker(patience) => return,
            };
            match opened {
                Ok((broker, kept)) => {
                    (known, pause) = (true, FIRST_PAUSE);
                    match self.online(broker, kept).await {
                        Some(why) => tracing::warn!(%why, "the broker is away"),
                        None => return,
                    }
                    patience = Instant::now() + self.kept_for();
                }
                Err(error) => {
                    tracing::warn!(%error, "the broker cannot be joined");
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
            next = Instant::now() + pause;
        }
    }

    /// From a connection to its end, and why it ended; `None`: the server has ended.
    async fn online(&mut self, broker: Broker, kept: bool) -> Option<String> {
        let mut link = Link {
            broker,
            settled: false,
            gathered: Vec::new(),
            subscribing: 0,
            listening: false,
            mirrored: self.outgoing.next().to_string().into_bytes(),
        };
        if let Some(edge) = self.edge.upgrade() {
            edge.metrics.bridged(true);
        }
        let end = self.serve(&mut link, kept).await;
        if let Some(edge) = self.edge.upgrade() {
            edge.metrics.bridged(false);
        }
        match end {
            End::Broker(why) => {
                // The broker will not say again what has come.
                for message in link.broker.unread() {
                    self.message(&mut link, message).await;
                }
                Some(why)
            }
            End::Server => {
                let _ = timeout(FAREWELL, self.leave(link)).await;
                None
            }
        }
    }

    async fn serve(&mut self, link: &mut Link, kept: bool) -> End {
        if let Err(closed) = self.begin(link, kept) {
            return closed.into();
        }
        let deadline = Instant::now() + OPENING;
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if link.settled
                && let Err(closed) = self.publish_locals(link)
            {
                return closed.into();
            }
            let step = tokio::select! {
                said = link.broker.next() => match said {
                    Ok(said) => self.said(link, said).await,
                    Err(closed) => Err(closed.into()),
                },
                sight = self.sights.recv() => match sight {
                    Some(sight) => {
                        self.see(sight).await;
                        Ok(())
                    }
                    None => Err(End::Server),
                },
                Some((conn, what)) = self.heard.recv(), if self.outgoing.has_room() => {
                    self.hear(link, conn, what).await
                }
                _ = retry.tick() => {
                    self.retry().await;
                    Ok(())
                }
                () = sleep_until(deadline), if !link.settled => {
                    Err(End::Broker("its retained messages do not come".into()))
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Says that it is there, and asks for everything that it needs.
    fn begin(&mut self, link: &mut Link, kept: bool) -> Result<(), Closed> {
        self.locals.begin(kept);
        self.outgoing.again(&mut link.broker)?;
        let prefix = self.target.url.prefix().to_owned();
        let all = [
            mqtt::bridges(&prefix),
            mqtt::all_peers(&prefix),
            mqtt::everybody(&prefix),
            self.mirror(),
        ];
        link.broker.subscribe(&all)?;
        link.subscribing = 1;
        let presence = mqtt::bridge(&prefix, &self.target.name);
        self.publish(link, presence, b"{}".to_vec(), What::Presence)
    }

    async fn said(&mut self, link: &mut Link, said: Said) -> Result<(), End> {
        match said {
            Said::Connected(_) => {}
            Said::Subscribed(granted) => {
                link.subscribing = link.subscribing.saturating_sub(1);
                if !granted {
                    let why = "it does not let the bridge subscribe to its topics";
                    return Err(End::Broker(why.into()));
                }
                if !std::mem::replace(&mut link.listening, true) {
                    let mirror = self.mirror();
                    let payload = link.mirrored.clone();
                    self.publish(link, mirror, payload, What::Mirror)?;
                }
            }
            Said::Message(message) if message.topic == self.mirror() => {
                if message.payload == link.mirrored && !link.settled {
                    self.settle(link).await?;
                }
            }
            Said::Message(message) => self.message(link, message).await,
            Said::Acked(name, taken) => {
                if let Some(flight) = self.outgoing.answered(name) {
                    self.taken(flight, taken).await;
                }
            }
        }
        Ok(())
    }

    /// Tells the broker of our peers what it does not know, as far as it takes it now.
    fn publish_locals(&mut self, link: &mut Link) -> Result<(), Closed> {
        while self.outgoing.has_room()
            && link.subscribing < SUBSCRIBING
            && let Some(((room, peer), due)) = self.locals.next(&self.target.name)
        {
            let topics = Topics::new(self.target.url.prefix(), &room);
            let payload = match due {
                Due::Here {
                    presence,
                    subscribe,
                } => {
                    if subscribe {
                        link.broker.subscribe(&[topics.to(&peer)])?;
                        link.subscribing += 1;
                    }
                    serde_json::to_vec(&presence).unwrap_or_default()
                }
                Due::Gone => {
                    link.broker.unsubscribe(topics.to(&peer))?;
                    self.locals.clear_one((room, peer.clone()));
                    Vec::new()
                }
            };
            self.publish(link, topics.peer(&peer), payload, What::Presence)?;
        }
        Ok(())
    }

    pub(super) fn publish(
        &mut self,
        link: &mut Link,
        topic: String,
        payload: Vec<u8>,
        what: What,
    ) -> Result<(), Closed> {
        let flight = Flight {
            topic,
            payload,
            what,
        };
        self.outgoing.publish(&mut link.broker, flight)
    }

    /// Somebody here has come or gone.
    async fn see(&mut self, sight: Sight) {
        match sight {
            Sight::All(all) => {
                self.locals.keep_only(&all);
                for one in all {
                    self.came(one).await;
                }
            }
            Sight::Change(Change::Came(one)) => self.came(one).await,
            Sight::Change(Change::Went { room, peer }) => {
                let id = (room, peer);
                self.locals.go(&id);
                // Somebody on the broker may have waited for the id.
                if let Some(remote) = self.remotes.get(&id)
                    && remote.seat.is_none()
                {
                    let presence = remote.presence.clone();
                    self.join(id, presence).await;
                }
            }
        }
    }

    async fn came(&mut self, one: Registered) {
        let id = (one.room, one.peer.peer_id.clone());
        if one.bridged {
            if let Some(seat) = self.remotes.seat(&id) {
                seat.seen = true;
            }
            return;
        }
        if !self.locals.has(&id) {
            self.drop_remote(&id).await;
        }
        let since = self.remotes.since(&id.0, now_ms());
        self.locals.come(id.0, one.peer, since);
    }

    /// While there is no connection: goes on watching, and lets the broker's peers go when their time is over. Returns when the
    /// server has ended.
    async fn without_broker(&mut self, patience: Instant) {
        loop {
            tokio::select! {
                sight = self.sights.recv() => match sight {
                    Some(sight) => self.see(sight).await,
                    None => return,
                },
                () = sleep_until(patience), if self.remotes.len() > 0 => {
                    for id in self.remotes.ids() {
                        self.drop_remote(&id).await;
                    }
                }
            }
        }
    }

    /// Takes our peers away from the broker, and says goodbye.
    async fn leave(&mut self, mut link: Link) {
        let presence = mqtt::bridge(self.target.url.prefix(), &self.target.name);
        self.locals.clear();
        if self
            .publish(&mut link, presence, Vec::new(), What::Presence)
            .is_err()
        {
            return;
        }
        loop {
            if self.publish_locals(&mut link).is_err() {
                return;
            }
            if self.outgoing.is_empty() {
                return link.broker.disconnect().await;
            }
            match link.broker.next().await {
                Ok(Said::Acked(name, _)) => drop(self.outgoing.answered(name)),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// Messages to itself.
    fn mirror(&self) -> String {
        let name = format!(".{}", self.target.name);
        Topics::new(self.target.url.prefix(), "").to(&name)
    }

    fn kept_for(&self) -> Duration {
        let edge = self.edge.upgrade();
        edge.map_or(Duration::ZERO, |edge| edge.config.resume)
    }
}

async fn open(target: &Target, known: bool) -> Result<(Broker, bool), ConnectError> {
    let version = target.url.version().unwrap_or(MqttVersion::V5);
    let opening = async {
        let will = Will {
            topic: mqtt::bridge(target.url.prefix(), &target.name),
            patient: true,
        };
        let mut broker = Broker::connect(target, version, known, will).await?;
        loop {
            if let Said::Connected(kept) = broker.opening(target).await? {
                return Ok((broker, kept && known && version == MqttVersion::V5));
            }
        }
    };
    timeout(OPENING, opening)
        .await
        .unwrap_or_else(|_| Err(target.url.protocol("it does not answer")))
}

pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// What a broker has to take a connection in, and then to say all that is retained.
const OPENING: Duration = Duration::from_secs(10);

/// Between two attempts to join the broker.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often those are asked for again who were not let in.
const RETRY: Duration = Duration::from_secs(5);

/// What the broker has to be told in that we leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// Subscriptions at once; with the messages in flight, less than the connection's own queue.
const SUBSCRIBING: usize = 256;

/// What sessions get and the bridge has not read.
const HEARD: usize = 256;
