//! Finished runs that never ran, as a coordinator would have stored them: short ones of a nightly job.

use std::collections::BTreeMap;

use coordinator::reporting::{Ended, summary};
use coordinator::store::{CachedReport, ResultStore, StoreError, StoredInterval};
use shared::ids::{AgentId, AgentName, IntervalSequence, RunId, TrialIndex, TrialKey};
use shared::job::{Job, Kinds, parse};
use shared::plan::Plan;
use shared::run_figures::{JobShape, RunFigures, VariantFigures};
use shared::run_record::{RunRecord, RunState};
use shared::run_report::{Estimate, HostReport, Verdict};

/// Intervals of each: a short run of one agent. Lists do not read them.
const INTERVALS: u64 = 4;
const INTERVAL_BYTES: usize = 1_500;
const JOB: &str = "name = \"nightly\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"http://127.0.0.1:1/\"\n[[workload.operations]]\nname = \"write\"\nurl = \"http://127.0.0.1:1/\"\n";
const METRICS: [&str; 7] =
    ["latency.mean", "latency.p50", "latency.p90", "latency.p95", "latency.p99", "throughput", "error_ratio"];
/// The first was submitted a minute after this, and each other a minute after the one before.
const BEGAN_MS: u64 = 1_700_000_000_000;
const MINUTE_MS: u64 = 60_000;

/// The runs of one job.
#[derive(Debug)]
pub struct MadeUpRuns {
    job: Job,
}

/// The id of a run by its number, from 1.
pub fn run_id(number: u64) -> RunId {
    RunId::new(BEGAN_MS + number * MINUTE_MS, [number as u8; 10])
}

impl MadeUpRuns {
    /// Runs that can be written.
    #[expect(clippy::new_without_default, reason = "reading a job is not a default")]
    pub fn new() -> Self {
        Self { job: parse(JOB, Kinds::Unchecked).expect("the constant is a job") }
    }

    /// Writes a run with all that is kept of one.
    ///
    /// # Errors
    /// As the store's own.
    pub fn write(&self, store: &mut dyn ResultStore, number: u64) -> Result<(), StoreError> {
        let record = self.record(number);
        store.create_run(&record, &BTreeMap::new())?;
        store.append(
            &(0..INTERVALS).map(|sequence| interval(&record, number, sequence)).collect::<Vec<_>>(),
        )?;
        let finished_at_ms = Some(record.submitted_at_ms + 1);
        let record = RunRecord { state: RunState::Finished, finished_at_ms, ..record };
        let (state, verdict) = (record.state, Verdict::None);
        let summary = summary(&record, &Ended { state, verdict, exit_code: 0, reason: None });
        // Some ten kilobytes, like the report of a short run.
        let report = CachedReport { analysis_version: "1".to_owned(), json: JOB.repeat(60).into_bytes() };
        store.finish_run(&record, &summary, &report)?;
        store.save_figures(&self.figures(&record, number))
    }

    fn record(&self, number: u64) -> RunRecord {
        let plan = Plan::of(&self.job, number);
        let at_ms = BEGAN_MS + number * MINUTE_MS;
        RunRecord {
            tags: BTreeMap::from([("commit".to_owned(), format!("{number:040x}"))]),
            state: RunState::Running,
            ..RunRecord::submitted(run_id(number), self.job.name.clone(), JOB.to_owned(), plan, at_ms)
        }
    }

    fn figures(&self, record: &RunRecord, number: u64) -> RunFigures {
        let estimate = |operation: &str, metric: &str| Estimate {
            metric: format!("{operation}{metric}"),
            unit: "ns".to_owned(),
            agent: None,
            pair: None,
            n: 10,
            mean: Some(5e6 + (number * 7919 % 1_000) as f64),
            ci95: Some([4.9e6, 5.1e6]),
        };
        let of_operation = |operation: &'static str| METRICS.map(|metric| estimate(operation, metric));
        let variant = VariantFigures {
            name: "default".to_owned(),
            shape: JobShape::of(&self.job, 1),
            target_sha256: None,
            command_sha256: None,
            trials_valid: 1,
            trials_planned: 1,
            estimates: ["read.", "write.", ""].into_iter().flat_map(of_operation).collect(),
        };
        let agent = AgentName::new("load-1").expect("the constant is a name");
        RunFigures {
            run: record.id,
            job: record.name.clone(),
            submitted_at_ms: record.submitted_at_ms,
            state: record.state,
            verdict: Verdict::None,
            tags: record.tags.clone(),
            job_sha256: "0".repeat(64),
            analysis_version: "1".to_owned(),
            claimed: Vec::new(),
            margin: 0.05,
            across_machines: false,
            variants: vec![variant],
            hosts: vec![HostReport {
                agent,
                fingerprint: Default::default(),
                labels: Default::default(),
                observer: false,
            }],
            calibration: None,
            calibrated_by: None,
        }
    }
}

fn interval(record: &RunRecord, number: u64, sequence: u64) -> StoredInterval {
    StoredInterval {
        trial: TrialKey { run: record.id, trial: TrialIndex(0), attempt: 0 },
        agent: AgentId::new([7; 16]),
        sequence: IntervalSequence(sequence),
        bytes: (0..INTERVAL_BYTES).map(|place| (place as u64 * (number + sequence) % 251) as u8).collect(),
    }
}
