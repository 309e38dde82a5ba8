//! The http workload over HTTP/2, against real servers on this host. Rooms: `conversations` (what a job asks beside the
//! request itself), `turns` (how it goes out).

mod conversations;
mod turns;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderValue, Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;
use super::*;

/// A frame of settings that says nothing, and then that no stream was or will be looked at.
const GO_AWAY: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/// What a server does with a request.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Answers 200 with a body of so many bytes.
    Answer(usize),
    /// Answers so: status, headers, body.
    Say(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Resets the stream for a reason.
    Reset(Reason),
    /// Answers with a header of so many bytes.
    LongHeader(usize),
    /// Promises three bytes and sends two.
    Short,
    /// Says nothing.
    Silence,
    /// Closes the connection.
    Close,
}

/// What a server saw.
#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    requests: Vec<(Request<()>, Vec<u8>)>,
    resets: usize,
}

/// A server that meets each request with the next of its acts, the last one again and again. `first` are the bytes
/// with which it meets the first connection instead.
async fn serve(
    acts: &[Act],
    first: Option<&'static [u8]>,
    tls: Option<TlsAcceptor>,
) -> (SocketAddr, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Seen::default())));
    let (theirs, acts) = (Arc::clone(&seen), acts.to_vec());
    tokio::task::spawn_local(async move {
        let mut first = first;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            theirs.lock().unwrap().connections += 1;
            let (seen, acts) = (Arc::clone(&theirs), acts.clone());
            match (first.take(), &tls) {
                (Some(bytes), _) => drop(tokio::task::spawn_local(say(stream, bytes))),
                (None, None) => drop(tokio::task::spawn_local(talk(stream, acts, seen))),
                (None, Some(tls)) => {
                    let shaking = tls.accept(stream);
                    tokio::task::spawn_local(async move {
                        if let Ok(stream) = shaking.await {
                            talk(stream, acts, seen).await;
                        }
                    });
                }
            }
        }
    });
    (address, seen)
}

async fn say(mut stream: TcpStream, bytes: &[u8]) {
    let mut request = [0; 4096];
    let _what_it_says_does_not_matter = stream.read(&mut request).await;
    stream.write_all(bytes).await.unwrap();
    while let Ok(1..) = stream.read(&mut request).await {}
}

/// Ends quietly when the client goes.
async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, acts: Vec<Act>, seen: Arc<Mutex<Seen>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, responder))) = connection.accept().await {
        let place = seen.lock().unwrap().requests.len().min(acts.len() - 1);
        let (head, mut body) = request.into_parts();
        seen.lock().unwrap().requests.push((Request::from_parts(head, ()), Vec::new()));
        if matches!(acts[place], Act::Close) {
            return;
        }
        let (number, seen) = (seen.lock().unwrap().requests.len() - 1, Arc::clone(&seen));
        let act = acts[place];
        tokio::task::spawn_local(async move {
            while let Some(Ok(piece)) = body.data().await {
                body.flow_control().release_capacity(piece.len()).unwrap();
                seen.lock().unwrap().requests[number].1.extend_from_slice(&piece);
            }
            play(act, responder, &seen).await;
        });
    }
}

async fn play(act: Act, mut responder: SendResponse<Bytes>, seen: &Mutex<Seen>) {
    let answer = |value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        Response::builder().status(200).header("x", value).body(()).unwrap()
    };
    match act {
        Act::Answer(length) => {
            let mut sender = responder.send_response(answer("y"), false).unwrap();
            sender.send_data(Bytes::from(vec![b'a'; length]), true).unwrap();
        }
        Act::Say(status, headers, body) => {
            let head = headers
                .iter()
                .fold(Response::builder().status(status), |head, (name, value)| head.header(*name, *value));
            let mut sender = responder.send_response(head.body(()).unwrap(), body.is_empty()).unwrap();
            if !body.is_empty() {
                sender.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
            }
        }
        Act::Reset(reason) => responder.send_reset(reason),
        Act::LongHeader(length) => {
            let _it_may_be_refused = responder.send_response(answer(&"a".repeat(length)), true);
        }
        Act::Short => {
            let head = Response::builder().status(200).header("content-length", 3).body(()).unwrap();
            let mut sender = responder.send_response(head, false).unwrap();
            sender.send_data(Bytes::from_static(b"ab"), true).unwrap();
        }
        Act::Silence => {
            let reset = std::future::poll_fn(|context| responder.poll_reset(context)).await;
            if reset.is_ok_and(|reason| reason == Reason::CANCEL) {
                seen.lock().unwrap().resets += 1;
            }
        }
        Act::Close => {}
    }
}

