//! TLS in front of a server that speaks none: a certificate of a private authority, and bytes passed on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A front that runs; it ends when dropped.
#[derive(Debug)]
pub struct TlsFront {
    /// Where it listens.
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl TlsFront {
    /// Starts one for the name `localhost`, over HTTP/2, before a server at `behind`; writes the authority's certificate to `authority`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(behind: SocketAddr, authority: &Path) -> Self {
        let config = Arc::new(config(authority));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the front");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                tokio::spawn(async move {
                    // A client that does not believe the certificate is gone at once.
                    let Ok(mut encrypted) = acceptor.accept(stream).await else { return };
                    let Ok(mut plain) = TcpStream::connect(behind).await else { return };
                    let _either_may_go = copy_bidirectional(&mut encrypted, &mut plain).await;
                });
            }
        });
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn config(authority: &Path) -> ServerConfig {
    let root_key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::new([]).expect("an authority's certificate");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = root.self_signed(&root_key).expect("it signs itself");
    std::fs::write(authority, certificate.pem()).expect("a file for the authority");
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("a server's certificate");
    let leaf = leaf.signed_by(&key, &issuer).expect("the authority signs it");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("ring knows the default versions").with_no_client_auth();
    let mut config =
        builder.with_single_cert(vec![leaf.der().clone()], key).expect("key and certificate fit");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
