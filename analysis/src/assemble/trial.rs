//! One attempt at a trial as a whole: its agents merged, its coverage counted, its validity judged. Where its cells stand apart,
//! each is such a whole.

use std::collections::BTreeMap;

use shared::finding::{Finding, FindingCode};
use shared::histogram::EncodedHistogram;
use shared::host::Fingerprint;
use shared::ids::{AgentId, AgentName};
use shared::interval::Remark;
use shared::job::{Job, Window};
use shared::plan::PlannedTrial;
use shared::run_record::{AgentPart, RunRecord, TrialRecord};
use shared::run_report::{
    ALL_OPERATIONS, AgentReport, Coverage, MemoryReport, ObserverReport, OperationReport, Pair, TrialReport,
};

use super::cell::Cell;
use super::hosts::Hosts;
use super::metric_sums::MetricSums;
use super::subject::Subject;
use super::tally::Tally;
use super::twins::Twins;
use super::{plans, slowest};
use crate::validity::{self, AgentEvidence, Evidence};

/// What is known of the whole run, beside what one attempt measured.
pub(super) struct WholeRun<'a> {
    /// Its record.
    pub(super) record: &'a RunRecord,
    /// Trials that measured the same.
    pub(super) twins: Twins,
    /// What each agent's host was when it first measured.
    first_fingerprints: BTreeMap<&'a AgentName, &'a Fingerprint>,
}

impl<'a> WholeRun<'a> {
    /// What a record knows, and what stored intervals tell of an agent's host in an attempt.
    pub(super) fn new(
        record: &'a RunRecord,
        twins: Twins,
        told: &impl Fn(&TrialRecord, AgentId) -> Option<&'a Fingerprint>,
    ) -> Self {
        let mut first_fingerprints = BTreeMap::new();
        let parts = |trial: &'a TrialRecord| {
            let parts = trial.agents.iter().chain(&trial.observers);
            parts.map(move |part| (&part.name, told(trial, part.id).unwrap_or(&part.fingerprint)))
        };
        for (name, fingerprint) in record.trials.iter().flat_map(parts) {
            first_fingerprints.entry(name).or_insert(fingerprint);
        }
        Self { record, twins, first_fingerprints }
    }
}

/// One attempt, with what is needed to merge it further.
pub(super) struct AssembledTrial {
    /// Its report.
    pub(super) report: TrialReport,
    /// One tally per operation of the job, merged over agents, packed.
    pub(super) tallies: Vec<Tally>,
    /// The measured window: the longest agent's measured time.
    pub(super) window_ns: u64,
    /// The latencies behind the report's operations.
    pub(super) latencies: Vec<EncodedHistogram>,
    /// The same for each agent.
    pub(super) agent_latencies: Vec<Vec<EncodedHistogram>>,
    /// What each agent measured.
    pub(super) agent_sums: Vec<AgentSum>,
}

/// What an agent measured, in one trial or several.
pub(super) struct AgentSum {
    /// Its name.
    pub(super) name: AgentName,
    /// The pair in which it did, if it was one.
    pub(super) pair: Option<Pair>,
    /// One tally per operation of the job, packed.
    pub(super) tallies: Vec<Tally>,
    /// Its measured time.
    pub(super) window_ns: u64,
}

/// Operations as reported, the last one all of them merged when there are several.
pub(super) struct Operations {
    /// Their reports.
    pub(super) reports: Vec<OperationReport>,
    /// The latencies behind them.
    pub(super) latencies: Vec<EncodedHistogram>,
}

impl Operations {
    /// Reports one tally per operation of the job, with rates over `window_ns`.
    pub(super) fn of(job: &Job, tallies: &[Tally], window_ns: u64) -> Self {
        let named = job.workload.operations.iter().zip(tallies);
        let mut reports: Vec<_> =
            named.map(|(operation, tally)| tally.report(operation.name.as_str(), window_ns)).collect();
        let mut latencies: Vec<_> = tallies.iter().map(Tally::latency).collect();
        if tallies.len() > 1 {
            let mut all = Tally::default();
            for tally in tallies {
                all.merge(tally);
                // Operations may have different metrics: only those of one are open at once.
                all.pack();
            }
            reports.push(all.report(ALL_OPERATIONS, window_ns));
            latencies.push(all.latency());
        }
        Self { reports, latencies }
    }
}

