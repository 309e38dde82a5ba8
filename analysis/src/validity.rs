//! The table of gates that decide whether a trial counts. To add a gate: one function, one line of `GATES`.
//!
//! Rooms: [`mod@evidence`] (what is known of a trial), [`expectation`] (what must be reported), [`hosts`] (those that were not themselves), [`interference`] (what came between),
//! [`lateness`] (the generator's own), [`observed`] (what is watched beside the load).

mod evidence;
mod expectation;
mod hosts;
mod interference;
mod lateness;
mod observed;

use shared::finding::{Finding, FindingCode, Severity};
use shared::interval::RemarkKind;
use shared::job::{LoadModel, LossPolicy};
use shared::run_report::OperationReport;
use shared::units::human_ns;

pub use evidence::{AgentEvidence, Evidence};

/// Share of the planned agent-seconds that may lack: windows are cut by clocks, not by calipers.
const AGENT_SECONDS_TOLERANCE: f64 = 0.01;

/// From here on a load thread was not merely late, ns: the scheduler of a loaded host keeps a thread waiting for some tens
/// of milliseconds.
const STOOD_STILL_NS: u64 = 1_000_000_000;

/// From here on a wait for a worker is told, ns: below, it is lost in the answers' own spread.
const WORKER_WAIT_TOLD_NS: u64 = 1_000_000;

/// One way in which a trial may not count: says what it found, with the figures.
type Gate = fn(&Evidence<'_>) -> Vec<Finding>;

/// Every gate, in the order in which its findings are listed.
const GATES: &[Gate] = &[
    trial_not_run,
    intervals_missing,
    partly_covered,
    agent_stalled,
    nothing_measured,
    all_operations_failed,
    error_ratio_high,
    operations_unsent,
    operations_missing,
    histogram_overflowed,
    expectation::missed,
    other_machine,
    page_cache,
    teardown_failed,
    identical_measurements,
    generator_saturated,
    lateness::generator_late,
    hosts::steal_high,
    interference::throttled,
    interference::foreign_cpu,
    hosts::fingerprint_changed,
    hosts::nature,
    interference::frequency_fell,
    interference::swapped,
    interference::major_faults,
    interference::clock_stepped,
    observed::memory_grows,
    observed::not_observed,
    workers_exhausted,
    closed_model_blind,
];

/// All findings about a trial: those that the coordinator made while it ran, then those of the gates.
pub fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    evidence.record.findings.iter().cloned().chain(GATES.iter().flat_map(|gate| gate(evidence))).collect()
}

/// Whether a trial with these findings counts.
pub fn is_valid(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Invalid)
}

/// A program that describes its machine, and describes another than its agent's.
fn page_cache(evidence: &Evidence<'_>) -> Vec<Finding> {
    let told = evidence.remarks.iter().filter(|remark| remark.kind == RemarkKind::PageCache);
    told.map(|remark| Finding::of_trial(FindingCode::PageCache, remark.text.clone())).collect()
}

fn teardown_failed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let told = evidence.remarks.iter().filter(|remark| remark.kind == RemarkKind::TeardownFailed);
    told.map(|remark| Finding::of_trial(FindingCode::TeardownFailed, remark.text.clone())).collect()
}

fn other_machine(evidence: &Evidence<'_>) -> Vec<Finding> {
    let told = evidence.remarks.iter().filter(|remark| remark.kind == RemarkKind::OtherMachine);
    told.map(|remark| Finding::of_trial(FindingCode::OtherMachine, remark.text.clone())).collect()
}

fn trial_not_run(evidence: &Evidence<'_>) -> Vec<Finding> {
    // What the coordinator found already says why it did not run to its end.
    if evidence.record.is_complete || evidence.has_recorded(|finding| finding.severity == Severity::Invalid) {
        return Vec::new();
    }
    let message = match evidence.record.started_at_ms {
        Some(_) => "it was started, but ended before its time",
        None => "it was prepared, but never started",
    };
    vec![Finding::of_trial(FindingCode::TrialNotRun, message)]
}

