//! The workload against servers of this process: an echo of every kind of stream, and servers that misbehave.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use serde_json::{Value, json};
use shared::ids::Name;
use shared::interval::ErrorKind;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::engine::clock::now_ns;
use crate::policy::Policy;
use crate::workload::{Outcome, Worker};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const SOURCE: &str = r#"
syntax = "proto3";
package echo;
message Note { string text = 1; int32 number = 2; repeated string tags = 3; Kind kind = 4; map<string, int64> counts = 5; }
enum Kind { PLAIN = 0; LOUD = 1; }
service Echo {
  rpc Say(Note) returns (Note);
  rpc Collect(stream Note) returns (Note);
  rpc Repeat(Note) returns (stream Note);
  rpc Chat(stream Note) returns (stream Note);
}
"#;

/// What a server does with a call.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Sends back what comes, and ends with this code.
    Echo(&'static str),
    /// Ends with this code and these words at once.
    End(&'static str, &'static str),
    /// Answers with this HTTP status.
    Http(u16),
    /// Says this where messages are awaited.
    Say(&'static [u8]),
    /// Never answers.
    Silence,
    /// Closes the connection.
    Close,
}

/// A server on this thread's own runtime; returns its URL.
async fn server(act: Act) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    if matches!(act, Act::Close) {
                        return;
                    }
                    tokio::task::spawn_local(serve(act, request.into_body(), respond));
                }
            });
        }
    });
    url
}

fn head(status: u16) -> Response<()> {
    Response::builder().status(status).header("content-type", "application/grpc").body(()).unwrap()
}

fn ending(code: &'static str, words: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    trailers.insert("grpc-message", HeaderValue::from_static(words));
    trailers
}

async fn serve(act: Act, mut body: h2::RecvStream, mut respond: h2::server::SendResponse<Bytes>) {
    match act {
        Act::Echo(code) => {
            let mut stream = respond.send_response(head(200), false).unwrap();
            while let Some(Ok(chunk)) = body.data().await {
                body.flow_control().release_capacity(chunk.len()).unwrap();
                stream.send_data(chunk, false).unwrap();
            }
            stream.send_trailers(ending(code, "")).unwrap();
        }
        Act::End(code, words) => {
            let mut response = head(200);
            response.headers_mut().extend(ending(code, words));
            respond.send_response(response, true).unwrap();
        }
        Act::Http(status) => {
            respond.send_response(head(status), true).unwrap();
        }
        Act::Say(bytes) => {
            let mut stream = respond.send_response(head(200), false).unwrap();
            stream.send_data(Bytes::from_static(bytes), false).unwrap();
            stream.send_trailers(ending("0", "")).unwrap();
        }
        Act::Silence | Act::Close => std::future::pending().await,
    }
}

fn grpc(url: &str, mut settings: Value) -> Result<Grpc, PrepareError> {
    settings["url"] = json!(url);
    if settings.get("proto").is_none() && settings.get("descriptor_set").is_none() {
        settings["proto"] = json!(["protos/echo.proto"]);
    }
    let Value::Object(settings) = settings else { panic!("settings are a table") };
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    assignment.operations = vec![OperationSpec { name: Name::new("call").unwrap(), weight: 1.0, settings }];
    assignment.files.insert("protos/echo.proto".to_owned(), SOURCE.as_bytes().to_vec());
    Grpc::under(&Warden::new(Arc::new(Policy::unrestricted())), &assignment)
}

fn on_a_load_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new()
        .block_on(&runtime, async { tokio::time::timeout(PATIENCE, future).await.expect("it ends in time") })
}

/// What comes of so many calls of one worker.
fn outcomes(act: Act, settings: Value, count: usize) -> Vec<Outcome> {
    on_a_load_thread(async {
        let url = server(act).await;
        let grpc = grpc(&url, settings).unwrap();
        let mut worker = grpc.worker(&grpc.desk(), Seat { worker: 0, seed: 0 });
        worker.ready().await;
        let mut outcomes = Vec::new();
        for _ in 0..count {
            let mut outcome = Outcome::default();
            outcome.clear(now_ns(), true);
            worker.run(OperationIndex(0), &mut outcome).await;
            outcomes.push(outcome);
        }
        outcomes
    })
}

