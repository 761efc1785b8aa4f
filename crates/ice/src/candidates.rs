//! Owns both sides' candidates: what they are called, how they are reached, which were signaled.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ieum_candidate::{Candidate, Kind, OwnedAddress, TcpType, Transport, priority};

use crate::{Limits, Reason};

/// How a datagram leaves or has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Path {
    /// From this base.
    Direct(SocketAddr),
    /// Over a TCP connection of the candidate with this base, whose port is 9 where it connects and does not listen.
    Stream(SocketAddr),
    /// Through this relay.
    Relay(u32),
}

impl Path {
    /// Whether it is a TCP connection between the two candidates. A relay sends datagrams to the peer, however it is
    /// reached itself.
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Path::Stream(_))
    }
}

/// A candidate of ours.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) id: u32,
    /// As it is told to the peer.
    pub(crate) candidate: Candidate,
    /// What it stands for: of a host or relayed candidate its base, whatever the peer is told.
    pub(crate) address: SocketAddr,
    pub(crate) path: Path,
}

impl Local {
    /// Whether the peer may see us there.
    fn is_known_as(&self, address: SocketAddr) -> bool {
        self.address == address || self.candidate.socket_addr() == Some(address)
    }
}

/// Our candidates. Host and relayed ones are paired; reflexive ones are only signaled (RFC 8445 §6.1.2.4).
#[derive(Debug, Default)]
pub(crate) struct Locals {
    list: Vec<Local>,
    next_id: u32,
}

impl Locals {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Local> {
        self.list.iter()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Local> {
        self.list.iter().find(|local| local.id == id)
    }

    /// The id of the one that is found next.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Those that were found since this id was next.
    pub(crate) fn found_since(&self, id: u32) -> impl Iterator<Item = &Local> {
        self.list.iter().filter(move |local| local.id >= id)
    }

    /// The candidate that checks on this path leave from.
    pub(crate) fn on_path(&self, path: Path) -> Option<&Local> {
        self.list
            .iter()
            .find(|local| local.path == path && is_paired(local.candidate.kind))
    }

    /// What the peer sees as `mapped` when we send on this path; found or made up (RFC 8445 §7.2.5.3.1).
    pub(crate) fn seen_as(&self, id: u32, mapped: Option<SocketAddr>) -> Option<Candidate> {
        let base = self.get(id)?;
        let (Path::Direct(address) | Path::Stream(address)) = base.path else {
            return Some(base.candidate.clone());
        };
        let Some(mapped) = mapped else {
            return Some(base.candidate.clone());
        };
        // The port of a connection that we have opened is of the system's choice: only a NAT makes it another candidate.
        let active = base.candidate.transport == Transport::Tcp(TcpType::Active);
        let known = |local: &&Local| {
            let is_it = local.is_known_as(mapped);
            local.path == base.path && (is_it || (active && local.address.ip() == mapped.ip()))
        };
        Some(match self.list.iter().find(known) {
            Some(local) => local.candidate.clone(),
            None => {
                let preference = local_preference(&base.candidate);
                let transport = base.candidate.transport;
                Candidate::peer_reflexive(mapped, address, transport, COMPONENT, preference)
            }
        })
    }

    /// Adds one, unless it is redundant: the same address on the same path (RFC 8445 §5.1.3). A reflexive candidate
    /// is not, where the host candidate with this address hides it behind a name.
    pub(crate) fn add(
        &mut self,
        candidate: Candidate,
        address: SocketAddr,
        path: Path,
    ) -> Option<&Local> {
        let tells = candidate.socket_addr();
        let same = |local: &Local| {
            local.path == path
                && match tells {
                    Some(tells) => local.candidate.socket_addr() == Some(tells),
                    None => local.address == address,
                }
        };
        if self.list.iter().any(same) {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.list.push(Local {
            id,
            candidate,
            address,
            path,
        });
        self.list.last()
    }

    pub(crate) fn remove_path(&mut self, path: Path) {
        self.list.retain(|local| local.path != path);
    }
}

/// A candidate of the peer.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) id: u32,
    pub(crate) candidate: Candidate,
    /// `None`: a name, which is not resolved; or an active TCP candidate, which comes from a port that nobody knows before.
    pub(crate) address: Option<SocketAddr>,
}

/// An address of the peer, and whether it is one of TCP.
type End = (SocketAddr, bool);

fn is_tcp(candidate: &Candidate) -> bool {
    candidate.transport != Transport::Udp
}

fn is_active(candidate: &Candidate) -> bool {
    candidate.transport == Transport::Tcp(TcpType::Active)
}

/// What became of a signaled candidate.
pub(crate) enum Added<'a> {
    New(&'a Remote),
    /// It was discovered before, by its checks.
    Identified(u32),
    Known,
}

/// What became of the candidates whose name was resolved.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// They can be paired now.
    pub(crate) found: Vec<u32>,
    /// They were discovered before, by their checks.
    pub(crate) identified: Vec<u32>,
}

