//! The machines as nodes of the network, with the least of a driver around them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_netsim::{Link, Network, Node, NodeId, Packet};
use ieum_turn::client::{self, Client};
use ieum_turn::server::{self, Port, RelayError, RelayId, Server, Side};
use ieum_turn::{FiveTuple, HEADROOM, credentials};

pub(crate) const SECRET: &[u8] = b"the secret";
pub(crate) const UNIX_TIME: u64 = 1_800_000_000;

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A network in which every packet takes 10 ms.
pub(crate) fn network(seed: u64, loss: f64) -> Network<Host> {
    let delay = Duration::from_millis(10);
    Network::new(seed, Link { delay, loss })
}

pub(crate) enum Host {
    Client(Box<ClientHost>),
    Server(Box<ServerHost>),
    Peer(Peer),
}

impl Host {
    /// A client at 198.51.100.`n`.
    pub(crate) fn client(now: Instant, n: u8, password: Option<&str>) -> Self {
        let base = SocketAddr::from(([198, 51, 100, n], 5000));
        Self::client_with(now, base, "alice", |config| {
            config.seed = [n; 32];
            if let Some(password) = password {
                password.clone_into(&mut config.password);
            }
        })
    }

    /// Any client.
    pub(crate) fn client_with(
        now: Instant,
        base: SocketAddr,
        user: &str,
        change: impl FnOnce(&mut client::Config),
    ) -> Self {
        let issued = credentials::issue(SECRET, user, UNIX_TIME + 86_400);
        let way = FiveTuple::udp(base, listener());
        let mut config = client::Config::new(way, &issued.username, &issued.password, [0; 32]);
        change(&mut config);
        Self::Client(Box::new(ClientHost {
            client: Client::new(now, config),
            events: Vec::new(),
            received: Vec::new(),
            out: VecDeque::new(),
        }))
    }

    pub(crate) fn server(now: Instant, change: impl FnOnce(&mut server::Config)) -> Self {
        let mut config = server::Config::new("example.org", SECRET, UNIX_TIME, [9; 32]);
        change(&mut config);
        Self::Server(Box::new(ServerHost {
            server: Server::new(now, config),
            relays: BTreeMap::new(),
            next_port: 50_000,
            out: VecDeque::new(),
        }))
    }

    pub(crate) fn peer(address: SocketAddr) -> Self {
        Self::Peer(Peer {
            address,
            received: Vec::new(),
            out: VecDeque::new(),
        })
    }
}

pub(crate) fn listener() -> SocketAddr {
    address("203.0.113.1:3478")
}

pub(crate) fn client(network: &mut Network<Host>, id: NodeId) -> &mut ClientHost {
    match network.node_mut(id) {
        Host::Client(client) => client,
        _ => panic!("not a client"),
    }
}

pub(crate) fn server(network: &mut Network<Host>, id: NodeId) -> &mut ServerHost {
    match network.node_mut(id) {
        Host::Server(server) => server,
        _ => panic!("not a server"),
    }
}

pub(crate) fn peer(network: &mut Network<Host>, id: NodeId) -> &mut Peer {
    match network.node_mut(id) {
        Host::Peer(peer) => peer,
        _ => panic!("not a peer"),
    }
}

pub(crate) struct ClientHost {
    pub(crate) client: Client,
    pub(crate) events: Vec<client::Event>,
    pub(crate) received: Vec<(SocketAddr, Vec<u8>)>,
    out: VecDeque<Packet>,
}

impl ClientHost {
    /// Sends through the relay; whether there is a channel.
    pub(crate) fn send(&mut self, peer: SocketAddr, payload: &[u8]) -> bool {
        let mut datagram = [&[0; HEADROOM], payload].concat();
        let wrapped = self.client.wrap(peer, &mut datagram);
        if wrapped {
            self.push(datagram);
        }
        wrapped
    }

    pub(crate) fn has(&self, event: client::Event) -> bool {
        self.events.contains(&event)
    }

    fn push(&mut self, payload: Vec<u8>) {
        let FiveTuple { local, remote, .. } = self.client.server();
        self.out.push_back(Packet {
            from: local,
            to: remote,
            payload,
        });
    }
}

