//! `ieum turn` with coturn's client programs: every mode over every transport, discovery, signals.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use ieum_interop::{Process, Relay, certificate, partner, tls_client};

/// What carries the client's messages.
#[derive(Clone, Copy, Debug)]
enum Carrier {
    Udp,
    Tcp,
    Tls,
    Dtls,
}

/// Several threads: allocations, reservations and what is reserved live on any of them.
const THREADS: [&str; 2] = ["--workers", "2"];

#[test]
fn every_mode_works_over_udp() {
    every_mode("udp", Carrier::Udp);
}

#[test]
fn every_mode_works_over_tcp() {
    every_mode("tcp", Carrier::Tcp);
}

#[test]
fn every_mode_works_over_tls() {
    every_mode("tls", Carrier::Tls);
}

#[test]
fn every_mode_works_over_dtls() {
    every_mode("dtls", Carrier::Dtls);
}

fn every_mode(name: &str, carrier: Carrier) {
    let relay = Relay::start(name, &THREADS);
    let echo = Echo::start();
    let port = echo.port.to_string();
    let peer = ["-e", "127.0.0.1", "-r", &port];
    let modes: [&[&str]; 6] = [&[], &["-c"], &["-s"], &["-y"], &["-y", "-c"], &["-y", "-s"]];
    for mode in modes {
        let to_peer: &[&str] = if mode.contains(&"-y") { &[] } else { &peer };
        nothing_is_lost(client(&relay, carrier, &[mode, to_peer].concat()));
    }
}

#[test]
fn tcp_relays_carry_tcp() {
    let relay = Relay::start("rfc6062", &THREADS);
    nothing_is_lost(client(&relay, Carrier::Tcp, &["-T"]));
    nothing_is_lost(client(&relay, Carrier::Tls, &["-T"]));
}

#[test]
fn an_allocation_moves_with_its_client() {
    let relay = Relay::start("mobility", &THREADS);
    nothing_is_lost(client(&relay, Carrier::Udp, &["-M", "-y", "-c"]));
}

#[test]
fn ten_clients_at_once_lose_nothing() {
    let relay = Relay::start("ten", &THREADS);
    nothing_is_lost(client(&relay, Carrier::Udp, &["-m", "10", "-y", "-c"]));
}

#[test]
fn a_wrong_password_is_refused() {
    let relay = Relay::start("wrong", &[]);
    let mut command = client(&relay, Carrier::Udp, &["-y"]);
    command.args(["-w", "wrong"]);
    let mut client = Process::spawn("turnutils_uclient", command);
    assert_eq!(client.ended(SOON).code(), Some(255));
}

#[test]
fn nat_behaviour_is_discovered() {
    let alternate = free_port();
    let alternate = format!("127.0.0.2:{alternate}");
    let relay = Relay::start("discovery", &["--alternate", &alternate]);
    let mut command = partner::coturn("turnutils_natdiscovery");
    command.args(["-m", "-f", "-p", &relay.plain().to_string(), "127.0.0.1"]);
    let mut client = Process::spawn("turnutils_natdiscovery", command);
    let status = client.ended(SOON);
    let seen = client.seen().join("\n");
    assert!(status.success(), "{seen}");
    assert!(seen.contains("Endpoint Independent Mapping"), "{seen}");
    assert!(seen.contains("Endpoint Independent Filtering"), "{seen}");
}