/// The peer's candidates.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    list: Vec<Remote>,
    by_address: BTreeMap<End, u32>,
    /// Signaled before the peer's credentials.
    held: Vec<Candidate>,
    pub(crate) ended: bool,
    next_id: u32,
}

impl Remotes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.list
            .iter()
            .map(|remote| &remote.candidate)
            .chain(&self.held)
    }

    /// Where it can be reached by datagrams.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let udp = self.by_address.keys().filter(|(_, tcp)| !tcp);
        udp.map(|(address, _)| *address)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Remote> {
        self.list.iter().find(|remote| remote.id == id)
    }

    /// Who is at this address, seen from this path.
    pub(crate) fn at(&self, path: Path, address: SocketAddr) -> Option<u32> {
        self.by_address.get(&(address, path.is_stream())).copied()
    }

    /// Whether one of them is a name: the peer may then be somewhere that we learn of only by its checks.
    pub(crate) fn has_names(&self) -> bool {
        let is_name = |remote: &Remote| remote.candidate.address.ip().is_none();
        self.list.iter().any(|remote| {
            remote.address.is_none() && is_name(remote) && !is_active(&remote.candidate)
        })
    }

    /// Keeps a candidate until the peer's credentials are known: the first ones, or those after a restart.
    pub(crate) fn hold(&mut self, candidate: Candidate, limits: &Limits) -> Result<(), Reason> {
        self.has_room(limits)?;
        self.held.push(candidate);
        Ok(())
    }

    pub(crate) fn take_held(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.held)
    }

    /// Adds a signaled candidate.
    pub(crate) fn add(
        &mut self,
        candidate: Candidate,
        limits: &Limits,
    ) -> Result<Added<'_>, Reason> {
        let address = self.address_of(&candidate);
        let known = address.and_then(|address| self.by_address.get(&(address, is_tcp(&candidate))));
        if let Some(known) = known.copied() {
            return Ok(match self.identify(known, candidate) {
                true => Added::Identified(known),
                false => Added::Known,
            });
        }
        let is_same = |remote: &Remote| {
            let its = &remote.candidate;
            (&its.address, its.port, its.transport)
                == (&candidate.address, candidate.port, candidate.transport)
        };
        if self.list.iter().any(is_same) {
            return Ok(Added::Known);
        }
        self.has_room(limits)?;
        Ok(Added::New(self.push(candidate, address)))
    }

    /// The name of this candidate, if no other one has it too.
    pub(crate) fn new_name(&self, id: u32) -> Option<String> {
        let candidate = &self.get(id)?.candidate;
        let OwnedAddress::Name(name) = &candidate.address else {
            return None;
        };
        let same = |remote: &&Remote| {
            remote.candidate.address == candidate.address && !is_active(&remote.candidate)
        };
        (self.list.iter().filter(same).count() == 1).then(|| name.clone())
    }

    /// Where a signaled candidate can be reached, if that is known: a name may have been resolved for another one.
    fn address_of(&self, candidate: &Candidate) -> Option<SocketAddr> {
        if is_active(candidate) {
            return None;
        }
        let same = |remote: &&Remote| remote.candidate.address == candidate.address;
        candidate.socket_addr().or_else(|| {
            let resolved = self
                .list
                .iter()
                .filter(same)
                .find_map(|remote| remote.address)?;
            Some(SocketAddr::new(resolved.ip(), candidate.port))
        })
    }

    /// A name was resolved: the candidates that have it have an address now. Gives them, and those among them that were
    /// discovered before, by their checks. Where a signaled candidate has the address already, the name adds nothing.
    pub(crate) fn resolve(&mut self, name: &str, ip: IpAddr) -> Resolved {
        let mut resolved = Resolved::default();
        let is_it = |remote: &Remote| {
            remote.address.is_none()
                && !is_active(&remote.candidate)
                && matches!(&remote.candidate.address, OwnedAddress::Name(its) if its == name)
        };
        let named: Vec<u32> = self
            .list
            .iter()
            .filter(|remote| is_it(remote))
            .map(|remote| remote.id)
            .collect();
        for id in named {
            let Some(at) = self.list.iter().position(|remote| remote.id == id) else {
                continue;
            };
            let candidate = &self.list[at].candidate;
            let address = SocketAddr::new(ip, candidate.port);
            let end = (address, is_tcp(candidate));
            match self.by_address.get(&end).copied() {
                None => {
                    self.list[at].address = Some(address);
                    self.by_address.insert(end, id);
                    resolved.found.push(id);
                }
                Some(known) => {
                    let candidate = candidate.clone();
                    if self.identify(known, candidate) {
                        self.list.remove(at);
                        resolved.identified.push(known);
                    }
                }
            }
        }
        resolved
    }

    /// Adds the source of a check that nobody has signaled: RFC 8445 §7.3.1.3.
    pub(crate) fn discover(
        &mut self,
        address: SocketAddr,
        transport: Transport,
        priority: u32,
        limits: &Limits,
    ) -> Result<&Remote, Reason> {
        self.has_room(limits)?;
        let discovered = |remote: &&Remote| remote.candidate.kind == Kind::PeerReflexive;
        if self.list.iter().filter(discovered).count() >= limits.discovered_candidates {
            return Err(Reason::Limit);
        }
        let mut candidate = Candidate::peer_reflexive(address, address, transport, COMPONENT, 0);
        candidate.priority = priority;
        candidate.related = None;
        // "an arbitrary value, different from the foundations of all other remote candidates"; `-` is no ice-char.
        candidate.foundation = format!("prflx-{}", self.next_id);
        Ok(self.push(candidate, Some(address)))
    }

    /// Forgets one that cannot be reached any more.
    pub(crate) fn remove(&mut self, id: u32) {
        self.list.retain(|remote| remote.id != id);
        self.by_address.retain(|_, its| *its != id);
    }

    /// Forgets all but what is held for a description to come: for a restart. Numbers are not used again.
    pub(crate) fn clear(&mut self) {
        *self = Remotes {
            next_id: self.next_id,
            held: self.take_held(),
            ..Remotes::default()
        };
    }

    fn push(&mut self, candidate: Candidate, address: Option<SocketAddr>) -> &Remote {
        let id = self.next_id;
        self.next_id += 1;
        if let Some(address) = address {
            self.by_address.insert((address, is_tcp(&candidate)), id);
        }
        self.list.push(Remote {
            id,
            candidate,
            address,
        });
        &self.list[self.list.len() - 1]
    }

    /// A discovered candidate is signaled after all: now it is known what it is. `false`: it was known before.
    fn identify(&mut self, id: u32, signaled: Candidate) -> bool {
        let known = self.list.iter_mut().find(|remote| remote.id == id);
        match known.filter(|remote| remote.candidate.kind == Kind::PeerReflexive) {
            Some(remote) => remote.candidate = signaled,
            None => return false,
        }
        true
    }

    fn has_room(&self, limits: &Limits) -> Result<(), Reason> {
        match self.list.len() + self.held.len() < limits.remote_candidates {
            true => Ok(()),
            false => Err(Reason::Limit),
        }
    }
}

/// The local preference inside a priority (RFC 8445 §5.1.2.1).
fn local_preference(candidate: &Candidate) -> u16 {
    (candidate.priority >> 8) as u16
}

/// RFC 8445 §7.1.1: PRIORITY of a check is what a peer reflexive candidate learned from it would have.
pub(crate) fn check_priority(local: &Candidate) -> u32 {
    let preference = local_preference(local);
    priority(Kind::PeerReflexive, local.transport, preference, COMPONENT)
}

fn is_paired(kind: Kind) -> bool {
    matches!(kind, Kind::Host | Kind::Relayed)
}

/// Everything is bundled and RTCP is multiplexed: there is one component.
pub(crate) const COMPONENT: u16 = 1;
