//! One WebSocket to a Socket.IO server, as a stream of packets.
//!
//! Owns the socket, and the time of the last sign of life from the server.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::packet::{self, Malformed, Packet};
use super::{Closed, ConnectError, url::Url};

/// The connection.
#[derive(Debug)]
pub(super) struct Wire {
    socket: WebSocketStream<TcpStream>,
    patience: Duration,
    last_heard: Instant,
}

impl Wire {
    /// Opens the WebSocket.
    pub(super) async fn open(url: &Url) -> Result<Self, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable {
            url: url.text(),
            source,
        };
        let stream = TcpStream::connect((url.host(), url.port()))
            .await
            .map_err(unreachable)?;
        // Signaling messages are small and each one is waited for.
        stream.set_nodelay(true).map_err(unreachable)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        match client_async_with_config(url.web_socket(), stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self {
                socket,
                patience: FIRST_PATIENCE,
                last_heard: Instant::now(),
            }),
            Err(Error::Io(source)) => Err(unreachable(source)),
            Err(Error::Http(response)) => {
                Err(url.protocol(format!("HTTP status {}", response.status())))
            }
            Err(error) => Err(url.protocol(error.to_string())),
        }
    }

    /// How long the server may be silent from now on.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The next packet; a frame that is none is the inner error. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Result<Packet, Malformed>, Closed> {
        loop {
            let deadline = self.last_heard + self.patience;
            let frame = timeout_at(deadline, self.socket.next())
                .await
                .map_err(|_| Closed::Silent)?;
            self.last_heard = Instant::now();
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(Packet::parse(&text)),
                Some(Ok(Message::Binary(_))) => return Ok(Ok(Packet::Binary)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Closed::ByServer(String::new())),
                Some(Err(error)) => return Err(Closed::Broken(error.to_string())),
            }
        }
    }

    /// Sends one packet. A server that takes none within its own patience counts as silent.
    pub(super) async fn send(&mut self, packet: String) -> Result<(), Closed> {
        match timeout(self.patience, self.socket.send(Message::text(packet))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Closed::Broken(error.to_string())),
            Err(_) => Err(Closed::Silent),
        }
    }

    /// Leaves the namespace, closes the WebSocket, and waits for the server's end of it: then the server has handled
    /// the leaving, and the id is free.
    pub(super) async fn leave(mut self) {
        let goodbye = async {
            self.socket.send(Message::text(packet::DISCONNECT)).await?;
            self.socket.close(None).await?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<(), Error>(())
        };
        // We are leaving: whether the server still listens changes nothing.
        let _ = timeout(GOODBYE_TIMEOUT, goodbye).await;
    }
}

/// Twice what our own server relays: its limit is on the sender's frame.
const MAX_MESSAGE_BYTES: usize = 2_000_000;

/// Until the server has said how long its silences are.
const FIRST_PATIENCE: Duration = Duration::from_secs(45);

const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
