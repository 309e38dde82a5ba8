//! The worker, driven directly with real programs.

use std::future::Future;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::*;
use crate::policy::Policy;
use crate::workload::OUTCOME_MEASURES_MAX;

/// Far longer than any of these programs takes.
const PATIENCE: Duration = Duration::from_secs(20);

impl CommandWorkload {
    /// Made ready by an agent without a policy.
    fn new(assignment: &Assignment) -> Result<Self, PrepareError> {
        Self::under(Warden::new(Arc::new(Policy::unrestricted())), assignment)
    }
}

fn worker_of(settings: Value) -> CommandWorker {
    let assignment = crate::values::names::tests::assignment(settings);
    CommandWorkload::new(&assignment).unwrap().worker(&(), Seat { worker: 0, seed: 1 })
}

fn on_a_load_thread<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn run_with(worker: &mut CommandWorker) -> Outcome {
    on_a_load_thread(async {
        let mut outcome = Outcome::default();
        outcome.clear(crate::engine::clock::now_ns(), true);
        worker.ready().await;
        worker.run(OperationIndex(0), &mut outcome).await;
        outcome
    })
}

fn run_once(settings: Value) -> Outcome {
    run_with(&mut worker_of(settings))
}

fn message_of(outcome: &Outcome) -> &str {
    &outcome.sample.as_ref().expect("a failure has its sample").message
}

/// Waits until a process is gone, reaped and all.
async fn until_gone(pid: i32) {
    let pid = Pid::from_raw(pid).unwrap();
    let gone = async {
        while test_kill_process(pid).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the process goes away");
}

fn pid_in(file: &std::path::Path) -> Option<i32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[test]
fn a_success_has_its_times_and_its_measures() {
    let outcome = run_once(json!({ "command": "true" }));
    assert_eq!(outcome.error, None);
    assert!(outcome.sent_ns < outcome.ended_ns);
    assert!(outcome.measures[CPU_TIME].is_some());
}

#[test]
fn a_worker_runs_a_program_over_and_over() {
    let mut worker = worker_of(json!({ "command": "true" }));
    for _ in 0..20 {
        assert_eq!(run_with(&mut worker).error, None);
    }
}

#[test]
fn an_unexpected_exit_status_is_an_error_with_the_programs_last_words() {
    let outcome = run_once(json!({ "command": "sh -c 'echo working; echo it broke >&2; exit 3'" }));
    assert_eq!(outcome.error, Some(ErrorKind::Exit));
    assert_eq!(message_of(&outcome), "\"sh\" ended with exit status 3: it broke");
    assert_eq!(*outcome.measures, [None; OUTCOME_MEASURES_MAX], "only successes have measures");
    assert_eq!(run_once(json!({ "command": "false" })).error, Some(ErrorKind::Exit));
}

#[test]
fn an_expected_exit_status_is_a_success() {
    assert_eq!(run_once(json!({ "command": "false", "expect": { "exit": 1 } })).error, None);
    assert_eq!(run_once(json!({ "command": "sh -c 'exit 7'", "expect": { "exit": [0, 7] } })).error, None);
    assert_eq!(run_once(json!({ "command": "true", "expect": { "exit": 1 } })).error, Some(ErrorKind::Exit));
}

#[test]
fn a_death_by_signal_is_told_by_its_name() {
    let outcome = run_once(json!({ "command": "sh -c 'kill -SEGV $$'" }));
    assert_eq!(outcome.error, Some(ErrorKind::Exit));
    assert_eq!(message_of(&outcome), "\"sh\" ended with signal 11 (SIGSEGV)");
}

#[test]
fn a_missing_program_is_a_spawn_error_that_names_it() {
    let outcome = run_once(json!({ "command": "no-such-program --help" }));
    assert_eq!(outcome.error, Some(ErrorKind::Spawn));
    assert_eq!(
        message_of(&outcome),
        "cannot start \"no-such-program\": it was not found in PATH, or lacks its interpreter"
    );
    assert!(outcome.sent_ns <= outcome.ended_ns && outcome.ended_ns > 0);
    let outcome = run_once(json!({ "command": "/etc/passwd" }));
    assert_eq!(outcome.error, Some(ErrorKind::Spawn));
    assert!(message_of(&outcome).contains("\"/etc/passwd\": Permission denied"), "{}", message_of(&outcome));
}

#[test]
fn a_timeout_kills_the_whole_group() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = run_once(json!({
        "command": "sh -c 'sleep 60 & echo $! > grandchild; echo so far >&2; wait'",
        "cwd": directory.path(),
        "timeout": "300ms",
    }));
    assert_eq!(outcome.error, Some(ErrorKind::Timeout));
    assert_eq!(message_of(&outcome), "\"sh\" did not end within 300ms and was killed: so far");
    let took = Duration::from_nanos(outcome.ended_ns - outcome.sent_ns);
    assert!(took >= Duration::from_millis(300) && took < PATIENCE, "{took:?}");
    let grandchild = pid_in(&directory.path().join("grandchild")).unwrap();
    on_a_load_thread(until_gone_or_zombie(grandchild));
}

