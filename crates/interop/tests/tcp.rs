//! Where UDP does not get through: TCP candidates with ourselves and with Chromium, and coturn over TCP and TLS.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call, partner, wait};
use ieum_peer::{
    Configuration, DataChannelInit, Event, Events, IceServer, IceTransportPolicy, Interfaces, Kind,
    Message, PeerConnection, TlsRoots,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Host one sends no UDP; `ieum up` is in public.
fn laboratory() -> (Up, Lab) {
    let lab = Lab::up(Nat::PortRestricted, Nat::PortRestricted);
    lab.block_udp(Host::One);
    let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
    (up, lab)
}

#[test]
fn a_peer_whose_udp_is_blocked_reaches_one_that_listens_on_tcp() {
    let (up, lab) = laboratory();
    let mut callee = wait(
        lab.command(Host::Public, binary()),
        up.url(),
        "two",
        &["--ice-tcp", "passive"],
    );
    let mut caller = call(lab.command(Host::One, binary()), up.url(), "two", &[]);
    caller.expect_where("a pair of TCP candidates", SOON, over_tcp);
    caller.say("over TCP");
    callee.expect("over TCP", SOON);
    callee.say("and back");
    caller.expect("and back", SOON);
}

#[test]
fn chromium_whose_udp_is_blocked_reaches_us_over_tcp() {
    let (mut up, lab) = laboratory();
    let mut chromium = partner::chromium();
    let page = up.page("");
    chromium.args([
        "call",
        &page,
        "--binary",
        "--real-addresses",
        "--microphone",
    ]);
    let mut page = Process::spawn("Chromium", lab.inside(Host::One, &chromium));
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    let pair = page.expect("pair ", SOON);
    assert!(!pair.contains("relay"), "{pair}");
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
}

#[test]
fn coturn_relays_a_call_over_tcp() {
    let coturn = Coturn::start();
    relayed_call(
        &coturn.over(&format!("turn:127.0.0.1:{}?transport=tcp", coturn.port)),
        &coturn,
    );
}

#[test]
fn coturn_relays_a_call_over_tls() {
    let coturn = Coturn::start();
    relayed_call(
        &coturn.over(&format!("turns:localhost:{}", coturn.tls_port)),
        &coturn,
    );
}

#[test]
fn coturn_refuses_a_wrong_password_over_tls() {
    let coturn = Coturn::start();
    let mut server = coturn.over(&format!("turns:localhost:{}", coturn.tls_port));
    server.credential = Some("wrong".to_owned());
    let (_peer, mut events) = runtime().block_on(gathering(configuration(&server, &coturn)));
    runtime().block_on(async {
        loop {
            let event = events.next().await.expect("an error");
            if let Event::IceCandidateError { code, .. } = event {
                return assert_eq!(code, Some(401));
            }
        }
    });
}

/// coturn as a server on loopback, with a certificate of its own.
struct Coturn {
    // Ends when it is dropped.
    _process: Process,
    folder: PathBuf,
    port: u16,
    tls_port: u16,
    roots: TlsRoots,
}

impl Coturn {
    fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let folder = std::env::temp_dir().join(format!("ieum-coturn-{}", free_port()));
        fs::create_dir_all(&folder).expect("a folder for it");
        let path = |name: &str| folder.join(name).display().to_string();
        fs::write(path("cert.pem"), cert.pem()).expect("room for it");
        fs::write(path("key.pem"), signing_key.serialize_pem()).expect("room for it");
        let (port, tls_port) = (free_port(), free_port());
        // Into a pipe it would hold its lines back.
        let mut server = partner::system("coreutils", "stdbuf");
        server
            .arg("-oL")
            .arg(partner::coturn("turnserver").get_program());
        server.args([
            "-n",
            "--log-file=stdout",
            "--simple-log",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            "--lt-cred-mech",
            "--realm=test.example",
            "--user=alice:secret",
            "--fingerprint",
            "--allow-loopback-peers",
            "--no-cli",
            "--no-dtls",
        ]);
        server.args([
            format!("--listening-port={port}"),
            format!("--tls-listening-port={tls_port}"),
            format!("--cert={}", path("cert.pem")),
            format!("--pkey={}", path("key.pem")),
            format!("--pidfile={}", path("pid")),
            format!("--userdb={}", path("users.db")),
        ]);
        let mut process = Process::spawn("turnserver", server);
        process.expect("Total General servers", SOON);
        Self {
            _process: process,
            folder,
            port,
            tls_port,
            roots: TlsRoots::from_pem(cert.pem().as_bytes()).expect("it was just made"),
        }
    }

    fn over(&self, url: &str) -> IceServer {
        IceServer::turn(url, "alice", "secret")
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configuration(server: &IceServer, coturn: &Coturn) -> Configuration {
    Configuration {
        ice_servers: vec![server.clone()],
        ice_transport_policy: IceTransportPolicy::Relay,
        tls_roots: coturn.roots.clone(),
        interfaces: Interfaces {
            exclude: vec![String::new()],
            ..Interfaces::default()
        },
        ..Configuration::default()
    }
}

async fn gathering(configuration: Configuration) -> (PeerConnection, Events) {
    let (peer, events) = PeerConnection::new(configuration).expect("randomness");
    let channel = peer.create_data_channel("test", DataChannelInit::default());
    let _channel = channel.await.expect("a channel");
    peer.set_implicit_local_description()
        .await
        .expect("an offer");
    (peer, events)
}

/// Two peers that have nothing but relayed candidates of this server talk.
fn relayed_call(server: &IceServer, coturn: &Coturn) {
    let call = async {
        let (a, _a_events) = PeerConnection::new(configuration(server, coturn)).unwrap();
        let (b, mut b_events) = PeerConnection::new(configuration(server, coturn)).unwrap();
        let channel = a.create_data_channel("test", DataChannelInit::default());
        let mut channel = channel.await.unwrap();
        a.set_implicit_local_description().await.unwrap();
        a.gathering_complete().await;
        let offer = a.local_description().unwrap();
        b.set_remote_description(offer).await.unwrap();
        b.set_implicit_local_description().await.unwrap();
        b.gathering_complete().await;
        let answer = b.local_description().unwrap();
        a.set_remote_description(answer).await.unwrap();
        let theirs = loop {
            if let Event::DataChannel(channel) = b_events.next().await.unwrap() {
                break channel;
            }
        };
        let message = vec![7; 100_000];
        theirs.send(message.clone()).await.unwrap();
        assert_eq!(channel.recv().await, Some(Message::Binary(message.into())));
        for peer in [&a, &b] {
            let pair = peer.report().await.unwrap().selected_pair.unwrap();
            assert_eq!(pair.local.kind, Kind::Relayed);
        }
        a.close().await;
    };
    runtime()
        .block_on(async { tokio::time::timeout(SOON, call).await })
        .expect("the call took too long");
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().expect("a runtime with threads"))
}

/// One that was free a moment ago: coturn takes no 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn over_tcp(line: &str) -> bool {
    line.contains("pair") && line.contains(" -> ") && line.contains("(tcp)")
}

const PUBLIC: &str = "203.0.113.10";
/// More than Chromium takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
