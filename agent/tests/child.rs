//! Programs under a guard: real processes, started, stopped, and left alone by an agent that is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleetmark_agent::child::exit::Exit;
use fleetmark_agent::child::hook::{HookError, run_hook};
use fleetmark_agent::child::launch::Launch;
use fleetmark_agent::child::supervised::{OUTPUT_TAIL_BYTES, StartError, Supervised};
use fleetmark_agent::child::target::{Target, TargetError, free_port};
use fleetmark_agent::policy::TargetRules;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Far longer than anything here takes that does not fail.
const PATIENCE: Duration = Duration::from_secs(30);

/// The guard's binary, which cargo builds along with the tests.
fn guard() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("cargo puts tests two folders deep");
    let path = profile.join("examples/guard");
    assert!(path.exists(), "{} is missing: run `cargo build -p fleetmark-agent --examples`", path.display());
    path
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// A shell script in a directory of its own, where it may write process ids.
fn shell_in(directory: &Path, script: &str) -> Vec<String> {
    shell(&format!("cd {} && {script}", directory.display()))
}

/// Whether a process runs; one that awaits being reaped does not.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let looking = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// The process id that a script wrote into a file.
async fn pid_from(file: PathBuf) -> u32 {
    let read = || std::fs::read_to_string(&file).ok()?.trim().parse().ok();
    until("the script wrote its process id", || read().is_some()).await;
    read().expect("it could be read just now")
}

#[tokio::test]
async fn a_program_ends_with_its_own_exit_and_its_output_is_kept() {
    let mut program = Supervised::start(&guard(), &shell("echo out; echo err >&2; exit 3")).await.unwrap();
    assert_eq!(program.wait().await, Exit::Status(3));
    assert_eq!(program.wait().await, Exit::Status(3), "an end may be asked for twice");
    assert_eq!(program.output_tail(), "out\nerr");
    let mut program = Supervised::start(&guard(), &shell("kill -SEGV $$")).await.unwrap();
    assert_eq!(program.wait().await, Exit::Signal(11));
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Supervised::start(&guard(), &["no-such-program".to_owned()]).await.unwrap_err();
    assert!(
        matches!(&error, StartError::Program(_)) && error.to_string().contains("\"no-such-program\""),
        "{error}"
    );
    let error = Supervised::start(&guard(), &[]).await.unwrap_err();
    assert!(matches!(error, StartError::EmptyCommand));
    let error = Supervised::start(Path::new("/nonexistent/fleetmark"), &shell("true")).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/fleetmark"), "{error}");
    let error = Supervised::start(Path::new("/bin/false"), &shell("true")).await.unwrap_err();
    assert!(matches!(error, StartError::NoAnswer { .. }), "{error}");
}

#[tokio::test]
async fn the_first_word_fleetmark_is_our_own_binary() {
    let words = ["fleetmark", "guard", "--", "sh", "-c", "exit 4"].map(str::to_owned);
    let mut program = Supervised::start(&guard(), &words).await.unwrap();
    // The inner guard finds no agent on its stdin, and ends what it started.
    let exit = program.wait().await;
    assert!(exit == Exit::Signal(15) || exit == Exit::Status(4), "{exit}");
}

#[tokio::test]
async fn a_stopped_program_is_asked_to_end_first() {
    let script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done";
    let program = Supervised::start(&guard(), &shell(script)).await.unwrap();
    until("the trap is set", || program.output_tail() == "up").await;
    let started = Instant::now();
    assert_eq!(program.stop().await, Exit::Status(5));
    assert!(started.elapsed() < Duration::from_secs(4), "nothing waits for a program that has ended");
}

#[tokio::test]
async fn a_program_that_ignores_the_request_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; sh -c 'echo $$ > inner; while :; do sleep 1; done'";
    let program = Supervised::start(&guard(), &shell_in(directory.path(), script)).await.unwrap();
    let inner = pid_from(directory.path().join("inner")).await;
    assert_eq!(program.stop().await, Exit::Signal(9));
    assert!(!runs(inner));
}

#[tokio::test]
async fn descendants_that_left_the_group_end_with_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let script = "setsid sh -c 'echo $$ > stray; exec sleep 60' & sleep 60";
    let program = Supervised::start(&guard(), &shell_in(directory.path(), script)).await.unwrap();
    let stray = pid_from(directory.path().join("stray")).await;
    program.stop().await;
    assert!(!runs(stray));
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let script = "(setsid sh -c 'echo $$ > left; exec sleep 60' &) ; while ! test -s left; do sleep 0.01; done; exit 0";
    let mut program = Supervised::start(&guard(), &shell_in(directory.path(), script)).await.unwrap();
    assert_eq!(program.wait().await, Exit::Status(0));
    assert!(!runs(pid_from(directory.path().join("left")).await));
}