/// Waits until a process has ended; an orphan's zombie is its new parent's to reap.
async fn until_gone_or_zombie(pid: i32) {
    let has_ended =
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    let ended = async {
        while !has_ended() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the process ends");
}

#[test]
fn what_a_program_leaves_in_the_background_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let outcome =
        run_once(json!({ "command": "sh -c 'sleep 60 & echo $! > left'", "cwd": directory.path() }));
    assert_eq!(outcome.error, None);
    assert!(outcome.ended_ns - outcome.sent_ns < 30_000_000_000, "the background program is not awaited");
    on_a_load_thread(until_gone_or_zombie(pid_in(&directory.path().join("left")).unwrap()));
}

#[test]
fn an_abandoned_operation_takes_its_program_down() {
    let directory = tempfile::tempdir().unwrap();
    let pid_file = directory.path().join("pid");
    let mut worker =
        worker_of(json!({ "command": "sh -c 'echo $$ > pid; exec sleep 60'", "cwd": directory.path() }));
    on_a_load_thread(async {
        let mut outcome = Outcome::default();
        let written = async {
            while pid_in(&pid_file).is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = worker.run(OperationIndex(0), &mut outcome) => panic!("it runs for a minute"),
            () = written => {}
        }
        until_gone(pid_in(&pid_file).unwrap()).await;
    });
}

#[test]
fn a_chatty_program_neither_blocks_nor_fills_memory() {
    let outcome = run_once(json!({ "command": "head -c 8000000 /dev/zero" }));
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.bytes_received, 8_000_000);
    let outcome =
        run_once(json!({ "command": "sh -c 'head -c 3000000 /dev/zero >&2; echo the end >&2; exit 1'" }));
    assert!(message_of(&outcome).ends_with("the end"), "{}", message_of(&outcome));
}

#[test]
fn the_last_words_of_a_program_that_ends_at_once_are_not_lost() {
    let mut worker = worker_of(json!({ "command": "sh -c 'echo why >&2; exit 1'" }));
    for _ in 0..20 {
        assert_eq!(message_of(&run_with(&mut worker)), "\"sh\" ended with exit status 1: why");
    }
}

#[test]
fn stdin_is_given_whole_and_then_ends() {
    let outcome = run_once(json!({ "command": "cat", "stdin": "hello" }));
    assert_eq!((outcome.error, outcome.bytes_sent, outcome.bytes_received), (None, 5, 5));
    let long = "x".repeat(1_000_000);
    let outcome = run_once(json!({ "command": "cat", "stdin": long }));
    assert_eq!((outcome.error, outcome.bytes_sent, outcome.bytes_received), (None, 1_000_000, 1_000_000));
    let outcome = run_once(json!({ "command": "true", "stdin": long }));
    assert_eq!(outcome.error, None, "a program need not read what it is given");
    let outcome = run_once(json!({ "command": "cat" }));
    assert_eq!((outcome.error, outcome.bytes_received), (None, 0));
}

