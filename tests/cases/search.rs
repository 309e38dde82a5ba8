//! Searches from end to end: the capacity of a target is found, a generator that is the limit is none, and what fails everywhere
//! is refuted.

use std::collections::BTreeMap;

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{list, text, whole};
use fleetmark_tests::restarted::run_across_a_restart;
use serde_json::{Value, json};

/// Four requests at once, 10 ms each: a little less than 400 a second can be served.
const JOB: &str = r#"
name = "capacity"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/"
[load]
model = "open"
rate = 1
workers = 4
duration = "1s"
trials = 5
[fleet]
retries = 2
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "10ms"]
ready = "http://{{target.host}}:{{target.port}}/health"
[search]
vary = "load.rate"
between = [150, 2400]
keep = "read.latency.p95 < 50ms"
resolution = "20%"
[limits]
# Other programs on this machine are no part of what is tested here.
steal = 1.0
send_lag = 1.0
"#;

fn run(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("job.toml", job);
    let words =
        ["run", "job.toml", "--json", "report.json", "--markdown", "report.md", "--junit", "report.xml"];
    let said = scene.run(&words);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

/// What came of each value, by the value.
fn steps(report: &Value) -> Vec<(f64, &str)> {
    let steps = list(&report["search"]["steps"]).iter();
    steps.map(|step| (step["value"].as_f64().unwrap_or(0.0), text(&step["verdict"]))).collect()
}

/// The capacity lies where the figures of the target say, and every value that was tried is stored like a variant.
fn check_capacity(report: &Value) {
    let answer = &report["search"]["answer"];
    let (at_least, below) = (answer["at_least"].as_f64(), answer["below"].as_f64());
    assert!(at_least.is_some_and(|rate| (150.0..424.0).contains(&rate)), "{answer}");
    assert!(below.is_some_and(|rate| (300.0..=600.0).contains(&rate)), "{answer}");
    assert!(at_least < below, "{answer}");
    assert_eq!((&answer["verdict"], &answer["unit"]), (&json!("supported"), &json!("per_s")));
    let steps = steps(report);
    assert!(steps.is_sorted_by(|one, next| one.0 < next.0), "{steps:?}");
    let ends: BTreeMap<u64, &str> = steps.iter().map(|(value, verdict)| (*value as u64, *verdict)).collect();
    assert_eq!((ends[&150], ends[&600]), ("supported", "refuted"), "{steps:?}");
    assert_eq!(list(&report["variants"]).len(), steps.len());
    for variant in list(&report["variants"]) {
        let rate = variant["parameters"]["load.rate"].as_f64().expect("what it tries");
        assert_eq!(text(&variant["name"]), format!("load.rate={rate}"));
        let blocks: Vec<u64> = list(&variant["trials"]).iter().map(|trial| whole(trial, "block")).collect();
        assert!((3..=5).contains(&blocks.len()) && blocks.is_sorted_by(|one, next| one < next), "{blocks:?}");
    }
}

#[test]
fn a_search_finds_the_capacity_of_a_target() {
    let scene = Scene::new();
    let (said, report) = run(&scene, JOB);
    assert_eq!(said.code, 0, "{said:?}");
    check_capacity(&report);
    assert_eq!((&report["claims"], &report["comparisons"]), (&json!([]), &json!([])));
    assert!(report.get("sweeps").is_none(), "which values are tried hangs on what is measured");
    let page = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = text(&report["search"]["answer"]["reason"]);
    assert!(page.contains(&format!("Supported: {reason}.")), "{}", said.out);
    let read = |name: &str| std::fs::read_to_string(scene.path().join(name)).expect("it was written");
    assert!(read("report.md").contains("| load.rate | verdict | trials |"), "{}", read("report.md"));
    let case = "name=\"search over load.rate for read.latency.p95 &lt; 50ms\"/>";
    assert!(read("report.xml").contains(case), "{}", read("report.xml"));
    let again = scene.run(&["verify", "job.toml", "--run", "latest", "--json"]);
    assert_eq!(
        (again.code, &again.json()["search"]),
        (0, &report["search"]),
        "it is decided from what is stored"
    );
}

#[test]
fn a_search_goes_on_where_a_killed_coordinator_left_it() {
    let (said, report) = run_across_a_restart(JOB, "trial 8 ");
    assert_eq!(said.code, 0, "{said:?}");
    check_capacity(&report);
}

#[test]
fn a_lowest_value_that_fails_refutes_the_search() {
    let (said, report) = run(&Scene::new(), &JOB.replace("p95 < 50ms", "p95 < 5ms"));
    assert_eq!(said.code, 1, "{said:?}");
    let answer = &report["search"]["answer"];
    assert_eq!((&answer["at_least"], &answer["below"]), (&json!(null), &json!(150.0)), "{answer}");
    assert!(
        text(&answer["reason"]).contains("fails already at load.rate = 150, the lowest value"),
        "{answer}"
    );
    let verdicts: Vec<&str> = steps(&report).into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!((verdicts.len(), verdicts[0]), (2, "refuted"), "one above it was tried too: {verdicts:?}");
}

/// Any answer within the hour will do, and one load thread cannot send a million a second.
#[test]
fn a_generator_that_is_the_limit_makes_the_search_invalid() {
    let job = JOB
        .replace("workers = 4", "threads = 1\ndrain = \"1s\"")
        .replace("\"10ms\"", "\"5ms\"")
        .replace("between = [150, 2400]", "between = [100, 1000000]")
        .replace("p95 < 50ms", "p50 < 1h")
        .replace("\"20%\"", "1.0")
        .replace("trials = 5", "trials = 1");
    let (said, report) = run(&Scene::new(), &job);
    assert_eq!((said.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{said:?}");
    let answer = &report["search"]["answer"];
    assert!(answer["at_least"].as_f64().is_some_and(|rate| rate >= 100.0), "{answer}");
    assert_eq!((&answer["below"], &answer["verdict"]), (&json!(null), &json!("invalid")), "{answer}");
    assert!(text(&answer["reason"]).contains("so it is not known what the limit is there"), "{answer}");
}

#[test]
fn what_is_wrong_with_a_search_is_told_at_its_place() {
    let scene = Scene::new();
    scene.write("job.toml", &JOB.replace("p95 < 50ms", "p95 is low"));
    let said = scene.run(&["check", "job.toml"]);
    assert_eq!(said.code, 65, "{said:?}");
    assert!(said.errors.contains("search.keep: expected a bound such as"), "{said:?}");
    assert!(said.errors.contains("keep = \"read.latency.p95 is low\""), "{said:?}");
    scene.write("job.toml", JOB);
    let plan = scene.run(&["plan", "job.toml", "--json"]).json();
    assert_eq!((&plan["search"]["vary"], &plan["search"]["looks"]), (&json!("load.rate"), &json!([3, 5])));
    let page = scene.run(&["plan", "job.toml"]).out;
    assert!(page.contains("it searches for the highest load.rate of 17 from 150 to 2400"), "{page}");
}
