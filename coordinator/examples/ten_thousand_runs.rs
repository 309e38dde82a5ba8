//! How long lists, histories and comparisons take over many stored runs.
//!
//! `cargo run --release -p fleetmark-coordinator --example ten_thousand_runs`. Option: how many runs. Writing them takes some
//! minutes on a disk that syncs slowly: every run's end is made durable.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use fleetmark_coordinator::figures;
use fleetmark_coordinator::history::{self, HistoryQuestion, RUNS_MAX};
use fleetmark_coordinator::store::sled::SledStore;
use fleetmark_coordinator::store::{CachedReport, ResultStore, StoreHandle, StoredInterval, SummaryFilter};
use shared::ids::{AgentId, AgentName, IntervalSequence, RunId, TrialIndex, TrialKey};
use shared::job::{Job, Kinds, parse};
use shared::plan::Plan;
use shared::run_figures::{JobShape, RunFigures, VariantFigures};
use shared::run_record::{RunRecord, RunState, RunSummary};
use shared::run_report::{Estimate, HostReport, Verdict};

/// Runs when no number is asked for.
const RUNS: u64 = 10_000;
/// Intervals of each: a short run of one agent. Lists do not read them.
const INTERVALS: u64 = 4;
const INTERVAL_BYTES: usize = 1_500;
const JOB: &str = "name = \"nightly\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"http://127.0.0.1:1/\"\n[[workload.operations]]\nname = \"write\"\nurl = \"http://127.0.0.1:1/\"\n";
const METRICS: [&str; 7] =
    ["latency.mean", "latency.p50", "latency.p90", "latency.p95", "latency.p99", "throughput", "error_ratio"];

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(RUNS), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let job = parse(JOB, Kinds::Unchecked)?;
    let mut store = SledStore::open(folder.path())?;
    timed(&format!("write {count} runs"), || {
        (1..=count).try_for_each(|number| write(&mut store, &job, number))
    })?;
    drop(store);
    let store = timed("open the store", || SledStore::open(folder.path()))?;
    let all = SummaryFilter::default();
    let newest = SummaryFilter { limit: Some(1_000), ..SummaryFilter::default() };
    timed("runs: list the newest 1,000, for the first time", || store.summaries(&newest))?;
    timed("runs: list the newest 1,000 again", || store.summaries(&newest))?;
    let listed = timed("runs: list all", || store.summaries(&all))?;
    println!("{} runs are listed", listed.len());
    let runtime = tokio::runtime::Runtime::new()?;
    let store = StoreHandle::start(Box::new(store))?;
    for limit in [1_000, RUNS_MAX] {
        let question = HistoryQuestion { metric: "read.latency.p95".to_owned(), job: None, runs_max: limit };
        let history = timed(&format!("trend: at most {limit} runs"), || {
            runtime.block_on(history::read(&store, question)).map(|history| history.points.len())
        })?;
        println!("{history} values");
    }
    let (first, last) = (run_id(1), run_id(count));
    timed("compare: the figures of two runs", || {
        runtime.block_on(store.write(move |store| {
            [first, last].into_iter().try_for_each(|run| figures::of_run(store, run).map(drop))
        }))
    })??;
    runtime.block_on(store.close());
    Ok(())
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    done
}

fn run_id(number: u64) -> RunId {
    RunId::new(1_700_000_000_000 + number * 60_000, [number as u8; 10])
}

fn write(store: &mut SledStore, job: &Job, number: u64) -> Result<(), Box<dyn Error>> {
    let record = record(job, number);
    store.create_run(&record, &BTreeMap::new())?;
    let trial = TrialKey { run: record.id, trial: TrialIndex(0), attempt: 0 };
    let interval = |sequence| StoredInterval {
        trial,
        agent: AgentId::new([7; 16]),
        sequence: IntervalSequence(sequence),
        bytes: (0..INTERVAL_BYTES).map(|place| (place as u64 * (number + sequence) % 251) as u8).collect(),
    };
    store.append(&(0..INTERVALS).map(interval).collect::<Vec<_>>())?;
    let record =
        RunRecord { state: RunState::Finished, finished_at_ms: Some(record.submitted_at_ms + 1), ..record };
    let summary = RunSummary {
        id: record.id,
        name: record.name.clone(),
        state: record.state,
        verdict: Verdict::None,
        exit_code: Some(0),
        submitted_at_ms: record.submitted_at_ms,
        finished_at_ms: record.finished_at_ms,
        tags: record.tags.clone(),
        trials_complete: 1,
        trials_planned: 1,
        damage: None,
    };
    // Some ten kilobytes, like the report of a short run.
    let report = CachedReport { analysis_version: "1".to_owned(), json: JOB.repeat(60).into_bytes() };
    store.finish_run(&record, &summary, &report)?;
    store.save_figures(&figures_of(job, &record, number))?;
    Ok(())
}

fn record(job: &Job, number: u64) -> RunRecord {
    RunRecord {
        id: run_id(number),
        name: job.name.clone(),
        job_toml: JOB.to_owned(),
        files: BTreeMap::new(),
        tags: BTreeMap::from([("commit".to_owned(), format!("{number:040x}"))]),
        plan: Plan::of(job, number),
        state: RunState::Running,
        reason: None,
        submitted_at_ms: 1_700_000_000_000 + number * 60_000,
        started_at_ms: None,
        finished_at_ms: None,
        fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
        trials: Vec::new(),
        looks: Vec::new(),
        found_no_agents: false,
        was_refused: false,
        bookmark: None,
        priority: 0,
        baselines: BTreeMap::new(),
        reservation: None,
        calibrated_by: None,
    }
}

fn figures_of(job: &Job, record: &RunRecord, number: u64) -> RunFigures {
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
        shape: JobShape::of(job, 1),
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
        hosts: vec![HostReport { agent, fingerprint: Default::default(), observer: false }],
        calibration: None,
        calibrated_by: None,
    }
}