/// Assembles one attempt: all agents together, or each of its cells apart. `cells` finds what an agent's stored intervals add
/// up to.
pub(super) fn assemble<'a>(
    run: &WholeRun<'_>,
    job: &Job,
    planned: &PlannedTrial,
    attempt: &TrialRecord,
    cells: &impl Fn(AgentId) -> Option<&'a Cell>,
) -> Vec<AssembledTrial> {
    let hosts = Hosts::of(attempt, cells);
    if attempt.cells.is_empty() {
        let twin = run.twins.of(attempt, &Subject::All);
        return vec![assemble_one(run, job, planned, attempt, twin, &hosts, cells)];
    }
    let apart = attempt.cells.iter().map(|cell| {
        let subject = Subject::from(cell);
        let twin = run.twins.of(attempt, &subject);
        let mut assembled = assemble_one(run, job, planned, &attempt.of_cell(cell), twin, &hosts, cells);
        (assembled.report.agent, assembled.report.pair) = (subject.agent(), subject.pair());
        assembled.agent_sums.iter_mut().for_each(|sum| sum.pair = subject.pair());
        // What is found of a whole cell is found of its agent.
        let findings = assembled.report.findings.iter_mut();
        findings
            .filter(|finding| finding.agent.is_none())
            .for_each(|finding| finding.agent = Some(cell.agent));
        assembled
    });
    apart.collect()
}

fn assemble_one<'a>(
    run: &WholeRun<'_>,
    job: &Job,
    planned: &PlannedTrial,
    attempt: &TrialRecord,
    twin: Option<&str>,
    hosts: &Hosts,
    cells: &impl Fn(AgentId) -> Option<&'a Cell>,
) -> AssembledTrial {
    let silent = Cell::new(job.workload.operations.len());
    let parts: Vec<(&AgentPart, &Cell)> =
        attempt.agents.iter().map(|part| (part, cells(part.id).unwrap_or(&silent))).collect();
    let tallies = merged(job, &parts);
    let window_ns = parts.iter().map(|(_, cell)| cell.measured_ns()).max().unwrap_or(0);
    let mut operations = Operations::of(job, &tallies, window_ns);
    let observed = attempt.agents.iter().chain(&attempt.observers).filter_map(|part| cells(part.id));
    add_observed(&mut operations, observed);
    let coverage = coverage(run.record, attempt, job, &parts);
    let remarks: Vec<Remark> = tallies.iter().flat_map(|tally| tally.remarks().iter().cloned()).collect();
    let observers: Vec<(&AgentPart, &Cell)> =
        attempt.observers.iter().map(|part| (part, cells(part.id).unwrap_or(&silent))).collect();
    let evidence = Evidence {
        job,
        record: attempt,
        operations: &operations.reports,
        coverage: &coverage,
        missing: tallies.iter().fold(0, |sum, tally| tally.missing().saturating_add(sum)),
        twin,
        remarks: &remarks,
        overflowed: tallies.iter().fold(0, |sum, tally| tally.overflowed().saturating_add(sum)),
        agents: &parts.iter().map(|(part, cell)| agent_evidence(run, part, cell, hosts)).collect::<Vec<_>>(),
        observers: &observers
            .iter()
            .map(|(part, cell)| agent_evidence(run, part, cell, hosts))
            .collect::<Vec<_>>(),
    };
    let mut findings = validity::findings(&evidence);
    findings.extend(observers.iter().filter_map(|(part, cell)| silent_observer(attempt, part, cell)));
    let count = operations.reports.last().map_or(0, |all| all.count);
    let (agents, agent_latencies) =
        parts.iter().map(|(part, cell)| agent(job, part, cell, hosts, count)).unzip();
    let report = TrialReport {
        block: planned.block,
        order: planned.order,
        attempt: attempt.attempt,
        valid: validity::is_valid(&findings),
        agent: None,
        pair: None,
        findings,
        start_skew_us: attempt.start_skew_us,
        start_skew_error_us: attempt.start_skew_error_us,
        coverage,
        operations: operations.reports,
        agents,
        observers: observers.iter().map(|(part, cell)| observer(part, cell, hosts, count)).collect(),
        slowest: slowest::of(job, attempt, &parts),
        plans: plans::of(job, &tallies),
    };
    let sum = |(part, cell): &(&AgentPart, &Cell)| AgentSum {
        name: part.name.clone(),
        pair: None,
        tallies: cell.tallies().to_vec(),
        window_ns: cell.measured_ns(),
    };
    let agent_sums = parts.iter().map(sum).collect();
    AssembledTrial {
        report,
        tallies,
        window_ns,
        latencies: operations.latencies,
        agent_latencies,
        agent_sums,
    }
}

/// What was fetched beside the load belongs to all operations: the last stands for them.
fn add_observed<'a>(operations: &mut Operations, cells: impl Iterator<Item = &'a Cell>) {
    let mut sums = MetricSums::default();
    cells.for_each(|cell| sums.merge(cell.observed()));
    if let Some(all) = operations.reports.last_mut() {
        for (name, metric) in sums.reports() {
            all.metrics.entry(name).or_insert(metric);
        }
    }
}

