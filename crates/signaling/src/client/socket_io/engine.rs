//! Engine.IO 4: packets over a WebSocket or over long-polling.
//! <https://socket.io/docs/v4/engine-io-protocol/>

use std::time::Duration;

use super::super::link::Target;
use super::super::socket::{Frame, Socket};
use super::super::{Closed, ConnectError, Transport};
use super::packet::Packet;
use super::polling::Polling;
use crate::reader::Malformed;

/// The connection.
#[derive(Debug)]
pub(super) enum Engine {
    Socket(Box<Socket>),
    Polling(Box<Polling>),
}

impl Engine {
    pub(super) async fn open(target: &Target) -> Result<Self, ConnectError> {
        let polling = async || {
            let polling = Polling::open(target).await?;
            Ok(Self::Polling(Box::new(polling)))
        };
        if target.options.transport == Transport::Polling {
            return polling().await;
        }
        match Socket::open(target, PATH).await {
            Ok(socket) => Ok(Self::Socket(Box::new(socket))),
            // The server has no WebSocket, or something on the way lets none through.
            Err(error @ ConnectError::Protocol { .. })
                if target.options.transport == Transport::Auto =>
            {
                tracing::debug!(%error, "no WebSocket: polling");
                polling().await
            }
            Err(error) => Err(error),
        }
    }

    /// How long the server may be silent from now on.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        match self {
            Self::Socket(socket) => socket.set_patience(patience),
            Self::Polling(polling) => polling.set_patience(patience),
        }
    }

    /// The next packet; what is none is the inner error. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Result<Packet, Malformed>, Closed> {
        match self {
            Self::Socket(socket) => loop {
                match socket.next().await? {
                    Frame::Text(text) => return Ok(Packet::parse(&text)),
                    Frame::Binary => return Ok(Ok(Packet::Binary)),
                    Frame::Alive => {}
                }
            },
            Self::Polling(polling) => polling.next().await,
        }
    }

    pub(super) async fn send(&mut self, packet: String) -> Result<(), Closed> {
        match self {
            Self::Socket(socket) => socket.send(packet).await,
            Self::Polling(polling) => polling.send(packet).await,
        }
    }

    /// Closes, and waits for the server's end of it.
    pub(super) async fn close(self) {
        match self {
            Self::Socket(socket) => socket.close().await,
            Self::Polling(polling) => polling.close().await,
        }
    }
}

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
