//! Gathering: what the agent does with bases and STUN answers, and whom it asks.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Allowance, Candidate, Kind, TcpType, Transport, usable};
use ieum_pairing::Forming;
use ieum_stun::{Class, FiveTuple, Message, MessageBuilder, Method, TransactionId};
use ieum_turn::client;

use super::Agent;
use crate::candidates::{COMPONENT, Path};
use crate::disguise::Disguise;
use crate::gathering::{Base, Query};
use crate::relays::Source;
use crate::streams::Wanted;
use crate::{
    CandidateError, Event, GatheringState, Incoming, Reason, Server, ServerKind, State,
    TransportPolicy,
};

impl Agent {
    /// Gathers candidates: `bases` are the addresses of UDP sockets that the caller has bound, or [`Base`](crate::Base)s
    /// of both transports, best first within each family.
    /// IPv6 and IPv4 are interleaved (RFC 8421 §4). May be
    /// called again: with more bases, which come after those before, or with the same ones and more servers. An address
    /// that may not be a candidate ([`usable`]) is a [`CandidateError`] without a server; loopback and link-local
    /// addresses may, since the caller has chosen them.
    ///
    /// Host candidates come at once. For each base and each server of its family there is one request, unless one is
    /// under way; a loopback
    /// base asks only servers on loopback. [`GatheringState::Complete`] comes when all servers have answered, or at
    /// the latest after [`gathering_timeout`](crate::Timing::gathering_timeout).
    pub fn gather_on(&mut self, now: Instant, bases: &[crate::Base], servers: &[Server]) {
        if self.state == State::Closed {
            return;
        }
        self.set_gathering_state(GatheringState::Gathering);
        self.gathering.begin(now, &self.config.timing);
        let usable = self.usable_bases(bases);
        for base in self.gathering.add_bases(usable, self.config.limits.bases) {
            // A lite side sends no checks, so it connects to nobody.
            let checks = base.transport != Transport::Tcp(TcpType::Active) || !self.config.lite;
            let is_candidate = base.given.is_candidate() && checks;
            if self.config.transport_policy == TransportPolicy::All && is_candidate {
                self.add_hosts(base);
            }
        }
        if !self.config.lite {
            for base in self.gathering.among(bases) {
                for server in servers.iter().take(self.config.limits.servers) {
                    self.ask(now, base, server);
                }
            }
        }
        self.finish_gathering();
        self.advance(now);
    }

    /// Gathers candidates on UDP sockets alone: [`gather_on`](Self::gather_on) with [`Base::Udp`](crate::Base::Udp)s.
    pub fn gather(&mut self, now: Instant, bases: &[SocketAddr], servers: &[Server]) {
        let bases: Vec<crate::Base> = bases.iter().map(|base| (*base).into()).collect();
        self.gather_on(now, &bases, servers);
    }

