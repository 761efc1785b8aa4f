//! coturn as our server: relayed calls, refreshes, refusals, and a server that starts anew in mid-call.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieum::ice::framing::{Deframer, Framing};
use ieum::stun::{FiveTuple, Transport};
use ieum::turn::{client, credentials};
use ieum_interop::{Coturn, tls_client};
use ieum_peer::{
    Configuration, DataChannel, DataChannelInit, Event, Events, IceServer, IceTransportPolicy,
    Interfaces, Kind, Message, PeerConnection, TlsRoots,
};
use rustls::StreamOwned;
use tokio::sync::mpsc;

#[test]
fn a_call_is_relayed_over_udp() {
    relayed(Coturn::udp);
}

#[test]
fn a_call_is_relayed_over_tcp() {
    relayed(Coturn::tcp);
}

#[test]
fn a_call_is_relayed_over_tls() {
    relayed(Coturn::tls);
}

fn relayed(url: fn(&Coturn) -> String) {
    let coturn = Coturn::start(&["--lt-cred-mech", Coturn::USER]);
    let mut call = run(Call::start(&coturn, &alice(url(&coturn))));
    run(call.talk());
}

#[test]
fn a_wrong_password_is_told() {
    let coturn = Coturn::start(&["--lt-cred-mech", Coturn::USER]);
    for url in [coturn.udp(), coturn.tcp(), coturn.tls()] {
        let server = IceServer::turn(&url, "alice", "wrong");
        let (code, text) = run(refused(&coturn, &server));
        assert_eq!(code, Some(401), "{url}: {text}");
        assert!(text.contains("username and password"), "{url}: {text}");
    }
}

#[test]
fn credentials_that_have_expired_are_told() {
    let coturn = Coturn::start(&["--use-auth-secret", "--static-auth-secret=north"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is past 1970").as_secs();
    let server = |expiry| {
        let issued = credentials::issue(b"north", "alice", expiry);
        IceServer::turn(coturn.udp(), &issued.username, &issued.password)
    };
    let (code, text) = run(refused(&coturn, &server(now - 60)));
    assert_eq!(code, Some(401), "{text}");
    // And those that have not are taken.
    let mut call = run(Call::start(&coturn, &server(now + 600)));
    run(call.talk());
}

#[test]
fn a_quota_that_is_reached_is_told() {
    let coturn = Coturn::start(&["--lt-cred-mech", Coturn::USER, "--user-quota=1"]);
    let server = alice(coturn.udp());
    run(async {
        let (_first, _channel, mut events) = gathering(&coturn, &server).await;
        loop {
            if let Some(Event::IceCandidate(Some(_))) = events.next().await {
                break;
            }
        }
        let (code, text) = refused(&coturn, &server).await;
        assert_eq!(code, Some(486), "{text}");
        assert!(text.contains("no relayed address left"), "{text}");
    });
}

#[test]
fn a_call_goes_on_when_the_server_starts_anew_over_udp() {
    survives(Coturn::udp, Some(437), "the relayed address was lost");
}

#[test]
fn a_call_goes_on_when_the_server_starts_anew_over_tcp() {
    survives(Coturn::tcp, None, "the server has closed the connection");
}

#[test]
fn a_call_goes_on_when_the_server_starts_anew_over_tls() {
    survives(Coturn::tls, None, "the server has closed the connection");
}

fn survives(url: fn(&Coturn) -> String, code: Option<u16>, reason: &str) {
    let mut coturn = Coturn::start(&["--lt-cred-mech", Coturn::USER]);
    let mut call = run(Call::start(&coturn, &alice(url(&coturn))));
    run(call.talk());
    coturn.kill();
    coturn.revive();
    // What is on its way waits until there is another pair: the client's pause after a young allocation, and the checks.
    run(call.talk());
    for errors in &mut call.errors {
        let first = run(errors.recv());
        assert_eq!(first, Some((code, reason.to_owned())));
    }
}

#[test]
fn an_allocation_lives_on_by_refreshes_over_udp() {
    lives_on(Way::udp);
}

#[test]
fn an_allocation_lives_on_by_refreshes_over_tcp() {
    lives_on(Way::tcp);
}

#[test]
fn an_allocation_lives_on_by_refreshes_over_tls() {
    lives_on(Way::tls);
}

/// An allocation for 12 s, and 15 s later there is a channel to be had from it.
fn lives_on(open: fn(&Coturn) -> Way) {
    // It takes no lifetime under its own maximum, or ten minutes.
    let short = "--max-allocate-lifetime=12";
    let coturn = Coturn::start(&["--lt-cred-mech", Coturn::USER, short]);
    let mut way = open(&coturn);
    let mut config = client::Config::new(way.five_tuple(), "alice", "secret", [7; 32]);
    config.lifetime = Some(Duration::from_secs(12));
    let mut client = client::Client::new(Instant::now(), config);
    client.connected(Instant::now());
    let (began, peer) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], 9)));
    let mut asked = false;
    while began.elapsed() < SOON {
        let now = Instant::now();
        if client.poll_timeout().is_some_and(|at| at <= now) {
            client.handle_timeout(now);
        }
        if !asked && began.elapsed() > Duration::from_secs(15) {
            asked = true;
            client.bind_channel(now, peer);
        }
        let mut message = Vec::new();
        while client.poll_transmit(now, &mut message).is_some() {
            way.send(&std::mem::take(&mut message));
        }
        for message in way.receive() {
            client.handle_datagram(Instant::now(), &message);
        }
        match client.poll_event() {
            None | Some(client::Event::Allocated { .. }) => {}
            event => return assert_eq!(event, Some(client::Event::ChannelBound { peer })),
        }
    }
    panic!("no channel");
}

