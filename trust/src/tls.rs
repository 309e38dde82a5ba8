//! TLS on both ends of a connection: version 1.3 and nothing older.
//!
//! A client knows its coordinator by the authority, not by where it listens: it looks for [`COORDINATOR_HOST`] in a certificate of
//! that authority, whatever address it called. A coordinator lets newcomers in without a certificate, for them to ask for
//! one; what else they may ask is for the services to refuse.
//!
//! [`COORDINATOR_HOST`]: crate::authority::COORDINATOR_HOST

mod pinned;
mod valid;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::authority::{COORDINATOR_HOST, Digest};
use crate::credentials::{Credentials, CredentialsError};
use pinned::Pinned;
pub use valid::Valid;
use valid::ValidOnly;

/// What is spoken within: HTTP/2, as gRPC needs it.
const PROTOCOL: &[u8] = b"h2";
/// What else browsers speak.
const OLDER_PROTOCOL: &[u8] = b"http/1.1";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The library refuses them.
    #[error("set up TLS: {0}")]
    Setup(String),
}

/// The coordinator's end: shows its certificate, believes those of the given authorities that count now.
///
/// # Errors
/// When the credentials cannot be used.
pub fn server(
    credentials: &Credentials,
    trusted: &[rustls::pki_types::CertificateDer<'static>],
    valid: Arc<Valid>,
) -> Result<ServerConfig, TlsError> {
    let roots = Arc::new(roots(trusted)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(setup)?;
    // The authority goes along: whoever has only a token knows it by its digest.
    let chain = vec![credentials.certificate().clone(), authority_of(credentials)?];
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .with_client_cert_verifier(Arc::new(ValidOnly::new(verifier, valid)))
        .with_single_cert(chain, credentials.key()?)
        .map_err(setup)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // A resumed session is not asked for its certificate again: one that was revoked would stay in.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The coordinator's end of its pages: shows the same certificate, and asks for none, since browsers have none.
///
/// # Errors
/// When the credentials cannot be used.
pub fn pages(credentials: &Credentials) -> Result<ServerConfig, TlsError> {
    let chain = vec![credentials.certificate().clone(), authority_of(credentials)?];
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(chain, credentials.key()?)
        .map_err(setup)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec(), OLDER_PROTOCOL.to_vec()];
    Ok(config)
}

/// The end of a client that has credentials.
///
/// # Errors
/// When they cannot be used.
pub fn client(credentials: &Credentials) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .with_root_certificates(roots(credentials.authorities())?)
        .with_client_auth_cert(vec![credentials.certificate().clone()], credentials.key()?)
        .map_err(setup)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// The end of a newcomer: believes the one authority that its token names, and shows nothing.
///
/// # Errors
/// When the library cannot be set up.
pub fn newcomer(authority: Digest) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new(authority, provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// Whom every client looks for.
pub fn coordinator_name() -> ServerName<'static> {
    ServerName::try_from(COORDINATOR_HOST).expect("the name is one")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(trusted: &[rustls::pki_types::CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    trusted.iter().try_for_each(|certificate| roots.add(certificate.clone())).map_err(setup)?;
    Ok(roots)
}

fn authority_of(credentials: &Credentials) -> Result<rustls::pki_types::CertificateDer<'static>, TlsError> {
    credentials.authorities().first().cloned().ok_or_else(|| TlsError::Setup("no authority".to_owned()))
}

fn setup(error: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}

#[cfg(test)]
mod tests;
