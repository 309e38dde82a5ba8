//! TLS servers whose certificates are not to be trusted, each for one reason.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ServerConfig, ServerConnection, Stream};

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It is another host's.
    OtherName,
    /// It was valid long ago.
    Expired,
}

/// A TLS server that answers everything with 200; gone when dropped.
#[derive(Debug)]
pub struct SecureServer {
    address: SocketAddr,
    /// The authority that signed its certificate, in PEM.
    pub authority: String,
    is_over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl SecureServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it cannot listen, or no certificate can be made.
    pub fn start(flaw: Flaw) -> Self {
        let (config, authority) = config(flaw);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !flag.load(Ordering::SeqCst)).flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || serve(stream, config));
            }
        });
        Self { address, authority, is_over, acceptor: Some(acceptor) }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("https://{}/", self.address)
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Only a connection wakes it.
        let _it_may_be_gone = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _its_panic_was_printed = acceptor.join();
        }
    }
}

fn config(flaw: Flaw) -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::new(Vec::new()).expect("an authority needs no name");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority signs itself");
    let name = if flaw == Flaw::OtherName { "elsewhere.example" } else { "127.0.0.1" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(if flaw == Flaw::Expired { 2001 } else { 2999 }, 1, 1);
    let key = key();
    let certificate = params.signed_by(&key, &authority).expect("a signed certificate");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("the key is PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key is the certificate's");
    (Arc::new(config), authority.pem())
}

/// Answers one connection's requests, each of which comes in one piece, until the client goes.
fn serve(mut socket: TcpStream, config: Arc<ServerConfig>) {
    let Ok(mut connection) = ServerConnection::new(config) else { return };
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut request = [0; 8 * 1024];
    while let Ok(1..) = stream.read(&mut request) {
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").is_err() {
            return;
        }
    }
}
