//! A made-up run: its job, its record and its intervals.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::histogram::{EncodedHistogram, Histogram};
use shared::host::Fingerprint;
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
use shared::plan::{Plan, PlannedTrial, Variant};
use shared::run_record::{AgentPart, RunRecord, RunState, TrialRecord};

pub(in crate::assemble) const SECOND_NS: u64 = 1_000_000_000;
pub(in crate::assemble) const NOW_MS: u64 = 1_700_000_060_000;

pub(in crate::assemble) fn job(operations: &[&str], seconds: u64) -> Job {
    let operation = |name: &&str| OperationSpec {
        name: Name::new(*name).unwrap(),
        weight: 1.0,
        settings: Default::default(),
    };
    Job {
        name: Name::new("session").unwrap(),
        description: None,
        tags: BTreeMap::new(),
        workload: WorkloadSpec {
            kind: "http".to_owned(),
            settings: Default::default(),
            operations: operations.iter().map(operation).collect(),
            is_scenario: false,
            mix: Vec::new(),
        },
        params: BTreeMap::new(),
        data: BTreeMap::new(),
        load: Load {
            arrivals: None,
            model: LoadModel::Closed,
            workers: None,
            warmup: Warmup::For(Duration::ZERO),
            window: Window::For(Duration::from_secs(seconds)),
            trials: 1,
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
            agents: None,
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
        limits: Limits::default(),
        observe: shared::job::Observe::default(),
        files: Vec::new(),
        variants: Vec::new(),
        search: None,
    }
}

pub(in crate::assemble) fn agent_id(number: usize) -> AgentId {
    AgentId::new([number as u8 + 1; 16])
}

pub(in crate::assemble) fn run_id() -> RunId {
    RunId::new(1_700_000_000_000, [7; 10])
}

/// A finished run of `trials` trials, each with `agents` agents that said they numbered `intervals` intervals.
pub(in crate::assemble) fn record(trials: u32, agents: usize, intervals: u64) -> RunRecord {
    let part = |number| AgentPart {
        id: agent_id(number),
        name: AgentName::new(format!("a{number}")).unwrap(),
        labels: BTreeMap::new(),
        fingerprint: Fingerprint::default(),
        clock_offset_us: Some(1.5),
        clock_error_us: Some(20.0),
        intervals_reported: Some(intervals),
    };
    let trial = |index| TrialRecord {
        trial: TrialIndex(index),
        attempt: 0,
        agents: (0..agents).map(part).collect(),
        started_at_ms: Some(1_700_000_001_000),
        agents_planned: None,
        cells: Vec::new(),
        observers: Vec::new(),
        is_complete: true,
        start_skew_us: Some(80.0),
        start_skew_error_us: Some(20.0),
        findings: Vec::new(),
    };
    let planned = |index| PlannedTrial {
        index: TrialIndex(index),
        variant: VariantIndex(0),
        block: index,
        order: 0,
        cells: Vec::new(),
    };
    let plan = Plan {
        profiled: Vec::new(),
        seed: 42,
        variants: vec![Variant { name: "default".to_owned(), parameters: BTreeMap::new() }],
        trials: (0..trials).map(planned).collect(),
        agents: Some(agents as u32),
    };
    let (name, toml) = (Name::new("session").unwrap(), "name = \"session\"".to_owned());
    RunRecord {
        state: RunState::Finished,
        started_at_ms: Some(1_700_000_000_500),
        finished_at_ms: Some(1_700_000_030_000),
        fleetmark_version: "0.1.0".to_owned(),
        trials: (0..trials).map(trial).collect(),
        ..RunRecord::submitted(run_id(), name, toml, plan, 1_700_000_000_000)
    }
}

pub(in crate::assemble) fn encoded(values: &[u64]) -> EncodedHistogram {
    EncodedHistogram::encode(&of(values))
}

pub(in crate::assemble) fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

pub(in crate::assemble) fn operation(index: u16, latencies: &[u64], timeouts: u64) -> OperationInterval {
    let ended = latencies.len() as u64 + timeouts;
    OperationInterval {
        operation: OperationIndex(index),
        scheduled: ended,
        sent: ended,
        errors: if timeouts > 0 { BTreeMap::from([(ErrorKind::Timeout, timeouts)]) } else { BTreeMap::new() },
        error_samples: (0..timeouts)
            .map(|_| ErrorSample::new(ErrorKind::Timeout, "no answer within 10 s"))
            .collect(),
        bytes_sent: 10 * ended,
        latency: (!latencies.is_empty()).then(|| encoded(latencies)),
        failed: (timeouts > 0).then(|| encoded(&vec![10 * SECOND_NS; timeouts as usize])),
        ..OperationInterval::default()
    }
}

/// What an interval tells of a metric with these values, in `ns`.
pub(in crate::assemble) fn metric(kind: MetricKind, values: &[f64]) -> MetricInterval {
    let mut summary = Summary::default();
    assert!(values.iter().all(|value| summary.record(*value)));
    let whole: Vec<u64> = values.iter().map(|value| *value as u64).collect();
    let histogram = (kind == MetricKind::Histogram).then(|| encoded(&whole));
    MetricInterval { unit: "ns".to_owned(), kind, summary, histogram }
}

/// One measured second of one agent.
pub(in crate::assemble) fn interval(
    trial: u32,
    agent: usize,
    sequence: u64,
    operations: Vec<OperationInterval>,
) -> Interval {
    Interval {
        trial: TrialKey { run: run_id(), trial: TrialIndex(trial), attempt: 0 },
        agent: agent_id(agent),
        sequence: IntervalSequence(sequence),
        phase: Phase::Measured,
        start_ns: sequence * SECOND_NS,
        duration_ns: SECOND_NS,
        is_last: false,
        operations,
        engine: EngineSample { busiest_thread_cpu: Some(0.25), threads: 1, workers: 2, late_ns: 0 },
        host: None,
        fingerprint: None,
        observed: BTreeMap::new(),
        folded: None,
    }
}
