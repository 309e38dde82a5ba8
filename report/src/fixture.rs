//! A made-up run for the tests: two agents, two operations, three trials of which the last lost an interval. Rooms: [`claims`],
//! [`search`].

pub(crate) mod claims;
pub(crate) mod search;

use std::collections::BTreeMap;
use std::time::Duration;

use analysis::{Assembled, assemble};
use shared::histogram::{EncodedHistogram, Histogram};
use shared::host::{Fingerprint, HostMetric, HostSample};
use shared::ids::{
    AgentId, AgentName, IntervalSequence, Name, OperationIndex, RunId, TrialIndex, TrialKey, VariantIndex,
};
use shared::interval::{
    EngineSample, ErrorKind, ErrorSample, Interval, MetricInterval, OperationInterval, Phase,
};
use shared::job::{
    FleetNeed, Hooks, Job, Limits, Load, LoadModel, LossPolicy, OperationSpec, Placement, Warmup, Window,
    WorkloadSpec,
};
use shared::metric::{MetricKind, Summary};
use shared::plan::{Plan, PlannedCell, PlannedTrial, Variant};
use shared::run_record::{AgentPart, CellPart, CellPeer, RunRecord, RunState, TrialRecord};

use crate::suite::{SuiteReport, SuiteRun};
use crate::{ExportSource, Exporter};

const TRIALS: u32 = 3;
const AGENTS: u8 = 2;
/// Measured seconds of a trial.
const SECONDS: u64 = 2;
const SECOND_NS: u64 = 1_000_000_000;
const START_MS: u64 = 1_700_000_001_000;

/// The report of the whole run.
pub(crate) fn assembled() -> Assembled {
    assembled_of(&record(TRIALS))
}

/// The report of a run with the trials of a record.
pub(crate) fn assembled_of(record: &RunRecord) -> Assembled {
    let is_begun = |it: &Interval| record.trials.iter().any(|trial| trial.trial == it.trial.trial);
    assemble(record, &job(), intervals().into_iter().filter(is_begun), 0)
}

/// The report of a run of one trial whose reads have phases and metrics, and whose writes have a metric.
pub(crate) fn assembled_with_metrics() -> Assembled {
    assemble(&record(1), &job(), intervals_with_metrics(), 0)
}

/// What an exporter writes of the whole run.
pub(crate) fn exported(exporter: &dyn Exporter) -> Vec<u8> {
    exported_of(exporter, &record(TRIALS), &assembled(), intervals)
}

/// A suite of a run that is invalid, and of a job that could not be run.
pub(crate) fn suite() -> SuiteReport {
    let invalid = SuiteRun { job: "one.toml".to_owned(), exit_code: 3, outcome: Ok(assembled().report) };
    let not_run =
        SuiteRun { job: "two.toml".to_owned(), exit_code: 69, outcome: Err("no agent <came>".to_owned()) };
    SuiteReport { runs: vec![invalid, not_run], exit_code: 69 }
}

/// What an exporter writes of the run with metrics.
pub(crate) fn exported_with_metrics(exporter: &dyn Exporter) -> Vec<u8> {
    exported_of(exporter, &record(1), &assembled_with_metrics(), intervals_with_metrics)
}