fn http2(address: SocketAddr, mut settings: Value, load: impl Fn(&mut LoadShare)) -> Http {
    (settings["url"], settings["version"]) = (json!(format!("http://{address}/x")), json!("2"));
    let mut share = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    load(&mut share);
    let base = crate::engine::tests::assignment(1, share.warmup, share.window);
    Http::new(&Assignment { operations: vec![spec(settings)], load: share, ..base }).unwrap()
}

/// One operation against a server that acts so.
async fn once(acts: &[Act], first: Option<&'static [u8]>, settings: Value) -> (Outcome, Arc<Mutex<Seen>>) {
    let (address, seen) = serve(acts, first, None).await;
    let outcome = run(&mut worker_of(&http2(address, settings, |_| {}))).await;
    (outcome, seen)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let settings = json!({
        "method": "POST", "body": "hello", "headers": { "X-One": "1", "connection": "close" }, "phases": true,
    });
    let (outcome, seen) = LocalSet::new().run_until(once(&[Act::Answer(2)], None, settings)).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
    let seen = seen.lock().unwrap();
    let (head, body) = &seen.requests[0];
    assert_eq!((head.method().as_str(), head.uri().path(), &body[..]), ("POST", "/x", &b"hello"[..]));
    assert_eq!(
        (&head.headers()["x-one"], head.headers().get("connection")),
        (&HeaderValue::from_static("1"), None)
    );
    assert!((80..100).contains(&outcome.bytes_sent) && outcome.bytes_received == 4, "{outcome:?}");
    let [dns, connect, tls, first_byte, body, ..] = *outcome.measures;
    assert!(dns.is_none() && tls.is_none(), "{:?}", outcome.measures);
    assert!(connect.is_some() && first_byte.is_some() && body.is_some(), "{:?}", outcome.measures);
}

#[tokio::test]
async fn over_tls_http2_is_agreed_on_or_refused() {
    let authority = Authority::new();
    for (protocol, error) in [("h2", None), ("http/1.1", Some(ErrorKind::Tls))] {
        let local = LocalSet::new();
        let outcome = local.run_until(async {
            let acceptor = TlsAcceptor::from(Arc::new(authority.server(protocol, false)));
            let (address, _) = serve(&[Act::Answer(2)], None, Some(acceptor)).await;
            let settings =
                json!({ "url": format!("https://{address}/"), "version": "2", "tls": { "insecure": true } });
            run(&mut worker(settings)).await
        });
        let outcome = outcome.await;
        assert_eq!(outcome.error, error, "{protocol}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn workers_of_a_thread_share_connections() {
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[Act::Answer(2)], None, None).await;
            let http = http2(address, json!({}), |load| load.streams_per_connection = 2);
            let desk = http.desk();
            let mut workers: Vec<_> =
                (0..4).map(|worker| http.worker(&desk, Seat { worker, seed: 0 })).collect();
            for worker in &mut workers {
                worker.ready().await;
            }
            for worker in &mut workers {
                let outcome = run(worker).await;
                assert_eq!((outcome.error, outcome.connects), (None, 0), "{}", message(&outcome));
            }
            assert_eq!(seen.lock().unwrap().connections, 2);
        })
        .await;
}

#[tokio::test]
async fn a_lost_connection_takes_its_streams_along_and_is_opened_again() {
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[Act::Close, Act::Answer(2)], None, None).await;
            let mut worker = worker_of(&http2(address, json!({}), |_| {}));
            let outcome = run(&mut worker).await;
            assert_eq!(
                (outcome.error, outcome.connects),
                (Some(ErrorKind::Closed), 1),
                "{}",
                message(&outcome)
            );
            let outcome = run(&mut worker).await;
            assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
            assert_eq!(seen.lock().unwrap().connections, 2);
        })
        .await;
}

