//! Sockets and servers for gathering. Names are resolved beside everything else, so that a dead resolver delays nothing.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use ieum_ice::{Base, Server};
use tokio::net::lookup_host;
use tokio::task::JoinSet;

use crate::core::Connection;
use crate::core::mdns::Link;
use crate::runtime::interfaces::{Choice, Machine};
use crate::runtime::sockets::Sockets;
use crate::runtime::streams::Streams;
use crate::runtime::urls::{Target, target};
use crate::runtime::{IceServer, IceTcp, Interfaces, ports};

/// What gathering needs, and the names that are still being resolved.
#[derive(Debug)]
pub(super) struct Gathering {
    interfaces: Interfaces,
    machine: Machine,
    ports: Option<RangeInclusive<u16>>,
    servers: Vec<IceServer>,
    tcp: IceTcp,
    bases: Vec<Base>,
    /// Addresses that have come since, and have no sockets yet.
    waiting: Vec<Link>,
    /// Addresses that no socket could be bound to.
    refused: Vec<IpAddr>,
    /// The servers whose addresses are known.
    asked: Vec<Server>,
    /// A TURN server is to be asked over UDP.
    relays: bool,
    lookups: JoinSet<Resolved>,
}

/// What became of a name.
pub(super) type Resolved = (Target, Result<SocketAddr, String>);

impl Gathering {
    pub(super) fn new(
        interfaces: Interfaces,
        machine: Machine,
        ports: Option<RangeInclusive<u16>>,
        servers: Vec<IceServer>,
        tcp: IceTcp,
    ) -> Self {
        let relays = servers.iter().any(|server| {
            let mut targets = server.urls.iter().flat_map(|url| target(url, server));
            targets.any(|target| target.relays_over_udp())
        });
        Self {
            interfaces,
            machine,
            ports,
            relays,
            servers,
            tcp,
            bases: Vec::new(),
            waiting: Vec::new(),
            refused: Vec::new(),
            asked: Vec::new(),
            lookups: JoinSet::new(),
        }
    }

    /// Asks for the interfaces, so that [`begin`](Self::begin) need not when it comes soon.
    pub(super) fn prepare(&self) {
        let _ = (self.machine.recently)();
    }

