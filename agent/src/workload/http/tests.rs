//! The http workload against real servers on this host, good and bad.
//!
//! Rooms: `server` (scripted ones), `certificates`, `connections` (sockets, turns, phases), `tls`, `http2`,
//! `variation` (values, checks, redirects, scenarios).

mod certificates;
mod connections;
mod http2;
mod server;
mod tls;
mod variation;

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use shared::ids::{Name, OperationIndex};
use shared::interval::ErrorKind;
use shared::job::{OperationSpec, Warmup, Window};

use super::*;
use crate::policy::Policy;
use crate::workload::{Outcome, Worker};
use server::{Act, Server};

impl Http {
    /// Made ready by an agent without a policy.
    fn new(assignment: &Assignment) -> Result<Self, PrepareError> {
        Self::under(&Warden::new(Arc::new(Policy::unrestricted())), assignment)
    }
}

fn spec(settings: Value) -> OperationSpec {
    let Value::Object(settings) = settings else { panic!("settings are a table") };
    OperationSpec { name: Name::new("read").unwrap(), weight: 1.0, settings }
}

fn http(operations: Vec<OperationSpec>) -> Result<Http, PrepareError> {
    let load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let files = BTreeMap::from([("body.bin".to_owned(), b"from a file".to_vec())]);
    Http::new(&Assignment { operations, files, ..base })
}

fn worker(settings: Value) -> HttpWorker {
    worker_of(&http(vec![spec(settings)]).unwrap())
}

fn worker_of(http: &Http) -> HttpWorker {
    http.worker(&http.desk(), Seat { worker: 0, seed: 0 })
}

async fn run(worker: &mut HttpWorker) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.clear(crate::engine::clock::now_ns(), true);
    worker.run(OperationIndex(0), &mut outcome).await;
    outcome
}

/// One operation against a server that acts so, with settings beside the URL.
async fn once(acts: Vec<Act>, mut settings: Value) -> Outcome {
    let server = Server::start(acts);
    settings["url"] = json!(server.url());
    run(&mut worker(settings)).await
}

fn message(outcome: &Outcome) -> &str {
    outcome.sample.as_ref().map_or("", |sample| sample.message.as_str())
}

#[tokio::test]
async fn every_form_of_body_is_read_to_its_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ] {
        for act in [Act::answer(answer), Act::Drip(answer.into())] {
            let outcome =
                once(vec![act, Act::Close], json!({ "expect": { "body_contains": "hello" } })).await;
            assert_eq!(outcome.error, None, "{answer:?}: {}", message(&outcome));
            assert_eq!((outcome.connects, outcome.bytes_received), (1, answer.len() as u64));
        }
    }
}

