//! What holds over all threads of a server: quotas, and what changes while it runs.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ieum_server::turn::{Config, Turn, machine};
use ieum_turn::FiveTuple;
use ieum_turn::client::{self, Client, Event};

fn config(password: &str) -> Config {
    let mut config = Config::fresh("test.example").expect("randomness");
    config
        .listen
        .udp
        .push(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.workers = 4;
    config.machine.users.push(machine::User {
        name: "alice".to_owned(),
        password: password.to_owned(),
    });
    config
}

/// Asks for an allocation from a port of its own: whether there was one, and the socket that has it.
fn allocate(server: &Turn, password: &str) -> (bool, UdpSocket) {
    let address = server.listening().udp[0];
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let tick = Some(Duration::from_millis(50));
    socket.set_read_timeout(tick).expect("it is not zero");
    let five_tuple = FiveTuple::udp(socket.local_addr().expect("an address"), address);
    let config = client::Config::new(five_tuple, "alice", password, [1; 32]);
    let mut client = Client::new(Instant::now(), config);
    let (mut out, mut buffer) = (Vec::new(), [0; 2048]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        while client.poll_transmit(Instant::now(), &mut out).is_some() {
            socket.send_to(&out, address).expect("sent");
            out.clear();
        }
        match client.poll_event() {
            Some(Event::Allocated { .. }) => return (true, socket),
            Some(Event::Failed { .. }) => return (false, socket),
            _ => {}
        }
        match socket.recv(&mut buffer) {
            Ok(len) => {
                client.handle_datagram(Instant::now(), &buffer[..len]);
            }
            Err(_) => client.handle_timeout(Instant::now()),
        }
    }
    panic!("no answer in time")
}

#[test]
fn a_users_quota_holds_whichever_threads_serve_them() {
    let mut config = config("secret");
    config.machine.limits.relays_per_user = 3;
    let server = Turn::start(config).expect("a server");
    let all: Vec<_> = (0..12).map(|_| allocate(&server, "secret")).collect();
    assert_eq!(all.iter().filter(|(made, _)| *made).count(), 3);
    let report = server.observer().report().expect("it runs");
    assert_eq!(report.allocations(), 3);
}

#[test]
fn other_credentials_count_from_a_reload_on_and_allocations_stay() {
    let server = Turn::start(config("old")).expect("a server");
    let (made, _socket) = allocate(&server, "old");
    assert!(made);
    server.reconfigure(&config("new"));
    assert!(!allocate(&server, "old").0);
    assert!(allocate(&server, "new").0);
    let report = server.observer().report().expect("it runs");
    assert_eq!(report.allocations(), 2);
}

#[test]
fn a_server_that_drains_makes_no_allocations_and_ends_those_it_has() {
    let server = Turn::start(config("secret")).expect("a server");
    let (made, _socket) = allocate(&server, "secret");
    assert!(made);
    server.drain(Duration::ZERO);
    assert!(!allocate(&server, "secret").0);
    let report = server.observer().report().expect("it runs");
    assert_eq!(report.allocations(), 0);
}

#[test]
fn a_port_that_others_share_is_in_use() {
    let server = Turn::start(config("secret")).expect("a server");
    let mut second = config("secret");
    second.listen = server.listening().clone();
    assert!(Turn::start(second).is_err());
}