#[test]
fn what_it_did_can_be_read() {
    let relay = Relay::start("metrics", &THREADS);
    nothing_is_lost(client(&relay, Carrier::Udp, &["-y", "-c"]));
    let metrics = get(relay.http(), "/metrics");
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    assert!(value("ieum_turn_done_total{what=\"allocated\"}") >= 2);
    assert!(value("ieum_turn_relayed_packets_total{direction=\"to_peers\"}") >= 20);
    assert!(!metrics.contains("alice") && !metrics.contains("secret"));
    assert!(get(relay.http(), "/health").starts_with("HTTP/1.1 200"));
    assert!(get(relay.http(), "/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_reload_drops_no_allocation_and_a_drain_lets_them_go_on() {
    // The client does not give back all that it has: the deadline ends the rest.
    let mut relay = Relay::start("signals", &["--workers", "2", "--drain", "15s"]);
    // Some seconds of messages, through a reload and the beginning of a drain.
    let command = client(&relay, Carrier::Udp, &["-y", "-c", "-n", "200"]);
    let mut busy = Process::spawn("turnutils_uclient", command);
    busy.expect("Total connect time", SOON);
    relay.process().signal("HUP");
    relay.process().expect("reload done", SOON);
    relay.process().signal("TERM");
    relay.process().expect("drain", SOON);
    assert!(get(relay.http(), "/ready").starts_with("HTTP/1.1 503"));
    let mut late = Process::spawn("turnutils_uclient", client(&relay, Carrier::Udp, &["-y"]));
    assert_eq!(late.ended(SOON).code(), Some(255), "no new allocations");
    assert!(busy.ended(LONG).success());
    no_loss(&busy);
    assert!(relay.process().ended(SOON).success());
}

#[test]
fn a_new_certificate_is_shown_after_a_reload_and_drops_no_allocation() {
    let mut relay = Relay::start("renewal", &["--workers", "2"]);
    let command = client(&relay, Carrier::Tls, &["-y", "-c", "-n", "100"]);
    let mut busy = Process::spawn("turnutils_uclient", command);
    busy.expect("Total connect time", SOON);
    let old = relay.certificate();
    let _ = certificate(relay.folder(), Ipv4Addr::LOCALHOST.into());
    relay.process().signal("HUP");
    relay.process().expect("reload done", SOON);
    // Each thread has taken it before it says what it did.
    assert!(get(relay.http(), "/metrics").starts_with("HTTP/1.1 200"));
    assert!(is_shown(&relay, &relay.certificate()));
    assert!(!is_shown(&relay, &old), "the old one is gone");
    assert!(busy.ended(LONG).success());
    no_loss(&busy);
}

/// Whether a handshake succeeds for who trusts this certificate only.
fn is_shown(relay: &Relay, pem: &str) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", relay.secure())).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("not zero");
    tls_client(pem).complete_io(&mut stream).is_ok()
}

fn client(relay: &Relay, carrier: Carrier, arguments: &[&str]) -> Command {
    let mut client = partner::coturn("turnutils_uclient");
    client.args(["-u", "alice", "-w", "secret", "-n", "20", "-l", "500"]);
    let (port, flags): (_, &[&str]) = match carrier {
        Carrier::Udp => (relay.plain(), &[]),
        Carrier::Tcp => (relay.plain(), &["-t"]),
        Carrier::Tls => (relay.secure(), &["-t", "-S"]),
        Carrier::Dtls => (relay.secure(), &["-S"]),
    };
    client.args(["-p", &port.to_string()]).args(flags);
    client.args(arguments).arg("127.0.0.1");
    client
}

fn nothing_is_lost(command: Command) {
    let shown = format!("{command:?}");
    let mut client = Process::spawn("turnutils_uclient", command);
    let status = client.ended(LONG);
    assert!(status.success(), "{shown}: {:#?}", client.seen());
    no_loss(&client);
}

fn no_loss(client: &Process) {
    let lossless = |line: &String| line.contains("Total lost packets 0 ");
    assert!(client.seen().iter().any(lossless), "{:#?}", client.seen());
}

/// Sends back what comes to a port and to the next, where the client's RTP and RTCP go.
struct Echo {
    port: u16,
}

impl Echo {
    fn start() -> Self {
        let (first, second) = loop {
            let first = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            let port = first.local_addr().expect("an address").port();
            let next = port.checked_add(1);
            if let Some(Ok(second)) = next.map(|next| UdpSocket::bind(("127.0.0.1", next))) {
                break (first, second);
            }
        };
        let port = first.local_addr().expect("an address").port();
        for socket in [first, second] {
            std::thread::spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..len], from);
                }
            });
        }
        Self { port }
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.2:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}

fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("HTTP is served");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("it fits the socket's buffer");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// More than an exchange of a few messages ever takes.
const SOON: Duration = Duration::from_secs(30);
/// More than a whole client ever takes.
const LONG: Duration = Duration::from_secs(60);