/// What somebody makes of all that is stored of the whole run.
pub(crate) fn with_source<T>(make: impl FnOnce(&mut ExportSource<'_>) -> T) -> T {
    let (job, record, assembled) = (job(), record(TRIALS), assembled());
    make(&mut ExportSource {
        assembled: &assembled,
        record: &record,
        job: &job,
        intervals: &mut |visit| intervals().into_iter().try_for_each(visit),
    })
}

pub(crate) fn exported_of(
    exporter: &dyn Exporter,
    record: &RunRecord,
    assembled: &Assembled,
    intervals: fn() -> Vec<Interval>,
) -> Vec<u8> {
    let job = job();
    let mut out = Vec::new();
    let mut source = ExportSource {
        assembled,
        record,
        job: &job,
        intervals: &mut |visit| intervals().into_iter().try_for_each(visit),
    };
    exporter.export(&mut source, &mut out).unwrap();
    out
}

pub(crate) fn record(trials: u32) -> RunRecord {
    let planned = |index| PlannedTrial {
        index: TrialIndex(index),
        variant: VariantIndex(0),
        block: index,
        order: 0,
        cells: Vec::new(),
    };
    let id = RunId::new(1_700_000_000_000, [7; 10]);
    let (name, toml) = ("session-status", "name = \"session-status\"\n");
    let plan = Plan {
        profiled: Vec::new(),
        seed: 42,
        variants: vec![Variant { name: "default".to_owned(), parameters: BTreeMap::new() }],
        trials: (0..trials).map(planned).collect(),
        agents: Some(u32::from(AGENTS)),
    };
    RunRecord {
        tags: BTreeMap::from([("team".to_owned(), "api".to_owned())]),
        state: RunState::Finished,
        started_at_ms: Some(START_MS - 500),
        finished_at_ms: Some(START_MS + 65_000),
        fleetmark_version: "0.1.0".to_owned(),
        trials: (0..trials).map(trial).collect(),
        ..RunRecord::submitted(id, Name::new(name).unwrap(), toml.to_owned(), plan, START_MS - 1_000)
    }
}

/// The same run where each agent measured by itself, or each the other one, and the first trial was observed.
pub(crate) fn apart(in_pairs: bool) -> (RunRecord, Assembled) {
    let mut record = record(TRIALS);
    let peer = |name: &AgentName| {
        let other = if name.as_str() == "load-1" { "load-2" } else { "load-1" };
        in_pairs.then(|| AgentName::new(other).unwrap())
    };
    for (planned, attempt) in record.plan.trials.iter_mut().zip(&mut record.trials) {
        for part in &attempt.agents {
            let peer = peer(&part.name);
            planned.cells.push(PlannedCell { agent: part.name.clone(), peer: peer.clone() });
            let peer = peer.map(|name| CellPeer { id: AgentId::new([9; 16]), name });
            attempt.cells.push(CellPart { agent: part.id, name: part.name.clone(), peer });
        }
    }
    let observer = AgentId::new([7; 16]);
    let part = AgentPart {
        id: observer,
        name: AgentName::new("db-1").unwrap(),
        intervals_reported: Some(1),
        ..record.trials[0].agents[0].clone()
    };
    record.trials[0].observers.push(part);
    let host = HostSample::of([
        (HostMetric::CpuBusy, 0.8),
        (HostMetric::MemoryUsed, 3.0 * 1024.0 * 1024.0 * 1024.0),
    ]);
    let seen = Interval { agent: observer, operations: Vec::new(), host: Some(host), ..interval(0, 1, 0) };
    let assembled = assemble(&record, &job(), intervals().into_iter().chain([seen]), START_MS);
    (record, assembled)
}

fn trial(index: u32) -> TrialRecord {
    let part = |number| AgentPart {
        id: AgentId::new([number; 16]),
        name: AgentName::new(format!("load-{number}")).unwrap(),
        labels: BTreeMap::new(),
        fingerprint: Fingerprint { cpus_online: Some(8), ..Fingerprint::default() },
        clock_offset_us: Some(12.5),
        clock_error_us: Some(40.0),
        intervals_reported: Some(SECONDS),
    };
    TrialRecord {
        trial: TrialIndex(index),
        attempt: 0,
        agents: (1..=AGENTS).map(part).collect(),
        started_at_ms: Some(START_MS + 20_000 * u64::from(index)),
        agents_planned: None,
        cells: Vec::new(),
        observers: Vec::new(),
        is_complete: true,
        start_skew_us: Some(85.0),
        start_skew_error_us: Some(40.0),
        findings: Vec::new(),
    }
}

pub(crate) fn intervals() -> Vec<Interval> {
    let mut intervals = Vec::new();
    for trial in 0..TRIALS {
        for agent in 1..=AGENTS {
            for sequence in 0..SECONDS {
                intervals.push(interval(trial, agent, sequence));
            }
        }
    }
    intervals.pop();
    intervals
}

fn intervals_with_metrics() -> Vec<Interval> {
    let mut intervals = intervals();
    intervals.retain(|interval| interval.trial.trial == TrialIndex(0));
    for interval in &mut intervals {
        let [read, write] = interval.operations.as_mut_slice() else { panic!("it has two operations") };
        let phase = |name: &str, count, ns: u64| {
            (name.to_owned(), encoded((0..count).map(move |step| ns + step * ns / 100)))
        };
        read.measures = [
            phase("connect", 40, 200_000),
            phase("first_byte", 1_500, 800_000),
            phase("body", 1_500, 90_000),
        ]
        .into();
        let hits =
            |count: u32| metric(MetricKind::Ratio, "", (0..count).map(|n| f64::from(u8::from(n % 8 > 0))));
        let took = metric(MetricKind::Histogram, "ns", (0..1_500).map(|n| f64::from(n) * 1_000.0));
        let size = metric(MetricKind::Gauge, "bytes", (0..1_500).map(|n| f64::from(n % 10) * 4_096.0));
        let queue = metric(MetricKind::Gauge, "jobs", [7.0, 3.0].into_iter());
        read.metrics = named([("hit", hits(1_500)), ("took", took), ("size", size)]);
        write.metrics = named([("hit", hits(60)), ("queue", queue)]);
    }
    intervals
}

fn named<const COUNT: usize>(metrics: [(&str, MetricInterval); COUNT]) -> BTreeMap<String, MetricInterval> {
    metrics.into_iter().map(|(name, metric)| (name.to_owned(), metric)).collect()
}

fn metric(kind: MetricKind, unit: &str, values: impl Iterator<Item = f64> + Clone) -> MetricInterval {
    let mut summary = Summary::default();
    assert!(values.clone().all(|value| summary.record(value)));
    let histogram = (kind == MetricKind::Histogram).then(|| encoded(values.map(|value| value as u64)));
    MetricInterval { unit: unit.to_owned(), kind, summary, histogram }
}

fn interval(trial: u32, agent: u8, sequence: u64) -> Interval {
    let slower = u64::from(trial) * 20_000 + u64::from(agent) * 5_000;
    let mut read = operation(0, (0..1_500).map(|step| 900_000 + slower + 700 * step));
    read.errors = BTreeMap::from([(ErrorKind::Timeout, 1), (ErrorKind::Status, 2)]);
    read.error_samples = vec![
        ErrorSample::new(ErrorKind::Timeout, "no whole answer within 10s"),
        ErrorSample::new(ErrorKind::Status, "503 Service Unavailable\u{1b}[31m: upstream\nbusy"),
    ];
    read.failed = Some(encoded([10 * SECOND_NS, 4_000_000, 5_000_000].into_iter()));
    Interval {
        trial: TrialKey { run: RunId::new(1_700_000_000_000, [7; 10]), trial: TrialIndex(trial), attempt: 0 },
        agent: AgentId::new([agent; 16]),
        sequence: IntervalSequence(sequence),
        phase: Phase::Measured,
        start_ns: sequence * SECOND_NS,
        duration_ns: SECOND_NS,
        is_last: sequence + 1 == SECONDS,
        operations: vec![read, operation(1, (0..60).map(|step| 2_000_000 + slower + 150_000 * step))],
        engine: EngineSample {
            busiest_thread_cpu: Some(if agent == 2 { 0.93 } else { 0.41 }),
            threads: 2,
            workers: 16,
            late_ns: 80_000,
        },
        host: Some(HostSample::of([(HostMetric::CpuBusy, 0.5)])),
        fingerprint: None,
        observed: BTreeMap::new(),
        folded: None,
    }
}

fn operation(index: u16, latencies: impl Iterator<Item = u64>) -> OperationInterval {
    let latency = encoded(latencies);
    OperationInterval {
        operation: OperationIndex(index),
        scheduled: latency.count(),
        sent: latency.count(),
        bytes_sent: 90 * latency.count(),
        bytes_received: 410 * latency.count(),
        latency: Some(latency),
        ..OperationInterval::default()
    }
}

fn encoded(values: impl Iterator<Item = u64>) -> EncodedHistogram {
    let mut histogram: Histogram = Histogram::new();
    values.for_each(|value| histogram.record(value));
    EncodedHistogram::encode(&histogram)
}

fn job() -> Job {
    let operation =
        |name| OperationSpec { name: Name::new(name).unwrap(), weight: 1.0, settings: Default::default() };
    Job {
        name: Name::new("session-status").unwrap(),
        description: None,
        tags: BTreeMap::new(),
        workload: WorkloadSpec {
            kind: "http".to_owned(),
            settings: Default::default(),
            operations: ["read", "write"].map(operation).to_vec(),
            is_scenario: false,
            mix: Vec::new(),
        },
        params: BTreeMap::new(),
        data: BTreeMap::new(),
        load: Load {
            arrivals: None,
            model: LoadModel::Closed,
            workers: Some(32),
            warmup: Warmup::For(Duration::ZERO),
            window: Window::For(Duration::from_secs(SECONDS)),
            trials: TRIALS,
            until_settled: false,
            seed: Some(42),
            drain: Duration::from_secs(5),
            threads: None,
            pins_threads: false,
            think: None,
            pace: None,
            connect_rate: None,
            connections_per_worker: 1,
            streams_per_connection: 1,
            new_connection_every: None,
        },
        fleet: FleetNeed {
            placement: Placement::Together,
            agents: Some(u32::from(AGENTS)),
            selector: Default::default(),
            observers: None,
            on_agent_loss: LossPolicy::Fail,
            start_timeout: Duration::from_secs(60),
            retries: 0,
        },
        target: None,
        hooks: Hooks::default(),
        profile: None,
        claims: Vec::new(),
        expect: Default::default(),
        observe: shared::job::Observe::default(),
        limits: Limits::default(),
        files: Vec::new(),
        variants: Vec::new(),
        search: None,
    }
}
