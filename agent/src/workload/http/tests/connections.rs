//! How connections are made, kept and taken in turns over HTTP/1.1, and what their phases took.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A worker whose connections are kept so.
fn worker_with(settings: Value, per_worker: u32, new_every: Option<u64>) -> HttpWorker {
    let mut load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    (load.connections_per_worker, load.new_connection_every) = (per_worker, new_every);
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let http = Http::new(&Assignment { operations: vec![spec(settings)], load, ..base });
    worker_of(&http.unwrap())
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to_in_both_forms_of_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(OK.as_bytes()).unwrap();
            requests.push(String::from_utf8_lossy(&request[..read]).into_owned());
        }
        requests
    });
    for scheme in ["unix:", "http://unix:"] {
        let url = format!("{scheme}{}:/x?y", path.display());
        let outcome = run(&mut worker(json!({ "url": url }))).await;
        assert_eq!(outcome.error, None, "{}", message(&outcome));
    }
    for request in server.join().unwrap() {
        assert!(request.starts_with("GET /x?y HTTP/1.1\r\nhost: localhost\r\n"), "{request}");
    }
    let outcome = run(&mut worker(json!({ "url": "unix:/nowhere/app.sock:/" }))).await;
    assert_eq!(outcome.error, Some(ErrorKind::Connect));
    assert!(message(&outcome).contains("the socket /nowhere/app.sock"), "{}", message(&outcome));
}

#[tokio::test]
async fn a_host_may_be_an_address_of_ipv6() {
    let server = Server::start_on("[::1]:0", vec![Act::answer(OK), Act::Silence]);
    let outcome = run(&mut worker(json!({ "url": server.url() }))).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
    let host = format!("host: {}\r\n", &server.url()["http://".len()..server.url().len() - 1]);
    assert!(host.starts_with("host: [::1]:") && server.heard().contains(&host), "{}", server.heard());
}

#[tokio::test]
async fn a_name_is_looked_up_at_each_connection_when_so_wanted() {
    let server = Server::start(vec![Act::answer(OK), Act::Silence]);
    let url = server.url().replace("127.0.0.1", "localhost");
    let ask = async |url: &str| {
        let base = crate::engine::tests::assignment(1, Warmup::Iterations(0), Window::Iterations(1));
        let Value::Object(settings) = json!({ "resolve": "connect" }) else { unreachable!() };
        let operations = vec![spec(json!({ "url": url, "phases": true }))];
        let http = Http::new(&Assignment { operations, settings, ..base }).unwrap();
        run(&mut worker_of(&http)).await
    };
    let outcome = ask(&url).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
    assert!(outcome.measures[0].is_some(), "looking the name up took some time");
    let outcome = ask("http://no-such-host.invalid/").await;
    assert_eq!(outcome.error, Some(ErrorKind::Connect));
    assert!(message(&outcome).contains("\"no-such-host.invalid\" has no address"), "{}", message(&outcome));
}

#[tokio::test]
async fn a_worker_takes_its_connections_in_turn() {
    let server = Server::start(vec![Act::answer(OK), Act::answer(OK), Act::Close]);
    let mut worker = worker_with(json!({ "url": server.url() }), 3, None);
    let mut connects = Vec::new();
    for _ in 0..6 {
        let outcome = run(&mut worker).await;
        assert_eq!(outcome.error, None, "{}", message(&outcome));
        connects.push(outcome.connects);
    }
    assert_eq!(connects, [1, 1, 1, 0, 0, 0]);
    server.wait_until_closed(3);
}

#[tokio::test]
async fn a_connection_is_given_up_after_so_many_operations() {
    let server = Server::start(vec![Act::answer(OK), Act::answer(OK), Act::answer(OK), Act::Silence]);
    let mut worker = worker_with(json!({ "url": server.url() }), 1, Some(2));
    worker.ready().await;
    let mut connects = Vec::new();
    for _ in 0..6 {
        let outcome = run(&mut worker).await;
        assert_eq!(outcome.error, None, "{}", message(&outcome));
        connects.push(outcome.connects);
    }
    assert_eq!(connects, [0, 0, 1, 0, 1, 0]);
}

#[tokio::test]
async fn phases_are_told_only_when_they_are_wanted() {
    let server = Server::start(vec![Act::answer(OK), Act::Silence]);
    let outcome = run(&mut worker(json!({ "url": server.url() }))).await;
    assert_eq!((outcome.error, outcome.measures), (None, Default::default()));
    let outcome = run(&mut worker(json!({ "url": server.url(), "phases": true }))).await;
    let [dns, connect, tls, first_byte, body, ..] = *outcome.measures;
    assert_eq!((dns, tls), (None, None));
    assert!(connect.is_some() && first_byte.is_some() && body.is_some(), "{:?}", outcome.measures);
}

/// One POST that waits for the server to ask for its body.
async fn announce(acts: Vec<Act>) -> (Outcome, String) {
    let server = Server::start(acts);
    let settings = json!({
        "url": server.url(), "method": "POST", "body": "hello", "headers": { "Expect": "100-continue" },
        "expect": { "status": [200, 417] },
    });
    let outcome = run(&mut worker(settings)).await;
    (outcome, server.heard())
}

#[tokio::test]
async fn a_body_that_was_announced_is_sent_once_it_is_asked_for() {
    let go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";
    let (outcome, heard) = announce(vec![Act::AnswerHead(go_ahead), Act::AnswerBody(OK), Act::Silence]).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    assert!(heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert_eq!(outcome.bytes_sent, heard.len() as u64);
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_never_sent() {
    let no = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
    let (outcome, heard) = announce(vec![Act::AnswerHead(no), Act::Silence]).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    assert!(heard.ends_with("\r\n\r\n"), "{heard}");
}

#[tokio::test]
async fn a_server_that_says_nothing_gets_the_body_all_the_same() {
    let begun = Instant::now();
    let (outcome, heard) = announce(vec![Act::answer(OK), Act::Silence]).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    assert!(heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}