fn failure(act: Act, settings: Value) -> (ErrorKind, String) {
    let sample = outcomes(act, settings, 1).remove(0).sample.expect("it fails");
    (sample.kind, sample.message)
}

#[test]
fn a_unary_call_goes_over_one_channel() {
    let settings = json!({ "method": "echo.Echo/Say", "message": { "text": "hello", "kind": "LOUD", "counts": { "a": 1 } } });
    for outcome in outcomes(Act::Echo("0"), settings, 3) {
        assert_eq!((outcome.error, outcome.connects), (None, 0), "{outcome:?}");
        assert!(outcome.bytes_sent > 12 && outcome.bytes_sent == outcome.bytes_received, "{outcome:?}");
        assert_eq!(outcome.metrics, [], "only streams have messages of their own");
    }
}

#[test]
fn messages_are_filled_in_one_by_one() {
    let settings = json!({
        "method": "echo.Echo/Say", "message": r#"{ "text": "of \"{{worker}}\"", "number": "{{sequence}}", "tags": ["{{random.int(1,1)}}"] }"#,
        "metadata": { "x-number": "{{sequence}}", "x-plain": "a", "trace-bin": "\u{1}" }
    });
    for outcome in outcomes(Act::Echo("0"), settings, 12) {
        assert_eq!(outcome.error, None, "{outcome:?}");
    }
}

#[test]
fn streams_of_every_kind_are_timed_message_by_message() {
    let message = json!({ "text": "n{{sequence}}" });
    for (method, more, messages, timed) in [
        ("Collect", json!({ "messages": 20 }), 20, 0),
        ("Repeat", json!({ "expect": { "messages": 1 } }), 1, 1),
        ("Chat", json!({ "messages": 20, "expect": { "messages": 20 } }), 20, 20),
        ("Chat", json!({ "messages": 20, "in_turn": true, "expect": { "messages": 20 } }), 20, 20),
    ] {
        let mut settings = json!({ "method": format!("echo.Echo/{method}"), "message": message });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let outcome = outcomes(Act::Echo("0"), settings, 1).remove(0);
        assert_eq!(outcome.error, None, "{method}: {outcome:?}");
        assert_eq!(outcome.bytes_received % messages, 0, "{method}: {outcome:?}");
        let took = outcome.metrics.iter().filter(|(place, _)| *place == MESSAGE_LATENCY).count();
        assert_eq!(took, timed, "{method}: {outcome:?}");
    }
}

#[test]
fn a_status_that_was_not_expected_is_told_by_its_word() {
    let say = json!({ "method": "echo.Echo/Say", "timeout": "300ms" });
    for (act, kind, message) in [
        (Act::End("14", "try%20later"), ErrorKind::Status, "UNAVAILABLE: try later"),
        (Act::End("12", ""), ErrorKind::Status, "UNIMPLEMENTED"),
        (Act::Echo("5"), ErrorKind::Status, "NOT_FOUND"),
        (Act::End("4", "too slow"), ErrorKind::Timeout, "DEADLINE_EXCEEDED: too slow"),
        (Act::Silence, ErrorKind::Timeout, "the deadline of 300ms passed: still waiting for the answer"),
        (Act::Http(404), ErrorKind::Protocol, "HTTP status 404: it speaks no gRPC"),
        (Act::End("x", ""), ErrorKind::Protocol, "grpc-status is \"x\""),
        (Act::Say(b"HTTP/1.1"), ErrorKind::Protocol, "no flag of gRPC"),
        (Act::Say(&[0, 0, 0, 0, 9]), ErrorKind::Protocol, "ended within a message"),
        (Act::Close, ErrorKind::Closed, "before any answer"),
    ] {
        let (found, told) = failure(act, say.clone());
        assert!(found == kind && told.contains(message), "{act:?}: {found}: {told}");
    }
    let mut expecting = say;
    expecting["expect"] = json!({ "code": "NOT_FOUND" });
    assert_eq!(outcomes(Act::Echo("5"), expecting.clone(), 1)[0].error, None);
    assert_eq!(failure(Act::Echo("0"), expecting), (ErrorKind::Status, "OK".to_owned()));
}

