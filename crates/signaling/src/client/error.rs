//! Why a channel could not be made, or has ended.

use std::time::Duration;

/// Why [`Channel::connect`](super::Channel::connect) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one that can be connected to.
    #[error("{url}: {problem}")]
    Url {
        /// The URL as given, without a password.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing answers there.
    #[error("cannot reach {url}: {source}")]
    Unreachable {
        /// The server's URL.
        url: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is no TLS with it: most often a certificate that [`TlsRoots`](super::TlsRoots) do not cover.
    #[error("no TLS with {url}: {reason}")]
    Tls {
        /// The server's URL.
        url: String,
        /// What `rustls` said.
        reason: String,
    },
    /// Something answers, but it is no signaling server of the kind that the scheme names.
    #[error("{url} is no signaling server: {reason}")]
    Protocol {
        /// The server's URL.
        url: String,
        /// What it did.
        reason: String,
    },
    /// The server refused the client (a wrong token): its own text.
    #[error("the signaling server refused: {0}")]
    Refused(String),
    /// The server refused the peer id, mostly because another client has it: its own text.
    #[error("{0}")]
    IdRefused(String),
    /// The server has no room for one more now, or shuts down: its own text. It may be tried again.
    #[error("the signaling server is busy: {0}")]
    Busy(String),
    /// The server did not answer in time.
    #[error("{url} did not answer within {timeout:?} (waiting for {waiting_for})")]
    Timeout {
        /// The server's URL.
        url: String,
        /// How long it had.
        timeout: Duration,
        /// What was missing.
        waiting_for: &'static str,
    },
}

impl ConnectError {
    /// Whether the same may go well a moment later.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(
            self,
            Self::Url { .. } | Self::Refused(_) | Self::IdRefused(_)
        )
    }
}

/// The channel is closed; [`Channel::next`](super::Channel::next) tells why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signaling channel is closed")]
pub struct SendError;

/// Why a channel closed, or is [`Away`](super::Event::Away).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// [`Channel::close`](super::Channel::close) was called, or the channel was dropped.
    #[error("closed by this side")]
    ByUs,
    /// The server disconnected this client.
    #[error("disconnected by the signaling server{}{}", if .0.is_empty() { "" } else { ": " }, .0)]
    ByServer(String),
    /// Another client has taken the peer id over, with this channel's own session.
    #[error("another client has taken the peer id over")]
    Replaced,
    /// The connection broke.
    #[error("the connection to the signaling server broke: {0}")]
    Broken(String),
    /// The server was silent for longer than it said it would be.
    #[error("the signaling server went silent")]
    Silent,
    /// This side did not read its events, and its queue is full.
    #[error("the events of the signaling channel were not read")]
    Overflow,
}
