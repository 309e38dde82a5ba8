//! The http workload over TLS, against real servers on this host.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;
use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\nall of it";

/// How a server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Never.
    Kept,
    /// Properly, after one answer.
    Notified,
    /// By closing the socket after one answer.
    Cut,
}

/// What a server saw.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    resumed: AtomicUsize,
}

/// A TLS server that gives one answer to everything.
async fn serve(config: ServerConfig, answer: &'static str, end: End) -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
    let (acceptor, theirs) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&seen));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            theirs.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(talk(acceptor.clone(), stream, Arc::clone(&theirs), answer, end));
        }
    });
    (address, seen)
}

/// Ends quietly when the client goes.
async fn talk(acceptor: TlsAcceptor, stream: TcpStream, seen: Arc<Seen>, answer: &'static str, end: End) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
        seen.resumed.fetch_add(1, Ordering::SeqCst);
    }
    let mut request = [0; 4096];
    while let Ok(1..) = stream.read(&mut request).await {
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match end {
            End::Kept => {}
            End::Cut => return,
            End::Notified => {
                let _the_client_may_be_gone = stream.shutdown().await;
                return;
            }
        }
    }
}

fn https(authority: &Authority, settings: Value) -> Result<Http, PrepareError> {
    let load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let client = authority.issue("client", 2999);
    let files = BTreeMap::from([
        ("ca.pem".to_owned(), authority.pem()),
        ("client.pem".to_owned(), client.certificate.pem().into_bytes()),
        ("empty.pem".to_owned(), b"nothing".to_vec()),
    ]);
    let mut settings = settings;
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), client.key.serialize_pem()).unwrap();
    if settings["tls"]["cert_file"].is_string() {
        settings["tls"]["key_file"] = json!(key.path());
    }
    Http::new(&Assignment { operations: vec![spec(settings)], files, ..base })
}

/// One operation against an address.
async fn ask(authority: &Authority, address: SocketAddr, tls: Value) -> Outcome {
    let settings = json!({ "url": format!("https://{address}/"), "tls": tls, "timeout": "2s" });
    run(&mut worker_of(&https(authority, settings).unwrap())).await
}

