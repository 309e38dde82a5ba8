//! The workload against servers of this process, good and bad.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use shared::ids::{Name, OperationIndex};
use shared::interval::ErrorKind;
use shared::job::OperationSpec;

use super::*;
use crate::engine::clock::now_ns;
use crate::policy::Policy;
use crate::workload::{Outcome, Worker};

/// A server that does this with each connection, for as long as the test's process lives.
fn server(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            // A client may go at any time.
            thread::spawn(move || drop(serve(stream)));
        }
    });
    url
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read])?;
    }
}

/// Reads something, says this, and closes.
fn saying(answer: &'static [u8]) -> String {
    server(move |mut stream| {
        stream.read_exact(&mut [0; 1])?;
        stream.write_all(answer)
    })
}

fn tcp(url: &str, settings: Value, new_every: Option<u64>) -> Tcp {
    tcp_of(url, [settings], new_every)
}

fn tcp_of<const N: usize>(url: &str, operations: [Value; N], new_every: Option<u64>) -> Tcp {
    let mut assignment = assignment_of(url, operations);
    assignment.load.new_connection_every = new_every;
    ready(&assignment)
}

fn ready(assignment: &Assignment) -> Tcp {
    Tcp::under(&Warden::new(Arc::new(Policy::unrestricted())), assignment).unwrap()
}

fn assignment_of<const N: usize>(url: &str, operations: [Value; N]) -> Assignment {
    let spec = |mut settings: Value| {
        settings["url"] = json!(url);
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        OperationSpec { name: Name::new("echo").unwrap(), weight: 1.0, settings }
    };
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    assignment.operations = operations.into_iter().map(spec).collect();
    assignment
}

/// What comes of so many operations of one worker.
async fn outcomes(tcp: &Tcp, count: usize) -> Vec<Outcome> {
    outcomes_of(tcp, &vec![0; count]).await
}

/// What comes of these operations of one worker.
async fn outcomes_of(tcp: &Tcp, operations: &[u16]) -> Vec<Outcome> {
    let mut worker = tcp.worker(&tcp.desk(), Seat { worker: 0, seed: 0 });
    let mut outcomes = Vec::new();
    for operation in operations {
        let mut outcome = Outcome::default();
        outcome.clear(now_ns(), true);
        worker.run(OperationIndex(*operation), &mut outcome).await;
        outcomes.push(outcome);
    }
    outcomes
}

async fn failure(url: &str, settings: Value) -> (ErrorKind, String) {
    let sample = outcomes(&tcp(url, settings, None), 1).await.remove(0).sample.expect("it fails");
    (sample.kind, sample.message)
}

#[tokio::test]
async fn an_echo_comes_back_on_one_connection() {
    let url = server(echo);
    let settings = json!({
        "send": "number {{sequence}}\n", "await": { "until": "\n" }, "expect": { "equals": "number {{sequence}}\n" }
    });
    let outcomes = outcomes(&tcp(&url, settings, None), 3).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    assert_eq!(outcomes.iter().map(|outcome| outcome.connects).collect::<Vec<_>>(), [1, 0, 0]);
    assert!(outcomes[0].measures[1].is_some() && outcomes[1].measures[1].is_none(), "connecting is measured");
    assert_eq!((outcomes[0].bytes_sent, outcomes[0].bytes_received), (9, 9));
}

#[tokio::test]
async fn each_operation_may_have_a_connection_of_its_own() {
    let url = server(echo);
    let settings = json!({ "send_hex": "00 01 02 03", "await": { "bytes": 4 } });
    let outcomes = outcomes(&tcp(&url, settings, Some(1)), 3).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none() && outcome.connects == 1), "{outcomes:?}");
}

#[tokio::test]
async fn a_connection_that_was_closed_between_operations_is_opened_anew() {
    let url = saying(b"bye\n");
    let outcomes = outcomes(&tcp(&url, json!({ "send": "x", "await": { "end": true } }), None), 2).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none() && outcome.connects == 1), "{outcomes:?}");
}

#[tokio::test]
async fn a_late_answer_is_never_that_of_the_next_request() {
    // Answers with the byte before the one that it was just sent: on one connection, the second operation would read the first's.
    let url = server(|mut stream| {
        let mut late = [0; 1];
        stream.read_exact(&mut late)?;
        let mut next = [0; 1];
        loop {
            stream.read_exact(&mut next)?;
            stream.write_all(&late)?;
            late = next;
        }
    });
    let settings = json!({ "send": "{{sequence}}", "await": { "bytes": 1 }, "timeout": "50ms" });
    let outcomes = outcomes(&tcp(&url, settings, None), 2).await;
    assert!(outcomes.iter().all(|outcome| outcome.error == Some(ErrorKind::Timeout)), "{outcomes:?}");
    assert!(
        outcomes.iter().all(|outcome| outcome.connects == 1),
        "each has a connection of its own: {outcomes:?}"
    );
}

