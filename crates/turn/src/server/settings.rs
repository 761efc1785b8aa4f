//! What may change while the server runs: by `reconfigure` and by `drain`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{Abilities, Config, Discovery, Limits, Quotas};
use super::{PeerPolicy, Server};

/// What a [`Config`] says beside credentials.
pub(super) struct Settings {
    pub(super) peers: PeerPolicy,
    pub(super) limits: Limits,
    pub(super) abilities: Abilities,
    pub(super) discovery: Option<Discovery>,
    pub(super) alternate_servers: Vec<SocketAddr>,
    pub(super) quotas: Quotas,
    pub(super) worker: u8,
    pub(super) software: Option<Arc<str>>,
    /// No new allocations; those that live end here at the latest.
    pub(super) drain: Option<Instant>,
}

impl Settings {
    /// Takes everything out of a configuration but realm, secrets, users, time and seed.
    pub(super) fn of(config: &mut Config) -> Self {
        Self {
            peers: std::mem::take(&mut config.peers),
            limits: std::mem::take(&mut config.limits),
            abilities: config.abilities,
            discovery: config.discovery,
            alternate_servers: std::mem::take(&mut config.alternate_servers),
            quotas: config.quotas,
            worker: config.worker,
            software: config.software.take().map(Into::into),
            drain: None,
        }
    }

    /// How long an allocation may live from `now`.
    pub(super) fn lifetime(&self, now: Instant, wanted: Option<Duration>) -> Duration {
        let lifetime = self.limits.lifetime(wanted);
        match self.drain {
            Some(deadline) => lifetime.min(deadline.saturating_duration_since(now)),
            None => lifetime,
        }
    }
}

impl Server {
    /// Takes a new configuration without ending an allocation. All of it counts from now on but `seed`, `unix_time`,
    /// `worker` and `quotas`, which stay as they were.
    ///
    /// - Who has more than a new limit keeps it until it ends.
    /// - Permissions and channels of peers that the new policy refuses are forgotten.
    /// - An allocation goes on with the credentials that made it, also where their user or secret is gone.
    pub fn reconfigure(&mut self, _now: Instant, mut config: Config) {
        let before = &self.settings;
        let settings = Settings {
            quotas: before.quotas,
            worker: before.worker,
            drain: before.drain,
            ..Settings::of(&mut config)
        };
        self.settings = settings;
        self.auth
            .reconfigure(config.realm, config.secrets, &config.users);
        self.auth
            .nonces
            .set_lifetime(self.settings.limits.nonce_lifetime);
        for (_, allocation) in self.table.all_mut() {
            allocation.permissions.retain(&self.settings.peers);
            allocation.channels.retain(&self.settings.peers);
        }
    }

    /// Ends in an orderly way: from now on an Allocate is refused, with 300 where
    /// [`Config::alternate_servers`] has an address of the client's family, else with 508 (RFC 8656 §19: the server
    /// cannot do it now, and may later). What lives goes on, and is refreshed no further than to `deadline`; what is
    /// left then is released. It is done when [`allocations`](Self::allocations) is 0.
    ///
    /// Called again it moves the deadline.
    pub fn drain(&mut self, now: Instant, deadline: Instant) {
        self.settings.drain = Some(deadline);
        self.handle_timeout(now);
    }

    /// Whether [`drain`](Self::drain) was called.
    pub fn is_draining(&self) -> bool {
        self.settings.drain.is_some()
    }

    /// Releases everything once the deadline of a drain is over.
    pub(super) fn end_drain(&mut self, now: Instant) {
        if self.settings.drain.is_none_or(|deadline| now < deadline) || self.allocations() == 0 {
            return;
        }
        let all: Vec<_> = self
            .table
            .all_mut()
            .filter(|(_, allocation)| !allocation.doomed)
            .map(|(id, _)| id)
            .collect();
        for id in all {
            self.counters.drained += 1;
            self.release(now, id);
        }
    }
}
