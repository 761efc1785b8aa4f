//! The HTTP carrier: POST to speak, server-sent events to hear.
//!
//! Two connections: one whose answer does not end, for the events, and one for requests, which go one after the other, so that
//! what was sent first arrives first. The reply to a POST is the acknowledgement.

mod events;

use std::collections::VecDeque;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use self::events::Events;
use super::http::Client;
use super::link::{Heard, Link, Opened, Outgoing, Reason, Target, refusal};
use super::web_socket::{heard, patience, said_frame};
use super::{Closed, ConnectError};
use crate::protocol::{Claim, ClientFrame, HTTP_PATH, Joined, Refused, Reply};

/// The link.
#[derive(Debug)]
pub(super) struct Http {
    requests: Client,
    /// Holds the connection that `body` comes on.
    _events: Client,
    body: Incoming,
    parser: Events,
    /// The session's own path.
    path: String,
    patience: Duration,
    last_heard: Instant,
    /// Replies that the driver has not read yet: one for each message that was sent.
    replies: VecDeque<(u64, Reply)>,
}

impl Http {
    pub(super) async fn open(
        target: &Target,
        claim: Option<Claim>,
    ) -> Result<Opened, ConnectError> {
        let steps = target.steps();
        let new = || Client::new(&target.url, &target.options.roots);
        let (mut requests, mut events) = (new(), new());
        let seq = claim.as_ref().map_or(0, |claim| claim.seq);
        let join = join(target, claim, &mut requests);
        let joined = steps.within("an answer to the join", join).await?;
        let Some(token) = &joined.resume else {
            return Err(target.url.protocol("its answer names no session"));
        };
        let path = format!("{HTTP_PATH}/{token}");
        let seq = if joined.resumed { seq } else { 0 };
        let from = format!("{path}/events?seq={seq}");
        let ask = events.open(Method::GET, &from, None);
        let response = steps.within("the events", ask).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(target
                .url
                .protocol(format!("HTTP status {status} for the events")));
        }
        let link = Self {
            requests,
            _events: events,
            body: response.into_body(),
            parser: Events::default(),
            path,
            patience: patience(joined.ping_interval.max(1)),
            last_heard: Instant::now(),
            replies: VecDeque::new(),
        };
        Ok(Opened {
            limit: joined.message_bytes,
            joined,
            acknowledges: true,
            link: Link::Http(Box::new(link)),
        })
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        loop {
            if let Some((id, reply)) = self.replies.pop_front() {
                return Ok(Heard::Ack(id, reply));
            }
            match self.parser.next() {
                Some(Ok(event)) => return Ok(heard(&event)),
                Some(Err(())) => return Ok(Heard::Ignored(Reason::Malformed)),
                None => {}
            }
            let deadline = self.last_heard + self.patience;
            let frame = timeout_at(deadline, self.body.frame())
                .await
                .map_err(|_| Closed::Silent)?;
            self.last_heard = Instant::now();
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.parser.feed(&bytes);
                    }
                }
                Some(Err(error)) => return Err(Closed::Broken(error.to_string())),
                None => return Err(Closed::ByServer(String::new())),
            }
        }
    }

    pub(super) async fn send(&mut self, said: &Outgoing) -> Result<(), Closed> {
        let reply = self.post(said_frame(said)).await?;
        self.replies.push_back((said.id, reply));
        Ok(())
    }

    pub(super) async fn received(&mut self, seq: u64) -> Result<(), Closed> {
        let frame = ClientFrame::Received { seq }.to_json();
        self.post(frame).await.map(drop)
    }

    async fn post(&mut self, frame: String) -> Result<Reply, Closed> {
        let (status, body) = self.requests.post(&self.path, JSON, frame).await?;
        if status == StatusCode::NOT_FOUND {
            return Err(Closed::Broken("the session is over".into()));
        }
        serde_json::from_slice(&body)
            .map_err(|_| Closed::Broken(format!("HTTP status {status} and no reply")))
    }

    pub(super) async fn leave(mut self) {
        // A server that is gone needs not be told.
        let _ = self.requests.ask(Method::DELETE, &self.path, None).await;
    }
}

async fn join(
    target: &Target,
    claim: Option<Claim>,
    requests: &mut Client,
) -> Result<Joined, ConnectError> {
    let url = &target.url;
    let join = serde_json::to_string(&target.join(claim))
        .map_err(|error| url.protocol(error.to_string()))?;
    let (status, body) = requests
        .ask(Method::POST, HTTP_PATH, Some((JSON, join)))
        .await?;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|error| url.protocol(error.to_string()));
    }
    match serde_json::from_slice::<Refused>(&body) {
        Ok(refused) => Err(refusal(Some(refused.code), refused.error)),
        Err(_) => Err(url.protocol(format!("HTTP status {status}"))),
    }
}

const JSON: &str = "application/json";
