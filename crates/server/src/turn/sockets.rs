//! Binds every socket that clients send to, once for each worker.

use std::io;
use std::net::SocketAddr;

use ieum_turn::Transport;
use ieum_turn::server::Discovery;

use super::acceptor::Acceptor;
use super::listener::Listener;
use super::socket::{Purpose, Udp};
use super::{Config, Listen, Unbound};

/// The sockets of each worker, and the addresses that they have.
pub(super) struct Bound {
    pub(super) workers: Vec<(Vec<Listener>, Vec<Acceptor>)>,
    pub(super) listen: Listen,
    pub(super) discovery: Option<Discovery>,
}

/// Binds everything, or says what cannot be bound.
///
/// Where any free port will do, UDP and TCP get the same number, which another program may have over one of them: then there
/// are others.
pub(super) fn bind(config: &Config, workers: usize) -> Result<Bound, Unbound> {
    let Listen { udp, tcp, tls } = &config.listen;
    let any = udp.iter().chain(tcp).chain(tls).any(|at| at.port() == 0);
    for _ in 1..TRIES {
        match bind_once(config, workers) {
            Err(unbound) if any && unbound.error.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
    bind_once(config, workers)
}

fn bind_once(config: &Config, workers: usize) -> Result<Bound, Unbound> {
    let mut listen = config.listen.clone();
    if config.certificate.is_none() {
        listen.tls.clear();
    }
    let mut bound = Bound {
        workers: Vec::new(),
        listen,
        discovery: None,
    };
    let mut alternate = config.alternate;
    for worker in 0..workers {
        let shared = workers > 1;
        // A port that other programs share is in use: who is first finds out.
        let exclusive = worker == 0;
        let (mut listeners, mut acceptors) = (Vec::new(), Vec::new());
        for at in &mut bound.listen.udp {
            listeners.push(datagrams(at, shared, exclusive, false)?);
        }
        for (index, at) in bound.listen.tcp.iter_mut().enumerate() {
            // Where any free port will do, both have the same.
            let twin = bound
                .listen
                .udp
                .get(index)
                .filter(|udp| udp.ip() == at.ip());
            if let (0, Some(udp)) = (at.port(), twin) {
                at.set_port(udp.port());
            }
            acceptors.push(connections(at, shared, exclusive, false)?);
        }
        for at in &mut bound.listen.tls {
            // TCP first: where any free port will do, UDP takes the same.
            acceptors.push(connections(at, shared, exclusive, true)?);
            listeners.push(datagrams(at, shared, exclusive, true)?);
        }
        if let (Some(second), Some(first)) = (&mut alternate, bound.listen.udp.first().copied()) {
            bound.discovery = Some(four(first, second, shared, exclusive, &mut listeners)?);
        }
        bound.workers.push((listeners, acceptors));
    }
    Ok(bound)
}

/// Adds what is missing of both addresses at both ports.
fn four(
    primary: SocketAddr,
    second: &mut SocketAddr,
    shared: bool,
    exclusive: bool,
    listeners: &mut Vec<Listener>,
) -> Result<Discovery, Unbound> {
    if !listeners.iter().any(|listener| listener.local == *second) {
        listeners.push(datagrams(second, shared, exclusive, false)?);
    }
    for mut at in [
        SocketAddr::new(primary.ip(), second.port()),
        SocketAddr::new(second.ip(), primary.port()),
    ] {
        if !listeners.iter().any(|listener| listener.local == at) {
            listeners.push(datagrams(&mut at, shared, exclusive, false)?);
        }
    }
    Ok(Discovery {
        primary,
        alternate: *second,
        public: None,
    })
}

fn datagrams(
    at: &mut SocketAddr,
    shared: bool,
    exclusive: bool,
    secure: bool,
) -> Result<Listener, Unbound> {
    let asked = *at;
    let bind = || -> io::Result<Listener> {
        if shared && exclusive {
            Udp::bind(asked, Purpose::Listener { shared: false })?;
        }
        let socket = Udp::bind(asked, Purpose::Listener { shared })?;
        let local = socket.local_addr()?;
        Ok(Listener::new(socket, local, secure))
    };
    let transport = match secure {
        false => Transport::Udp,
        true => Transport::Dtls,
    };
    let listener = bind().map_err(|error| Unbound {
        at: asked,
        transport,
        error,
    })?;
    *at = listener.local;
    Ok(listener)
}

fn connections(
    at: &mut SocketAddr,
    shared: bool,
    exclusive: bool,
    tls: bool,
) -> Result<Acceptor, Unbound> {
    let asked = *at;
    let bind = || -> io::Result<Acceptor> {
        if shared && exclusive {
            Acceptor::bind(asked, false, tls)?;
        }
        Acceptor::bind(asked, shared, tls)
    };
    let transport = match tls {
        false => Transport::Tcp,
        true => Transport::Tls,
    };
    let acceptor = bind().map_err(|error| Unbound {
        at: asked,
        transport,
        error,
    })?;
    *at = acceptor.local;
    Ok(acceptor)
}

/// How often to look for a port that is free for UDP and for TCP.
const TRIES: usize = 8;
