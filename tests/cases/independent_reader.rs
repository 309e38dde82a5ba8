//! An HdrHistogram that others wrote reads what fleetmark exports, and comes to the same figures.

use std::collections::{BTreeMap, BTreeSet};

use fleetmark_tests::cast::Scene;
use fleetmark_tests::java::{Reading, read_histograms, read_log};
use fleetmark_tests::readings::{agents, list, only_trial, text, whole};
use serde_json::Value;

const ITERATIONS: u64 = 10_000;

/// Two operations, two agents, latencies spread over some orders of magnitude, a warm-up that must not be exported.
const JOB: &str = r#"
name = "read-by-others"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
weight = 80
url = "http://{{target.host}}:{{target.port}}/read"
[[workload.operations]]
name = "write"
weight = 20
method = "POST"
url = "http://{{target.host}}:{{target.port}}/write"
[load]
workers = 8
warmup = { iterations = 200 }
iterations = 10000
[fleet]
agents = 2
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "lognormal(1ms,1.0)"]
ready = "http://{{target.host}}:{{target.port}}/health"
"#;

/// A bucket of three digits is at most this share of its values wide.
const BUCKET: f64 = 1.0 / 1024.0;

#[test]
fn java_reads_the_same_histograms_out_of_the_log_and_the_json() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let log = scene.write("run.hlog", &scene.run(&["export", "latest", "--format", "hlog"]).out);
    let exported = scene.run(&["export", "latest", "--format", "json"]).json();
    let ours = operations_by_name(only_trial(&exported));

    let from_log = read_log(&log);
    let from_json = read_histograms(&scene.write("histograms", &encoded(&ours)));
    let tags: BTreeSet<&str> = from_log.keys().map(String::as_str).filter(|name| is_tag(name)).collect();
    assert_eq!(tags, BTreeSet::from(["read@local-1", "read@local-2", "write@local-1", "write@local-2"]));
    assert_eq!(from_log.keys().collect::<Vec<_>>(), from_json.keys().collect::<Vec<_>>());
    assert_eq!(from_log["*"].count, ITERATIONS);
    for (name, theirs) in &from_log {
        // What Java merged out of the agents' intervals is what was merged here, bucket by bucket.
        assert_eq!(theirs.buckets, from_json[name].buckets, "{name}");
        check_figures(name, theirs, &ours[name]);
        check_figures(name, &from_json[name], &ours[name]);
    }
    check_span(&from_log["*"], &scene.json("report.json"));
    assert_eq!(
        only_trial(&scene.json("report.json"))["operations"],
        without_histograms(only_trial(&exported))
    );
}

/// The operations of a trial and of its agents, named as the reader names them: `read@agent`, `read`, `*@agent`, `*`.
fn operations_by_name(trial: &Value) -> BTreeMap<String, Value> {
    let merged = list(&trial["operations"]).iter().map(|operation| (String::new(), operation));
    let by_agents = agents(trial).iter().flat_map(|agent| {
        let suffix = format!("@{}", text(&agent["name"]));
        list(&agent["operations"]).iter().map(move |operation| (suffix.clone(), operation))
    });
    merged
        .chain(by_agents)
        .map(|(suffix, operation)| (format!("{}{suffix}", text(&operation["name"])), operation.clone()))
        .collect()
}

/// The histograms that an export carries, a line each.
fn encoded(operations: &BTreeMap<String, Value>) -> String {
    let histogram = |operation: &Value| text(&operation["latency_histogram"]).to_owned();
    operations.iter().map(|(name, operation)| format!("{name} {}\n", histogram(operation))).collect()
}

fn check_figures(name: &str, theirs: &Reading, ours: &Value) {
    let latency = &ours["latency_ns"];
    assert_eq!(theirs.count, whole(latency, "count"), "{name}");
    assert_eq!(theirs.buckets.values().sum::<u64>(), theirs.count, "{name}");
    for (key, value) in [("p50", theirs.p50), ("p99", theirs.p99), ("max", theirs.max)] {
        let difference = value.abs_diff(whole(latency, key)) as f64;
        assert!(
            difference <= value as f64 * BUCKET,
            "{name}: {key} is {value} there and {} here",
            latency[key]
        );
    }
}

/// The log says when: not before the run started, and not after it ended.
fn check_span(all: &Reading, report: &Value) {
    let at = |key: &str| {
        let at: jiff::Timestamp = text(&report["run"][key]).parse().expect("a time");
        u64::try_from(at.as_millisecond()).expect("a time after 1970")
    };
    let (from, to) = all.span_ms;
    assert!(
        at("started_at") <= from && from < to && to <= at("finished_at"),
        "{:?} in {}",
        all.span_ms,
        report["run"]
    );
}

fn without_histograms(trial: &Value) -> Value {
    let mut operations = trial["operations"].clone();
    for operation in operations.as_array_mut().expect("a list of operations") {
        let keys = operation.as_object_mut().expect("an operation is an object");
        keys.remove("latency_histogram").expect("an export carries histograms");
    }
    operations
}

fn is_tag(name: &str) -> bool {
    name.contains('@') && !name.starts_with('*')
}
