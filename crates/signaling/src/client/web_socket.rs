//! The WebSocket carrier: one JSON frame of [`crate::protocol`] in each text message.

use std::time::Duration;

use super::link::{Heard, Link, Opened, Outgoing, Reason, Target, refusal};
use super::socket::{Frame, Socket};
use super::{Closed, ConnectError};
use crate::protocol::{Claim, ClientFrame, Joined, ServerFrame, WEBSOCKET_PATH};

/// The link.
#[derive(Debug)]
pub(super) struct WebSocket {
    socket: Socket,
}

impl WebSocket {
    pub(super) async fn open(
        target: &Target,
        claim: Option<Claim>,
    ) -> Result<Opened, ConnectError> {
        let steps = target.steps();
        let open = Socket::open(target, WEBSOCKET_PATH);
        let mut link = Self {
            socket: steps.within("a connection", open).await?,
        };
        let join = link.join(target, claim);
        let joined = steps.within("an answer to the join", join).await?;
        if joined.ping_interval > 0 {
            link.socket.set_patience(patience(joined.ping_interval));
        }
        Ok(Opened {
            limit: joined.message_bytes,
            joined,
            acknowledges: true,
            link: Link::WebSocket(Box::new(link)),
        })
    }

    async fn join(
        &mut self,
        target: &Target,
        claim: Option<Claim>,
    ) -> Result<Joined, ConnectError> {
        let url = &target.url;
        let closed = |closed: Closed| url.protocol(closed.to_string());
        let frame = ClientFrame::Join(Box::new(target.join(claim))).to_json();
        self.socket.send(frame).await.map_err(closed)?;
        loop {
            let Frame::Text(text) = self.socket.next().await.map_err(closed)? else {
                continue;
            };
            return match ServerFrame::parse(&text) {
                Ok(ServerFrame::Joined(joined)) => Ok(*joined),
                Ok(ServerFrame::Refused(refused)) => {
                    Err(refusal(Some(refused.code), refused.error))
                }
                Ok(ServerFrame::Goodbye(goodbye)) => {
                    Err(refusal(Some(goodbye.code), goodbye.error))
                }
                Ok(_) => Err(url.protocol("it answers the join with something else")),
                Err(malformed) => Err(url.protocol(malformed.to_string())),
            };
        }
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Closed> {
        Ok(match self.socket.next().await? {
            Frame::Text(text) => heard(&text),
            Frame::Binary => Heard::Ignored(Reason::Binary),
            Frame::Alive => Heard::Nothing,
        })
    }

    pub(super) async fn send(&mut self, said: &Outgoing) -> Result<(), Closed> {
        self.socket.send(said_frame(said)).await
    }

    pub(super) async fn received(&mut self, seq: u64) -> Result<(), Closed> {
        let frame = ClientFrame::Received { seq }.to_json();
        self.socket.send(frame).await
    }

    pub(super) async fn leave(mut self) {
        if self.socket.send(ClientFrame::Leave.to_json()).await.is_ok() {
            // The server closes, once it has handled that.
            while self.socket.next().await.is_ok() {}
            self.socket.close().await;
        }
    }
}

/// A server frame, as the driver wants it.
pub(super) fn heard(text: &str) -> Heard {
    match ServerFrame::parse(text) {
        Ok(ServerFrame::Message { seq, message }) => match serde_json::from_str(message.get()) {
            Ok(message) => Heard::Message(Some(seq), message),
            Err(_) => Heard::Counted(seq),
        },
        Ok(ServerFrame::Ack { id, reply }) => match id.parse() {
            Ok(id) => Heard::Ack(id, reply),
            Err(_) => Heard::Ignored(Reason::Unexpected),
        },
        Ok(ServerFrame::Undelivered(lost)) => Heard::Undelivered(lost),
        Ok(ServerFrame::Goodbye(goodbye)) => Heard::Goodbye(goodbye),
        Ok(ServerFrame::Error(error)) => {
            tracing::debug!(code = %error.code, text = error.error, "the server complains");
            Heard::Ignored(Reason::Unexpected)
        }
        // The events of HTTP begin with one.
        Ok(ServerFrame::Joined(_)) => Heard::Nothing,
        Ok(ServerFrame::Refused(_)) => Heard::Ignored(Reason::Unexpected),
        Err(malformed) => {
            tracing::debug!(%malformed, "a frame was ignored");
            Heard::Ignored(Reason::Malformed)
        }
    }
}

/// The frame of a message.
pub(super) fn said_frame(said: &Outgoing) -> String {
    let (id, message) = (Some(said.id.to_string()), said.message.clone());
    let frame = match said.to {
        Some(_) => ClientFrame::Send { id, message },
        None => ClientFrame::Broadcast { id, message },
    };
    frame.to_json()
}

/// How long a server may be silent that gives a sign of life each so many seconds.
pub(super) fn patience(ping_interval: u64) -> Duration {
    Duration::from_secs(ping_interval) + GRACE
}

/// Engine.IO's usual `pingTimeout`.
const GRACE: Duration = Duration::from_secs(20);
