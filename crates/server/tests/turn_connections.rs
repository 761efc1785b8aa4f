//! Who connects over TCP: how many, and what becomes of those who do not speak STUN.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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