#[tokio::test]
async fn steps_of_a_scenario_have_one_connection() {
    // Answers every second byte, with the one before it.
    let url = server(|mut stream| {
        let mut pair = [0; 2];
        loop {
            stream.read_exact(&mut pair)?;
            stream.write_all(&pair[..1])?;
        }
    });
    let operations = [
        json!({ "send": "a" }),
        json!({ "send": "b", "await": { "bytes": 1 }, "expect": { "equals": "a" } }),
    ];
    let mut assignment = assignment_of(&url, operations);
    assignment.is_scenario = true;
    let outcomes = outcomes_of(&ready(&assignment), &[0, 1, 0, 1]).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    assert_eq!(outcomes.iter().map(|outcome| outcome.connects).collect::<Vec<_>>(), [1, 0, 0, 0]);
}

#[tokio::test]
async fn what_was_sent_is_told_as_text_and_digits_only_by_their_number() {
    let operations = [json!({ "send": "number {{sequence}}\n" }), json!({ "send_hex": "68 69" })];
    let tcp = tcp_of(&server(echo), operations, None);
    let mut worker = tcp.worker(&tcp.desk(), Seat { worker: 0, seed: 0 });
    let mut told = Vec::new();
    for operation in [0, 1].map(OperationIndex) {
        let mut outcome = Outcome::default();
        outcome.clear(now_ns(), true);
        worker.run(operation, &mut outcome).await;
        told.extend(worker.describe(operation));
    }
    assert_eq!(told, ["number 0\n", "2 bytes, given as hexadecimal digits"]);
}

#[tokio::test]
async fn an_answer_that_nobody_awaits_is_not_taken_for_one_that_is_awaited() {
    let url = server(echo);
    let operations = [
        json!({ "send": "a" }),
        json!({ "send": "b", "await": { "bytes": 1 }, "expect": { "equals": "b" } }),
    ];
    let outcomes = outcomes_of(&tcp_of(&url, operations, None), &[0, 1, 0, 1]).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    assert_eq!(outcomes.iter().map(|outcome| outcome.connects).collect::<Vec<_>>(), [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_server_that_never_stops_sending_holds_nobody() {
    let url = server(|mut stream| {
        loop {
            stream.write_all(&[b'x'; 1 << 16])?;
        }
    });
    // Ends at all: without a bound, reading what came before goes on for as long as the server is the faster one.
    let outcomes = outcomes(&tcp(&url, json!({}), None), 50).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
}

#[tokio::test]
async fn every_bad_server_makes_its_own_kind_of_error() {
    use ErrorKind::{Body, Closed, Connect, Protocol, Timeout};
    let silent = || server(|mut stream| stream.read_to_end(&mut Vec::new()).map(drop));
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("tcp://{}", listener.local_addr().unwrap())
    };
    let line = json!({ "send": "x", "await": { "until": "\n" }, "timeout": "300ms" });
    for (url, settings, kind, reason) in [
        (nobody, line.clone(), Connect, "connecting to 127.0.0.1:"),
        (saying(b""), line.clone(), Closed, "before any answer"),
        (saying(b"half"), line.clone(), Closed, "after 4 bytes of the answer, \"half\""),
        (saying(b"one\ntwo"), line.clone(), Protocol, "3 bytes came after the end of the answer: \"two\""),
        (silent(), line.clone(), Timeout, "no whole answer within 300ms"),
        (
            saying(b"-ERR\n"),
            json!({ "send": "x", "await": { "until": "\n" }, "expect": { "contains": "OK" } }),
            Body,
            "the answer lacks \"OK\": \"-ERR\\n\"",
        ),
    ] {
        let (found, message) = failure(&url, settings).await;
        assert!(found == kind && message.contains(reason), "{reason}: {found}: {message}");
    }
}

#[tokio::test]
async fn what_is_no_digits_is_not_sent() {
    let (kind, message) = failure(&server(echo), json!({ "send_hex": "0{{worker}}0" })).await;
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::Other, "nothing was sent: has an odd number of hexadecimal digits: each byte needs two")
    );
}
