//! Errors of the handles.

use crate::core;

/// Why an operation of a handle did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's or the peer's fault; which one, and what.
    #[error(transparent)]
    Connection(#[from] core::Error),
    /// The configuration asks for something that is not there ([`RtcpMuxPolicy`](super::RtcpMuxPolicy)).
    #[error("NotSupportedError: {0}")]
    NotSupported(&'static str),
    /// The connection is closed.
    #[error("InvalidStateError: the connection is closed")]
    Closed,
    /// The connection's send buffer is full: nothing was sent ([`DataSender::try_send`](super::DataSender::try_send)).
    #[error("OperationError: the send buffer is full")]
    Full,
    /// `PeerConnection::new` was called outside of a tokio runtime.
    #[error("PeerConnection::new must be called on a tokio runtime")]
    NoRuntime,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

impl From<core::UsageError> for Error {
    fn from(error: core::UsageError) -> Self {
        Self::Connection(error.into())
    }
}
