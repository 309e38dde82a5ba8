//! Ending a run before its time, and following one from elsewhere: what was measured is kept, and nothing is left behind.

use std::time::{Duration, Instant};

use fleetmark_tests::bad_server::{BadServer, ClosedPort, Manner};
use fleetmark_tests::cast::{Agent, Coordinator, START_WITHIN, Said, Scene, wait_for_agents};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{altogether, findings, only_trial, text, whole};
use fleetmark_tests::running::{Running, wait_until_all_are_gone, working_in};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A cancelled run stops its target, which may take 5 s, and collects what was measured.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// The coordinator of a folder stays three seconds for the next command of a script.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// A minute against fleetmark's own target; `more` are further sections.
fn long_job(scene: &Scene, more: &str) {
    scene.write(
        "job.toml",
        &format!(
            "name = \"long\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"http://{{{{target.host}}}}:{{{{target.port}}}}/\"\n[load]\nworkers = 2\nduration = \"60s\"\n[target]\nstart = [\"fleetmark\", \"target\", \"--listen\", \"{{{{target.host}}}}:{{{{target.port}}}}\", \"--latency\", \"1ms\"]\nready = \"tcp://{{{{target.host}}}}:{{{{target.port}}}}\"\n{more}"
        ),
    );
}

/// Waits until something of the run under way is stored; returns how many operations that is. `place` says whom to ask.
fn wait_until_measured(scene: &Scene, place: &[&str]) -> u64 {
    wait_for("something to be measured", START_WITHIN + Duration::from_secs(40), || {
        let shown = scene.run(&[&["show", "latest", "--json"], place].concat());
        let report: Value = serde_json::from_str(&shown.out).ok()?;
        let trial = report["variants"].get(0)?["trials"].get(0)?;
        let count = trial["operations"].as_array()?.last()?["count"].as_u64()?;
        (count > 0).then_some(count)
    })
}

/// The run is over, was cancelled for this reason, does not pass, and keeps what was seen before.
fn check_cancelled(scene: &Scene, place: &[&str], reason: &str, measured: u64) {
    let report = scene.run(&[&["show", "latest", "--json"], place].concat()).json();
    assert_eq!(
        (&report["run"]["state"], &report["run"]["verdict"]),
        (&json!("cancelled"), &json!("invalid"))
    );
    assert!(text(&report["run"]["reason"]).contains(reason), "{:#}", report["run"]);
    let trial = only_trial(&report);
    assert_eq!(trial["valid"], json!(false));
    assert_eq!(findings(&report, "trial_not_run").len(), 1, "{:#}", trial["findings"]);
    let kept = whole(altogether(trial), "count");
    assert!(kept >= measured, "{kept} of at least {measured} operations were kept");
    let runs = scene.run(&[&["runs", "--json"], place].concat()).json();
    assert_eq!(runs[0]["state"], json!("cancelled"));
}

