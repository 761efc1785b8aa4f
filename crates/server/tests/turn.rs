//! The credentials of `/api/ice-servers` open a relay on this server's own TURN, and only they do.

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::asking::{Asking, code};
use common::{Happening, Streamed, handshake};
use ieum_server::Turns;
use ieum_stun::Method;
use ieum_turn::Transport;

use ieum::peer::IceServer;
use ieum_server::{Options, Server};
use ieum_turn::client::{Client, Config, Event, Failure, Received};
use ieum_turn::{FiveTuple, HEADROOM};
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout};

/// A TURN client on a socket of its own.
struct Turn {
    machine: Client,
    socket: UdpSocket,
}

impl Turn {
    async fn new(server: SocketAddr, credentials: &IceServer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let local = socket.local_addr().expect("an address");
        let username = credentials.username.as_deref().expect("a username");
        let password = credentials.credential.as_deref().expect("a password");
        let config = Config::new(FiveTuple::udp(local, server), username, password, [1; 32]);
        Self {
            machine: Client::new(Instant::now(), config),
            socket,
        }
    }

    /// Runs the machine until `done` makes something of an event or of relayed data.
    async fn until<T>(&mut self, mut done: impl FnMut(Happening<'_>) -> Option<T>) -> T {
        let mut out = Vec::new();
        let mut datagram = [0; 2048];
        let running = async {
            loop {
                while let Some(transmit) = self.machine.poll_transmit(Instant::now(), &mut out) {
                    let start = out.len() - transmit.len;
                    let sent = self
                        .socket
                        .send_to(&out[start..], transmit.five_tuple.remote)
                        .await;
                    sent.expect("a datagram sent");
                    out.clear();
                }
                while let Some(event) = self.machine.poll_event() {
                    if let Some(made) = done(Happening::Event(&event)) {
                        return made;
                    }
                }
                let due = self.machine.poll_timeout();
                let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
                tokio::select! {
                    received = self.socket.recv_from(&mut datagram) => {
                        let (len, _) = received.expect("a datagram");
                        let received = self.machine.handle_datagram(Instant::now(), &datagram[..len]);
                        if let Received::Data { peer, payload } = received
                            && let Some(made) = done(Happening::Data(peer, payload))
                        {
                            return made;
                        }
                    }
                    () = sleep_until(due.into()) => self.machine.handle_timeout(Instant::now()),
                }
            }
        };
        timeout(Duration::from_secs(10), running)
            .await
            .expect("the event in time")
    }

    async fn allocated(&mut self) -> SocketAddr {
        let found = |happening: Happening<'_>| match happening {
            Happening::Event(Event::Allocated { relayed, .. }) => Some(*relayed),
            Happening::Event(other) => panic!("no allocation: {other:?}"),
            Happening::Data(..) => None,
        };
        self.until(found).await
    }
}

async fn start() -> (Server, IceServer) {
    let options = Options {
        port: 0,
        stun_port: 0,
        ..Options::default()
    };
    let server = Server::start(options).await.expect("a server");
    let servers = ieum::ice_servers(&server.url(), None)
        .await
        .expect("the list");
    let turn = servers
        .into_iter()
        .find(|entry| entry.username.is_some())
        .expect("TURN in it");
    (server, turn)
}

#[tokio::test]
async fn fresh_credentials_open_a_relay_that_carries_data_both_ways() {
    let (server, credentials) = start().await;
    let mut turn = Turn::new(server.stun_addr(), &credentials).await;
    let relayed = turn.allocated().await;
    assert_eq!(relayed.ip(), server.stun_addr().ip());

    let peer = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let peer_addr = peer.local_addr().expect("an address");
    turn.machine.bind_channel(Instant::now(), peer_addr);
    turn.until(|happening| {
        matches!(happening, Happening::Event(Event::ChannelBound { .. })).then_some(())
    })
    .await;

    let mut datagram = [&[0; HEADROOM][..], b"there"].concat();
    assert!(turn.machine.wrap(peer_addr, &mut datagram));
    turn.socket
        .send_to(&datagram, server.stun_addr())
        .await
        .expect("sent");
    let mut received = [0; 64];
    let arrived = timeout(Duration::from_secs(10), peer.recv_from(&mut received)).await;
    let (len, from) = arrived.expect("relayed in time").expect("a datagram");
    assert_eq!((&received[..len], from), (&b"there"[..], relayed));

    peer.send_to(b"and back", relayed).await.expect("sent");
    let back = |happening: Happening<'_>| match happening {
        Happening::Data(from, payload) => Some((from, payload.to_vec())),
        Happening::Event(_) => None,
    };
    assert_eq!(turn.until(back).await, (peer_addr, b"and back".to_vec()));
    server.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let (server, mut credentials) = start().await;
    credentials.credential = Some("guessed".to_owned());
    let mut turn = Turn::new(server.stun_addr(), &credentials).await;
    let outcome = |happening: Happening<'_>| match happening {
        Happening::Event(event) => Some(matches!(
            event,
            Event::Failed {
                reason: Failure::WrongCredentials,
                ..
            }
        )),
        Happening::Data(..) => None,
    };
    assert!(turn.until(outcome).await, "refused for its credentials");
    server.shutdown().await;
}

