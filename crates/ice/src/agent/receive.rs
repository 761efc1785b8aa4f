//! What the agent does with a datagram.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ieum_candidate::{Candidate, TcpType, Transport};
use ieum_pairing::{PairId, PairState, Role};
use ieum_stun::{Class, FiveTuple, Integrity, Message, MessageBuilder, Method, code, is_stun};
use ieum_turn::client::Received;

use super::Agent;
use super::progress::NOMINATION;
use crate::answering::Heard;
use crate::candidates::{Added, Path, Remote};
use crate::checks::Check;
use crate::credentials::Generation;
use crate::{Event, Incoming, PairError, Reason, State, TransportPolicy};

impl Agent {
    /// Takes a datagram that arrived on one of our bases.
    ///
    /// `from` is where it arrived (`local`: the base, as it was given to [`gather`](Self::gather)) and where it came
    /// from (`remote`). What came through a relay is unwrapped first; STUN is kept; the rest is given back.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        from: FiveTuple,
        datagram: &'a [u8],
    ) -> Incoming<'a> {
        let incoming = self.route(now, from, datagram);
        if let Incoming::Ignored(reason) = incoming {
            self.counters.ignore(reason);
        }
        incoming
    }

    /// Unwraps before anything else: what a relay forwards is judged like what comes directly.
    fn route<'a>(&mut self, now: Instant, from: FiveTuple, datagram: &'a [u8]) -> Incoming<'a> {
        if let Some(relay) = self.relays.route(from) {
            return self.handle_relayed(now, relay, from, datagram);
        }
        if self.is_deaf() {
            return Incoming::Ignored(Reason::Closed);
        }
        if from.transport.is_stream() {
            return match self.streams.path(from) {
                Some(path) => self.receive(now, from, path, from.remote, datagram),
                None => Incoming::Ignored(Reason::UnknownLocal),
            };
        }
        if !self.gathering.is_base(from.local.into()) {
            return Incoming::Ignored(Reason::UnknownLocal);
        }
        self.receive(now, from, Path::Direct(from.local), from.remote, datagram)
    }

    fn handle_relayed<'a>(
        &mut self,
        now: Instant,
        relay: u32,
        from: FiveTuple,
        datagram: &'a [u8],
    ) -> Incoming<'a> {
        // A STUN server may live at the same address.
        if let Some(incoming) = Message::parse(datagram)
            .ok()
            .and_then(|message| self.handle_answer_of_server(now, from, &message))
        {
            return incoming;
        }
        let Some(known) = self.relays.get_mut(relay) else {
            return Incoming::Ignored(Reason::Relay);
        };
        match known.client.handle_datagram(now, datagram) {
            Received::Data { .. } if self.is_deaf() => Incoming::Ignored(Reason::Closed),
            Received::Data { peer, payload } => {
                self.receive(now, from, Path::Relay(relay), peer, payload)
            }
            Received::Ignored(_) => Incoming::Ignored(Reason::Relay),
            Received::Handled => {
                self.take_relay_events(now);
                if !self.is_over() {
                    self.advance(now);
                }
                Incoming::Handled
            }
        }
    }

    /// Takes what the peer (or somebody else) has sent on this path.
    fn receive<'a>(
        &mut self,
        now: Instant,
        from: FiveTuple,
        path: Path,
        remote: SocketAddr,
        datagram: &'a [u8],
    ) -> Incoming<'a> {
        if !is_stun(datagram) {
            return self.receive_application(now, path, remote, datagram);
        }
        let Ok(message) = Message::parse(datagram) else {
            return Incoming::Ignored(Reason::Malformed);
        };
        if path == Path::Direct(from.local) {
            if let Some(incoming) = self.handle_answer_of_server(now, from, &message) {
                return incoming;
            }
            if self.config.transport_policy == TransportPolicy::Relay {
                return Incoming::Ignored(Reason::Policy);
            }
        }
        if message.method() != Method::BINDING {
            return Incoming::Ignored(Reason::Unexpected);
        }
        if message.has_valid_fingerprint() == Some(false) {
            return Incoming::Ignored(Reason::WrongFingerprint);
        }
        let result = match message.class() {
            Class::Request => self
                .handle_check(now, path, remote, &message)
                .inspect(|()| self.streams.prove(from)),
            Class::Success | Class::Error => self.handle_answer(now, path, remote, &message),
            // A keepalive (RFC 8445 §11): nothing to do.
            Class::Indication => return Incoming::Handled,
        };
        self.advance(now);
        match result {
            Ok(()) => Incoming::Handled,
            Err(reason) => Incoming::Ignored(reason),
        }
    }

    fn receive_application<'a>(
        &mut self,
        now: Instant,
        path: Path,
        remote: SocketAddr,
        datagram: &'a [u8],
    ) -> Incoming<'a> {
        if self.nomination.is_selected(path, remote) {
            self.heard(now, path, remote);
            return Incoming::Application(datagram);
        }
        match self.answering.is_trusted(path, remote) {
            true => Incoming::Application(datagram),
            false => Incoming::Ignored(Reason::UnknownPeer),
        }
    }

    /// Something that only the peer can have sent came on this path.
    fn heard(&mut self, now: Instant, path: Path, remote: SocketAddr) {
        let selected = self.nomination.selected.as_mut();
        if let Some(selected) =
            selected.filter(|selected| selected.path == path && selected.remote == remote)
        {
            match self.config.lite {
                // RFC 7675 §5.1: a lite side does not ask. Who is heard is there.
                true => selected.consent.renewed(now),
                false => selected.consent.heard(now),
            }
            if self.state == State::Disconnected {
                self.advance(now);
            }
        }
    }

    /// A check of the peer: RFC 8445 §7.3. Nothing of it is believed before its integrity.
    fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        remote: SocketAddr,
        check: &Message<'_>,
    ) -> Result<(), Reason> {
        let (generation, ufrag) = self.sessions.authenticate(check)?;
        if generation != Generation::Next && self.is_over() {
            return Err(Reason::Closed);
        }
        if check.unknown_comprehension_required().next().is_some() {
            self.refuse(path, remote, generation, check, code::UNKNOWN_ATTRIBUTE);
            return Err(Reason::Unexpected);
        }
        if generation == Generation::Current && !self.repair_role(path, remote, check) {
            return Ok(());
        }
        self.answer(path, remote, generation, check);
        self.answering
            .trust(path, remote, 4 * self.config.limits.remote_candidates);
        self.heard(now, path, remote);
        if generation == Generation::Previous {
            return Ok(());
        }
        let heard = Heard {
            path,
            remote,
            priority: check.priority(),
            nominates: check.use_candidate()
                && (generation == Generation::Next || self.is_latest_nomination(check)),
        };
        // A check of a session that we have no description of yet says nothing about the one before it.
        let described = generation == Generation::Current
            && self
                .remote_credentials()
                .is_some_and(|credentials| credentials.ufrag == ufrag);
        let limit = self.config.limits.early_checks;
        if described {
            self.act_on(now, heard);
        } else if !self.answering.keep(heard, ufrag, limit) {
            return Err(Reason::Limit);
        }
        Ok(())
    }

    /// Both sides claim the same role: RFC 8445 §7.3.1.1. `false`: the peer was told to change its own.
    fn repair_role(&mut self, path: Path, remote: SocketAddr, check: &Message<'_>) -> bool {
        let keeps = match (self.role, check.ice_controlling(), check.ice_controlled()) {
            (Role::Controlling, Some(theirs), _) => self.tie_breaker >= theirs,
            (Role::Controlled, _, Some(theirs)) => self.tie_breaker < theirs,
            _ => return true,
        };
        self.counters.role_conflicts += 1;
        if keeps {
            self.refuse(
                path,
                remote,
                Generation::Current,
                check,
                code::ROLE_CONFLICT,
            );
            return false;
        }
        self.change_role(self.role.other());
        self.outbox.tell(Event::RoleChanged(self.role));
        true
    }

    /// Where there may be several nominations, one that was overtaken does not count.
    fn is_latest_nomination(&mut self, check: &Message<'_>) -> bool {
        let number = check
            .attribute(NOMINATION)
            .and_then(|value| value.try_into().ok());
        let Some(number) = number
            .map(u32::from_be_bytes)
            .filter(|_| self.renominates())
        else {
            return true;
        };
        let latest = number >= self.nomination.count;
        self.nomination.count = number.max(self.nomination.count);
        latest
    }

    fn answer(
        &mut self,
        path: Path,
        remote: SocketAddr,
        generation: Generation,
        check: &Message<'_>,
    ) {
        let Some(key) = self
            .sessions
            .get(generation)
            .map(|session| session.local_key().clone())
        else {
            return;
        };
        let id = check.transaction_id();
        self.counters.checks_answered += 1;
        self.send_to_peer(path, remote, |buf| {
            MessageBuilder::new(buf, Class::Success, Method::BINDING, id)
                .xor_mapped_address(remote)
                .integrity_as(integrity(check), &key)
                .fingerprint();
        });
    }

    fn refuse(
        &mut self,
        path: Path,
        remote: SocketAddr,
        generation: Generation,
        check: &Message<'_>,
        code: u16,
    ) {
        let Some(key) = self
            .sessions
            .get(generation)
            .map(|session| session.local_key().clone())
        else {
            return;
        };
        self.send_to_peer(path, remote, |buf| {
            let mut answer =
                MessageBuilder::new(buf, Class::Error, Method::BINDING, check.transaction_id());
            match code {
                code::UNKNOWN_ATTRIBUTE => answer
                    .error_code(code, "Unknown Attribute")
                    .unknown_attributes(check.unknown_comprehension_required()),
                _ => answer.error_code(code, "Role Conflict"),
            };
            answer.integrity_as(integrity(check), &key).fingerprint();
        });
    }

    /// Learns what a check of the peer tells, and checks back: RFC 8445 §7.3.1.3 to §7.3.1.5.
    pub(super) fn act_on(&mut self, now: Instant, heard: Heard) {
        let Some(local) = self.locals.on_path(heard.path).map(|local| local.id) else {
            return;
        };
        let remote = match (self.remotes.at(heard.path, heard.remote), heard.priority) {
            (Some(known), _) => known,
            (None, Some(priority)) => match self.discover(heard.path, heard.remote, priority) {
                Ok(id) => id,
                Err(reason) => return self.counters.ignore(reason),
            },
            (None, None) => return self.counters.ignore(Reason::Incomplete),
        };
        let pair = PairId { local, remote };
        let wanted = heard.nominates && self.role == Role::Controlled;
        let facts = self.checks.facts_mut(pair);
        facts.received += 1;
        facts.wanted |= wanted;
        if let Path::Relay(relay) = heard.path {
            if !self.relays.is_open(relay, heard.remote) {
                return self.relays.open(now, relay, heard.remote);
            }
        }
        if !self.checks.list.form(pair) {
            return;
        }
        match self.config.lite {
            true => self.believe(now, pair, heard.nominates),
            false => self.check_back(now, pair, wanted),
        }
    }

    fn check_back(&mut self, now: Instant, pair: PairId, wanted: bool) {
        match self.checks.state(pair) {
            Some(PairState::Succeeded) if wanted => self.nominated(now, pair),
            Some(PairState::Succeeded) | None => {}
            Some(PairState::InProgress) => {
                if let Some(check) = self.checks.hurry(now, pair) {
                    self.send_check(&check);
                }
            }
            // Once a pair is nominated, only the controlling side may want another one.
            Some(_) if self.nomination.is_nominated() && !wanted => {}
            Some(_) => {
                self.checks.list.trigger(pair);
            }
        }
    }

    fn discover(&mut self, path: Path, address: SocketAddr, priority: u32) -> Result<u32, Reason> {
        let local = self
            .locals
            .on_path(path)
            .map(|local| local.candidate.transport);
        let transport = match local {
            Some(Transport::Tcp(TcpType::Passive)) => Transport::Tcp(TcpType::Active),
            Some(Transport::Tcp(_)) => Transport::Tcp(TcpType::Passive),
            Some(Transport::Udp) | None => Transport::Udp,
        };
        let limits = &self.config.limits;
        let remote = self
            .remotes
            .discover(address, transport, priority, limits)?;
        let id = remote.id;
        let paired = ieum_pairing::Candidate {
            id,
            address,
            priority,
            foundation: &remote.candidate.foundation,
            transport,
        };
        // It is paired with where its check arrived (§7.3.1.4), not with all of our candidates: behind a NAT that takes
        // another port for every destination, each check of each pair would make another candidate, without end.
        self.checks.list.learn_remote(paired);
        Ok(id)
    }

    /// Learns a candidate that the peer has signaled. One of another session than this may have overtaken the
    /// description that begins it: it is kept until there is one.
    pub(super) fn learn_signaled(&mut self, now: Instant, candidate: Candidate) {
        let belongs = match (candidate.ufrag(), self.remote_credentials()) {
            (Some(theirs), Some(credentials)) => theirs == credentials.ufrag,
            _ => true,
        };
        let learned = match belongs {
            true => self.remotes.add(candidate, &self.config.limits),
            false => {
                self.counters.ignore(Reason::StaleCandidate);
                // Where there is no room for it, that is all there is to say.
                let _ = self.remotes.hold(candidate, &self.config.limits);
                return;
            }
        };
        match learned {
            Err(reason) => self.counters.ignore(reason),
            Ok(Added::Known) => {}
            Ok(Added::New(remote)) => {
                let id = remote.id;
                if let Some(name) = self.remotes.new_name(id) {
                    self.outbox.tell(Event::ResolveName(name));
                }
                self.pair_remote(now, id);
            }
            Ok(Added::Identified(id)) => {
                self.checks.list.pair_remote(id);
                let udp = |remote: &&Remote| remote.candidate.transport == Transport::Udp;
                let remote = self.remotes.get(id).filter(udp);
                if let Some(address) = remote.and_then(|remote| remote.address) {
                    self.open_relays(now, address);
                }
            }
        }
    }

    /// Takes the address of a name that [`Event::ResolveName`] has asked for.
    pub fn name_resolved(&mut self, now: Instant, name: &str, ip: IpAddr) {
        for id in self.remotes.resolve(name, ip) {
            self.pair_remote(now, id);
        }
        self.advance(now);
    }

    /// Pairs a remote candidate, if its address is known.
    pub(super) fn pair_remote(&mut self, now: Instant, id: u32) {
        let Some(remote) = self.remotes.get(id) else {
            return;
        };
        let Some(address) = remote.address else {
            return;
        };
        self.checks.list.add_remote(ieum_pairing::Candidate {
            id,
            address,
            priority: remote.candidate.priority,
            foundation: &remote.candidate.foundation,
            transport: remote.candidate.transport,
        });
        if remote.candidate.transport == Transport::Udp {
            self.open_relays(now, address);
        }
    }

    fn open_relays(&mut self, now: Instant, peer: SocketAddr) {
        for relay in self.relays.ids() {
            self.relays.open(now, relay, peer);
        }
    }

    /// An answer of the peer: to a check, or to a consent check. RFC 8445 §7.2.5.
    fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        remote: SocketAddr,
        answer: &Message<'_>,
    ) -> Result<(), Reason> {
        let id = answer.transaction_id();
        if let Some(check) = self.checks.find(id).cloned() {
            self.verify(Generation::Current, answer)?;
            if !self.is_way_of(&check, path, remote) {
                self.checks.remove(id);
                self.fail_pair(now, check.pair, PairError::Asymmetric);
                return Err(Reason::Asymmetric);
            }
            match answer.class() {
                Class::Success => self.check_succeeded(now, &check, answer),
                _ => self.check_refused(now, &check, answer),
            }
            self.answering
                .trust(path, remote, 4 * self.config.limits.remote_candidates);
            return Ok(());
        }
        if self.checks.was_answered(id) {
            return self.verify(Generation::Current, answer);
        }
        let selected = self
            .nomination
            .selected
            .as_ref()
            .ok_or(Reason::UnknownTransaction)?;
        if !selected.consent.is_outstanding(id) || answer.class() != Class::Success {
            return Err(Reason::UnknownTransaction);
        }
        if selected.path != path || selected.remote != remote {
            return Err(Reason::Asymmetric);
        }
        self.verify(selected.generation, answer)?;
        self.consent_answered(now, id);
        Ok(())
    }

    /// An answer is signed with the key of its question (RFC 8489 §9.1.4).
    fn verify(&self, generation: Generation, answer: &Message<'_>) -> Result<(), Reason> {
        let session = self
            .sessions
            .get(generation)
            .and_then(|session| session.remote());
        let remote = session.ok_or(Reason::UnknownTransaction)?;
        answer
            .verify_integrity(&remote.key)
            .map_err(|_| Reason::WrongIntegrity)
    }

    fn is_way_of(&self, check: &Check, path: Path, remote: SocketAddr) -> bool {
        let expected = self.locals.get(check.pair.local).map(|local| local.path);
        expected == Some(path) && self.remotes.at(path, remote) == Some(check.pair.remote)
    }
}

/// An answer is signed as its request was (RFC 8489 §9.1.3).
fn integrity(check: &Message<'_>) -> Integrity {
    check.integrity().unwrap_or(Integrity::Sha1)
}
