//! What the agent does with a check of the peer: answer, and check back (RFC 8445 §7.3).

use std::net::SocketAddr;
use std::time::Instant;

use ieum_pairing::{PairId, PairState, Role};
use ieum_stun::{Class, Integrity, Message, MessageBuilder, Method, code};

use super::Agent;
use super::progress::NOMINATION;
use crate::answering::{Heard, Proof};
use crate::candidates::Path;
use crate::credentials::Generation;
use crate::{Event, Reason};

impl Agent {
    /// A check of the peer: RFC 8445 §7.3. Nothing of it is believed before its integrity.
    pub(super) fn handle_check(
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
        let limit = 4 * self.config.limits.remote_candidates;
        self.answering.trust(path, remote, Proof::Asked, limit);
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
}

/// An answer is signed as its request was (RFC 8489 §9.1.3).
fn integrity(check: &Message<'_>) -> Integrity {
    check.integrity().unwrap_or(Integrity::Sha1)
}
