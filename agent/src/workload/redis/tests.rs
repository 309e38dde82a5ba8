//! The redis workload against scripted servers on this host; the real one is asked in the tests of the whole system.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use shared::ids::Name;
use shared::interval::ErrorKind;
use shared::job::{OperationSpec, Warmup, Window};

use super::*;
use crate::policy::Policy;
use crate::workload::{Outcome, Worker};

/// A server that answers each read of at most this many connections with the next of its answers, and then closes.
fn server(answers: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let mut bytes = [0; 4096];
            if stream.read(&mut bytes).unwrap_or(0) == 0 || stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    port
}

fn redis(mut settings: Value, port: u16) -> Result<Redis, PrepareError> {
    if settings.get("url").is_none() {
        settings["url"] = json!(format!("redis://127.0.0.1:{port}"));
    }
    let Value::Object(settings) = settings else { panic!("settings are a table") };
    let load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let operations = vec![OperationSpec { name: Name::new("read").unwrap(), weight: 1.0, settings }];
    Redis::under(&Warden::new(Arc::new(Policy::unrestricted())), &Assignment { operations, ..base })
}

async fn once(answers: &'static [&'static str], settings: Value) -> Outcome {
    outcomes(&redis(settings, server(answers)).unwrap(), 1).await.remove(0)
}

/// What comes of so many operations of one worker.
async fn outcomes(redis: &Redis, count: usize) -> Vec<Outcome> {
    let mut worker = redis.worker(&redis.desk(), Seat { worker: 0, seed: 0 });
    let mut outcomes = Vec::new();
    for _ in 0..count {
        let mut outcome = Outcome::default();
        outcome.clear(crate::engine::clock::now_ns(), true);
        worker.run(OperationIndex(0), &mut outcome).await;
        outcomes.push(outcome);
    }
    outcomes
}

/// A server of a cluster, one connection after the other: answers what it reads, knowing its own port, or closes.
fn node(mut answer: impl FnMut(u16, &str) -> Option<String> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                let answered = answer(port, str::from_utf8(&bytes[..read]).unwrap());
                if answered.is_none_or(|answer| stream.write_all(answer.as_bytes()).is_err()) {
                    break;
                }
            }
        }
    });
    port
}

/// The answer to CLUSTER SLOTS of a cluster whose slots are all on one server.
fn slots(port: u16) -> String {
    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
}

fn cluster(port: u16) -> Redis {
    let url = format!("redis-cluster://127.0.0.1:{port}");
    redis(json!({ "command": ["GET", "a"], "url": url }), port).unwrap()
}

fn message(outcome: &Outcome) -> &str {
    outcome.sample.as_ref().map_or("", |sample| sample.message.as_str())
}

#[tokio::test]
async fn a_value_that_is_there_is_a_hit_and_one_that_is_not_is_none() {
    for (answer, hit) in [("$2\r\nab\r\n", 1.0), ("$-1\r\n", 0.0)] {
        let outcome = once(Box::leak(Box::new([answer])), json!({ "command": ["GET", "a"] })).await;
        assert_eq!((outcome.error, &outcome.metrics), (None, &vec![(0, hit)]), "{}", message(&outcome));
        assert_eq!((outcome.connects, outcome.bytes_received), (1, answer.len() as u64));
    }
    let several =
        once(&["*3\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n"], json!({ "command": ["MGET", "a", "b"] })).await;
    assert_eq!(several.metrics, [(0, 1.0), (0, 0.0)], "no more than were asked for");
}

#[tokio::test]
async fn a_pipeline_ends_with_its_last_reply() {
    let settings = json!({ "commands": [["SET", "a", 1], ["GET", "a"]], "pipeline": 2 });
    let outcome = once(&["+OK\r\n$1\r\n1\r\n+OK\r\n$-1\r\n"], settings).await;
    assert_eq!((outcome.error, outcome.metrics.len()), (None, 2), "{}", message(&outcome));
}

