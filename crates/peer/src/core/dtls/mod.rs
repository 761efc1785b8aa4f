//! DTLS behind a trait (RFC 6347, RFC 9147, RFC 8827 §6.5), so that another library fits.

mod certificate;
pub(super) mod cipher;
mod dimpl;
mod numbers;

use std::time::Instant;

pub use certificate::{Certificate, Fingerprint};
pub(super) use dimpl::DimplDtls;

use super::DtlsVersion;

/// Which side sends the ClientHello (RFC 5763 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// `a=setup:active`.
    Client,
    /// `a=setup:passive`.
    Server,
}

/// One DTLS association. It reads no clock; it may draw randomness of its own.
///
/// After every `handle_*`, `seal` and `close`, poll until `None`. Datagrams that are malformed, replayed or forged are no
/// errors: they are ignored inside. An error ends the association.
pub trait Dtls: Send {
    /// The role it was made with.
    fn role(&self) -> DtlsRole;

    /// Takes one datagram.
    ///
    /// # Errors
    /// The handshake failed.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError>;

    /// Does what is due.
    ///
    /// # Errors
    /// The handshake timed out.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError>;

    /// Encrypts `plaintext` into one datagram that is appended to `out`, and returns its length in bytes. Only after
    /// [`DtlsOutput::Connected`].
    ///
    /// # Errors
    /// The association is not connected or is closed.
    fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<usize, DtlsError>;

    /// Queues a `close_notify`, where there is an association to close.
    fn close(&mut self);

    /// What there is to do next; what it gives may stand in `buf`, which is grown where it is too small.
    fn poll<'b>(&mut self, buf: &'b mut Vec<u8>) -> Option<DtlsOutput<'b>>;

    /// When to call [`handle_timeout`](Self::handle_timeout).
    fn poll_timeout(&self) -> Option<Instant>;
}

/// What a DTLS association gives.
#[derive(Debug)]
pub enum DtlsOutput<'b> {
    /// A datagram to send.
    Datagram(&'b [u8]),
    /// The peer's certificate, in DER. It comes before `Connected` and before any data.
    PeerCertificate(&'b [u8]),
    /// The handshake is done.
    Connected(DtlsVersion),
    /// What the peer sent, decrypted.
    Data(&'b [u8]),
    /// The peer closed.
    Closed,
}

/// Why an association ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DtlsError {
    /// No answer in time.
    #[error("the DTLS handshake timed out")]
    TimedOut,
    /// The peer's messages do not make a handshake, or a proof in them is wrong.
    #[error("the DTLS handshake failed: {0}")]
    Handshake(&'static str),
    /// It is closed.
    #[error("the DTLS association is closed")]
    Closed,
    /// The certificate is not the one that the peer's description names.
    #[error("the peer's certificate does not match the fingerprint in its description")]
    FingerprintMismatch,
    /// The certificate is the one that the description names, and none of those that were expected.
    #[error("the peer's certificate is none of the expected ones")]
    UnexpectedIdentity,
}

/// What a record of application data costs at most, in bytes: DTLS 1.2, 13 of header, 8 of nonce, 16 of tag.
pub(super) const RECORD_OVERHEAD: u16 = 37;
