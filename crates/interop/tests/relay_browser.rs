//! `ieum turn`, and the relay of `ieum up`, in a browser that may use nothing else, over UDP, TCP and TLS.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use ieum_interop::{Process, Relay, Up, certificate, partner};

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
    talk(protocol, &url(ip, &relay), "alice", "secret");
}

#[test]
fn chromium_is_relayed_by_every_url_that_ieum_up_hands_out() {
    let ip = own_address();
    let folder = std::env::temp_dir().join(format!("ieum-up-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let (cert, key) = certificate(&folder, ip);
    let (bind, cert, key) = (
        ip.to_string(),
        cert.display().to_string(),
        key.display().to_string(),
    );
    let up = Up::start(&[
        "--bind",
        &bind,
        "--cert",
        &cert,
        "--key",
        &key,
        "--turns-port",
        "0",
    ]);
    let _ = fs::remove_dir_all(&folder);
    let servers = up.ice_servers();
    let turn = servers.last().expect("TURN is the last");
    let (name, password) = (&turn.username, &turn.credential);
    let name = name.as_deref().expect("a username");
    let password = password.as_deref().expect("a password");
    assert_eq!(turn.urls.len(), 3, "{:?}", turn.urls);
    for (protocol, url) in ["udp", "tcp", "tls"].iter().zip(&turn.urls) {
        talk(protocol, url, name, password);
    }
}

/// Two connections of one page talk by this URL, and by no other way.
fn talk(protocol: &str, url: &str, name: &str, password: &str) {
    let mut command = partner::node("chromium-relay.mjs");
    command.args([url, name, password]);
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