#[tokio::test]
async fn errors_of_the_server_are_told_with_what_to_do() {
    let get = || json!({ "command": ["GET", "a"] });
    for (answer, kind, words) in [
        ("-LOADING Redis is loading the dataset in memory\r\n", ErrorKind::Status, "once it answers PING"),
        ("-NOAUTH Authentication required.\r\n", ErrorKind::Status, "it wants a password"),
        ("-MOVED 1 127.0.0.1:7000\r\n", ErrorKind::Status, "redis-cluster://"),
        ("HTTP/1.1 400 Bad Request\r\n", ErrorKind::Protocol, "which RESP2 does not know"),
        ("+OK\r\n+MORE\r\n", ErrorKind::Protocol, "more came than the commands asked for"),
    ] {
        let outcome = once(Box::leak(Box::new([answer])), get()).await;
        assert_eq!(outcome.error, Some(kind), "{answer}");
        assert!(message(&outcome).contains(words), "{answer}: {}", message(&outcome));
    }
    let outcome = once(&[], get()).await;
    assert_eq!(outcome.error, Some(ErrorKind::Closed), "{}", message(&outcome));
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let redis = redis(json!({ "command": ["GET", "a"], "timeout": "50ms" }), port).unwrap();
    let mut worker = redis.worker(&redis.desk(), Seat { worker: 0, seed: 0 });
    let mut outcome = Outcome::default();
    outcome.clear(crate::engine::clock::now_ns(), true);
    worker.run(OperationIndex(0), &mut outcome).await;
    assert_eq!(outcome.error, Some(ErrorKind::Timeout));
    assert!(message(&outcome).contains("waiting for the first byte"), "{}", message(&outcome));
}

#[tokio::test]
async fn a_cluster_is_asked_anew_when_a_server_is_gone() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut asked = 0;
    let port = node(move |own, request| {
        if !request.contains("SLOTS") {
            return Some("$-1\r\n".to_owned());
        }
        asked += 1;
        Some(slots(if asked == 1 { gone } else { own }))
    });
    let outcomes = outcomes(&cluster(port), 3).await;
    let errors: Vec<_> = outcomes.iter().map(|outcome| outcome.error).collect();
    assert_eq!(errors, [Some(ErrorKind::Connect), None, None], "{outcomes:?}");
}

#[tokio::test]
async fn another_server_is_asked_when_that_of_the_url_is_gone() {
    let mut served = 0;
    let other = node(move |own, request| {
        if request.contains("SLOTS") {
            return Some(slots(own));
        }
        served += 1;
        (served != 2).then(|| "$-1\r\n".to_owned())
    });
    // Answers once, and is gone.
    let first = server(Box::leak(Box::new([&*slots(other).leak()])));
    let outcomes = outcomes(&cluster(first), 5).await;
    let succeeds: Vec<_> = outcomes.iter().map(|outcome| outcome.error.is_none()).collect();
    assert_eq!(succeeds, [true, false, false, true, true], "{outcomes:?}");
}

#[tokio::test]
async fn who_we_are_is_said_before_the_first_command() {
    let settings = |port| {
        let url = format!("redis://:{{{{env:PATH}}}}@127.0.0.1:{port}/3");
        json!({ "command": ["GET", "a"], "url": url })
    };
    for (answers, error) in [
        (&["+OK\r\n+OK\r\n", "$-1\r\n"][..], None),
        (&["-WRONGPASS invalid username-password pair\r\n-NOAUTH x\r\n"][..], Some(ErrorKind::Connect)),
    ] {
        let outcome = once(answers, settings(server(answers))).await;
        assert_eq!(outcome.error, error, "{}", message(&outcome));
        assert!(error.is_none() || message(&outcome).contains("do not fit together"));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    for (settings, words) in [
        (json!({}), "read.command: is missing"),
        (json!({ "command": [] }), "read.command: must be a list"),
        (json!({ "command": ["GET"], "commands": [["GET"]] }), "read.commands: stands beside"),
        (json!({ "command": ["GET"], "pipeline": 0 }), "read.pipeline: must be a whole number"),
        (json!({ "commands": [["A"], ["B"]], "pipeline": 9000 }), "18000 commands at once"),
        (json!({ "command": ["MONITOR"] }), "changes what a connection answers"),
        (json!({ "command": ["GET"], "url": "http://a" }), "read.url: begins with http://"),
        (json!({ "command": ["GET"], "url": "redis://a/x" }), "which is no number"),
        (json!({ "command": ["GET"], "url": "redis-cluster://127.0.0.1/1" }), "only the first"),
        (
            json!({ "commands": [["multi"], ["SET", "a", 1], ["EXEC"]], "url": "redis-cluster://127.0.0.1" }),
            "read.commands: has MULTI, and a cluster's commands go each to the server of its own key",
        ),
        (json!({ "command": ["WATCH", "a"], "url": "redis-cluster://127.0.0.1" }), "read.command: has WATCH"),
        (json!({ "command": ["GET"], "url": "redis://:hunter2@127.0.0.1" }), "{{env:NAME}}"),
        (json!({ "command": ["GET"], "tls": {} }), "read.tls: stands with a URL"),
        (json!({ "command": ["GET"], "colour": 1 }), "read.colour: is not a key"),
    ] {
        let error = redis(settings.clone(), 1).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("hunter2"), "{settings}: {error}");
    }
}
