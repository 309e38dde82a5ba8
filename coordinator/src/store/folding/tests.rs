//! Facts about folding, over a store on disk.

use std::collections::BTreeMap;
use std::path::Path;

use analysis::assemble::assemble;
use shared::histogram::{EncodedHistogram, Histogram};
use shared::host::Fingerprint;
use shared::ids::{AgentName, IntervalSequence, TrialIndex, VariantIndex};
use shared::interval::{EngineSample, OperationInterval, Phase};
use shared::job::{Kinds, parse};
use shared::plan::{Plan, PlannedTrial, Variant};
use shared::run_record::{AgentPart, RunRecord, TrialRecord};
use shared::run_report::RunReport;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::retention::{Pruning, Retention, prune};
use crate::store::samples::{self, run_id};
use crate::store::sled::SledStore;

const SECONDS: u64 = 30;
const JOB: &str = "name = \"job\"\nworkload = { kind = \"http\" }\nload.duration = \"30s\"\n";

fn agent(number: u8) -> AgentId {
    AgentId::new([number; 16])
}

fn interval(agent_number: u8, second: u64) -> Interval {
    let mut latency: Histogram = Histogram::new();
    for place in 0..200 {
        latency.record(1_000_000 + 7_919 * ((place * (second + 3) * u64::from(agent_number)) % 997));
    }
    let operation = OperationInterval {
        scheduled: 200,
        sent: 200,
        latency: Some(EncodedHistogram::encode(&latency)),
        ..OperationInterval::default()
    };
    Interval {
        trial: TrialKey { run: run_id(1), trial: TrialIndex(0), attempt: 0 },
        agent: agent(agent_number),
        sequence: IntervalSequence(second),
        phase: Phase::Measured,
        start_ns: second * 1_000_000_000,
        duration_ns: 1_000_000_000,
        is_last: second + 1 == SECONDS,
        operations: vec![operation],
        engine: EngineSample { busiest_thread_cpu: Some(0.25), threads: 1, workers: 4, late_ns: 0 },
        host: None,
        fingerprint: None,
        observed: BTreeMap::new(),
        folded: None,
    }
}

fn record(agents: u8) -> RunRecord {
    let part = |number| AgentPart {
        id: agent(number),
        name: AgentName::new(format!("a{number}")).unwrap(),
        labels: BTreeMap::new(),
        fingerprint: Fingerprint::default(),
        clock_offset_us: None,
        clock_error_us: None,
        intervals_reported: Some(SECONDS),
    };
    let trial = TrialRecord {
        trial: TrialIndex(0),
        attempt: 0,
        agents: (1..=agents).map(part).collect(),
        started_at_ms: Some(1),
        agents_planned: None,
        cells: Vec::new(),
        observers: Vec::new(),
        is_complete: true,
        start_skew_us: None,
        start_skew_error_us: None,
        findings: Vec::new(),
    };
    let planned = PlannedTrial {
        index: TrialIndex(0),
        variant: VariantIndex(0),
        block: 0,
        order: 0,
        cells: Vec::new(),
    };
    let variant = Variant { name: "default".to_owned(), parameters: BTreeMap::new() };
    let plan = Plan {
        seed: 1,
        variants: vec![variant],
        trials: vec![planned],
        agents: Some(u32::from(agents)),
        profiled: Vec::new(),
    };
    RunRecord { job_toml: JOB.to_owned(), plan, trials: vec![trial], ..samples::finished_record(1) }
}

/// A finished run of so many agents.
fn finish(store: &mut dyn ResultStore, agents: u8) {
    let record = record(agents);
    store.create_run(&record, &samples::files(1)).unwrap();
    for number in 1..=agents {
        let intervals: Vec<_> = (0..SECONDS).map(|second| interval(number, second)).collect();
        let stored: Vec<_> =
            intervals.iter().map(|interval| stored(interval.trial, interval).unwrap()).collect();
        store.append(&stored).unwrap();
    }
    store.commit().unwrap();
    store.finish_run(&record, &samples::summary(1), &samples::report(1)).unwrap();
}