fn merged(job: &Job, parts: &[(&AgentPart, &Cell)]) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); job.workload.operations.len()];
    for (place, sum) in tallies.iter_mut().enumerate() {
        parts.iter().for_each(|(_, cell)| sum.merge(&cell.tallies()[place]));
        sum.pack();
    }
    tallies
}

fn coverage(record: &RunRecord, attempt: &TrialRecord, job: &Job, parts: &[(&AgentPart, &Cell)]) -> Coverage {
    let leased = parts.len() as u32;
    let agents_planned = attempt.agents_planned.or(record.plan.agents).unwrap_or(leased).max(leased);
    let measured_ns: f64 = parts.iter().map(|(_, cell)| cell.measured_ns() as f64).sum();
    let agent_seconds_ratio = match job.load.window {
        Window::For(window) => {
            let planned_ns = window.as_nanos() as f64 * f64::from(agents_planned);
            (planned_ns > 0.0).then(|| (measured_ns / planned_ns).min(1.0))
        }
        // How long a number of iterations takes is what is being measured.
        Window::Iterations(_) => None,
    };
    Coverage {
        agents_planned,
        agents_finished: parts.iter().filter(|(_, cell)| cell.is_finished()).count() as u32,
        intervals_planned: parts
            .iter()
            .try_fold(0_u64, |sum, (part, _)| Some(sum.saturating_add(part.intervals_reported?))),
        intervals_received: parts.iter().map(|(_, cell)| cell.intervals()).sum(),
        agent_seconds_ratio,
    }
}

fn agent_evidence<'a>(
    run: &WholeRun<'a>,
    part: &'a AgentPart,
    cell: &'a Cell,
    hosts: &Hosts,
) -> AgentEvidence<'a> {
    AgentEvidence {
        part,
        first_fingerprint: run.first_fingerprints.get(&part.name).copied().unwrap_or(&part.fingerprint),
        fingerprint: cell.fingerprint().unwrap_or(&part.fingerprint),
        changed: cell.differing(),
        frequencies_mhz: cell.frequencies_mhz(),
        memory_growth: cell.memory_growth(),
        generator_cpu: cell.generator_cpu(),
        stood_still_ns: cell.stood_still_ns(),
        missing: cell.missing(part),
        host: hosts.of_agent(part.id),
    }
}

fn agent(
    job: &Job,
    part: &AgentPart,
    cell: &Cell,
    hosts: &Hosts,
    count: u64,
) -> (AgentReport, Vec<EncodedHistogram>) {
    let operations = Operations::of(job, cell.tallies(), cell.measured_ns());
    let report = AgentReport {
        id: part.id,
        name: part.name.clone(),
        operations: operations.reports,
        clock_offset_us: part.clock_offset_us,
        clock_error_us: part.clock_error_us,
        generator_cpu: cell.generator_cpu(),
        workers_peak: cell.workers_peak(),
        host: hosts.of_agent(part.id),
        memory: memory(cell, count),
    };
    (report, operations.latencies)
}

fn observer(part: &AgentPart, cell: &Cell, hosts: &Hosts, count: u64) -> ObserverReport {
    ObserverReport {
        id: part.id,
        name: part.name.clone(),
        clock_offset_us: part.clock_offset_us,
        clock_error_us: part.clock_error_us,
        host: hosts.of_agent(part.id),
        memory: memory(cell, count),
    }
}

/// How the observed process's memory went, over so many operations of the whole trial.
fn memory(cell: &Cell, operations: u64) -> Option<MemoryReport> {
    let growth = cell.memory_growth()?;
    let grown_bytes = growth.slope * cell.measured_ns() as f64 / 1e9;
    Some(MemoryReport {
        slope_bytes_per_s: growth.slope,
        ci95: growth.interval,
        bytes_per_1000_operations: (operations > 0).then(|| grown_bytes * 1e3 / operations as f64),
    })
}

/// An observer of which something is missing, unless the coordinator has told that already.
fn silent_observer(attempt: &TrialRecord, part: &AgentPart, cell: &Cell) -> Option<Finding> {
    let missing = cell.missing(part)?;
    let is_told =
        attempt.findings.iter().any(|it| it.code == FindingCode::ObserverLost && it.agent == Some(part.id));
    let message = format!("observer {}: {missing}; what was measured stands", part.name);
    (!is_told && attempt.is_complete).then(|| Finding::of_agent(FindingCode::ObserverLost, part.id, message))
}
