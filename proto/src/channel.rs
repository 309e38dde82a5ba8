//! How both kinds of client reach a coordinator: in plain text, or over TLS with what they trust and prove. Room: `heard`, a
//! connection whose other end has accepted us.

mod heard;

use std::error::Error;
use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tonic::transport::{Channel, Endpoint, Uri};

use heard::Heard;

/// Port of `https://host` without one: a coordinator's default.
const PORT_DEFAULT: u16 = 7411;
/// What the TLS library calls the other end's no.
const ALERT: &str = "received fatal alert: ";

/// Why there is no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// One end does not accept the other's certificate: trying again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Nobody answers, or not as hoped.
    #[error("{0}")]
    Unreachable(String),
}

/// Connects; over TLS if there is a configuration for it.
///
/// # Errors
/// When nobody answers, or is not believed.
pub async fn connect(endpoint: &Endpoint, tls: Option<Arc<ClientConfig>>) -> Result<Channel, ChannelError> {
    let connected = match tls {
        None => endpoint.connect().await,
        Some(config) => {
            let connector = tower::service_fn(move |uri: Uri| {
                let config = config.clone();
                async move { dial(&uri, config).await.map(TokioIo::new) }
            });
            endpoint.connect_with_connector(connector).await
        }
    };
    connected.map_err(|error| trouble(&error))
}

/// What went wrong, with its cause: the outermost texts of the libraries only say that something did.
pub fn trouble(error: &(dyn Error + 'static)) -> ChannelError {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    if let Some((_, alert)) = text.split_once(ALERT) {
        let why = match alert.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default() {
            "CertificateRevoked" => "the certificate was revoked, or is not known there",
            "CertificateExpired" => "the certificate has run out",
            "UnknownCA" => "the certificate is of another authority",
            "BadCertificate" | "CertificateUnknown" | "UnsupportedCertificate" => {
                "the certificate is not accepted"
            }
            other => return ChannelError::Unreachable(format!("TLS was refused: {other}")),
        };
        return ChannelError::Refused(why.to_owned());
    }
    if let Some((_, problem)) = text.split_once("invalid peer certificate: ") {
        let why = if problem.starts_with("UnknownIssuer") {
            "the coordinator's certificate is of another authority than expected".to_owned()
        } else {
            format!("the coordinator's certificate is not believed: {problem}")
        };
        return ChannelError::Refused(why);
    }
    if text.contains("corrupt message") || text.contains("InvalidContentType") {
        return ChannelError::Unreachable(
            "what answers there does not speak TLS: is it an http:// coordinator?".to_owned(),
        );
    }
    ChannelError::Unreachable(text)
}

async fn dial(uri: &Uri, config: Arc<ClientConfig>) -> io::Result<Heard<TlsStream<TcpStream>>> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(PORT_DEFAULT))).await?;
    stream.set_nodelay(true)?;
    Heard::from(TlsConnector::from(config).connect(trust::tls::coordinator_name(), stream).await?).await
}
