//! Restarts: offered, begun or taken back (RFC 8445 §9, RFC 8839 §4.4.1.1.1).

use std::time::Instant;

use super::Agent;
use crate::credentials::Generation;
use crate::{Credentials, Event, State};

impl Agent {
    /// Draws credentials, for a description that is to restart. Nothing else changes.
    pub fn new_credentials(&mut self) -> Credentials {
        self.random.credentials()
    }

    /// An offer that restarts is applied: from now on checks that know these credentials are answered too, and the local
    /// candidates come again as events, to be signaled [under them](Self::signaled_credentials), and the gathering state with
    /// them: [`Gathering`](crate::GatheringState::Gathering) before, `Complete` after the last one. The session in force goes on as if nothing was, until
    /// the peer has answered: then [`restart`](Self::restart). Where the offer is taken back, [`cancel_restart`](Self::cancel_restart).
    pub fn prepare_restart(&mut self, credentials: Credentials) {
        let is_same = *self.signaled_credentials() == credentials;
        if self.state == State::Closed || is_same {
            return;
        }
        self.answering.forget_early();
        self.sessions.prepare(credentials);
        self.told_before = self.locals.next_id();
        self.tell_candidates_again();
    }

    /// Takes a prepared restart back: its credentials are forgotten. Candidates found meanwhile, which the peer
    /// was told of under those, come again as events.
    pub fn cancel_restart(&mut self) {
        if self.sessions.cancel().is_none() {
            return;
        }
        self.answering.forget_early();
        for local in self.locals.found_since(self.told_before) {
            self.outbox.tell(Event::Candidate(local.candidate.clone()));
        }
    }

    /// Whether a restart was prepared that has not begun.
    pub fn is_restart_prepared(&self) -> bool {
        self.sessions.get(Generation::Next).is_some()
    }

    /// The credentials that candidates are to be signaled with: of the restart that is prepared, or else of the session in force.
    pub fn signaled_credentials(&self) -> &Credentials {
        let next = self.sessions.get(Generation::Next);
        &next.unwrap_or(self.sessions.current()).local
    }

    /// Restarts (RFC 8445 §9), with the credentials that were [prepared](Self::prepare_restart) or else with new ones; the peer's are
    /// forgotten until it gives new ones. Data goes on over the old pair until there is a new one. Where nothing was
    /// prepared, the local candidates come again as events, to be signaled again.
    pub fn restart(&mut self, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        if !self.is_restart_prepared() {
            let credentials = self.random.credentials();
            self.prepare_restart(credentials);
        }
        self.sessions.restart(self.is_session_in_use());
        self.begin_session();
        self.advance(now);
    }

    /// Forgets all that belongs to the session that ends; what data goes over stays.
    pub(super) fn begin_session(&mut self) {
        self.checks.clear();
        self.remotes.clear();
        self.history.clear();
        self.nomination.restart();
        self.checking_since = None;
        if self.state == State::Failed {
            self.set_state(State::New);
        }
    }

    /// Closed, or failed with no restart on offer: nothing of the peer is listened to.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_over() && !self.is_restart_prepared()
    }
}