/// A socket to the server.
enum Way {
    Udp(UdpSocket),
    Stream(FiveTuple, Box<dyn Stream>, Deframer),
}

/// TCP, or TLS over it.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

impl Way {
    fn udp(server: &Coturn) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.connect(server.address()).expect("a way");
        socket.set_read_timeout(Some(TICK)).expect("not zero");
        Self::Udp(socket)
    }

    fn tcp(server: &Coturn) -> Self {
        let (five_tuple, stream) = connected(Transport::Tcp, server.address());
        Self::Stream(five_tuple, Box::new(stream), Deframer::new(Framing::Turn))
    }

    fn tls(server: &Coturn) -> Self {
        let (five_tuple, stream) = connected(Transport::Tls, server.tls_address());
        let mut stream = StreamOwned::new(tls_client(server.certificate()), stream);
        stream.sock.set_read_timeout(Some(SOON)).expect("not zero");
        stream.flush().expect("a handshake");
        stream.sock.set_read_timeout(Some(TICK)).expect("not zero");
        Self::Stream(five_tuple, Box::new(stream), Deframer::new(Framing::Turn))
    }

    fn five_tuple(&self) -> FiveTuple {
        match self {
            Self::Stream(five_tuple, ..) => *five_tuple,
            Self::Udp(socket) => FiveTuple::udp(
                socket.local_addr().expect("it is bound"),
                socket.peer_addr().expect("it is connected"),
            ),
        }
    }

    fn send(&mut self, message: &[u8]) {
        match self {
            Self::Udp(socket) => socket.send(message).map(|_| ()),
            Self::Stream(_, stream, _) => stream.write_all(message),
        }
        .expect("the server is there");
    }

    /// What comes within a tick.
    fn receive(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2048];
        match self {
            Self::Udp(socket) => {
                let len = socket.recv(&mut buffer).ok();
                len.map(|len| buffer[..len].to_vec()).into_iter().collect()
            }
            Self::Stream(_, stream, deframer) => {
                let len = stream.read(&mut buffer).unwrap_or_default();
                deframer.push(&buffer[..len]);
                let mut messages = Vec::new();
                while let Some(message) = deframer.next_frame().expect("STUN") {
                    messages.push(message.to_vec());
                }
                messages
            }
        }
    }
}

fn connected(transport: Transport, server: SocketAddr) -> (FiveTuple, TcpStream) {
    let stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(TICK)).expect("not zero");
    let five_tuple = FiveTuple {
        transport,
        local: stream.local_addr().expect("it is bound"),
        remote: server,
    };
    (five_tuple, stream)
}

