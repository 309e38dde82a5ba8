//! The workload against sockets of this process.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use serde_json::{Value, json};
use shared::ids::Name;
use shared::interval::ErrorKind;
use shared::job::OperationSpec;

use super::*;
use crate::engine::clock::now_ns;
use crate::policy::Policy;
use crate::workload::{Outcome, Worker};

/// A server that is given each datagram and answers with some, for as long as the test's process lives.
fn server(mut answer: impl FnMut(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}", socket.local_addr().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            answer(&socket, &buffer[..length], from);
        }
    });
    url
}

fn say(socket: &UdpSocket, answer: &[u8], to: SocketAddr) {
    socket.send_to(answer, to).expect("it is sent on this host");
}

async fn outcomes(url: &str, settings: Value, count: usize) -> Vec<Outcome> {
    outcomes_of(url, [settings], &vec![0; count]).await
}

/// What comes of these operations of one worker.
async fn outcomes_of<const N: usize>(url: &str, settings: [Value; N], operations: &[u16]) -> Vec<Outcome> {
    let spec = |mut settings: Value| {
        settings["url"] = json!(url);
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        OperationSpec { name: Name::new("ask").unwrap(), weight: 1.0, settings }
    };
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    assignment.operations = settings.into_iter().map(spec).collect();
    let udp = Udp::under(&Warden::new(Arc::new(Policy::unrestricted())), &assignment).unwrap();
    let mut worker = udp.worker(&udp.desk(), Seat { worker: 0, seed: 0 });
    worker.ready().await;
    let mut outcomes = Vec::new();
    for operation in operations {
        let mut outcome = Outcome::default();
        outcome.clear(now_ns(), true);
        worker.run(OperationIndex(*operation), &mut outcome).await;
        outcomes.push(outcome);
    }
    outcomes
}

fn message(outcome: &Outcome) -> &str {
    outcome.sample.as_ref().map_or("", |sample| sample.message.as_str())
}

#[tokio::test]
async fn an_echo_comes_back() {
    let url = server(say);
    let settings = json!({ "send": "n{{sequence}}", "expect": { "equals": "n{{sequence}}" } });
    for outcome in outcomes(&url, settings, 3).await {
        assert_eq!(outcome.error, None, "{}", message(&outcome));
        assert_eq!((outcome.bytes_sent, outcome.bytes_received), (2, 2));
        assert_eq!(outcome.metrics, [(LOST, 0.0)]);
    }
}

#[tokio::test]
async fn what_is_not_answered_is_lost_and_its_late_answer_is_nobodys() {
    // Answers every datagram with what it was sent before: late by one.
    let mut before: Option<(Vec<u8>, SocketAddr)> = None;
    let url = server(move |socket, datagram, from| {
        if let Some((late, to)) = before.replace((datagram.to_vec(), from)) {
            say(socket, &late, to);
        }
    });
    let settings = json!({ "send": "n{{sequence}}", "timeout": "100ms" });
    for outcome in outcomes(&url, settings, 3).await {
        assert_eq!(outcome.error, Some(ErrorKind::Timeout));
        assert_eq!(message(&outcome), "no answer within 100ms");
        assert_eq!((outcome.metrics.as_slice(), outcome.bytes_received), (&[(LOST, 1.0)][..], 0));
    }
}

#[tokio::test]
async fn answers_are_told_from_others_by_what_they_hold() {
    let url = server(|socket, datagram, from| {
        say(socket, b"noise", from);
        say(socket, datagram, from);
        say(socket, datagram, from);
    });
    let settings = json!({ "send": "n{{sequence}};", "await": { "matching": "n{{sequence}};" }, "expect": { "contains": "n{{sequence}}" } });
    let outcomes = outcomes(&url, settings, 50).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    let settings = json!({ "send": "x", "await": { "matching": "absent" }, "timeout": "100ms" });
    let outcome = self::outcomes(&url, settings, 1).await.remove(0);
    assert_eq!(
        message(&outcome),
        "no answer within 100ms: 3 datagrams came that do not hold what await.matching says"
    );
}

#[tokio::test]
async fn nobody_listening_is_an_error_of_connecting() {
    let url = {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        format!("udp://{}", socket.local_addr().unwrap())
    };
    for outcome in outcomes(&url, json!({ "send": "x", "timeout": "5s" }), 3).await {
        assert_eq!(outcome.error, Some(ErrorKind::Connect), "{}", message(&outcome));
        assert!(message(&outcome).contains("nobody listens at 127.0.0.1:"), "{}", message(&outcome));
        assert_eq!(outcome.metrics, [(LOST, 1.0)], "it was not answered, whoever says why");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_awaits_is_not_taken_for_one_that_is_awaited() {
    // Answers the second datagram alone: first with what it was sent before, to whom sent it, which is late.
    let mut before: Option<(Vec<u8>, SocketAddr)> = None;
    let url = server(move |socket, datagram, from| match before.take() {
        None => before = Some((datagram.to_vec(), from)),
        Some((late, to)) => {
            say(socket, &late, to);
            say(socket, datagram, from);
        }
    });
    let settings = [
        json!({ "send": "a", "await": { "datagrams": 0 } }),
        json!({ "send": "b", "expect": { "equals": "b" } }),
    ];
    for outcome in outcomes_of(&url, settings, &[0, 1, 0, 1]).await {
        assert_eq!(outcome.error, None, "{}", message(&outcome));
    }
}

#[tokio::test]
async fn an_operation_that_awaits_nothing_ends_when_it_is_sent() {
    let url = server(|_, _, _| {});
    let outcomes = outcomes(&url, json!({ "send": "x", "await": { "datagrams": 0 } }), 3).await;
    assert!(
        outcomes.iter().all(|outcome| outcome.error.is_none() && outcome.metrics.is_empty()),
        "{outcomes:?}"
    );
}
