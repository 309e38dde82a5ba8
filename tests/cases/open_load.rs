//! The open model against a server that freezes: coordinated omission is seen, and named where it cannot be.

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{findings, only_trial, operation};
use serde_json::Value;

/// A target that freezes for half of every two seconds, under the given load for four.
fn frozen(scene: &Scene, load: &str) -> Value {
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
duration = "4s"
[limits]
# A busy machine may be late; what is tested here is what latency counts.
send_lag = "100%"
generator_cpu = 1.0
[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "1ms", "--stall", "every=2s,for=500ms"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"
"#
    );
    scene.write("job.toml", &job);
    let said = scene.run(&["run", "job.toml", "--quiet", "--json", "report.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    scene.json("report.json")
}

fn milliseconds(report: &Value, distribution: &str, statistic: &str) -> f64 {
    operation(only_trial(report), "read")[distribution][statistic].as_f64().expect("the sample carries it")
        / 1e6
}

#[test]
fn a_freeze_counts_once_for_every_request_that_was_due() {
    let report = frozen(&Scene::new(), "model = \"open\"\nrate = 300\nworkers = 400");
    assert_eq!(operation(only_trial(&report), "read")["count"], 1_200);
    assert!(milliseconds(&report, "latency_ns", "p50") < 100.0);
    let p99 = milliseconds(&report, "latency_ns", "p99");
    assert!((350.0..1_500.0).contains(&p99), "p99 is {p99} ms");
}

#[test]
fn with_few_workers_the_same_latency_appears_as_waiting_for_one() {
    let report = frozen(&Scene::new(), "model = \"open\"\nrate = 300\nworkers = 8");
    assert_eq!(operation(only_trial(&report), "read")["count"], 1_200);
    assert!(milliseconds(&report, "latency_ns", "p99") > 350.0);
    assert!(milliseconds(&report, "worker_wait_ns", "p99") > 300.0);
    assert!(!findings(&report, "workers_exhausted").is_empty());
}

#[test]
fn a_closed_model_does_not_see_it_and_says_so() {
    let report = frozen(&Scene::new(), "workers = 1");
    assert!(milliseconds(&report, "latency_ns", "p99") < 100.0);
    assert!(!findings(&report, "closed_model_blind").is_empty());
}