#[test]
fn a_call_that_cannot_be_made_is_refused_before_anything_runs() {
    let note = |message: Value| json!({ "method": "echo.Echo/Say", "message": message });
    for (settings, key, reason) in [
        (json!({ "method": "Say" }), "method", "write package.Service/Method"),
        (
            json!({ "method": "echo.Other/Say" }),
            "method",
            "there is no service \"echo.Other\"; there are: echo.Echo",
        ),
        (
            json!({ "method": "echo.Echo/Shout" }),
            "method",
            "has no method \"Shout\"; it has: Say, Collect, Repeat, Chat",
        ),
        (note(json!({ "txt": "x" })), "message", "does not fit echo.Note: unrecognized field name 'txt'"),
        (note(json!({ "number": "x" })), "message", "does not fit echo.Note: invalid digit"),
        (note(json!({ "number": { "a": 1 } })), "message", "does not fit echo.Note"),
        (note(json!({ "txt": "{{worker}}" })), "message", "unrecognized field name 'txt'"),
        (note(json!("{ text: }")), "message", "is no JSON"),
        (note(json!("[]")), "message", "must be a table"),
        (json!({ "method": "echo.Echo/Say", "messages": 2 }), "messages", "takes one message"),
        (json!({ "method": "echo.Echo/Repeat", "in_turn": true }), "in_turn", "does not stream both ways"),
        (
            json!({ "method": "echo.Echo/Say", "proto": ["absent.proto"] }),
            "proto",
            "did not come with the job",
        ),
        (
            json!({ "method": "echo.Echo/Say", "metadata": { "grpc-x": "1" } }),
            "metadata",
            "of the protocol itself",
        ),
        (
            json!({ "method": "echo.Echo/Say", "expect": { "code": "FINE" } }),
            "expect",
            "no status code of gRPC",
        ),
        (json!({ "method": "echo.Echo/Say", "tls": {} }), "tls", "https://"),
    ] {
        let refusal = grpc("http://127.0.0.1:1", settings.clone()).unwrap_err().to_string();
        let place = format!("workload.operations.call.{key}: ");
        assert!(refusal.starts_with(&place) && refusal.contains(reason), "{settings}: {refusal}");
    }
}

#[test]
fn a_server_without_reflection_is_told_what_to_give() {
    let refusal = |act| {
        let url = on_a_load_thread_of_its_own(act);
        let mut settings = json!({ "method": "echo.Echo/Say", "proto": [] });
        settings.as_object_mut().unwrap().remove("proto");
        let mut assignment = crate::values::names::tests::assignment(json!({}));
        settings["url"] = json!(url);
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        assignment.operations =
            vec![OperationSpec { name: Name::new("call").unwrap(), weight: 1.0, settings }];
        let warden = Warden::new(Arc::new(Policy::unrestricted()));
        Grpc::under(&warden, &assignment).unwrap_err().to_string()
    };
    let off = refusal(Act::End("12", ""));
    assert!(off.contains("the server has no reflection") && off.contains("descriptor_set"), "{off}");
    let odd = refusal(Act::End("7", "not for you"));
    assert!(odd.contains("reflection failed with PERMISSION_DENIED: not for you"), "{odd}");
}

/// A server for as long as the test's process lives; returns its URL.
fn on_a_load_thread_of_its_own(act: Act) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async move {
            sender.send(server(act).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}
