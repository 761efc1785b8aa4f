//! Gathering: what the agent does with bases, STUN answers and TURN events.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Candidate, Kind, Transport};
use ieum_pairing::{Forming, PairId};
use ieum_stun::{Class, FiveTuple, Message, MessageBuilder, Method, TransactionId};
use ieum_turn::client;

use super::Agent;
use crate::candidates::{COMPONENT, Path};
use crate::disguise::{Disguise, nowhere};
use crate::gathering::{Base, Query};
use crate::{
    CandidateError, Event, GatheringState, Incoming, PairError, Reason, Server, ServerKind, State,
    TransportPolicy,
};

impl Agent {
    /// Gathers candidates: `bases` are the addresses of sockets that the caller has bound, best first. May be called
    /// again with more of them; what is already known is skipped.
    ///
    /// Host candidates come at once. For each base and each server of its family there is one request; a loopback
    /// base asks only servers on loopback. [`GatheringState::Complete`] comes when all servers have answered, or at
    /// the latest after [`gathering_timeout`](crate::Timing::gathering_timeout).
    pub fn gather(&mut self, now: Instant, bases: &[SocketAddr], servers: &[Server]) {
        if self.state == State::Closed {
            return;
        }
        self.set_gathering_state(GatheringState::Gathering);
        self.gathering.begin(now, &self.config.timing);
        for address in bases {
            let Some(base) = self.gathering.add_base(*address, self.config.limits.bases) else {
                continue;
            };
            if self.config.transport_policy == TransportPolicy::All {
                self.add_hosts(base);
            }
            if self.config.lite {
                continue;
            }
            for server in servers.iter().take(self.config.limits.servers) {
                self.ask(now, base, server);
            }
        }
        self.finish_gathering();
        self.advance(now);
    }

    /// The candidates that a base has without asking anybody.
    fn add_hosts(&mut self, base: Base) {
        let ip = base.address.ip();
        for mut candidate in Disguise::mapped(&self.config.address_mappings, base) {
            if self.config.hide_host_addresses && candidate.kind == Kind::Host {
                let hidden = self
                    .disguise
                    .hide_host(&mut self.random, &mut candidate, ip);
                if let Some(name) = hidden {
                    self.outbox.tell(Event::RegisterName { name, ip });
                }
            } else if let Some(external) = candidate.address.ip() {
                self.disguise.hide_base(&mut candidate, ip, external);
            }
            let address = match candidate.kind {
                Kind::Host => base.address,
                _ => candidate.socket_addr().unwrap_or(base.address),
            };
            self.add_local(candidate, address, Path::Direct(base.address), None);
        }
    }

    /// Asks one server from one base, if the one can reach the other.
    fn ask(&mut self, now: Instant, base: Base, server: &Server) {
        let same_family = base.address.is_ipv4() == server.addr.is_ipv4();
        // The kernel sends nothing from a loopback address to the world.
        if !same_family || (base.address.ip().is_loopback() && !server.addr.ip().is_loopback()) {
            return;
        }
        if server.transport != ieum_stun::Transport::Udp {
            return self.tell_error(
                &server.url,
                base.address,
                None,
                "only UDP to STUN and TURN servers is supported".into(),
            );
        }
        if self.gathering.open_questions() + self.relays.len() >= MAX_REQUESTS {
            return self.tell_error(
                &server.url,
                base.address,
                None,
                "too many servers and addresses".into(),
            );
        }
        match &server.kind {
            ServerKind::Stun if self.config.transport_policy == TransportPolicy::Relay => {}
            ServerKind::Stun => {
                let id = self.random.transaction_id();
                let way = self.gathering.ask(now, id, base, server);
                self.send_question(id, way);
            }
            ServerKind::Turn { username, password } => {
                let way = FiveTuple::udp(base.address, server.addr);
                let config = client::Config::new(way, username, password, self.random.seed());
                self.relays.start(now, &server.url, base.preference, config);
            }
        }
    }

    fn send_question(&mut self, id: TransactionId, way: FiveTuple) {
        self.scratch.clear();
        MessageBuilder::new(&mut self.scratch, Class::Request, Method::BINDING, id).fingerprint();
        if !self.outbox.push(way, &self.scratch) {
            self.counters.unsent += 1;
        }
    }

