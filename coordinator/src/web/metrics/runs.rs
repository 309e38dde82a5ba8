//! Runs while they go on, and for five minutes after: operations, errors and latencies, as counters that only grow.

use shared::ids::RunId;

use super::super::Site;
use super::text::Text;
use crate::control::ControlError;
use crate::live::counted::{BOUNDS_NS, CountedOperation};
use crate::live::told::{Names, ToldRun};

/// Tells of every run that was heard of lately.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn read(site: &Site) -> Result<String, ControlError> {
    Ok(written(&site.run_names.told(&site.control, site.ingest.onlookers()).await?))
}

fn written(runs: &[ToldRun]) -> String {
    let operations: Vec<(String, &CountedOperation)> = runs
        .iter()
        .flat_map(|ToldRun { run, names, counted }| {
            counted.operations.iter().map(move |(place, counts)| (labels(*run, names, *place), counts))
        })
        .collect();
    let mut text = Text::of("fleetmark_run_");
    text.begin(
        "operations_total",
        "counter",
        "Operations of a run that were due in a measured window and have ended, errors among them.",
    );
    for (labels, counts) in &operations {
        text.value("operations_total", labels, counts.count() as f64);
    }
    text.begin("errors_total", "counter", "Those of them that ended as an error, by kind.");
    for (labels, counts) in &operations {
        for (kind, errors) in &counts.errors {
            text.value("errors_total", &format!("{labels},kind=\"{kind}\""), *errors as f64);
        }
    }
    let name = "latency_seconds";
    text.begin(name, "histogram", "Latency of the successes among them, counted from when each was due.");
    for (labels, counts) in &operations {
        let mut so_far = 0;
        let bounds = BOUNDS_NS.iter().map(|bound_ns| (*bound_ns as f64 / 1e9).to_string());
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts.buckets) {
            so_far += count;
            text.value(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), so_far as f64);
        }
        text.value(&format!("{name}_sum"), labels, counts.latency_ns as f64 / 1e9);
        text.value(&format!("{name}_count"), labels, so_far as f64);
    }
    text.written()
}

/// Names of jobs and operations are letters, digits, `-` and `_`: none needs escaping.
fn labels(run: RunId, names: &Names, place: u32) -> String {
    format!("run=\"{run}\",name=\"{}\",operation=\"{}\"", names.job, names.operation(place))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::live::counted::CountedRun;

    #[test]
    fn runs_are_written_as_prometheus_reads_them() {
        let mut buckets = [0; BOUNDS_NS.len() + 1];
        (buckets[4], buckets[16]) = (7, 1);
        let errors = BTreeMap::from([("timeout", 2)]);
        let counts = CountedOperation { buckets, latency_ns: 20_000_000_000, errors };
        let counted = CountedRun { operations: BTreeMap::from([(0, counts)]) };
        let names = Names { job: "status".to_owned(), operations: vec!["read".to_owned()] };
        let run = RunId::new(1, [0; 10]);
        let text = written(&[ToldRun { run, names: Arc::new(names), counted }]);
        let labels = format!("run=\"{run}\",name=\"status\",operation=\"read\"");
        for line in [
            "# TYPE fleetmark_run_latency_seconds histogram".to_owned(),
            format!("fleetmark_run_operations_total{{{labels}}} 10"),
            format!("fleetmark_run_errors_total{{{labels},kind=\"timeout\"}} 2"),
            format!("fleetmark_run_latency_seconds_bucket{{{labels},le=\"0.001\"}} 0"),
            format!("fleetmark_run_latency_seconds_bucket{{{labels},le=\"0.0025\"}} 7"),
            format!("fleetmark_run_latency_seconds_bucket{{{labels},le=\"+Inf\"}} 8"),
            format!("fleetmark_run_latency_seconds_sum{{{labels}}} 20"),
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in:\n{text}");
        }
    }
}