#[test]
fn a_run_cancelled_from_elsewhere_ends_and_keeps_what_was_measured() {
    let scene = Scene::new();
    long_job(&scene, "");
    let run = Running::start(&scene, &["run", "job.toml", "--json", "r.json"]);
    let measured = wait_until_measured(&scene, &[]);
    let watch = Running::start(&scene, &["watch", "latest"]);
    let cancelled = scene.run(&["cancel", "latest"]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    let (said, watched) = (run.end(ENDS_WITHIN), watch.end(ENDS_WITHIN));
    assert_eq!((said.code, watched.code), (130, 130), "{said:?} {watched:?}");
    let report = scene.json("r.json");
    assert_eq!(report["run"]["state"], json!("cancelled"), "the report is still written");
    assert_eq!(report["run"]["exit_code"], json!(130));
    check_cancelled(&scene, &[], "fleetmark cancel", measured);
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn control_c_cancels_the_run_and_leaves_nothing_behind() {
    let scene = Scene::new();
    long_job(&scene, "");
    let run = Running::start(&scene, &["run", "job.toml", "--json", "r.json"]);
    let measured = wait_until_measured(&scene, &[]);
    let family = working_in(&scene);
    assert!(
        family.len() >= 4,
        "the command, its coordinator, its agent and its target work here: {family:?}"
    );
    run.process.signal(Signal::INT);
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 130, "{said:?}");
    assert_eq!(scene.json("r.json")["run"]["state"], json!("cancelled"), "the report is still written");
    check_cancelled(&scene, &[], "interrupted", measured);
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn control_c_twice_leaves_at_once_and_still_leaves_nothing_behind() {
    let scene = Scene::new();
    // A run that cannot be cancelled quickly: its hooks are still run.
    long_job(&scene, "[hooks]\nafter_trial = [{ command = \"sleep 300\", timeout = \"300s\" }]\n");
    let mut run = Running::start(&scene, &["run", "job.toml"]);
    wait_until_measured(&scene, &[]);
    run.process.signal(Signal::INT);
    run.wait_until_it_says("cancelling");
    run.process.signal(Signal::INT);
    let began = Instant::now();
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 130, "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "leaving at once took {:?}", began.elapsed());
    // The run has lost its agents with the command: it ends by itself, and the coordinator after it.
    wait_until_all_are_gone(&scene, Duration::from_secs(90));
}

#[test]
fn control_c_beside_a_fleet_cancels_and_leaves_the_fleet() {
    let scene = Scene::new();
    long_job(&scene, "");
    let mut coordinator = Coordinator::start(&scene, "store");
    let place = ["--coordinator", coordinator.url.as_str()];
    let mut agent = Agent::start(&scene, &coordinator.url, "one", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let run = Running::start(&scene, &[&["run", "job.toml"], &place[..]].concat());
    let measured = wait_until_measured(&scene, &place);
    run.process.signal(Signal::INT);
    assert_eq!(run.end(ENDS_WITHIN).code, 130);
    check_cancelled(&scene, &place, "interrupted", measured);
    assert!(coordinator.process.is_running() && agent.process.is_running());
    let again = scene.run(&[&["run", "job.toml", "--set", "load.duration=500ms"], &place[..]].concat());
    assert_eq!(again.code, 0, "the fleet serves the next run: {again:?}");
}

/// Runs a job of some seconds and watches it from another process; what the two said.
fn run_and_watch(url: &str) -> (Said, Said) {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        &format!(
            "name = \"watched\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{url}\"\n[load]\nduration = \"4s\"\n"
        ),
    );
    let mut run = Running::start(&scene, &["run", "job.toml"]);
    run.wait_until_it_says("started");
    let watch = Running::start(&scene, &["watch", "latest"]);
    (run.end(ENDS_WITHIN), watch.end(ENDS_WITHIN))
}

#[test]
fn whoever_watches_a_run_ends_with_its_code() {
    let good = BadServer::start(Manner::SaysSomethingElse);
    let (run, watch) = run_and_watch(&good.url());
    assert_eq!((run.code, watch.code), (0, 0), "{run:?} {watch:?}");
    assert_eq!(watch.out, run.out, "both see the same result");
    let closed = ClosedPort::hold();
    let (run, watch) = run_and_watch(&format!("http://127.0.0.1:{}/", closed.port));
    assert_eq!((run.code, watch.code), (3, 3), "{run:?} {watch:?}");
}

#[test]
fn progress_is_told_every_five_seconds_and_not_to_the_quiet() {
    /// What a busy machine may add to the five seconds.
    const SLACK: Duration = Duration::from_secs(3);
    let scene = Scene::new();
    long_job(&scene, "");
    let words = ["run", "job.toml", "--set", "load.duration=14s"];
    let quiet = Running::start(&scene, &[&words[..], &["--quiet", "--store", "other"]].concat());
    let mut run = Running::start(&scene, &words);
    run.wait_until_it_says("started");
    let (mut lines, mut last) = (0, Instant::now());
    wait_for("the end of the run", ENDS_WITHIN, || {
        let now = run.errors().lines().filter(|line| line.contains("p99")).count();
        if now > lines {
            (lines, last) = (now, Instant::now());
        }
        assert!(last.elapsed() < Duration::from_secs(5) + SLACK, "nothing was told for {:?}", last.elapsed());
        (!run.process.is_running()).then_some(())
    });
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(lines >= 2, "{said:?}");
    let quiet = quiet.end(ENDS_WITHIN);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.errors.as_str()), (0, "", ""));
}
