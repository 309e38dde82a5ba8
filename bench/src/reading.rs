//! Figures of a run's report: where they stand in the contract's JSON.

use serde_json::Value;

/// All operations of the first variant's first trial together: what a benchmark with one trial is about.
pub fn altogether(report: &Value) -> &Value {
    let operations = &trial(report)["operations"];
    operations.as_array().and_then(|operations| operations.last()).unwrap_or(&Value::Null)
}

/// A figure of all operations; `None`: it is not there, or the sample cannot carry it.
pub fn figure(report: &Value, path: &str) -> Option<f64> {
    altogether(report).pointer(path)?.as_f64()
}

/// CPU share of the busiest load thread; `None`: it was too short to tell.
pub fn generator_cpu(report: &Value) -> Option<f64> {
    trial(report)["agents"][0]["generator_cpu"].as_f64()
}

/// What makes the trial invalid, in the report's own words.
pub fn doubts(report: &Value) -> Vec<String> {
    let findings = trial(report)["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let invalid = findings.iter().filter(|finding| finding["severity"] == "invalid");
    invalid.filter_map(|finding| finding["message"].as_str()).map(ToOwned::to_owned).collect()
}

fn trial(report: &Value) -> &Value {
    &report["variants"][0]["trials"][0]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_those_of_all_operations() {
        let report = json!({ "variants": [{ "trials": [{
            "operations": [{ "name": "read", "count": 1 }, { "name": "*", "count": 2, "send_lag_ns": { "p99": 5 } }],
            "agents": [{ "generator_cpu": 0.5 }],
            "findings": [{ "severity": "note", "message": "a" }, { "severity": "invalid", "message": "b" }]
        }] }] });
        assert_eq!((figure(&report, "/count"), figure(&report, "/send_lag_ns/p99")), (Some(2.0), Some(5.0)));
        assert_eq!((generator_cpu(&report), doubts(&report)), (Some(0.5), vec!["b".to_owned()]));
        assert_eq!((figure(&json!({}), "/count"), doubts(&json!({})).len()), (None, 0));
    }
}
