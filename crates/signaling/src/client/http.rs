//! A small HTTP/1.1 client: one connection that is kept, with TLS or without. The carriers that poll and post have one or two.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::link::MAX_MESSAGE_BYTES;
use super::tls::{self, TlsRoots};
use super::url::Url;
use super::{Closed, ConnectError};

/// A client of one server.
#[derive(Debug)]
pub(super) struct Client {
    url: Url,
    roots: TlsRoots,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    pub(super) fn new(url: &Url, roots: &TlsRoots) -> Self {
        Self {
            url: url.clone(),
            roots: roots.clone(),
            connection: None,
        }
    }

    /// Asks, and gives the head of the answer, its body unread. A connection that the server closed meanwhile is made again.
    pub(super) async fn open(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> Result<Response<Incoming>, ConnectError> {
        let mut connection = match self.kept().await {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.url.authority());
        if let Some((kind, _)) = body {
            request = request.header(CONTENT_TYPE, kind);
        }
        let body = body.map(|(_, text)| Bytes::from(text)).unwrap_or_default();
        let request = request
            .body(Full::new(body))
            .map_err(|error| self.url.protocol(error.to_string()))?;
        let response = connection.sender.send_request(request).await;
        let response = response.map_err(|error| self.broken(&error))?;
        self.connection = Some(connection);
        Ok(response)
    }

    /// Asks, and gives the whole answer, up to 2 MB of it.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> Result<(StatusCode, Bytes), ConnectError> {
        let response = self.open(method, path, body).await?;
        let status = response.status();
        let whole = Limited::new(response.into_body(), MAX_MESSAGE_BYTES)
            .collect()
            .await;
        let whole = whole.map_err(|error| self.url.protocol(error.to_string()))?;
        Ok((status, whole.to_bytes()))
    }

    /// As [`Client::ask`], for a link that is open: it has 10 s.
    pub(super) async fn post(
        &mut self,
        path: &str,
        kind: &'static str,
        body: String,
    ) -> Result<(StatusCode, Bytes), Closed> {
        match timeout(PATIENCE, self.ask(Method::POST, path, Some((kind, body)))).await {
            Ok(answer) => answer.map_err(|error| Closed::Broken(error.to_string())),
            Err(_) => Err(Closed::Silent),
        }
    }

    /// The connection of the last request, where it takes another.
    async fn kept(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        connection.sender.ready().await.ok()?;
        Some(connection)
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let stream = tls::connect(&self.url, &self.roots).await?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        let task = tokio::spawn(async move {
            // The request that it broke under is told.
            let _ = connection.await;
        });
        Ok(Connection { sender, task })
    }

    fn broken(&self, error: &hyper::Error) -> ConnectError {
        self.url.protocol(error.to_string())
    }
}

/// A server answers a request at once, but for a poll.
const PATIENCE: Duration = Duration::from_secs(10);