#[tokio::test]
async fn a_connection_over_tls_is_kept_and_tells_its_phases() {
    let authority = Authority::new();
    let (address, seen) = serve(authority.server("http/1.1", false), OK, End::Kept).await;
    let settings =
        json!({ "url": format!("https://{address}/"), "tls": { "ca_file": "ca.pem" }, "phases": true });
    let mut worker = worker_of(&https(&authority, settings).unwrap());
    let first = run(&mut worker).await;
    assert_eq!((first.error, first.connects), (None, 1), "{}", message(&first));
    assert_eq!(first.bytes_received, OK.len() as u64, "what is counted is what was encrypted");
    let [dns, connect, tls, first_byte, body, ..] = *first.measures;
    assert_eq!(dns, None, "nothing was looked up");
    assert!([connect, tls, first_byte, body].iter().all(Option::is_some), "{:?}", first.measures);
    let parts: u64 = [connect, tls, first_byte, body].into_iter().flatten().sum();
    assert!(parts <= first.ended_ns - first.sent_ns);
    let second = run(&mut worker).await;
    assert_eq!((second.error, second.connects), (None, 0), "{}", message(&second));
    assert!(second.measures[..3].iter().all(Option::is_none) && second.measures[3].is_some());
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_leads_to_tls_and_away_from_it() {
    let authority = Authority::new();
    let (secured, _) = serve(authority.server("http/1.1", false), OK, End::Kept).await;
    let away = |url: String| format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
    let plain = Server::start(vec![Act::Answer(away(format!("https://{secured}/"))), Act::Silence]);
    let operation = |url: String| {
        let expect = json!({ "body_equals": "ok" });
        json!({ "url": url, "tls": { "ca_file": "ca.pem" }, "redirects": 1, "expect": expect, "timeout": "2s" })
    };
    let to_tls = run(&mut worker_of(&https(&authority, operation(plain.url())).unwrap())).await;
    assert_eq!((to_tls.error, to_tls.connects), (None, 2), "{}", message(&to_tls));

    let plain = Server::start(vec![Act::answer(OK), Act::Silence]);
    let from: &'static str = Box::leak(away(plain.url()).into_boxed_str());
    let (secured, _) = serve(authority.server("http/1.1", false), from, End::Kept).await;
    let operation = operation(format!("https://{secured}/"));
    let from_tls = run(&mut worker_of(&https(&authority, operation).unwrap())).await;
    assert_eq!((from_tls.error, from_tls.connects), (None, 2), "{}", message(&from_tls));
}

#[tokio::test]
async fn every_certificate_that_is_not_to_be_trusted_is_an_error_of_its_own() {
    let authority = Authority::new();
    let trusted = json!({ "ca_file": "ca.pem" });
    for (name, config, tls, reason) in [
        ("has another name", authority.issue("elsewhere", 2999), trusted.clone(), "tls.server_name"),
        ("has expired", authority.issue("127.0.0.1", 2001), trusted.clone(), "expired"),
        ("is unknown", Authority::called("another").issue("127.0.0.1", 2999), trusted, "tls.ca_file"),
    ] {
        let (address, _) = serve(config.server("http/1.1", None), OK, End::Kept).await;
        let outcome = ask(&authority, address, tls).await;
        assert_eq!(outcome.error, Some(ErrorKind::Tls), "{name}: {}", message(&outcome));
        assert!(message(&outcome).contains(reason), "{name}: {}", message(&outcome));
        let outcome = ask(&authority, address, json!({ "insecure": true })).await;
        assert_eq!(outcome.error, None, "{name}: {}", message(&outcome));
    }
    let config = authority.issue("elsewhere", 2999).server("http/1.1", None);
    let (address, _) = serve(config, OK, End::Kept).await;
    let outcome = ask(&authority, address, json!({ "ca_file": "ca.pem", "server_name": "elsewhere" })).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let authority = Authority::new();
    for (name, acts, kind, reason) in [
        (
            "plain text",
            vec![Act::Push("HTTP/1.1 400 Bad\r\n\r\n"), Act::Silence],
            ErrorKind::Tls,
            "does not speak TLS",
        ),
        ("closes", vec![Act::Close], ErrorKind::Tls, "handshake"),
        ("hangs", vec![Act::Silence], ErrorKind::Timeout, "still in the TLS handshake"),
    ] {
        let server = Server::start(acts);
        let address: SocketAddr = server.url()["http://".len()..].trim_end_matches('/').parse().unwrap();
        let settings =
            json!({ "url": format!("https://{address}/"), "tls": { "insecure": true }, "timeout": "300ms" });
        let outcome = run(&mut worker_of(&https(&authority, settings).unwrap())).await;
        assert_eq!(outcome.error, Some(kind), "{name}: {}", message(&outcome));
        assert!(message(&outcome).contains(reason), "{name}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_must_end_properly() {
    let authority = Authority::new();
    for (end, error) in [(End::Notified, None), (End::Cut, Some(ErrorKind::Closed))] {
        let (address, _) = serve(authority.server("http/1.1", false), UNTIL_CLOSE, end).await;
        let outcome = ask(&authority, address, json!({ "ca_file": "ca.pem" })).await;
        assert_eq!(outcome.error, error, "{end:?}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn a_client_says_who_it_is_when_it_is_asked() {
    let authority = Authority::new();
    let (address, _) = serve(authority.server("http/1.1", true), OK, End::Kept).await;
    let outcome = ask(&authority, address, json!({ "ca_file": "ca.pem" })).await;
    assert_eq!(outcome.error, Some(ErrorKind::Tls), "{}", message(&outcome));
    assert!(message(&outcome).contains("CertificateRequired"), "{}", message(&outcome));
    let outcome = ask(&authority, address, json!({ "ca_file": "ca.pem", "cert_file": "client.pem" })).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
}

#[tokio::test]
async fn sessions_are_resumed_unless_that_is_unwanted() {
    let authority = Authority::new();
    for (resume, resumed) in [(true, 2), (false, 0)] {
        let (address, seen) = serve(authority.server("http/1.1", false), OK, End::Notified).await;
        let settings =
            json!({ "url": format!("https://{address}/"), "tls": { "ca_file": "ca.pem", "resume": resume } });
        let mut worker = worker_of(&https(&authority, settings).unwrap());
        for _ in 0..3 {
            let outcome = run(&mut worker).await;
            assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
        }
        assert_eq!(seen.resumed.load(Ordering::SeqCst), resumed, "resume = {resume}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_before_the_start() {
    let authority = Authority::new();
    for (tls, reason) in [
        (json!({ "ca_file": "empty.pem" }), "tls.ca_file holds no usable certificate"),
        (json!({ "cert_file": "client.pem" }), ""),
        (json!({ "server_name": "a b" }), "tls.server_name"),
    ] {
        let refused = https(&authority, json!({ "url": "https://127.0.0.1:1/", "tls": tls }));
        match reason {
            "" => assert!(refused.is_ok(), "{refused:?}"),
            _ => assert!(refused.unwrap_err().to_string().contains(reason), "{reason}"),
        }
    }
    let lost = json!({ "cert_file": "client.pem", "key_file": "/nowhere/key.pem" });
    let settings = json!({ "url": "https://127.0.0.1:1/", "tls": lost });
    let files = BTreeMap::from([(
        "client.pem".to_owned(),
        authority.issue("c", 2999).certificate.pem().into_bytes(),
    )]);
    let load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let refused = Http::new(&Assignment { operations: vec![spec(settings)], files, ..base });
    assert!(refused.unwrap_err().to_string().contains("tls.key_file \"/nowhere/key.pem\""));
}
