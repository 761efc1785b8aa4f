//! The client against servers that are old, silent, strange or not there.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ieum_signaling::client::{Channel, Closed, ConnectError, Event, Options};
use ieum_signaling::{Incoming, Signal};
use serde_json::json;
use support::{next_said, within};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

fn text(n: usize) -> Signal {
    Signal::Other(json!({ "n": n }))
}

#[tokio::test]
async fn nothing_there_and_no_signaling_server_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::Unreachable { .. }),
        "{error:?}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, axum::Router::new()).into_future());
    let error = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is no signaling server: HTTP status 404"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        timeout: Duration::from_millis(50),
        ..Options::new(&url, "a")
    };
    let error = within(Channel::connect(options)).await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Timeout {
                waiting_for: "a connection",
                ..
            }
        ),
        "{error:?}"
    );
}

/// A server that answers a client's greeting from a script.
async fn scripted(open: &'static str, then: &'static [&'static str]) -> String {
    scripted_and_heard(open, then).await.0
}

/// The same, and what the client said to it.
async fn scripted_and_heard(
    open: &'static str,
    then: &'static [&'static str],
) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(open)).await.unwrap();
        let mut answers = std::iter::once(r#"40{"sid":"s"}"#).chain(then.iter().copied());
        // One answer to CONNECT, all others to `ready`.
        for count in [1, then.len()] {
            let Some(Ok(Message::Text(said))) = socket.next().await else {
                return;
            };
            let _ = heard.send(said.to_string());
            for answer in answers.by_ref().take(count) {
                socket.send(Message::text(answer)).await.unwrap();
            }
        }
        while let Some(Ok(Message::Text(said))) = socket.next().await {
            let _ = heard.send(said.to_string());
        }
    });
    (url, received)
}

const OPEN: &str =
    r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;
const HELLO: &str = r#"42["message",{"from":"all","target":"a","payload":{"action":"open","connections":[],"bePolite":false}}]"#;

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed() {
    const IMPATIENT: &str = r#"0{"sid":"s","upgrades":[],"pingInterval":60,"pingTimeout":60}"#;
    let url = scripted(IMPATIENT, &[HELLO]).await;
    let mut channel = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap();
    assert_eq!(
        within(channel.next()).await,
        Some(Event::Closed(Closed::Silent))
    );
}

#[tokio::test]
async fn every_ping_is_answered_with_what_it_said() {
    let (url, mut received) = scripted_and_heard(OPEN, &["2early", HELLO, "2", "2late"]).await;
    let _channel = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap();
    for expected in [
        r#"40{"resume":true}"#,
        r#"420["ready","a",null]"#,
        "3early",
        "3",
        "3late",
    ] {
        assert_eq!(within(received.recv()).await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn what_comes_before_the_answer_to_ready_is_kept() {
    const EARLY: &str = r#"42["message",{"from":"b","target":"all","payload":{"n":1}}]"#;
    let url = scripted(OPEN, &[EARLY, "2", HELLO]).await;
    let mut channel = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap();
    assert_eq!(
        next_said(&mut channel).await,
        Incoming {
            from: "b".into(),
            signal: text(1)
        }
    );
}

#[tokio::test]
async fn the_text_of_a_taken_id_is_read_where_the_old_server_put_it() {
    let url = scripted(
        OPEN,
        &[r#"42["uniquenessError",{"message":"a is taken"}]"#, "41"],
    )
    .await;
    let error = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "a is taken");
}

#[tokio::test]
async fn a_hostile_server_is_ignored_by_reason() {
    let hostile = &[
        HELLO,
        "junk",
        "42{}",
        "451-[\"x\",{}]",
        "42/other,[\"x\"]",
        "42[\"message\",7]",
        "437[]",
        "42[\"late\"]",
        HELLO,
    ];
    let url = scripted(OPEN, hostile).await;
    let mut channel = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap();
    assert!(
        matches!(within(channel.next()).await, Some(Event::Message(_))),
        "the second greeting came through"
    );
    let ignored = channel.ignored();
    assert_eq!(
        (
            ignored.malformed,
            ignored.binary,
            ignored.unexpected,
            ignored.other_target
        ),
        (3, 1, 3, 0)
    );
}

#[tokio::test]
async fn a_server_that_floods_and_never_answers_is_given_up() {
    let flood: &[&str] = &[r#"42["message",{"from":"b"}]"#; 100];
    let url = scripted(OPEN, flood).await;
    let error = within(Channel::connect(Options::new(&url, "a")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
}
