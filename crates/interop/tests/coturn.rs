//! coturn's client programs against our STUN and TURN server, with the credentials that it hands out.

use std::net::UdpSocket;
use std::process::Command;
use std::thread;
use std::time::Duration;

use ieum_interop::{IceServer, Process, Up, partner};

#[test]
fn a_binding_request_tells_the_reflexive_address() {
    let up = Up::start(&[]);
    let mut client = partner::coturn("turnutils_stunclient");
    client.args(["-p", &turn(&up).port, "127.0.0.1"]);
    let mut client = Process::spawn("turnutils_stunclient", client);
    client.expect("UDP reflexive addr: 127.0.0.1:", SOON);
    assert!(client.ended(SOON).success());
}

#[test]
fn data_goes_through_channels_and_back() {
    let up = Up::start(&[]);
    assert_eq!(echoed(&turn(&up), &[]), 2 * MESSAGES, "RTP and RTCP each");
}

#[test]
fn data_goes_through_send_indications_and_back() {
    let up = Up::start(&[]);
    assert_eq!(
        echoed(&turn(&up), &["-s"]),
        2 * MESSAGES,
        "RTP and RTCP each"
    );
}

#[test]
fn one_allocation_without_rtcp_carries_data() {
    let up = Up::start(&[]);
    assert_eq!(echoed(&turn(&up), &["-c"]), MESSAGES);
}

#[test]
fn two_clients_reach_each_other_through_their_relays() {
    let up = Up::start(&[]);
    let turn = turn(&up);
    assert!(exchanged(turn.client(&["-y"])) >= MESSAGES);
    assert!(exchanged(turn.client(&["-y", "-c"])) >= MESSAGES);
    assert!(exchanged(turn.client(&["-y", "-s"])) >= MESSAGES);
}

#[test]
fn a_wrong_password_is_refused() {
    let up = Up::start(&[]);
    let turn = Turn {
        password: "wrong".to_owned(),
        ..turn(&up)
    };
    let mut client = Process::spawn("turnutils_uclient", turn.client(&["-y"]));
    client.expect("Cannot complete Allocation", SOON);
    assert_eq!(client.ended(SOON).code(), Some(255));
}

/// What coturn's clients are told of the server.
struct Turn {
    port: String,
    username: String,
    password: String,
}

fn turn(up: &Up) -> Turn {
    let entry = up
        .ice_servers()
        .into_iter()
        .find(|server| server.username.is_some());
    let IceServer {
        urls,
        username,
        credential,
    } = entry.expect("a TURN server with credentials");
    let url = urls
        .iter()
        .find(|url| url.starts_with("turn:"))
        .expect("a turn: URL");
    let address = url
        .split(['?', '/'])
        .next()
        .expect("split gives one part at least");
    let port = address
        .rsplit(':')
        .next()
        .expect("rsplit gives one part at least")
        .to_owned();
    let password = credential.expect("a password beside the user name");
    Turn {
        port,
        username: username.unwrap_or_default(),
        password,
    }
}

impl Turn {
    fn client(&self, arguments: &[&str]) -> Command {
        let mut client = partner::coturn("turnutils_uclient");
        client.args(["-p", &self.port, "-u", &self.username, "-w", &self.password]);
        client
            .args(["-n", &MESSAGES.to_string(), "-l", "1000"])
            .args(arguments)
            .arg("127.0.0.1");
        client
    }
}

/// How many messages come back from an echoing peer.
fn echoed(turn: &Turn, arguments: &[&str]) -> u32 {
    let port = echo().to_string();
    exchanged(turn.client(&[&["-e", "127.0.0.1", "-r", &port], arguments].concat()))
}

/// How many messages the client sent; fails where one of them was lost.
fn exchanged(client: Command) -> u32 {
    let mut client = Process::spawn("turnutils_uclient", client);
    let status = client.ended(Duration::from_secs(60));
    let totals = client
        .seen()
        .iter()
        .rev()
        .find(|line| line.contains("tot_recv_msgs="));
    let totals = totals.unwrap_or_else(|| panic!("no totals in {:#?}", client.seen()));
    let count = |name: &str| -> u32 {
        let rest = totals.split_once(name).map_or("", |(_, rest)| rest);
        rest.split(',')
            .next()
            .and_then(|digits| digits.trim().parse().ok())
            .unwrap_or_else(|| panic!("{totals}"))
    };
    let (sent, received) = (count("tot_send_msgs="), count("tot_recv_msgs="));
    assert_eq!(sent, received, "messages were lost: {:#?}", client.seen());
    assert!(status.success(), "{status}: {:#?}", client.seen());
    sent
}

/// Echoes datagrams on a port and the next, where the client's RTP and RTCP go; returns the first.
fn echo() -> u16 {
    let (first, second) = adjacent();
    let port = first
        .local_addr()
        .expect("a bound socket has an address")
        .port();
    for socket in [first, second] {
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..len], from);
            }
        });
    }
    port
}

fn adjacent() -> (UdpSocket, UdpSocket) {
    loop {
        let first = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = first
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let second = port
            .checked_add(1)
            .and_then(|next| UdpSocket::bind(("127.0.0.1", next)).ok());
        if let Some(second) = second {
            return (first, second);
        }
    }
}

/// How many messages a client sends on each connection.
const MESSAGES: u32 = 50;

/// More than an exchange of a few messages ever takes.
const SOON: Duration = Duration::from_secs(20);
