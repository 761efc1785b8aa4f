//! `ieum turn` with the TURN clients of other libraries: pion's (Go), and the crate `turn`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ieum_interop::{Process, Relay, partner};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;

/// Several threads: what each client asks for may land on any of them.
const THREADS: [&str; 2] = ["--workers", "2"];

#[test]
fn pion_is_relayed_over_udp() {
    pion("udp", |relay| {
        format!("turn:127.0.0.1:{}?transport=udp", relay.plain())
    });
}

#[test]
fn pion_is_relayed_over_tcp() {
    pion("tcp", |relay| {
        format!("turn:127.0.0.1:{}?transport=tcp", relay.plain())
    });
}

#[test]
fn pion_is_relayed_over_tls() {
    pion("tls", |relay| {
        format!("turns:127.0.0.1:{}?transport=tcp", relay.secure())
    });
}

#[test]
fn pion_is_relayed_over_dtls() {
    pion("dtls", |relay| {
        format!("turns:127.0.0.1:{}?transport=udp", relay.secure())
    });
}

/// Two connections of pion that may use nothing but the relay: a message there and back.
fn pion(name: &str, url: impl Fn(&Relay) -> String) {
    let relay = Relay::start(&format!("pion-{name}"), &THREADS);
    let mut command = partner::pion("relay");
    command.args([&url(&relay), "alice", "secret"]);
    // The authority that it trusts is the server's own certificate.
    command.env("SSL_CERT_FILE", relay.certificate_path());
    let mut pion = Process::spawn("pion", command);
    pion.expect("relayed 이음 by relay and relay", LONG);
    assert!(pion.ended(LONG).success());
}

/// Over UDP only: it frames nothing on a stream.
#[tokio::test]
async fn the_crate_turn_is_relayed() -> Result<(), Box<dyn Error>> {
    let relay = Relay::start("turn-crate", &THREADS);
    let server = format!("127.0.0.1:{}", relay.plain());
    let client = Client::new(ClientConfig {
        stun_serv_addr: server.clone(),
        turn_serv_addr: server,
        username: "alice".to_owned(),
        password: "secret".to_owned(),
        realm: "test.example".to_owned(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(UdpSocket::bind("127.0.0.1:0").await?),
        vnet: None,
    })
    .await?;
    client.listen().await?;
    let allocation = timeout(LONG, client.allocate()).await??;
    let peer = UdpSocket::bind("127.0.0.1:0").await?;
    let mut buffer = [0; 2048];
    // First in indications, and on a channel once it is bound.
    for number in 0..20_u8 {
        let message = vec![number; 100 + usize::from(number)];
        allocation.send_to(&message, peer.local_addr()?).await?;
        let (len, from) = timeout(LONG, peer.recv_from(&mut buffer)).await??;
        assert_eq!(
            (&buffer[..len], from),
            (&message[..], allocation.local_addr()?)
        );
        peer.send_to(&message, from).await?;
        let (len, from) = timeout(LONG, allocation.recv_from(&mut buffer)).await??;
        assert_eq!((&buffer[..len], from), (&message[..], peer.local_addr()?));
    }
    allocation.close().await?;
    client.close().await?;
    Ok(())
}

/// More than a connection of two peers ever takes.
const LONG: Duration = Duration::from_secs(60);
