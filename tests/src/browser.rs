//! Somebody who asks a coordinator for pages: HTTP/1.1 by hand, over TLS that believes the coordinator's own authority alone.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::cast::Scene;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Where the pages are: `http://127.0.0.1:1234`.
    pub url: String,
    authority: Option<Arc<ClientConfig>>,
    headers: Vec<(String, String)>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Browser {
    /// One that asks the coordinator over a store of the scene.
    ///
    /// # Panics
    /// When that serves no pages.
    pub fn of(scene: &Scene, store: &str) -> Self {
        let store = scene.path().join(store);
        let url = fs::read_to_string(store.join("coordinator.http")).expect("it serves pages");
        let url = url.trim().to_owned();
        let authority = url.starts_with("https://").then(|| {
            let authority = fs::read_to_string(store.join("ca/authority.pem")).expect("its authority");
            believing(&authority)
        });
        Self { url, authority, headers: Vec::new() }
    }

    /// The same, which believes another authority.
    pub fn who_believes(mut self, authority_pem: &str) -> Self {
        self.authority = Some(believing(authority_pem));
        self
    }

    /// The same, which sends another header along.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it asks, `127.0.0.1:1234`.
    pub fn address(&self) -> &str {
        self.url.split_once("://").expect("a URL").1
    }

    /// Asks for something.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Sends something.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, body)
    }

    /// Asks, and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same, which may fail.
    ///
    /// # Errors
    /// When nobody answers, or not to be believed.
    pub fn try_ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        let sets_host = self.headers.iter().any(|(name, _)| name == "host");
        let host = (!sets_host).then(|| ("host".to_owned(), self.address().to_owned()));
        for (name, value) in self.headers.iter().chain(&host) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        request.push_str(&format!("\r\n{body}"));
        self.say(request.as_bytes())
    }

    /// Says these bytes, and reads the answer.
    ///
    /// # Errors
    /// When nobody answers, or not to be believed.
    pub fn say(&self, bytes: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(WITHIN))?;
        let mut answer = Vec::new();
        let ended = match &self.authority {
            None => stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer)),
            Some(config) => {
                let ip = self.address().rsplit_once(':').expect("a port").0.to_owned();
                let name = ServerName::try_from(ip).expect("an address");
                let client = ClientConnection::new(config.clone(), name).map_err(std::io::Error::other)?;
                let mut stream = StreamOwned::new(client, stream);
                stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer))
            }
        };
        // What was answered before the connection was cut counts all the same.
        if answer.is_empty() {
            ended?;
        }
        read(&String::from_utf8_lossy(&answer)).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The cookie that it sets, as a browser sends it back.
    ///
    /// # Panics
    /// When it sets none.
    pub fn cookie(&self) -> String {
        let set = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {self:?}"));
        set.split(';').next().expect("there is a first part").to_owned()
    }
}

fn believing(authority_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Some(Answer { status, headers, body: body.to_owned() })
}