fn intervals_missing(evidence: &Evidence<'_>) -> Vec<Finding> {
    let is_lost =
        |agent| evidence.has_recorded(|it| it.code == FindingCode::AgentLost && it.agent == Some(agent));
    let mut found: Vec<Finding> = Vec::new();
    for agent in evidence.agents {
        // An agent of a trial that never ended owes no intervals unless it said so itself.
        let is_owed = evidence.record.is_complete || agent.part.intervals_reported.is_some();
        if let Some(missing) = &agent.missing
            && is_owed
            && !is_lost(agent.part.id)
        {
            let message = format!("agent {}: {missing}", agent.part.name);
            found.push(Finding::of_agent(FindingCode::IntervalsMissing, agent.part.id, message));
        }
    }
    let coverage = evidence.coverage;
    if went_on_without_some(evidence) {
        return found;
    }
    if evidence.record.is_complete && coverage.agents_planned as usize > evidence.agents.len() {
        let message =
            format!("{} of {} planned agents took part", evidence.agents.len(), coverage.agents_planned);
        found.push(Finding::of_trial(FindingCode::IntervalsMissing, message));
    }
    if let Some(ratio) = coverage.agent_seconds_ratio
        && evidence.record.is_complete
        && found.is_empty()
        && ratio < 1.0 - AGENT_SECONDS_TOLERANCE
    {
        let message = format!("only {} of the planned measuring time is stored", percent(ratio));
        found.push(Finding::of_trial(FindingCode::IntervalsMissing, message));
    }
    found
}

/// A trial that went on after it had lost agents: every number of it covers less than was planned.
fn partly_covered(evidence: &Evidence<'_>) -> Vec<Finding> {
    if !evidence.record.is_complete || !went_on_without_some(evidence) {
        return Vec::new();
    }
    let coverage = evidence.coverage;
    let agents = format!("{} of {} agents", coverage.agents_finished, coverage.agents_planned);
    let time = coverage
        .agent_seconds_ratio
        .map_or_else(String::new, |ratio| format!(", {} of the planned agent-seconds", percent(ratio)));
    let message =
        format!("what was measured covers {agents}{time}; the lost agents' share of the load is missing");
    vec![suspect(FindingCode::AgentLost, message)]
}

/// Whether agents were lost, and the job wants the others to go on.
fn went_on_without_some(evidence: &Evidence<'_>) -> bool {
    evidence.job.fleet.on_agent_loss == LossPolicy::Continue
        && (evidence.coverage.agents_planned as usize > evidence.agents.len()
            || evidence.has_recorded(|it| it.code == FindingCode::AgentLost && it.agent.is_some()))
}

/// An agent that was stopped, suspended or starved: its own absence is in what it measured.
fn agent_stalled(evidence: &Evidence<'_>) -> Vec<Finding> {
    let stalled = evidence.agents.iter().filter(|agent| agent.stood_still_ns >= STOOD_STILL_NS);
    let finding = |agent: &AgentEvidence<'_>| {
        let message = format!(
            "agent {} stood still for {} or longer: it was stopped, suspended or starved, and its own absence is in what it measured",
            agent.part.name,
            human_ns(agent.stood_still_ns as f64)
        );
        Finding::of_agent(FindingCode::AgentStalled, agent.part.id, message)
    };
    stalled.map(finding).collect()
}

fn nothing_measured(evidence: &Evidence<'_>) -> Vec<Finding> {
    // A trial that did not run to its end says so by another finding.
    if !evidence.record.is_complete {
        return Vec::new();
    }
    if evidence.all().is_none_or(|all| all.count == 0) {
        let message = "no operation ended inside the measured window; it may be too short for one";
        return vec![Finding::of_trial(FindingCode::NothingMeasured, message)];
    }
    let silent = evidence.several().iter().filter(|operation| operation.count == 0);
    silent
        .map(|operation| {
            suspect(
                FindingCode::NothingMeasured,
                format!("no {} ended inside the measured window", operation.name),
            )
        })
        .collect()
}

fn all_operations_failed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let failed = evidence.all().filter(|all| has_only_failed(all));
    failed
        .map(|all| {
            Finding::of_trial(
                FindingCode::AllOperationsFailed,
                format!("all {} operations failed ({})", all.count, errors_in_words(all)),
            )
        })
        .into_iter()
        .collect()
}

/// The limit holds for all operations together; a single one above it casts doubt, since its share may be small.
fn error_ratio_high(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.error_ratio;
    let is_above = |operation: &OperationReport| operation.error_ratio.is_some_and(|ratio| ratio > limit);
    let describe = |operation: &OperationReport, subject: &str| {
        let ratio = percent(operation.error_ratio.unwrap_or_default());
        format!(
            "{ratio} of {subject} failed ({}); limits.error_ratio is {}",
            errors_in_words(operation),
            percent(limit)
        )
    };
    let Some(all) = evidence.all().filter(|all| !has_only_failed(all)) else {
        return Vec::new();
    };
    if is_above(all) {
        let message = describe(all, &format!("{} operations", all.count));
        return vec![Finding::of_trial(FindingCode::ErrorRatioHigh, message)];
    }
    let above = evidence.several().iter().filter(|operation| is_above(operation));
    above
        .map(|operation| {
            suspect(
                FindingCode::ErrorRatioHigh,
                describe(operation, &format!("{} {}", operation.count, operation.name)),
            )
        })
        .collect()
}

