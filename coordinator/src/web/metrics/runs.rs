//! Runs while they go on, and for five minutes after: operations, errors and latencies, as counters that only grow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::ids::RunId;

use super::super::Site;
use super::text::Text;
use crate::control::ControlError;
use crate::live::counted::{BOUNDS_NS, CountedOperation, CountedRun, OTHERS};
use crate::reporting::{self, ReportingError};
use crate::store::StoreError;

/// What operations are called together that have no counters of their own.
const OTHERS_NAME: &str = "(others)";

/// What runs and their operations are called, kept as long as they are told of.
#[derive(Debug, Default)]
pub(in crate::web) struct RunNames(Mutex<HashMap<RunId, Arc<Names>>>);

/// What one run and its operations are called.
#[derive(Debug)]
struct Names {
    job: String,
    operations: Vec<String>,
}

/// Tells of every run that was heard of lately.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn read(site: &Site) -> Result<String, ControlError> {
    let counted = site.ingest.onlookers().counted();
    let known = site.run_names.among(&counted);
    let mut told = Vec::with_capacity(counted.len());
    for (run, counts) in counted {
        let names = match known.get(&run) {
            Some(names) => names.clone(),
            None => match names_of(site, run).await {
                Ok(names) => site.run_names.keep(run, names),
                // A run that was removed or is damaged is told of elsewhere.
                Err(ControlError::Reporting(_)) => continue,
                Err(error) => return Err(error),
            },
        };
        told.push((run, names, counts));
    }
    Ok(written(&told))
}

impl RunNames {
    /// Those that are told of; others are forgotten.
    fn among(&self, counted: &[(RunId, CountedRun)]) -> HashMap<RunId, Arc<Names>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|run, _| counted.iter().any(|(counted, _)| counted == run));
        known.clone()
    }

    fn keep(&self, run: RunId, names: Names) -> Arc<Names> {
        let names = Arc::new(names);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, names.clone());
        names
    }
}

async fn names_of(site: &Site, run: RunId) -> Result<Names, ControlError> {
    let stored = move |store: &dyn crate::store::ResultStore| -> Result<_, StoreError> { store.run(run) };
    let record = match site.control.record_if_active(run).await? {
        Some(record) => record,
        None => {
            let stored = site.control.store.read(stored).await?.map_err(ReportingError::Store)?;
            stored.ok_or(ReportingError::UnknownRun(run))?
        }
    };
    let job = reporting::job_of(&record)?;
    let operations = job.workload.operations.iter().map(|operation| operation.name.to_string()).collect();
    Ok(Names { job: record.name.to_string(), operations })
}

fn written(runs: &[(RunId, Arc<Names>, CountedRun)]) -> String {
    let operations: Vec<(String, &CountedOperation)> = runs
        .iter()
        .flat_map(|(run, names, counted)| {
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
    let operation = match place {
        OTHERS => OTHERS_NAME,
        place => names.operations.get(place as usize).map_or(OTHERS_NAME, String::as_str),
    };
    format!("run=\"{run}\",name=\"{}\",operation=\"{operation}\"", names.job)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn runs_are_written_as_prometheus_reads_them() {
        let mut buckets = [0; BOUNDS_NS.len() + 1];
        (buckets[4], buckets[16]) = (7, 1);
        let errors = BTreeMap::from([("timeout", 2)]);
        let counts = CountedOperation { buckets, latency_ns: 20_000_000_000, errors };
        let counted = CountedRun { operations: BTreeMap::from([(0, counts)]) };
        let names = Names { job: "status".to_owned(), operations: vec!["read".to_owned()] };
        let run = RunId::new(1, [0; 10]);
        let text = written(&[(run, Arc::new(names), counted)]);
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
