//! What the agent does when the selected pair falls silent, without a restart.

use std::time::Instant;

use ieum_pairing::PairId;

use super::Agent;
use crate::State;
use crate::candidates::Path;

impl Agent {
    /// Tries all pairs again, the silent one among them. A relay may have forgotten us: it is asked.
    pub(super) fn fail_over(&mut self, now: Instant) {
        self.relays.verify(now);
        let current = self
            .nomination
            .selected
            .as_ref()
            .filter(|selected| selected.generation == crate::credentials::Generation::Current);
        let Some(pair) = current.map(|selected| selected.pair) else {
            return;
        };
        if !self.config.failover || self.config.lite || self.remote_credentials().is_none() {
            return;
        }
        self.checks.start_over(pair);
        self.nomination.start_over();
        self.form_relayed(now);
        self.start_checks(now);
    }

    /// A check has succeeded: it may be the pair that was silent, or one that takes its place.
    pub(super) fn come_back(&mut self, now: Instant, pair: PairId) {
        let Some(selected) = &mut self.nomination.selected else {
            return;
        };
        if selected.is(pair) {
            selected.consent.renewed(now);
            // Over TCP it is another connection.
            let (path, remote) = (selected.path, selected.remote);
            if let (true, Some(stream)) = (path.is_stream(), self.streams.between(path, remote)) {
                selected.way = stream.way.unwrap_or(selected.way);
            }
        } else if self.state == State::Disconnected && selected.is_nominated() {
            // Data goes this way at once. It is nominated like any other, or by the peer.
            self.use_pair(now, pair, false);
        }
    }

    /// Forms the relayed pairs again whose way is open.
    fn form_relayed(&mut self, now: Instant) {
        for relay in self.relays.ids() {
            let Some(local) = self.locals.on_path(Path::Relay(relay)).map(|it| it.id) else {
                continue;
            };
            for peer in self.remotes.addresses().collect::<Vec<_>>() {
                let Some(remote) = self.remotes.at(Path::Relay(relay), peer) else {
                    continue;
                };
                match self.relays.is_open(relay, peer) {
                    true => {
                        self.checks.list.form(PairId { local, remote });
                    }
                    false => self.relays.open(now, relay, peer),
                }
            }
        }
    }
}
