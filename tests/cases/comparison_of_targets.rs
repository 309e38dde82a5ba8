//! Whether fleetmark tells what is the same from what is not, on a machine as noisy as this one is: a target against
//! itself, and against one that is 12 % slower. `FLEETMARK_TEST_COMPARISONS` says how often; once when it does not.

use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{list, text, whole};
use serde_json::Value;

/// Where the number of comparisons stands.
const COMPARISONS_VARIABLE: &str = "FLEETMARK_TEST_COMPARISONS";
const BLOCKS: u64 = 10;
/// Thirty trials of three seconds take two minutes.
const ENDS_WITHIN: Duration = Duration::from_secs(300);

const JOB: &str = r#"
name = "targets"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/"
[params]
latency = "5ms"
[load]
workers = 4
duration = "3s"
trials = 10
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "{{latency}}"]
ready = "http://{{target.host}}:{{target.port}}/health"
[[variants]]
name = "first"
[[variants]]
name = "again"
[[variants]]
name = "slower"
set = { "params.latency" = "5600us" }
[[claims]]
metric = "read.latency.p50"
variant = "again"
than = "first"
no_regression = "5%"
[[claims]]
metric = "read.latency.p50"
variant = "slower"
than = "first"
no_regression = "5%"
[limits]
steal = 0.2
aa = true
"#;

/// What a report says of a variant against the first, by the median.
fn says<'a>(report: &'a Value, variant: &str) -> (&'a str, &'a Value) {
    let comparisons = list(&report["comparisons"]).iter();
    let mut of_variant = comparisons
        .filter(|it| it["metric"] == "read.latency.p50" && it["a"] == "first" && it["b"] == variant);
    let comparison = of_variant.next().unwrap_or_else(|| panic!("{variant} is compared with the first"));
    assert_eq!((whole(comparison, "n"), &comparison["primary"]), (BLOCKS, &Value::Bool(true)));
    (text(&comparison["says"]), &comparison["ci95"])
}

#[test]
fn what_is_the_same_and_what_is_slower_are_told_apart() {
    let times = std::env::var(COMPARISONS_VARIABLE).ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    for time in 1..=times {
        let said = scene.run_within(ENDS_WITHIN, &["run", "job.toml", "--json", "report.json"]);
        let report = scene.json("report.json");
        let (again, slower) = (says(&report, "again"), says(&report, "slower"));
        println!("{time} of {times}: again is {} {}, slower is {} {}", again.0, again.1, slower.0, slower.1);
        assert_eq!((again.0, slower.0), ("same", "slower"), "{said:?}");
        assert_eq!(said.code, 1, "the claim that the slower one is no slower is refuted: {said:?}");
    }
}
