//! What is known of a host while it measures, against others who know it too: the kernel's own counts read by a script, and
//! `stress-ng`, which takes CPU time at a moment of our choosing.

use std::process::Command;
use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::contract::departures;
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::Process;
use fleetmark_tests::readings::{findings, only_trial, text};
use fleetmark_tests::running::Running;
use serde_json::Value;

const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// How often trials with and without a stranger are told apart; a hundred says more than one, and takes as much longer.
const ROUNDS: &str = "FLEETMARK_FOREIGN_ROUNDS";

/// One core of the machine, until dropped.
fn stranger(scene: &Scene) -> Process {
    let mut command = Command::new("stress-ng");
    command.args(["--cpu", "1", "--timeout", "60", "--quiet"]).current_dir(scene.path());
    Process::start("stress-ng, which tests/run.sh installs", &mut command)
}

/// A command that says when the window has begun, then sleeps; one after the other until it ends.
fn marked_job(more: &str, duration: &str) -> String {
    format!(
        "name = \"marked\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\n\
         command = [\"sh\", \"-c\", \"touch begun; sleep 0.05\"]\ncwd = \"{{{{env:SCENE}}}}\"\n[load]\nduration = \"{duration}\"\n{more}\n"
    )
}

fn run(scene: &Scene, meanwhile: impl FnOnce(&Scene)) -> Value {
    let running = Running::start(scene, &["run", "job.toml", "--json", "report.json"]);
    wait_for("the window", ENDS_WITHIN, || scene.path().join("begun").exists().then_some(()));
    meanwhile(scene);
    let said = running.end(ENDS_WITHIN);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    report
}

fn scene_with(job: &str) -> Scene {
    let scene = Scene::new();
    scene.write("job.toml", &job.replace("{{env:SCENE}}", scene.path().to_str().expect("a path of text")));
    scene
}

fn host<'a>(report: &'a Value, metric: &str) -> &'a Value {
    &only_trial(report)["agents"][0]["host"][metric]
}

fn mean(report: &Value, metric: &str) -> f64 {
    host(report, metric)["mean"].as_f64().unwrap_or_else(|| panic!("no {metric} in {report:#}"))
}

fn has(report: &Value, code: &str) -> bool {
    !findings(report, code).is_empty()
}

#[test]
fn a_stranger_in_the_middle_of_a_trial_is_found_and_none_is_not() {
    let rounds: usize = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    for round in 1..=rounds {
        // What else begins or ends on a shared machine in between is a stranger too: that excuses two attempts, not three.
        let is_told = (0..3).any(|_| strangers_are_told_apart());
        assert!(
            is_told,
            "round {round}: a trial without a stranger had one, or one with a stranger had none"
        );
    }
}

/// Plays both; whatever else runs here is foreign to both, so the limit stands above what a first trial saw.
fn strangers_are_told_apart() -> bool {
    let quiet = run(&scene_with(&marked_job("", "4s")), |_| ());
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    // Half of a core's time over the window, less what the count may be off by.
    let limit = mean(&quiet, "foreign_cpu") + 0.2 / cores;
    if limit > 0.8 {
        eprintln!("NOT JUDGED: others take {limit} of the machine already");
        return true;
    }
    let job = marked_job(&format!("[limits]\nforeign_cpu = {limit}"), "8s");
    let alone = run(&scene_with(&job), |_| ());
    let disturbed = run(&scene_with(&job), |scene| {
        let _stranger = stranger(scene);
        std::thread::sleep(Duration::from_secs(7));
    });
    let seen = [&alone, &disturbed].map(|report| (has(report, "foreign_cpu"), mean(report, "foreign_cpu")));
    eprintln!("limit {limit:.3}: alone {:?}, disturbed {:?}", seen[0], seen[1]);
    seen.map(|(is_found, _)| is_found) == [false, true]
}

#[test]
fn cpu_time_agrees_with_an_independent_reading() {
    let scene = scene_with(&marked_job("[limits]\nforeign_cpu = 1.0\nsteal = 1.0", "10s"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/independent/cpu_time.py");
    let mut reader = Command::new("python3");
    reader.args([script, "begun", "10"]).current_dir(scene.path());
    // There before the window and after it: what the two windows differ by at their edges then weighs nothing.
    let _stranger = stranger(&scene);
    let reader = reader.stdout(std::process::Stdio::piped()).spawn().expect("python3 is there");
    let report = run(&scene, |_| ());
    let read = reader.wait_with_output().expect("the script ends");
    let read = String::from_utf8_lossy(&read.stdout).into_owned();
    let shares: Vec<f64> = read.split_whitespace().map(|share| share.parse().expect("a share")).collect();
    let told = [mean(&report, "cpu_busy"), mean(&report, "cpu_steal")];
    eprintln!("read {shares:?}, told {told:?}");
    for (read, told) in shares.iter().zip(told) {
        assert!((read - told).abs() <= 0.01, "read {read}, told {told}");
    }
    let sampler = mean(&report, "sampler_cpu");
    assert!(sampler < 0.05, "reading the host took {sampler} of a core, and this is a debug build");
}

#[test]
fn agents_of_one_host_count_each_other_s_load_as_the_run_s() {
    let scene = Scene::new();
    let load = "workers = 2\nduration = \"3s\"";
    scene.write("job.toml", &job::with_target("neighbours", load, 71_001, "[fleet]\nagents = 2"));
    let said = scene.run(&["run", "job.toml", "--local-agents", "2", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    let agents = only_trial(&report)["agents"].as_array().expect("agents");
    let foreign = |agent: &Value| agent["host"]["foreign_cpu"]["mean"].as_f64().expect("a share");
    let (one, other) = (foreign(&agents[0]), foreign(&agents[1]));
    assert!((one - other).abs() < 0.1, "both see the same strangers: {one} and {other}");
}

#[test]
fn a_report_names_its_hosts_with_every_detail_or_the_reason_why_not() {
    let scene = Scene::new();
    let load = "workers = 1\nduration = \"1s\"\ntrials = 2";
    scene.write("job.toml", &job::with_target("details", load, 71_002, ""));
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    let [host] = report["hosts"].as_array().expect("hosts").as_slice() else { panic!("one host: {said:?}") };
    let fingerprint = host["fingerprint"].as_object().expect("a fingerprint");
    for field in ["cpu_flags", "topology", "frequency_policies", "mitigations", "disks", "network_interfaces"]
    {
        let value = fingerprint.get(field).unwrap_or_else(|| panic!("no {field} in {fingerprint:#?}"));
        assert!(!value.is_null() || !text(&host["fingerprint"]["unreadable"][field]).is_empty(), "{field}");
    }
    assert!(said.out.contains("foreign"), "the page has a line per host: {}", said.out);
}
