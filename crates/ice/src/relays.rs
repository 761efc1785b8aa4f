//! Owns the TURN clients: one for each base and server. Nobody above the agent knows of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_candidate::can_pair;
use ieum_stun::{FiveTuple, Transmit};
use ieum_turn::client::{Client, Config, Event};

/// A TURN client, and what it is for.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) client: Client,
    pub(crate) source: Source,
    /// Still asking for a relayed address.
    pub(crate) pending: bool,
    /// Peers whose channel the server has not confirmed yet.
    opening: BTreeSet<SocketAddr>,
    /// How often it could not be connected to again, and when the next try is.
    failures: u32,
    retry: Option<Instant>,
}

/// Whom a relay was asked for, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// What errors call the server.
    pub(crate) url: String,
    /// For TLS: whom its certificate must name.
    pub(crate) server_name: Option<String>,
    /// From where, or beside which, it is asked.
    pub(crate) base: SocketAddr,
    /// Orders the candidate among those of its kind.
    pub(crate) preference: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Relays {
    list: BTreeMap<u32, Relay>,
    by_server: BTreeMap<FiveTuple, u32>,
    next_id: u32,
}

impl Relays {
    /// Starts a client, unless there is one already for this base and server.
    pub(crate) fn start(&mut self, now: Instant, source: Source, mut config: Config) {
        if self.by_server.contains_key(&config.server) {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.by_server.insert(config.server, id);
        // An address that is lost in mid-call is missed.
        config.reallocate = true;
        let mut client = Client::new(now, config);
        // Over a stream, this is called when it is open.
        client.connected(now);
        let relay = Relay {
            client,
            source,
            pending: true,
            opening: BTreeSet::new(),
            failures: 0,
            retry: None,
        };
        self.list.insert(id, relay);
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Relay> {
        self.list.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Relay> {
        self.list.get_mut(&id)
    }

    /// The relay whose server's datagrams come this way.
    pub(crate) fn route(&self, from: FiveTuple) -> Option<u32> {
        self.by_server.get(&from).copied()
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.list.keys().copied().collect()
    }

    /// The relays that leave from this base.
    pub(crate) fn leaving_from(&self, base: SocketAddr) -> Vec<u32> {
        self.list
            .iter()
            .filter(|(_, relay)| relay.source.base == base)
            .map(|(id, _)| *id)
            .collect()
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = u32> + '_ {
        self.list
            .iter()
            .filter(|(_, relay)| relay.pending)
            .map(|(id, _)| *id)
    }

    /// Whether a relay that has its address still opens a channel: there will be another pair, or not.
    pub(crate) fn is_opening(&self) -> bool {
        self.list
            .values()
            .any(|relay| !relay.pending && !relay.opening.is_empty())
    }

    /// Opens the way from this relay to a peer, if there can be one.
    pub(crate) fn open(&mut self, now: Instant, id: u32, peer: SocketAddr) {
        let Some(relay) = self.list.get_mut(&id) else {
            return;
        };
        let Some(relayed) = relay.client.relayed() else {
            return;
        };
        if can_pair(relayed, peer) && relay.client.channel(peer).is_none() {
            relay.opening.insert(peer);
            relay.client.bind_channel(now, peer);
        }
    }

    pub(crate) fn is_open(&self, id: u32, peer: SocketAddr) -> bool {
        self.list
            .get(&id)
            .is_some_and(|relay| relay.client.channel(peer).is_some())
    }

    /// What a client has to say next.
    pub(crate) fn poll_event(&mut self, id: u32) -> Option<Event> {
        let relay = self.list.get_mut(&id)?;
        let event = relay.client.poll_event()?;
        match event {
            Event::ChannelBound { peer } | Event::ChannelFailed { peer, .. } => {
                relay.opening.remove(&peer);
            }
            Event::Allocated { .. } => (relay.pending, relay.failures) = (false, 0),
            Event::Failed { .. } | Event::Lost { .. } => {
                relay.pending = false;
                relay.opening.clear();
            }
            _ => {}
        }
        Some(event)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let due = |relay: &&mut Relay| relay.client.poll_timeout().is_some_and(|at| at <= now);
        self.list
            .values_mut()
            .filter(due)
            .for_each(|relay| relay.client.handle_timeout(now));
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        self.list
            .values_mut()
            .find_map(|relay| relay.client.poll_transmit(now, buf))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let timers = |relay: &Relay| [relay.client.poll_timeout(), relay.retry];
        self.list.values().flat_map(timers).flatten().min()
    }

    /// From now on this server's datagrams are the relay's (RFC 8656 §7.4, 300). Gives where they came from so far.
    pub(crate) fn redirect(&mut self, id: u32, server: FiveTuple) -> Option<FiveTuple> {
        let left = self.by_server.iter().find(|(_, relay)| **relay == id);
        let left = left.map(|(way, _)| *way);
        if let Some(way) = left {
            self.by_server.remove(&way);
        }
        self.by_server.insert(server, id);
        left
    }

    /// The connection to this relay's server is there.
    pub(crate) fn connected(&mut self, now: Instant, id: u32, way: FiveTuple) {
        self.redirect(id, way);
        if let Some(relay) = self.list.get_mut(&id) {
            relay.client.connected_from(now, way.local);
        }
    }

    /// It could not be connected to again. `false`: that was often enough.
    pub(crate) fn retry(&mut self, now: Instant, id: u32) -> bool {
        let relay = self.list.get_mut(&id);
        let Some(relay) = relay.filter(|relay| relay.failures < MAX_FAILURES) else {
            return false;
        };
        relay.retry = Some(now + RETRY * (1 << relay.failures));
        relay.failures += 1;
        true
    }

    /// The next relay that is to be connected to again.
    pub(crate) fn next_retry(&mut self, now: Instant) -> Option<u32> {
        let due = |relay: &Relay| relay.retry.is_some_and(|at| at <= now);
        let (id, relay) = self.list.iter_mut().find(|(_, relay)| due(relay))?;
        relay.retry = None;
        Some(*id)
    }

    /// Asks the servers whether the relayed addresses are still there.
    pub(crate) fn verify(&mut self, now: Instant) {
        self.list
            .values_mut()
            .for_each(|relay| relay.client.verify(now));
    }

    /// Gives the relayed address back. The client is kept until that is done.
    pub(crate) fn close(&mut self, now: Instant, id: u32) {
        if let Some(relay) = self.list.get_mut(&id) {
            relay.pending = false;
            relay.opening.clear();
            relay.retry = None;
            relay.client.close(now);
        }
    }

    /// Forgets a client that is over.
    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(relay) = self.list.remove(&id) {
            self.by_server.remove(&relay.client.server());
        }
    }

    /// Writes the relay's header into the free bytes at the beginning of each segment.
    pub(crate) fn wrap(
        &self,
        id: u32,
        peer: SocketAddr,
        batch: &mut [u8],
        segment_size: usize,
    ) -> bool {
        let Some(relay) = self.list.get(&id) else {
            return false;
        };
        batch
            .chunks_mut(segment_size.max(1))
            .all(|datagram| relay.client.wrap(peer, datagram))
    }
}

/// Between the first two tries to connect again; twice as long between the next two, and so on. All of them take about as
/// long as the peer's consent lasts (RFC 7675 §5.1).
const RETRY: Duration = Duration::from_secs(1);
const MAX_FAILURES: u32 = 5;
