//! One request over HTTP/1.1, on a connection that is kept.

use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, USER_AGENT};
use http::{Request, StatusCode};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Destination, ExportError};

/// Bytes of an answer that are read: enough for a sentence that says what is wrong.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// A way to one destination.
pub(super) struct Post {
    destination: Destination,
    tls: Option<TlsConnector>,
    kept: Option<SendRequest<Body>>,
}

/// Why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// No connection.
    #[error("it cannot be connected to: {0}")]
    Connect(#[from] io::Error),
    /// Its name is none that a certificate could bear.
    #[error("no certificate can bear its name: {0}")]
    Name(#[from] InvalidDnsNameError),
    /// It broke.
    #[error("the connection: {0}")]
    Broken(#[from] hyper::Error),
    /// What is sent cannot be put into a request.
    #[error("the request: {0}")]
    Request(#[from] http::Error),
}

impl std::fmt::Debug for Post {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Post").field("destination", &self.destination).finish_non_exhaustive()
    }
}

impl Post {
    /// A way that nothing went yet.
    ///
    /// # Errors
    /// When its authorities cannot be read.
    pub(super) fn to(destination: Destination) -> Result<Self, ExportError> {
        let tls = destination.is_encrypted.then(|| connector(&destination)).transpose()?;
        Ok(Self { destination, tls, kept: None })
    }

    /// Where it leads.
    pub(super) const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends a body; returns the answer's status, and the beginning of what it says.
    ///
    /// # Errors
    /// When there was no answer.
    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(StatusCode, String), PostError> {
        let mut sender = match self.kept.take().filter(|kept| !kept.is_closed()) {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let (parts, said) = sender.send_request(self.request(body)?).await?.into_parts();
        let said = to_bytes(Body::new(said), ANSWER_BYTES_MAX).await;
        if said.is_ok() {
            self.kept = Some(sender);
        }
        Ok((parts.status, sentence(&said.unwrap_or_default())))
    }

    /// The next request has a connection of its own.
    pub(super) fn hang_up(&mut self) {
        self.kept = None;
    }

    fn request(&self, body: &[u8]) -> Result<Request<Body>, http::Error> {
        let Destination { protocol, path, headers, .. } = &self.destination;
        let mut request = Request::post(path)
            .header(HOST, self.destination.authority())
            .header(USER_AGENT, concat!("fleetmark/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_LENGTH, body.len());
        for (name, value) in protocol.headers() {
            request = request.header(*name, *value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Body::from(Bytes::copy_from_slice(body)))
    }

    async fn connect(&self) -> Result<SendRequest<Body>, PostError> {
        let Destination { host, port, .. } = &self.destination;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => speak(stream).await,
            Some(tls) => speak(tls.connect(ServerName::try_from(host.clone())?, stream).await?).await,
        }
    }
}

async fn speak<S>(stream: S) -> Result<SendRequest<Body>, PostError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // How it ended is told to whoever sends over it.
        let _ended = connection.await;
    });
    Ok(sender)
}

/// Whom to believe.
fn connector(destination: &Destination) -> Result<TlsConnector, ExportError> {
    let wrong = |what: String| ExportError::Authorities { to: destination.to_string(), what };
    let mut roots = RootCertStore::empty();
    match &destination.ca_file {
        Some(path) => {
            let unusable = |error: &dyn std::fmt::Display| {
                wrong(format!("ca_file {} holds no usable certificate: {error}", path.display()))
            };
            let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
            for certificate in read {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
            if roots.is_empty() {
                return Err(unusable(&"it holds none"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(wrong(
                    "the system's certificate authorities cannot be read: give ca_file".to_owned(),
                ));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS cannot be configured: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What an answer says, on one line.
fn sentence(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect::<String>()
        .trim()
        .to_owned()
}
