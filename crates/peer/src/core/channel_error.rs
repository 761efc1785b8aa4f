//! Why a data channel failed: RTCError, of its `error` event.

use super::dtls::DtlsError;

/// Why a data channel is closed that nobody closed (WebRTC 1.0 §6.2.4, RTCErrorDetailType in §11.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// Every id of this side is taken, or is beyond the streams that the peer allows (the W3C's OperationError,
    /// `data-channel-failure`).
    #[error("OperationError: no id is left for the data channel")]
    NoId,
    /// The peer sent a message larger than this side takes (`data-channel-failure`).
    #[error("OperationError: the peer sent a message that is too large")]
    MessageTooLarge,
    /// DTLS failed (`dtls-failure`).
    #[error("OperationError: {0}")]
    Dtls(DtlsError),
    /// The SCTP association was aborted by the peer, or could not be set up (`sctp-failure`).
    #[error("OperationError: the SCTP association has ended")]
    Sctp,
}

impl ChannelError {
    /// The W3C's RTCErrorDetailType: `data-channel-failure`, `dtls-failure` or `sctp-failure`.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::NoId | Self::MessageTooLarge => "data-channel-failure",
            Self::Dtls(_) => "dtls-failure",
            Self::Sctp => "sctp-failure",
        }
    }
}