    /// Binds a socket per address, and asks the servers that have one; the others follow.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        core: &mut Connection,
        sockets: &mut Sockets,
        streams: &mut Streams,
    ) {
        let choice = self.interfaces.choose(&(self.machine.recently)());
        if choice.links.is_empty() {
            core.report_candidate_error(now, String::new(), None, choice.why_none());
        }
        self.bind(now, core, sockets, streams, choice.links);
        for server in std::mem::take(&mut self.servers) {
            for url in &server.urls {
                match target(url, &server) {
                    Ok(target) => match target.literal() {
                        Some(addr) => self.asked.push(target.at(addr)),
                        None => self.look_up(target),
                    },
                    Err(reason) => core.report_candidate_error(now, url.clone(), None, reason),
                }
            }
        }
        core.gather_on(now, &self.bases, &self.asked, !self.lookups.is_empty());
    }

    /// The links of the addresses that are, or would be, bound to.
    pub(super) fn links(&self) -> Vec<Link> {
        self.choose().links
    }

    fn choose(&self) -> Choice {
        self.interfaces.choose(&(self.machine.now)())
    }

    /// Looks at this machine's addresses again. Gives the bases whose addresses are gone, and forgets them; the addresses
    /// that have come [wait](Self::is_waiting).
    pub(super) fn look(&mut self) -> Vec<Base> {
        let links = self.choose().links;
        let is_there = |ip: IpAddr| links.iter().any(|link| link.ip == ip);
        let is_kept = |base: &Base| is_there(base.address().ip());
        let (kept, gone) = std::mem::take(&mut self.bases)
            .into_iter()
            .partition(is_kept);
        self.bases = kept;
        self.refused.retain(|ip| is_there(*ip));
        let has_base = |ip| self.bases.iter().any(|base| base.address().ip() == ip);
        let is_new = |link: &Link| !has_base(link.ip) && !self.refused.contains(&link.ip);
        self.waiting = links.into_iter().filter(is_new).collect();
        gone
    }

    /// Whether there are addresses that have no sockets yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether nothing is bound, and there is nothing to bind to.
    pub(super) fn is_without_network(&self) -> bool {
        self.bases.is_empty() && self.waiting.is_empty()
    }

    /// Whether names of servers are being resolved.
    pub(super) fn is_looking_up(&self) -> bool {
        !self.lookups.is_empty()
    }

    /// Gathers on the addresses that have come.
    pub(super) fn extend(
        &mut self,
        now: Instant,
        core: &mut Connection,
        sockets: &mut Sockets,
        streams: &mut Streams,
    ) {
        let (known, links) = (self.bases.len(), std::mem::take(&mut self.waiting));
        self.bind(now, core, sockets, streams, links);
        let more = !self.lookups.is_empty();
        core.gather_on(now, &self.bases[known..], &self.asked, more);
    }

    fn bind(
        &mut self,
        now: Instant,
        core: &mut Connection,
        sockets: &mut Sockets,
        streams: &mut Streams,
        links: Vec<Link>,
    ) {
        let mut fail = |local, reason| {
            core.report_candidate_error(now, String::new(), local, reason);
        };
        // Any number will do: it only spreads the connections over the range.
        let start = getrandom::u32().unwrap_or_default() as u16;
        let ports = self.ports.as_ref();
        let mut is_full = false;
        for Link { ip, .. } in links {
            let (shared, own) = self.udp(ip, start, sockets);
            let passive = (self.tcp == IceTcp::Passive).then(|| {
                let listening = ports::bind(ports, start, |port| streams.listen((ip, port).into()));
                listening.map(Base::TcpPassive)
            });
            for bound in [shared, own, passive].into_iter().flatten() {
                match bound {
                    Ok(base) => self.bases.push(base),
                    Err(error) if ports.is_some() && error.kind() == ErrorKind::AddrInUse => {
                        is_full = true;
                    }
                    Err(error) => {
                        let local = Some(SocketAddr::new(ip, 0));
                        fail(local, format!("no socket could be bound: {error}"));
                    }
                }
            }
            if self.bases.iter().all(|base| base.address().ip() != ip) {
                self.refused.push(ip);
            } else if self.tcp != IceTcp::Off {
                self.bases.push(Base::TcpActive(ip));
            }
        }
        let has_none = self.udp_addresses().next().is_none() && !self.bases.is_empty();
        if sockets.shared().is_some() && has_none {
            fail(
                None,
                "the shared port is bound at none of the addresses that may be used".to_owned(),
            );
        }
        if let Some(ports) = ports.filter(|_| is_full) {
            let (first, last) = (ports.start(), ports.end());
            fail(None, format!("every port from {first} to {last} is taken"));
        }
    }

    /// What UDP has at an address: its place at a shared port, and a socket of its own.
    fn udp(
        &self,
        ip: IpAddr,
        start: u16,
        sockets: &mut Sockets,
    ) -> (Option<io::Result<Base>>, Option<io::Result<Base>>) {
        let shared = sockets.shared().map(|shared| shared.at(ip));
        let own = match shared {
            None => Some(Base::Udp as fn(SocketAddr) -> Base),
            Some(_) if self.relays => Some(Base::UdpToRelays as _),
            Some(_) => None,
        };
        let own = own.map(|kind| {
            let bind = |port| UdpSocket::bind((ip, port));
            let socket = ports::bind(self.ports.as_ref(), start, bind)?;
            sockets.add(socket).map(kind)
        });
        let shared = shared.flatten().map(|address| Ok(Base::UdpShared(address)));
        (shared, own)
    }

    fn udp_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bases.iter().filter_map(|base| match base {
            Base::Udp(address) | Base::UdpShared(address) | Base::UdpToRelays(address) => {
                Some(*address)
            }
            Base::TcpActive(_) | Base::TcpPassive(_) => None,
        })
    }

    fn look_up(&mut self, target: Target) {
        let v4 = self.udp_addresses().any(|address| address.is_ipv4());
        let v6 = self.udp_addresses().any(|address| address.is_ipv6());
        self.lookups.spawn(async move {
            let found = lookup_host((target.host(), target.port()));
            let result = match tokio::time::timeout(LOOKUP, found).await {
                Err(_) => Err("its name was not resolved in time".to_owned()),
                Ok(Err(error)) => Err(format!("its name was not resolved: {error}")),
                // The resolver puts the best first (RFC 6724).
                Ok(Ok(mut found)) => found
                    .find(|addr| if addr.is_ipv4() { v4 } else { v6 })
                    .ok_or("it has no address of a family that this machine has".to_owned()),
            };
            (target, result)
        });
    }

    /// The next name that is resolved, or not; waits for ever where none is left.
    pub(super) async fn resolved(&mut self) -> Resolved {
        loop {
            match self.lookups.join_next().await {
                None => pending().await,
                Some(Ok(resolved)) => return resolved,
                // A look-up that panicked or was cancelled gives nothing.
                Some(Err(_)) => {}
            }
        }
    }

    pub(super) fn add(&mut self, now: Instant, core: &mut Connection, resolved: Resolved) {
        let more = !self.lookups.is_empty();
        match resolved {
            (target, Ok(addr)) => {
                let server = target.at(addr);
                core.gather_on(now, &self.bases, std::slice::from_ref(&server), more);
                self.asked.push(server);
            }
            (target, Err(reason)) => {
                core.report_candidate_error(now, target.url().to_owned(), None, reason);
                core.gather_on(now, &self.bases, &[], more);
            }
        }
    }
}

/// How long a name may take.
const LOOKUP: Duration = Duration::from_secs(5);