#[tokio::test]
async fn a_dropped_handle_stops_its_program() {
    let program = Supervised::start(&guard(), &shell("exec sleep 60")).await.unwrap();
    let pid = program.pid();
    assert!(runs(pid));
    drop(program);
    until("the program is gone", || !runs(pid)).await;
}

#[tokio::test]
async fn nothing_outlives_an_agent_that_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let script = "setsid sh -c 'echo $$ > stray; exec sleep 60' & sleep 60";
    let command = shell_in(directory.path(), script);
    let mut agent = Command::new(guard()).arg("hold").args(command).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(agent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let program: u32 = line.trim().parse().unwrap();
    let stray = pid_from(directory.path().join("stray")).await;
    assert!(runs(program));
    agent.kill().unwrap();
    agent.wait().unwrap();
    until("the program is gone", || !runs(program)).await;
    until("its stray descendant is gone", || !runs(stray)).await;
}

#[tokio::test]
async fn a_killed_guard_takes_its_program_along() {
    let mut program = Supervised::start(&guard(), &shell("exec sleep 60")).await.unwrap();
    let pid = program.pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let guard = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    let guard = rustix::process::Pid::from_raw(guard).unwrap();
    rustix::process::kill_process(guard, rustix::process::Signal::KILL).unwrap();
    assert_eq!(program.wait().await, Exit::Signal(9));
    until("the program is gone", || !runs(pid)).await;
}

#[tokio::test]
async fn a_chatty_program_is_kept_by_its_end_only() {
    let mut program =
        Supervised::start(&guard(), &shell("head -c 1000000 /dev/zero; echo the end")).await.unwrap();
    assert_eq!(program.wait().await, Exit::Status(0));
    let output = program.output_tail();
    assert!(output.ends_with("the end") && output.len() <= OUTPUT_TAIL_BYTES + '…'.len_utf8());
}

#[tokio::test]
async fn a_target_is_there_once_it_answers() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let ready = format!("http://{}/health", listener.local_addr().unwrap()).parse().unwrap();
    let answering = tokio::spawn(async move {
        // Busy at first, then ready: both looks are answered on connections of their own.
        for answer in ["HTTP/1.1 503 Starting\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Closing with the request unread would reset the connection, answer and all.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let target = Target::start(
        &guard(),
        &Launch::default(),
        &shell("exec sleep 60"),
        Some((&ready, &TargetRules::default())),
        PATIENCE,
    )
    .await
    .unwrap();
    answering.await.unwrap();
    let pid = target.pid();
    assert_eq!(target.stop().await, Exit::Signal(15));
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_target_that_ends_before_it_is_ready_fails_at_once() {
    let ready = format!("tcp://127.0.0.1:{}", free_port().unwrap()).parse().unwrap();
    let command = shell("echo no config >&2; exit 78");
    let error = Target::start(
        &guard(),
        &Launch::default(),
        &command,
        Some((&ready, &TargetRules::default())),
        PATIENCE,
    )
    .await
    .unwrap_err();
    assert!(matches!(error, TargetError::EndedEarly { exit: Exit::Status(78), .. }), "{error}");
    assert!(error.to_string().contains("no config"), "{error}");
}

#[tokio::test]
async fn a_target_that_never_answers_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let ready = format!("tcp://127.0.0.1:{}", free_port().unwrap()).parse().unwrap();
    let command = shell_in(directory.path(), "echo $$ > pid; exec sleep 60");
    let within = Duration::from_millis(500);
    let error = Target::start(
        &guard(),
        &Launch::default(),
        &command,
        Some((&ready, &TargetRules::default())),
        within,
    )
    .await
    .unwrap_err();
    assert!(matches!(&error, TargetError::NotReady { last, .. } if last.contains("refused")), "{error}");
    assert!(!runs(pid_from(directory.path().join("pid")).await));
}

#[tokio::test]
async fn hooks_succeed_fail_and_run_out_of_time() {
    run_hook(&guard(), &Launch::default(), &shell("exit 0"), PATIENCE).await.unwrap();
    let error = run_hook(&guard(), &Launch::default(), &shell("echo disk is full; exit 1"), PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "\"sh\" ended with exit status 1; its output: disk is full");
    let directory = tempfile::tempdir().unwrap();
    let command = shell_in(directory.path(), "echo $$ > pid; exec sleep 60");
    let error =
        run_hook(&guard(), &Launch::default(), &command, Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, HookError::Timeout { .. }), "{error}");
    assert!(!runs(pid_from(directory.path().join("pid")).await));
}