fn report(store: &dyn ResultStore) -> RunReport {
    let record = store.run(run_id(1)).unwrap().unwrap();
    let job = parse(&record.job_toml, Kinds::Unchecked).unwrap();
    let stored = samples::read_intervals(store, run_id(1)).unwrap();
    let intervals = stored.iter().map(|stored| codec::decode_interval(&stored.bytes).unwrap());
    assemble(&record, &job, intervals, 5).report
}

fn open(directory: &Path) -> SledStore {
    SledStore::open(directory).unwrap()
}

#[test]
fn a_folded_run_is_smaller_and_reports_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    finish(&mut store, 8);
    store.compact().unwrap();
    let (before, size_bytes_before) = (report(&store), store.size_on_disk().unwrap());
    assert!(before.variants[0].trials[0].valid, "{:?}", before.variants[0].trials[0].findings);
    let would_be = fold_run(&mut store, run_id(1), true).unwrap().unwrap();
    assert_eq!(samples::read_intervals(&store, run_id(1)).unwrap().len() as u64, 8 * SECONDS);
    let folded = fold_run(&mut store, run_id(1), false).unwrap().unwrap();
    assert_eq!(folded, would_be);
    assert_eq!((folded.intervals_before, folded.intervals_after), (8 * SECONDS, 8 * SECONDS / 10 + SECONDS));
    assert_eq!(report(&store), before);
    drop(store);
    let mut store = open(directory.path());
    assert_eq!((report(&store), store.check().unwrap().damage), (before, Vec::new()));
    store.compact().unwrap();
    let size_bytes_after = store.size_on_disk().unwrap();
    println!("{folded:?}; on disk {size_bytes_before} bytes before, {size_bytes_after} after");
    assert!(folded.size_bytes_after < folded.size_bytes_before && size_bytes_after < size_bytes_before);
    assert_eq!(fold_run(&mut store, run_id(1), false).unwrap(), None, "what is folded stays as it is");
}

#[test]
fn the_seconds_of_all_agents_are_kept() {
    let mut store = MemoryStore::new();
    finish(&mut store, 3);
    fold_run(&mut store, run_id(1), false).unwrap().unwrap();
    let stored = samples::read_intervals(&store, run_id(1)).unwrap();
    let series: Vec<Interval> = stored
        .iter()
        .filter(|stored| stored.agent == ALL_AGENTS)
        .map(|stored| codec::decode_interval(&stored.bytes).unwrap())
        .collect();
    assert_eq!(series.len() as u64, SECONDS);
    assert!(
        series
            .iter()
            .all(|second| second.operations[0].count() == 600 && second.duration_ns == 1_000_000_000)
    );
}

#[test]
fn the_seconds_of_a_single_agent_stay() {
    let mut store = MemoryStore::new();
    finish(&mut store, 1);
    assert_eq!(fold_run(&mut store, run_id(1), false).unwrap(), None);
}

#[test]
fn intervals_that_do_not_read_stay_as_they_are() {
    let mut store = MemoryStore::new();
    samples::finish(&mut store, 1, 40);
    assert_eq!(fold_run(&mut store, run_id(1), false).unwrap(), None);
    assert_eq!(samples::read_intervals(&store, run_id(1)).unwrap().len(), 40);
}

#[test]
fn pruning_folds_what_it_keeps_and_is_old_enough() {
    let mut store = MemoryStore::new();
    finish(&mut store, 4);
    let young = Pruning { fold_before_ms: Some(1), ..Pruning::default() };
    assert_eq!(prune(&mut store, &young).unwrap().folded, []);
    let old = Pruning { fold_before_ms: Some(2), is_dry_run: true, ..Pruning::default() };
    let would = prune(&mut store, &old).unwrap();
    assert_eq!((would.removed.len(), would.folded.len()), (0, 1));
    let folded = prune(&mut store, &Pruning { is_dry_run: false, ..old.clone() }).unwrap().folded;
    assert_eq!(folded, would.folded);
    let both = Pruning { removal: Some(Retention::default()), ..old };
    let pruned = prune(&mut store, &both).unwrap();
    assert_eq!((pruned.removed.len(), pruned.folded.len()), (1, 0), "what goes is not folded first");
}
