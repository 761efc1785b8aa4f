//! The server's certificate, for TLS and for DTLS.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dimpl::DtlsCertificate;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its key, ready for both protocols.
#[derive(Clone)]
pub struct Certificate {
    pub(super) tls: Arc<rustls::ServerConfig>,
    /// Only keys on a curve: our DTLS has no RSA.
    pub(super) dtls: Option<Dtls>,
}

/// What each DTLS session begins with.
#[derive(Clone)]
pub(super) struct Dtls {
    pub(super) config: Arc<dimpl::Config>,
    pub(super) certificate: DtlsCertificate,
}

/// Why a certificate cannot be used. Each displays as one line that names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be read, or holds no certificate in PEM.
    #[error("no certificate in {0}: {1}")]
    Certificate(String, String),
    /// The file cannot be read, or holds no private key in PEM.
    #[error("no private key in {0}: {1}")]
    Key(String, String),
    /// The key is not the certificate's, or of a kind that TLS does not take.
    #[error("the key in {key} does not go with the certificate in {certificate}: {reason}")]
    Pair {
        /// The key's file.
        key: String,
        /// The certificate's file.
        certificate: String,
        /// What TLS says.
        reason: String,
    },
}

impl Certificate {
    /// Reads a chain (leaf first) and a private key (PKCS#8, SEC1 or PKCS#1), both in PEM.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let (chain_name, key_name) = (chain.display().to_string(), key.display().to_string());
        let certificates = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| CertificateError::Certificate(chain_name.clone(), reason(&error)))?;
        let Some(leaf) = certificates.first().cloned() else {
            let reason = "the file has no section BEGIN CERTIFICATE".to_owned();
            return Err(CertificateError::Certificate(chain_name, reason));
        };
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| CertificateError::Key(key_name.clone(), reason(&error)))?;
        let dtls = dtls(&leaf, &private);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(certificates, private)
            });
        let tls = tls.map_err(|error| CertificateError::Pair {
            key: key_name,
            certificate: chain_name,
            reason: error.to_string(),
        })?;
        Ok(Self {
            tls: Arc::new(tls),
            dtls,
        })
    }

    /// Whether DTLS can be served with it: the key is on P-256 or P-384.
    #[must_use]
    pub fn serves_dtls(&self) -> bool {
        self.dtls.is_some()
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("dtls", &self.dtls.is_some())
            .finish_non_exhaustive()
    }
}

fn reason(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "the file has no such section".to_owned(),
        _ => "it is not valid PEM".to_owned(),
    }
}

fn dtls(leaf: &CertificateDer<'_>, key: &PrivateKeyDer<'_>) -> Option<Dtls> {
    let certificate = DtlsCertificate {
        certificate: leaf.to_vec(),
        private_key: key.secret_der().to_vec(),
    };
    let config = dimpl::Config::builder()
        .mtu(MTU)
        .require_client_certificate(false)
        .build()
        .ok()?;
    let loaded = config
        .crypto_provider()
        .key_provider
        .load_private_key(&certificate.private_key);
    loaded.ok()?;
    Some(Dtls {
        config: Arc::new(config),
        certificate,
    })
}

/// The IPv6 minimum of 1280 bytes, less IPv6 and UDP headers, rounded down.
const MTU: usize = 1200;