    fn usable_bases(&mut self, bases: &[crate::Base]) -> Vec<crate::Base> {
        let mut kept = Vec::new();
        for base in bases {
            match usable(base.address().ip(), Allowance::ALL) {
                Ok(()) => kept.push(*base),
                Err(reason) => self.tell_error("", base.address(), None, reason.to_string().into()),
            }
        }
        kept
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
            let path = match base.transport {
                Transport::Udp => Path::Direct(base.address),
                Transport::Tcp(_) => Path::Stream(base.address),
            };
            self.add_local(candidate, address, path, None);
        }
    }

    /// Asks one server from one base, if the one can reach the other.
    fn ask(&mut self, now: Instant, base: Base, server: &Server) {
        let same_family = base.address.is_ipv4() == server.addr.is_ipv4();
        // The kernel sends nothing from a loopback address to the world.
        if !same_family || (base.address.ip().is_loopback() && !server.addr.ip().is_loopback()) {
            return;
        }
        let over_udp = server.transport == ieum_stun::Transport::Udp;
        let is_asked_from = match server.kind {
            ServerKind::Turn { .. } if over_udp => base.given.allocates(),
            _ => base.given.is_candidate(),
        };
        if !is_asked_from {
            return;
        }
        let opening = self.streams.opening_servers().count();
        if self.gathering.open_questions() + self.relays.len() + opening >= MAX_REQUESTS {
            return self.tell_error(
                &server.url,
                base.address,
                None,
                "too many servers and addresses".into(),
            );
        }
        let stream = server.transport.is_stream();
        match &server.kind {
            _ if server.transport == ieum_stun::Transport::Dtls => {
                let reason = "DTLS to a server is not supported";
                self.tell_error(&server.url, base.address, None, reason.into());
            }
            ServerKind::Stun if stream => {
                let reason = "over TCP and TLS only a TURN server gives a candidate";
                self.tell_error(&server.url, base.address, None, reason.into());
            }
            ServerKind::Stun if self.config.transport_policy == TransportPolicy::Relay => {}
            ServerKind::Stun if self.gathering.is_asking(base.address, server.addr) => {}
            ServerKind::Stun => {
                let id = self.random.transaction_id();
                let way = self.gathering.ask(now, id, base, server);
                self.send_question(id, way);
            }
            ServerKind::Turn { .. } if self.streams.is_asking(base.address, server) => {}
            ServerKind::Turn { username, password } if stream => {
                let wanted = Wanted {
                    source: source(base, server),
                    transport: server.transport,
                    username: username.clone(),
                    password: password.clone(),
                };
                self.streams.open_to_server(server.addr, wanted);
            }
            ServerKind::Turn { username, password } => {
                let way = FiveTuple::udp(base.address, server.addr);
                let config = client::Config::new(way, username, password, self.random.seed());
                self.relays.start(now, source(base, server), config);
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
        self.give_up_streams(NO_ANSWER, |_| true);
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

    pub(super) fn add_reflexive(
        &mut self,
        mapped: SocketAddr,
        way: FiveTuple,
        preference: u16,
        url: &str,
    ) {
        // What a server sees of a connection is no address for datagrams.
        let datagrams = way.transport == ieum_stun::Transport::Udp;
        let is_candidate = self.gathering.is_candidate(way.local);
        if self.config.transport_policy == TransportPolicy::Relay || !datagrams || !is_candidate {
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
        let path = Path::Direct(way.local);
        self.add_local(candidate, mapped, path, Some(url));
    }

    /// After a restart: what was gathered is gathered anew, as far as the peer is concerned.
    pub(super) fn tell_candidates_again(&mut self) {
        let is_complete = self.gathering.state == GatheringState::Complete;
        if is_complete {
            let again = Event::GatheringState(GatheringState::Gathering);
            self.outbox.tell(again);
        }
        for local in self.locals.iter() {
            self.outbox.tell(Event::Candidate(local.candidate.clone()));
        }
        if is_complete {
            let complete = Event::GatheringState(GatheringState::Complete);
            self.outbox.tell(complete);
        }
    }

    /// Adds a local candidate: tells it, and pairs it where its kind is paired.
    pub(super) fn add_local(
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
        let transport = local.candidate.transport;
        let forming = match path {
            Path::Stream(_) if transport == Transport::Tcp(TcpType::Passive) => Forming::OnDemand,
            Path::Direct(_) | Path::Stream(_) => Forming::Automatic,
            Path::Relay(_) => Forming::OnDemand,
        };
        if matches!(kind, Kind::Host | Kind::Relayed) {
            let paired = ieum_pairing::Candidate {
                id: local.id,
                address,
                priority: local.candidate.priority,
                foundation: &local.candidate.foundation,
                transport,
            };
            self.checks.list.add_local(paired, forming);
        }
        self.outbox.tell(Event::Candidate(local.candidate.clone()));
    }

    /// Gives up opening connections to servers.
    fn give_up_streams(&mut self, reason: &'static str, which: impl Fn(&Wanted) -> bool) {
        let opening = self.streams.opening_servers();
        let given_up = opening.filter(|(_, wanted)| which(wanted));
        for (id, wanted) in given_up
            .map(|(id, wanted)| (id, wanted.clone()))
            .collect::<Vec<_>>()
        {
            self.streams.close(id);
            let source = &wanted.source;
            self.tell_error(&source.url, source.base, None, reason.into());
        }
    }

    /// Forgets the relays whose servers were asked from a base that is gone.
    pub(super) fn remove_relays_of(&mut self, base: SocketAddr) {
        for relay in self.relays.leaving_from(base) {
            self.remove_relay(relay);
        }
        self.give_up_streams("the network interface is gone", |wanted| {
            wanted.source.base == base
        });
    }

    /// Forgets the candidates on a path, their pairs, and that data goes over one of them.
    pub(super) fn remove_path(&mut self, path: Path) {
        self.forget_candidates(path);
        let selected = self.nomination.selected.as_ref();
        if selected.is_some_and(|selected| selected.path == path) {
            self.nomination.selected = None;
        }
    }

    /// Forgets the candidates on a path, and their pairs.
    pub(super) fn forget_candidates(&mut self, path: Path) {
        if let Some(local) = self.locals.on_path(path) {
            self.checks.remove_local(local.id);
            self.history
                .note(&mut self.checks, &self.locals, &self.remotes);
        }
        self.locals.remove_path(path);
        let nominating = self.nomination.nominating;
        if nominating.is_some_and(|pair| self.checks.list.pair(pair).is_none()) {
            self.nomination.nominating = None;
        }
    }

    pub(super) fn finish_gathering(&mut self) {
        let asking = self.gathering.open_questions() > 0
            || self.relays.pending().next().is_some()
            || self.streams.opening_servers().next().is_some();
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

    pub(super) fn tell_error(
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

/// What is kept of where a relay comes from.
fn source(base: Base, server: &Server) -> Source {
    Source {
        url: server.url.clone(),
        server_name: server.server_name.clone(),
        base: base.address,
        preference: base.preference.saturating_sub(detour(server.transport)),
    }
}

/// How much less a relay is preferred that is reached by this transport: what is relayed over a connection waits for what
/// was lost on it, and TLS has more to do for each message.
fn detour(transport: ieum_stun::Transport) -> u16 {
    match transport {
        ieum_stun::Transport::Udp => 0,
        ieum_stun::Transport::Tcp => 1 << 12,
        ieum_stun::Transport::Tls | ieum_stun::Transport::Dtls => 1 << 13,
    }
}

/// Requests to servers under way at once; each costs a timer.
const MAX_REQUESTS: usize = 256;
pub(super) const NO_ANSWER: &str = "the server did not answer";
