//! Engine.IO's long-polling: a GET that waits for packets, and a POST for those that are sent.

use std::collections::VecDeque;
use std::pin::Pin;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout_at};

use super::super::http::Client;
use super::super::link::Target;
use super::super::{Closed, ConnectError};
use super::packet::Packet;
use crate::reader::Malformed;

/// The session.
pub(super) struct Polling {
    path: String,
    posts: Client,
    poll: Poll,
    packets: VecDeque<String>,
    patience: Duration,
    last_heard: Instant,
}

/// A GET that is under way, and the connection back when it is done; or that connection.
enum Poll {
    Idle(Client),
    Waiting(Pin<Box<dyn Future<Output = (Client, Answer)> + Send>>),
    Over,
}

type Answer = Result<(StatusCode, Bytes), ConnectError>;

impl Polling {
    pub(super) async fn open(target: &Target) -> Result<Self, ConnectError> {
        #[derive(Deserialize)]
        struct Open {
            sid: String,
        }
        let url = &target.url;
        let mut client = Client::new(url, &target.options.roots);
        let (status, body) = client.ask(Method::GET, PATH, None).await?;
        if status != StatusCode::OK {
            return Err(url.protocol(format!("HTTP status {status}")));
        }
        let packets = packets(&body).map_err(|problem| url.protocol(problem))?;
        let open = packets.front().and_then(|open| open.strip_prefix('0'));
        let open: Open = open
            .and_then(|open| serde_json::from_str(open).ok())
            .ok_or_else(|| url.protocol("it opens no Engine.IO session"))?;
        if !open
            .sid
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
        {
            return Err(url.protocol("its session's name cannot stand in a URL"));
        }
        Ok(Self {
            path: format!("{PATH}&sid={}", open.sid),
            posts: Client::new(url, &target.options.roots),
            poll: Poll::Idle(client),
            packets,
            patience: FIRST_PATIENCE,
            last_heard: Instant::now(),
        })
    }

    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(super) async fn next(&mut self) -> Result<Result<Packet, Malformed>, Closed> {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return Ok(match packet.starts_with('b') {
                    true => Ok(Packet::Binary),
                    false => Packet::parse(&packet),
                });
            }
            let deadline = self.last_heard + self.patience;
            let (status, body) = timeout_at(deadline, self.poll())
                .await
                .map_err(|_| Closed::Silent)??;
            self.last_heard = Instant::now();
            if status != StatusCode::OK {
                return Err(Closed::Broken(format!("HTTP status {status}")));
            }
            self.packets = packets(&body).map_err(|problem| Closed::Broken(problem.into()))?;
        }
    }

    /// The answer to one GET. Cancel safe: the next call goes on with the same one.
    async fn poll(&mut self) -> Result<(StatusCode, Bytes), Closed> {
        if let Poll::Idle(_) = self.poll {
            let Poll::Idle(mut client) = std::mem::replace(&mut self.poll, Poll::Over) else {
                return Err(Closed::ByServer(String::new()));
            };
            let path = self.path.clone();
            self.poll = Poll::Waiting(Box::pin(async move {
                let answer = client.ask(Method::GET, &path, None).await;
                (client, answer)
            }));
        }
        let Poll::Waiting(waiting) = &mut self.poll else {
            return Err(Closed::ByServer(String::new()));
        };
        let (client, answer) = waiting.await;
        self.poll = Poll::Idle(client);
        answer.map_err(|error| Closed::Broken(error.to_string()))
    }

    pub(super) async fn send(&mut self, packet: String) -> Result<(), Closed> {
        match self.posts.post(&self.path, TEXT, packet).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, _) => Err(Closed::Broken(format!("HTTP status {status}"))),
        }
    }

    /// Tells the server, and lets the GET that waits come to its end.
    pub(super) async fn close(mut self) {
        if self.send("1".to_owned()).await.is_ok() {
            // Whatever still comes, nobody reads it.
            let _ = self.poll().await;
        }
    }
}

impl std::fmt::Debug for Polling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polling").finish_non_exhaustive()
    }
}

/// The packets of one answer: they are separated by a record separator.
fn packets(body: &[u8]) -> Result<VecDeque<String>, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "its packets are no text")?;
    Ok(text.split('\x1e').map(str::to_owned).collect())
}

const PATH: &str = "/socket.io/?EIO=4&transport=polling";

const TEXT: &str = "text/plain;charset=UTF-8";

/// Until the server has said how long its silences are.
const FIRST_PATIENCE: Duration = Duration::from_secs(45);
