//! Who connects over TCP and TLS: how many, and what becomes of those who do not speak STUN, or say nothing.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use common::Streamed;

use ieum_server::turn::{Config, Turn};

fn start(change: impl FnOnce(&mut Config)) -> Turn {
    let mut config = Config::fresh("test.example").expect("randomness");
    config
        .listen
        .tcp
        .push(SocketAddr::from(([127, 0, 0, 1], 0)));
    change(&mut config);
    Turn::start(config).expect("a server")
}

fn connect(server: &Turn) -> TcpStream {
    let stream = TcpStream::connect(server.listening().tcp[0]).expect("a connection");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("it is not zero");
    stream
}

/// A Binding request (RFC 8489 §5), and whether its answer came.
fn is_answered(stream: &mut TcpStream) -> bool {
    let mut request = [0; 20];
    request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
    let mut header = [0; 20];
    if stream.write_all(&request).is_err() || stream.read_exact(&mut header).is_err() {
        return false;
    }
    let mut attributes = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]]))];
    stream.read_exact(&mut attributes).is_ok() && header.starts_with(&[1, 1])
}

#[test]
fn one_source_has_so_many_connections_and_no_more() {
    let server = start(|config| config.connections.per_source = 2);
    let (mut first, mut second) = (connect(&server), connect(&server));
    assert!(is_answered(&mut first) && is_answered(&mut second));
    assert!(!is_answered(&mut connect(&server)), "a third one");
    drop(first);
    // The server notices a moment later.
    let again = (0..200).any(|_| {
        std::thread::yield_now();
        is_answered(&mut connect(&server))
    });
    assert!(again && is_answered(&mut second));
    let refused = server.observer().report().expect("it runs");
    assert!(refused.total("ieum_turn_connections_total") >= Some(4));
}

#[test]
fn all_together_have_so_many_connections_and_no_more() {
    let server = start(|config| config.connections.total = 1);
    let mut first = connect(&server);
    assert!(is_answered(&mut first));
    assert!(!is_answered(&mut connect(&server)));
}

#[test]
fn a_stream_that_is_no_stun_is_closed() {
    let server = start(|_| {});
    for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 64]] {
        let mut stream = connect(&server);
        stream.write_all(junk).expect("it fits");
        let mut rest = Vec::new();
        // Closed, or reset because it has sent more than was read.
        let ended = stream.read_to_end(&mut rest).map_err(|error| error.kind());
        assert!(
            matches!(ended, Ok(0) | Err(ErrorKind::ConnectionReset)),
            "{ended:?}"
        );
    }
}

#[test]
fn a_message_cut_at_every_byte_is_answered_once_it_is_whole() {
    let server = start(|_| {});
    let mut stream = connect(&server);
    stream.set_nodelay(true).expect("an option of TCP");
    let request = [
        0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    for byte in request {
        stream.write_all(&[byte]).expect("it fits");
    }
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[..2], [1, 1]);
    assert_eq!(answer[4..], request[4..]);
}

#[test]
fn who_says_nothing_is_closed_in_time_and_who_has_an_allocation_is_not() {
    let (certificate, der) = common::certificate();
    let mut config = common::config();
    config.listen.tcp.push(common::anywhere());
    config.listen.tls.push(common::anywhere());
    config.certificate = Some(certificate);
    config.connections.allocate_within = Duration::from_millis(500);
    let server = Turn::start(config).expect("a server");
    let (tcp, tls) = (server.listening().tcp[0], server.listening().tls[0]);
    let began = Instant::now();
    let mut client = Streamed::tcp(tcp);
    client.allocate();
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let peer = peer.local_addr().expect("an address");

    // One on TCP, one that never begins its handshake, one that ends it, and one that asks without credentials.
    let (_, secured) = common::handshake(tls, &der).expect("a handshake");
    let mut asking = connect(&server);
    assert!(is_answered(&mut asking));
    let connect = |at| TcpStream::connect(at).expect("it listens");
    for mut stream in [connect(tcp), connect(tls), secured.sock, asking] {
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("not zero");
        // A farewell of TLS may come before.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the end");
    }
    assert!(began.elapsed() >= Duration::from_millis(500));
    client.bind_channel(peer);
    let report = server.observer().report().expect("it runs");
    let failed = r#"ieum_turn_connections_total{outcome="failed"} 4"#;
    let metrics = report.to_prometheus();
    assert!(metrics.contains(failed), "{metrics}");
    assert_eq!(report.allocations(), 1);
}

#[test]
fn a_new_certificate_is_shown_to_newcomers_and_nobody_loses_an_allocation() {
    let ((old, old_der), (new, new_der)) = (common::certificate(), common::certificate());
    let configured = |certificate| {
        let mut config = common::config();
        config.listen.tls.push(common::anywhere());
        config.workers = 2;
        config.certificate = Some(certificate);
        config
    };
    let server = Turn::start(configured(old)).expect("a server");
    let at = server.listening().tls[0];
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let patience = Some(Duration::from_secs(20));
    peer.set_read_timeout(patience).expect("not zero");
    let address = peer.local_addr().expect("an address");
    let mut client = Streamed::tls(at, &old_der).expect("a handshake");
    client.allocate();
    client.bind_channel(address);

    server.reconfigure(&configured(new));
    // Whoever has taken it shows it.
    let deadline = Instant::now() + common::SOON;
    while common::handshake(at, &new_der).is_err() {
        assert!(Instant::now() < deadline, "the new one is never shown");
    }
    assert_eq!(
        server.observer().report().map(|it| it.allocations()).ok(),
        Some(1)
    );
    client.send(address, b"still here");
    let mut buffer = [0; 64];
    let (len, relay) = peer.recv_from(&mut buffer).expect("relayed");
    assert_eq!(&buffer[..len], b"still here");
    peer.send_to(b"and back", relay).expect("sent");
    assert_eq!(client.receive(), b"and back");
    let mut second = Streamed::tls(at, &new_der).expect("a handshake");
    second.allocate();
    assert!(Streamed::tls(at, &old_der).is_err(), "the old one is gone");
}