pub(crate) struct ServerHost {
    pub(crate) server: Server,
    pub(crate) relays: BTreeMap<SocketAddr, RelayId>,
    next_port: u16,
    out: VecDeque<Packet>,
}

impl ServerHost {
    fn forward(&mut self, forward: Option<server::Forward<'_>>) {
        let Some(forward) = forward else { return };
        let mut payload = Vec::new();
        forward.write_to(&mut payload);
        assert_eq!(payload.len(), forward.len());
        if let Side::Relay(id) = forward.from {
            assert_eq!(self.relays.get(&forward.five_tuple.local), Some(&id));
        }
        self.out.push_back(Packet {
            from: forward.five_tuple.local,
            to: forward.five_tuple.remote,
            payload,
        });
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::OpenRelay { id, port, .. } => {
                    let outcome = self.open(id, port);
                    self.server.relay_opened(now, id, outcome);
                }
                server::Event::CloseRelay { id } => self.relays.retain(|_, relay| *relay != id),
                other => panic!("{other:?}"),
            }
        }
        let mut payload = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(now, &mut payload) {
            self.out.push_back(Packet {
                from: transmit.five_tuple.local,
                to: transmit.five_tuple.remote,
                payload: std::mem::take(&mut payload),
            });
        }
    }

    fn open(&mut self, id: RelayId, port: Port) -> Result<SocketAddr, RelayError> {
        let relay = SocketAddr::new(listener().ip(), self.next_port);
        self.next_port += 2;
        self.relays.insert(relay, id);
        if let Port::EvenAndNext { next } = port {
            let above = SocketAddr::new(relay.ip(), relay.port() + 1);
            self.relays.insert(above, next);
        }
        Ok(relay)
    }
}

/// Remembers what it gets, and sends what it is told to.
pub(crate) struct Peer {
    address: SocketAddr,
    pub(crate) received: Vec<(SocketAddr, Vec<u8>)>,
    out: VecDeque<Packet>,
}

impl Peer {
    pub(crate) fn send(&mut self, to: SocketAddr, payload: &[u8]) {
        self.out.push_back(Packet {
            from: self.address,
            to,
            payload: payload.to_vec(),
        });
    }
}

impl Node for Host {
    fn owns(&self, address: SocketAddr) -> bool {
        match self {
            Self::Client(host) => host.client.server().local == address,
            Self::Server(host) => address == listener() || host.relays.contains_key(&address),
            Self::Peer(host) => host.address == address,
        }
    }

    fn handle_packet(&mut self, now: Instant, packet: &Packet) {
        match self {
            Self::Client(host) => {
                if let client::Received::Data { peer, payload } =
                    host.client.handle_datagram(now, &packet.payload)
                {
                    host.received.push((peer, payload.to_vec()));
                }
            }
            Self::Server(host) => {
                let forward = match host.relays.get(&packet.to) {
                    Some(id) => host
                        .server
                        .handle_relayed(now, *id, packet.from, &packet.payload),
                    None => {
                        let five_tuple = FiveTuple::udp(packet.to, packet.from);
                        host.server
                            .handle_datagram(now, five_tuple, &packet.payload)
                    }
                };
                host.forward(forward);
            }
            Self::Peer(host) => host.received.push((packet.from, packet.payload.clone())),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Client(host) => host.client.handle_timeout(now),
            Self::Server(host) => host.server.handle_timeout(now),
            Self::Peer(_) => {}
        }
    }

    fn poll_packet(&mut self, now: Instant) -> Option<Packet> {
        match self {
            Self::Client(host) => {
                while let Some(event) = host.client.poll_event() {
                    host.events.push(event);
                }
                let mut payload = Vec::new();
                while let Some(transmit) = host.client.poll_transmit(now, &mut payload) {
                    assert_eq!(transmit.len, payload.len());
                    host.push(std::mem::take(&mut payload));
                }
                host.out.pop_front()
            }
            Self::Server(host) => {
                host.drain(now);
                host.out.pop_front()
            }
            Self::Peer(host) => host.out.pop_front(),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Client(host) => host.client.poll_timeout(),
            Self::Server(host) => host.server.poll_timeout(),
            Self::Peer(_) => None,
        }
    }
}