#[test]
fn environment_and_directory_reach_the_program() {
    let outcome = run_once(json!({
        "command": ["sh", "-c", "test \"$GREETING\" = 'a b' && test \"$(pwd -P)\" = /"],
        "env": { "GREETING": "a b" },
        "cwd": "/",
    }));
    assert_eq!(outcome.error, None, "{:?}", outcome.sample);
}

#[test]
fn cpu_time_is_the_programs_own() {
    let outcome = run_once(json!({ "command": "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'" }));
    let cpu_ns = outcome.measures[CPU_TIME].unwrap();
    assert!(cpu_ns > 1_000_000, "{cpu_ns}");
    // One thread cannot use more than the wall time; 20 ms are for the kernel's accounting.
    assert!(cpu_ns <= outcome.ended_ns - outcome.sent_ns + 20_000_000, "{cpu_ns}");
    let idle_ns = run_once(json!({ "command": "sleep 0.2" })).measures[CPU_TIME].unwrap();
    assert!(idle_ns < 100_000_000, "{idle_ns}");
}

#[test]
fn memory_is_the_programs_peak() {
    // tail keeps the whole of a line that never ends.
    let outcome = run_once(json!({ "command": "sh -c 'head -c 64000000 /dev/zero | tail'" }));
    assert_eq!(outcome.error, None, "{:?}", outcome.sample);
    let peak_bytes = outcome.measures[MAX_MEMORY].unwrap();
    assert!(peak_bytes > 50_000_000, "{peak_bytes}");
}

#[test]
fn memory_of_the_agent_is_never_told_as_the_programs() {
    let agent_memory = vec![1_u8; 100_000_000];
    let small = run_once(json!({ "command": "true" }));
    assert_eq!((small.error, small.measures[MAX_MEMORY]), (None, None));
    let large = run_once(json!({ "command": "sh -c 'head -c 200000000 /dev/zero | tail'" }));
    assert!(large.measures[MAX_MEMORY].is_some_and(|bytes| bytes > 150_000_000), "{:?}", large.measures);
    drop(agent_memory);
}

#[test]
fn every_operation_has_values_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = worker_of(json!({
        "command": "sh -c 'echo $0 $NUMBER $(cat) >> seen' \"{{agent}} {{sequence}}\"",
        "env": { "NUMBER": "{{sequence}}" },
        "stdin": "{{worker}}/{{sequence}}",
        "cwd": directory.path(),
    }));
    for _ in 0..3 {
        let outcome = run_with(&mut worker);
        assert_eq!(outcome.error, None, "{:?}", outcome.sample);
    }
    let seen = std::fs::read_to_string(directory.path().join("seen")).unwrap();
    assert_eq!(seen, "a1 0 0 0/0\na1 1 1 0/1\na1 2 2 0/2\n");
}

#[test]
fn a_value_that_no_program_can_be_given_fails_the_operation() {
    let mut assignment = crate::values::names::tests::assignment(json!({ "command": ["echo", "{{word}}"] }));
    let source = shared::job::data::DataSource::Values(vec!["a\0b".to_owned()]);
    let column = shared::job::data::DataColumn { source, order: shared::job::data::DataOrder::Sequential };
    assignment.data.insert("word".to_owned(), column);
    let mut worker = CommandWorkload::new(&assignment).unwrap().worker(&(), Seat { worker: 0, seed: 1 });
    let outcome = run_with(&mut worker);
    assert_eq!(outcome.error, Some(ErrorKind::Other));
    assert!(message_of(&outcome).contains("\"{{word}}\" holds a zero byte"), "{}", message_of(&outcome));
}

#[test]
fn what_came_from_the_environment_is_not_told() {
    // Every process of this test has it, and nothing else can be set here without touching other tests.
    let path = std::env::var("PATH").unwrap();
    let outcome = run_once(json!({ "command": ["sh", "-c", "echo \"$0\" >&2; exit 1", "{{env:PATH}}"] }));
    assert_eq!(outcome.error, Some(ErrorKind::Exit));
    assert_eq!(message_of(&outcome), "\"sh\" ended with exit status 1: {{env:PATH}}", "{path}");
}
