//! Relaying allocates nothing: counted over all threads of this program, the server's among them.

use std::alloc::System;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ieum_server::turn::{Config, Turn, machine};
use ieum_turn::client::{self, Client, Event};
use ieum_turn::{FiveTuple, HEADROOM};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn channel_data_is_relayed_both_ways_without_allocating() {
    let server = start();
    let address = server.listening().udp[0];
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (socket, header) = channel(address, peer.local_addr().expect("an address"));
    for socket in [&peer, &socket] {
        let patience = Some(Duration::from_secs(10));
        socket.set_read_timeout(patience).expect("it is not zero");
    }

    let mut packet = [0; HEADROOM + PAYLOAD];
    packet[..HEADROOM].copy_from_slice(&header);
    let mut buffer = [0; 2048];
    let mut echo = |times: usize| {
        for _ in 0..times {
            socket.send_to(&packet, address).expect("sent");
            let (len, relay) = peer.recv_from(&mut buffer).expect("relayed to the peer");
            assert_eq!(len, PAYLOAD);
            peer.send_to(&buffer[..len], relay).expect("sent");
            let len = socket.recv(&mut buffer).expect("relayed to the client");
            assert_eq!(buffer[..len], packet);
        }
    };
    echo(100);
    let region = Region::new(COUNTING);
    echo(1000);
    let change = region.change();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "{change:?}"
    );
}

fn start() -> Turn {
    let mut config = Config::fresh("test.example").expect("randomness");
    config
        .listen
        .udp
        .push(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.machine.peers.loopback = true;
    config.machine.users.push(machine::User {
        name: "alice".to_owned(),
        password: "secret".to_owned(),
    });
    Turn::start(config).expect("a server")
}

/// A client's socket with a channel to `peer`, and the header of its channel for [`PAYLOAD`] bytes.
fn channel(server: SocketAddr, peer: SocketAddr) -> (UdpSocket, [u8; HEADROOM]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let tick = Some(Duration::from_millis(50));
    socket.set_read_timeout(tick).expect("it is not zero");
    let local = socket.local_addr().expect("an address");
    let server_of = FiveTuple::udp(local, server);
    let config = client::Config::new(server_of, "alice", "secret", [1; 32]);
    let mut client = Client::new(Instant::now(), config);
    client.bind_channel(Instant::now(), peer);
    let (mut out, mut buffer) = (Vec::new(), [0; 2048]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        while client.poll_transmit(Instant::now(), &mut out).is_some() {
            socket.send_to(&out, server).expect("sent");
            out.clear();
        }
        if let Some(Event::ChannelBound { .. }) = client.poll_event() {
            let mut header = [0; HEADROOM + PAYLOAD];
            assert!(client.wrap(peer, &mut header));
            let header = header.first_chunk().copied().expect("it is longer");
            return (socket, header);
        }
        match socket.recv(&mut buffer) {
            Ok(len) => {
                client.handle_datagram(Instant::now(), &buffer[..len]);
            }
            Err(_) => client.handle_timeout(Instant::now()),
        }
    }
    panic!("no channel in time")
}

const PAYLOAD: usize = 1200;
