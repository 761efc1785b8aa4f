//! TLS to TURN servers (`turns:`), with `rustls`: whom to trust, and the handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use ieum_ice::StreamError;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whose certificates a TURN server over TLS may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsRoots {
    /// What the operating system trusts. They are read once for the whole process, when the first such server is asked.
    #[default]
    System,
    /// These authorities alone, or certificates of the servers themselves: each in DER.
    Only(Vec<Vec<u8>>),
}

impl TlsRoots {
    /// [`TlsRoots::Only`] those of a PEM file; what is no certificate in it is passed over.
    ///
    /// # Errors
    /// It is no PEM. One without a certificate is none either.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidPem> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = read.map_err(|_| InvalidPem)?;
        match certificates.is_empty() {
            true => Err(InvalidPem),
            false => Ok(TlsRoots::Only(
                certificates.iter().map(|it| it.to_vec()).collect(),
            )),
        }
    }
}

/// There is no certificate in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no PEM certificate in it")]
pub struct InvalidPem;

/// What a handshake needs; the same for all connections to servers.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    System,
    Only(Option<Arc<ClientConfig>>),
}

impl Trust {
    pub(super) fn new(roots: &TlsRoots) -> Self {
        match roots {
            TlsRoots::System => Trust::System,
            TlsRoots::Only(certificates) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(
                    certificates
                        .iter()
                        .map(|der| CertificateDer::from(der.as_slice())),
                );
                Trust::Only(config(store))
            }
        }
    }

    async fn config(&self) -> Option<Arc<ClientConfig>> {
        match self {
            Trust::Only(config) => config.clone(),
            // Reading them takes some milliseconds of disk.
            Trust::System => tokio::task::spawn_blocking(system).await.ok().flatten(),
        }
    }

    /// Shakes hands with a server that must be `name`, or, where it has none, its address.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        name: Option<String>,
    ) -> Result<TlsStream<TcpStream>, StreamError> {
        let name = match name {
            Some(name) => ServerName::try_from(name).map_err(|_| StreamError::Certificate)?,
            None => ServerName::from(remote.ip()),
        };
        let config = self.config().await.ok_or(StreamError::Tls)?;
        let connecting = TlsConnector::from(config).connect(name, stream).await;
        connecting.map_err(|error| {
            tracing::debug!(%error, %remote, "no TLS to a server");
            reason(&error)
        })
    }
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
    // The provider that DTLS has too: one library of cryptography in a program.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.ok()?.with_root_certificates(roots);
    Some(Arc::new(config.with_no_client_auth()))
}

fn reason(error: &io::Error) -> StreamError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => StreamError::Certificate,
        _ => StreamError::Tls,
    }
}
