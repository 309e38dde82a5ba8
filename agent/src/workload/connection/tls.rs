//! TLS of one target: whom to trust, who to be, and the handshake. Rooms: `keys` and `settings` (what the job says),
//! `verifier` (the one that takes any certificate).
//!
//! The system's authorities are read once per trial, and only when an operation needs them.

mod keys;
mod settings;
mod verifier;

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error, InvalidMessage, RootCertStore};
use shared::interval::ErrorKind;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(in crate::workload) use self::keys::TLS_KEYS;
pub(in crate::workload) use self::settings::TlsSettings;
use self::verifier::AnyCertificate;
use super::failure::Failure;
use super::target::Protocol;

/// How a target's connections are encrypted. Cheap to clone: the configuration is shared, tickets included.
#[derive(Clone)]
pub(in crate::workload) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    protocol: Protocol,
}

/// The system's certificate authorities, once they were needed.
#[derive(Debug, Default)]
pub(in crate::workload) struct SystemRoots(Option<Arc<RootCertStore>>);

/// Why TLS cannot be made ready: the key at fault, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload) enum TlsError {
    /// The host has no authorities that could be read.
    #[error("the system's certificate authorities cannot be read ({0}): give tls.ca_file")]
    NoSystemRoots(String),
    /// A file that holds no certificates, or broken ones.
    #[error("tls.{key} holds no usable certificate: {reason}")]
    Certificates {
        /// Which key names it.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that cannot be read.
    #[error("tls.key_file {path:?} holds no usable private key (PEM, not encrypted): {reason}")]
    Key {
        /// Its path on the agent.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate and a key that do not belong together.
    #[error("tls.cert_file and tls.key_file do not fit together: {0}")]
    Identity(Error),
    /// A name that no certificate could bear.
    #[error("{0:?} is not a name that a certificate can bear: give tls.server_name")]
    Name(String),
    /// The library refuses its own defaults.
    #[error("TLS cannot be configured: {0}")]
    Configuration(Error),
}

impl Tls {
    /// Makes the TLS of a host ready.
    pub(in crate::workload) fn new(
        settings: &TlsSettings,
        host: &str,
        protocol: Protocol,
        roots: &mut SystemRoots,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(settings, &provider, roots)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Configuration)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates("cert_file", &identity.certificate)?;
                let key = PrivateKeyDer::from_pem_file(&identity.key_path).map_err(|error| {
                    TlsError::Key { path: identity.key_path.clone(), reason: error.to_string() }
                })?;
                builder.with_client_auth_cert(chain, key).map_err(TlsError::Identity)?
            }
        };
        config.alpn_protocols = alpn(protocol).map(<[u8]>::to_vec).into_iter().collect();
        if !settings.resumes {
            config.resumption = Resumption::disabled();
        }
        let name = settings.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, protocol })
    }

    /// Shakes hands on a fresh connection.
    pub(in crate::workload) async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<Box<TlsStream<TcpStream>>, Failure> {
        let shaken = self.connector.connect(self.name.clone(), stream).await;
        let stream = shaken.map_err(|error| failure(&error))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        // Without ALPN HTTP/1.1 is meant; HTTP/2 over TLS is only ever agreed on.
        if self.protocol == Protocol::Http2 && agreed != alpn(Protocol::Http2) {
            let message = "the TLS handshake did not agree on HTTP/2 (ALPN h2): the server does not offer it"
                .to_owned();
            return Err(Failure::new(ErrorKind::Tls, message));
        }
        Ok(Box::new(stream))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration holds a key.
        formatter.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SystemRoots {
    fn load(&mut self) -> Result<Arc<RootCertStore>, TlsError> {
        if let Some(roots) = &self.0 {
            return Ok(Arc::clone(roots));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // One odd certificate of the system must not take the others along.
        let (usable, _odd) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            let reason =
                found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
            return Err(TlsError::NoSystemRoots(reason));
        }
        Ok(Arc::clone(self.0.insert(Arc::new(roots))))
    }
}

/// The reason that rustls gave for an I/O error, if it was its own.
pub(in crate::workload) fn reason(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What a failed handshake means, and what to do about it.
fn failure(error: &io::Error) -> Failure {
    let (cause, hint) = match reason(error) {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            return Failure::new(
                ErrorKind::Tls,
                format!("the TLS handshake failed: the server does not speak TLS on this port ({error})"),
            );
        }
        Some(reason @ Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            (reason.to_string(), "; give its authority as tls.ca_file, or trust anything with tls.insecure")
        }
        Some(
            reason @ Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ),
        ) => (reason.to_string(), "; give the name that it bears as tls.server_name"),
        Some(reason) => (reason.to_string(), ""),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            ("the server closed the connection within it".to_owned(), "")
        }
        None => (error.to_string(), ""),
    };
    Failure::new(ErrorKind::Tls, format!("the TLS handshake failed: {cause}{hint}"))
}

fn verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
    roots: &mut SystemRoots,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if settings.is_insecure {
        return Ok(Arc::new(AnyCertificate::new(provider)));
    }
    let wrong =
        |reason: &dyn fmt::Display| TlsError::Certificates { key: "ca_file", reason: reason.to_string() };
    let roots = match &settings.authorities {
        None => roots.load()?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("ca_file", pem)? {
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
            Arc::new(roots)
        }
    };
    match WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(wrong(&error)),
    }
}

/// All certificates of a PEM file; at least one.
fn certificates(key: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.map_err(|error| TlsError::Certificates { key, reason: error.to_string() })?;
    if certificates.is_empty() {
        return Err(TlsError::Certificates {
            key,
            reason: "there is no CERTIFICATE section (PEM) in it".to_owned(),
        });
    }
    Ok(certificates)
}

/// The name of a protocol in ALPN, if it is agreed on there.
fn alpn(protocol: Protocol) -> Option<&'static [u8]> {
    match protocol {
        Protocol::Http1 => Some(b"http/1.1"),
        Protocol::Http2 => Some(b"h2"),
        Protocol::Other => None,
    }
}
