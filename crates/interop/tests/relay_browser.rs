//! `ieum turn` in a browser that may use nothing but the relay, over UDP, TCP and TLS.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use ieum_interop::{Process, Relay, partner};

#[test]
fn chromium_is_relayed_over_udp() {
    relayed("udp", |ip, relay| {
        format!("turn:{ip}:{}?transport=udp", relay.plain())
    });
}

#[test]
fn chromium_is_relayed_over_tcp() {
    relayed("tcp", |ip, relay| {
        format!("turn:{ip}:{}?transport=tcp", relay.plain())
    });
}

#[test]
fn chromium_is_relayed_over_tls() {
    relayed("tls", |ip, relay| {
        format!("turns:{ip}:{}?transport=tcp", relay.secure())
    });
}

fn relayed(protocol: &str, url: impl Fn(IpAddr, &Relay) -> String) {
    let ip = own_address();
    let relay = Relay::start_at(ip, &format!("chromium-{protocol}"), &["--workers", "2"]);
    let mut command = partner::node("chromium-relay.mjs");
    command.args([&url(ip, &relay), "alice", "secret"]);
    let mut chromium = Process::spawn("chromium-relay.mjs", command);
    chromium.expect(
        &format!("relayed 이음 over {protocol}"),
        Duration::from_secs(60),
    );
}

/// An address of this machine that a browser uses: not loopback. Connecting a UDP socket sends nothing.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    socket.connect("192.0.2.1:9").expect("a route out");
    socket.local_addr().expect("an address").ip()
}
