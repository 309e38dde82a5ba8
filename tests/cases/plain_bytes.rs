//! Workloads of plain bytes, from end to end: the examples over TCP and UDP, a server that is gone, and jobs that cannot be.

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{only_trial, operation, text, whole};
use fleetmark_tests::suites::examples;
use serde_json::{Value, json};

/// What is measured beside others on a busy machine is judged by its counts alone.
const LENIENT: [&str; 6] =
    ["--set", "limits.steal=1.0", "--set", "limits.foreign_cpu=1.0", "--set", "limits.send_lag=1.0"];

/// Runs an example of the repository, with further words.
fn run(scene: &Scene, example: &str, words: &[&str]) -> (Said, Value) {
    let path = examples(example);
    let path = path.to_str().expect("the repository's path is text");
    let said = scene.run(&[&["run", path, "--json", "report.json"], &LENIENT[..], words].concat());
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

#[test]
fn lines_come_back_over_tcp() {
    let scene = Scene::new();
    let (said, report) = run(&scene, "tcp.toml", &["--set", "load.duration=1s", "--set", "load.warmup=0s"]);
    assert_eq!(said.code, 0, "{said:?}");
    let echo = operation(only_trial(&report), "echo");
    assert!(whole(echo, "count") > 0 && echo["errors"] == json!({}), "{echo:#}");
    assert_eq!(whole(echo, "bytes_sent"), whole(echo, "bytes_received"), "what was sent came back");
}

#[test]
fn datagrams_come_back_over_udp_and_none_is_lost_on_this_host() {
    let scene = Scene::new();
    let (said, report) = run(&scene, "udp.toml", &["--set", "workload.operations.echo.timeout=10s"]);
    assert_eq!(said.code, 0, "{said:?}");
    let echo = operation(only_trial(&report), "echo");
    let lost = &echo["metrics"]["lost"];
    let count = whole(echo, "count");
    assert!(count > 100, "{echo:#}");
    assert_eq!((&lost["count"], lost["mean"].as_f64()), (&json!(count), Some(0.0)), "{echo:#}");
    assert_eq!(report["claims"][0]["verdict"], json!("supported"), "{:#}", report["claims"]);
}

#[test]
fn a_server_that_refuses_datagrams_is_told_from_one_that_loses_them() {
    let scene = Scene::new();
    // Nobody listens on the discard port.
    let words = ["--set", "workload.operations.echo.url=udp://127.0.0.1:9"];
    let (said, report) = run(&scene, "udp.toml", &words);
    assert_eq!(said.code, 3, "{said:?}");
    let echo = operation(only_trial(&report), "echo");
    assert_eq!(echo["errors"].as_object().expect("errors by kind").keys().collect::<Vec<_>>(), ["connect"]);
    let message = text(&echo["error_samples"][0]["message"]);
    assert!(message.contains("nobody listens at 127.0.0.1:9"), "{message}");
}

#[test]
fn a_key_that_is_no_key_is_refused_when_the_job_is_checked() {
    let scene = Scene::new();
    let job = "name = \"x\"\n[workload]\nkind = \"tcp\"\n[[workload.operations]]\nurl = \"tcp://127.0.0.1:1\"\nawait = { byte = 1 }\n";
    scene.write("job.toml", job);
    let said = scene.run(&["check", "job.toml"]);
    assert_eq!(said.code, 65, "{said:?}");
    assert!(said.errors.contains("bytes"), "the nearest key is named: {said:?}");
}
