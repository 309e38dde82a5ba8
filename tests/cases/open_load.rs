//! The open model against a server that freezes for a second in every ten: coordinated omission is seen, and named
//! where it cannot be.

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{findings, only_trial, operation};
use serde_json::{Value, json};

/// A target that freezes once within the window of 30 s for every third of it, under the given load.
fn frozen(load: &str) -> Value {
    let scene = Scene::new();
    let job = format!(
        r#"
name = "frozen"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{{{target.host}}}}:{{{{target.port}}}}/"
[load]
{load}
duration = "30s"
[limits]
# Other programs on this machine are no part of what is tested here; what fleetmark itself is late by stays one.
steal = 1.0
foreign_cpu = 1.0
[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "1ms", "--stall", "every=10s,for=1s"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"
"#
    );
    scene.write("job.toml", &job);
    let said = scene.run(&["run", "job.toml", "--quiet", "--json", "report.json"]);
    let report = scene.json("report.json");
    let trial = only_trial(&report);
    assert_eq!((said.code, &trial["valid"]), (0, &json!(true)), "{:#}", trial["findings"]);
    report
}

fn milliseconds(report: &Value, distribution: &str, statistic: &str) -> f64 {
    operation(only_trial(report), "read")[distribution][statistic].as_f64().expect("the sample carries it")
        / 1e6
}

/// Under 500 a second a tenth of all requests are due while the server is frozen; the hundredth slowest waits 0.9 s.
fn check_that_the_freeze_shows(report: &Value) {
    assert_eq!(operation(only_trial(report), "read")["count"], 15_000);
    let [p50, p99, max] =
        ["p50", "p99", "max"].map(|statistic| milliseconds(report, "latency_ns", statistic));
    assert!(p50 < 5.0, "p50 is {p50} ms");
    assert!((850.0..1_000.0).contains(&p99), "p99 is {p99} ms");
    assert!((950.0..1_200.0).contains(&max), "the slowest took {max} ms");
}

#[test]
fn a_freeze_counts_once_for_every_request_that_was_due() {
    let report = frozen("model = \"open\"\nrate = 500\nworkers = 600");
    check_that_the_freeze_shows(&report);
    assert!(milliseconds(&report, "worker_wait_ns", "p99") < 50.0);
}

#[test]
fn with_few_workers_the_same_latency_appears_as_waiting_for_one() {
    let report = frozen("model = \"open\"\nrate = 500\nworkers = 16");
    check_that_the_freeze_shows(&report);
    let wait = milliseconds(&report, "worker_wait_ns", "p99");
    assert!(wait > 800.0, "p99 of waiting for a worker is {wait} ms");
    assert!(!findings(&report, "workers_exhausted").is_empty());
}

#[test]
fn a_closed_model_does_not_see_it_and_says_so() {
    let report = frozen("workers = 1");
    let p99 = milliseconds(&report, "latency_ns", "p99");
    assert!(p99 < 5.0, "p99 is {p99} ms");
    assert!(!findings(&report, "closed_model_blind").is_empty());
}