    pub(super) fn repeat_questions(&mut self, now: Instant) {
        while let Some((id, way)) = self.gathering.next_due(now) {
            self.send_question(id, way);
        }
        if !self.gathering.is_over(now) {
            return;
        }
        for query in self.gathering.give_up() {
            self.tell_error(&query.url, query.way.local, None, NO_ANSWER.into());
        }
        for id in self.relays.pending().collect::<Vec<_>>() {
            self.give_up_relay(now, id);
        }
        self.finish_gathering();
    }

    /// Takes a STUN server's answer, if it is one.
    pub(super) fn handle_answer_of_server<'a>(
        &mut self,
        now: Instant,
        from: FiveTuple,
        message: &Message<'_>,
    ) -> Option<Incoming<'a>> {
        let id = message.transaction_id();
        if !self.gathering.is_question(id)
            || !matches!(message.class(), Class::Success | Class::Error)
        {
            return None;
        }
        let Some(query) = self.gathering.answered(id, from) else {
            return Some(Incoming::Ignored(Reason::Asymmetric));
        };
        self.take_answer(&query, message);
        self.finish_gathering();
        self.advance(now);
        Some(Incoming::Handled)
    }

    fn take_answer(&mut self, query: &Query, message: &Message<'_>) {
        let base = query.way.local;
        if let Some(error) = message.error_code() {
            return self.tell_error(
                &query.url,
                base,
                Some(error.code),
                error.reason.to_owned().into(),
            );
        }
        match message
            .xor_mapped_address()
            .or_else(|| message.mapped_address())
        {
            Some(mapped) => self.add_reflexive(mapped, query.way, query.preference, &query.url),
            None => self.tell_error(&query.url, base, None, "the answer names no address".into()),
        }
    }

    fn add_reflexive(&mut self, mapped: SocketAddr, way: FiveTuple, preference: u16, url: &str) {
        if self.config.transport_policy == TransportPolicy::Relay {
            return;
        }
        let server = way.remote.ip();
        let mut candidate = Candidate::server_reflexive(
            mapped,
            way.local,
            server,
            Transport::Udp,
            COMPONENT,
            preference,
        );
        self.disguise
            .hide_base(&mut candidate, way.local.ip(), server);
        self.add_local(candidate, mapped, Path::Direct(way.local), Some(url));
    }

    /// Adds a local candidate: tells it, and pairs it where its kind is paired.
    fn add_local(
        &mut self,
        candidate: Candidate,
        address: SocketAddr,
        path: Path,
        url: Option<&str>,
    ) {
        let kind = candidate.kind;
        let Some(local) = self.locals.add(candidate, address, path) else {
            let url = url.unwrap_or_default().to_owned();
            return self.outbox.tell(Event::CandidateRedundant { kind, url });
        };
        let forming = match path {
            Path::Direct(_) => Forming::Automatic,
            Path::Relay(_) => Forming::OnDemand,
        };
        if matches!(kind, Kind::Host | Kind::Relayed) {
            let paired = ieum_pairing::Candidate {
                id: local.id,
                address,
                priority: local.candidate.priority,
                foundation: &local.candidate.foundation,
            };
            self.checks.list.add_local(paired, forming);
        }
        self.outbox.tell(Event::Candidate(local.candidate.clone()));
    }

    /// Does what the TURN clients' events ask for.
    pub(super) fn take_relay_events(&mut self, now: Instant) {
        for id in self.relays.ids() {
            while let Some(event) = self.relays.poll_event(id) {
                self.take_relay_event(now, id, event);
            }
            let closed =
                |relay: &crate::relays::Relay| relay.client.state() == client::State::Closed;
            if self.relays.get(id).is_some_and(closed) {
                self.remove_relay(id);
            }
        }
        if self.state != State::Closed {
            self.finish_gathering();
        }
    }

    fn take_relay_event(&mut self, now: Instant, id: u32, event: client::Event) {
        match event {
            client::Event::Allocated { relayed, reflexive } => {
                self.relay_allocated(now, id, relayed, reflexive)
            }
            client::Event::Failed { code, reason } => {
                self.fail_relay(id, code, reason.to_string().into())
            }
            client::Event::Lost { code } => {
                self.fail_relay(id, code, "the relayed address was lost".into())
            }
            client::Event::ChannelBound { peer } => {
                if let Some(pair) = self.relayed_pair(id, peer) {
                    self.checks.list.form(pair);
                    if self
                        .checks
                        .facts(pair)
                        .is_some_and(|facts| facts.received > 0)
                    {
                        self.checks.list.trigger(pair);
                    }
                }
            }
            client::Event::ChannelFailed { peer, code } => {
                if let Some(pair) = self.relayed_pair(id, peer) {
                    self.fail_pair(now, pair, PairError::RelayRefused(code));
                }
            }
            // Of what an agent does not ask for.
            _ => {}
        }
    }

    fn relay_allocated(
        &mut self,
        now: Instant,
        id: u32,
        relayed: SocketAddr,
        reflexive: SocketAddr,
    ) {
        let Some(relay) = self.relays.get(id) else {
            return;
        };
        if self.state == State::Closed {
            return self.relays.close(now, id);
        }
        let (way, preference, url) = (relay.client.server(), relay.preference, relay.url.clone());
        self.add_reflexive(reflexive, way, preference, &url);
        // With only relayed candidates allowed, nobody is told where this host is.
        let mapped = match self.config.transport_policy {
            TransportPolicy::All => reflexive,
            TransportPolicy::Relay => nowhere(relayed.ip()),
        };
        let candidate = Candidate::relayed(
            relayed,
            mapped,
            way.remote.ip(),
            Transport::Udp,
            COMPONENT,
            preference,
        );
        self.add_local(candidate, relayed, Path::Relay(id), Some(&url));
        for peer in self.remotes.addresses().collect::<Vec<_>>() {
            self.relays.open(now, id, peer);
        }
    }

    fn relayed_pair(&self, relay: u32, peer: SocketAddr) -> Option<PairId> {
        let local = self.locals.on_path(Path::Relay(relay))?.id;
        Some(PairId {
            local,
            remote: self.remotes.at(peer)?,
        })
    }

    /// Tells that a relay gives no candidate (any more), and forgets it.
    fn fail_relay(&mut self, id: u32, code: Option<u16>, reason: Cow<'static, str>) {
        if let Some(relay) = self.relays.get(id).filter(|_| self.state != State::Closed) {
            let (url, local) = (relay.url.clone(), relay.client.server().local);
            self.tell_error(&url, local, code, reason);
        }
        self.remove_relay(id);
    }

    /// Stops waiting for a relay. Should the server answer after all, the address is given back.
    fn give_up_relay(&mut self, now: Instant, id: u32) {
        let Some(relay) = self.relays.get(id) else {
            return;
        };
        let (url, local) = (relay.url.clone(), relay.client.server().local);
        self.tell_error(&url, local, None, NO_ANSWER.into());
        self.relays.close(now, id);
    }

    pub(super) fn remove_relay(&mut self, id: u32) {
        self.relays.remove(id);
        self.remove_path(Path::Relay(id));
    }

    /// Forgets the candidates on a path, and their pairs.
    pub(super) fn remove_path(&mut self, path: Path) {
        if let Some(local) = self.locals.on_path(path) {
            self.checks.remove_local(local.id);
            self.history
                .note(&mut self.checks, &self.locals, &self.remotes);
        }
        self.locals.remove_path(path);
        if self
            .nomination
            .selected
            .as_ref()
            .is_some_and(|selected| selected.path == path)
        {
            self.nomination.selected = None;
        }
        if self
            .nomination
            .nominating
            .is_some_and(|pair| self.checks.list.pair(pair).is_none())
        {
            self.nomination.nominating = None;
        }
    }

    pub(super) fn finish_gathering(&mut self) {
        let asking = self.gathering.open_questions() > 0 || self.relays.pending().next().is_some();
        if self.gathering.state == GatheringState::Gathering && !asking {
            self.gathering.complete();
            self.outbox
                .tell(Event::GatheringState(GatheringState::Complete));
        }
    }

    fn set_gathering_state(&mut self, state: GatheringState) {
        if self.gathering.state != state {
            self.gathering.state = state;
            self.outbox.tell(Event::GatheringState(state));
        }
    }

    fn tell_error(
        &mut self,
        url: &str,
        local: SocketAddr,
        code: Option<u16>,
        reason: Cow<'static, str>,
    ) {
        self.outbox.tell(Event::CandidateError(CandidateError {
            url: url.to_owned(),
            local,
            code,
            reason,
        }));
    }
}

/// Requests to servers under way at once; each costs a timer.
const MAX_REQUESTS: usize = 256;
const NO_ANSWER: &str = "the server did not answer";
