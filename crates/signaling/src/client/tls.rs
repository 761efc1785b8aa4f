//! TLS to servers and brokers, with `rustls`: whom to trust, and the handshake. A connection is a [`Stream`], with it or without.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ConnectError;
use super::url::Url;

/// Whose certificates a server over TLS may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsRoots {
    /// What the operating system trusts; read once for the whole process, when the first such server is asked.
    #[default]
    System,
    /// These authorities alone, or certificates of the servers themselves: each in DER.
    Only(Vec<Vec<u8>>),
}

impl TlsRoots {
    /// [`TlsRoots::Only`] those of a PEM file; what is no certificate in it is passed over.
    ///
    /// # Errors
    /// [`InvalidPem`]: there is no certificate in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidPem> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = read.map_err(|_| InvalidPem)?;
        match certificates.is_empty() {
            true => Err(InvalidPem),
            false => Ok(Self::Only(
                certificates.iter().map(|it| it.to_vec()).collect(),
            )),
        }
    }

    /// A connection to a host over TLS, for what is asked of a server beside signaling.
    ///
    /// # Errors
    /// The host cannot be reached, or is not who it should be ([`io::ErrorKind::InvalidData`]).
    pub async fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>> {
        let stream = TcpStream::connect((host, port)).await?;
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| invalid("the host can be in no certificate"))?;
        let config = self.config().await;
        let config = config.ok_or_else(|| invalid("TLS cannot be set up on this machine"))?;
        TlsConnector::from(config).connect(name, stream).await
    }

    /// What a handshake needs; `None` where the provider of cryptography cannot.
    pub(super) async fn config(&self) -> Option<Arc<ClientConfig>> {
        match self {
            // Reading them takes some milliseconds of disk.
            Self::System => tokio::task::spawn_blocking(system).await.ok().flatten(),
            Self::Only(certificates) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(
                    certificates
                        .iter()
                        .map(|der| CertificateDer::from(der.as_slice())),
                );
                config(store)
            }
        }
    }
}

/// There is no certificate in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no PEM certificate in it")]
pub struct InvalidPem;

/// Bytes both ways.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection to a server, over TLS where its URL says so.
pub(super) type Stream = Box<dyn Io>;

/// Connects to the URL's host.
pub(super) async fn connect(url: &Url, roots: &TlsRoots) -> Result<Stream, ConnectError> {
    let stream = TcpStream::connect((url.host(), url.port()))
        .await
        .map_err(|source| url.unreachable(source))?;
    // Signaling messages are small and each one is waited for.
    stream
        .set_nodelay(true)
        .map_err(|source| url.unreachable(source))?;
    if !url.tls() {
        return Ok(Box::new(stream));
    }
    let failed = |reason: String| ConnectError::Tls {
        url: url.text(),
        reason,
    };
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|_| failed("the host can be in no certificate".into()))?;
    let config = roots
        .config()
        .await
        .ok_or_else(|| failed("TLS cannot be set up on this machine".into()))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if is_tls(&error) => Err(failed(error.to_string())),
        Err(error) => Err(url.unreachable(error)),
    }
}

fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

fn system() -> Option<Arc<ClientConfig>> {
    static SYSTEM: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let read = || {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        config(store)
    };
    SYSTEM.get_or_init(read).clone()
}

fn config(roots: RootCertStore) -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.ok()?.with_root_certificates(roots);
    Some(Arc::new(config.with_no_client_auth()))
}
