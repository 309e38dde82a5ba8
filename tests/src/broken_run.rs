//! A run against something broken: twenty requests that all fail in one way, soon, and never pass.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cast::{Said, Scene};
use crate::readings::{altogether, findings, list, only_trial, text, whole};

/// How many requests such a run sends.
pub const ITERATIONS: u64 = 20;
/// No broken server may keep a run of so many requests longer.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Most that any process of a run may allocate while a server sends without end: a tenth of what comes.
const DATA_KIBIBYTES_MAX: u32 = 1024 * 1024;

/// Runs the requests against a URL; `more` are further lines of the operation.
///
/// # Panics
/// When the run takes too long.
pub fn run_against(url: &str, more: &str) -> (Said, Value) {
    run_in(&Scene::new(), url, more)
}

/// The same with a bound on memory, beyond which a process ends at once.
///
/// # Panics
/// When the run takes too long.
pub fn run_bounded(url: &str, more: &str) -> (Said, Value) {
    let script = format!("ulimit -d {DATA_KIBIBYTES_MAX} && exec \"$0\" \"$@\"");
    run_in(&Scene::new().bounded_by(&script), url, more)
}

/// The same in a scene that is there already.
///
/// # Panics
/// When the run takes too long.
pub fn run_in(scene: &Scene, url: &str, more: &str) -> (Said, Value) {
    scene.write(
        "job.toml",
        &format!(
            "name = \"broken\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{url}\"\n{more}\n[load]\nworkers = 2\niterations = {ITERATIONS}\n"
        ),
    );
    let began = Instant::now();
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    assert!(began.elapsed() < ENDS_WITHIN, "it took {:?}", began.elapsed());
    (said, scene.json("report.json"))
}

/// All that was sent failed in one way, and the run says so and does not pass. Returns the samples' messages.
///
/// # Panics
/// When it is not so.
pub fn check_all_failed(said: &Said, report: &Value, kind: &str) -> String {
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!((&report["run"]["verdict"], &report["run"]["exit_code"]), (&json!("invalid"), &json!(3)));
    let trial = only_trial(report);
    assert_eq!(trial["valid"], json!(false));
    assert_eq!(findings(report, "all_operations_failed").len(), 1, "{:#}", trial["findings"]);
    let all = altogether(trial);
    assert_eq!(all["errors"], json!({ kind: ITERATIONS }), "{:#}", all["error_samples"]);
    assert_eq!((whole(all, "count"), &all["error_ratio"]), (ITERATIONS, &json!(1.0)));
    assert_eq!(all["latency_ns"]["count"], json!(0));
    for figure in ["min", "mean", "stdev", "p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"] {
        assert_eq!(all["latency_ns"][figure], Value::Null, "{figure}");
    }
    assert_eq!(all["throughput_per_s"], json!(0.0));
    assert_eq!(all["failed_ns"]["count"], json!(ITERATIONS));
    let samples = list(&all["error_samples"]);
    assert!((1..=5).contains(&samples.len()), "{samples:#?}");
    assert!(samples.iter().all(|sample| sample["kind"] == kind), "{samples:#?}");
    let messages: Vec<&str> = samples.iter().map(|sample| text(&sample["message"])).collect();
    assert!(messages.iter().all(|message| !message.is_empty()), "{messages:?}");
    messages.join("\n")
}
