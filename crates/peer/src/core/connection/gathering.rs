//! Gathering: on what, from whom, and how far it is; and bases that are gone.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ieum_ice::{Base, FiveTuple, Proof, Server};

use super::{Connection, Ending, Event};
use crate::core::IceGatheringState;

impl Connection {
    /// Whether sockets are wanted: a local description was applied, or [`Config::ice_candidate_pool_size`](super::Config::ice_candidate_pool_size)
    /// is not 0, and [`gather`](Self::gather) was not called yet.
    #[must_use]
    pub fn wants_gathering(&self) -> bool {
        let is_time = self.pools || self.negotiation.data_section().is_some();
        is_time && !self.gathers && self.ending == Ending::Not
    }

    /// A description is there: what was gathered for it is told (RFC 9429 §3.5.4).
    pub(super) fn surface_pool(&mut self, now: Instant) {
        if !self.pools || self.negotiation.data_section().is_none() {
            return;
        }
        self.pools = false;
        if !self.gathers {
            return;
        }
        self.change_gathering(now, IceGatheringState::Gathering);
        let pooled: Vec<_> = self
            .agent
            .local_candidates()
            .map(ToString::to_string)
            .collect();
        for candidate in pooled {
            let init = self.candidate_init(candidate);
            self.event(Event::IceCandidate(Some(init)));
        }
        self.update_gathering(now);
    }

    /// Whether [`gather`](Self::gather) was called.
    #[must_use]
    pub fn has_gathered(&self) -> bool {
        self.gathers
    }

    /// Gathers candidates: `bases` are the addresses of sockets that are bound, best first. May be called again, with
    /// servers whose names have been resolved meanwhile; as long as `more` of them are to come, gathering is not complete.
    pub fn gather(&mut self, now: Instant, bases: &[SocketAddr], servers: &[Server], more: bool) {
        let bases: Vec<Base> = bases.iter().map(|base| (*base).into()).collect();
        self.gather_on(now, &bases, servers, more);
    }

    /// The same with TCP besides: see [`ieum_ice::Base`].
    pub fn gather_on(&mut self, now: Instant, bases: &[Base], servers: &[Server], more: bool) {
        self.gathers = true;
        self.more_servers = more;
        self.agent.gather_on(now, bases, servers);
        self.pump_agent(now);
        self.update_gathering(now);
        self.pump(now);
    }

    /// Whether the peer may be told of more candidates in this ICE session: the last one was not told yet, or both sides
    /// signal renomination (RFC 8838 §13, RFC 8445 §8.1.1).
    #[must_use]
    pub fn may_gather_more(&self) -> bool {
        self.gathering != IceGatheringState::Complete || self.agent.renominates()
    }

    /// Tells whether [`gather_on`](Self::gather_on) will be called with more bases or servers: as long as they are to come,
    /// gathering is not complete. For new bases that wait for a restart: told before its description is applied, their
    /// candidates come before the last one.
    pub fn expect_more(&mut self, more: bool) {
        self.more_servers = more;
    }

    /// Our ICE user name fragment, under which candidates are told: another one after a restart is begun or offered.
    #[must_use]
    pub fn local_ufrag(&self) -> &str {
        &self.agent.signaled_credentials().ufrag
    }

    /// The user name fragments of the checks that are for this connection: [`ieum_ice::Agent::local_ufrags`].
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> + Clone {
        self.agent.local_ufrags()
    }

    /// How the other end of a UDP five-tuple has proven to be the peer: [`ieum_ice::Agent::proof`].
    #[must_use]
    pub fn proof(&self, from: FiveTuple) -> Option<Proof> {
        self.agent.proof(from)
    }

    /// Tells of a server that cannot be asked.
    pub fn report_candidate_error(
        &mut self,
        now: Instant,
        url: String,
        local: Option<SocketAddr>,
        reason: String,
    ) {
        self.candidate_error(now, url, local, None, reason);
    }

    /// Nothing can be sent from this address any more.
    pub fn fail_base(&mut self, now: Instant, base: impl Into<Base>) {
        self.agent.fail_base(now, base);
        self.pump(now);
    }

    /// Tells the address of a name that [`Event::ResolveName`](crate::core::Event::ResolveName) has asked for.
    pub fn name_resolved(&mut self, now: Instant, name: &str, ip: IpAddr) {
        self.agent.name_resolved(now, name, ip);
        self.pump(now);
    }
}