#[tokio::test]
async fn answers_without_a_body_end_with_their_head() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let outcome = once(vec![Act::answer(head), Act::Silence], json!({ "method": "HEAD" })).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    for status in ["204 No Content", "304 Not Modified"] {
        let answer = format!("HTTP/1.1 {status}\r\n\r\n");
        let outcome = once(vec![Act::answer(&answer), Act::Silence], json!({})).await;
        assert_eq!(outcome.error, None, "{status}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_reopened_once_the_server_closed_it() {
    let answer = Act::answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let server = Server::start(vec![answer.clone(), answer.clone(), Act::Close]);
    let mut worker = worker(json!({ "url": server.url() }));
    assert_eq!(run(&mut worker).await.connects, 1);
    assert_eq!(run(&mut worker).await.connects, 0);
    server.wait_until_closed(1);
    let outcome = run(&mut worker).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
}

#[tokio::test]
async fn what_is_not_idempotent_is_never_sent_twice() {
    let answer = Act::answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let server = Server::start(vec![answer, Act::answer(""), Act::Close]);
    let mut worker = worker(json!({ "url": server.url(), "method": "POST", "body_file": "body.bin" }));
    assert_eq!(run(&mut worker).await.error, None);
    let outcome = run(&mut worker).await;
    assert_eq!((outcome.error, outcome.connects), (Some(ErrorKind::Closed), 0), "{}", message(&outcome));
    let heard = server.heard();
    assert_eq!(heard.matches("POST / HTTP/1.1\r\n").count(), 2, "{heard}");
    assert!(heard.ends_with("content-length: 11\r\n\r\nfrom a file"), "{heard}");
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_no_answer() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(vec![Act::answer(ok), Act::Push(ok), Act::Close]);
    let mut worker = worker(json!({ "url": server.url() }));
    assert_eq!(run(&mut worker).await.error, None);
    server.wait_until_closed(1);
    // The bytes are in the socket; this lets the runtime look at it.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let outcome = run(&mut worker).await;
    assert_eq!(outcome.error, Some(ErrorKind::Protocol), "{}", message(&outcome));
    assert_eq!(run(&mut worker).await.error, None);
}

#[tokio::test]
async fn workers_connect_before_the_start() {
    let server =
        Server::start(vec![Act::answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Act::Silence]);
    let mut worker = worker(json!({ "url": server.url() }));
    worker.ready().await;
    let outcome = run(&mut worker).await;
    assert_eq!((outcome.error, outcome.connects), (None, 0), "{}", message(&outcome));
}

#[tokio::test]
async fn an_unexpected_answer_is_shown() {
    let answer = "HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\ntry \"it\"\n";
    let outcome = once(vec![Act::answer(answer), Act::Silence], json!({})).await;
    assert_eq!(outcome.error, Some(ErrorKind::Status));
    assert_eq!(message(&outcome), r#"status 503 was not expected: HTTP/1.1 503 Busy\ntry \"it\"\n"#);
    let expect = json!({ "expect": { "status": [503], "body_contains": "absent" } });
    let outcome = once(vec![Act::answer(answer), Act::Silence], expect).await;
    assert_eq!(outcome.error, Some(ErrorKind::Body));
    assert!(
        message(&outcome).starts_with(r#"the body lacks "absent": HTTP/1.1 503 Busy\ntry"#),
        "{}",
        message(&outcome)
    );
}

#[tokio::test]
async fn every_bad_server_makes_its_own_kind_of_error() {
    use ErrorKind::{Closed, Protocol, Timeout};
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = format!("{ok}transfer-encoding: chunked\r\n\r\n");
    for (name, acts, kind) in [
        ("closes at once", vec![Act::Close], Closed),
        ("resets", vec![Act::Reset], Closed),
        ("closes within the head", vec![Act::answer("HTTP/1.1 200 OK\r\ncont"), Act::Close], Closed),
        (
            "closes within the body",
            vec![Act::answer(&format!("{ok}content-length: 9\r\n\r\nabc")), Act::Close],
            Closed,
        ),
        ("closes within a chunk", vec![Act::answer(&format!("{chunked}5\r\nab")), Act::Close], Closed),
        ("sends a head without end", vec![Act::answer(ok), Act::Endless("x: y\r\n")], Protocol),
        ("sends a line without end", vec![Act::Endless("HTTP/1.1 200 aaaaaa")], Protocol),
        (
            "sends more than it says",
            vec![Act::answer(&format!("{ok}content-length: 2\r\n\r\nabc"))],
            Protocol,
        ),
        ("sends a monstrous chunk", vec![Act::answer(&format!("{chunked}8000000000000000\r\n"))], Protocol),
        (
            "sends interim answers without end",
            vec![Act::Endless("HTTP/1.1 102 Processing\r\n\r\n")],
            Protocol,
        ),
        ("speaks another protocol", vec![Act::answer("SSH-2.0-OpenSSH_9.9\r\n"), Act::Silence], Protocol),
        ("sends a body without end", vec![Act::answer(&format!("{ok}\r\n")), Act::Endless("body")], Timeout),
        ("sends chunks without end", vec![Act::answer(&chunked), Act::Endless("2\r\nab\r\n")], Timeout),
        ("is slow", vec![Act::Slow(format!("{ok}content-length: 0\r\n\r\n"))], Timeout),
        ("never answers", vec![Act::Silence], Timeout),
    ] {
        let begun = Instant::now();
        let outcome = once(acts, json!({ "timeout": "200ms" })).await;
        assert_eq!(outcome.error, Some(kind), "a server that {name}: {}", message(&outcome));
        assert!(!message(&outcome).is_empty() && outcome.ended_ns > outcome.sent_ns, "{name}");
        assert!(begun.elapsed() < Duration::from_secs(10), "a server that {name} held the worker");
    }
}

#[tokio::test]
async fn nobody_listening_is_an_error_of_connecting() {
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let mut worker = worker(json!({ "url": url }));
    worker.ready().await;
    let outcome = run(&mut worker).await;
    assert_eq!((outcome.error, outcome.connects), (Some(ErrorKind::Connect), 0));
    assert!(message(&outcome).contains("connecting to 127.0.0.1:"), "{}", message(&outcome));
}

#[test]
fn operations_to_one_host_share_a_connection() {
    let url = |url: &str| spec(json!({ "url": url }));
    let http =
        http(vec![url("http://127.0.0.1:81/a"), url("http://127.0.0.1:82/"), url("http://127.0.0.1:81/b")])
            .unwrap();
    assert_eq!(http.plan.operations.iter().map(|one| one.target).collect::<Vec<_>>(), [0, 1, 0]);
}