#[tokio::test]
async fn what_the_server_did_not_act_on_is_sent_once_more() {
    let refused = Act::Reset(Reason::REFUSED_STREAM);
    for (method, acts, first, error, connects) in [
        ("GET", &[refused, Act::Answer(2)][..], None, None, 1),
        ("GET", &[refused, refused], None, Some(ErrorKind::Closed), 1),
        ("POST", &[refused, Act::Answer(2)], None, Some(ErrorKind::Closed), 1),
        ("GET", &[Act::Answer(2)], Some(GO_AWAY), None, 2),
        ("POST", &[Act::Answer(2)], Some(GO_AWAY), Some(ErrorKind::Closed), 1),
        ("GET", &[Act::Reset(Reason::INTERNAL_ERROR), Act::Answer(2)], None, Some(ErrorKind::Closed), 1),
    ] {
        let (outcome, _) = LocalSet::new().run_until(once(acts, first, json!({ "method": method }))).await;
        assert_eq!(
            (outcome.error, outcome.connects),
            (error, connects),
            "{method} {acts:?}: {}",
            message(&outcome)
        );
    }
}

#[tokio::test]
async fn answers_that_break_the_rules_are_told_and_bounded() {
    for (name, acts, first, kind) in [
        (
            "another protocol",
            &[Act::Silence][..],
            Some(&b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..]),
            ErrorKind::Protocol,
        ),
        ("a long header", &[Act::LongHeader(100_000)], None, ErrorKind::Protocol),
        ("a short body", &[Act::Short], None, ErrorKind::Protocol),
    ] {
        let (outcome, _) = LocalSet::new().run_until(once(acts, first, json!({}))).await;
        assert_eq!(outcome.error, Some(kind), "{name}: {}", message(&outcome));
        assert!(!message(&outcome).is_empty());
    }
}

#[tokio::test]
async fn a_timeout_resets_the_stream_and_leaves_the_connection() {
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[Act::Silence, Act::Answer(2)], None, None).await;
            let mut worker = worker_of(&http2(address, json!({ "timeout": "200ms" }), |_| {}));
            let outcome = run(&mut worker).await;
            assert_eq!(outcome.error, Some(ErrorKind::Timeout), "{}", message(&outcome));
            let outcome = run(&mut worker).await;
            assert_eq!((outcome.error, outcome.connects), (None, 0), "{}", message(&outcome));
            assert_eq!(seen.lock().unwrap().resets, 1);
        })
        .await;
}

#[tokio::test]
async fn a_body_larger_than_every_window_is_read_and_checked() {
    const LENGTH: usize = 9 * 1024 * 1024;
    let expect = json!({ "expect": { "body_contains": "aaaa" }, "phases": true });
    let (outcome, _) = LocalSet::new().run_until(once(&[Act::Answer(LENGTH)], None, expect)).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    assert_eq!(outcome.bytes_received, LENGTH as u64 + 2);
    let expect = json!({ "expect": { "status": [404] } });
    let (outcome, _) = LocalSet::new().run_until(once(&[Act::Answer(3)], None, expect)).await;
    assert_eq!(outcome.error, Some(ErrorKind::Status));
    assert_eq!(message(&outcome), r"status 200 was not expected: HTTP/2 200 OK\naaa");
}

#[tokio::test]
async fn a_shared_connection_is_given_up_after_so_many_operations() {
    LocalSet::new()
        .run_until(async {
            let (address, _) = serve(&[Act::Answer(2)], None, None).await;
            let mut worker =
                worker_of(&http2(address, json!({}), |load| load.new_connection_every = Some(2)));
            let mut connects = Vec::new();
            for _ in 0..5 {
                connects.push(run(&mut worker).await.connects);
            }
            assert_eq!(connects, [1, 0, 1, 0, 1]);
        })
        .await;
}