#[tokio::test]
async fn a_link_local_peer_is_refused() {
    let (server, credentials) = start().await;
    let mut turn = Turn::new(server.stun_addr(), &credentials).await;
    turn.allocated().await;
    turn.machine
        .bind_channel(Instant::now(), ([169, 254, 169, 254], 80).into());
    let refused = |happening: Happening<'_>| match happening {
        Happening::Event(Event::ChannelFailed { code, .. }) => Some(*code),
        _ => None,
    };
    assert_eq!(turn.until(refused).await, Some(403));
    server.shutdown().await;
}

#[tokio::test]
async fn shutdown_closes_the_relays() {
    let (server, credentials) = start().await;
    let mut turn = Turn::new(server.stun_addr(), &credentials).await;
    let relayed = turn.allocated().await;
    assert!(
        UdpSocket::bind(relayed).await.is_err(),
        "the relay holds its port"
    );
    server.shutdown().await;
    UdpSocket::bind(relayed)
        .await
        .expect("the relay's port is free");
}

#[cfg(target_os = "linux")]
#[test]
fn what_icmp_tells_of_a_peer_reaches_the_client_and_other_peers_lose_nothing() {
    let mut config = common::config();
    config.listen.tcp.push(common::anywhere());
    let server = ieum_server::turn::Turn::start(config).expect("a server");
    let open = || std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (gone, alive) = (open(), open());
    let address = |socket: &std::net::UdpSocket| socket.local_addr().expect("an address");
    let (nobody, somebody) = (address(&gone), address(&alive));
    drop(gone);
    let patience = Some(Duration::from_secs(10));
    alive.set_read_timeout(patience).expect("not zero");
    let mut client = Streamed::tcp(server.listening().tcp[0]);
    client.allocate();
    for peer in [nobody, somebody] {
        client.bind_channel(peer);
    }
    for number in 0..100_u8 {
        client.send(nobody, b"is anybody there");
        client.send(somebody, &[number]);
    }
    let told = client.until(|happening| match happening {
        Happening::Event(Event::Unreachable { peer, icmp }) => Some((*peer, *icmp)),
        _ => None,
    });
    // Destination unreachable, port unreachable (RFC 792).
    let unreachable = ieum_stun::Icmp {
        kind: 3,
        code: 3,
        data: 0,
    };
    assert_eq!(told, (nobody, unreachable));
    let mut buffer = [0; 8];
    for number in 0..100 {
        let len = alive.recv(&mut buffer).expect("all that was sent");
        assert_eq!(buffer[..len], [number]);
    }
}

/// RFC 8656 §7.2: what a server answers that cannot set DF.
#[test]
fn dont_fragment_is_refused() {
    let mut config = common::config();
    config.listen.tcp.push(common::anywhere());
    let server = ieum_server::turn::Turn::start(config).expect("a server");
    let mut client = Asking::new(server.listening().tcp[0], "alice", "secret");
    let response = client.ask(Method::ALLOCATE, |m| {
        m.requested_transport(17).dont_fragment();
    });
    assert_eq!(code(&response), 420);
    let response = ieum_stun::Message::parse(&response).expect("STUN");
    let unknown: Vec<_> = response.unknown_attributes().collect();
    assert_eq!(unknown, [ieum_stun::AttributeType::DONT_FRAGMENT]);
}

/// The name and the password.
fn account(credentials: &IceServer) -> (&str, &str) {
    let name = credentials.username.as_deref().expect("a username");
    let password = credentials.credential.as_deref().expect("a password");
    (name, password)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_credentials_open_relays_over_tcp_and_with_a_certificate_over_tls() {
    let (certificate, der) = common::certificate();
    let options = Options {
        port: 0,
        stun_port: 0,
        turns: Some(Turns {
            certificate,
            port: 0,
        }),
        ..Options::default()
    };
    let server = Server::start(options).await.expect("a server");
    let tls = server.turns_addr().expect("it listens");
    let localhost = server.url().replace("127.0.0.1", "localhost");
    let servers = ieum::ice_servers(&localhost, None).await.expect("the list");
    let turn = servers.last().expect("TURN is the last");
    let plain = server.stun_addr();
    let urls = [
        format!("turn:{plain}?transport=udp"),
        format!("turn:{plain}?transport=tcp"),
        format!("turns:localhost:{}?transport=tcp", tls.port()),
    ];
    assert_eq!(turn.urls, urls);

    let (way, stream) = handshake(tls, &der).expect("a handshake");
    let mut over_tls = Streamed::new(way, Box::new(stream), account(turn));
    let stream = common::connect(plain);
    let way = FiveTuple {
        transport: Transport::Tcp,
        local: stream.local_addr().expect("it is bound"),
        remote: plain,
    };
    let mut over_tcp = Streamed::new(way, Box::new(stream), account(turn));
    let (a, b) = (over_tcp.allocate(), over_tls.allocate());
    over_tcp.bind_channel(b);
    over_tls.bind_channel(a);
    over_tcp.send(b, b"from TCP to TLS");
    assert_eq!(over_tls.receive(), b"from TCP to TLS");
    server.shutdown().await;
}

/// This machine's own addresses are among the peers of `ieum up`.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_of_tcp_is_not_to_be_had() {
    let (server, credentials) = start().await;
    let (name, password) = account(&credentials);
    let mut client = Asking::new(server.stun_addr(), name, password);
    let response = client.ask(Method::ALLOCATE, |m| _ = m.requested_transport(6));
    assert_eq!(code(&response), 442);
    server.shutdown().await;
}
