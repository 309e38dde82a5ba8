//! Invariant *acked_is_durable*, to the letter: by the kernel's own account an acknowledgement leaves only after an
//! fsync of the database's file has ended that began after the interval had come in and been written.

use std::fs;
use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::trace::{order, under_strace};
use rustix::process::Signal;

/// Several intervals a trial, and several trials.
const LOAD: &str = "workers = 2\nduration = \"2500ms\"\ntrials = 2";
/// What ends the path of sled's file.
const DATABASE: &str = "/store/sled/db";
/// strace slows everything down.
const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn fsync_comes_before_the_acknowledgement() {
    let strace = std::process::Command::new("strace").arg("--version").output();
    assert!(strace.is_ok(), "this test needs strace; tests/run.sh installs it");
    let scene = Scene::new();
    scene.write("job.toml", &job::with_target("traced", LOAD, 1, ""));
    let trace = scene.path().join("trace");
    let under = under_strace(trace.to_str().expect("a temporary folder's path is text"));
    let mut coordinator = Coordinator::start_under(&scene, "store", &under, &["--listen", "127.0.0.1:0"]);
    let pid = coordinator.process.pid();
    let _agent = Agent::start(&scene, &coordinator.url, "one", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url]);
    assert_eq!(said.code, 0, "{said:?}");
    coordinator.process.signal(Signal::TERM);
    coordinator.process.wait(WITHIN);

    let end = format!("{pid} +++ exited with");
    let trace = wait_for("the trace's end", WITHIN, || {
        let trace = fs::read_to_string(&trace).ok()?;
        trace
            .lines()
            .any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(&end))
            .then_some(trace)
    });
    let findings = order::check(&trace, DATABASE);
    println!("{} acknowledgements of {} intervals", findings.acknowledgements, findings.intervals);
    assert!(
        findings.acknowledgements >= 3,
        "too few acknowledgements were seen to prove something: {findings:?}"
    );
    assert_eq!(findings.violations, Vec::<String>::new());
}