fn operations_unsent(evidence: &Evidence<'_>) -> Vec<Finding> {
    let unsent = evidence.all().map_or(0, |all| all.unsent);
    let message = || format!("{unsent} operations were due and had not begun when the drain ended");
    (unsent > 0).then(|| Finding::of_trial(FindingCode::OperationsUnsent, message())).into_iter().collect()
}

/// The plan is known, so that chance is no excuse: what was due was sent, or is told to be unsent.
fn operations_missing(evidence: &Evidence<'_>) -> Vec<Finding> {
    let missing = evidence.missing;
    let message = || {
        format!(
            "{missing} operations were scheduled and never sent, though nothing says that they were given up"
        )
    };
    (missing > 0).then(|| Finding::of_trial(FindingCode::OperationsMissing, message())).into_iter().collect()
}

fn identical_measurements(evidence: &Evidence<'_>) -> Vec<Finding> {
    let finding = |twin: &str| {
        let message = format!(
            "its measured times are those of {twin} to the last count: measuring twice does not give that, so one was copied, cached or replayed"
        );
        Finding::of_trial(FindingCode::IdenticalMeasurements, message)
    };
    evidence.twin.map(finding).into_iter().collect()
}

fn histogram_overflowed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let overflowed = evidence.overflowed;
    let message =
        || format!("{overflowed} values were above one hour or below zero, beyond what a histogram can tell");
    (overflowed > 0)
        .then(|| Finding::of_trial(FindingCode::HistogramOverflowed, message()))
        .into_iter()
        .collect()
}

/// Open: the plan could not be kept, so the numbers do not count. Closed: the generator may have been the limit.
fn generator_saturated(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limit = evidence.job.limits.generator_cpu;
    let severity = match evidence.job.load.model {
        LoadModel::Open => Severity::Invalid,
        LoadModel::Closed => Severity::Suspect,
    };
    let busy = evidence
        .agents
        .iter()
        .filter_map(|agent| Some((agent.part, agent.generator_cpu.filter(|cpu| *cpu > limit)?)));
    busy.map(|(part, cpu)| {
        let message = format!(
            "agent {}: its busiest load thread used {} of a core (limits.generator_cpu is {}), so fleetmark itself may be the limit",
            part.name,
            percent(cpu),
            percent(limit)
        );
        Finding { severity, ..Finding::of_agent(FindingCode::GeneratorSaturated, part.id, message) }
    })
    .collect()
}

fn workers_exhausted(evidence: &Evidence<'_>) -> Vec<Finding> {
    let wait = evidence.all().and_then(|all| all.worker_wait_ns.p99.or(all.worker_wait_ns.max));
    let message = |wait_ns: u64| {
        format!(
            "operations waited up to {} (p99) for a free worker, which counts as their latency; raise load.workers to see how much of that is the target's own",
            human_ns(wait_ns as f64)
        )
    };
    let told = wait.filter(|wait_ns| *wait_ns >= WORKER_WAIT_TOLD_NS);
    told.map(|wait_ns| Finding::of_trial(FindingCode::WorkersExhausted, message(wait_ns)))
        .into_iter()
        .collect()
}

fn closed_model_blind(evidence: &Evidence<'_>) -> Vec<Finding> {
    let message = "closed model: each worker waits for its answer before it sends again, so queueing does not show in the latencies";
    let is_closed = evidence.job.load.model == LoadModel::Closed;
    is_closed.then(|| Finding::of_trial(FindingCode::ClosedModelBlind, message)).into_iter().collect()
}

fn suspect(code: FindingCode, message: String) -> Finding {
    Finding { severity: Severity::Suspect, ..Finding::of_trial(code, message) }
}

fn has_only_failed(operation: &OperationReport) -> bool {
    operation.count > 0 && operation.latency_ns.count == 0
}

fn errors_in_words(operation: &OperationReport) -> String {
    operation.errors.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

/// A share with as many decimals as it takes to tell it from its limit.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent >= 10.0 { 1 } else { 3 };
    let text = format!("{percent:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}
