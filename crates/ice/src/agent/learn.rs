//! How the agent learns the peer's candidates: signaled (RFC 8838), named, or from a check (RFC 8445 §7.3.1.3).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ieum_candidate::{Candidate, TcpType, Transport};

use super::Agent;
use crate::candidates::{Added, Path};
use crate::{Event, Reason};

impl Agent {
    pub(super) fn discover(
        &mut self,
        path: Path,
        address: SocketAddr,
        priority: u32,
    ) -> Result<u32, Reason> {
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
            Ok(Added::Identified(id)) => self.identified(now, id),
        }
    }

    /// A candidate that was discovered by its checks is known for what it is: it is paired with all of ours, and a pair that
    /// was selected meanwhile is told anew.
    fn identified(&mut self, now: Instant, id: u32) {
        let Some(remote) = self.remotes.get(id) else {
            return;
        };
        let udp = remote.candidate.transport == Transport::Udp;
        let (address, candidate) = (remote.address, remote.candidate.clone());
        self.checks.list.pair_remote(id);
        if let Some(address) = address.filter(|_| udp) {
            self.open_relays(now, address);
        }
        if let Some(described) = self.nomination.describe_remote(id, candidate) {
            self.outbox.tell(Event::SelectedPair(described));
        }
    }

    /// Takes the address of a name that [`Event::ResolveName`] has asked for.
    pub fn name_resolved(&mut self, now: Instant, name: &str, ip: IpAddr) {
        let resolved = self.remotes.resolve(name, ip);
        for id in resolved.found {
            self.pair_remote(now, id);
        }
        for id in resolved.identified {
            self.identified(now, id);
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
}
