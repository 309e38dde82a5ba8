//! What `[expect]` says must be reported, and was not.

use std::collections::BTreeSet;

use shared::finding::{Finding, FindingCode};
use shared::interval::RemarkKind;
use shared::metric::{MetricName, WORKLOAD_MEASURES};
use shared::run_report::{OperationReport, value_of};

use super::Evidence;

/// Most missing metrics that one sentence names, so that a suite can be gone through by it; more are counted.
const NAMED_MAX: usize = 50;

/// A finding for metrics that have no value, and one for a wrong number of them.
pub(super) fn missed(evidence: &Evidence<'_>) -> Vec<Finding> {
    // A trial that did not run to its end says so by another finding.
    if !evidence.record.is_complete {
        return Vec::new();
    }
    let messages = absent(evidence).into_iter().chain(miscounted(evidence));
    let last_words = last_words(evidence);
    messages.map(|message| Finding::of_trial(FindingCode::ExpectationMissed, message + &last_words)).collect()
}

/// What the programs said last that reported figures, if any did: the reason usually stands there.
fn last_words(evidence: &Evidence<'_>) -> String {
    let said = evidence.remarks.iter().find(|remark| remark.kind == RemarkKind::LastWords);
    said.map_or_else(String::new, |remark| format!("; the program's last words: {}", remark.text))
}

fn absent(evidence: &Evidence<'_>) -> Option<String> {
    let has_no_value = |metric: &&MetricName| value_in(evidence, metric).is_none();
    let absent: Vec<String> =
        evidence.job.expect.metrics.iter().filter(has_no_value).map(|metric| metric.to_string()).collect();
    if absent.is_empty() {
        return None;
    }
    let more = absent.len().saturating_sub(NAMED_MAX);
    let named = absent[..absent.len().min(NAMED_MAX)].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("nothing was reported of {named}{more}, which [expect] names"))
}

fn miscounted(evidence: &Evidence<'_>) -> Option<String> {
    let expected = evidence.job.expect.count?;
    let names: BTreeSet<&str> = evidence.operations.iter().flat_map(reported).collect();
    (names.len() as u64 != expected)
        .then(|| format!("{} distinct metrics were reported; [expect] says {expected}", names.len()))
}

/// The names of an operation's own metrics that have a value. What every program tells of itself is none of them, and neither is
/// a figure about a whole (`test_simple.median`, `suite.failed`): names of benchmarks hold no point.
fn reported(operation: &OperationReport) -> impl Iterator<Item = &str> {
    let is_own = |name: &str| !name.contains('.') && !WORKLOAD_MEASURES.contains(&name);
    let metrics = operation.metrics.iter();
    metrics.filter(move |(name, metric)| metric.count > 0 && is_own(name)).map(|(name, _)| name.as_str())
}

/// What hosts tell comes with each agent, everything else with operations.
fn value_in(evidence: &Evidence<'_>, metric: &MetricName) -> Option<f64> {
    match metric.measure.strip_prefix("host.") {
        Some(name) => {
            let mut hosts = evidence.agents.iter().map(|agent| agent.host.get(name));
            hosts.next()?.map(|host| host.mean)
        }
        None => value_of(evidence.operations, metric),
    }
}