/// Two peers that have nothing but relayed candidates of this server.
struct Call {
    _peers: [Arc<PeerConnection>; 2],
    /// What each is told of its server: code and text.
    errors: [mpsc::UnboundedReceiver<(Option<u16>, String)>; 2],
    ours: DataChannel,
    theirs: DataChannel,
}

impl Call {
    async fn start(coturn: &Coturn, server: &IceServer) -> Self {
        let (a, ours, a_events) = gathering(coturn, server).await;
        let (b, mut b_events) = PeerConnection::new(configuration(server, coturn)).unwrap();
        a.gathering_complete().await;
        b.set_remote_description(a.local_description().unwrap())
            .await
            .unwrap();
        b.set_implicit_local_description().await.unwrap();
        b.gathering_complete().await;
        a.set_remote_description(b.local_description().unwrap())
            .await
            .unwrap();
        let theirs = loop {
            if let Event::DataChannel(channel) = b_events.next().await.unwrap() {
                break channel;
            }
        };
        for peer in [&a, &b] {
            let pair = peer.report().await.unwrap().selected_pair.unwrap();
            assert_eq!(pair.local.kind, Kind::Relayed);
        }
        let (a, b) = (Arc::new(a), Arc::new(b));
        let errors = [
            signal(a_events, Arc::clone(&b)),
            signal(b_events, Arc::clone(&a)),
        ];
        Self {
            _peers: [a, b],
            errors,
            ours,
            theirs,
        }
    }

    async fn talk(&mut self) {
        let message = vec![7; 100_000];
        self.theirs.send(message.clone()).await.unwrap();
        let there = self.ours.recv().await;
        assert_eq!(there, Some(Message::Binary(message.clone().into())));
        self.ours.send(message.clone()).await.unwrap();
        let back = self.theirs.recv().await;
        assert_eq!(back, Some(Message::Binary(message.into())));
    }
}

/// Tells the other peer of each candidate that one has found.
fn signal(
    mut events: Events,
    to: Arc<PeerConnection>,
) -> mpsc::UnboundedReceiver<(Option<u16>, String)> {
    let (errors, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::IceCandidate(Some(candidate)) => {
                    // The other one may have gone.
                    let _ = to.add_ice_candidate(candidate).await;
                }
                Event::IceCandidateError { code, reason, .. } => {
                    let _ = errors.send((code, reason.to_string()));
                }
                _ => {}
            }
        }
    });
    told
}

fn alice(url: String) -> IceServer {
    IceServer::turn(&url, "alice", "secret")
}

fn configuration(server: &IceServer, coturn: &Coturn) -> Configuration {
    let roots = TlsRoots::from_pem(coturn.certificate().as_bytes());
    Configuration {
        ice_servers: vec![server.clone()],
        ice_transport_policy: IceTransportPolicy::Relay,
        tls_roots: roots.expect("it was just made"),
        interfaces: Interfaces {
            exclude: vec![String::new()],
            ..Interfaces::default()
        },
        ..Configuration::default()
    }
}

async fn gathering(coturn: &Coturn, server: &IceServer) -> (PeerConnection, DataChannel, Events) {
    let configuration = configuration(server, coturn);
    let (peer, events) = PeerConnection::new(configuration).expect("randomness");
    let channel = peer.create_data_channel("test", DataChannelInit::default());
    let channel = channel.await.expect("a channel");
    peer.set_implicit_local_description()
        .await
        .expect("an offer");
    (peer, channel, events)
}

/// Why there is no candidate of this server: code and text.
async fn refused(coturn: &Coturn, server: &IceServer) -> (Option<u16>, String) {
    let (_peer, _channel, mut events) = gathering(coturn, server).await;
    loop {
        let event = events.next().await.expect("an error");
        if let Event::IceCandidateError { code, reason, .. } = event {
            return (code, reason.to_string());
        }
    }
}

/// Runs it to its end, which must come soon.
fn run<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().expect("threads"));
    runtime
        .block_on(async { tokio::time::timeout(SOON, work).await })
        .expect("it took too long")
}

/// More than a call takes on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);
