//! The workload driven directly, with programs that keep the protocol and others that break it.

use std::future::Future;

use serde_json::{Map, Value, json};
use shared::interval::ErrorKind;
use shared::job::OperationSpec;
use tokio::task::LocalSet;

use super::*;
use crate::policy::Policy;

/// Far longer than any of these programs takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps the protocol: each operation takes what its input says, in ns.
const HONEST: &str = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "hello":
        print(json.dumps({"type": "ready", "protocol": 1, "operations": ["it", "more"]}), flush=True)
        continue
    results = []
    for operation in message["operations"]:
        result = {"id": operation["id"], "duration_ns": 0, "bytes_sent": 3, "bytes_received": 4}
        if operation["input"] == "broken":
            result |= {"error": "timeout", "message": "the far side was silent"}
        results.append(result)
    print(json.dumps({"type": "done", "results": results}), flush=True)
"#;

/// Says that it is ready, and answers the first operations with a line of its own.
fn answering(line: &str) -> String {
    format!(
        r#"
import sys
sys.stdin.readline()
print('{{"type":"ready","protocol":1,"operations":["it"]}}', flush=True)
sys.stdin.readline()
{line}
sys.stdin.read()
"#
    )
}

fn process(program: &str, input: &str, timeout: &str) -> Process {
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    let Value::Object(settings) = json!({ "command": ["/usr/bin/python3", "-c", program] }) else {
        unreachable!("it is written as a table")
    };
    assignment.settings = settings;
    let mut operation = Map::new();
    operation.insert("input".to_owned(), json!(input));
    operation.insert("timeout".to_owned(), json!(timeout));
    let name = shared::ids::Name::new("it").unwrap();
    assignment.operations = vec![OperationSpec { name, weight: 1.0, settings: operation }];
    Process::under(Warden::new(Arc::new(Policy::unrestricted())), &assignment).unwrap()
}

fn on_a_load_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new()
        .block_on(&runtime, async { tokio::time::timeout(PATIENCE, future).await.expect("it ends in time") })
}

/// What comes of so many operations of one worker.
fn outcomes(program: &str, input: &str, timeout: &str, count: usize) -> Vec<Outcome> {
    let process = process(program, input, timeout);
    on_a_load_thread(async {
        let desk = process.desk();
        let mut worker = process.worker(&desk, Seat { worker: 0, seed: 1 });
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

fn failure(program: &str) -> (ErrorKind, String) {
    let outcome = outcomes(program, "", "5s", 1).remove(0);
    let sample = outcome.sample.expect("it fails");
    (sample.kind, sample.message)
}

#[test]
fn a_program_does_one_operation_after_another() {
    let outcomes = outcomes(HONEST, "", "5s", 50);
    assert!(outcomes.iter().all(|it| it.error.is_none()), "{outcomes:?}");
    for outcome in &outcomes {
        assert_eq!(outcome.sent_ns, outcome.ended_ns, "it took no time, whatever the pipes took");
        assert_eq!((outcome.bytes_sent, outcome.bytes_received), (3, 4));
    }
}

#[test]
fn workers_of_a_thread_share_the_program_and_its_lines() {
    let process = process(HONEST, "", "5s");
    on_a_load_thread(async {
        let desk = process.desk();
        let worker = |number| process.worker(&desk, Seat { worker: number, seed: 1 });
        let mut workers: Vec<_> = (0..20).map(worker).collect();
        let runs = workers.iter_mut().map(|worker| async {
            let mut outcome = Outcome::default();
            worker.run(OperationIndex(0), &mut outcome).await;
            outcome.error
        });
        let errors = futures_util::future::join_all(runs).await;
        assert_eq!(errors, [None; 20]);
    });
}

#[test]
fn an_operation_that_failed_says_how() {
    let outcome = outcomes(HONEST, "broken", "5s", 1).remove(0);
    assert_eq!(outcome.error, Some(ErrorKind::Timeout));
    assert_eq!(outcome.sample.unwrap().message, "the far side was silent");
}

#[test]
fn a_program_that_never_answers_costs_each_operation_its_timeout_and_no_more() {
    let outcomes = outcomes(&answering(""), "", "100ms", 3);
    for outcome in &outcomes {
        assert_eq!(outcome.error, Some(ErrorKind::Timeout));
        assert!(outcome.ended_ns - outcome.sent_ns < 5_000_000_000, "{outcome:?}");
    }
}

#[test]
fn a_program_that_dies_is_told_with_its_last_words() {
    let (kind, message) = failure(&answering("print('no more', file=sys.stderr); sys.exit(3)"));
    assert_eq!(kind, ErrorKind::Closed);
    assert!(message.ends_with("while it was needed: no more"), "{message}");
    let (kind, message) = failure("raise SystemExit('cannot begin')");
    assert_eq!(kind, ErrorKind::Closed);
    assert!(message.ends_with("cannot begin"), "{message}");
}

#[test]
fn whatever_breaks_the_protocol_is_named() {
    let done = |results: &str| {
        answering(&format!("print('{{\"type\":\"done\",\"results\":[{results}]}}', flush=True)"))
    };
    for (program, reason) in [
        (answering("print('Traceback', flush=True)"), "the program wrote \"Traceback\", which is no line"),
        (done("{\"id\":0,\"duration_ns\":-1}"), "it took -1 ns"),
        (done("{\"id\":0,\"duration_ns\":3600000000000}"), "it took 3600000000000 ns"),
        (done("{\"id\":77}"), "operation 77, which it was not asked for"),
        (
            answering("for _ in range(1024):\n    sys.stdout.write('x' * 1048576)"),
            "a line of more than 1048576 bytes",
        ),
        (
            "print('{\"type\":\"ready\",\"protocol\":1,\"operations\":[]}', flush=True); input()".to_owned(),
            "does not know the operation \"it\"",
        ),
    ] {
        let (kind, message) = failure(&program);
        assert_eq!(kind, ErrorKind::Protocol, "{reason}: {message}");
        assert!(message.contains(reason), "{reason}: {message}");
    }
    let twice = outcomes(&done("{\"id\":0},{\"id\":0}"), "", "5s", 2);
    assert_eq!((twice[0].error, twice[1].error), (None, Some(ErrorKind::Protocol)), "{twice:?}");
}

#[test]
fn a_missing_program_is_a_spawn_error() {
    let mut process = process(HONEST, "", "5s");
    let words = vec![crate::values::Rendering::of_bytes(*b"no-such-program")];
    let settings = Arc::get_mut(&mut process.settings).expect("nobody else has it");
    settings.invocation.words = words;
    on_a_load_thread(async {
        let desk = process.desk();
        let mut worker = process.worker(&desk, Seat { worker: 0, seed: 1 });
        let mut outcome = Outcome { wants_sample: true, ..Outcome::default() };
        worker.run(OperationIndex(0), &mut outcome).await;
        assert_eq!(outcome.error, Some(ErrorKind::Spawn), "{outcome:?}");
    });
}

#[test]
fn a_program_ends_with_its_desk() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let mark = format!("open({file:?}, 'w').write(str(__import__('os').getpid()))\n{HONEST}");
    let outcomes = outcomes(&mark, "", "5s", 1);
    assert_eq!(outcomes[0].error, None, "{outcomes:?}");
    let pid = std::fs::read_to_string(file).unwrap();
    let is_gone =
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    let since = std::time::Instant::now();
    while !is_gone() {
        assert!(since.elapsed() < PATIENCE, "it is still there");
        std::thread::yield_now();
    }
}
