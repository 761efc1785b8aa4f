//! One WebSocket as a client has it: text both ways, and the time of the last sign of life from the server.

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::link::{MAX_MESSAGE_BYTES, Target};
use super::tls::{self, Stream};
use super::{Closed, ConnectError};

/// The connection.
pub(super) struct Socket {
    stream: WebSocketStream<Stream>,
    patience: Duration,
    last_heard: Instant,
}

/// One thing that was read.
#[derive(Debug)]
pub(super) enum Frame {
    Text(Utf8Bytes),
    Binary,
    /// A ping, which is answered already, or a pong.
    Alive,
}

impl Socket {
    /// Opens `path` on the target's server.
    pub(super) async fn open(target: &Target, path: &str) -> Result<Self, ConnectError> {
        let url = &target.url;
        let stream = tls::connect(url, &target.options.roots).await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        match client_async_with_config(url.web_socket(path), stream, Some(config)).await {
            Ok((stream, _)) => Ok(Self {
                stream,
                patience: FIRST_PATIENCE,
                last_heard: Instant::now(),
            }),
            Err(Error::Io(source)) => Err(url.unreachable(source)),
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

    /// The next frame. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, Closed> {
        let deadline = self.last_heard + self.patience;
        let frame = timeout_at(deadline, self.stream.next())
            .await
            .map_err(|_| Closed::Silent)?;
        self.last_heard = Instant::now();
        match frame {
            Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
            Some(Ok(Message::Binary(_))) => Ok(Frame::Binary),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Frame::Alive),
            Some(Ok(Message::Close(_))) | None => Err(Closed::ByServer(String::new())),
            Some(Err(error)) => Err(Closed::Broken(error.to_string())),
        }
    }

    /// Sends one text. A server that takes none within its own patience counts as silent.
    pub(super) async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Closed> {
        match timeout(self.patience, self.stream.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Closed::Broken(error.to_string())),
            Err(_) => Err(Closed::Silent),
        }
    }

    /// Closes it, and waits for the server's end of it: then the server has handled what was said before.
    pub(super) async fn close(mut self) {
        // One that is gone has closed too.
        if self.stream.close(None).await.is_ok() {
            while let Some(Ok(_)) = self.stream.next().await {}
        }
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Until the server has said how long its silences are.
const FIRST_PATIENCE: Duration = Duration::from_secs(45);
