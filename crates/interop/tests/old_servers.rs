//! Our client on signaling servers of the old kind: one on socket.io 4 for Node.js, with WebSocket and with long-polling alone, and
//! one on python-socketio.

use std::process::Command;
use std::time::Duration;

use ieum_interop::{Process, partner};
use ieum_signaling::client::{Channel, Closed, ConnectError, Event, Options, Outcome, Transport};
use ieum_signaling::{Incoming, Signal};
use serde_json::json;
use tokio::time::timeout;

/// The server's program and its transports, and how our client is to connect.
const SERVERS: [(&str, &[&str], Transport); 5] = [
    ("relay.mjs", &[], Transport::Auto),
    ("relay.mjs", &[], Transport::Polling),
    ("relay.mjs", &["polling"], Transport::Auto),
    ("server.py", &[], Transport::Auto),
    ("server.py", &[], Transport::Polling),
];

/// A server, and where it is.
fn start(program: &str, arguments: &[&str]) -> (Process, String) {
    let mut command: Command = match program {
        "relay.mjs" => partner::node("signaling/relay.mjs"),
        _ => partner::python("crates/interop/partners/signaling/server.py"),
    };
    command.arg("secret").args(arguments);
    let mut process = Process::spawn(program, command);
    let port = process.expect("port", SOON)["port ".len()..].to_owned();
    (process, format!("http://127.0.0.1:{port}"))
}

async fn connect(
    url: &str,
    transport: Transport,
    id: &str,
    token: &str,
) -> Result<Channel, ConnectError> {
    let options = Options {
        token: Some(token.into()),
        transport,
        ..Options::new(url, id)
    };
    timeout(SOON, Channel::connect(options))
        .await
        .expect("an answer in time")
}

async fn next(channel: &mut Channel) -> Option<Event> {
    timeout(SOON, channel.next())
        .await
        .expect("an event in time")
}

async fn said(channel: &mut Channel) -> Incoming {
    match next(channel).await {
        Some(Event::Message(said)) => said,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn our_client_registers_speaks_and_leaves() {
    for (program, arguments, transport) in SERVERS {
        let (_server, url) = start(program, arguments);
        let connect = async |id: &str| connect(&url, transport, id, "secret").await.unwrap();
        let mut alice = connect("alice").await;
        let mut bob = connect("bob").await;
        assert_eq!(bob.peers()[0].peer_id, "alice", "{program}");
        let Signal::Open {
            connections,
            be_polite: true,
        } = said(&mut alice).await.signal
        else {
            panic!("{program}: the newcomer is announced")
        };
        assert_eq!(connections[0].peer_id, "bob");
        assert_eq!(connections[0].peer_type, None);
        for n in 0..50 {
            let signal = Signal::Other(json!({ "n": n, "text": "이음 🎈".repeat(n) }));
            bob.send("nobody", signal.clone()).await.unwrap();
            bob.send("alice", signal.clone()).await.unwrap();
            let from = "bob".to_owned();
            assert_eq!(said(&mut alice).await, Incoming { from, signal });
        }
        alice.broadcast(Signal::offer("v=0")).await.unwrap();
        assert_eq!(said(&mut bob).await.signal, Signal::offer("v=0"));
        bob.close().await;
        assert!(
            matches!(said(&mut alice).await.signal, Signal::Bye { .. }),
            "{program}"
        );
        assert_eq!(alice.ignored().unexpected, 0, "{program}");
        alice.close().await;
    }
}

#[tokio::test]
async fn our_client_is_refused_in_the_servers_own_words() {
    for (program, arguments, transport) in SERVERS {
        let (_server, url) = start(program, arguments);
        let refused = connect(&url, transport, "alice", "wrong").await;
        assert!(
            matches!(&refused, Err(ConnectError::Refused(text)) if text == "Authentication error"),
            "{program}: {refused:?}"
        );
        let _alice = connect(&url, transport, "alice", "secret").await.unwrap();
        let taken = connect(&url, transport, "alice", "secret").await;
        assert!(
            matches!(&taken, Err(ConnectError::IdRefused(text))
                if text.starts_with("alice is already connected to the signalling server.")),
            "{program}: {taken:?}"
        );
    }
}

#[tokio::test]
async fn a_message_that_nobody_acknowledges_counts_as_accepted() {
    for (program, arguments, transport) in SERVERS {
        let (_server, url) = start(program, arguments);
        let bob = connect(&url, transport, "bob", "secret").await.unwrap();
        for _ in 0..3 {
            let sent = timeout(SOON, bob.deliver("nobody", Signal::bye())).await;
            assert_eq!(sent.unwrap(), Ok(Outcome::Accepted), "{program}");
        }
        bob.close().await;
    }
}

#[tokio::test]
async fn a_server_that_keeps_no_session_closes_the_channel_when_it_dies() {
    for (program, arguments, transport) in SERVERS {
        let (mut server, url) = start(program, arguments);
        let mut bob = connect(&url, transport, "bob", "secret").await.unwrap();
        server.kill();
        let closed = next(&mut bob).await;
        assert!(
            matches!(
                closed,
                Some(Event::Closed(Closed::Broken(_) | Closed::ByServer(_)))
            ),
            "{program}: {closed:?}"
        );
    }
}

/// A deadline for broken runs only.
const SOON: Duration = Duration::from_secs(30);
