//! Sockets and servers for gathering. Names are resolved beside everything else, so that a dead resolver delays nothing.

use std::future::pending;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::Base;
use tokio::net::lookup_host;
use tokio::task::JoinSet;

use crate::core::Connection;
use crate::runtime::sockets::Sockets;
use crate::runtime::streams::Streams;
use crate::runtime::urls::{Target, target};
use crate::runtime::{IceServer, IceTcp, Interfaces};

/// What gathering needs, and the names that are still being resolved.
#[derive(Debug)]
pub(super) struct Gathering {
    interfaces: Interfaces,
    servers: Vec<IceServer>,
    tcp: IceTcp,
    bases: Vec<Base>,
    lookups: JoinSet<Resolved>,
}

/// What became of a name.
pub(super) type Resolved = (Target, Result<SocketAddr, String>);

impl Gathering {
    pub(super) fn new(interfaces: Interfaces, servers: Vec<IceServer>, tcp: IceTcp) -> Self {
        Self {
            interfaces,
            servers,
            tcp,
            bases: Vec::new(),
            lookups: JoinSet::new(),
        }
    }

    /// Binds a socket per address, and asks the servers that have one; the others follow.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        core: &mut Connection,
        sockets: &mut Sockets,
        streams: &mut Streams,
    ) {
        for ip in self.interfaces.addresses() {
            let mut bound = vec![sockets.bind(ip).map(Base::Udp)];
            if self.tcp == IceTcp::Passive {
                bound.push(streams.listen(ip).map(Base::TcpPassive));
            }
            if self.tcp != IceTcp::Off {
                self.bases.push(Base::TcpActive(ip));
            }
            for bound in bound {
                match bound {
                    Ok(base) => self.bases.push(base),
                    Err(error) => {
                        let local = Some(SocketAddr::new(ip, 0));
                        let reason = format!("no socket could be bound: {error}");
                        core.report_candidate_error(now, String::new(), local, reason);
                    }
                }
            }
        }
        let mut known = Vec::new();
        for server in std::mem::take(&mut self.servers) {
            for url in &server.urls {
                match target(url, &server) {
                    Ok(target) => match target.literal() {
                        Some(addr) => known.push(target.at(addr)),
                        None => self.look_up(target),
                    },
                    Err(reason) => core.report_candidate_error(now, url.clone(), None, reason),
                }
            }
        }
        core.gather_on(now, &self.bases, &known, !self.lookups.is_empty());
    }

    fn look_up(&mut self, target: Target) {
        let udp = self.bases.iter().filter_map(|base| match base {
            Base::Udp(address) => Some(address),
            Base::TcpActive(_) | Base::TcpPassive(_) => None,
        });
        let v4 = udp.clone().any(SocketAddr::is_ipv4);
        let v6 = udp.clone().any(SocketAddr::is_ipv6);
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
            (target, Ok(addr)) => core.gather_on(now, &self.bases, &[target.at(addr)], more),
            (target, Err(reason)) => {
                core.report_candidate_error(now, target.url().to_owned(), None, reason);
                core.gather_on(now, &self.bases, &[], more);
            }
        }
    }
}

/// How long a name may take.
const LOOKUP: Duration = Duration::from_secs(5);
