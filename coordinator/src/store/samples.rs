//! Runs and intervals for the store's tests.

use std::collections::BTreeMap;

use shared::baseline::{Baseline, BaselineRun};
use shared::ids::{
    AgentId, AgentName, BaselineName, IntervalSequence, Name, RunId, TrialIndex, TrialKey, VariantIndex,
};
use shared::plan::Plan;
use shared::profile::{ProfileOutput, ProfiledTrial};
use shared::run_figures::RunFigures;
use shared::run_record::{AttachedFile, RunRecord, RunState, RunSummary, TrialRecord};
use shared::run_report::Verdict;

use super::manifest::Digest;
use super::{CachedReport, ResultStore, StoredInterval, summary_of};

/// The path of the one file that each sample run has.
pub(crate) const FILE: &str = "data/users.csv";

pub(crate) fn run_id(number: u64) -> RunId {
    RunId::new(number, [number as u8; 10])
}

/// Bytes that do not compress and are the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn file_content(number: u64) -> Vec<u8> {
    noise(number, 20_000)
}

pub(crate) fn files(number: u64) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([(FILE.to_owned(), file_content(number))])
}

pub(crate) fn record(number: u64) -> RunRecord {
    let content = file_content(number);
    let file = AttachedFile { sha256: Digest::of(&content).to_string(), size_bytes: content.len() as u64 };
    let name = Name::new(format!("job-{number}")).unwrap();
    let plan = Plan {
        seed: number,
        variants: Vec::new(),
        trials: Vec::new(),
        agents: Some(2),
        profiled: Vec::new(),
    };
    RunRecord {
        files: BTreeMap::from([(FILE.to_owned(), file)]),
        tags: BTreeMap::from([("number".to_owned(), number.to_string())]),
        state: RunState::Running,
        started_at_ms: Some(number + 1),
        fleetmark_version: "0.1.0".to_owned(),
        ..RunRecord::submitted(run_id(number), name, "name = \"job\"\n".repeat(40), plan, number)
    }
}

pub(crate) fn finished_record(number: u64) -> RunRecord {
    RunRecord { state: RunState::Finished, finished_at_ms: Some(number + 2), ..record(number) }
}

/// The record of a sample run whose profiler wrote something, and where that is stored.
pub(crate) fn profiled(record: RunRecord, content: &[u8]) -> (RunRecord, String) {
    let agent = AgentId::new([7; 16]);
    let trial = TrialRecord {
        trial: TrialIndex(3),
        attempt: 0,
        agents: Vec::new(),
        cells: Vec::new(),
        observers: Vec::new(),
        agents_planned: None,
        started_at_ms: None,
        is_complete: true,
        start_skew_us: None,
        start_skew_error_us: None,
        findings: Vec::new(),
    };
    let file = AttachedFile { sha256: Digest::of(content).to_string(), size_bytes: content.len() as u64 };
    let name = AgentName::new("a1").unwrap();
    let output = ProfileOutput { agent, name, file: Some(file), problem: None };
    let profile = ProfiledTrial { variant: VariantIndex(0), trial, outputs: vec![output] };
    let path = profile.path(agent);
    (RunRecord { profiles: vec![profile], ..record }, path)
}

pub(crate) fn summary(number: u64) -> RunSummary {
    RunSummary { verdict: Verdict::Supported, exit_code: Some(0), ..summary_of(&finished_record(number)) }
}

pub(crate) fn report(number: u64) -> CachedReport {
    let json = format!("{{\"run\":{number},\"text\":\"{}\"}}", "report ".repeat(3_000));
    CachedReport { analysis_version: "1".to_owned(), json: json.into_bytes() }
}

pub(crate) fn figures(number: u64) -> RunFigures {
    RunFigures {
        run: run_id(number),
        job: Name::new(format!("job-{number}")).unwrap(),
        submitted_at_ms: number,
        state: RunState::Finished,
        verdict: Verdict::Supported,
        tags: BTreeMap::from([("commit".to_owned(), format!("{number:040x}"))]),
        job_sha256: Digest::of(b"job").to_string(),
        analysis_version: "1".to_owned(),
        claimed: Vec::new(),
        margin: 0.05,
        across_machines: false,
        variants: Vec::new(),
        hosts: Vec::new(),
        calibration: None,
        calibrated_by: None,
    }
}

pub(crate) fn baseline_name(name: &str) -> BaselineName {
    BaselineName::new(name).unwrap()
}

pub(crate) fn baseline(name: &str, numbers: &[u64]) -> Baseline {
    let run = |number: &u64| BaselineRun {
        added_at_ms: 7,
        added_by: "127.0.0.1".to_owned(),
        figures: figures(*number),
    };
    Baseline { name: baseline_name(name), runs: numbers.iter().map(run).collect() }
}

/// An interval whose size and bytes follow from its place; every tenth needs several chunks.
pub(crate) fn interval(number: u64, sequence: u64) -> StoredInterval {
    let length = if sequence.is_multiple_of(10) { 15_000 } else { 900 };
    StoredInterval {
        trial: TrialKey { run: run_id(number), trial: TrialIndex(sequence as u32 % 3), attempt: 0 },
        agent: AgentId::new([sequence as u8 % 2 + 1; 16]),
        sequence: IntervalSequence(sequence),
        bytes: noise(number << 32 | sequence, length),
    }
}

pub(crate) fn intervals(number: u64, count: u64) -> Vec<StoredInterval> {
    (0..count).map(|sequence| interval(number, sequence)).collect()
}

/// The intervals in the order in which stores show them.
pub(crate) fn sorted(mut intervals: Vec<StoredInterval>) -> Vec<StoredInterval> {
    intervals.sort_by_key(|interval| (interval.trial, interval.agent, interval.sequence));
    intervals
}

pub(crate) fn create(store: &mut dyn ResultStore, number: u64) {
    store.create_run(&record(number), &files(number)).unwrap();
}

pub(crate) fn finish(store: &mut dyn ResultStore, number: u64, interval_count: u64) {
    create(store, number);
    store.append(&intervals(number, interval_count)).unwrap();
    store.commit().unwrap();
    store.finish_run(&finished_record(number), &summary(number), &report(number)).unwrap();
}

pub(crate) fn read_intervals(
    store: &dyn ResultStore,
    run: RunId,
) -> Result<Vec<StoredInterval>, super::StoreError> {
    let mut intervals = Vec::new();
    store.intervals(run, &mut |interval| {
        intervals.push(interval);
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(intervals)
}
