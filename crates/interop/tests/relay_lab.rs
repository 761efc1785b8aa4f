//! Host one sends no UDP: it reaches host two through `ieum turn`, over TCP and over TLS, or through the relay of `ieum up`. Host two
//! is our own peer, or aiortc.

use std::net::IpAddr;
use std::time::Duration;

use ieum::peer::{Configuration, IceServer, Kind, Message, TlsRoots};
use ieum::{Endpoint, Options};
use ieum_interop::{Host, Lab, Nat, Process, Relay, Up, binary, call, partner, wait};

#[test]
fn ours_reaches_ours_through_turn_over_tcp() {
    Scene::up("lab-tcp").calls_ours(Scene::over_tcp);
}

#[test]
fn ours_reaches_ours_through_turn_over_tls() {
    Scene::up("lab-tls").calls_ours(Scene::over_tls);
}

#[test]
fn ours_reaches_aiortc_through_turn_over_tcp() {
    Scene::up("lab-tcp-aiortc").calls_aiortc(Scene::over_tcp);
}

#[test]
fn ours_reaches_aiortc_through_turn_over_tls() {
    Scene::up("lab-tls-aiortc").calls_aiortc(Scene::over_tls);
}

#[test]
fn ieum_up_alone_carries_who_sends_no_udp() {
    let lab = Lab::up(Nat::PortRestricted, Nat::PortRestricted);
    lab.block_udp(Host::One);
    let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
    let mut callee = wait(lab.command(Host::Two, binary()), up.url(), "two", &[]);
    let mut caller = call(lab.command(Host::One, binary()), up.url(), "two", &[]);
    caller.say(TEXT);
    callee.expect(TEXT, SOON);
    callee.say(TEXT);
    caller.expect(&format!("< {TEXT}"), SOON);
    let seen = caller.seen();
    let chosen = seen.iter().find(|line| line.contains("pair chosen"));
    let chosen = chosen.unwrap_or_else(|| panic!("{seen:#?}"));
    assert!(chosen.contains("  relay "), "{chosen}");
    caller.assert_no_panic();
}

/// Signaling and the relay in public, and a NAT before each host.
struct Scene {
    // They end before the namespaces go.
    up: Up,
    relay: Relay,
    lab: Lab,
}

impl Scene {
    fn up(name: &str) -> Self {
        let lab = Lab::up(Nat::PortRestricted, Nat::PortRestricted);
        lab.block_udp(Host::One);
        let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
        let ip: IpAddr = PUBLIC.parse().expect("it is one");
        let command = lab.command(Host::Public, binary());
        let relay = Relay::start_as(command, ip, name, &["--workers", "1", "--drain", "1s"]);
        Self { up, relay, lab }
    }

    fn over_tcp(&self) -> IceServer {
        let url = format!("turn:{PUBLIC}:{}?transport=tcp", self.relay.plain());
        IceServer::turn(&url, "alice", "secret")
    }

    fn over_tls(&self) -> IceServer {
        let url = format!("turns:{PUBLIC}:{}", self.relay.secure());
        IceServer::turn(&url, "alice", "secret")
    }

    fn calls_ours(&self, server: fn(&Self) -> IceServer) {
        let mut callee = wait(
            self.lab.command(Host::Two, binary()),
            self.up.url(),
            "two",
            &[],
        );
        let call = self.call("two", server(self));
        callee.expect(TEXT, SOON);
        callee.say(TEXT);
        assert_eq!(call.join().expect("the call"), Kind::Relayed);
        callee.assert_no_panic();
    }

    fn calls_aiortc(&self, server: fn(&Self) -> IceServer) {
        let mut command = partner::python("crates/interop/partners/aiortc_peer.py");
        command.args([self.up.url(), "two", "--servers"]);
        let mut aiortc = Process::spawn("aiortc", self.lab.inside(Host::Two, &command));
        aiortc.expect("ready", SOON);
        let call = self.call("two", server(self));
        assert_eq!(call.join().expect("the call"), Kind::Relayed);
    }

    /// Calls `peer` from host one, says something and is answered the same. Gives what kind our candidate is.
    fn call(&self, peer: &'static str, server: IceServer) -> std::thread::JoinHandle<Kind> {
        let url = self.up.url().to_owned();
        let pem = self.relay.certificate();
        let roots = TlsRoots::from_pem(pem.as_bytes()).expect("it was just made");
        self.lab.spawn(Host::One, move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let call = talk(url, peer, server, roots);
            let in_time = async { tokio::time::timeout(SOON, call).await };
            let kind = runtime.expect("a runtime").block_on(in_time);
            kind.expect("the call took too long")
        })
    }
}

async fn talk(url: String, peer: &str, server: IceServer, roots: TlsRoots) -> Kind {
    let mut options = Options::new(url, "one");
    options.configuration = Box::new(move || Configuration {
        ice_servers: vec![server.clone()],
        tls_roots: roots.clone(),
        ..Configuration::default()
    });
    let endpoint = Endpoint::connect(options).await.expect("signaling");
    let mut call = endpoint.call(peer).await.expect("the peer is there");
    let mut channel = call.channel().await.expect("a channel");
    channel.opened().await.expect("it opens");
    channel.send_text(TEXT).await.expect("it is open");
    assert_eq!(channel.recv().await, Some(Message::from(TEXT)));
    let report = call.connection().report().await.expect("it is open");
    let kind = report.selected_pair.expect("data went over it").local.kind;
    call.close().await;
    kind
}

const PUBLIC: &str = "203.0.113.10";
const TEXT: &str = "where no datagram gets through";
/// More than a call takes on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
