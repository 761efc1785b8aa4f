//! What the agent does with a datagram.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_pairing::PairId;
use ieum_stun::{Class, FiveTuple, Message, Method, is_stun};
use ieum_turn::client::Received;

use super::Agent;
use crate::answering::Proof;
use crate::candidates::Path;
use crate::checks::Check;
use crate::credentials::Generation;
use crate::{Incoming, PairError, Reason, State, TransportPolicy};

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
        } else if !self.answering.is_trusted(path, remote) {
            return Incoming::Ignored(Reason::UnknownPeer);
        }
        if let Some(pair) = self.pair_on(path, remote) {
            let data = &mut self.checks.facts_mut(pair).data;
            data.packets_received += 1;
            data.bytes_received += datagram.len() as u64;
        }
        Incoming::Application(datagram)
    }

    /// The pair of this session that this is the way of.
    fn pair_on(&self, path: Path, remote: SocketAddr) -> Option<PairId> {
        let selected = self.nomination.selected.as_ref();
        if let Some(selected) = selected
            && selected.path == path
            && selected.remote == remote
        {
            return (selected.generation == Generation::Current).then_some(selected.pair);
        }
        let local = self.locals.on_path(path)?.id;
        let remote = self.remotes.at(path, remote)?;
        let pair = PairId { local, remote };
        self.checks.list.pair(pair).map(|_| pair)
    }

    /// Whether, and how, the other end of a UDP five-tuple has proven to be the peer since it became known. A lite side,
    /// which checks nothing, takes an accepted check for an answer. For whoever shares a socket between agents, and must
    /// know which of them datagrams from there are for.
    #[must_use]
    pub fn proof(&self, from: FiveTuple) -> Option<Proof> {
        let proof = self
            .answering
            .proof(Path::Direct(from.local), from.remote)?;
        Some(match self.config.lite {
            true => Proof::Answered,
            false => proof,
        })
    }

    /// Something that only the peer can have sent came on this path.
    pub(super) fn heard(&mut self, now: Instant, path: Path, remote: SocketAddr) {
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
            let limit = 4 * self.config.limits.remote_candidates;
            self.answering.trust(path, remote, Proof::Answered, limit);
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
